"""Training in two halves of a scene, as the published training takes two of its scenes.

Houston and HanChuan were too large for the authors' card in a training step. The published code
cuts them into the rows ``[: H // 2 + 5]`` and ``[H // 2 - 5 :]`` and makes one optimizer step on
each, the upper one first. Everything else is done with the scene as a whole: after both steps it
is scored in one piece, and it is classified in one piece. So the model is one of whole scenes,
although no step has seen one.

The loss of a step is the mean over the training pixels of its half. A training pixel in the ten
rows that both halves see takes part in both steps. A half without a training pixel makes no
step.

Training sees less than it scores, so a score takes a forward pass of its own, after every epoch.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from mambahsi.errors import SceneError
from mambahsi.feedback import Feedback
from mambahsi.jobs import TrainJob
from mambahsi.network import MambaHSI, SceneGeometry
from mambahsi.training import TrainingData
from mambahsi.training_loop import CheckpointPlan, TrainingLoop, TrainingOutcome

MARGIN = 5
"""Rows that a half sees beyond the middle."""


@dataclass(frozen=True)
class Half:
    """One half of a scene, and what the network learns from it.

    Attributes:
        pixels: Normalized bands of its valid pixels, a view of the scene's; float32 (pixels,
            bands).
        geometry: Where these pixels lie.
        train: Numbers of the training pixels among them; int64 (n,).
        classes: Their class indices; int64 (n,).
    """

    pixels: Tensor
    geometry: SceneGeometry
    train: Tensor
    classes: Tensor


def half_rows(rows: int) -> tuple[slice, slice]:
    """The rows of both halves of a scene.

    Raises:
        SceneError: It has too few.
    """
    middle = rows // 2
    if middle < MARGIN:
        raise SceneError(
            f"The scene has {rows} rows, but two halves take {2 * MARGIN} at least.",
            "Train on the whole scene.",
        )
    return slice(0, middle + MARGIN), slice(middle - MARGIN, rows)


def split_in_halves(data: TrainingData, valid: np.ndarray) -> list[Half]:
    """The halves of a scene that hold a training pixel, the upper one first.

    Args:
        data: The scene.
        valid: Its valid pixels; bool (rows, columns).

    Raises:
        SceneError: It has too few rows, or a half with labels too few valid pixels.
    """
    before = np.concatenate([[0], np.cumsum(valid.sum(axis=1))])
    found = []
    for rows in half_rows(valid.shape[0]):
        first, last = int(before[rows.start]), int(before[rows.stop])
        inside = (data.train >= first) & (data.train < last)
        if bool(inside.any()):
            found.append(
                Half(
                    data.pixels[first:last],
                    SceneGeometry(valid[rows]),
                    data.train[inside] - first,
                    data.train_classes[inside],
                )
            )
    return found


def train_in_halves(
    network: MambaHSI,
    data: TrainingData,
    halves: list[Half],
    job: TrainJob,
    plan: CheckpointPlan,
    feedback: Feedback,
) -> TrainingOutcome:
    """Train a network on halves of a scene, and leave the best weights in it.

    Args:
        network: As of :func:`mambahsi.training.train_network`, also for ``data``, ``job``,
            ``plan`` and ``feedback``.
        halves: What :func:`split_in_halves` gave.

    Raises:
        Cancelled: The user asked to stop; the checkpoint holds all whole steps.
        TrainingError: The loss is no longer finite.
        ModelError: The checkpoint to resume from is broken or of another training.
        OutputError: The checkpoint cannot be written.
    """
    return _HalvesTraining(network, data, halves, job, plan, feedback).run()


class _HalvesTraining(TrainingLoop):
    def __init__(
        self,
        network: MambaHSI,
        data: TrainingData,
        halves: list[Half],
        job: TrainJob,
        plan: CheckpointPlan,
        feedback: Feedback,
    ) -> None:
        super().__init__(network, data.train_classes, data.validation_classes, job, plan, feedback)
        self.data = data
        self.halves = halves
        self.epoch_pixels = sum(half.geometry.pixels for half in halves)
        if len(halves) < 2:
            feedback.warning(
                "All training pixels lie in one half of the scene, so the other is not trained on."
            )

    def loop(self) -> None:
        while True:
            started = time.monotonic()
            if self.score_is_due():
                self.score(self.predict_validation())
            if self.progress.epoch >= self.job.epochs or self.has_stalled():
                return
            self.run_epoch(started)

    def run_epoch(self, started: float) -> None:
        progress, epochs = self.progress, self.job.epochs
        epoch = progress.epoch + 1
        for half in self.halves[progress.windows :]:
            self.feedback.check()
            logits = self.network.pixel_logits(half.pixels, half.geometry, at=half.train)
            loss = functional.cross_entropy(logits, half.classes, weight=self.class_weights)
            value = self.finite(loss.item())
            self.step(loss)
            progress.windows += 1
            progress.loss += value * len(half.classes)
            done = progress.windows / len(self.halves)
            self.feedback.progress(
                (epoch - 1 + done) / epochs, f"Training: epoch {epoch} of {epochs}"
            )
            if self.checkpoint_is_due():
                self.save()
        self.count_epoch(progress.loss / sum(len(half.classes) for half in self.halves))
        self.end_epoch(time.monotonic() - started)

    def score_is_due(self) -> bool:
        """Whether the weights as they are shall be scored, and are not yet."""
        epoch, steps = self.progress.position
        if not epoch or steps or not self.is_scored():
            return False
        return not self.has_score()

    def predict_validation(self) -> Tensor:
        """Classes of the validation pixels, from the scene in one piece; int64 (m,)."""
        self.feedback.check()
        data = self.data
        with torch.no_grad():
            logits = self.network.pixel_logits(data.pixels, data.geometry, at=data.validation)
        return logits.argmax(dim=1)
