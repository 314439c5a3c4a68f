"""A scene: any raster that GDAL opens, seen as bands of numbers with a validity mask.

A scene can be larger than memory, so nothing here reads it whole unasked. It is read in
*windows*, strips of whole rows that follow the file's blocks, in the file's own data type.

A pixel of a band is *valid* where it holds a measurement: not the band's nodata value, not
the further nodata value that the user's project gives, not NaN or infinite, and not masked
by a mask or alpha band. A pixel of the scene is valid where it is in every band that is
used; which bands are used is found by :func:`survey_bands`.

A damaged file often opens well and fails only when its pixels are read, or reads as zeros
without a word; both are reported as a :class:`~mambahsi.errors.SceneError` that names it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import rasterio
from rasterio.enums import ColorInterp, Interleaving, MaskFlags
from rasterio.windows import Window

from mambahsi.band_metadata import Band, read_bands
from mambahsi.grid import Grid
from mambahsi.jobs import RasterSource
from mambahsi.raster_file import crs_text, reading, refuse_unusable
from mambahsi.survey import BandSurvey, DroppedBand, survey_bands

__all__ = ["Band", "BandSurvey", "DroppedBand", "Scene", "survey_bands"]

WINDOW_BYTES = 64 * 2**20
"""Pixels read at a time, in bytes of the file's data type."""


