"""What a classifier's scores say about a pixel: its probabilities, and how sure they are.

Every classifier gives *scores*, one for each class: the network its logits, others the
logarithms of their probabilities. The class of a pixel is that of its largest score. Its
probabilities are the softmax of the scores divided by the model's temperature (see
:mod:`mambahsi.calibration`), which is positive and so never changes the order of classes; the
class is taken from the scores all the same, so that not even rounding can change a map.

Three figures sum the probabilities up:

- *confidence*, the largest of them;
- *margin*, the largest less the second largest: 0 where two classes tie, 1 where one has all;
- *entropy*, Shannon's, divided by the logarithm of the number of classes: 0 where one class
  has all, 1 where all classes have the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Table = NDArray[np.floating[Any]]

_SMALLEST = float(np.finfo(np.float32).tiny)


def to_probabilities(scores: Table, temperature: float = 1.0) -> Table:
    """Probabilities of the classes: softmax of scores / temperature.

    Args:
        scores: (pixels, classes), finite.
        temperature: Above 0.

    Returns:
        Of the same shape and type; rows sum to 1.
    """
    shares = (scores - scores.max(axis=1, keepdims=True)) / scores.dtype.type(temperature)
    np.exp(shares, out=shares)
    shares /= shares.sum(axis=1, keepdims=True)
    return shares


def to_scores(probabilities: Table) -> Table:
    """Scores whose probabilities at temperature 1 are these: their logarithms.

    Args:
        probabilities: (pixels, classes), 0 to 1. One too small for a float of 32 bits, 0
            among them, counts as the smallest such number: a score has to be finite.

    Returns:
        Of the same shape and type.
    """
    scores: Table = np.log(np.maximum(probabilities, _SMALLEST))
    return scores


def margin(probabilities: Table) -> Table:
    """The largest probability less the second largest, 0 to 1; (pixels,).

    Args:
        probabilities: (pixels, classes), at least two classes.
    """
    two = np.partition(probabilities, -2, axis=1)[:, -2:]
    return two[:, 1] - two[:, 0]


def entropy(probabilities: Table) -> Table:
    """Shannon's entropy divided by the logarithm of the number of classes, 0 to 1; (pixels,).

    Args:
        probabilities: (pixels, classes), at least two classes.
    """
    terms = np.maximum(probabilities, _SMALLEST)
    np.log(terms, out=terms)
    terms *= probabilities
    share = terms.sum(axis=1) / -np.log(probabilities.shape[1])
    # Rounding of sums must not lead out of the range.
    return np.clip(share, 0, 1).astype(probabilities.dtype, copy=False)
