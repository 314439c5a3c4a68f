"""The two halves of a scene, in which the published training takes two of its scenes.

Houston and HanChuan were too large for the authors' card, so the published code cuts them into
the rows ``[: H // 2 + 5]`` and ``[H // 2 - 5 :]`` and makes one optimizer step on each. The network
is applied in the same way: each half runs on its own, and the results are put together at
H // 2, so the ten rows that both see are context. (Every normalization layer and every scan spans
a half; the model would not be the same on the whole scene.)

The loss of a step is the mean over the training pixels of its half. A training pixel in the rows
that both halves see takes part in both steps. A half without training pixels makes no step.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from rasterio.windows import Window

from mambahsi.errors import SceneError
from mambahsi.feedback import Feedback
from mambahsi.inference import BLOCK_PIXELS, Predictions, predict_blocks, regroup
from mambahsi.network import MambaHSI, SceneGeometry
from mambahsi.windows.placement import LabeledWindow
from mambahsi.windows.tiles import WindowReader

_MARGIN = 5
"""Rows that a half sees beyond the middle."""


@dataclass(frozen=True)
class Half:
    """One half of a scene.

    Attributes:
        rows: What the network sees.
        decided: The rows of which this half gives the result.
    """

    rows: slice
    decided: slice

    def window(self, columns: int) -> Window:
        """The rows that the network sees, of a scene with so many columns."""
        return Window(0, self.rows.start, columns, self.rows.stop - self.rows.start)


def halves(rows: int) -> tuple[Half, Half]:
    """The halves of a scene of so many rows.

    Raises:
        SceneError: It has too few.
    """
    middle = rows // 2
    if middle < _MARGIN:
        raise SceneError(
            f"The scene has {rows} rows, but two halves take {2 * _MARGIN} at least.",
            "Train on the whole scene.",
        )
    return (
        Half(slice(0, middle + _MARGIN), slice(0, middle)),
        Half(slice(middle - _MARGIN, rows), slice(middle, rows)),
    )


def half_shape(scene: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of the larger half of a scene of so many rows and columns.

    Raises:
        SceneError: It has too few rows.
    """
    return max(half.rows.stop - half.rows.start for half in halves(scene[0])), scene[1]


def training_cover(points: np.ndarray, scene: tuple[int, int]) -> list[LabeledWindow]:
    """Each half with all training pixels in it; a half without one is left out.

    Args:
        points: Row and column of each pixel; int64 (n, 2).
        scene: Rows and columns of the scene.
    """
    return _cover(points, scene, [half.rows for half in halves(scene[0])])


def scoring_cover(points: np.ndarray, scene: tuple[int, int]) -> list[LabeledWindow]:
    """Each half with the pixels that it decides; a half without one is left out."""
    return _cover(points, scene, [half.decided for half in halves(scene[0])])


def _cover(points: np.ndarray, scene: tuple[int, int], counted: list[slice]) -> list[LabeledWindow]:
    found = []
    for half, rows in zip(halves(scene[0]), counted, strict=True):
        members = np.flatnonzero((points[:, 0] >= rows.start) & (points[:, 0] < rows.stop))
        if len(members):
            found.append(LabeledWindow(half.window(scene[1]), members))
    return found


def predict_halves(
    network: MambaHSI, reader: WindowReader, boundaries: list[int], feedback: Feedback
) -> Iterator[Predictions]:
    """Classify all valid pixels of a scene, half by half.

    Args:
        network: The trained network.
        reader: Reads the scene.
        boundaries: Pixel numbers at which blocks begin and end: ``[0, ..., pixels]``.
        feedback: Told about progress.

    Yields:
        Predictions from each boundary to the next.

    Raises:
        ModelError: The network's output is not finite: its training has diverged.
        SceneError: The file is truncated or corrupt, or has too few rows.
        Cancelled: The user asked to stop.
    """
    return regroup(_tables(network, reader, feedback), boundaries)


def _tables(network: MambaHSI, reader: WindowReader, feedback: Feedback) -> Iterator[np.ndarray]:
    """Scores of the valid pixels, some at a time."""
    rows, columns = reader.valid.shape
    device = next(network.parameters()).device
    for number, half in enumerate(halves(rows)):
        decided = int(reader.valid[half.decided].sum())
        if not decided:
            continue
        pixels, mask = reader.read(half.window(columns), feedback)
        # Of the pixels that the half sees, those above the rows that it decides.
        first = int(reader.valid[half.rows.start : half.decided.start].sum())
        boundaries = [*range(first, first + decided, BLOCK_PIXELS), first + decided]
        part = feedback.part(number / 2, (number + 1) / 2)
        blocks = predict_blocks(network, pixels.to(device), SceneGeometry(mask), boundaries, part)
        for block in blocks:
            yield block.scores
