"""Which polygon goes to which part, so that the parts get about the asked shares of pixels.

Every part gets at least one polygon. Few polygons are divided in the best of all ways.
For many, several random orders are tried: each polygon in turn goes to the part that lacks
most, and the order that comes nearest wins. Random orders rather than sorted ones, so that
large and small polygons end up in every part.
"""

from __future__ import annotations

from itertools import product

import numpy as np

_FEW = 7
"""Up to this many polygons all divisions are compared: 3**7 = 2187."""

_ORDERS = 32


def assign_whole_polygons(
    sizes: np.ndarray, shares: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    """The part of each polygon, as a position in ``shares``.

    Args:
        sizes: Pixels of each polygon, at least as many polygons as parts; int.
        shares: Asked share of each part, with sum 1.
        generator: Chooses orders, and among equally good divisions.
    """
    if len(sizes) <= _FEW:
        return _best_of_all(sizes, shares, generator)
    best, smallest = np.empty(0, dtype=np.int64), np.inf
    for _ in range(_ORDERS):
        parts = _fill_in_order(sizes, shares, generator.permutation(len(sizes)))
        deviation = _deviation(parts[None], sizes, shares)[0]
        if deviation < smallest:
            best, smallest = parts, deviation
        # A pixel in each part is as near as whole numbers come.
        if smallest <= len(shares):
            break
    return best


def _best_of_all(
    sizes: np.ndarray, shares: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    ways = np.array(list(product(range(len(shares)), repeat=len(sizes))))
    occupied = np.all([(ways == part).any(axis=1) for part in range(len(shares))], axis=0)
    ways = ways[occupied]
    deviations = _deviation(ways, sizes, shares)
    best = np.flatnonzero(deviations <= deviations.min() + 1e-9)
    chosen: np.ndarray = ways[generator.choice(best)]
    return chosen


def _fill_in_order(sizes: np.ndarray, shares: np.ndarray, order: np.ndarray) -> np.ndarray:
    missing = shares * sizes.sum()
    parts = np.empty(len(sizes), dtype=np.int64)
    occupied = np.zeros(len(shares), dtype=bool)
    for turn, polygon in enumerate(order):
        # The last polygons are kept for parts that have none yet.
        left = len(order) - turn
        open_parts = ~occupied if left <= (~occupied).sum() else np.ones_like(occupied)
        part = int(np.argmax(np.where(open_parts, missing, -np.inf)))
        parts[polygon] = part
        missing[part] -= sizes[polygon]
        occupied[part] = True
    return parts


def _deviation(ways: np.ndarray, sizes: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """How many pixels the parts have too many or too few, summed, by way."""
    got = np.stack([(ways == part) @ sizes for part in range(len(shares))], axis=1)
    deviations: np.ndarray = np.abs(got - shares * sizes.sum()).sum(axis=1)
    return deviations
