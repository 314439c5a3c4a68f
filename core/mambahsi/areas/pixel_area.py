"""How much ground a pixel covers.

In a projected CRS that is the area of the pixel in the plane, in the CRS's unit of length, as
everywhere in remote sensing; where the projection stretches areas by more than a percent (Web
Mercator does, by a factor of two at 45 degrees), the user is told. In a geographic CRS it is the
area on the CRS's ellipsoid, which gets smaller towards the poles: between two parallels and two
meridians it is a^2 / 2 times the difference in longitude times that of q, with
q = (1 - e^2) (s / (1 - e^2 s^2) + atanh(e s) / e) and s the sine of the latitude (Snyder, Map
Projections: A Working Manual, 1987, eq. 3-12). Without a CRS nothing is known but the number of
pixels.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio._err import CPLE_BaseError
from rasterio.crs import CRS
from rasterio.errors import CRSError, RasterioError
from rasterio.warp import transform

from mambahsi.grid import Grid
from mambahsi.reprojection import is_known

Floats = NDArray[np.float64]

HECTARE = 10_000.0
"""Square meters."""

DISTORTION = 0.01
"""Largest relative error of areas in a projection that the user is not told of."""

_WGS84 = (6_378_137.0, 1 / 298.257223563)
_ELLIPSOID = re.compile(r'(?:SPHEROID|ELLIPSOID)\["[^"]*",\s*([\d.eE+]+)\s*,\s*([\d.eE+]+)')


@dataclass(frozen=True)
class PixelArea:
    """Areas of a grid's pixels.

    Attributes:
        grid: The grid.
        unit: ``ha``, or ``pixels`` where sizes are not known.
        constant: Area of every pixel, or None where it depends on the place.
        warning: What the user should know about areas in this CRS, or empty.
    """

    grid: Grid
    unit: str
    constant: float | None
    warning: str = ""

    def at(self, rows: NDArray[np.integer], columns: NDArray[np.integer]) -> Floats:
        """Areas of the pixels at rows and columns; the shape of both, broadcast."""
        if self.constant is not None:
            return np.full(np.broadcast_shapes(rows.shape, columns.shape), self.constant)
        radians = _angular_unit(self.grid.crs)
        longitudes, latitudes = corners(self.grid, rows, columns)
        shape = ellipsoid(self.grid.crs)
        return on_ellipsoid(longitudes * radians, latitudes * radians, shape) / HECTARE

    def of_rows(self, top: int, height: int) -> Floats:
        """Areas of whole rows, or of one column of them where all columns are alike.

        Returns:
            float64, shape (height, 1) or (height, columns).
        """
        rows = np.arange(top, top + height)[:, np.newaxis]
        turned = self.grid.transform[1] != 0 or self.grid.transform[3] != 0
        columns = self.grid.width if self.constant is None and turned else 1
        return self.at(rows, np.arange(columns)[np.newaxis])


def pixel_area(grid: Grid) -> PixelArea:
    """What is known about the areas of a grid's pixels."""
    counted = PixelArea(
        grid, "pixels", 1.0, "The map has no CRS: areas are numbers of pixels, not hectares."
    )
    if not is_known(grid.crs):
        return counted
    with rasterio.Env():
        crs = CRS.from_user_input(grid.crs)
        if crs.is_geographic:
            return PixelArea(grid, "ha", None)
        try:
            meters = float(crs.linear_units_factor[1])
        except CRSError:
            return counted
    a, b, _, d, e, _ = grid.transform
    area = abs(a * e - b * d) * meters**2
    return PixelArea(grid, "ha", area / HECTARE, _distortion(grid, crs, area))


def _distortion(grid: Grid, crs: CRS, area: float) -> str:
    """A warning if areas in the plane are far from those on the ground."""
    rows, columns = (np.array([0, n // 2, n - 1]) for n in grid.shape)
    rows, columns = (part.ravel() for part in np.meshgrid(rows, columns))
    xs, ys = corners(grid, rows, columns)
    try:
        with rasterio.Env():
            degrees = np.array(transform(crs, CRS.from_epsg(4326), xs.ravel(), ys.ravel()))
    except (RasterioError, CPLE_BaseError):
        return ""
    longitudes, latitudes = np.radians(degrees).reshape(2, *xs.shape)
    ground = on_ellipsoid(longitudes, latitudes, _WGS84)
    ratio = area / ground[np.isfinite(ground) & (ground > 0)]
    if not ratio.size or np.abs(ratio - 1).max() <= DISTORTION:
        return ""
    return (
        f"The map's CRS distorts areas: a pixel of {area / HECTARE:.4g} ha in the plane covers "
        f"{area / ratio.max() / HECTARE:.4g} to {area / ratio.min() / HECTARE:.4g} ha on the "
        "ground. Reproject the map to an equal-area CRS or to UTM with nearest neighbor, and "
        "draw the sample from that."
    )


def corners(
    grid: Grid, rows: NDArray[np.integer], columns: NDArray[np.integer]
) -> tuple[Floats, Floats]:
    """x and y of each pixel's four corners, in turn; each of shape (4, ...)."""
    a, b, c, d, e, f = grid.transform
    right = np.stack([columns + n + 0.0 * rows for n in (0, 1, 1, 0)])
    down = np.stack([rows + n + 0.0 * columns for n in (0, 0, 1, 1)])
    return a * right + b * down + c, d * right + e * down + f


def on_ellipsoid(longitudes: Floats, latitudes: Floats, shape: tuple[float, float]) -> Floats:
    """Areas in square meters of quadrilaterals, given in radians; (4, ...) to (...).

    Corners are joined by straight lines in the cylindrical equal-area projection, so meridians
    and parallels are exact.
    """
    axis, flattening = shape
    e2 = flattening * (2 - flattening)
    sine = np.sin(latitudes)
    if e2:
        e = math.sqrt(e2)
        q = (1 - e2) * (sine / (1 - e2 * sine**2) + np.arctanh(e * sine) / e)
    else:
        q = 2 * sine
    # Longitudes may jump where a pixel lies on the 180th meridian.
    x = (longitudes - longitudes[0] + np.pi) % (2 * np.pi) - np.pi
    doubled = x * np.roll(q, -1, axis=0) - np.roll(x, -1, axis=0) * q
    area: Floats = np.abs(doubled.sum(axis=0)) / 2 * axis**2 / 2
    return area


def ellipsoid(crs: str) -> tuple[float, float]:
    """Semi-major axis in meters and flattening of a CRS."""
    found = _ELLIPSOID.search(crs)
    if not found:
        return _WGS84
    inverse = float(found[2])
    return float(found[1]), 1 / inverse if inverse else 0.0


def _angular_unit(crs: str) -> float:
    """Radians in a unit of a geographic CRS."""
    with rasterio.Env():
        return float(CRS.from_user_input(crs).units_factor[1])
