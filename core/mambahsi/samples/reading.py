"""The spectra of the labeled pixels of a scene, which may be far larger than memory.

Only blocks of the file that hold labels are read, and only labeled pixels are kept. A pixel counts
where every used band holds a measurement, as in training. But which bands are used is found from
the labeled pixels alone: a band without content in all of them is left out, whatever it holds
elsewhere, so that the rest of the scene need not be read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from rasterio.windows import Window

from mambahsi.errors import LabelsError
from mambahsi.feedback import Feedback
from mambahsi.scene import WINDOW_BYTES, Scene
from mambahsi.survey import ALL_NODATA, ALPHA, CONSTANT, FLAGGED, DroppedBand

LARGEST = 1_000_000_000
"""Bytes that the spectra may take as double precision numbers, in which they are analyzed."""


@dataclass(frozen=True, eq=False)
class Spectra:
    """Labeled pixels that are valid in all used bands.

    Attributes:
        values: As stored, shape (pixels, bands); pixels row by row.
        classes: Class index of each; int32, shape (pixels,).
        used: Numbers, from 1, of the bands.
        dropped: The other bands of the scene.
        taken: Where the labels were looked at: everywhere, or at random where they are very many;
            bool, shape (rows, columns).
        valid: Where they were valid in all used bands, too; bool, same shape.
    """

    values: np.ndarray
    classes: np.ndarray
    used: tuple[int, ...]
    dropped: tuple[DroppedBand, ...]
    taken: np.ndarray
    valid: np.ndarray


def read_spectra(
    scene: Scene, index: np.ndarray, feedback: Feedback, largest: int = LARGEST
) -> Spectra:
    """Read the labeled pixels.

    Args:
        scene: The scene.
        index: Class index by pixel, -1 unlabeled; int32, shape (rows, columns).
        feedback: Told about progress and dropped bands.
        largest: See :data:`LARGEST`.

    Raises:
        SceneError: The file is truncated or corrupt.
        LabelsError: No labeled pixel is valid.
        Cancelled: The user asked to stop.
    """
    reasons = {band.index: FLAGGED for band in scene.bands if band.flagged_bad}
    reasons.update(dict.fromkeys(scene.alpha_bands, ALPHA))
    candidates = [i for i in range(1, scene.band_count + 1) if i not in reasons]
    if not candidates:
        raise LabelsError(
            f"{scene.name} has no band that holds measurements: all are flagged bad or alpha.",
            "Check its bad band list.",
        )
    taken = _taken(index, largest // (8 * len(candidates)))
    values, valid = _read(scene, taken, candidates, feedback)
    content: np.ndarray = np.any(valid, axis=0)
    for band, found in zip(candidates, content, strict=True):
        if not found:
            reasons[band] = ALL_NODATA
    everywhere = valid[:, content].all(axis=1) & content.any()
    if not everywhere.any():
        raise LabelsError(
            f"None of the {len(values):,} labeled pixels holds a measurement in every band of "
            f"{scene.name}.",
            "Draw on pixels with data, and check the scene's nodata value.",
        )
    values = values[everywhere]
    if len(values) > 1:
        for position in np.flatnonzero(content & (values == values[0]).all(axis=0)):
            reasons[candidates[position]] = CONSTANT
    used = [position for position, band in enumerate(candidates) if band not in reasons]
    if not used:
        raise LabelsError(
            f"The {len(values):,} labeled pixels of {scene.name} all hold the same values.",
            "Draw on pixels with data, and check the scene's nodata value.",
        )
    where = taken.copy()
    where[taken] = everywhere
    return Spectra(
        values[:, used],
        index[where],
        tuple(candidates[position] for position in used),
        tuple(DroppedBand(band, reasons[band]) for band in sorted(reasons)),
        taken,
        where,
    )


def _read(
    scene: Scene, taken: np.ndarray, bands: list[int], feedback: Feedback
) -> tuple[np.ndarray, np.ndarray]:
    """Values and validity of pixels, both (pixels, bands), pixels row by row."""
    count = int(taken.sum())
    values = np.empty((count, len(bands)), dtype=scene.dtype)
    valid = np.empty((count, len(bands)), dtype=bool)
    numbers = np.cumsum(taken.ravel(), dtype=np.int64).reshape(taken.shape) - 1
    done = 0
    for window in labeled_windows(scene, taken, len(bands)):
        feedback.check()
        feedback.progress(done / count, "Reading the labeled pixels")
        area = window.toslices()
        mask = taken[area]
        data, band_valid = scene.read_band_valid(bands, window)
        here = numbers[area][mask]
        values[here] = data[:, mask].T
        valid[here] = band_valid[:, mask].T
        done += len(here)
    feedback.progress(1.0)
    return values, valid


def labeled_windows(
    scene: Scene, mask: np.ndarray, band_count: int, max_bytes: int = WINDOW_BYTES
) -> Iterator[Window]:
    """Windows that together hold every pixel of a mask once, made of whole blocks where they fit.

    Args:
        scene: The scene.
        mask: The pixels; bool, shape (rows, columns).
        band_count: Bands to be read at a time.
        max_bytes: Largest size of a window in the file's data type, but for single pixels.
    """
    height, width = mask.shape
    pixels = max(1, max_bytes // (band_count * scene.dtype.itemsize))
    columns = min(width, scene.block_columns, pixels)
    rows = min(height, scene.block_rows, max(1, pixels // columns))
    # Blocks of a single row are read many at a time.
    rows *= max(1, min(height, pixels // width) // rows)
    for top in range(0, height, rows):
        strip = mask[top : top + rows]
        if not strip.any():
            continue
        lines = np.flatnonzero(strip.any(axis=1))
        first, last = int(lines[0]), int(lines[-1]) + 1
        blocks = np.unique(np.flatnonzero(strip.any(axis=0)) // columns)
        most = max(1, pixels // (columns * (last - first)))
        start = 0
        for end in range(1, len(blocks) + 1):
            full = end - start == most
            if end < len(blocks) and blocks[end] == blocks[end - 1] + 1 and not full:
                continue
            left = int(blocks[start]) * columns
            right = min(width, (int(blocks[end - 1]) + 1) * columns)
            yield Window(left, top + first, right - left, last - first)
            start = end


def _taken(index: np.ndarray, most: int) -> np.ndarray:
    """Which labeled pixels to look at: all, or of large classes a random part."""
    taken: np.ndarray = index >= 0
    labeled = index[taken]
    counts = np.bincount(labeled) if labeled.size else np.zeros(1, dtype=np.int64)
    if counts.sum() <= most:
        return taken
    # The largest number of pixels a class that keeps all of the smaller ones.
    low, high = 1, int(counts.max())
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (
            (middle, high) if np.minimum(counts, middle).sum() <= most else (low, middle - 1)
        )
    keep = np.zeros(labeled.size, dtype=bool)
    generator = np.random.default_rng(0)
    for number in np.flatnonzero(counts):
        own = np.flatnonzero(labeled == number)
        keep[generator.permutation(own)[:low]] = True
    taken[taken] = keep
    return taken
