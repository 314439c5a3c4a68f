"""Which arrays lie in a file or folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np

from mambahsi.benchmark_scenes import matlab, plain_files, roi
from mambahsi.benchmark_scenes.arrays import Reader, StoredArray
from mambahsi.errors import MambaHSIError, SceneError

_RASTERS = {".tif", ".tiff", ".img", ".dat", ".bsq", ".bil", ".bip", ".raw", ".vrt", ""}


def list_file(path: Path) -> list[StoredArray]:
    """The arrays of a file.

    Raises:
        SceneError: It is missing, damaged, or of a format that is not known.
        LabelsError: It is a list of regions, and damaged.
    """
    if not path.is_file():
        raise SceneError(f"{path} does not exist.", "Check the path.")
    suffix = path.suffix.lower()
    if suffix == ".mat":
        return matlab.list_arrays(path)
    if suffix == ".npy":
        return plain_files.list_numpy(path)
    if suffix == ".txt":
        return roi.list_regions(path)
    if suffix == ".hdr":
        return plain_files.list_raster(_beside_header(path))
    if suffix == ".roi":
        raise SceneError(
            f"{path} is a binary file of regions, which ENVI alone reads.",
            "Export the regions to a text file, or to a classification image.",
        )
    if suffix in (".pkl", ".pickle", ".npz", ".zip"):
        raise SceneError(
            f"{path} cannot be read.", "Known are .mat, .npy, ENVI with its .hdr, and GeoTIFF."
        )
    return plain_files.list_raster(path)


def list_folder(folder: Path, *, subfolders: bool = False) -> tuple[list[StoredArray], list[str]]:
    """The arrays of a folder, and what cannot be read there.

    What an earlier import wrote there is left out.

    Args:
        folder: Where to look.
        subfolders: Whether to look into its direct subfolders, too.
    """
    found: list[StoredArray] = []
    problems: list[str] = []
    for path in _candidates(folder, subfolders):
        try:
            arrays = list_file(path)
            if arrays and arrays[0].form == "raster" and plain_files.is_imported(arrays[0].path):
                continue
            found += arrays
        except MambaHSIError as error:
            problems.append(error.message)
    return found, problems


def open_array(array: StoredArray) -> AbstractContextManager[Reader]:
    """Open an array to be read in parts."""
    openers = {
        "mat": matlab.open_array,
        "hdf5": matlab.open_array,
        "npy": plain_files.open_numpy,
        "raster": plain_files.open_raster,
    }
    return openers[array.form](array)


def read_array(array: StoredArray) -> np.ndarray:
    """A whole array."""
    if array.form == "roi":
        return roi.read_regions(array)
    with open_array(array) as reader:
        return reader.part(0, 0, array.shape[0])


def source_files(array: StoredArray) -> list[Path]:
    """The files that an array is read from: the file itself, and the header beside it."""
    beside = [array.path.with_suffix(".hdr"), array.path.with_name(array.path.name + ".hdr")]
    headers = [path for path in beside if array.form == "raster" and path.is_file()]
    return [array.path, *headers]


def _candidates(folder: Path, subfolders: bool) -> Iterator[Path]:
    paths = sorted(folder.iterdir())
    if subfolders:
        below = [path for path in paths if path.is_dir() and not path.name.startswith(".")]
        paths += [path for subfolder in below for path in sorted(subfolder.iterdir())]
    for path in paths:
        if not path.is_file() or path.name.startswith("."):
            continue
        suffix = path.suffix.lower()
        if suffix in (".mat", ".npy", ".txt", ".tif", ".tiff"):
            yield path
        elif suffix == ".hdr":
            try:
                data = _beside_header(path)
            except SceneError:
                continue
            if data.suffix.lower() not in (".tif", ".tiff"):
                yield path


def _beside_header(header: Path) -> Path:
    """The file of pixels that a header belongs to."""
    named = header.with_suffix("")
    if named.is_file():
        return named
    beside = sorted(
        path
        for path in header.parent.iterdir()
        if path.stem == header.stem and path.suffix.lower() in _RASTERS and path.is_file()
    )
    if not beside:
        raise SceneError(
            f"{header} is a header, and the file with the pixels is not beside it.",
            "Put both into one folder, under one name.",
        )
    return beside[0]
