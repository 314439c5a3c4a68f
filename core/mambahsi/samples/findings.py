"""What a colleague would point at, looking at somebody's training polygons.

Too few pixels; a class in one polygon, or in one corner; classes that claim the same pixels;
polygons where there is no data, that lie there twice, or that miss the scene. None of it stops a
training. Each finding is one sentence that names classes and says what to do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from mambahsi.classes import ClassTable
from mambahsi.grid import Grid
from mambahsi.labels import LabeledShapes, narrow_notes
from mambahsi.rasterize import Burned
from mambahsi.samples.reading import Spectra

FEW_PIXELS = 30
"""Training pixels of a class in the published protocol, and the usual least for statistics."""

CORNER = 1 / 3
"""Share of width and of height within which all samples of a class lie in one part."""

_LISTED = 8
"""Classes or pairs that one sentence names."""


@dataclass(frozen=True)
class Finding:
    """One thing to look at.

    Attributes:
        kind: Stable name: ``few``, ``bands``, ``single``, ``corner``, ``overlap``, ``nodata``,
            ``duplicates``, ``empty``, ``part`` or ``layer``.
        text: What it is, and what to do.
        classes: Values of the classes that it is about; empty for all.
    """

    kind: str
    text: str
    classes: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The finding as plain values."""
        return {"kind": self.kind, "text": self.text, "classes": list(self.classes)}


@dataclass(frozen=True, eq=False)
class Labeled:
    """Labels on the grid of a scene.

    Attributes:
        grid: The grid.
        shapes: Polygons and points.
        burned: The same as pixels.
        polygon: Number of the polygon by pixel, -1 unlabeled; int32, shape (rows, columns).
    """

    grid: Grid
    shapes: LabeledShapes
    burned: Burned
    polygon: np.ndarray

    @property
    def table(self) -> ClassTable:
        """The classes."""
        return self.shapes.table

    def polygons(self, where: np.ndarray) -> np.ndarray:
        """Polygons and points of each class that have a pixel in a mask; int64 (classes,)."""
        _, first = np.unique(self.polygon[where], return_index=True)
        return np.bincount(self.burned.index[where][first], minlength=len(self.table))


def find(labeled: Labeled, spectra: Spectra) -> list[Finding]:
    """Everything worth a word, the gravest first."""
    table = labeled.table
    pixels = np.bincount(spectra.classes, minlength=len(table))
    return [
        *_overlap(labeled),
        *_without_pixels(table, pixels),
        *_few(table, pixels, len(spectra.used)),
        *_single(table, labeled.polygons(spectra.valid)),
        *_corner(labeled, spectra),
        *_nodata(labeled, spectra),
        *_duplicates(labeled),
        *_layer(labeled),
    ]


def _without_pixels(table: ClassTable, pixels: np.ndarray) -> list[Finding]:
    chosen = np.flatnonzero(pixels == 0)
    if not chosen.size:
        return []
    text = (
        f"Without a usable pixel: {_names(table, chosen)}. Draw larger polygons on pixels with "
        "data, or remove the class: nothing can be trained on it."
    )
    return [Finding("empty", text, _values(table, chosen))]


def _few(table: ClassTable, pixels: np.ndarray, bands: int) -> list[Finding]:
    found = []
    few = np.flatnonzero((pixels > 0) & (pixels < FEW_PIXELS))
    if few.size:
        text = (
            f"Fewer than {FEW_PIXELS} pixels: {_names(table, few, pixels)}. Draw more polygons: a "
            "class must show how it varies, and some of its pixels are needed for the test."
        )
        found.append(Finding("few", text, _values(table, few)))
    below = np.flatnonzero((pixels >= FEW_PIXELS) & (pixels <= bands))
    if below.size:
        text = (
            f"No more pixels than the {bands} bands: {_names(table, below, pixels)}. How bands "
            "vary together is hardly known of these classes; more polygons at other places help."
        )
        found.append(Finding("bands", text, _values(table, below)))
    return found


def _single(table: ClassTable, polygons: np.ndarray) -> list[Finding]:
    chosen = np.flatnonzero(polygons == 1)
    if not chosen.size:
        return []
    text = (
        f"Only one polygon: {_names(table, chosen)}. Training and test pixels will be neighbors, "
        "so accuracy will look better than it is. Draw at least three, apart from each other."
    )
    return [Finding("single", text, _values(table, chosen))]


