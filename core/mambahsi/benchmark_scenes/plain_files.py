"""Arrays in NumPy's files and in rasters: ENVI, GeoTIFF, and whatever else GDAL reads.

A NumPy file may hold pickled Python objects, which execute code when they are loaded; such files
are refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import rasterio
from rasterio.windows import Window

from mambahsi.benchmark_scenes.arrays import InMemory, Reader, StoredArray
from mambahsi.errors import SceneError
from mambahsi.grid import Grid
from mambahsi.jobs import RasterSource
from mambahsi.raster_file import crs_text, reading, refuse_unusable

SCENE_TAG = "MAMBAHSI_BENCHMARK_SCENE"
"""Metadata item of imported rasters: the key of the scene that they are."""

_HINT = "It may be corrupt, truncated, or of a format that is not known."


def list_numpy(path: Path) -> list[StoredArray]:
    """The array of a ``.npy`` file.

    Raises:
        SceneError: It is damaged, or holds Python objects.
    """
    array = _map(path)
    return [StoredArray(path, "", array.shape, array.dtype.name, "npy")]


@contextmanager
def open_numpy(array: StoredArray) -> Iterator[Reader]:
    """Open the array of a ``.npy`` file; it is mapped into memory, not read."""
    yield InMemory(_map(array.path))


def _map(path: Path) -> np.ndarray:
    try:
        mapped: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        hint = _HINT
        if "object" in str(error).lower() or "pickle" in str(error).lower():
            hint = "Save it as an array of numbers: Python objects are never loaded."
        raise SceneError(f"{path} cannot be read: {error}", hint) from error
    return mapped


def list_raster(path: Path) -> list[StoredArray]:
    """The bands of a raster as an array of rows, columns and bands, or of rows and columns.

    Raises:
        SceneError: It is damaged, rendered or complex.
    """
    with _opened(path) as dataset:
        shape = (dataset.height, dataset.width, *([dataset.count] if dataset.count > 1 else []))
        kind = np.result_type(*dataset.dtypes).name
    return [StoredArray(path, "", shape, kind, "raster")]


def is_imported(path: Path) -> bool:
    """Whether a raster is no source, but was made by an import."""
    with _opened(path) as dataset:
        return SCENE_TAG in dataset.tags()


@contextmanager
def open_raster(array: StoredArray) -> Iterator[Reader]:
    """Open the bands of a raster."""
    with _opened(array.path) as dataset:
        yield _Bands(array.path, dataset)


def raster_place(path: Path) -> Grid | None:
    """Where a raster lies, or None where it does not say."""
    with _opened(path) as dataset:
        grid = Grid(
            dataset.width,
            dataset.height,
            tuple(dataset.transform)[:6],
            crs_text(dataset, RasterSource(str(path))),
        )
    return grid if grid.crs and grid.has_transform else None


class _Bands:
    def __init__(self, path: Path, dataset: rasterio.io.DatasetReader) -> None:
        self._path, self._dataset = path, dataset

    def part(self, axis: int, start: int, stop: int) -> np.ndarray:
        """See :class:`~mambahsi.benchmark_scenes.arrays.Reader`; along rows alone."""
        if axis != 0:
            raise ValueError("A raster is read by rows.")
        window = Window(0, start, self._dataset.width, stop - start)
        with reading(str(self._path), "cannot be read", _HINT):
            bands = self._dataset.read(window=window)
        return np.moveaxis(bands, 0, 2) if len(bands) > 1 else bands[0]


@contextmanager
def _opened(path: Path) -> Iterator[rasterio.io.DatasetReader]:
    with reading(str(path), "cannot be opened"):
        dataset = rasterio.open(path)
    with dataset:
        refuse_unusable(dataset, str(path))
        yield dataset
