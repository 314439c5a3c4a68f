"""Fields: labeled pixels of one class that touch, be it at corners.

Pixels of one field resemble each other far beyond any buffer: one crop, sown on one day, seen in
one light. So a test pixel in a field in which others train is an easier one than a test pixel in
a field of its own, however many pixels lie between; and only the latter is like the rest of the
map. Splits cut fields where a class has too few of them, blocks and random pixels cut them
anywhere.

Fields are found from the labels as pixels, not from the polygons: two polygons of one class that
touch are one field, whoever drew the line between them.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

_TOUCHING = np.ones((3, 3), dtype=bool)


def number_fields(index: np.ndarray) -> np.ndarray:
    """Number the fields of a label map.

    Args:
        index: Class index by pixel, -1 unlabeled; int (rows, columns).

    Returns:
        int32, same shape, from 1; 0 where nothing is labeled.
    """
    fields = np.zeros(index.shape, dtype=np.int32)
    count = 0
    for number, area in enumerate(ndimage.find_objects(index + 1), start=1):
        if area is not None:
            mask = index[area] == number - 1
            found, more = ndimage.label(mask, structure=_TOUCHING)
            fields[area][mask] = found[mask] + count
            count += more
    return fields


def in_fields_of(index: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """All labeled pixels of the fields in which some pixels lie.

    Args:
        index: Class index by pixel, -1 unlabeled; int (rows, columns).
        pixels: The pixels, labeled ones; bool, same shape.

    Returns:
        bool, same shape.
    """
    fields = number_fields(index)
    held = np.zeros(fields.max(initial=0) + 1, dtype=bool)
    held[fields[pixels]] = True
    held[0] = False
    found: np.ndarray = held[fields]
    return found
