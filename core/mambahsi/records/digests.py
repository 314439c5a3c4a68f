"""Digests: of a file's bytes, and of what an output means.

Two runs of the same job never give the same bytes, because a model file and a map tell when
and for how long they were made. So an output has a digest of its content as well: a model's
is that of its tensors, a raster's that of its pixels, that of sample points their places and
fields. All are SHA-256.
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import rasterio
import safetensors
from rasterio.errors import NotGeoreferencedWarning
from rasterio.windows import Window

from mambahsi import cancellation
from mambahsi.feedback import Feedback
from mambahsi.outputs import final_path

_BLOCK = 8 * 2**20
_STRIP_ROWS = 256
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def file_digest(path: Path, feedback: Feedback | None = None) -> str:
    """Digest of a file's bytes, as 64 hexadecimal digits.

    A file that has not been written to since is not read again in this process.

    Args:
        path: The file.
        feedback: Told how far it is.

    Raises:
        OSError: The file cannot be read.
        Cancelled: The user asked to stop.
    """
    status = path.stat()
    known = (os.path.realpath(path), status.st_size, status.st_mtime_ns)
    if known not in _digests:
        _digests[known] = _read_digest(path, status.st_size, feedback or Feedback())
    return _digests[known]


_digests: dict[tuple[str, int, int], str] = {}


def _read_digest(path: Path, size: int, feedback: Feedback) -> str:
    sha = hashlib.sha256()
    buffer = memoryview(bytearray(min(_BLOCK, max(size, 1))))
    done = 0
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            feedback.check()
            sha.update(buffer[:count])
            done += count
            if size > _BLOCK:
                name = final_path(path).name
                feedback.progress(0.0, f"Taking the digest of {name}: {done / size:.0%}")
    return sha.hexdigest()


def content_digest(path: Path, role: str) -> str:
    """Digest of what an output means, or an empty text where nothing can be compared.

    Args:
        path: The output, perhaps still under its temporary name.
        role: Field of the job that names it, or ``model_fold0`` and so on; a model is a file of
            tensors.

    Raises:
        OSError: The file cannot be read.
        Cancelled: The user asked to stop.
    """
    if role.startswith("model"):
        return tensors_digest(path)
    with path.open("rb") as file:
        head = file.read(4)
    if head in _TIFF:
        return pixels_digest(path)
    suffix = path.suffix.lower()
    if suffix == ".json":
        return _json_digest(path)
    if suffix == ".gpkg":
        return features_digest(path)
    return file_digest(path) if suffix == ".csv" else ""


def tensors_digest(path: Path) -> str:
    """Digest of all tensors of a safetensors file: names, types, shapes and numbers."""
    sha = hashlib.sha256()
    for name, tensor in sorted(read_tensors(path).items()):
        sha.update(f"{name}{tensor.dtype.str}{tensor.shape}".encode())
        sha.update(np.ascontiguousarray(tensor).tobytes())
    return sha.hexdigest()


def read_tensors(path: Path) -> dict[str, np.ndarray]:
    """All tensors of a safetensors file by name."""
    with safetensors.safe_open(path, "np") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def pixels_digest(path: Path) -> str:
    """Digest of a raster's size, types and pixels, however the file is laid out."""
    sha = hashlib.sha256()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path) as dataset:
            sha.update(f"{dataset.dtypes}{dataset.shape}".encode())
            for top in range(0, dataset.height, _STRIP_ROWS):
                rows = min(_STRIP_ROWS, dataset.height - top)
                for band in dataset.indexes:
                    cancellation.raise_if_requested()
                    strip = dataset.read(band, window=Window(0, top, dataset.width, rows))
                    sha.update(np.ascontiguousarray(strip).data)
    return sha.hexdigest()


def features_digest(path: Path) -> str:
    """Digest of the features of a vector file's first layer: geometries and fields, in order."""
    layer = str(pyogrio.list_layers(path)[0][0])
    meta, _, geometries, fields = pyogrio.raw.read(path, layer=layer)
    sha = hashlib.sha256(repr([*meta["fields"]]).encode())
    for geometry in geometries:
        sha.update(geometry or b"")
    for values in fields:
        sha.update(repr(values.tolist()).encode())
    return sha.hexdigest()


def _json_digest(path: Path) -> str:
    values: Any = json.loads(path.read_text(encoding="utf-8"))
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
