"""The network's view of a scene: its valid pixels, one after the other.

Nodata has no place in the network's sequence. So a scene becomes a list of its valid pixels,
row by row, each with its normalized bands, and a pixel is known by its number in this list.
What is stored under nodata is never even read into it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from mambahsi.feedback import Feedback
from mambahsi.normalization import Normalization
from mambahsi.scene import Scene


def read_pixels(
    scene: Scene,
    bands: Sequence[int],
    valid: np.ndarray,
    normalization: Normalization,
    feedback: Feedback,
) -> torch.Tensor:
    """Read and normalize the valid pixels of a scene, window by window.

    Args:
        scene: The scene.
        bands: Its bands that the network reads, 1-based, in the order of ``normalization``.
        valid: Which pixels to read; bool (rows, columns).
        normalization: Constants by band.
        feedback: Told about progress.

    Returns:
        float32 (pixels, bands) on the CPU; pixels row by row.

    Raises:
        SceneError: The file is truncated or corrupt.
        Cancelled: The user asked to stop.
    """
    pixels = torch.empty(int(valid.sum()), len(bands))
    filled = 0
    for window in scene.windows(len(bands)):
        feedback.check()
        feedback.progress(window.row_off / scene.grid.height, "Reading the scene")
        mask = valid[window.toslices()]
        count = int(mask.sum())
        if count:
            levels = pixel_levels(scene.read(bands, window)[:, mask], normalization)
            # Exactly the numbers of Normalization.apply, which are multiples of 1/255.
            pixels[filled : filled + count].copy_(levels).div_(255.0)
            filled += count
    feedback.progress(1.0)
    return pixels


def pixel_levels(pixels: np.ndarray, normalization: Normalization) -> torch.Tensor:
    """Levels of pixels as stored.

    Args:
        pixels: Any real type, (bands, pixels).
        normalization: Constants by band.

    Returns:
        255 times the normalized bands, uint8 (pixels, bands).
    """
    by_band = np.empty(pixels.shape, dtype=np.uint8)
    for number, (band, target) in enumerate(zip(pixels, by_band, strict=True)):
        normalization.levels(number, band, target)
    return torch.from_numpy(by_band).t().contiguous()


def pixel_numbers(valid: np.ndarray, chosen: np.ndarray) -> torch.Tensor:
    """Numbers, in the list of valid pixels, of some of them.

    Args:
        valid: The valid pixels; bool (rows, columns).
        chosen: Those to number, all of them valid; bool (rows, columns).

    Returns:
        int64 (n,), ascending, in the order of ``array[chosen]``.
    """
    return torch.from_numpy(np.flatnonzero(chosen[valid]))
