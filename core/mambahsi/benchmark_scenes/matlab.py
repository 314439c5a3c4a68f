"""Arrays in MATLAB's files: version 5 and older by SciPy, version 7.3, which is HDF5, by h5py.

Nothing in such a file is ever executed: only variables that hold an array of real numbers are
read, cells, structures, objects and function handles are not.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import scipy.io

from mambahsi.benchmark_scenes.arrays import InMemory, Reader, StoredArray
from mambahsi.errors import SceneError

_TYPES = {"double": "float64", "single": "float32"}


def list_arrays(path: Path) -> list[StoredArray]:
    """The variables of a file, whatever they hold.

    Raises:
        SceneError: The file is damaged, or none of MATLAB.
    """
    with _reading(path):
        if h5py.is_hdf5(path):
            with h5py.File(path, "r") as file:
                return [
                    StoredArray(path, name, *_describe(dataset), "hdf5")
                    for name, dataset in _datasets(file)
                ]
        return [
            StoredArray(path, name, tuple(shape), _TYPES.get(kind, kind), "mat")
            for name, shape, kind in scipy.io.whosmat(path)
        ]


@contextmanager
def open_array(array: StoredArray) -> Iterator[Reader]:
    """Open a variable.

    Raises:
        SceneError: It is damaged, or holds complex numbers.
    """
    if array.form == "mat":
        with _reading(array.path):
            values = scipy.io.loadmat(array.path, variable_names=[array.name])[array.name]
        if np.iscomplexobj(values):
            raise SceneError(f"{array.label} holds complex numbers.", "Choose a real array.")
        yield InMemory(values)
        return
    with _reading(array.path):
        file = h5py.File(array.path, "r")
    with file:
        dataset = file[array.name]
        yield _Dataset(array.path, dataset, _is_reversed(dataset))


class _Dataset:
    def __init__(self, path: Path, dataset: h5py.Dataset, is_reversed: bool) -> None:
        self._path, self._dataset, self._is_reversed = path, dataset, is_reversed

    def part(self, axis: int, start: int, stop: int) -> np.ndarray:
        """See :class:`~mambahsi.benchmark_scenes.arrays.Reader`."""
        place = self._dataset.ndim - 1 - axis if self._is_reversed else axis
        with _reading(self._path):
            values: np.ndarray = self._dataset[(slice(None),) * place + (slice(start, stop),)]
        return values.T if self._is_reversed else values


def _datasets(file: h5py.File) -> Iterator[tuple[str, h5py.Dataset]]:
    """The variables at the top of a file; links into other files are not followed."""
    for name in file:
        if isinstance(file.get(name, getlink=True), h5py.HardLink):
            item = file[name]
            if isinstance(item, h5py.Dataset) and item.ndim:
                yield name, item


def _is_reversed(dataset: h5py.Dataset) -> bool:
    """Whether MATLAB wrote it; it stores its last axis first."""
    return "MATLAB_class" in dataset.attrs


def _describe(dataset: h5py.Dataset) -> tuple[tuple[int, ...], str]:
    """Shape as its program shows it, and type."""
    if not _is_reversed(dataset):
        return dataset.shape, dataset.dtype.name
    kind = dataset.attrs["MATLAB_class"]
    kind = kind.decode("ascii", "replace") if isinstance(kind, bytes) else str(kind)
    kind = "sparse" if "MATLAB_sparse" in dataset.attrs else kind
    is_number = kind in _TYPES or kind.startswith(("int", "uint"))
    return dataset.shape[::-1], dataset.dtype.name if is_number else kind


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    # SciPy and h5py answer damaged files with errors of nearly any kind.
    except Exception as error:
        raise SceneError(
            f"{path} cannot be read: {error}",
            "It may be truncated, or no MATLAB file; copy or download it again.",
        ) from error
