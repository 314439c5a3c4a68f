"""A map out of windows that overlap.

A network that was trained on windows is applied to windows of the same size. At a window's
edge it knows the surroundings on one side only, and neighboring windows, normalized each on
its own, do not quite agree. So windows overlap by a quarter, and a pixel's probabilities are
the mean of those of all windows it lies in, weighted with a smooth ramp that falls towards a
window's edges. The weights of a pixel are divided by their sum, so they add up to one
everywhere, at the scene's edges, too.

Scores (see :mod:`mambahsi.certainty`) are the logarithms of these means. So a temperature acts
on what the map shows; inside of windows, before the mean, it could make another class win.

A window with few valid pixels has poor statistics. Its weight is therefore multiplied with
the share of its pixels that are valid; where it is the only one that holds a pixel, it still
decides.

Rows of windows are worked off from top to bottom, and what no later row reaches is done. So
memory holds one row of windows, whatever the scene's height.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from rasterio.windows import Window
from torch import nn

from mambahsi.certainty import to_scores
from mambahsi.errors import ModelError
from mambahsi.feedback import Feedback
from mambahsi.inference import Predictions
from mambahsi.network import MambaHSI, SceneGeometry
from mambahsi.windows.placement import starts
from mambahsi.windows.tiles import WindowReader

_OVERLAP = 4
"""Windows share at least one such part of their rows, and of their columns."""


@dataclass(frozen=True, eq=False)
class _Strip:
    """Rows of the scene that are done.

    Attributes:
        rows: Which.
        sums: Weighted sums of the probabilities; float32 (rows, columns, classes).
        weights: Sums of the weights, 0 where no window was looked at; float32 (rows, columns).
    """

    rows: slice
    sums: np.ndarray
    weights: np.ndarray


def predict_windows(
    network: MambaHSI,
    reader: WindowReader,
    shape: tuple[int, int],
    boundaries: list[int],
    feedback: Feedback,
) -> Iterator[Predictions]:
    """Classify all valid pixels of a scene.

    Args:
        network: The trained network.
        reader: Reads the scene.
        shape: Rows and columns of the windows.
        boundaries: Pixel numbers at which blocks begin and end: ``[0, ..., pixels]``.
        feedback: Told about progress.

    Yields:
        Predictions from each boundary to the next.

    Raises:
        ModelError: The network's output is not finite: its training has diverged.
        SceneError: The file is truncated or corrupt.
        Cancelled: The user asked to stop.
    """
    waiting: list[np.ndarray] = []
    number = boundaries[0]
    ends = itertools.pairwise(boundaries)
    start, stop = next(ends)
    for strip in _strips(network, reader, shape, None, feedback):
        mask = reader.valid[strip.rows]
        done = to_scores(strip.sums[mask] / strip.weights[mask][:, None])
        waiting.append(done)
        number += len(done)
        while number >= stop:
            table = np.concatenate(waiting)
            yield Predictions(start, stop, table[: stop - start])
            waiting = [table[stop - start :]]
            try:
                start, stop = next(ends)
            except StopIteration:
                return


def classify_wanted(
    network: MambaHSI,
    reader: WindowReader,
    shape: tuple[int, int],
    wanted: np.ndarray,
    scored: np.ndarray,
    feedback: Feedback,
) -> tuple[np.ndarray, np.ndarray]:
    """Classes and scores of some pixels, from the windows of the map in which they lie.

    Args:
        network: As of :func:`predict_windows`, also for ``reader``, ``shape`` and ``feedback``.
        wanted: The pixels to classify; bool (rows, columns), all of them valid.
        scored: Those of them whose scores to give, too; bool (rows, columns).

    Returns:
        Class index by pixel, int32 (rows, columns). For wanted pixels it is that of the map;
        for other pixels of the windows that were looked at, it is what these alone say. -1
        elsewhere. And the scores of ``scored``, row by row; float32 (pixels, classes).
    """
    classes = np.full(wanted.shape, -1, dtype=np.int32)
    scores = []
    for strip in _strips(network, reader, shape, wanted, feedback):
        found = reader.valid[strip.rows] & (strip.weights > 0)
        classes[strip.rows][found] = strip.sums[found].argmax(axis=1)
        chosen = scored[strip.rows]
        scores.append(to_scores(strip.sums[chosen] / strip.weights[chosen][:, None]))
    return classes, np.concatenate(scores)


def blending_weights(shape: tuple[int, int], scene: tuple[int, int]) -> np.ndarray:
    """How much each pixel of a window counts, before weights are divided by their sum.

    A raised cosine over the part that windows share, product of both axes, above 0.

    Args:
        shape: Rows and columns of a window.
        scene: Rows and columns of the scene.

    Returns:
        float32 (rows, columns).
    """
    down, across = (
        _ramp(window) if window < length else np.ones(window)
        for window, length in zip(shape, scene, strict=True)
    )
    return np.outer(down, across).astype(np.float32)


def blending_bytes(shape: tuple[int, int], columns: int, classes: int, block_rows: int = 0) -> int:
    """Memory that sums, weights and results take while a map is made.

    Args:
        shape: Rows and columns of a window.
        columns: Columns of the scene.
        classes: Number of classes.
        block_rows: Rows between two boundaries of :func:`predict_windows`, 0 for
            :func:`classify_wanted`.
    """
    row = 4 * columns * classes
    # Rows wait until their block is whole, and are there twice while it is put together.
    waiting = 2 * (shape[0] + block_rows) * row if block_rows else 0
    return shape[0] * (row + 4 * columns) + waiting


def _ramp(window: int) -> np.ndarray:
    edge = np.minimum(np.arange(window), np.arange(window)[::-1]) + 0.5
    return np.sin(0.5 * np.pi * np.minimum(1.0, edge / (window / _OVERLAP))) ** 2


def _strips(
    network: MambaHSI,
    reader: WindowReader,
    shape: tuple[int, int],
    wanted: np.ndarray | None,
    feedback: Feedback,
) -> Iterator[_Strip]:
    scene = reader.valid.shape
    strides = [side - side // _OVERLAP for side in shape]
    tops = starts(scene[0], shape[0], strides[0])
    lefts = starts(scene[1], shape[1], strides[1])
    weights = blending_weights(shape, scene)
    last = network.cls_head[-1]
    assert isinstance(last, nn.Conv2d)
    classes = last.out_channels
    sums = np.zeros((shape[0], scene[1], classes), dtype=np.float32)
    totals = np.zeros((shape[0], scene[1]), dtype=np.float32)
    looked = reader.valid if wanted is None else wanted
    for number, top in enumerate(tops):
        for place, left in enumerate(lefts):
            feedback.check()
            done = (number + place / len(lefts)) / len(tops)
            feedback.progress(done, "Classifying: windows")
            window = Window(left, top, shape[1], shape[0])
            if not looked[window.toslices()].any():
                continue
            probabilities, mask = _probabilities(network, reader, window, feedback)
            weight = weights * np.float32(mask.mean())
            columns = slice(left, left + shape[1])
            sums[:, columns][mask] += probabilities * weight[mask][:, None]
            totals[:, columns][mask] += weight[mask]
        after = tops[number + 1] if number + 1 < len(tops) else scene[0]
        rows = after - top
        yield _Strip(slice(top, after), sums[:rows], totals[:rows])
        for table in (sums, totals):
            table[:-rows] = table[rows:]
            table[-rows:] = 0
    feedback.progress(1.0)


def _probabilities(
    network: MambaHSI, reader: WindowReader, window: Window, feedback: Feedback
) -> tuple[np.ndarray, np.ndarray]:
    """Class probabilities of a window's valid pixels, and where they lie."""
    pixels, mask = reader.read(window, feedback)
    device = next(network.parameters()).device
    with torch.no_grad():
        logits = network.pixel_logits(pixels.to(device), SceneGeometry(mask))
        if not bool(logits.isfinite().all()):
            # The largest of several NaN is the first class, which would look like a map.
            raise ModelError(
                "The network's output for this scene is not finite: its training has diverged.",
                "Train again with a smaller learning rate.",
            )
        return torch.softmax(logits, dim=1).cpu().numpy(), mask
