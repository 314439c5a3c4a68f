"""A sample of a band's valid pixels, soon to be had from a raster of any size.

The percentiles of a band hardly depend on how many pixels one looks at, but the time does:
bands of a compressed, pixel-interleaved scene cost as much as the whole of it. A small raster
is read whole, one with overviews through them, any other in patches spread over it.

Valid is what QGIS shows: not the file's nodata value unless that is switched off, not a nodata
range of the user, not NaN or infinite, not masked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from osgeo import gdal
from qgis.core import QgsRasterLayer, QgsRasterRange

_SIDE = 512
"""Rows and columns of a sample, at most."""

_PATCHES = 16
"""Patches in a row and in a column."""

Window = tuple[int, int, int, int]
"""First column, first row, columns, rows."""


@dataclass(frozen=True)
class Nodata:
    """What the layer says of a band's invalid values.

    Attributes:
        source: Whether the file's own nodata value is in use.
        ranges: The user's ranges, as pairs of the lowest and the highest value that is invalid,
            in the units that QGIS shows.
    """

    source: bool
    ranges: tuple[tuple[float, float], ...]


def nodata_of(layer: QgsRasterLayer) -> tuple[Nodata, ...]:
    """What a layer says of the invalid values of each band."""
    provider = layer.dataProvider()
    return tuple(
        Nodata(
            source=provider.useSourceNoDataValue(band),
            ranges=tuple(_closed(limits) for limits in provider.userNoDataValues(band)),
        )
        for band in range(1, layer.bandCount() + 1)
    )


def sample(dataset: gdal.Dataset, band: int, nodata: Nodata) -> np.ndarray:
    """Valid pixels of a band, in the units that QGIS shows; float64, shape (pixels,).

    Args:
        dataset: The open raster.
        band: Number, from 1.
        nodata: What is invalid besides NaN, infinity and masks.

    Raises:
        RuntimeError: The file cannot be read.
    """
    raster = dataset.GetRasterBand(band)
    whole = (0, 0, raster.XSize, raster.YSize)
    if max(raster.XSize, raster.YSize) <= _SIDE:
        return _valid(raster, whole, 1, nodata)
    if raster.GetOverviewCount():
        return _valid(raster, whole, _step(raster), nodata)
    found = [_valid(raster, window, 1, nodata) for window in _patches(raster.XSize, raster.YSize)]
    values = np.concatenate(found)
    # Where data lie between the patches alone, there is no way around reading all.
    return values if values.size else _valid(raster, whole, _step(raster), nodata)


def _step(raster: gdal.Band) -> int:
    return -(-max(raster.XSize, raster.YSize) // _SIDE)


def _patches(columns: int, rows: int) -> Iterator[Window]:
    """Windows spread evenly over a raster, as large together as a sample."""
    for top, height in _stripes(rows):
        for left, width in _stripes(columns):
            yield left, top, width, height


def _stripes(length: int) -> list[tuple[int, int]]:
    """Where patches begin along one side, and how long they are."""
    size = min(_SIDE // _PATCHES, -(-length // _PATCHES))
    return [
        (round(place), size)
        for place in np.linspace(0, length - size, min(_PATCHES, length // size))
    ]


def _valid(raster: gdal.Band, window: Window, step: int, nodata: Nodata) -> np.ndarray:
    """The valid pixels of a window, of which every ``step``-th row and column is read."""
    columns, rows = max(1, window[2] // step), max(1, window[3] // step)
    size = {"buf_xsize": columns, "buf_ysize": rows}
    pixels = raster.ReadAsArray(*window, **size)
    if pixels is None:
        raise RuntimeError(gdal.GetLastErrorMsg())
    own = raster.GetNoDataValue()
    valid = np.isfinite(pixels)
    if nodata.source and own is not None:
        valid &= pixels != own
    # A mask that follows from the nodata value alone was computed just now.
    if raster.GetMaskFlags() not in (gdal.GMF_ALL_VALID, gdal.GMF_NODATA):
        valid &= raster.GetMaskBand().ReadAsArray(*window, **size) != 0
    values = pixels[valid].astype(float)
    scale, offset = raster.GetScale(), raster.GetOffset()
    values = values * (1.0 if scale is None else scale) + (0.0 if offset is None else offset)
    for low, high in nodata.ranges:
        values = values[(values < low) | (values > high)]
    return values


def _closed(limits: QgsRasterRange) -> tuple[float, float]:
    """Lowest and highest value of a range, whichever of its ends belong to it."""
    low, high, bounds = limits.min(), limits.max(), limits.bounds()
    low = -np.inf if np.isnan(low) else low
    high = np.inf if np.isnan(high) else high
    kinds = QgsRasterRange.BoundsType
    if bounds in (kinds.IncludeMax, kinds.Exclusive):
        low = np.nextafter(low, np.inf)
    if bounds in (kinds.IncludeMin, kinds.Exclusive):
        high = np.nextafter(high, -np.inf)
    return float(low), float(high)
