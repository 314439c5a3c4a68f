"""Classifying a whole scene in memory.

Normalization layers and the spatial scan span the whole scene, so the network sees it at
once; only the last step, from its coarse features up to the scene's pixels, is local. It is
made block by block, so that the scores of all classes never lie in memory at once.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mambahsi.errors import ModelError
from mambahsi.feedback import Feedback
from mambahsi.network import MambaHSI, SceneGeometry

BLOCK_PIXELS = 2**18
"""Pixels that are brought up from the coarse features at a time."""


@dataclass(frozen=True)
class Predictions:
    """Scores of the classes for some valid pixels, in the order of their numbers.

    Attributes:
        start: Number of the first pixel.
        stop: Number after the last pixel.
        scores: float32 (pixels, classes), finite; see :mod:`mambahsi.certainty`.
    """

    start: int
    stop: int
    scores: np.ndarray

    @property
    def classes(self) -> np.ndarray:
        """Class index of the largest score; int64 (pixels,)."""
        return self.scores.argmax(axis=1)


def predict_blocks(
    network: MambaHSI,
    pixels: Tensor,
    geometry: SceneGeometry,
    boundaries: list[int],
    feedback: Feedback,
) -> Iterator[Predictions]:
    """Classify all valid pixels.

    Args:
        network: The trained network.
        pixels: Normalized bands of the valid pixels, on the network's device; float32
            (pixels, bands).
        geometry: Where they lie.
        boundaries: Pixel numbers at which blocks begin and end: ``[0, ..., pixels]``.
        feedback: Told about progress.

    Yields:
        Predictions from each boundary to the next.

    Raises:
        ModelError: The network's output is not finite: its training has diverged.
        Cancelled: The user asked to stop.
    """
    feedback.progress(0.0, "Classifying: features of the whole scene")
    with torch.no_grad():
        coarse = network.coarse_logits(pixels, geometry)
        if not bool(coarse.isfinite().all()):
            # The largest of several NaN is the first class, which would look like a map.
            raise ModelError(
                "The network's output for this scene is not finite: its training has diverged.",
                "Train again with a smaller learning rate.",
            )
        for start, stop in itertools.pairwise(boundaries):
            scores = np.empty((stop - start, coarse.shape[1]), dtype=np.float32)
            for first in range(start, stop, BLOCK_PIXELS):
                feedback.check()
                feedback.progress(0.9 + 0.1 * first / geometry.pixels, "Classifying: pixels")
                last = min(first + BLOCK_PIXELS, stop)
                at = torch.arange(first, last, device=pixels.device)
                part = geometry.upsample(coarse, at)
                scores[first - start : last - start] = part.cpu().numpy()
            yield Predictions(start, stop, scores)


def predict_classes(
    network: MambaHSI,
    pixels: Tensor,
    geometry: SceneGeometry,
    scored: np.ndarray,
    feedback: Feedback,
) -> tuple[np.ndarray, np.ndarray]:
    """Classify all valid pixels, and keep the scores of some.

    Args:
        network: As of :func:`predict_blocks`, also for ``pixels``, ``geometry`` and ``feedback``.
        scored: Which valid pixels' scores to keep; bool (pixels,).

    Returns:
        Class index of every valid pixel, int64 (pixels,), and the scores of the chosen ones in
        their order, float32 (chosen, classes).
    """
    boundaries = [*range(0, geometry.pixels, BLOCK_PIXELS), geometry.pixels]
    classes, scores = [], []
    for block in predict_blocks(network, pixels, geometry, boundaries, feedback):
        classes.append(block.classes)
        scores.append(block.scores[scored[block.start : block.stop]])
    return np.concatenate(classes), np.concatenate(scores)
