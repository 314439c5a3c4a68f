"""The last steps that the spatial splits share: buffer, sample, and what was given up."""

from __future__ import annotations

import numpy as np

from mambahsi.labels import LabelSet
from mambahsi.split.apart import keep_apart
from mambahsi.split.parts import (
    BUFFER,
    PART_UNUSED,
    TEST,
    TRAIN,
    VALIDATION,
    Split,
    list_names,
    make_split,
)
from mambahsi.split.sample import Sample, draw

KEPT_SHARE = 0.25
"""A class that would keep a smaller share of a part makes pixels of others give way."""

_NAMES = {TRAIN: "training", VALIDATION: "validation", TEST: "test"}


def finish(
    parts: np.ndarray,
    labels: LabelSet,
    protocol: str,
    description: str,
    buffer: int,
    sample: Sample | None,
    generator: np.random.RandomState,
) -> Split:
    """Keep the parts a buffer apart, draw the sample, and make the split.

    Args:
        parts: Part number of each labeled pixel; uint8, shape (rows, columns).
        labels: The labels.
        protocol: Short name of how the pixels were divided.
        description: The same in a sentence.
        buffer: Unused pixels between parts.
        sample: How many training and validation pixels are used, or None for all.
        generator: Draws the sample.
    """
    # Around the few pixels of a sample little is lost, so nothing more need give way.
    separated = keep_apart(parts, labels.index, buffer, 0.0 if sample else KEPT_SHARE)
    kept = separated.parts
    if sample:
        # Pixels that make room for a class are not drawn.
        room = np.where(separated.cleared, BUFFER, parts).astype(np.uint8)
        kept = _sampled(room, labels, buffer, sample, generator)
        description += (
            f" Of these parts {sample.train} training pixels of each class are used (half as "
            f"many of a class of no more than that) and {sample.validation} validation pixels."
        )
    description += f" Parts are at least {buffer + 1} pixels apart, from center to center"
    given_up = {part: int(((parts == part) & (kept == BUFFER)).sum()) for part in _NAMES}
    lost = [f"{count} {_NAMES[part]}" for part, count in given_up.items() if count]
    description += f"; given up for that: {', '.join(lost)} pixels." if lost else "."
    notes = []
    asked = int((parts == TEST).sum())
    if given_up[TEST] * 2 > asked:
        notes.append(
            f"{given_up[TEST]} of {asked} test pixels lie too near to training or validation "
            "pixels and are given up. A smaller buffer, or larger blocks, leave more."
        )
    split = make_split(kept, labels.index, labels.table, protocol, description, notes)
    absent = [
        c.name for c, n in zip(labels.table, split.counts[:, VALIDATION], strict=True) if not n
    ]
    if absent and split.count(VALIDATION):
        split.notes.append(f"Without a validation pixel: {list_names(absent)}.")
    return split


def _sampled(
    parts: np.ndarray,
    labels: LabelSet,
    buffer: int,
    sample: Sample,
    generator: np.random.RandomState,
) -> np.ndarray:
    """Parts of which a sample is used, with the buffer around the pixels that are used."""
    training = sample.training(labels.counts)
    drawn = draw(parts, labels.index, TRAIN, training, generator)
    # Validation pixels are drawn from those that are far enough from training pixels.
    untested = np.where(drawn == TEST, PART_UNUSED, drawn)
    apart = keep_apart(untested, labels.index, buffer).parts
    validation = np.full_like(training, sample.validation)
    apart = draw(apart, labels.index, VALIDATION, validation, generator)
    apart = np.where(drawn == TEST, TEST, apart).astype(np.uint8)
    return keep_apart(apart, labels.index, buffer).parts
