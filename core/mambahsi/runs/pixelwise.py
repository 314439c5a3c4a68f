"""Fitting classifiers of single pixels to the labeled pixels of a scene, and testing them.

Of the scene, nothing but its labeled pixels is kept, and the test pixels not even all at once.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from mambahsi.classifiers import TITLES
from mambahsi.classifiers.choice import Fitted
from mambahsi.classifiers.fitting import fit
from mambahsi.classifiers.interface import PixelClassifier, Samples
from mambahsi.classifiers.prediction import Predictor
from mambahsi.devices import gigabytes_text, memory_budget
from mambahsi.errors import ResourceError
from mambahsi.feedback import Feedback
from mambahsi.jobs import TrainJob
from mambahsi.normalization import Normalization
from mambahsi.pixels import pixel_levels, read_pixels
from mambahsi.scene import BandSurvey, Scene
from mambahsi.split import TEST, TRAIN, VALIDATION, Split

_STRIP_BYTES = 16 * 2**20
"""Pixels read at a time to be classified, in bytes of the file's data type."""

_COPIES = 3
"""How often a labeled pixel is in memory while a classifier is fitted, at most."""


@dataclass(frozen=True)
class Ground:
    """What every classifier of a job stands on.

    Attributes:
        job: What is asked for.
        scene: The open scene.
        survey: Its bands and valid pixels.
        split: Its labels.
        normalization: Constants by used band.
        threads: Threads to use.
    """

    job: TrainJob
    scene: Scene
    survey: BandSurvey
    split: Split
    normalization: Normalization
    threads: int


@dataclass(frozen=True)
class Tested:
    """A classifier that was fitted and has met the test pixels.

    Attributes:
        fitted: The classifier.
        predicted: Class indices of the test pixels, and of others as far as they came along, -1
            elsewhere; int32 (rows, columns).
        scores: Of the pixels that were asked for, row by row; float32 (pixels, classes).
        seconds: How long choosing and fitting took.
        cpu_seconds: Time of all processors in it.
    """

    fitted: Fitted
    predicted: np.ndarray
    scores: np.ndarray
    seconds: float
    cpu_seconds: float


def read_samples(ground: Ground, feedback: Feedback) -> tuple[Samples, Samples]:
    """The training and the validation pixels.

    Raises:
        ResourceError: They do not fit into the memory budget.
        SceneError: The file is truncated or corrupt.
        Cancelled: The user asked to stop.
    """
    parts, index, bands = ground.split.parts, ground.split.index, ground.survey.used
    wanted = (parts == TRAIN) | (parts == VALIDATION)
    needed = _COPIES * 4 * len(bands) * int(wanted.sum())
    budget = memory_budget(ground.job.memory, torch.device("cpu"))
    if needed > budget.bytes:
        raise ResourceError(
            f"The labeled pixels need about {gigabytes_text(needed)} of memory, but may take "
            f"{gigabytes_text(budget.bytes)} ({budget.reason}).",
            "Raise the memory budget, or train on fewer polygons.",
        )
    pixels = read_pixels(ground.scene, bands, wanted, ground.normalization, feedback).numpy()
    part, classes = parts[wanted], index[wanted].astype(np.int64)
    train, validation = (
        Samples(pixels[part == number], classes[part == number]) for number in (TRAIN, VALIDATION)
    )
    return train, validation


def fit_and_test(
    name: str,
    ground: Ground,
    train: Samples,
    validation: Samples,
    scored: np.ndarray,
    feedback: Feedback,
) -> Tested:
    """Fit a classifier, and classify the test pixels with it.

    Args:
        name: One of :data:`mambahsi.classifiers.PIXELWISE`.
        ground: Scene and labels.
        train: Training pixels.
        validation: Validation pixels.
        scored: Valid pixels whose scores to keep; bool (rows, columns).
        feedback: Told about progress and the choice of settings.

    Raises:
        LabelsError: The training pixels are of too few classes.
        SceneError: The file is truncated or corrupt.
        Cancelled: The user asked to stop.
    """
    feedback.log(f"Fitting a {TITLES[name]} to {len(train):,} training pixels.")
    started, used = time.monotonic(), time.process_time()
    classes = len(ground.split.table)
    fitted = fit(
        name, train, validation, classes, ground.job, ground.threads, feedback.part(0.0, 0.9)
    )
    seconds, cpu_seconds = time.monotonic() - started, time.process_time() - used
    predicted, scores = _classify(fitted.classifier, ground, scored, feedback.part(0.9, 1.0))
    return Tested(fitted, predicted, scores, seconds, cpu_seconds)


def _classify(
    classifier: PixelClassifier, ground: Ground, scored: np.ndarray, feedback: Feedback
) -> tuple[np.ndarray, np.ndarray]:
    """Class indices of test pixels and of scored ones, and the scores of these."""
    wanted = scored | (ground.split.parts == TEST)
    found = np.full(wanted.shape, -1, dtype=np.int32)
    kept = [np.empty((0, classifier.classes), dtype=np.float32)]
    bands = ground.survey.used
    with Predictor(classifier, ground.threads) as predictor:
        for window in ground.scene.windows(len(bands), _STRIP_BYTES):
            feedback.check()
            feedback.progress(window.row_off / wanted.shape[0], "Classifying the test pixels")
            mask = wanted[window.toslices()]
            if mask.any():
                stored = ground.scene.read(bands, window)[:, mask]
                pixels = normalized(stored, ground.normalization)
                scores = predictor.scores(pixels).astype(np.float32)
                found[window.toslices()][mask] = scores.argmax(axis=1)
                kept.append(scores[scored[window.toslices()][mask]])
    return found, np.concatenate(kept)


def normalized(stored: np.ndarray, normalization: Normalization) -> np.ndarray:
    """Pixels as stored, (bands, pixels), as classifiers see them; float32 (pixels, bands)."""
    levels: np.ndarray = pixel_levels(stored, normalization).float().div_(255.0).numpy()
    return levels


def ignored_fields(job: TrainJob, names: Sequence[str]) -> str:
    """Those of the fields that are not at their default, with their values."""
    defaults = TrainJob.__dataclass_fields__
    return ", ".join(
        f"{name} {getattr(job, name)}"
        for name in names
        if getattr(job, name) != defaults[name].default
    )
