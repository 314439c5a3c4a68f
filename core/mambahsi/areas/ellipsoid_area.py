"""How much ground a pixel covers on the ellipsoid, in any CRS.

A projected pixel's area in the plane differs from that on the ground: by less than 0.1 % in UTM
near its central meridian, by a factor in Web Mercator. What is told as the area of a class should
not depend on the projection, so here it is that on the ellipsoid of the CRS: each pixel's corners
are brought to longitude and latitude, between which the area is known (see
:mod:`mambahsi.areas.pixel_area`).

In a projected CRS that is done exactly at every 32nd row and column only, and linearly between:
areas change so slowly that this differs from all corners' by less than a millionth in UTM.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio._err import CPLE_BaseError
from rasterio.crs import CRS
from rasterio.errors import RasterioError
from rasterio.warp import transform

from mambahsi.areas.pixel_area import (
    HECTARE,
    PixelArea,
    corners,
    ellipsoid,
    on_ellipsoid,
    pixel_area,
)
from mambahsi.grid import Grid
from mambahsi.reprojection import is_known

Floats = NDArray[np.float64]

STEP = 32
"""Rows and columns between places where a projected pixel's area is computed exactly."""

_NAME = re.compile(r'(?:SPHEROID|ELLIPSOID)\["([^"]*)"')


@dataclass(frozen=True)
class EllipsoidArea:
    """Areas of a grid's pixels on the ellipsoid, in hectares.

    Attributes:
        grid: The grid.
        name: Name of the ellipsoid.
        plane: Areas in the CRS itself.
    """

    grid: Grid
    name: str
    plane: PixelArea

    def of_rows(self, top: int, height: int) -> Floats:
        """Areas of whole rows, or of one column of them where all columns are alike.

        Returns:
            float64 hectares, shape (height, 1) or (height, columns).
        """
        if self.plane.constant is None:
            return self.plane.of_rows(top, height)
        # What a pixel's area stands for is its center.
        rows: Floats = np.arange(top, top + height, dtype=np.float64) + 0.5
        columns: Floats = np.arange(self.grid.width, dtype=np.float64) + 0.5
        first, last = top - top % STEP, min(self.grid.height, top + height + STEP)
        row_nodes = np.unique(np.append(np.arange(first, last, STEP), last))
        column_nodes = np.unique(np.append(np.arange(0, self.grid.width, STEP), self.grid.width))
        exact = self._at(row_nodes, column_nodes)
        return _between(_between(exact, row_nodes, rows).T, column_nodes, columns).T

    def _at(self, rows: NDArray[np.integer], columns: NDArray[np.integer]) -> Floats:
        """Areas of pixels centered at crossings of grid lines; (rows, columns)."""
        row, column = np.meshgrid(rows - 0.5, columns - 0.5, indexing="ij")
        xs, ys = corners(self.grid, row, column)
        plane = np.full(row.shape, self.plane.constant)
        try:
            with rasterio.Env():
                own = CRS.from_user_input(self.grid.crs)
                degrees = np.array(transform(own, _geographic(own), xs.ravel(), ys.ravel()))
        except (RasterioError, CPLE_BaseError):
            return plane
        longitudes, latitudes = np.radians(degrees).reshape(2, *xs.shape)
        with np.errstate(invalid="ignore"):
            ground = on_ellipsoid(longitudes, latitudes, ellipsoid(self.grid.crs)) / HECTARE
        # Outside of what the projection shows nothing is known.
        return np.where(np.isfinite(ground) & (ground > 0), ground, plane)


def ellipsoid_area(grid: Grid) -> EllipsoidArea | None:
    """Areas of a grid's pixels, or None where the grid does not say where on Earth it is."""
    plane = pixel_area(grid)
    if plane.unit != "ha" or not is_known(grid.crs):
        return None
    found = _NAME.search(grid.crs)
    return EllipsoidArea(grid, found[1] if found else "WGS 84", plane)


def _between(values: Floats, nodes: NDArray[np.integer], places: Floats) -> Floats:
    """Values at places between nodes along the first axis, linearly."""
    after = np.clip(np.searchsorted(nodes, places), 1, len(nodes) - 1)
    share = ((places - nodes[after - 1]) / (nodes[after] - nodes[after - 1]))[:, np.newaxis]
    return (1 - share) * values[after - 1] + share * values[after]


def _geographic(crs: CRS) -> CRS:
    """The geographic CRS that a projected one rests on; WGS 84 where it cannot be told."""
    try:
        text = str(crs.to_wkt())
    except RasterioError:
        return CRS.from_epsg(4326)
    start = text.find("GEOGCS[")
    depth = 0
    for place in range(max(start, 0), len(text)):
        depth += {"[": 1, "]": -1}.get(text[place], 0)
        if text[place] == "]" and depth == 0 and start >= 0:
            return CRS.from_wkt(text[start : place + 1])
    return CRS.from_epsg(4326)
