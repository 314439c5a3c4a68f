"""Files of benchmark scenes as people have them, with invented contents."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import rasterio
import scipy.io
from rasterio.errors import NotGeoreferencedWarning

from mambahsi.benchmark_scenes import BenchmarkScene


def make_truth(scene: BenchmarkScene, seed: int = 0) -> np.ndarray:
    """Labels of every class of a scene, in patches; uint8 (rows, columns)."""
    generator = np.random.default_rng(seed)
    values = np.append(0, scene.classes.values).astype(np.uint8)
    patches = generator.permutation(np.arange(20 * 20) % len(values)).reshape(20, 20)
    rows = np.arange(scene.rows) * 20 // scene.rows
    columns = np.arange(scene.columns) * 20 // scene.columns
    return values[patches[rows][:, columns]]


def make_cube(scene: BenchmarkScene, bands: int, seed: int = 0) -> np.ndarray:
    """Measurements of a scene; uint16 (rows, columns, bands)."""
    generator = np.random.default_rng(seed)
    size = (scene.rows, scene.columns, bands)
    return generator.integers(0, 9000, size).astype(np.uint16)


def write_mat5(path: Path, name: str, array: np.ndarray) -> None:
    """As ``save`` of MATLAB 5 to 7 writes it."""
    scipy.io.savemat(path, {name: array}, do_compression=True)


def write_mat73(path: Path, name: str, array: np.ndarray) -> None:
    """As ``save -v7.3`` of MATLAB writes it: HDF5, last axis first, behind a block of text."""
    classes = {"float64": "double", "float32": "single"}
    with h5py.File(path, "w", userblock_size=512) as file:
        dataset = file.create_dataset(name, data=array.T, chunks=True, compression="gzip")
        kind = classes.get(array.dtype.name, array.dtype.name)
        dataset.attrs["MATLAB_class"] = np.bytes_(kind)
    with path.open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")


def write_npy(path: Path, name: str, array: np.ndarray) -> None:
    """As ``numpy.save`` writes it."""
    np.save(path, array)


def write_envi(path: Path, name: str, array: np.ndarray) -> None:
    """As ENVI writes it: pixels, and a header beside them."""
    _write_raster(path, array, driver="ENVI", interleave="bsq")


def write_tif(path: Path, name: str, array: np.ndarray, **options: Any) -> None:
    """A GeoTIFF, without position unless options say one."""
    _write_raster(path, array, driver="GTiff", **options)


def _write_raster(path: Path, array: np.ndarray, **options: Any) -> None:
    bands = array if array.ndim == 3 else array[..., np.newaxis]
    options |= {"height": bands.shape[0], "width": bands.shape[1], "count": bands.shape[2]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", dtype=array.dtype, **options) as dataset:
            dataset.write(np.moveaxis(bands, 2, 0))


WRITERS: dict[str, tuple[str, Callable[[Path, str, np.ndarray], None]]] = {
    "mat5": (".mat", write_mat5),
    "mat73": (".mat", write_mat73),
    "npy": (".npy", write_npy),
    "envi": (".bsq", write_envi),
    "tif": (".tif", write_tif),
}