class Scene:
    """An open raster. Use it as a context manager, from one thread at a time.

    Attributes:
        path: The GDAL source string it was opened from.
        name: The given name, or that of the file, for messages and provenance.
        grid: Size, transform and CRS.
        bands: What is known about each band.
        dtype: Data type of the pixels as stored.
        notes: What the user should know about how the file was understood.
    """

    def __init__(self, dataset: rasterio.io.DatasetReader, source: RasterSource, crs: str) -> None:
        self._dataset = dataset
        self.path = source.path
        self.name = source.name or _display_name(source.path)
        a, b, c, d, e, f = tuple(dataset.transform)[:6]
        self.grid = Grid(dataset.width, dataset.height, (a, b, c, d, e, f), crs)
        self.bands = read_bands(dataset)
        self.dtype = np.result_type(*dataset.dtypes)
        self.notes: list[str] = []
        gcps, _ = dataset.gcps
        if not self.grid.has_transform and (gcps or dataset.rpcs):
            self.notes.append(
                f"{self.name} is placed by ground control points or RPCs only and is treated as "
                "not georeferenced. Warp it first if labels in map coordinates are to fit."
            )
        self._alpha = tuple(
            i + 1 for i, kind in enumerate(dataset.colorinterp) if kind is ColorInterp.alpha
        )
        if self._alpha:
            # GDAL takes the fourth of four 8-bit bands for alpha unless it is told otherwise.
            self.notes.append(
                f"Band {', '.join(map(str, self._alpha))} of {self.name} is marked as alpha: it "
                "tells where there is data and is not used as a measurement. If it is one, near "
                "infrared for example, set its color interpretation to undefined."
            )
        self._nodata = [
            _representable(values, np.dtype(dtype))
            for values, dtype in zip(
                ((value, source.nodata) for value in dataset.nodatavals),
                dataset.dtypes,
                strict=True,
            )
        ]
        # A mask that follows from the nodata value alone is computed here, from pixels that
        # are read anyway; only stored masks and alpha bands cost a further read.
        computed = ([MaskFlags.all_valid], [MaskFlags.nodata])
        self._masked = {
            i + 1: MaskFlags.per_dataset in flags or flags not in computed
            for i, flags in enumerate(dataset.mask_flag_enums)
        }
        # As a mask, GDAL offers an alpha band only behind one or three others.
        in_masks = any(MaskFlags.alpha in flags for flags in dataset.mask_flag_enums)
        self._unmasked_alpha = () if in_masks else self._alpha
        self._shared_mask = all(MaskFlags.per_dataset in flags for flags in dataset.mask_flag_enums)

    @classmethod
    def open(cls, source: RasterSource) -> Scene:
        """Open a raster.

        Raises:
            SceneError: It is missing, corrupt, truncated, rendered, smaller than 4 x 4, holds
                complex numbers, has subdatasets instead of bands, or its CRS is unknown.
        """
        path = source.path
        with reading(path, "cannot be opened"):
            dataset = rasterio.open(path)
        try:
            refuse_unusable(dataset, path)
            with reading(path, "has metadata that cannot be read"):
                return cls(dataset, source, crs_text(dataset, source))
        except BaseException:
            dataset.close()
            raise

    def __enter__(self) -> Scene:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the file. Closing twice is harmless."""
        self._dataset.close()

    @property
    def band_count(self) -> int:
        """Number of bands in the file, alpha bands included."""
        return len(self.bands)

    @property
    def alpha_bands(self) -> tuple[int, ...]:
        """Numbers, from 1, of bands that hold opacity and no measurement."""
        return self._alpha

    @property
    def block_rows(self) -> int:
        """Rows of a block of the file, the unit in which GDAL reads and decodes it."""
        return max(shape[0] for shape in self._dataset.block_shapes)

    @property
    def block_columns(self) -> int:
        """Columns of a block of the file."""
        return max(shape[1] for shape in self._dataset.block_shapes)

    @property
    def block_bytes(self) -> int:
        """Bytes of a block, with all bands where one block holds them all."""
        pixels = max(rows * columns for rows, columns in self._dataset.block_shapes)
        together = self.band_count if self._dataset.interleaving is Interleaving.pixel else 1
        return pixels * together * self.dtype.itemsize

    def windows(
        self, band_count: int | None = None, max_bytes: int | None = None
    ) -> Iterator[Window]:
        """Strips of whole rows, from top to bottom, that cover the scene once.

        Args:
            band_count: Bands to be read at a time; None means all.
            max_bytes: Largest size of one strip in the file's data type; None means
                :data:`WINDOW_BYTES`. A strip has at least one row, and whole rows of blocks
                where they fit.
        """
        width, height = self.grid.width, self.grid.height
        row_bytes = width * (band_count or self.band_count) * self.dtype.itemsize
        rows = max(1, (max_bytes or WINDOW_BYTES) // row_bytes)
        if rows > self.block_rows:
            rows -= rows % self.block_rows
        for top in range(0, height, rows):
            yield Window(0, top, width, min(rows, height - top))

    def read(self, bands: Sequence[int], window: Window | None = None) -> np.ndarray:
        """Pixels as stored.

        Args:
            bands: Numbers of bands, from 1.
            window: Part to read; None is everything.

        Returns:
            Shape (bands, rows, columns), in the scene's data type.

        Raises:
            SceneError: The file is truncated or corrupt.
        """
        with reading(self.path, "cannot be read", "It may be truncated or corrupt."):
            if len(set(self._dataset.dtypes)) == 1:
                return self._dataset.read(list(bands), window=window)
            # rasterio does not read bands of different types together; virtual rasters have them.
            single = [self._dataset.read(band, window=window) for band in bands]
            return np.stack([band.astype(self.dtype) for band in single])

    def valid(self, bands: Sequence[int], window: Window | None = None) -> np.ndarray:
        """Where all given bands hold a measurement; bool, shape (rows, columns).

        Raises:
            SceneError: The file is truncated or corrupt.
        """
        return self.read_valid(bands, window)[1]

    def read_valid(
        self, bands: Sequence[int], window: Window | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Pixels as :meth:`read` gives them, and where all of these bands are valid.

        Raises:
            SceneError: The file is truncated or corrupt.
        """
        data = self.read(bands, window)
        valid = np.ones(data.shape[1:], dtype=bool)
        for band_valid in self._band_masks(data, bands, window):
            valid &= band_valid
        return data, valid

    def read_band_valid(
        self, bands: Sequence[int], window: Window | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Pixels as :meth:`read` gives them, and where each band is valid, band by band.

        Returns:
            The pixels, and a bool array of the same shape (bands, rows, columns).

        Raises:
            SceneError: The file is truncated or corrupt.
        """
        data = self.read(bands, window)
        valid = np.empty(data.shape, dtype=bool)
        for target, band_valid in zip(valid, self._band_masks(data, bands, window), strict=True):
            target[...] = band_valid
        return data, valid

    def always_valid(self, bands: Sequence[int]) -> bool:
        """Whether every pixel of these bands is valid, whatever the file holds.

        That is so for whole numbers without a nodata value, a mask or an alpha band.
        """
        return (
            self.dtype.kind != "f"
            and not self._unmasked_alpha
            and not any(self._nodata[band - 1] or self._masked[band] for band in bands)
        )

    def _band_masks(
        self, data: np.ndarray, bands: Sequence[int], window: Window | None
    ) -> Iterator[np.ndarray]:
        """Where each band is valid, one after the other; bool (rows, columns)."""
        masks: dict[int, np.ndarray] = {}
        masked = [band for band in bands if self._masked[band]]
        if masked:
            # All bands share a mask of the dataset, so it is read once.
            wanted = masked[:1] if self._shared_mask else masked
            with reading(self.path, "has a mask that cannot be read", "It may be truncated."):
                read = self._dataset.read_masks(wanted, window=window)
            found = [read[0]] * len(masked) if self._shared_mask else list(read)
            masks = dict(zip(masked, found, strict=True))
        opaque = None
        if self._unmasked_alpha:
            opaque = (self.read(self._unmasked_alpha, window) != 0).all(axis=0)
        for pixels, band in zip(data, bands, strict=True):
            valid = (
                np.isfinite(pixels)
                if pixels.dtype.kind == "f"
                else np.ones(pixels.shape, dtype=bool)
            )
            for nodata in self._nodata[band - 1]:
                valid &= pixels != nodata
            if band in masks:
                valid &= masks[band] != 0
            if opaque is not None and band not in self._alpha:
                valid &= opaque
            yield valid


def _representable(values: Sequence[float | None], dtype: np.dtype[Any]) -> tuple[Any, ...]:
    """Those of the values that a pixel of this type can hold, in this type.

    NaN and infinity are left out because they are invalid anyway, and so are numbers out of
    the type's range, such as -9999 in unsigned rasters.
    """
    found = []
    for value in values:
        if value is None or not math.isfinite(value):
            continue
        if dtype.kind == "f":
            with np.errstate(over="ignore"):
                found.append(dtype.type(value))
        elif value == int(value) and np.iinfo(dtype).min <= value <= np.iinfo(dtype).max:
            found.append(dtype.type(int(value)))
    return tuple(found)


def _display_name(path: str) -> str:
    """``scene`` for ``/data/scene.tif``, ``data:band`` for ``NETCDF:"/x/data.nc":band``."""
    if Path(path).exists():
        return Path(path).stem
    return Path(path.replace('"', "").replace("\\", "/")).name or path
