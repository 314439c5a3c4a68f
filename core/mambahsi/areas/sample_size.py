"""How many sample points, and how many in each stratum.

After Olofsson et al. (2014, doi:10.1016/j.rse.2014.02.015, section 5.1): the number follows from
the standard error that is wanted for overall accuracy (eq. 13, from Cochran 1977, eq. 5.25), and
rare classes get a fixed number of 50 to 100 points, so that their user's accuracy and area become
known at all, while the rest is shared in proportion to area.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mambahsi.jobs import JobError

Integers = NDArray[np.int64]


def sample_size(pixels: Integers, accuracies: NDArray[np.float64], standard_error: float) -> int:
    """Points needed for a standard error of overall accuracy.

    n = (sum W S)^2 / (S(O)^2 + sum W S^2 / N), with W a stratum's share, S^2 = U (1 - U) and U
    its expected user's accuracy (Olofsson et al., eq. 13). Cochran's formula is that of the
    best allocation for overall accuracy; with another one the standard error is a little larger.

    Args:
        pixels: Pixels of each stratum; shape (strata,).
        accuracies: Expected user's accuracy of each, 0 to 1; shape (strata,).
        standard_error: Standard error that overall accuracy is to have.
    """
    shares = pixels / pixels.sum()
    variances = accuracies * (1 - accuracies)
    wanted = standard_error**2 + float(shares @ variances) / float(pixels.sum())
    # Without rounding, errors in the last digit would make 100 points 101.
    return max(1, math.ceil(round(float(shares @ np.sqrt(variances)) ** 2 / wanted, 6)))


def allocate(pixels: Integers, size: int, rule: str, minimum: int) -> Integers:
    """Points of each stratum; never more than it has pixels.

    Args:
        pixels: Pixels of each stratum, each at least 1; shape (strata,).
        size: Points in all.
        rule: ``rare``: every class that its share would give fewer than ``minimum`` points
            gets that many, and the rest is shared in proportion; ``proportional``; ``equal``.
            Always at least two each.
        minimum: Fewest points of a class (rare).

    Raises:
        JobError: There are too few points for the rule.
    """
    fixed = _least_by_stratum(pixels, rule, minimum)
    if fixed.sum() > size:
        raise JobError(
            f"Field size: {size} points are fewer than the {int(fixed.sum())} that "
            f"{len(pixels)} classes need, with at least {int(fixed.max())} each.",
            "Ask for more points, or for fewer of every class (minimum).",
        )
    if rule == "equal":
        return _shared(np.ones(len(pixels)), pixels, size)
    shares: NDArray[np.float64] = pixels.astype(np.float64)
    rare = np.zeros(len(pixels), dtype=bool)
    # Points for a rare class are taken from the others, which may become rare thereby.
    while not rare.all():
        left = size - int(fixed[rare].sum())
        short = ~rare & (left * shares < fixed * shares[~rare].sum())
        if not short.any():
            break
        rare |= short
    counts = np.where(rare, fixed, 0)
    others = ~rare
    counts[others] = _shared(shares[others], pixels[others], size - int(counts.sum()))
    return counts


def least(pixels: Integers, rule: str, minimum: int) -> int:
    """The smallest number of points that :func:`allocate` takes."""
    return int(_least_by_stratum(pixels, rule, minimum).sum())


def _least_by_stratum(pixels: Integers, rule: str, minimum: int) -> Integers:
    """A single point would leave the standard error unknown, so it is two at least."""
    return np.minimum(pixels, max(2, minimum) if rule == "rare" else 2)


def _shared(shares: NDArray[np.float64], most: Integers, size: int) -> Integers:
    """Whole numbers in proportion to shares, by largest remainder, none above ``most``."""
    counts = np.zeros(len(shares), dtype=np.int64)
    open_ = np.ones(len(shares), dtype=bool)
    size = min(size, int(most.sum()))
    while open_.any():
        exact = (size - counts[~open_].sum()) * shares[open_] / shares[open_].sum()
        whole = np.floor(exact).astype(np.int64)
        rest = int(size - counts[~open_].sum() - whole.sum())
        whole[np.argsort(whole - exact, kind="stable")[:rest]] += 1
        counts[open_] = whole
        over = open_ & (counts > most)
        if not over.any():
            break
        counts[over] = most[over]
        open_ &= ~over
    return counts
