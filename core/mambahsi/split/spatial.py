"""The default split: training and test pixels lie apart from each other.

Where a class has as many polygons as there are parts, whole polygons go to one part each
(:mod:`mambahsi.split.whole`). Where it has fewer, its pixels are cut into compact blocks
with unused pixels between them (:mod:`mambahsi.split.cut`). Where even that fails, all
pixels train and the class is not tested.

Polygons of different classes may touch, and so may polygons of one class that go to different
parts; so a buffer is then kept between the parts, whatever their class
(:mod:`mambahsi.split.apart`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from mambahsi.labels import LabelSet
from mambahsi.split.cut import cut_into_blocks
from mambahsi.split.finish import finish
from mambahsi.split.parts import PART_UNUSED, TEST, TRAIN, VALIDATION, Split
from mambahsi.split.sample import Sample
from mambahsi.split.whole import assign_whole_polygons

_PARTS = {"train": TRAIN, "validation": VALIDATION, "test": TEST}


def split_spatial(
    labels: LabelSet,
    seed: int,
    validation_share: float,
    test_share: float,
    buffer: int,
    parts: Sequence[str] = ("train", "validation", "test"),
    sample: Sample | None = None,
) -> Split:
    """Divide labeled pixels so that parts are apart.

    Args:
        labels: Labels on valid pixels.
        seed: Chooses among equally good divisions.
        validation_share: Share of a class's pixels that should validate.
        test_share: Share of a class's pixels that should test.
        buffer: Unused pixels between parts: pixels of two parts are at least ``buffer + 1``
            apart, from center to center.
        parts: The parts to make, in this order; training takes what the others leave.
        sample: Use only so many training and validation pixels of each class, or None.

    Raises:
        ValueError: The shares leave nothing for training.
    """
    shares = {"validation": validation_share, "test": test_share}
    asked = [shares[part] for part in parts if part != "train"]
    if sum(asked) >= 1:
        raise ValueError(f"validation and test share leave nothing to train on: {asked}")
    wanted = np.array([1 - sum(asked) if part == "train" else shares[part] for part in parts])
    numbers = np.array([_PARTS[part] for part in parts], dtype=np.uint8)
    generator = np.random.default_rng(seed)

    divided = np.full(labels.index.size, PART_UNUSED, dtype=np.uint8)
    flat = labels.index.ravel()
    order = np.argsort(flat, kind="stable")
    ends = np.searchsorted(flat, np.arange(len(labels.table) + 1), sorter=order)
    whole = cut = undivided = 0
    for start, stop in pairwise(ends):
        pixels = order[start:stop]
        _, polygons, sizes = np.unique(
            labels.polygon.ravel()[pixels], return_inverse=True, return_counts=True
        )
        if len(sizes) >= len(parts):
            divided[pixels] = numbers[assign_whole_polygons(sizes, wanted, generator)][polygons]
            whole += 1
            continue
        at = np.column_stack(np.unravel_index(pixels, labels.index.shape))
        blocks = cut_into_blocks(at, wanted, buffer, numbers, generator)
        if blocks is None:
            divided[pixels] = TRAIN
            undivided += 1
        else:
            divided[pixels] = blocks
            cut += 1
    percent = ", ".join(f"{name} {100 * w:.0f} %" for name, w in zip(parts, wanted, strict=True))
    ways = (
        (whole, "divided by whole polygons"),
        (cut, "cut into blocks"),
        (len(labels.table) - whole - cut, "not divided, since too small, and train only"),
    )
    how = "; ".join(f"{count} {way}" for count, way in ways if count)
    return finish(
        divided.reshape(labels.index.shape),
        labels,
        "spatial",
        f"Of {len(labels.table)} classes: {how}. Asked shares: {percent}; seed {seed}.",
        buffer,
        sample,
        np.random.RandomState(seed),
    )
