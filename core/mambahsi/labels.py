"""Labels: polygons or points with a class, turned into labeled pixels of a scene.

What users draw is never clean. What can be put right or left out without changing what is
meant is: features without class or geometry, invalid geometries, polygons partly outside
or smaller than a pixel, a missing CRS, pixels that two classes claim. Each is counted and
told as a warning. What would make the result mean something else is refused with a
:class:`~mambahsi.errors.LabelsError`: a class without a pixel, a single class, labels that
lie somewhere else.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from mambahsi.class_values import build_class_table, match_classes, read_class_values
from mambahsi.classes import ClassTable
from mambahsi.errors import LabelsError
from mambahsi.feedback import Feedback
from mambahsi.grid import Grid
from mambahsi.jobs import VectorSource
from mambahsi.polygons import to_pixel_shapes
from mambahsi.rasterize import burn
from mambahsi.vectors import VectorLayer, read_layer


@dataclass(frozen=True, eq=False)
class LabelSet:
    """Labeled pixels of a scene.

    Attributes:
        index: Class index by pixel, 0 to n - 1, -1 unlabeled; int32, shape (rows, columns).
        polygon: Number of the polygon or point that labels the pixel, -1 unlabeled; parts
            of a feature that touch are one polygon; int32, shape (rows, columns).
        table: The classes.
        notes: What was left out or repaired, with counts; warnings for the user.
    """

    index: np.ndarray
    polygon: np.ndarray
    table: ClassTable
    notes: list[str] = field(default_factory=list)

    @property
    def counts(self) -> np.ndarray:
        """Labeled pixels by class; int64, shape (classes,)."""
        return np.bincount(self.index[self.index >= 0], minlength=len(self.table))

    def where(self, mask: np.ndarray) -> LabelSet:
        """These labels on the pixels of a mask only."""
        return replace(
            self,
            index=np.where(mask, self.index, -1).astype(np.int32),
            polygon=np.where(mask, self.polygon, -1).astype(np.int32),
        )


def read_labels(
    source: VectorSource,
    grid: Grid,
    class_field: str,
    name_field: str = "",
    color_field: str = "",
    feedback: Feedback | None = None,
    table: ClassTable | None = None,
) -> LabelSet:
    """Read polygons and points onto the grid of a scene.

    A pixel belongs to a polygon when its center does; a point labels the pixel that it lies
    in. Parts of multi-part features count as polygons of their own unless they touch.

    Args:
        source: The layer.
        grid: Grid of the scene.
        class_field: Field of integers or text that holds the class.
        name_field: Field with class names, or empty.
        color_field: Field with class colors, or empty.
        feedback: Told the warnings that :attr:`LabelSet.notes` keeps.
        table: Classes that the layer's are matched to, by original, value or name; None
            makes a table from the layer.

    Raises:
        LabelsError: The layer is missing or damaged, lacks a field, holds no class, no
            polygon and no point, none of the given classes, or lies outside the scene.
    """
    feedback = feedback or Feedback()
    wanted = [name for name in (class_field, name_field, color_field) if name]
    if not class_field:
        raise LabelsError("No class field is given.", "Name the field that holds the class.")
    layer = read_layer(source, wanted)
    notes: list[str] = []
    logs: list[str] = []
    if not len(layer.geometries):
        raise LabelsError(f"Labels {layer.label} have no features.", "Draw some polygons.")
    found = read_class_values(layer.fields[class_field], class_field, layer.label)
    if table is None:
        names, colors = layer.fields.get(name_field), layer.fields.get(color_field)
        table = build_class_table(found, names, colors, notes, logs)
        class_of = np.arange(len(table))
    else:
        class_of = match_classes(found, table, layer.label, notes)

    without_class = found.codes < 0
    if without_class.any():
        notes.append(f"Features without a class, left out: {int(without_class.sum())}.")
    classes = np.where(without_class, -1, class_of[found.codes])
    labels = _burn_layer(layer, classes, grid, table, notes, logs)
    # Training, validation and test may each have a layer, so say which this is about.
    name = source.name or Path(source.path).name
    labels = replace(labels, notes=[f"{name}: {note}" for note in labels.notes])
    for line in logs:
        feedback.log(f"{name}: {line}")
    for note in labels.notes:
        feedback.warning(note)
    return labels


def _burn_layer(
    layer: VectorLayer,
    classes: np.ndarray,
    grid: Grid,
    table: ClassTable,
    notes: list[str],
    logs: list[str],
) -> LabelSet:
    """Pixels of the features that have a class, with everything that is worth a warning."""
    kept = classes >= 0
    layer = replace(layer, geometries=layer.geometries[kept])
    shapes = to_pixel_shapes(layer, grid)
    burned = burn(shapes.geometries, classes[kept][shapes.features], grid.shape)
    notes.extend(shapes.notes)
    logs.extend(shapes.logs)
    if burned.without_center:
        notes.append(
            "Polygons smaller than a pixel or so narrow that they cover no pixel center, left "
            f"out: {burned.without_center}."
        )
    if burned.disputed:
        notes.append(
            "Pixels where polygons or points of different classes overlap, left out: "
            f"{burned.disputed}."
        )
    polygon = np.where(burned.shape >= 0, shapes.groups()[burned.shape], -1).astype(np.int32)
    return LabelSet(burned.index, polygon, table, notes)


def restrict(labels: LabelSet, valid: np.ndarray, feedback: Feedback | None = None) -> LabelSet:
    """The labels on valid pixels, checked to be enough to train on.

    Args:
        labels: Labels of the scene.
        valid: Valid pixels of the scene; bool, shape (rows, columns).
        feedback: Told how many labeled pixels are nodata.

    Raises:
        LabelsError: There is one class only, or a class is left without a pixel.
    """
    kept = labels.where(valid)
    if len(labels.table) < 2:
        names = ", ".join(labels.table.names)
        raise LabelsError(
            f"The labels have one class only ({names}).", "Label at least two classes."
        )
    before, after = labels.counts, kept.counts
    empty = [i for i, count in enumerate(after) if not count]
    if empty:
        named = "; ".join(
            f"{labels.table[i].name} (value {labels.table[i].value}: "
            + (f"all {before[i]} pixels are nodata in the scene)" if before[i] else "none at all)")
            for i in empty[:20]
        )
        raise LabelsError(
            f"{len(empty)} of {len(labels.table)} classes are left without a pixel: {named}.",
            "Draw larger polygons on valid pixels for them, or remove these classes. "
            + " ".join(labels.notes),
        )
    lost = int(before.sum() - after.sum())
    if lost:
        note = f"Labeled pixels that are nodata in the scene, left out: {lost} of {before.sum()}."
        kept = replace(kept, notes=[*kept.notes, note])
        if feedback is not None:
            feedback.warning(note)
    return kept
