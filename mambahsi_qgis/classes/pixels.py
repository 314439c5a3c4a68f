"""How many pixels of the scene each class has.

A pixel belongs to a polygon when its center does, as in training. Every polygon is burned by
GDAL in its own window, in pixel coordinates and with rings in one direction, so that a center
on an edge falls to the same side as in the engine. What is kept of a polygon are its runs: the
first pixel and the one behind the last of each row, counted through the scene row by row. They
are small, and unions of them are sorted lists.

A pixel that several polygons of a class hold counts once. A pixel that several classes hold
counts for none, because training leaves it out, and is told apart as disputed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from osgeo import gdal, ogr
from qgis.core import QgsGeometry, QgsWkbTypes
from qgis.PyQt.QtGui import QTransform

_STRIP_PIXELS = 2**22
"""Pixels of a window that are burned at a time."""

NO_RUNS = np.zeros((2, 0), dtype=np.int64)


@dataclass(frozen=True)
class ClassPixels:
    """Pixels of a class.

    Attributes:
        own: Pixels that this class alone holds.
        disputed: Pixels that other classes hold, too.
        missed: Polygons that hold no pixel center.
    """

    own: int
    disputed: int
    missed: int


@dataclass(frozen=True)
class PixelGrid:
    """The pixels of a scene.

    Attributes:
        to_pixels: From map coordinates to columns and rows, counted from the upper left corner.
        columns: Their number.
        rows: Their number.
    """

    to_pixels: QTransform
    columns: int
    rows: int


def grid_of(geotransform: Sequence[float], columns: int, rows: int) -> PixelGrid:
    """The grid of a scene.

    Args:
        geotransform: GDAL's.
        columns: Number of columns.
        rows: Number of rows.
    """
    x, a, b, y, d, e = geotransform
    return PixelGrid(QTransform(a, d, b, e, x, y).inverted()[0], columns, rows)


def runs_of(geometry: QgsGeometry, grid: PixelGrid) -> np.ndarray:
    """The pixels of a polygon; int64, shape (2, runs): first ones, and ones behind the last.

    Args:
        geometry: A polygon in the scene's CRS.
        grid: The scene's grid.
    """
    if geometry.isEmpty():
        return NO_RUNS
    placed = QgsGeometry(geometry)
    if QgsWkbTypes.isCurvedType(placed.wkbType()):
        placed = QgsGeometry(placed.constGet().segmentize())
    if not placed.isGeosValid():
        placed = placed.makeValid()
    placed.transform(grid.to_pixels)
    box = placed.boundingBox()
    if placed.isEmpty() or not box.isFinite():
        return NO_RUNS
    left, right = max(0, math.floor(box.xMinimum())), min(grid.columns, math.ceil(box.xMaximum()))
    top, bottom = max(0, math.floor(box.yMinimum())), min(grid.rows, math.ceil(box.yMaximum()))
    if left >= right or top >= bottom:
        return NO_RUNS
    shape = ogr.CreateGeometryFromWkb(bytes(placed.forceRHR().asWkb()))
    height = max(1, _STRIP_PIXELS // (right - left))
    strips = [
        _burn(shape, left, right, start, min(bottom, start + height), grid.columns)
        for start in range(top, bottom, height)
    ]
    return np.concatenate(strips, axis=1)


def _burn(
    shape: ogr.Geometry, left: int, right: int, top: int, bottom: int, columns: int
) -> np.ndarray:
    """Runs of a polygon in a window."""
    size = (right - left, bottom - top)
    raster = gdal.GetDriverByName("MEM").Create("", *size, 1, gdal.GDT_Byte)
    raster.SetGeoTransform((left, 1, 0, top, 0, 1))
    source = memory_store()
    layer = source.CreateLayer("", None, ogr.wkbUnknown)
    feature = ogr.Feature(layer.GetLayerDefn())
    feature.SetGeometry(shape)
    layer.CreateFeature(feature)
    # GDAL warns that pixel coordinates have no CRS.
    gdal.PushErrorHandler("CPLQuietErrorHandler")
    try:
        gdal.RasterizeLayer(raster, [1], layer, burn_values=[1])
    finally:
        gdal.PopErrorHandler()
    edges = np.zeros((size[1], size[0] + 2), dtype=np.int8)
    edges[:, 1:-1] = raster.ReadAsArray()
    steps = np.diff(edges, axis=1)
    runs = []
    for direction in (1, -1):
        rows, places = np.nonzero(steps == direction)
        runs.append((rows + top) * columns + places + left)
    return np.array(runs, dtype=np.int64)


def memory_store() -> ogr.DataSource:
    """A place for vector layers in memory."""
    # GDAL 3.11 joined the two drivers.
    driver = ogr.GetDriverByName("Memory") or ogr.GetDriverByName("MEM")
    return driver.CreateDataSource("")


def count(polygons: Mapping[int, Sequence[np.ndarray]]) -> dict[int, ClassPixels]:
    """Pixels of every class, from the runs of its polygons."""
    values = list(polygons)
    unions = [_union(polygons[value]) for value in values]
    sizes = [int((union[1] - union[0]).sum()) for union in unions]
    own = _undisputed(unions)
    return {
        value: ClassPixels(
            own=own[number],
            disputed=sizes[number] - own[number],
            missed=sum(not runs.size for runs in polygons[value]),
        )
        for number, value in enumerate(values)
    }


def _union(runs: Sequence[np.ndarray]) -> np.ndarray:
    """Runs without overlaps that hold the same pixels."""
    together = np.concatenate([NO_RUNS, *runs], axis=1)
    together = together[:, np.argsort(together[0], kind="stable")]
    starts, ends = together[0], np.maximum.accumulate(together[1])
    first = np.ones(starts.size, dtype=bool)
    first[1:] = starts[1:] > ends[:-1]
    return np.array([starts[first], ends[np.append(first[1:], True)[: ends.size]]])


def _undisputed(unions: Sequence[np.ndarray]) -> list[int]:
    """How many pixels each of several sets of runs holds alone."""
    sizes = [union.shape[1] for union in unions]
    numbers = np.repeat(np.arange(1, len(unions) + 1), sizes)
    runs = np.concatenate([NO_RUNS, *unions], axis=1)
    places = np.concatenate([runs[0], runs[1]])
    order = np.argsort(places, kind="stable")
    here = np.concatenate([np.ones(numbers.size), -np.ones(numbers.size)])[order].cumsum()
    who = np.concatenate([numbers, -numbers])[order].cumsum()
    lengths = np.diff(places[order], append=places[order][-1:])
    alone = here == 1
    found = np.bincount(who[alone], lengths[alone], len(unions) + 1)
    return [int(number) for number in found[1:]]
