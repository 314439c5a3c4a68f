"""Small pictures of maps and scenes for reports.

A preview shows the whole extent at reduced size. Reduction takes every n-th pixel: averaging
would invent classes that are not there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambahsi.classes import ClassTable

MAX_SIDE = 700
"""Longest side of a preview in pixels."""


@dataclass(frozen=True)
class Preview:
    """A picture with its caption.

    Attributes:
        caption: What it shows.
        pixels: uint8 (rows, cols, 4), RGBA; transparent where there are no data.
        classes: The classes that its legend lists; None for a picture without one.
    """

    caption: str
    pixels: NDArray[np.uint8]
    classes: ClassTable | None = None


def step_for(rows: int, cols: int) -> int:
    """Every how many pixels a preview takes one, so that it is at most :data:`MAX_SIDE`."""
    return max(1, -(-max(rows, cols) // MAX_SIDE))


def class_preview(caption: str, index: NDArray[np.integer[Any]], table: ClassTable) -> Preview:
    """A land-cover map in the colors of its classes.

    Args:
        caption: What it shows.
        index: Class index, -1 for nodata or unlabeled; (rows, cols).
        table: The classes.
    """
    step = step_for(*index.shape)
    # The last row of the palette is what the index -1 picks: transparent.
    palette = np.array([(*c.rgb, 255) for c in table] + [(0, 0, 0, 0)], dtype=np.uint8)
    return Preview(caption, palette[index[::step, ::step]], table)


def scene_preview(caption: str, bands: NDArray[np.float32], valid: NDArray[np.bool_]) -> Preview:
    """A scene in three colors.

    Args:
        caption: What it shows.
        bands: Red, green and blue as shares from 0 to 1, for example normalized bands;
            (3, rows, cols).
        valid: Where the scene has data; (rows, cols).
    """
    step = step_for(*valid.shape)
    small = np.nan_to_num(bands[:, ::step, ::step]).clip(0, 1)
    alpha = valid[np.newaxis, ::step, ::step].astype(np.float32)
    pixels = np.rint(255 * np.concatenate([small * alpha, alpha])).astype(np.uint8)
    return Preview(caption, np.moveaxis(pixels, 0, 2))
