"""Which polygon goes to which part, so that the parts are alike.

A part of small polygons says little about one of large ones: at edges and in small fields
pixels are mixed, and there are few of them in the middle. So parts should not only get the
asked shares of the pixels, but of large and of small polygons alike.

Many polygons are sorted by size and dealt from the largest on, so that of the k largest every
part holds its share of k give or take less than one, *for every k*. How far a part lacks that
is its lag, the share times k less what it holds. A part whose lag has come to 1 gets the next
polygon, else one whose lag is positive, at random. Before a polygon is dealt the lags have the
sum 1, so with three parts or two, none of them at -1 or below, no two can be at 1 at once, and
the bound holds to the end. (For any number of parts see Tijdeman 1980, "The chairman assignment
problem", doi:10.1016/0012-365X(80)90269-1.) From it follows, by summation by parts, that the
pixels of a part miss the asked share by fewer than the largest polygon has, in all and among
the polygons of any size or larger. Of several such deals the best is taken.

Few polygons are divided in the best of all ways. Best is, of those that come near the asked
shares, the one in which the parts' sizes are most alike.
"""

from __future__ import annotations

from itertools import product

import numpy as np

_FEW = 7
"""Up to this many polygons all divisions are compared: 3**7 = 2187."""

_DEALS = 32
_WORK = 2**18
"""Polygons times deals: very many polygons come out alike in any deal."""

NEAR = 0.02
"""Share of the pixels by which a division may miss the asked shares more than the nearest one."""


def assign_whole_polygons(
    sizes: np.ndarray, shares: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    """The part of each polygon, as a position in ``shares``.

    Args:
        sizes: Pixels of each polygon, at least one polygon; int. Where there are as many
            polygons as parts, every part gets one.
        shares: Asked share of each part, two or three with sum 1.
        generator: Chooses among polygons of one size, deals, and equally good divisions.
    """
    count = len(sizes)
    order = np.lexsort((generator.random(count), -sizes))
    if count <= _FEW:
        ways = _all_ways(count, len(shares))
    else:
        every = _shares_of_one(shares, count)
        deals = int(np.clip(_WORK // count, 1, _DEALS))
        ways = np.stack([_deal(every, generator.random(count)) for _ in range(deals)])
    deviation, difference = _judge(ways, sizes[order], shares)
    near = np.flatnonzero(deviation <= deviation.min() + NEAR * sizes.sum())
    least = difference[near].min()
    best = near[difference[near] <= least + 1e-9 * sizes.sum()]
    parts = np.empty(count, dtype=np.int64)
    parts[order] = ways[generator.choice(best)]
    return parts


def _all_ways(count: int, parts: int) -> np.ndarray:
    """All divisions that leave no part without a polygon, where that can be; (ways, count)."""
    ways = np.array(list(product(range(parts), repeat=count)))
    if count < parts:
        return ways
    occupied: np.ndarray = np.all([(ways == part).any(axis=1) for part in range(parts)], axis=0)
    return ways[occupied]


def _shares_of_one(shares: np.ndarray, count: int) -> np.ndarray:
    """The shares, none so small that it stands for less than one of so many polygons."""
    small = np.zeros(len(shares), dtype=bool)
    raised = shares
    while (raised * count < 1 - 1e-9).any():
        small |= raised * count < 1 - 1e-9
        rest = (1 - small.sum() / count) / shares[~small].sum()
        raised = np.where(small, 1 / count, shares * rest)
    return raised


def _deal(shares: np.ndarray, chances: np.ndarray) -> np.ndarray:
    """Parts of polygons in falling order of size, chosen by numbers from 0 to 1."""
    by_part = shares.tolist()
    lags = [0.0] * len(by_part)
    dealt = np.empty(len(chances), dtype=np.int64)
    for turn, chance in enumerate(chances.tolist()):
        lags = [lag + share for lag, share in zip(lags, by_part, strict=True)]
        most = max(lags)
        part = lags.index(most) if most >= 1 - 1e-9 else _drawn(lags, chance)
        lags[part] -= 1
        dealt[turn] = part
    return dealt


def _drawn(lags: list[float], chance: float) -> int:
    """A part with a positive lag, the larger the more probably."""
    weights = [lag if lag > 1e-9 else 0.0 for lag in lags]
    left = chance * sum(weights)
    for part, weight in enumerate(weights):
        left -= weight
        if left < 0:
            return part
    return weights.index(max(weights))


def _judge(
    ways: np.ndarray, sizes: np.ndarray, shares: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """How far divisions miss the shares, and how much the sizes in their parts differ.

    Args:
        ways: Part by division and polygon; int, shape (ways, polygons).
        sizes: Of the polygons, in falling order; int.
        shares: Asked share of each part.

    Returns:
        Pixels that the parts have too many or too few, summed; and the same among the polygons
        of a pixel's own size or larger, on average over all pixels. Both float64 (ways,).
    """
    total = sizes.sum()
    deviation = np.zeros(len(ways))
    difference = np.zeros(len(ways))
    for part, share in enumerate(shares):
        missed = np.abs(np.cumsum(((ways == part) - share) * sizes, axis=1))
        deviation += missed[:, -1]
        difference += missed @ (sizes / total)
    return deviation, difference
