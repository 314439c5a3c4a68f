"""Cutting the pixels of a class into compact blocks that are apart from each other.

The pixels are cut across their longest direction, the principal axis of the pixel cloud,
into as many contiguous slabs as there are parts. Between two slabs lies a strip of
``buffer + 1`` pixels' width that is left unused; because a projection never lengthens a
distance, pixels of two slabs are at least that far apart. Where the cuts go is found by
comparing many places: the parts should come as near as possible to the asked shares of all
pixels. The slabs keep the order of the parts, so that validation lies between training and
test and keeps these two further apart; the seed chooses the end where training lies.
"""

from __future__ import annotations

import numpy as np

from mambahsi.split.parts import BUFFER, TRAIN

_FEWEST_TRAINING = 3
"""A class that would keep fewer training pixels is not cut."""

_PLACES = 256
"""Places tried for each cut."""


def cut_into_blocks(
    at: np.ndarray,
    shares: np.ndarray,
    buffer: int,
    parts: np.ndarray,
    generator: np.random.Generator,
) -> np.ndarray | None:
    """The part of each pixel, or None where the pixels do not allow it.

    Args:
        at: Row and column of each pixel; int, shape (pixels, 2).
        shares: Asked share of each part, with sum 1.
        buffer: Unused pixels between parts.
        parts: Part number of each share, in the order of the slabs; uint8.
        generator: Chooses the end where the first part lies.
    """
    along = _along_principal_axis(at)
    if generator.random() < 0.5:
        along = -along
    order = np.argsort(along, kind="stable")
    places = along[order]
    bounds = _best_bounds(places, shares, buffer + 1.0)
    if bounds is None:
        return None
    blocks = np.full(len(at), BUFFER, dtype=np.uint8)
    for part, (start, stop) in zip(parts, bounds, strict=True):
        blocks[order[start:stop]] = part
    return blocks if (blocks == TRAIN).sum() >= _FEWEST_TRAINING else None


def _along_principal_axis(at: np.ndarray) -> np.ndarray:
    """Position of each pixel along the longest direction of the cloud, in pixels."""
    centered = at - at.mean(axis=0)
    _, axes = np.linalg.eigh(centered.T @ centered)
    # Rounding to a fine raster makes pixels that lie level compare as equal.
    along: np.ndarray = np.round(centered @ axes[:, -1], 6)
    return along


def _best_bounds(
    places: np.ndarray, shares: np.ndarray, gap: float
) -> list[tuple[int, int]] | None:
    """First and last-plus-one position of each slab in the sorted places."""
    total = len(places)
    # Slabs end after a group of level pixels; only some of the ends are tried in large clouds.
    ends = np.flatnonzero(np.diff(places) > 0) + 1
    if len(ends) > _PLACES:
        ends = ends[np.linspace(0, len(ends) - 1, _PLACES).astype(int)]
    # With a hair's breadth of tolerance, so that rounding does not cost a row of pixels.
    starts = np.searchsorted(places, places[ends - 1] + gap - 1e-5)
    fitting = starts < total
    ends, starts = ends[fitting], starts[fitting]
    if not len(ends):
        return None
    wanted = shares * total
    if len(shares) == 2:
        deviation = np.abs(ends - wanted[0]) + np.abs(total - starts - wanted[1])
        i = int(np.argmin(deviation))
        return [(0, int(ends[i])), (int(starts[i]), total)]
    middle = ends[None, :] - starts[:, None]
    deviations = (
        np.abs(ends - wanted[0])[:, None]
        + np.abs(middle - wanted[1])
        + np.abs(total - starts - wanted[2])[None, :]
    )
    deviations = np.where(middle > 0, deviations, np.inf)
    i, j = divmod(int(np.argmin(deviations)), len(ends))
    if not np.isfinite(deviations[i, j]):
        return None
    return [(0, int(ends[i])), (int(starts[i]), int(ends[j])), (int(starts[j]), total)]
