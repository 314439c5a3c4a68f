"""The labels of a scene, read and checked.

A label map that is not what the catalog says would train a wrong model without anybody noticing,
so values outside of the scene's classes are refused, and counts that differ from the known ones are
told.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mambahsi.benchmark_scenes.catalog import BenchmarkScene
from mambahsi.benchmark_scenes.files import read_array
from mambahsi.benchmark_scenes.names import TRAINING
from mambahsi.benchmark_scenes.recognize import LabelMap, SceneFiles
from mambahsi.benchmark_scenes.roi import CONFLICT
from mambahsi.errors import LabelsError
from mambahsi.feedback import Feedback

PARTS = ("", "training", "test")
"""Names of the parts of an official split by their number; 0 is no part."""


@dataclass(frozen=True, eq=False)
class GroundTruth:
    """The labels of a scene.

    Attributes:
        values: Label values, 0 unlabeled; uint8 (rows, columns).
        parts: Which part of the official split a labeled pixel belongs to, an index into
            :data:`PARTS`; uint8 (rows, columns). None where there is no such split.
    """

    values: np.ndarray
    parts: np.ndarray | None = None


def read_ground_truth(files: SceneFiles, feedback: Feedback) -> GroundTruth:
    """Read the label map of a scene, or put it together from its training and its test map.

    Raises:
        LabelsError: A map holds something else than labels of this scene.
    """
    maps = [_read_map(files.scene, label_map) for label_map in files.labels]
    if len(maps) == 1:
        truth = GroundTruth(maps[0])
    else:
        truth = _merge(*maps, files=files, feedback=feedback)
    claimed = truth.values == CONFLICT
    if claimed.any():
        truth.values[claimed] = 0
        if truth.parts is not None:
            truth.parts[claimed] = 0
        feedback.warning(
            f"{int(claimed.sum()):,} pixels have two classes in the ground truth; they are dropped."
        )
    _tell_differences(files.scene, truth.values, feedback)
    return truth


def _read_map(scene: BenchmarkScene, label_map: LabelMap) -> np.ndarray:
    label = label_map.array.label
    values = np.squeeze(read_array(label_map.array))
    if values.dtype.kind == "f" and not (np.isfinite(values) & (values == np.floor(values))).all():
        raise LabelsError(
            f"Label map {label} holds fractions, NaN or infinite values.",
            "It may be a band of measurements; give the file of the ground truth.",
        )
    allowed = [0, *scene.classes.values.tolist()]
    if label_map.array.form == "roi":
        allowed.append(CONFLICT)
    found = np.unique(values)
    strange = found[~np.isin(found, allowed)]
    if strange.size:
        some = ", ".join(f"{value:g}" for value in strange[:5])
        more = f" and {strange.size - 5} more" if strange.size > 5 else ""
        raise LabelsError(
            f"Label map {label} holds values that are no class of {scene.title}: {some}{more}.",
            f"Its classes: {', '.join(map(str, scene.classes.values))}; 0 is unlabeled.",
        )
    if found.size == 1 and found[0] == 0:
        raise LabelsError(f"Label map {label} is empty: no pixel has a class.")
    return values.astype(np.uint8)


def _merge(
    training: np.ndarray, test: np.ndarray, *, files: SceneFiles, feedback: Feedback
) -> GroundTruth:
    in_training, in_test = training > 0, test > 0
    values = np.where(in_training, training, test)
    both = in_training & in_test
    values[both & (training != test)] = CONFLICT
    parts = np.where(in_training, PARTS.index(TRAINING), np.where(in_test, 2, 0)).astype(np.uint8)
    names = " and ".join(label_map.array.path.name for label_map in files.labels)
    feedback.log(
        f"The ground truth is put together from {names}: {int(in_training.sum()):,} training and "
        f"{int(in_test.sum()):,} test pixels. The field part of the polygons keeps this split."
    )
    if both.any():
        feedback.warning(
            f"{int(both.sum()):,} pixels are in the training and in the test map; "
            "they count as training."
        )
    return GroundTruth(values, parts)


def _tell_differences(scene: BenchmarkScene, values: np.ndarray, feedback: Feedback) -> None:
    """Say where classes have other numbers of pixels than is known of the scene."""
    counts = np.bincount(values.ravel(), minlength=256)
    missing = [c.name for c in scene.classes if not counts[c.value]]
    if missing:
        feedback.warning(f"Classes without any pixel: {', '.join(missing)}.")
    other = [
        f"{c.name} {counts[c.value]:,} instead of {scene.pixels[c.value]:,}"
        for c in scene.classes
        if c.value in scene.pixels and scene.pixels[c.value] != counts[c.value]
    ]
    labeled = int(counts[1:].sum())
    if other:
        feedback.warning(
            f"This is not the usual ground truth of {scene.title}. Labeled pixels: "
            f"{', '.join(other)}."
        )
    elif scene.labeled_pixels not in (None, labeled):
        feedback.warning(
            f"This is not the usual ground truth of {scene.title}: {labeled:,} labeled pixels "
            f"instead of {scene.labeled_pixels:,}."
        )
