"""Regions of cells, found by GDAL.

Cells that touch across edges are a region. One that is too wide to be looked at at once is cut
along a grid. Outlines are in columns and negative rows until somebody puts them on the ground.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from osgeo import gdal, ogr
from qgis.core import QgsGeometry
from qgis.PyQt.QtGui import QTransform

from mambahsi_qgis.classes.pixels import memory_store

SMALLEST = 4
"""Cells of a place that is worth a look."""

SHARE = 12
"""A place is at most about this part of the raster's longer side wide..."""

NARROWEST = 24
"""...but not cut smaller than this, in cells."""


def find_regions(
    unsure: np.ndarray, check: Callable[[], None]
) -> tuple[np.ndarray, list[QgsGeometry]]:
    """Find regions of cells, and cut wide ones into places.

    Args:
        unsure: Which cells are unsure; bool (rows, columns).
        check: Called now and then; may raise.

    Returns:
        Numbers of the places from 1, 0 elsewhere, int32 (rows, columns); and the outline of each
        in columns and -rows.
    """
    mask = unsure.astype(np.uint8)
    sieved = _memory(mask, gdal.GDT_Byte)
    # Small regions go; small holes, which the filter fills too, come back.
    gdal.SieveFilter(sieved.GetRasterBand(1), None, sieved.GetRasterBand(1), SMALLEST, 4)
    kept = sieved.ReadAsArray() * mask
    labels, outlines = _polygons(kept.astype(np.int32))
    check()
    width = max(NARROWEST, max(mask.shape) // SHARE)
    bounds = [outline.boundingBox() for outline in outlines]
    is_wide = np.array([False, *(max(b.width(), b.height()) > 1.5 * width for b in bounds)])
    wide = is_wide[labels]
    if not wide.any():
        return labels, outlines
    rows, columns = np.nonzero(wide)
    tile = (rows // width) * (mask.shape[1] // width + 1) + columns // width
    keys = labels[rows, columns].astype(np.int64) * (int(tile.max()) + 1) + tile
    pieces = labels.copy()
    pieces[rows, columns] = len(outlines) + 1 + np.unique(keys, return_inverse=True)[1]
    return _polygons(pieces)


def _memory(values: np.ndarray, kind: int) -> gdal.Dataset:
    rows, columns = values.shape
    dataset = gdal.GetDriverByName("MEM").Create("", columns, rows, 1, kind)
    dataset.SetGeoTransform((0, 1, 0, 0, 0, -1))
    dataset.GetRasterBand(1).WriteArray(values)
    return dataset


def _polygons(values: np.ndarray) -> tuple[np.ndarray, list[QgsGeometry]]:
    """Connected cells of one value other than 0: their numbers from 1, and their outlines."""
    source = _memory(values, gdal.GDT_Int32)
    store = memory_store()
    layer = store.CreateLayer("places", None, ogr.wkbPolygon)
    layer.CreateField(ogr.FieldDefn("number", ogr.OFTInteger))
    band = source.GetRasterBand(1)
    gdal.Polygonize(band, band, layer, -1)
    outlines = []
    for number, feature in enumerate(layer, start=1):
        feature.SetField(0, number)
        layer.SetFeature(feature)
        outline = QgsGeometry()
        outline.fromWkb(bytes(feature.GetGeometryRef().ExportToWkb()))
        outlines.append(outline)
    target = _memory(np.zeros(values.shape, np.int32), gdal.GDT_Int32)
    # GDAL warns that neither has a CRS; in this thread alone that is not said.
    gdal.PushErrorHandler("CPLQuietErrorHandler")
    try:
        gdal.RasterizeLayer(target, [1], layer, options=["ATTRIBUTE=number"])
    finally:
        gdal.PopErrorHandler()
    return target.ReadAsArray(), outlines


def on_ground(outline: QgsGeometry, transform: tuple[float, ...]) -> QgsGeometry:
    """An outline in columns and -rows, on the ground."""
    x, x_column, x_row, y, y_column, y_row = transform
    placed = QgsGeometry(outline)
    placed.transform(QTransform(x_column, y_column, -x_row, -y_row, x, y))
    return placed
