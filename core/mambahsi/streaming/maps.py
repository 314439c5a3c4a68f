"""From coarse logits to those of the scene's pixels, in parts of the map."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from rasterio.windows import Window

from mambahsi.feedback import Feedback
from mambahsi.network.geometry import Interpolation, interpolate
from mambahsi.streaming.grids import Grids, strips
from mambahsi.streaming.passes import Passes
from mambahsi.streaming.plan import MAP_TILE, STRIP_PIXELS, StreamPlan


@torch.no_grad()
def predict_windows(
    passes: Passes, grids: Grids, plan: StreamPlan, feedback: Feedback
) -> Iterator[tuple[Window, np.ndarray]]:
    """Logits of all valid pixels, in windows that follow the tiles of the written maps.

    Args:
        passes: Has made the coarse logits.
        grids: Where the valid pixels lie.
        plan: How large a window is.
        feedback: Told about progress.

    Yields:
        A window, and the logits of its valid pixels, float32 (pixels, classes).

    Raises:
        ResourceError: The disk fails.
        Cancelled: The user asked to stop.
    """
    valid = grids.valid[0]
    height, width = valid.shape
    interpolation = Interpolation(valid.shape, grids.valid[-1])
    for top, bottom in strips(0, height, MAP_TILE):
        feedback.progress(top / height, "Classifying: pixels")
        for left, right in strips(0, width, plan.tile_columns):
            rows = max(1, STRIP_PIXELS // (right - left))
            pixels = np.count_nonzero(valid[top:bottom, left:right])
            logits = np.empty((pixels, passes.classes), dtype=np.float32)
            filled = 0
            for first, last in strips(top, bottom, rows):
                feedback.check()
                mask = valid[first:last, left:right]
                if mask.any():
                    part = _logits(passes, interpolation, mask, first, left)
                    logits[filled : filled + len(part)] = part
                    filled += len(part)
            yield Window(left, top, right - left, bottom - top), logits


def _logits(
    passes: Passes, interpolation: Interpolation, mask: np.ndarray, top: int, left: int
) -> np.ndarray:
    cells, weights = interpolation.at(mask, top, left)
    low, high = int(cells.min()), int(cells.max())
    used = np.zeros(high - low + 1, dtype=bool)
    used[cells.numpy() - low] = True
    coarse = passes.logits(np.flatnonzero(used) + low)
    position = torch.from_numpy(np.cumsum(used) - 1)
    found: np.ndarray = interpolate(coarse, position[cells - low], weights.to(coarse)).numpy()
    return found
