"""A cube as a GeoTIFF: no value changed, every file read in blocks where its format allows.

Cubes are often stored as floating-point numbers although they hold whole ones, four times as
large as needed. The type written is the smallest that holds every value exactly. It is found by
going through the cube once, which also finds values that no measurement has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from mambahsi.benchmark_scenes.arrays import Reader
from mambahsi.benchmark_scenes.files import open_array
from mambahsi.benchmark_scenes.recognize import SceneFiles
from mambahsi.errors import SceneError
from mambahsi.feedback import Feedback
from mambahsi.grid import Grid
from mambahsi.landcover import RasterWriter
from mambahsi.outputs import style_path
from mambahsi.qml import write_band_style
from mambahsi.raster_file import CACHE_BYTES, block_cache

BLOCK_ROWS = 128
"""Rows and columns of a tile, and rows that are in memory at a time."""

_AS_THEY_ARE = ("uint8", "uint16", "int16", "uint32", "int32")
_CONTRAST = (2, 98)
"""Percentiles that are drawn darkest and brightest."""


def write_scene(
    path: Path, files: SceneFiles, grid: Grid, provenance: Mapping[str, str], feedback: Feedback
) -> str:
    """Write the cube of a scene, and a style that shows it close to natural colors.

    Returns:
        NumPy's name of the type that it is written in.

    Raises:
        SceneError: It cannot be read, or holds NaN, infinite or too large values.
        OutputError: It cannot be written.
        Cancelled: The user asked to stop.
    """
    with open_array(files.cube) as reader, block_cache(CACHE_BYTES):
        dtype = _exact_type(files, reader, feedback.part(0.0, 0.4))
        compression = {"predictor": 3 if dtype.startswith("float") else 2}
        tiles = {"blockxsize": BLOCK_ROWS, "blockysize": BLOCK_ROWS, "interleave": "band"}
        with RasterWriter(
            path,
            grid,
            provenance,
            count=files.bands,
            dtype=dtype,
            nodata=None,
            options={**tiles, **compression},
        ) as writer:
            shown = [band - 1 for band in _shown_bands(files)]
            seen = []
            for rows, block in _blocks(files, reader, feedback.part(0.4, 1.0)):
                writer.write(rows, block.astype(dtype))
                seen.append(block[shown].reshape(len(shown), block[0].size))
    if shown:
        limits = np.percentile(np.concatenate(seen, axis=1), _CONTRAST, axis=1).T
        write_band_style(style_path(path), [band + 1 for band in shown], limits.tolist())
    return dtype


def _shown_bands(files: SceneFiles) -> Sequence[int]:
    """The bands, counted from 1, to draw a scene in; none where its bands are not the usual."""
    return files.scene.natural_colors if files.bands in files.scene.bands else ()


def _blocks(
    files: SceneFiles, reader: Reader, feedback: Feedback
) -> Iterator[tuple[slice, np.ndarray]]:
    """Rows, and what lies there as (bands, rows, columns)."""
    rows_axis, columns_axis, bands_axis = files.axes
    height = files.scene.rows
    for start in range(0, height, BLOCK_ROWS):
        feedback.check()
        stop = min(start + BLOCK_ROWS, height)
        block = reader.part(rows_axis, start, stop)
        yield slice(start, stop), block.transpose(bands_axis, rows_axis, columns_axis)
        feedback.progress(stop / height)


def _exact_type(files: SceneFiles, reader: Reader, feedback: Feedback) -> str:
    """The smallest type of a GeoTIFF that holds every value exactly."""
    if files.cube.kind in _AS_THEY_ARE:
        return files.cube.kind
    smallest, largest, whole, single = np.inf, -np.inf, True, True
    for rows, block in _blocks(files, reader, feedback):
        if block.dtype.kind == "f":
            _refuse_strange(files, rows, block)
            whole = whole and bool((block == np.floor(block)).all())
            with np.errstate(over="ignore"):
                single = single and bool((block.astype(np.float32) == block).all())
        smallest, largest = min(smallest, int(block.min() // 1)), max(largest, block.max())
    if whole:
        for name in _AS_THEY_ARE:
            limits = np.iinfo(name)
            if limits.min <= smallest and largest <= limits.max:
                return name
    if np.dtype(files.cube.kind).kind == "f":
        return "float32" if single else "float64"
    raise SceneError(
        f"The cube {files.cube.label} holds values from {smallest} to {largest}, which no type of "
        "a GeoTIFF holds exactly.",
        "It may be damaged, or no measurements.",
    )


def _refuse_strange(files: SceneFiles, rows: slice, block: np.ndarray) -> None:
    finite = np.isfinite(block)
    if finite.all():
        return
    band, row, column = np.argwhere(~finite)[0]
    raise SceneError(
        f"The cube {files.cube.label} holds NaN or infinite values, the first at row "
        f"{rows.start + row}, column {column}, band {band} (counted from 0).",
        "The published scene has none; copy or download it again.",
    )
