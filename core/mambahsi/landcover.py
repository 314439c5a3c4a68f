"""The written maps: GeoTIFFs on exactly the scene's grid.

A land-cover map holds class values, 0 where the scene has no data, in the smallest unsigned
type, with the class colors embedded. Names and the attribute table go into GDAL's
``.aux.xml`` (see :mod:`mambahsi.pam`), a style for QGIS beside it (see
:mod:`mambahsi.qml`). Confidence and probabilities are rasters of 32-bit floats.

GDAL writes through a cache and compresses late, so a disk that fills up may be noticed by
nobody. Each writer therefore remembers a checksum of every part it was given, and reads the
closed file back before it says that the map is written.
"""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio._err import CPLE_BaseError
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from mambahsi import cancellation
from mambahsi.classes import ClassTable
from mambahsi.errors import OutputError
from mambahsi.grid import Grid
from mambahsi.outputs import final_path, style_path, writing
from mambahsi.pam import write_class_attributes
from mambahsi.qml import RAMPS, write_ramp_style, write_style

NODATA_VALUE = 0
"""Value of a land-cover map where the scene has no data."""

NODATA_FLOAT = -9999.0
"""Value of confidence and probabilities where the scene has no data. Not NaN, which many
programs read as a number or draw as black."""

BLOCK_ROWS = 256
"""Rows and columns of a written map's tiles; rows are best written this many at a time."""

# rasterio translates GDAL's own errors into its own in most places, not in all.
_GDAL_ERRORS = (RasterioError, CPLE_BaseError)


class RasterWriter:
    """Writes a GeoTIFF part by part and checks it in the end.

    Args:
        path: Where to write, usually from :meth:`mambahsi.outputs.OutputFiles.add_raster`.
        grid: Size and place.
        provenance: What made the raster, as metadata items of the TIFF.
        count: Bands.
        dtype: NumPy's name of the pixels' type.
        nodata: Value without meaning, or None.
        options: Creation options beyond those that all rasters share.

    Raises:
        OutputError: The file cannot be written.
    """

    def __init__(
        self,
        path: Path,
        grid: Grid,
        provenance: Mapping[str, str],
        *,
        count: int,
        dtype: str,
        nodata: float | None,
        options: Mapping[str, Any],
    ) -> None:
        self.path = Path(path)
        self.grid = grid
        self._checksums: list[tuple[Window, int]] = []
        self._pixels = 0
        profile: dict[str, Any] = {
            "driver": "GTiff",
            "width": grid.width,
            "height": grid.height,
            "count": count,
            "dtype": dtype,
            "nodata": nodata,
            "tiled": True,
            "blockxsize": BLOCK_ROWS,
            "blockysize": BLOCK_ROWS,
            "compress": "DEFLATE",
            "BIGTIFF": "IF_SAFER",
            **options,
        }
        # A scene without georeference gets a map without: writing the identity transform
        # would turn it upside down in programs that count rows downwards.
        if grid.georeferenced:
            profile["crs"] = grid.crs or None
            profile["transform"] = grid.affine
        with self._writing():
            self._dataset = rasterio.open(self.path, "w", **profile)
            self._dataset.update_tags(**provenance)

    def color(self, colors: Mapping[int, tuple[int, int, int]]) -> None:
        """Embed the colors of the first band's values; nodata is transparent."""
        opaque = {value: (*rgb, 255) for value, rgb in colors.items()}
        with self._writing():
            self._dataset.write_colormap(1, {NODATA_VALUE: (0, 0, 0, 0), **opaque})

    def describe(self, band_names: Sequence[str]) -> None:
        """Name the bands."""
        with self._writing():
            for band, name in enumerate(band_names, start=1):
                self._dataset.set_band_description(band, name)

    def write(self, rows: slice | Window, values: NDArray[Any]) -> None:
        """Write a part of the raster; every pixel is to be written exactly once.

        Args:
            rows: Rows over the full width, or a window.
            values: (bands, rows, cols), of the raster's type.
        """
        window = rows
        if isinstance(rows, slice):
            window = Window(0, rows.start, self.grid.width, rows.stop - rows.start)
        values = np.ascontiguousarray(values, dtype=self._dataset.dtypes[0])
        with self._writing():
            self._dataset.write(values, window=window)
        self._checksums.append((window, zlib.crc32(values.data)))
        self._pixels += values.shape[-2] * values.shape[-1]

    def close(self) -> None:
        """Finish the file and read it back.

        Raises:
            OutputError: The file does not hold what was written to it.
        """
        if self._pixels != self.grid.width * self.grid.height:
            raise ValueError(f"{self._pixels} pixels were written to a grid of {self.grid.shape}.")
        with self._writing():
            self._dataset.close()
            with rasterio.open(self.path) as written:
                for window, checksum in self._checksums:
                    cancellation.raise_if_requested()
                    if zlib.crc32(written.read(window=window).data) != checksum:
                        raise OutputError(
                            f"{final_path(self.path)}: the file does not hold what was written "
                            "to it.",
                            "The disk may be full or damaged; choose another folder.",
                        )

    def __enter__(self) -> Any:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
            return
        # What is written no longer matters, and a second error would hide the first.
        with suppress(*_GDAL_ERRORS, OSError):
            self._dataset.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with warnings.catch_warnings(), writing(self.path):
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            try:
                yield
            except _GDAL_ERRORS as error:
                raise OutputError(
                    f"{final_path(self.path)}: cannot be written ({error}).",
                    "The disk may be full; free some space or choose another folder.",
                ) from error


