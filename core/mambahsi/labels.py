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
from mambahsi.rasterize import Burned, burn
from mambahsi.vectors import read_layer


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


@dataclass(frozen=True, eq=False)
class LabeledShapes:
    """Polygons and points of a layer, before they are pixels.

    Attributes:
        geometries: Valid polygons and points in pixel coordinates; object, shape (shapes,).
        classes: Class index of each; int64, shape (shapes,).
        polygons: Number of the polygon or point that each belongs to, as in
            :attr:`LabelSet.polygon`; int32, shape (shapes,).
        table: The classes.
        notes: What was left out or repaired, with counts; warnings for the user.
        logs: Facts worth keeping.
    """

    geometries: np.ndarray
    classes: np.ndarray
    polygons: np.ndarray
    table: ClassTable
    notes: list[str]
    logs: list[str]

    def burn(self, grid: Grid) -> Burned:
        """The shapes as pixels."""
        return burn(self.geometries, self.classes, grid.shape)

    def polygons_of(self, burned: Burned) -> np.ndarray:
        """Number of the polygon by pixel, as in :attr:`LabelSet.polygon`."""
        found: np.ndarray = np.where(burned.shape >= 0, self.polygons[burned.shape], -1)
        return found.astype(np.int32)


def narrow_notes(burned: Burned) -> list[str]:
    """How many polygons were too small or narrow to become pixels, if any."""
    if not burned.without_center:
        return []
    return [
        "Polygons smaller than a pixel or so narrow that they cover no pixel center, left out: "
        f"{burned.without_center}."
    ]


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
    shapes = read_shapes(source, grid, class_field, name_field, color_field, table)
    burned = shapes.burn(grid)
    notes = [*shapes.notes, *narrow_notes(burned)]
    if burned.disputed:
        notes.append(
            "Pixels where polygons or points of different classes overlap, left out: "
            f"{burned.disputed}."
        )
    # Training, validation and test may each have a layer, so say which this is about.
    name = source.name or Path(source.path).name
    notes = [f"{name}: {note}" for note in notes]
    for line in shapes.logs:
        feedback.log(f"{name}: {line}")
    for note in notes:
        feedback.warning(note)
    return LabelSet(burned.index, shapes.polygons_of(burned), shapes.table, notes)


def read_shapes(
    source: VectorSource,
    grid: Grid,
    class_field: str,
    name_field: str = "",
    color_field: str = "",
    table: ClassTable | None = None,
) -> LabeledShapes:
    """Read polygons and points in the pixel coordinates of a scene.

    Args and errors are those of :func:`read_labels`.
    """
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
    kept = classes >= 0
    shapes = to_pixel_shapes(replace(layer, geometries=layer.geometries[kept]), grid)
    return LabeledShapes(
        shapes.geometries,
        classes[kept][shapes.features],
        shapes.groups(),
        table,
        [*notes, *shapes.notes],
        [*logs, *shapes.logs],
    )


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
