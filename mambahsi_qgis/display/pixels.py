"""A sample of a band's valid pixels, soon to be had from a raster of any size.

The percentiles of a band hardly depend on how many pixels one looks at, but the time does:
a compressed file is decoded block by block, and where bands are interleaved by pixel, a block
holds all of them. So a large raster is read through its overviews, or else in whole blocks
spread over it, as many as decode in some seconds; any other raster is read whole.

Valid is what QGIS shows: not the file's nodata value unless that is switched off, not a nodata
range of the user, not NaN or infinite, not masked.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from osgeo import gdal
from qgis.core import QgsRasterLayer, QgsRasterRange

_SIDE = 512
"""Rows and columns that are read through overviews, at least."""

_PIXELS = 2**22
"""Pixels of a band that are enough for its percentiles."""

_DECODED = 256 * 2**20
"""Bytes that may be decoded for them."""

_FEWEST = 9
"""Blocks that stand for a raster, at least, however large they are."""

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


def sample(
    dataset: gdal.Dataset, bands: Sequence[int], nodata: Sequence[Nodata]
) -> list[np.ndarray]:
    """Valid pixels of some bands, in the units that QGIS shows.

    Args:
        dataset: The open raster.
        bands: Numbers, from 1. Together they cost hardly more than one of them.
        nodata: What is invalid in each band of the raster besides NaN, infinity and masks.

    Returns:
        For each band float64, shape (pixels,).

    Raises:
        RuntimeError: The file cannot be read.
    """
    rasters = [dataset.GetRasterBand(band) for band in bands]
    invalid = [nodata[band - 1] for band in bands]
    whole = (0, 0, dataset.RasterXSize, dataset.RasterYSize)
    step = max(1, max(whole) // _SIDE)
    if all(raster.GetOverviewCount() for raster in rasters):
        return [_valid(r, whole, step, none) for r, none in zip(rasters, invalid)]
    found: list[list[np.ndarray]] = [[] for _ in bands]
    # All bands of a block before the next one: it may be decoded for all of them at once.
    for window in _blocks(rasters[0], dataset):
        for values, raster, none in zip(found, rasters, invalid):
            values.append(_valid(raster, window, 1, none))
    joined = [np.concatenate(values) for values in found]
    # Where data lie between these blocks alone, there is no way around the others.
    return [
        values if values.size else _valid(raster, whole, step, none)
        for values, raster, none in zip(joined, rasters, invalid)
    ]


def _blocks(raster: gdal.Band, dataset: gdal.Dataset) -> Iterator[Window]:
    """Whole blocks, spread evenly over the raster."""
    width, height = raster.GetBlockSize()
    across, down = -(-raster.XSize // width), -(-raster.YSize // height)
    together = 1
    if dataset.GetMetadataItem("INTERLEAVE", "IMAGE_STRUCTURE") == "PIXEL":
        together = dataset.RasterCount
    decoded = width * height * together * gdal.GetDataTypeSize(raster.DataType) // 8
    number = max(_FEWEST, min(_DECODED // decoded, _PIXELS // (width * height)))
    if number >= across * down:
        columns, rows = across, down
    else:
        columns = min(across, max(1, round(math.sqrt(number * across / down))))
        rows = min(down, max(1, number // columns))
    for y in _spread(down, rows):
        for x in _spread(across, columns):
            left, top = x * width, y * height
            yield left, top, min(width, raster.XSize - left), min(height, raster.YSize - top)


def _spread(count: int, number: int) -> list[int]:
    """The middles of so many equal parts of ``range(count)``."""
    return [(2 * i + 1) * count // (2 * number) for i in range(number)]


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
