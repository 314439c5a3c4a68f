"""Outlines of regions as polygons.

GDAL draws them around the labels of regions, not around classes, so each polygon is known to be
of one region. It draws across edges only: two parts of a region that meet at a corner become two
polygons of one feature, because a ring that touches itself would not be valid.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import rasterio
import rasterio.features
import shapely
import shapely.geometry
from numpy.typing import NDArray
from rasterio.windows import Window

from mambahsi import cancellation
from mambahsi.feedback import Feedback
from mambahsi.grid import Grid
from mambahsi.landcover import BLOCK_ROWS, RasterWriter
from mambahsi.raster_file import reading

Integers = NDArray[np.int64]


def renumber(source: Path, grid: Grid, number_of: Integers, path: Path, feedback: Feedback) -> None:
    """Write the raster of regions that a raster of labels stands for.

    Args:
        source: Raster of labels.
        grid: Its grid.
        number_of: Number to write for each label; that of label 0 is 0, for no region.
        path: Raster to write.
        feedback: Told how far it is.

    Raises:
        OutputError: The raster cannot be written.
        Cancelled: The user asked to stop.
    """
    with (
        reading(str(source), "cannot be read"),
        rasterio.open(source) as labels,
        RasterWriter(
            path, _drawn(grid), {}, count=1, dtype="int32", nodata=0, options={}
        ) as writer,
    ):
        for top in range(0, grid.height, BLOCK_ROWS):
            feedback.check()
            rows = slice(top, min(top + BLOCK_ROWS, grid.height))
            window = Window(0, top, grid.width, rows.stop - top)
            writer.write(rows, number_of[labels.read(1, window=window)][np.newaxis])
            feedback.progress(rows.stop / grid.height, "Numbering regions")


def _drawn(grid: Grid) -> Grid:
    """The grid as QGIS draws it: without georeference, rows go down from 0."""
    return grid if grid.has_transform else replace(grid, transform=(1.0, 0.0, 0.0, 0.0, -1.0, 0.0))


def outline(path: Path) -> tuple[NDArray[np.object_], Integers]:
    """Polygons around the regions of a raster.

    Args:
        path: Raster of region numbers, 0 for none, whose place GDAL takes for the outlines.

    Returns:
        Valid polygons in map coordinates, and the region number of each; both of shape
        (polygons,), sorted by number.

    Raises:
        Cancelled: The user asked to stop.
    """
    found, numbers = [], []
    with reading(str(path), "cannot be read"), rasterio.open(path) as dataset:
        for shape, number in rasterio.features.shapes(rasterio.band(dataset, 1), connectivity=4):
            cancellation.raise_if_requested()
            if number:
                found.append(shapely.geometry.shape(shape))
                numbers.append(int(number))
    polygons = np.array(found, dtype=object)
    order = np.argsort(numbers, kind="stable")
    polygons, sorted_numbers = polygons[order], np.array(numbers, dtype=np.int64)[order]
    broken = ~shapely.is_valid(polygons)
    if broken.any():
        polygons[broken] = shapely.make_valid(polygons[broken], method="structure")
        polygons, owner = shapely.get_parts(polygons, return_index=True)
        sorted_numbers = sorted_numbers[owner]
    return polygons, sorted_numbers


def collect(polygons: NDArray[np.object_], feature: Integers, number: int) -> NDArray[np.object_]:
    """Multipolygons of the polygons of each feature.

    Args:
        polygons: Polygons that touch at corners only where they are of one feature.
        feature: Number of each one's feature, from 0.
        number: How many features there are, each with a polygon.
    """
    order = np.argsort(feature, kind="stable")
    made: NDArray[np.object_] = np.empty(number, dtype=object)
    shapely.multipolygons(polygons[order], indices=feature[order], out=made)
    return made
