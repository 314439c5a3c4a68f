"""Polygons that are so much larger than the others of their class that no other is like them.

The parts of a split can be alike only where each can get a polygon of any size that matters.
Labels made from a map often have one forest of a thousand pixels and a hundred patches of
three: whichever part gets the forest, the others are made of patches, and what is found there
is not true of the forest. Such a polygon is therefore divided itself, into compact blocks
(:mod:`mambahsi.split.cut`), as the only polygon of a class would be.

A polygon matters if it holds more than a fifth of its class's pixels. It has no peers if fewer
polygons than there are parts, itself counted, are at least a quarter as large. Polygons that
people draw rarely differ so much, and then stay whole.
"""

from __future__ import annotations

import numpy as np

MATTERS = 0.2
"""Share of its class's pixels above which a polygon needs peers."""

PEER = 0.25
"""Share of a polygon's size from which on another one is its peer."""


def without_peers(sizes: np.ndarray, parts: int) -> np.ndarray:
    """Which polygons of a class can be in one part only, and have no like in the others.

    Args:
        sizes: Pixels of each polygon of the class; int.
        parts: Number of parts.

    Returns:
        bool, same shape.
    """
    rising = np.sort(sizes)
    peers = len(sizes) - np.searchsorted(rising, PEER * sizes)
    found: np.ndarray = (sizes > MATTERS * sizes.sum()) & (peers < parts)
    return found
