"""What accuracy owes to space: how it falls with distance, and how sure it is.

Three things are asked of the test pixels, beyond how many are right.

*How far are they from training pixels, and does that matter?* A classifier that is right beside
its training pixels and wrong far from them will be wrong in most of the map. So accuracy is
told by distance to the nearest training pixel, of any class, from center to center.

*Do they lie in fields that were trained on?* Within a field pixels are alike beyond any buffer, so
accuracy is told for test pixels in fields in which others train, and for those in fields of their
own (:mod:`mambahsi.split.fields`). Only the latter is to be expected where nothing was trained on.

*How sure is the figure?* Pixels of one field are right or wrong together, so ten thousand test
pixels may tell no more than ten fields do, and the binomial interval is far too narrow. Here
the test pixels are cut into square blocks, and whole blocks are drawn with replacement, as many
as there are; the figure is computed of each resample, and the 2.5th and 97.5th percentile of
all are the ends of the interval (the percentile method: Efron and Tibshirani 1993, *An
Introduction to the Bootstrap*, chapter 13; resampling blocks of dependent data: Lahiri 2003,
*Resampling Methods for Dependent Data*, doi:10.1007/978-1-4757-3803-2). Pixels of a block stay
together, so what depends on each other within a block is no longer counted as independent;
what reaches beyond a block still is, so blocks should not be smaller than fields. The interval
is about other places like those tested, with this one model; how much another training would
differ is not in it. Few blocks make it too narrow (Cameron, Gelbach and Miller 2008,
doi:10.1162/rest.90.3.414), so with fewer than 20 there is none.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mambahsi.accuracy import Accuracy
from mambahsi.split import TEST, TRAIN, Split
from mambahsi.split.apart import distances
from mambahsi.split.parts import NEAR

RESAMPLES = 1000
SEED = 0
LEVEL = 0.95

FEWEST_BLOCKS = 20
"""A figure that rests on fewer blocks gets no interval."""

FEWEST_BLOCKS_OF_MEAN = 5
"""The mean over classes gets none if one of them lies in fewer blocks: it would hardly vary."""

_EDGES = (0, *NEAR, 20, 50, 100)
"""Ends of the bins of distance, in pixels; the last is open."""

_CHUNK = 4_000_000
"""Numbers that are drawn at a time."""


def stated_accuracy(
    accuracy: Accuracy | None, split: Split, predicted: np.ndarray, block_size: int
) -> dict[str, Any] | None:
    """The accuracy as a model file states it, with what :func:`spatial_accuracy` adds."""
    if accuracy is None:
        return None
    return {**accuracy.to_json(), **spatial_accuracy(split, predicted, block_size)}


def spatial_accuracy(split: Split, predicted: np.ndarray, block_size: int) -> dict[str, Any]:
    """Accuracy by distance and intervals, as plain values for model file and report.

    Args:
        split: The split.
        predicted: Class index by pixel, -1 where nothing is predicted; int (rows, columns).
        block_size: Rows and columns of the blocks that are resampled.

    Returns:
        ``by_distance``: a list of bins with ``above`` and ``up_to`` (pixels; None is open),
        ``pixels`` and ``accuracy``; ``by_field``, as :func:`accuracy_by_field` gives, or None
        where fields are not known; and ``intervals``, as :func:`block_intervals` gives.
    """
    tested = (split.parts == TEST) & (predicted >= 0)
    at = np.argwhere(tested)
    reference = split.index[tested]
    right = predicted[tested] == reference
    far = distances(at, np.argwhere(split.parts == TRAIN))
    names = [{"value": c.value, "name": c.name} for c in split.table]
    intervals = block_intervals(at, reference, right, len(split.table), block_size)
    per_class = [{**n, **row} for n, row in zip(names, intervals["per_class"], strict=True)]
    trained = split.trained_fields
    return {
        "by_distance": accuracy_by_distance(far, right),
        "by_field": None if trained is None else accuracy_by_field(trained[tested], right),
        "intervals": {**intervals, "per_class": per_class},
    }


def accuracy_by_distance(far: np.ndarray, right: np.ndarray) -> list[dict[str, Any]]:
    """Pixels and accuracy in bins of distance, without empty ones.

    Args:
        far: Distance of each test pixel to the nearest training pixel; float64 (pixels,).
        right: Whether each is classified as the reference says; bool, same shape.
    """
    number = np.searchsorted(_EDGES, far, side="left") - 1
    pixels = np.bincount(number, minlength=len(_EDGES))
    correct = np.bincount(number, weights=right, minlength=len(_EDGES))
    ends = [*_EDGES[1:], None]
    return [
        {"above": low, "up_to": high, "pixels": int(n), "accuracy": float(c / n)}
        for low, high, n, c in zip(_EDGES, ends, pixels, correct, strict=True)
        if n
    ]


def accuracy_by_field(trained: np.ndarray, right: np.ndarray) -> dict[str, dict[str, Any]]:
    """Pixels and accuracy in fields in which others train, and in fields of their own.

    Args:
        trained: Whether each test pixel lies in a field in which others train; bool (pixels,).
        right: Whether each is classified as the reference says; bool, same shape.

    Returns:
        ``trained`` and ``own``, each with ``pixels`` and ``accuracy`` (None without pixels).
    """
    return {
        name: {
            "pixels": int(here.sum()),
            "accuracy": float(right[here].mean()) if here.any() else None,
        }
        for name, here in (("trained", trained), ("own", ~trained))
    }


def block_intervals(
    at: np.ndarray, reference: np.ndarray, right: np.ndarray, classes: int, block_size: int
) -> dict[str, Any]:
    """Intervals of overall, average and producer's accuracy by a block bootstrap.

    The cost grows with the number of blocks, not of pixels.

    Args:
        at: Row and column of each test pixel; int, shape (pixels, 2).
        reference: Its class index; int, shape (pixels,).
        right: Whether it is classified as that; bool, same shape.
        classes: Number of classes.
        block_size: Rows and columns of a block in pixels; the grid starts at the corner.

    Returns:
        ``level``, ``block_size``, ``blocks``, ``resamples``, ``seed``; ``overall_accuracy`` and
        ``average_accuracy``: both ends, or None with too few blocks; ``per_class``: of each
        class ``blocks`` and ``producers_accuracy``.
    """
    _, block = np.unique(at // block_size, axis=0, return_inverse=True)
    blocks = int(block.max(initial=-1)) + 1
    cell = block.reshape(-1) * classes + reference
    total = np.bincount(cell, minlength=blocks * classes).reshape(blocks, classes)
    agreed = np.bincount(cell[right], minlength=blocks * classes).reshape(blocks, classes)
    within = (total > 0).sum(axis=0)
    overall, average, producers = _resampled(total.astype(float), agreed.astype(float))
    enough = blocks >= FEWEST_BLOCKS
    each = within[within > 0]
    all_spread = enough and len(each) > 0 and each.min() >= FEWEST_BLOCKS_OF_MEAN
    return {
        "level": LEVEL,
        "block_size": block_size,
        "blocks": blocks,
        "resamples": RESAMPLES,
        "seed": SEED,
        "overall_accuracy": _ends(overall) if enough else None,
        "average_accuracy": _ends(average) if all_spread else None,
        "per_class": [
            {
                "blocks": int(n),
                "producers_accuracy": _ends(producers[:, i]) if n >= FEWEST_BLOCKS else None,
            }
            for i, n in enumerate(within)
        ],
    }


def _resampled(total: np.ndarray, agreed: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Overall, average and producer's accuracy of each resample, NaN where undefined."""
    blocks, classes = total.shape
    overall, average = np.full(RESAMPLES, np.nan), np.full(RESAMPLES, np.nan)
    producers = np.full((RESAMPLES, classes), np.nan)
    if blocks < FEWEST_BLOCKS:
        return overall, average, producers
    generator = np.random.RandomState(SEED)
    step = max(1, _CHUNK // blocks)
    for start in range(0, RESAMPLES, step):
        rows = slice(start, min(start + step, RESAMPLES))
        drawn = generator.multinomial(blocks, np.full(blocks, 1 / blocks), rows.stop - start)
        of, right = drawn @ total, drawn @ agreed
        overall[rows] = right.sum(axis=1) / of.sum(axis=1)
        np.divide(right, of, out=producers[rows], where=of > 0)
        present = of > 0
        average[rows] = np.where(present, producers[rows], 0).sum(axis=1) / present.sum(axis=1)
    return overall, average, producers


def _ends(figures: np.ndarray) -> list[float]:
    tail = (1 - LEVEL) / 2
    low, high = np.nanquantile(figures, [tail, 1 - tail])
    return [float(low), float(high)]
