"""Which block goes to which part, so that classes are in all parts and shares are met.

A block holds pixels of several classes, so a class's shares cannot be met one class at a time.
The cost of a deal is, summed over the classes: a large amount for every part that a class is
missing in, a smaller one for the pixels that a part falls short of a number it needs, and the
difference between the share of the class's pixels that each part has and the share that it
should have. Blocks are dealt in random order, each where the cost is then least, and moved
one by one as long as that lowers the cost.

All costs are whole numbers, so that a deal is the same on every machine.
"""

from __future__ import annotations

import numpy as np

_UNIT = 1_000_000
"""The cost of having a share wrong by all of a class's pixels."""

_MISSING = 16 * _UNIT
"""The cost of a class missing in the last of the parts; in earlier ones it is more."""

_SHORT = 4 * _UNIT
"""The cost of a part having none of the pixels it needs."""

_PASSES = 20
"""Moving blocks ends after so many rounds; it usually ends before."""


def deal(
    counts: np.ndarray,
    shares: np.ndarray,
    needs: np.ndarray,
    generator: np.random.RandomState,
) -> tuple[np.ndarray, int]:
    """The part of each block, and the cost.

    Args:
        counts: Pixels by block and class; int64, shape (blocks, classes).
        shares: Asked share of each part, with sum 1, the part that may least miss a class
            first; shape (parts,).
        needs: Pixels that each part needs of each class; int64, shape (parts, classes).
        generator: Chooses the order; a legacy generator, whose stream never changes.

    Returns:
        Position of each block's part in ``shares``, int64, and the cost.
    """
    size = counts.sum(axis=0)
    wanted = np.round(shares[:, None] * _UNIT).astype(np.int64)
    missing = _MISSING * 8 ** np.arange(len(shares))[::-1, None]

    def cost(got: np.ndarray, of: np.ndarray) -> np.ndarray:
        """Cost of having got pixels (..., parts, classes) of some classes."""
        total: np.ndarray = (
            (got == 0) * missing
            + np.maximum(needs[:, of] - got, 0) * _SHORT // np.maximum(needs[:, of], 1)
            + np.abs(got * _UNIT // size[of] - wanted)
        ).sum(axis=(-2, -1))
        return total

    dealt = np.full(len(counts), -1)
    got = np.zeros((len(shares), counts.shape[1]), dtype=np.int64)
    order = generator.permutation(len(counts))
    present = [np.flatnonzero(row) for row in counts]
    one_more = np.eye(len(shares), dtype=np.int64)[:, :, None]
    for _ in range(_PASSES + 1):
        moved = False
        for block in order:
            of = present[block]
            own = counts[block, of]
            without = got[:, of]
            if dealt[block] >= 0:
                without[dealt[block]] -= own
            costs = cost(without + one_more * own, of)
            best = int(np.argmin(costs))
            if dealt[block] < 0 or costs[best] < costs[dealt[block]]:
                got[:, of] = without
                got[best, of] += own
                dealt[block] = best
                moved = True
        if not moved:
            break
    there = np.flatnonzero(size)
    return dealt, int(cost(got[:, there], there))
