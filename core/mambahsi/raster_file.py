"""Opening a raster file, and telling in plain words why one cannot be used.

Everything that GDAL says about a file that is missing, damaged or unfit becomes a
:class:`~mambahsi.errors.SceneError` that names it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import rasterio
from rasterio._err import CPLE_BaseError
from rasterio.crs import CRS
from rasterio.errors import CRSError, NotGeoreferencedWarning, RasterioError

from mambahsi.errors import SceneError
from mambahsi.jobs import RasterSource

CACHE_BYTES = 256 * 2**20
"""GDAL's block cache; its own default, 5 % of the machine, is not ours to take."""

_cache_bytes = CACHE_BYTES

_SMALLEST_SIDE = 4
"""The network halves a scene twice, so a side below four pixels would vanish."""

_RENDERED_DRIVERS = ("WMS", "WMTS")

_RAW_DRIVERS = ("ENVI", "EHdr", "ISCE", "ROI_PAC", "RRASTER", "ERS", "GenBin", "MFF2")
"""Formats whose pixels lie bare in a file; GDAL reads what is missing at its end as 0."""


@contextmanager
def block_cache(size: int) -> Iterator[None]:
    """Have GDAL keep at most ``size`` bytes of blocks, of all files together, for a while."""
    global _cache_bytes
    before, _cache_bytes = _cache_bytes, size
    try:
        # Around the whole work, because files are written outside of :func:`reading`.
        with rasterio.Env(GDAL_CACHEMAX=size):
            yield
    finally:
        _cache_bytes = before


@contextmanager
def reading(path: str, what: str, hint: str = "") -> Iterator[None]:
    """Turn what rasterio raises into an error that names the file."""
    try:
        with (
            rasterio.Env(GDAL_CACHEMAX=_cache_bytes),
            warnings.catch_warnings(),
        ):
            # Scenes without georeference are welcome here.
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            yield
    except (RasterioError, CPLE_BaseError) as error:
        reason = str(error.__cause__ or error)
        if what == "cannot be opened":
            raise _open_error(path, reason) from error
        raise SceneError(f"Scene {path} {what}: {reason}", hint) from error


def _open_error(path: str, reason: str) -> SceneError:
    lowered = path.lower()
    if not path.strip():
        return SceneError("No scene is given.", "Choose a raster.")
    if "type=xyz" in lowered or lowered.startswith(("crs=", "contextualwmslegend=", "url=")):
        return _rendered(path)
    is_file_path = not lowered.startswith("/vsi") and ":" not in lowered[2:]
    if is_file_path and not Path(path).exists():
        return SceneError(f"Scene {path} does not exist.", "Check the path of the raster.")
    if "Permission denied" in reason:
        return SceneError(f"Scene {path} cannot be opened: {reason}", "Check that you may read it.")
    return SceneError(
        f"Scene {path} cannot be opened: {reason}",
        "It may be corrupt, truncated, or in a format that the engine's GDAL lacks.",
    )


def _rendered(path: str) -> SceneError:
    # The whole description of a web service may stand in place of a path.
    name = path if len(path) <= 200 else f"{path[:197]}..."
    return SceneError(
        f"Scene {name} is a rendered layer: it holds pictures of a map, not measurements.",
        "Choose a raster file with the bands of the sensor.",
    )


def refuse_unusable(dataset: rasterio.io.DatasetReader, path: str) -> None:
    if dataset.driver in _RENDERED_DRIVERS:
        raise _rendered(path)
    if dataset.count == 0:
        names = dataset.subdatasets
        if names:
            raise SceneError(
                f"Scene {path} has no bands of its own, but subdatasets: {', '.join(names)}.",
                "Choose one of them.",
            )
        raise SceneError(f"Scene {path} has no bands.")
    kinds = sorted({dtype for dtype in dataset.dtypes if "complex" in dtype})
    if kinds:
        raise SceneError(
            f"Scene {path} holds complex numbers ({kinds[0]}), which have no reflectance.",
            "Export amplitude or another real quantity first.",
        )
    if min(dataset.width, dataset.height) < _SMALLEST_SIDE:
        raise SceneError(
            f"Scene {path} has {dataset.height} rows and {dataset.width} columns.",
            f"At least {_SMALLEST_SIDE} of each are needed.",
        )
    _refuse_short_raw_file(dataset, path)


def _refuse_short_raw_file(dataset: rasterio.io.DatasetReader, path: str) -> None:
    """Refuse a bare pixel file that ends early, which GDAL itself would read as zeros."""
    if dataset.driver not in _RAW_DRIVERS or "NBITS" in dataset.tags(1, ns="IMAGE_STRUCTURE"):
        return
    envi = dataset.tags(ns="ENVI")
    if envi.get("file_compression", "0") != "0":
        return
    # The pixels lie in the largest file; headers and statistics lie beside it.
    sizes = [file.stat().st_size for file in map(Path, dataset.files) if file.is_file()]
    pixel_bytes = sum(np.dtype(dtype).itemsize for dtype in dataset.dtypes)
    needed = dataset.width * dataset.height * pixel_bytes + int(envi.get("header_offset", "0"))
    if sizes and max(sizes) < needed:
        raise SceneError(
            f"Scene {path} is truncated: its {dataset.driver} file has {max(sizes)} bytes, and "
            f"{dataset.height} x {dataset.width} pixels in {dataset.count} bands need {needed}.",
            "Copy or download it again.",
        )


def crs_text(dataset: rasterio.io.DatasetReader, source: RasterSource) -> str:
    """The CRS as WKT: the project's where it says one, else the file's, else empty."""
    if not source.crs:
        return _crs_to_wkt(dataset.crs) if dataset.crs else ""
    try:
        return _crs_to_wkt(CRS.from_user_input(source.crs))
    except CRSError as error:
        raise SceneError(
            f"CRS {source.crs!r} given for scene {source.path} is not known: {error}",
            "Give it as WKT or as EPSG:n.",
        ) from error


def _crs_to_wkt(crs: CRS) -> str:
    """WKT of a CRS: the older, widely read version where it can say it, else WKT2."""
    try:
        return str(crs.to_wkt())
    except CRSError:
        return str(crs.to_wkt(version="WKT2_2019"))
