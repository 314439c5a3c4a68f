"""Where a map is unsure: the largest places of low confidence.

A cell is unsure where its confidence is below a threshold, and unsure cells that touch across edges
are a region. A region wider than what one looks at at once is cut along a grid into places: on a
poor map, nearly everything is one region, and a jump to all of it shows nothing.

A raster of more than :data:`MOST_CELLS` is read with fewer, larger cells, each the mean confidence
of its pixels, so reading is what takes the time, and places much smaller than the window are not
found. GDAL finds the regions, so there is nothing here but numpy and GDAL. Nothing knows a layer:
this runs in a thread of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Optional

import numpy as np
from osgeo import gdal
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsDistanceArea,
    QgsGeometry,
)

from mambahsi_qgis.gui.map.cells import SMALLEST, find_regions, on_ground
from mambahsi_qgis.translation import tr

MOST_CELLS = 2**22
"""Cells that are looked at; larger rasters are averaged down to about as many."""

MOST_PLACES = 100

GoOn = Callable[[float], bool]
"""Told how much is done, 0 to 1; answers whether to go on."""


class PlacesError(Exception):
    """A raster cannot be used; the message is for the user."""


class Cancelled(Exception):
    """Somebody wanted to stop."""


@dataclass(frozen=True)
class Source:
    """A raster as GDAL opens it, with the further nodata value that the user gave its layer."""

    path: str
    options: tuple[str, ...] = ()
    nodata: Optional[float] = None


@dataclass(frozen=True)
class Search:
    """What to look for.

    Attributes:
        confidence: Raster of confidence, 0 to 1.
        classification: The map on the same grid, or None.
        threshold: Confidence below which a pixel is unsure.
        crs: CRS of both.
        transforms: How the project changes between CRS.
    """

    confidence: Source
    classification: Optional[Source]
    threshold: float
    crs: QgsCoordinateReferenceSystem
    transforms: QgsCoordinateTransformContext


@dataclass(frozen=True)
class Place:
    """A place of low confidence.

    Attributes:
        outline: Its outline in the raster's CRS.
        pixels: Pixels, estimated where the raster was averaged down.
        hectares: Area on the ellipsoid, or None without a CRS.
        confidence: Mean confidence.
        classes: The two classes that the map shows most there, with their shares.
    """

    outline: QgsGeometry
    pixels: int
    hectares: Optional[float]
    confidence: float
    classes: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Places:
    """What was found.

    Attributes:
        places: The largest places, the largest first.
        share: Share of the valid pixels that are unsure.
        exact: Whether every pixel was looked at by itself.
    """

    places: tuple[Place, ...]
    share: float
    exact: bool


@dataclass(frozen=True)
class _Cells:
    values: np.ndarray
    valid: np.ndarray
    transform: tuple[float, ...]
    size: tuple[int, int]

    @property
    def pixels_of_cell(self) -> float:
        return self.size[0] * self.size[1] / self.values.size


def find_places(search: Search, go_on: GoOn) -> Places:
    """Find the largest places of low confidence.

    Raises:
        PlacesError: A raster cannot be read, or holds no confidence.
        Cancelled: ``go_on`` said so.
    """
    cells = _read(search.confidence, gdal.GRIORA_Average, lambda part: go_on(0.5 * part))
    known = cells.values[cells.valid]
    if not known.size:
        raise PlacesError(tr("{} holds nodata only.").format(search.confidence.path))
    if known.min() < 0 or known.max() > 1:
        raise PlacesError(
            tr("{} holds values from {:.3g} to {:.3g}; confidence is from 0 to 1.").format(
                search.confidence.path, known.min(), known.max()
            )
        )
    unsure = cells.valid & (cells.values < search.threshold)
    labels, outlines = find_regions(unsure, lambda: _step(go_on, 0.65))
    _step(go_on, 0.8)
    counts = np.bincount(labels.ravel(), minlength=len(outlines) + 1)
    sums = np.bincount(labels.ravel(), np.where(unsure, cells.values, 0).ravel(), len(outlines) + 1)
    means = sums / np.maximum(counts, 1)
    order = [n for n in np.lexsort((means, -counts)).tolist() if n and counts[n] >= SMALLEST]
    order = order[:MOST_PLACES]
    shares = _classes(search, cells, labels, order)
    _step(go_on, 0.95)
    measure = _measure(search)
    places = []
    for number, classes in zip(order, shares):
        outline = on_ground(outlines[number - 1], cells.transform)
        places.append(
            Place(
                outline,
                round(counts[number] * cells.pixels_of_cell),
                measure.measureArea(outline) / 10_000 if measure is not None else None,
                float(means[number]),
                classes,
            )
        )
    return Places(tuple(places), float(unsure.sum() / cells.valid.sum()), cells.pixels_of_cell == 1)


def _step(go_on: GoOn, done: float) -> None:
    if not go_on(done):
        raise Cancelled


def _open(source: Source) -> gdal.Dataset:
    try:
        dataset = gdal.OpenEx(source.path, gdal.OF_RASTER, open_options=list(source.options))
    except RuntimeError:  # where somebody switched GDAL's exceptions on
        dataset = None
    if dataset is None:
        raise PlacesError(tr("{} cannot be opened.").format(source.path))
    return dataset


def _read(source: Source, resampling: int, go_on: GoOn) -> _Cells:
    dataset = _open(source)
    width, height = dataset.RasterXSize, dataset.RasterYSize
    step = max(1.0, math.sqrt(width * height / MOST_CELLS))
    columns, rows = math.ceil(width / step), math.ceil(height / step)
    band = dataset.GetRasterBand(1)

    def turn(done: float, *_: Any) -> int:
        return int(go_on(done))

    try:
        values = band.ReadAsArray(
            buf_xsize=columns, buf_ysize=rows, resample_alg=resampling, callback=turn
        )
    except RuntimeError:
        values = None
    _step(go_on, 1.0)
    if values is None:
        raise PlacesError(tr("{} cannot be read.").format(source.path))
    valid = np.isfinite(values)
    for nodata in (band.GetNoDataValue(), source.nodata):
        if nodata is not None:
            valid &= values != np.array(nodata).astype(values.dtype)
    a, b, c, d, e, f = dataset.GetGeoTransform(can_return_null=True) or (0, 1, 0, 0, 0, -1)
    across, down = width / columns, height / rows
    transform = (a, b * across, c * down, d, e * across, f * down)
    return _Cells(values, valid, transform, (width, height))


def _classes(
    search: Search, cells: _Cells, labels: np.ndarray, order: list[int]
) -> list[tuple[tuple[int, float], ...]]:
    """The two most frequent classes of each place, with their shares."""
    nothing: list[tuple[tuple[int, float], ...]] = [() for _ in order]
    if search.classification is None or not order:
        return nothing
    shown = _read(search.classification, gdal.GRIORA_NearestNeighbour, lambda _: True)
    if shown.size != cells.size or not np.allclose(shown.transform, cells.transform):
        return nothing
    place_of = np.zeros(int(labels.max()) + 1, dtype=np.int64)
    place_of[order] = np.arange(1, len(order) + 1)
    places = place_of[labels]
    counted = (places > 0) & shown.valid & (shown.values != 0)
    if not counted.any():
        return nothing
    values, index = np.unique(shown.values[counted], return_inverse=True)
    joint = (places[counted] - 1) * len(values) + index
    table = np.bincount(joint, minlength=len(order) * len(values)).reshape(len(order), -1)
    found = []
    for row in table:
        best = [i for i in np.argsort(-row, kind="stable")[:2].tolist() if row[i]]
        found.append(tuple((int(values[i]), float(row[i] / row.sum())) for i in best))
    return found


def _measure(search: Search) -> Optional[QgsDistanceArea]:
    if not search.crs.isValid():
        return None
    measure = QgsDistanceArea()
    measure.setSourceCrs(search.crs, search.transforms)
    measure.setEllipsoid(search.crs.ellipsoidAcronym())
    return measure
