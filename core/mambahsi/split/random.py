"""The paper's protocol: random pixels of each class, wherever they lie.

Training and test pixels are neighbors then, which flatters the accuracy; it is here to
compare with published figures. The pixels drawn are the paper's, one for one: NumPy's
legacy generator is seeded, and class by class, in order, the row-major indices of its
pixels are shuffled in place.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from mambahsi.labels import LabelSet
from mambahsi.split.parts import PART_UNUSED, TEST, TRAIN, VALIDATION, Split, make_split


def split_random(labels: LabelSet, seed: int, train_pixels: int, validation_pixels: int) -> Split:
    """Divide labeled pixels at random, class by class.

    Of each class the first ``train_pixels`` shuffled pixels train, or half as many where the
    class has no more than ``train_pixels``; the next ``validation_pixels`` validate; all
    others test. (30 and 10 in the paper.)

    Args:
        labels: Labels on valid pixels.
        seed: Seed of ``numpy.random``, as the paper's code sets it.
        train_pixels: Training pixels per class.
        validation_pixels: Validation pixels per class.
    """
    # The stream of np.random.seed(seed), without touching the state that others share.
    generator = np.random.RandomState(seed)
    parts = np.full(labels.index.size, PART_UNUSED, dtype=np.uint8)
    flat = labels.index.ravel()
    # A stable sort keeps each class's indices in row-major order, in one pass for all classes.
    order = np.argsort(flat, kind="stable")
    ends = np.searchsorted(flat, np.arange(len(labels.table) + 1), sorter=order)
    for start, stop in pairwise(ends):
        pixels = order[start:stop].copy()
        generator.shuffle(pixels)
        train = train_pixels if len(pixels) > train_pixels else train_pixels // 2
        # A class of one pixel, and train_pixels = 1, must still train on something.
        train = max(1, train)
        parts[pixels[:train]] = TRAIN
        parts[pixels[train : train + validation_pixels]] = VALIDATION
        parts[pixels[train + validation_pixels :]] = TEST
    return make_split(
        parts.reshape(labels.index.shape),
        labels.index,
        labels.table,
        "random pixels",
        f"{train_pixels} random pixels of each class train (half as many in classes of no more "
        f"than that), {validation_pixels} validate, all others test; seed {seed}. Training and "
        "test pixels are neighbors, as in the paper, which flatters the accuracy.",
    )
