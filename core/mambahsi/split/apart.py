"""Keeping the parts of a split a buffer apart, and saying what that costs.

Every test pixel shall be at least ``buffer + 1`` pixels, from center to center, from every
training *and* every validation pixel (both shape the model: one its weights, the other the
choice among them), and every validation pixel as far from every training pixel. Where two
pixels are nearer, one of them is given up.

The asking part gives up: test pixels near training pixels first, then validation pixels near
training pixels, then test pixels near validation pixels. Training pixels are what a user has
fewest of, and what all classes depend on; of test pixels there are usually enough, and fewer
of them only widen an interval. The exception is a class that would lose *all* its pixels of a
part in this way, or more than a given share of them: then the pixels around those of its pixels
that lie furthest away are given up instead, around as many as possible without any class losing
more than half of its own pixels there, or being left fewer than three to train on. Where even
that is impossible, the class is lost to the part, and the split says so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from mambahsi.split.parts import BUFFER, TEST, TRAIN, VALIDATION

FEWEST_TRAINING = 3
"""A class is left at least so many training pixels, where it has them."""

_PAIRS = ((TEST, TRAIN), (VALIDATION, TRAIN), (TEST, VALIDATION))
"""The part that gives pixels up, and the part that they are too near to, in order."""


@dataclass(frozen=True, eq=False)
class Separated:
    """Parts that are a buffer apart.

    Attributes:
        parts: Part number by pixel; uint8, as given, with ``BUFFER`` where pixels are given up.
        cleared: Pixels given up so that a class is not lost to another part; bool, same shape.
    """

    parts: np.ndarray
    cleared: np.ndarray


def keep_apart(
    parts: np.ndarray, index: np.ndarray, buffer: int, kept_share: float = 0.0
) -> Separated:
    """Give up pixels until the parts are a buffer apart.

    Args:
        parts: Part number by pixel; uint8, shape (rows, columns).
        index: Class index by pixel, -1 unlabeled; int, same shape.
        buffer: Unused pixels between parts; 0 asks for nothing.
        kept_share: Share of a class's pixels of a part below which others give way; of 0 they
            do where it would keep none.
    """
    parts, cleared = parts.copy(), np.zeros(parts.shape, dtype=bool)
    reach = buffer + 1
    if buffer == 0:
        return Separated(parts, cleared)
    classes = int(index.max(initial=-1)) + 1
    for giving, staying in _PAIRS:
        at = np.argwhere(parts == giving)
        own = index[tuple(at.T)]
        gaps = distances(at, np.argwhere(parts == staying), reach + 1)
        far = np.bincount(own[gaps >= reach], minlength=classes)
        has = np.bincount(own, minlength=classes)
        least = np.maximum(np.ceil(kept_share * has), np.minimum(has, 1))
        for number in np.flatnonzero(far < least):
            mine = own == number
            furthest = at[mine][np.argsort(-gaps[mine], kind="stable")]
            _clear(parts, cleared, index, furthest, int(far[number]), staying, reach)
        gaps = distances(at, np.argwhere(parts == staying), reach + 1)
        parts[tuple(at[gaps < reach].T)] = BUFFER
    return Separated(parts, cleared)


def distances(points: np.ndarray, targets: np.ndarray, within: float = float("inf")) -> np.ndarray:
    """Distance of each point to the nearest target, in pixels from center to center.

    Args:
        points: Rows and columns; int, shape (points, 2).
        targets: Rows and columns; int, shape (targets, 2).
        within: Targets further away need not be found.

    Returns:
        Euclidean distances; float64, shape (points,); infinite without a target.
    """
    if not len(points) or not len(targets):
        return np.full(len(points), np.inf)
    found, _ = cKDTree(targets).query(points, distance_upper_bound=within)
    return np.asarray(found, dtype=np.float64)


def _clear(
    parts: np.ndarray,
    cleared: np.ndarray,
    index: np.ndarray,
    furthest: np.ndarray,
    enough: int,
    staying: int,
    reach: int,
) -> None:
    """Give up pixels of the staying part around as many of these pixels as may be kept.

    The first ``enough`` of them are kept anyway.
    """
    at = np.argwhere(parts == staying)
    own = index[tuple(at.T)]
    fewest = FEWEST_TRAINING if staying == TRAIN else 1
    has = np.bincount(own)
    keeps = np.maximum((has + 1) // 2, np.minimum(has, fewest))
    saved = len(furthest)
    while saved > enough:
        near = distances(at, furthest[:saved], reach + 1) < reach
        if (has - np.bincount(own[near], minlength=len(has)) >= keeps).all():
            parts[tuple(at[near].T)] = BUFFER
            cleared[tuple(at[near].T)] = True
            return
        saved //= 2
