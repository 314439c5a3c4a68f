"""Classifying a scene with a classifier of single pixels.

A pixel's neighbors do not matter, so the scene is read and classified part by part, and the
memory does not grow with it. The parts follow the tiles of the written maps: whole rows of
tiles where they fit into the budget, else some columns of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from rasterio.windows import Window

from mambahsi.classifiers.prediction import Predictor
from mambahsi.classifiers.restoring import restore_classifier
from mambahsi.devices import gigabytes_text, memory_budget
from mambahsi.errors import ResourceError, SceneError
from mambahsi.feedback import Feedback
from mambahsi.landcover import BLOCK_ROWS
from mambahsi.plans import cache_bytes
from mambahsi.raster_file import block_cache
from mambahsi.runs.pixelwise import normalized
from mambahsi.runs.setup import Place, choose_pixelwise_place

if TYPE_CHECKING:
    from mambahsi.runs.classify import Task

_STRIP_BYTES = 32 * 2**20
"""Memory of the pixels that are read and scored at a time."""


def classify_pixelwise(task: Task, feedback: Feedback) -> tuple[int, Place]:
    """Classify a scene; returns the number of valid pixels, and where it was done.

    Raises:
        ModelError: The classifier is damaged.
        ResourceError: Not even a few pixels fit into the memory budget.
        SceneError: The file is truncated or corrupt, or has no valid pixel.
        Cancelled: The user asked to stop.
    """
    if task.job.device.startswith("cuda"):
        feedback.log(f"Not used by classifier {task.model.classifier}: device {task.job.device}.")
    place = choose_pixelwise_place(task.job, feedback)
    classifier = restore_classifier(task.job.model, task.model)
    height, width = task.scene.grid.shape
    budget = memory_budget(task.job.memory, torch.device("cpu"))
    cache = cache_bytes(budget.bytes)
    # The model file's arrays are still there beside the classifier made of them.
    fixed = cache + 2 * classifier.held_bytes + place.threads * classifier.block_bytes
    fixed += 2 * _STRIP_BYTES
    # Scores of a row of tiles, their probabilities, and these spread over the raster.
    column_bytes = BLOCK_ROWS * 12 * classifier.classes
    columns = columns_at_once(budget.bytes - fixed, column_bytes, width)
    if not columns:
        needed = fixed + column_bytes * min(width, BLOCK_ROWS)
        raise ResourceError(
            f"Classification needs about {gigabytes_text(needed)} of memory, but may take "
            f"{gigabytes_text(budget.bytes)} ({budget.reason}).",
            "Raise the memory budget, use fewer threads, or use a machine with more memory.",
        )
    found = 0
    with (
        block_cache(cache),
        Predictor(classifier, place.threads) as predictor,
        task.writer(place) as writer,
    ):
        for window in _windows(height, width, columns):
            feedback.progress(
                (window.row_off * width + window.col_off * window.height) / (height * width),
                "Classifying: pixels",
            )
            mask, scores = _classify(task, predictor, window, feedback)
            found += len(scores)
            writer.write(window, mask, scores)
        if not found:
            raise SceneError(
                f"Scene {task.scene.path} has no valid pixel in the {len(task.bands)} bands that "
                "the model uses.",
                "Check its nodata value.",
            )
    return found, place


def columns_at_once(room: int, column_bytes: int, width: int) -> int:
    """How many columns of a row of tiles fit into so many bytes: all, or whole tiles, or none."""
    columns = max(0, room // column_bytes)
    return width if columns >= width else columns // BLOCK_ROWS * BLOCK_ROWS


def _windows(height: int, width: int, columns: int) -> Iterator[Window]:
    for top in range(0, height, BLOCK_ROWS):
        for left in range(0, width, columns):
            yield Window(left, top, min(columns, width - left), min(BLOCK_ROWS, height - top))


def _classify(
    task: Task, predictor: Predictor, window: Window, feedback: Feedback
) -> tuple[np.ndarray, np.ndarray]:
    """Which pixels of a window are valid, and their scores, float32 (pixels, classes)."""
    # As stored, as levels and normalized, and what is known about a pixel afterwards.
    each = len(task.bands) * (task.scene.dtype.itemsize + 5) + 16 * predictor.classifier.classes
    rows = max(1, _STRIP_BYTES // (each * window.width))
    masks, parts = [], []
    for top in range(window.row_off, window.row_off + window.height, rows):
        feedback.check()
        count = min(rows, window.row_off + window.height - top)
        strip = Window(window.col_off, top, window.width, count)
        stored, mask = task.scene.read_valid(task.bands, strip)
        masks.append(mask)
        if mask.any():
            pixels = normalized(stored[:, mask], task.model.normalization)
            parts.append(predictor.scores(pixels).astype(np.float32))
    nothing = np.empty((0, predictor.classifier.classes), dtype=np.float32)
    return np.concatenate(masks), np.concatenate([nothing, *parts])
