"""Square blocks of the scene, dealt to training, validation and test.

A grid of square blocks is laid over the scene, with an offset drawn from the seed, and whole
blocks are dealt to the parts, so that every class is on all sides where possible and the
shares are met as well as possible (:mod:`mambahsi.split.deal`). A buffer is then kept between
the parts (:mod:`mambahsi.split.apart`). Unlike whole polygons, blocks know no fields: a large
field is divided, and small ones beside each other stay together, so that the number of pixels
given up to the buffer depends on the size of the blocks alone. Blocks should be larger than
the distance over which pixels resemble each other for no other reason than being neighbors;
see Roberts et al. 2017, "Cross-validation strategies for data with temporal, spatial,
hierarchical, or phylogenetic structure", Ecography 40, 913-929, doi:10.1111/ecog.02881.

Several offsets are drawn, and the first that leaves every class on all sides is taken, else
the best. With *folds* the blocks are dealt to so many equal parts instead: one is the test
part, and the blocks of all others are dealt to training and validation. All folds of a seed
are made from the same deal, so that together they test every block once.

A class that lies in a single block, or has too few pixels for the buffer, trains only and is
reported as not tested.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from mambahsi.labels import LabelSet
from mambahsi.split.apart import FEWEST_TRAINING
from mambahsi.split.deal import deal
from mambahsi.split.finish import finish
from mambahsi.split.parts import PART_NAMES, PART_UNUSED, TEST, TRAIN, VALIDATION, Split
from mambahsi.split.sample import Sample

_OFFSETS = 24
"""Offsets of the grid that are tried."""

_WORK = 4_000_000
"""Labeled pixels times offsets: of very many labels fewer offsets are tried."""

_PARTS = np.array([TRAIN, TEST, VALIDATION], dtype=np.uint8)
"""In the order in which a class may least be missing."""


@dataclass(frozen=True)
class Folds:
    """One of several divisions that together test every block once.

    Attributes:
        count: Number of folds, at least 2.
        number: Which of them is the test part, from 0.
    """

    count: int
    number: int


def split_blocks(
    labels: LabelSet,
    seed: int,
    validation_share: float,
    test_share: float,
    buffer: int,
    block_size: int,
    folds: Folds | None = None,
    sample: Sample | None = None,
) -> Split:
    """Divide labeled pixels by blocks of the scene.

    Args:
        labels: Labels on valid pixels.
        seed: Draws the grid's offset, the order in which blocks are dealt, and the sample.
        validation_share: Share of a class's pixels that should validate.
        test_share: Share of a class's pixels that should test; not used with folds.
        buffer: Unused pixels between parts: pixels of two parts are at least ``buffer + 1``
            apart, from center to center.
        block_size: Rows and columns of a block in pixels.
        folds: Which fold this is, or None for one split by shares.
        sample: Use only so many training and validation pixels of each class, or None.

    Raises:
        ValueError: The shares leave nothing for training.
    """
    tested = 1 / folds.count if folds else test_share
    shares = np.array([1 - validation_share - tested, tested, validation_share])
    if shares[0] <= 0:
        raise ValueError(f"validation and test share leave nothing to train on: {shares[1:]}")
    generator = np.random.RandomState(seed)
    offsets = int(np.clip(_WORK // max(labels.counts.sum(), 1), 1, _OFFSETS))
    grids = [_Grid.of(labels, block_size, generator) for _ in range(offsets)]
    how = f"Blocks of {block_size} x {block_size} pixels are dealt to "
    if folds:
        how += f"{folds.count} folds; fold {folds.number} tests, of the others"
        asked = [TRAIN, VALIDATION]
    else:
        how += "the parts;"
        asked = [TRAIN, VALIDATION, TEST]
    by_part = dict(zip(_PARTS.tolist(), shares, strict=True))
    percent = ", ".join(f"{PART_NAMES[part]} {100 * by_part[part]:.0f} %" for part in asked)
    how += f" the shares asked of each class's pixels are: {percent}; seed {seed}."

    def finished(parts: np.ndarray, draws: np.random.RandomState) -> Split:
        _train_what_never_trains(parts, labels)
        return finish(parts, labels, "blocks", how, buffer, sample, draws)

    needs = _needs(labels.counts, sample)
    if folds:
        draws = np.random.RandomState([seed, folds.number])
        parts = _fold(grids, folds, shares, needs, generator, draws)
        return finished(parts, draws)
    best: tuple[tuple[list[int], int], Split] | None = None
    for grid in grids:
        dealt, cost = deal(grid.counts, shares, needs, generator)
        split = finished(grid.to_pixels(_PARTS[dealt]), generator)
        lacking = _lacking(split, needs)
        if best is None or (lacking, cost) < best[0]:
            best = (lacking, cost), split
        if not any(lacking):
            break
    assert best is not None  # At least one offset is tried.
    return best[1]


@dataclass(frozen=True, eq=False)
class _Grid:
    """A grid of blocks.

    Attributes:
        block: Position of each labeled pixel's block among those with labels, -1 unlabeled;
            int64, shape (rows, columns).
        counts: Pixels by block and class; int64, shape (blocks, classes).
    """

    block: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, labels: LabelSet, size: int, generator: np.random.RandomState) -> _Grid:
        """The grid with an offset drawn at random."""
        down, right = generator.randint(0, size, 2)
        rows, columns = labels.index.shape
        across = (columns + size - 1 + right) // size
        number = ((np.arange(rows) + down) // size)[:, None] * across + (
            np.arange(columns) + right
        ) // size
        labeled = labels.index >= 0
        _, position = np.unique(number[labeled], return_inverse=True)
        block = np.full(labels.index.shape, -1, dtype=np.int64)
        block[labeled] = position
        counts = np.zeros((position.max(initial=-1) + 1, len(labels.table)), dtype=np.int64)
        np.add.at(counts, (position, labels.index[labeled]), 1)
        return cls(block, counts)

    def to_pixels(self, parts: np.ndarray) -> np.ndarray:
        """Part of each pixel from the part of each block; uint8, shape (rows, columns)."""
        by_pixel = np.full(self.block.shape, PART_UNUSED, dtype=np.uint8)
        labeled = self.block >= 0
        by_pixel[labeled] = parts[self.block[labeled]]
        return by_pixel


def _needs(counts: np.ndarray, sample: Sample | None) -> np.ndarray:
    """Pixels that training, test and validation need of each class; int64 (3, classes)."""
    one = np.ones_like(counts)
    if sample is None:
        return np.stack([one * FEWEST_TRAINING, one, one])
    return np.stack([sample.training(counts), one, one * sample.validation])


def _lacking(split: Split, needs: np.ndarray) -> list[int]:
    """Classes untested, training pixels that classes lack, classes without validation."""
    training, test, validation = split.counts[:, _PARTS].T
    fewer = np.maximum(needs[0] - training, 0)
    return [int(n.sum()) for n in (test == 0, fewer, validation == 0)]


def _fold(
    grids: Iterable[_Grid],
    folds: Folds,
    shares: np.ndarray,
    needs: np.ndarray,
    generator: np.random.RandomState,
    draws: np.random.RandomState,
) -> np.ndarray:
    """Parts of one fold: the deal to folds is the same for all of them."""
    equal = np.full(folds.count, 1 / folds.count)
    best: tuple[int, _Grid, np.ndarray] | None = None
    for grid in grids:
        one = np.ones((folds.count, grid.counts.shape[1]), dtype=np.int64)
        dealt, cost = deal(grid.counts, equal, one, generator)
        if best is None or cost < best[0]:
            best = cost, grid, dealt
    assert best is not None  # At least one offset is tried.
    _, grid, dealt = best
    others = dealt != folds.number
    rest, _ = deal(grid.counts[others], shares[[0, 2]] / shares[[0, 2]].sum(), needs[[0, 2]], draws)
    parts = np.full(len(dealt), TEST, dtype=np.uint8)
    parts[others] = _PARTS[[0, 2]][rest]
    return grid.to_pixels(parts)


def _train_what_never_trains(parts: np.ndarray, labels: LabelSet) -> None:
    """A class without a training pixel, as in a single block that tests, trains only."""
    training = np.bincount(labels.index[parts == TRAIN], minlength=len(labels.table))
    for number in np.flatnonzero(training == 0):
        parts[labels.index == number] = TRAIN
