"""The test pixels, compared with what a classifier made of them."""

from __future__ import annotations

import numpy as np

from mambahsi.accuracy import Accuracy, confusion_matrix
from mambahsi.split import TEST, Split


def tested_accuracy(split: Split, predicted: np.ndarray) -> Accuracy | None:
    """How well a classifier does on the test pixels; to be asked once for each classifier.

    Args:
        split: Which pixels these are, and their classes.
        predicted: Class indices, at least of these pixels; int (rows, columns).

    Returns:
        None if there are no test pixels.
    """
    test = split.parts == TEST
    if not test.any():
        return None
    matrix = confusion_matrix(split.index[test], predicted[test], len(split.table))
    return Accuracy(matrix, split.table)
