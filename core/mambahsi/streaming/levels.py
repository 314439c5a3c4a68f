"""The scene's bands as the network's levels, one byte for each pixel and band."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from rasterio.windows import Window
from torch import Tensor

from mambahsi import cancellation
from mambahsi.normalization import Normalization
from mambahsi.pixels import pixel_levels
from mambahsi.scene import Scene
from mambahsi.streaming.grids import strips


@dataclass(frozen=True, eq=False)
class Part:
    """Some rows of a window.

    Attributes:
        top: First row in the scene.
        left: First column in the scene.
        mask: Which pixels are valid; bool (rows, columns).
        levels: Levels of these pixels, row by row; uint8 (pixels, bands).
    """

    top: int
    left: int
    mask: np.ndarray
    levels: Tensor


class LevelReader:
    """Reads the valid pixels of a scene.

    Args:
        scene: The scene.
        bands: Its bands that the network reads, 1-based, in the order of ``normalization``.
        valid: Which pixels to read; bool (rows, columns).
        normalization: Constants by band.
    """

    def __init__(
        self,
        scene: Scene,
        bands: Sequence[int],
        valid: np.ndarray,
        normalization: Normalization,
    ) -> None:
        self._scene = scene
        self._bands = list(bands)
        self._valid = valid
        self._normalization = normalization

    def parts(self, window: Window, rows: int) -> Iterator[Part]:
        """Read a window at once, and give its valid pixels in parts of a few rows.

        Args:
            window: What to read.
            rows: Rows of a part.

        Raises:
            SceneError: The file is truncated or corrupt.
            Cancelled: The user asked to stop.
        """
        valid = self._valid[window.toslices()]
        if not valid.any():
            return
        data = self._scene.read(self._bands, window)
        for first, last in strips(0, len(valid), rows):
            cancellation.raise_if_requested()
            mask, part = valid[first:last], data[:, first:last]
            if not mask.any():
                continue
            pixels = part.reshape(len(part), -1) if mask.all() else part[:, mask]
            levels = pixel_levels(pixels, self._normalization)
            yield Part(window.row_off + first, window.col_off, mask, levels)