def _corner(labeled: Labeled, spectra: Spectra) -> list[Finding]:
    """Samples of a class, or all of them, in one part of what there is."""
    rows, columns = np.nonzero(spectra.valid)
    labels_high, labels_wide = np.ptp(rows) + 1, np.ptp(columns) + 1
    found = []
    grid, table = labeled.grid, labeled.table
    if labels_high <= CORNER * grid.height and labels_wide <= CORNER * grid.width:
        text = (
            f"All samples lie within {labels_wide} columns and {labels_high} rows of the "
            f"{grid.width} x {grid.height} pixels of the scene. Elsewhere the map will be a guess: "
            "draw some in its other parts, too."
        )
        found.append(Finding("part", text))
    polygons = labeled.polygons(spectra.valid)
    chosen = []
    for number in range(len(table)):
        own = spectra.classes == number
        if polygons[number] < 2:
            continue  # one polygon is always in one place, and told already
        high, wide = np.ptp(rows[own]) + 1, np.ptp(columns[own]) + 1
        if high <= CORNER * labels_high and wide <= CORNER * labels_wide:
            chosen.append(number)
    if chosen:
        text = (
            f"All polygons in one part of the labeled area: {_names(table, chosen)}. Draw some "
            "elsewhere, or the classifier learns the place and its light with the class."
        )
        found.append(Finding("corner", text, _values(table, chosen)))
    return found


def _overlap(labeled: Labeled) -> list[Finding]:
    """Which classes claim the same pixels; such pixels belong to none."""
    pixels = labeled.burned.disputed_pixels
    if not len(pixels):
        return []
    shapes = labeled.shapes.geometries.copy()
    points = np.flatnonzero(shapely.get_type_id(shapes) == 0)
    # A point claims the whole pixel that it lies in.
    left, top = np.floor(shapely.get_coordinates(shapes[points])).T
    shapes[points] = shapely.box(left, top, left + 1, top + 1)
    centers = shapely.points(pixels[:, 1] + 0.5, pixels[:, 0] + 0.5)
    at, shape = shapely.STRtree(shapes).query(centers, predicate="intersects")
    claims = np.unique(np.column_stack([at, labeled.shapes.classes[shape]]), axis=0)
    counts: Counter[tuple[int, ...]] = Counter()
    for group in np.split(claims[:, 1], np.unique(claims[:, 0], return_index=True)[1][1:]):
        counts[tuple(int(number) for number in group)] += 1
    table = labeled.table
    parts = [
        f"{_joined([table[number].name for number in classes])} ({_pixels(count)})"
        for classes, count in counts.most_common(_LISTED)
    ]
    more = f", and {len(counts) - _LISTED} more" if len(counts) > _LISTED else ""
    text = (
        f"Polygons of different classes overlap on {_pixels(len(pixels))}, which are left out: "
        f"{'; '.join(parts)}{more}. Correct what is wrong there."
    )
    return [Finding("overlap", text, _values(table, sorted({n for c in counts for n in c})))]


def _nodata(labeled: Labeled, spectra: Spectra) -> list[Finding]:
    """Labels where the scene holds nothing."""
    lost = spectra.taken & ~spectra.valid
    if not lost.any():
        return []
    table = labeled.table
    count = np.bincount(labeled.burned.index[lost], minlength=len(table))
    chosen = np.flatnonzero(count)
    before = np.unique(labeled.polygon[spectra.taken]).size
    without = before - np.unique(labeled.polygon[spectra.valid]).size
    whole = f"; {without:,} of {before:,} polygons have no other pixel" if without else ""
    text = (
        f"On nodata of the scene: {_pixels(int(lost.sum()))} of {int(spectra.taken.sum()):,} "
        f"labeled ones, which are left out ({_names(table, chosen, count)}){whole}."
    )
    return [Finding("nodata", text, _values(table, chosen))]


def _duplicates(labeled: Labeled) -> list[Finding]:
    """Polygons of one class that lie there more than once."""
    shapes = labeled.shapes
    area = shapely.get_type_id(shapes.geometries) != 0
    outlines = shapely.to_wkb(shapely.normalize(shapes.geometries[area]))
    numbers = shapes.classes[area]
    seen = Counter(zip(numbers.tolist(), outlines, strict=True))
    count = np.zeros(len(labeled.table), dtype=np.int64)
    for (number, _), times in seen.items():
        count[number] += times - 1
    chosen = np.flatnonzero(count)
    if not chosen.size:
        return []
    text = (
        f"Identical polygons lie upon each other: {_names(labeled.table, chosen, count)} too many. "
        "Remove the copies: they count as polygons of their own when pixels are divided."
    )
    return [Finding("duplicates", text, _values(labeled.table, chosen))]


def _layer(labeled: Labeled) -> list[Finding]:
    """What reading the layer had to leave out or repair; overlaps are told above."""
    notes = [*labeled.shapes.notes, *narrow_notes(labeled.burned)]
    return [Finding("layer", note) for note in notes]


def _names(
    table: ClassTable, chosen: Sequence[int] | np.ndarray, counts: np.ndarray | None = None
) -> str:
    """Classes by name, each with its count; of very many, the first."""
    texts = [
        table[int(i)].name + (f" ({counts[i]:,})" if counts is not None else "")
        for i in chosen[:_LISTED]
    ]
    more = f" and {len(chosen) - _LISTED} more" if len(chosen) > _LISTED else ""
    return ", ".join(texts) + more


def _values(table: ClassTable, chosen: Sequence[int] | np.ndarray) -> tuple[int, ...]:
    return tuple(table[int(i)].value for i in chosen)


def _joined(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _pixels(count: int) -> str:
    return f"{count:,} pixel{'s' if count != 1 else ''}"
