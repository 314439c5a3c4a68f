"""Giving small regions to their neighbors until a map has a minimum mapping unit.

A region below the minimum is given to its largest neighbor, as in GDAL's sieve filter. But
the smallest go first, in steps of a doubling size, and what has grown together counts as one: so
a field that single pixels cut into small pieces is put together again before anything could
swallow the pieces. It goes on until no region is below the minimum but those that have no
neighbor at all, surrounded by nodata. Where two neighbors are of one size, the one with the
earlier first pixel is taken.

Only regions and the pairs that touch are looked at, never pixels. A region of at least the
minimum never loses a pixel or its class.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mambahsi import cancellation
from mambahsi.regions.labeling import Regions, components, contract

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

_ROUNDING = 1e-9
"""Relative error of sums of areas, by which no region is below the minimum."""


def merge_small(regions: Regions, minimum: float, unit: str) -> tuple[Regions, Integers]:
    """Merge regions until all are of a minimum size.

    Args:
        regions: The regions.
        minimum: Smallest size that remains.
        unit: Of the minimum, ``pixels`` or ``hectares``.

    Returns:
        The remaining regions, numbered by their first pixel, and for each former region the
        number of that which it is part of; int64, (former regions,).

    Raises:
        Cancelled: The user asked to stop.
    """
    part_of = np.arange(len(regions.values))
    for level in _levels(_sizes(regions, unit), minimum * (1 - _ROUNDING)):
        while True:
            cancellation.raise_if_requested()
            step = _round(regions, _sizes(regions, unit), level)
            if step is None:
                break
            regions, component = step
            part_of = component[part_of]
    return regions, part_of


def are_small(regions: Regions, minimum: float, unit: str) -> NDArray[np.bool_]:
    """Which regions are below a minimum."""
    small: NDArray[np.bool_] = _sizes(regions, unit) < minimum * (1 - _ROUNDING)
    return small


def _sizes(regions: Regions, unit: str) -> Floats:
    return regions.hectares if unit == "hectares" else regions.pixels.astype(np.float64)


def _levels(sizes: Floats, minimum: float) -> Iterator[float]:
    """Doubling sizes from the smallest region's to the minimum."""
    level = 2 * float(sizes.min())
    while 0 < level < minimum:
        yield level
        level *= 2
    yield minimum


def _round(regions: Regions, sizes: Floats, level: float) -> tuple[Regions, Integers] | None:
    """Give every region below the level to its largest neighbor, all at once."""
    ends = np.concatenate([regions.edges, regions.edges[:, ::-1]])
    ends = ends[sizes[ends[:, 0]] < level]
    if not len(ends):
        return None
    number = len(sizes)
    component = components(_last_of_each(ends, sizes), number)
    # Along the way to the largest neighbor sizes only grow, so the largest of those that come
    # together gives them its class.
    members = np.stack([component, np.arange(number)], axis=1)
    values = regions.values[_last_of_each(members, sizes)[:, 1]]
    # What now is of one class and touches is one region.
    pairs = component[regions.edges]
    again = components(pairs[values[pairs[:, 0]] == values[pairs[:, 1]]], len(values))
    component = again[component]
    merged = np.zeros(int(again.max()) + 1, dtype=np.int64)
    merged[again] = values
    return contract(regions, component, merged), component


def _last_of_each(pairs: Integers, sizes: Floats) -> Integers:
    """Of the pairs with the same first number, that whose second is largest."""
    order = np.lexsort((-pairs[:, 1], sizes[pairs[:, 1]], pairs[:, 0]))
    pairs = pairs[order]
    is_last = np.ones(len(pairs), dtype=bool)
    is_last[:-1] = pairs[1:, 0] != pairs[:-1, 0]
    return pairs[is_last]
