"""Parts from separate layers: the surest way to an independent accuracy.

A layer of test polygons, drawn by someone else or surveyed in the field, is the only source
of the reported accuracy; a layer of validation polygons chooses the checkpoint. What is not
given as a layer is taken from the training labels by the spatial split.
"""

from __future__ import annotations

import numpy as np

from mambahsi.errors import LabelsError
from mambahsi.labels import LabelSet
from mambahsi.split.parts import PART_UNUSED, TEST, TRAIN, VALIDATION, Split, make_split
from mambahsi.split.spatial import split_spatial


def split_with_layers(
    labels: LabelSet,
    validation: LabelSet | None,
    test: LabelSet | None,
    seed: int,
    validation_share: float,
    test_share: float,
    buffer: int,
) -> Split:
    """Divide labeled pixels with one or two parts given by layers of their own.

    The parts are disjoint: a pixel that the test layer labels is for the test alone, and one
    that the validation layer labels is never trained on.

    Args:
        labels: Training labels on valid pixels.
        validation: Validation labels on valid pixels, with the same class table, or None.
        test: Test labels on valid pixels, with the same class table, or None.
        seed: See :func:`~mambahsi.split.split_spatial`.
        validation_share: Share taken from ``labels`` where no validation layer is given.
        test_share: Share taken from ``labels`` where no test layer is given.
        buffer: Unused pixels between training pixels and those that are taken from ``labels``. A
            layer of its own is used as it was drawn, however near it comes to other parts.

    Raises:
        LabelsError: A layer has no labeled pixel, or it leaves a class without a training
            pixel.
    """
    notes: list[str] = []
    taken = np.zeros(labels.index.shape, dtype=bool)
    given: list[tuple[int, LabelSet]] = []
    for part, name, layer in ((TEST, "test", test), (VALIDATION, "validation", validation)):
        if layer is None:
            continue
        kept = layer.where(~taken)
        if not kept.counts.any():
            raise LabelsError(
                f"The {name} layer has no labeled pixel on valid pixels of the scene"
                + (" that the test layer leaves." if taken.any() else "."),
                "Check that its polygons lie on valid pixels and cover pixel centers.",
            )
        shared = int((layer.index >= 0).sum() - (kept.index >= 0).sum())
        if shared:
            notes.append(f"Pixels in the test and the validation layer, test only: {shared}.")
        given.append((part, kept))
        taken |= kept.index >= 0
    remaining = labels.where(~taken)
    removed = int(labels.counts.sum() - remaining.counts.sum())
    if removed:
        notes.append(
            "Training pixels that are in the validation or test layer, too, removed from "
            f"training: {removed}."
        )
    lost = [c.name for c, n in zip(labels.table, remaining.counts, strict=True) if not n]
    if lost:
        raise LabelsError(
            f"Classes are left without a training pixel: {', '.join(lost)}. All their pixels "
            "are in the validation or test layer, too.",
            "Draw training polygons for them elsewhere.",
        )
    parts, description = _rest(
        remaining, validation, test, seed, validation_share, test_share, buffer
    )
    index = remaining.index.copy()
    for part, layer in given:
        labeled = layer.index >= 0
        parts[labeled] = part
        index[labeled] = layer.index[labeled]
    return make_split(parts, index, labels.table, "separate layers", description, notes)


def _rest(
    labels: LabelSet,
    validation: LabelSet | None,
    test: LabelSet | None,
    seed: int,
    validation_share: float,
    test_share: float,
    buffer: int,
) -> tuple[np.ndarray, str]:
    """Parts of the pixels that no layer claims, and the split in words."""
    if validation is not None and test is not None:
        parts = np.where(labels.index >= 0, TRAIN, PART_UNUSED).astype(np.uint8)
        return parts, "Validation and test pixels come from layers of their own; all others train."
    given, taken = ("Validation", "test") if test is None else ("Test", "validation")
    split = split_spatial(
        labels, seed, validation_share, test_share, buffer, parts=("train", taken)
    )
    return split.parts.copy(), (
        f"{given} pixels come from a layer of their own; {taken} pixels are taken from the "
        f"training labels. {split.description} That is between the parts of these labels: the "
        "layer's own pixels are used as they were drawn, however near."
    )
