"""The default split: training and test pixels lie apart from each other.

Where a class has as many polygons as there are parts, whole polygons go to one part each, so
that the parts are alike in number and sizes of their polygons (:mod:`mambahsi.split.whole`).
A polygon that is so much larger than all others of its class that no other is like it
(:mod:`mambahsi.split.peers`) is cut into compact blocks with unused pixels between them
(:mod:`mambahsi.split.cut`), and so are all pixels of a class that has fewer polygons than there
are parts. Where that fails, such a polygon stays whole, and such a class trains only and is not
tested.

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
from mambahsi.split.peers import without_peers
from mambahsi.split.sample import Sample
from mambahsi.split.whole import assign_whole_polygons

_PARTS = {"train": TRAIN, "validation": VALIDATION, "test": TEST}

_KEPT = 0.5
"""A polygon is not cut where a part would get less than this of its share of it."""


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
    whole = cut = undivided = large = 0
    for start, stop in pairwise(ends):
        pixels = order[start:stop]
        at = np.column_stack(np.unravel_index(pixels, labels.index.shape))
        polygons = labels.polygon.ravel()[pixels]
        if len(np.unique(polygons)) >= len(parts):
            divided[pixels], more = _divide_polygons(
                at, polygons, wanted, buffer, numbers, generator
            )
            whole += 1
            large += more
            continue
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
    if large:
        how += (
            f". Polygons far larger than all others of their class, cut into blocks: {large}, or "
            "small polygons alone would be tested"
        )
    return finish(
        divided.reshape(labels.index.shape),
        labels,
        "spatial",
        f"Of {len(labels.table)} classes: {how}. Asked shares: {percent}; seed {seed}.",
        buffer,
        sample,
        np.random.RandomState(seed),
    )


def _divide_polygons(
    at: np.ndarray,
    polygons: np.ndarray,
    shares: np.ndarray,
    buffer: int,
    numbers: np.ndarray,
    generator: np.random.Generator,
) -> tuple[np.ndarray, int]:
    """Part of each pixel of a class with enough polygons, and how many polygons were cut.

    Args:
        at: Row and column of each pixel; int, shape (pixels, 2).
        polygons: Number of each pixel's polygon; int, shape (pixels,).
        shares: Asked share of each part, with sum 1.
        buffer: Unused pixels between parts.
        numbers: Part number of each share; uint8.
        generator: Chooses.
    """
    _, polygons, sizes = np.unique(polygons, return_inverse=True, return_counts=True)
    divided = np.empty(len(polygons), dtype=np.uint8)
    whole = np.ones(len(sizes), dtype=bool)
    for polygon in np.flatnonzero(without_peers(sizes, len(shares))):
        inside = polygons == polygon
        blocks = cut_into_blocks(at[inside], shares, buffer, numbers, generator)
        if blocks is None:
            continue
        kept = np.array([(blocks == number).sum() for number in numbers])
        if (kept >= _KEPT * shares * sizes[polygon]).all():
            divided[inside] = blocks
            whole[polygon] = False
    rest = whole[polygons]
    parts = np.zeros(len(sizes), dtype=np.int64)
    parts[whole] = assign_whole_polygons(sizes[whole], shares, generator)
    divided[rest] = numbers[parts[polygons[rest]]]
    return divided, int((~whole).sum())
