"""Cutting the pixels of a class into compact blocks that are apart from each other.

The pixels are cut by parallel lines into as many contiguous slabs as there are parts.
Between two slabs lies a strip ``buffer + 1`` pixels wide that is left unused; because a
projection never lengthens a distance, pixels of two slabs are at least that far apart.

Which way the lines run and where they lie is found by comparing many: the parts should be
as near as possible to the asked shares, measured by the part that comes out smallest
compared with what was asked for it. Lines across the longest direction of the pixels waste
least on the strips, so the slabs come out compact, not long and thin. The slabs keep the
order of the parts, so that validation lies between training and test and keeps these two
further apart; the seed chooses the end where training lies.
"""

from __future__ import annotations

import numpy as np

from mambahsi.split.parts import BUFFER, TRAIN

_FEWEST_TRAINING = 3
"""A class that would keep fewer training pixels is not cut."""

_DIRECTIONS = 8
"""Directions tried beside the longest one of the pixels, evenly spread."""

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
    if len(at) < _FEWEST_TRAINING + len(parts) - 1:
        return None
    turned = generator.random() < 0.5
    best, largest = None, 0.0
    for direction in _directions(at):
        # Rounding makes pixels that lie level compare as equal.
        along = np.round(at @ (-direction if turned else direction), 6)
        order = np.argsort(along, kind="stable")
        bounds, fulfilled = _best_bounds(along[order], shares, buffer + 1.0)
        # Rounding must not decide between directions that are equally good.
        if fulfilled > largest + 1e-9:
            best, largest = (order, bounds), fulfilled
    if best is None:
        return None
    order, bounds = best
    blocks = np.full(len(at), BUFFER, dtype=np.uint8)
    for part, (start, stop) in zip(parts, bounds, strict=True):
        blocks[order[start:stop]] = part
    return blocks if (blocks == TRAIN).sum() >= _FEWEST_TRAINING else None


def _directions(at: np.ndarray) -> np.ndarray:
    """Unit vectors to cut across, the longest direction of the pixels first; (n, 2)."""
    centered = at - at.mean(axis=0)
    _, axes = np.linalg.eigh(centered.T @ centered)
    angles = np.pi * np.arange(_DIRECTIONS) / _DIRECTIONS
    return np.vstack([axes[:, -1], np.column_stack([np.cos(angles), np.sin(angles)])])


def _best_bounds(
    places: np.ndarray, shares: np.ndarray, gap: float
) -> tuple[list[tuple[int, int]], float]:
    """First and last-plus-one position of each slab, and how well they fulfil the shares.

    The latter is the smallest, over the parts, of pixels got by pixels asked for; 0 where a
    part would be empty.
    """
    total = len(places)
    wanted = shares * total
    # A slab ends after pixels that lie level; in large clouds some of the ends are tried.
    ends = np.flatnonzero(np.diff(places) > 0) + 1
    if len(ends) > _PLACES:
        ends = ends[np.linspace(0, len(ends) - 1, _PLACES).astype(int)]
    # With a hair's breadth of tolerance, so that rounding does not cost a row of pixels.
    starts = np.searchsorted(places, places[ends - 1] + gap - 1e-5)
    if not len(ends):
        return [], 0.0
    first, last = ends / wanted[0], (total - starts) / wanted[-1]
    if len(shares) == 2:
        fulfilled = np.minimum(first, last)
        i = int(np.argmax(fulfilled))
        return [(0, int(ends[i])), (int(starts[i]), total)], float(fulfilled[i])
    middle = (ends[None, :] - starts[:, None]) / wanted[1]
    fulfilled = np.minimum(np.minimum(first[:, None], middle), last[None, :])
    i, j = divmod(int(np.argmax(fulfilled)), len(ends))
    bounds = [(0, int(ends[i])), (int(starts[i]), int(ends[j])), (int(starts[j]), total)]
    return bounds, float(fulfilled[i, j])
