"""The scene's bands as the network's levels, one byte for each pixel and band."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from rasterio.windows import Window
from torch import Tensor

from mambahsi.normalization import Normalization
from mambahsi.scene import Scene


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

    def parts(self, top: int, bottom: int, rows: int) -> Iterator[Tensor]:
        """Read some rows at once, and give their valid pixels in parts of a few rows.

        Args:
            top: First row.
            bottom: Row after the last.
            rows: Rows of a part.

        Yields:
            Levels of the pixels of a part; uint8 (pixels, bands), without empty parts.

        Raises:
            SceneError: The file is truncated or corrupt.
        """
        if not self._valid[top:bottom].any():
            return
        window = Window(0, top, self._scene.grid.width, bottom - top)
        data = self._scene.read(self._bands, window)
        for first in range(0, bottom - top, rows):
            mask = self._valid[top + first : min(top + first + rows, bottom)]
            if not mask.any():
                continue
            part = data[:, first : first + len(mask)]
            yield self._levels(part[:, mask] if not mask.all() else part.reshape(len(part), -1))

    def _levels(self, pixels: np.ndarray) -> Tensor:
        """Levels of pixels as stored, (bands, pixels)."""
        by_band = np.empty(pixels.shape, dtype=np.uint8)
        for number, (band, target) in enumerate(zip(pixels, by_band, strict=True)):
            self._normalization.levels(number, band, target)
        return torch.from_numpy(by_band).t().contiguous()