class LandCoverWriter(RasterWriter):
    """Writes a land-cover map with its colors, names, attribute table and style.

    Args:
        path: Where to write, usually from :meth:`mambahsi.outputs.OutputFiles.add_raster`.
        grid: The scene's grid.
        table: The classes.
        provenance: What made the map, as metadata items of the TIFF.

    Raises:
        OutputError: The file cannot be written.
    """

    def __init__(
        self, path: Path, grid: Grid, table: ClassTable, provenance: Mapping[str, str]
    ) -> None:
        dtype = "uint8" if max(table.values) <= 255 else "uint16"
        super().__init__(
            path, grid, provenance, count=1, dtype=dtype, nodata=NODATA_VALUE, options={}
        )
        self.table = table
        self._counts = np.zeros(int(np.iinfo(dtype).max) + 1, dtype=np.int64)
        self.color({c.value: c.rgb for c in table})

    def write(self, rows: slice | Window, values: NDArray[Any]) -> None:
        """Write a part of the map; every pixel is to be written exactly once.

        Args:
            rows: Rows over the full width, or a window.
            values: Class values (not indices), 0 for nodata; (rows, cols).
        """
        self._counts += np.bincount(values.ravel(), minlength=len(self._counts))
        super().write(rows, values[np.newaxis])

    def close(self) -> None:
        """Finish the map, read it back, and write what lies beside it."""
        super().close()
        counts = self._counts[self.table.values]
        write_class_attributes(self.path, self.table, [int(n) for n in counts])
        write_style(style_path(self.path), self.table)


class FloatRasterWriter(RasterWriter):
    """Writes confidence or probabilities: 32-bit floats, one named band each.

    Args:
        path: Where to write, usually from :meth:`mambahsi.outputs.OutputFiles.add_raster`.
        grid: The scene's grid.
        band_names: What each band holds. One that has a ramp in :data:`mambahsi.qml.RAMPS` gets
            a style beside the raster.
        provenance: What made the raster, as metadata items of the TIFF.

    Raises:
        OutputError: The file cannot be written.
    """

    def __init__(
        self, path: Path, grid: Grid, band_names: Sequence[str], provenance: Mapping[str, str]
    ) -> None:
        super().__init__(
            path,
            grid,
            provenance,
            count=len(band_names),
            dtype="float32",
            nodata=NODATA_FLOAT,
            # Neighboring floats differ little: their differences compress better.
            options={"predictor": 3, "interleave": "band"},
        )
        self._ramp = RAMPS.get(band_names[0]) if len(band_names) == 1 else None
        self.describe(band_names)

    def write(self, rows: slice | Window, values: NDArray[Any]) -> None:
        """Write a part of the raster; every pixel is to be written exactly once.

        Args:
            rows: Rows over the full width, or a window.
            values: float32 (bands, rows, cols); non-finite values become nodata.
        """
        super().write(rows, np.where(np.isfinite(values), values, NODATA_FLOAT))

    def close(self) -> None:
        """Finish the raster, read it back, and write what lies beside it."""
        super().close()
        if self._ramp is not None:
            write_ramp_style(style_path(self.path), self._ramp)
