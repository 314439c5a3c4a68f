"""Reading spectra around a pixel, block by block, the nearest block first.

Rasters are stored in blocks, and GDAL decodes a block whole, however few of its pixels are
wanted; with all bands of a hyperspectral scene, that is what reading costs. So a scene is
read in *cells*, rectangles made of whole blocks: the cell that holds the clicked pixel first,
so that there is something to show after a fraction of a second whatever the window's size,
then the others by their distance. Cells read recently are kept, which makes a second click
nearby, another measure or a larger window a matter of milliseconds. Decoding is the work of one
processor core, so several cells are read at the same time, each by a dataset of its own.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Collection, Iterator, Optional, Sequence

import numpy as np
from osgeo import gdal

from mambahsi_qgis.region_growing import Window
from mambahsi_qgis.translation import tr

KEPT_BYTES = 256 * 2**20
"""How much of recently read cells is kept."""

_CELL_SIDE = 64
"""Fewest pixels on a side of a cell; smaller blocks are read several at a time."""

_CELL_BYTES = 64 * 2**20
"""Cells of several blocks are no larger than this."""

_TYPES = {
    gdal.GDT_Byte: np.uint8,
    gdal.GDT_UInt16: np.uint16,
    gdal.GDT_Int16: np.int16,
    gdal.GDT_UInt32: np.uint32,
    gdal.GDT_Int32: np.int32,
    gdal.GDT_Float32: np.float32,
    gdal.GDT_Float64: np.float64,
}


class SpectraError(Exception):
    """Spectra that cannot be read or compared; the text says why and what to do."""


@dataclass(frozen=True, eq=False)
class Cell:
    """Pixels of one cell.

    Attributes:
        window: Where it lies in the scene.
        values: Shape (bands, rows, columns), as stored.
        masked: Where masks of the file exclude pixels; bool, shape (1 or bands, rows, columns),
            or None.
    """

    window: Window
    values: np.ndarray
    masked: Optional[np.ndarray]


class SpectraReader:
    """The spectra of a raster. Several threads may read at the same time.

    Args:
        source: GDAL source.
        options: GDAL open options.
        nodata: A nodata value beside the file's own.
        bad_bands: Numbers, from 1, of bands that are not read.

    Attributes:
        width, height: Size in pixels.
        transform: GDAL geotransform; where the file has none, that by which QGIS draws it.

    Raises:
        SpectraError: The source cannot be opened, or no band is left.
    """

    def __init__(
        self,
        source: str,
        options: Sequence[str] = (),
        nodata: Optional[float] = None,
        bad_bands: Collection[int] = (),
    ) -> None:
        self._source = source
        self._options = list(options)
        self._idle: deque[gdal.Dataset] = deque()
        self._lock = threading.Lock()
        with self._dataset() as dataset:
            self._look_at(dataset, nodata, bad_bands)

    def _look_at(
        self, dataset: gdal.Dataset, nodata: Optional[float], bad_bands: Collection[int]
    ) -> None:
        self.width, self.height = dataset.RasterXSize, dataset.RasterYSize
        self.transform = geotransform_of(dataset)
        bands = {n: dataset.GetRasterBand(n) for n in range(1, dataset.RasterCount + 1)}
        self._bands = [
            number
            for number, band in bands.items()
            if number not in bad_bands and band.GetColorInterpretation() != gdal.GCI_AlphaBand
        ]
        if not self._bands:
            raise SpectraError(
                tr("{} has no band that is not flagged as bad.").format(self._source)
            )
        used = [bands[number] for number in self._bands]
        self._type = used[0].DataType
        for band in used:
            self._type = gdal.DataTypeUnion(self._type, band.DataType)
        if self._type not in _TYPES:
            self._type = gdal.GDT_Float64
        self._nodata = [
            _representable((band.GetNoDataValue(), nodata), band.DataType) for band in used
        ]
        self._masks = _masks(self._bands, used)
        compressed = bool(dataset.GetMetadataItem("COMPRESSION", "IMAGE_STRUCTURE"))
        columns, rows = used[0].GetBlockSize()
        self._cell_rows, self._cell_columns = self._cell_shape(rows, columns, compressed)
        self._kept: OrderedDict[Window, Cell] = OrderedDict()

    def cells(self, window: Window, row: int, column: int) -> list[Window]:
        """The cells that a window touches, that of a pixel in it first, then the nearest."""
        high, wide = self._cell_rows, self._cell_columns
        found = [
            Window(top, left, min(top + high, self.height), min(left + wide, self.width))
            for top in range(window.top // high * high, window.bottom, high)
            for left in range(window.left // wide * wide, window.right, wide)
        ]

        def apart(cell: Window) -> float:
            rows = max(cell.top - row, row + 1 - cell.bottom, 0)
            columns = max(cell.left - column, column + 1 - cell.right, 0)
            return float(np.hypot(rows, columns))

        return sorted(found, key=apart)

    def read(self, window: Window) -> Cell:
        """A cell, from those that are kept or from the file.

        Raises:
            SpectraError: The file is truncated or corrupt.
        """
        with self._lock:
            if window in self._kept:
                self._kept.move_to_end(window)
                return self._kept[window]
        with self._dataset() as dataset:
            cell = Cell(window, self._numbers(dataset, window), self._masked(dataset, window))
        with self._lock:
            self._kept[window] = cell
            while len(self._kept) > 1 and self._kept_bytes() > KEPT_BYTES:
                self._kept.popitem(last=False)
        return cell

    def valid(self, cell: Cell, bands: np.ndarray, rows: slice, columns: slice) -> np.ndarray:
        """Where bands hold a measurement.

        Args:
            cell: Pixels.
            bands: Places of the bands among those that were read.
            rows, columns: A part of the cell.

        Returns:
            bool, shape (bands, rows, columns).
        """
        shape = cell.values[:1, rows, columns].shape[1:]
        found = np.ones((len(bands), *shape), dtype=bool)
        for valid, band in zip(found, bands):
            values = cell.values[band, rows, columns]
            if values.dtype.kind == "f":
                np.isfinite(values, out=valid)
            for value in self._nodata[band]:
                valid &= values != value
            if cell.masked is not None:
                valid &= ~cell.masked[band if len(cell.masked) > 1 else 0, rows, columns]
        return found

    @contextmanager
    def _dataset(self) -> Iterator[gdal.Dataset]:
        """A dataset that no other thread uses meanwhile, as GDAL demands."""
        try:
            dataset = self._idle.pop()
        except IndexError:
            dataset = self._open()
        try:
            yield dataset
        finally:
            self._idle.append(dataset)

    def _open(self) -> gdal.Dataset:
        try:
            dataset = gdal.OpenEx(self._source, gdal.OF_RASTER, open_options=self._options)
        except RuntimeError:  # where somebody switched GDAL's exceptions on
            dataset = None
        if dataset is None:
            raise SpectraError(
                tr("GDAL cannot open {}: {}").format(self._source, gdal.GetLastErrorMsg())
            )
        return dataset

    def _cell_shape(self, rows: int, columns: int, compressed: bool) -> tuple[int, int]:
        if columns >= self.width and rows < _CELL_SIDE and not compressed:
            columns = min(columns, 4 * _CELL_SIDE)  # lines of plain numbers may be read in part
        high = rows * -(-_CELL_SIDE // rows)
        wide = columns * -(-_CELL_SIDE // columns)
        size = len(self._bands) * np.dtype(_TYPES[self._type]).itemsize
        fitting = _CELL_BYTES // (wide * size) // rows * rows
        return max(rows, min(high, fitting)), wide

    def _numbers(self, dataset: gdal.Dataset, window: Window) -> np.ndarray:
        rows, columns = window.shape
        raw = self._raw(dataset, window, self._type, band_list=self._bands)
        return np.frombuffer(raw, _TYPES[self._type]).reshape(len(self._bands), rows, columns)

    def _masked(self, dataset: gdal.Dataset, window: Window) -> Optional[np.ndarray]:
        if not self._masks:
            return None
        masks = [dataset.GetRasterBand(number).GetMaskBand() for number in self._masks]
        raw = [self._raw(mask, window, gdal.GDT_Byte) for mask in masks]
        return np.stack([np.frombuffer(r, np.uint8).reshape(window.shape) == 0 for r in raw])

    def _raw(self, source: object, window: Window, kind: int, **bands: object) -> bytes:
        rows, columns = window.shape
        try:
            raw = source.ReadRaster(  # type: ignore[attr-defined]
                window.left, window.top, columns, rows, buf_type=kind, **bands
            )
        except RuntimeError:
            raw = None
        if raw is None:
            raise SpectraError(
                tr(
                    "{} cannot be read at row {}, column {}: {} It may be truncated or corrupt."
                ).format(self._source, window.top, window.left, gdal.GetLastErrorMsg())
            )
        return raw

    def _kept_bytes(self) -> int:
        return sum(cell.values.nbytes for cell in self._kept.values())


def _representable(values: Sequence[Optional[float]], kind: int) -> list[float]:
    """Nodata values as a band of a GDAL type stores them; those it cannot store never occur."""
    dtype = np.dtype(_TYPES.get(kind, np.float64))
    bits = 8 * dtype.itemsize
    low = -(2 ** (bits - 1)) if dtype.kind == "i" else 0
    found = []
    for value in values:
        if value is None or not np.isfinite(value):
            continue  # what is not finite is no measurement anyway
        if dtype.kind == "f":
            with np.errstate(over="ignore"):
                found.append(float(dtype.type(value)))
        elif value == int(value) and low <= value < low + 2**bits:
            found.append(value)
    return found


def _masks(numbers: Sequence[int], bands: Sequence[gdal.Band]) -> Sequence[int]:
    """Numbers of the bands whose masks have to be read: one for all bands, each, or none."""
    flags = [band.GetMaskFlags() for band in bands]
    computed = (gdal.GMF_ALL_VALID, gdal.GMF_NODATA)
    if all(flag in computed for flag in flags):
        return []
    if all(flag & gdal.GMF_PER_DATASET for flag in flags):
        return numbers[:1]
    return numbers


def geotransform_of(dataset: gdal.Dataset) -> tuple[float, ...]:
    """The dataset's geotransform; where it has none, that by which QGIS draws it."""
    found = dataset.GetGeoTransform(can_return_null=True)
    if found is None or tuple(found) == (0, 1, 0, 0, 0, 1):
        return (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)
    return tuple(found)
