"""Training on a whole scene, in the way of the paper.

One epoch is one optimizer step: the whole scene goes through the network, the cross entropy
is taken on the training pixels, Adam makes its step. The weights that score best on the
validation pixels are kept, the later epoch winning a tie.

The paper takes ten validation pixels of every class, so its overall accuracy weighs classes
alike. Validation pixels from polygons do not: with them overall accuracy favors an early
epoch that knows the large classes only. There, the mean over the classes keeps the paper's
meaning.

The network has neither dropout nor batch norm, so a training forward is an evaluation
forward, too, and none is spent on scoring alone: the forward of epoch e + 1 scores the
weights as step e left them, before step e + 1 changes them. One further forward after the
last epoch scores the last step. Nothing in the loop draws random numbers, which is why the
state kept in a checkpoint (see :mod:`mambahsi.checkpoint`) is enough to go on bit for bit.
"""

from __future__ import annotations

import math
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from mambahsi.checkpoint import (
    Checkpoint,
    Progress,
    load_checkpoint,
    optimizer_state,
    refuse_difference,
    restore_optimizer,
    save_checkpoint,
)
from mambahsi.errors import Cancelled, ModelError, OutputError, TrainingError
from mambahsi.feedback import Feedback
from mambahsi.jobs import TrainJob
from mambahsi.network import MambaHSI, SceneGeometry

LONG_EPOCH = 1.0
"""An epoch that took longer, in seconds, is worth a checkpoint of its own."""

CHECKPOINT_INTERVAL = 10.0
"""Seconds between checkpoints where epochs are short."""


@dataclass(frozen=True)
class TrainingData:
    """What the network learns from; everything on the device that it runs on.

    Attributes:
        pixels: Normalized bands of the valid pixels, row by row; float32 (pixels, bands).
        geometry: Where these pixels lie.
        train: Numbers of the training pixels; int64 (n,).
        train_classes: Their class indices; int64 (n,).
        validation: Numbers of the validation pixels; int64 (m,), may be empty.
        validation_classes: Their class indices; int64 (m,).
    """

    pixels: Tensor
    geometry: SceneGeometry
    train: Tensor
    train_classes: Tensor
    validation: Tensor
    validation_classes: Tensor


@dataclass(frozen=True)
class CheckpointPlan:
    """Where a training keeps its state, and what it may be resumed with.

    Attributes:
        path: The checkpoint file.
        fingerprint: Settings and digests that must be the same.
        circumstances: Device, scan and threads, which should be the same.
    """

    path: Path
    fingerprint: dict[str, Any]
    circumstances: dict[str, Any]


@dataclass(frozen=True)
class TrainingOutcome:
    """What a training gave. The network itself holds the best weights.

    Attributes:
        best_epoch: Epoch whose weights were kept.
        best_accuracy: Their validation accuracy; None without validation pixels.
        epochs: Epochs done; fewer than asked for after an early stop.
        curves: One entry per epoch: ``epoch``, ``loss``, ``validation_accuracy``.
        seconds: Duration of this run.
    """

    best_epoch: int
    best_accuracy: float | None
    epochs: int
    curves: list[dict[str, Any]]
    seconds: float


def train_network(
    network: MambaHSI,
    data: TrainingData,
    job: TrainJob,
    plan: CheckpointPlan,
    feedback: Feedback,
) -> TrainingOutcome:
    """Train a network, and leave the best weights in it.

    Args:
        network: Freshly constructed, on the device of ``data``.
        data: Pixels and labels.
        job: Epochs, learning rate, class weights, patience, resume.
        plan: Where the checkpoint goes. It is written at the ends of epochs and on a cancel,
            and is left in place: who has saved the model removes it.
        feedback: Gets a metric per epoch, once the epoch's validation accuracy is known.

    Raises:
        Cancelled: The user asked to stop; the checkpoint holds the last whole epoch.
        TrainingError: The loss is no longer finite.
        ModelError: The checkpoint to resume from is broken or of another training.
        OutputError: The checkpoint cannot be written.
    """
    return _Training(network, data, job, plan, feedback).run()


class _Training:
    def __init__(
        self,
        network: MambaHSI,
        data: TrainingData,
        job: TrainJob,
        plan: CheckpointPlan,
        feedback: Feedback,
    ) -> None:
        self.network = network
        self.data = data
        self.job = job
        self.plan = plan
        self.feedback = feedback
        self.optimizer = torch.optim.Adam(network.parameters(), lr=job.learning_rate)
        self.class_weights = _class_weights(job.class_weights, data.train_classes)
        self.scored = torch.cat([data.train, data.validation])
        self.progress = Progress()
        self.best: dict[str, Tensor] = {}
        self.saved_epoch = 0
        self.saved_at = time.monotonic()
        self.durations: deque[float] = deque(maxlen=10)

    def run(self) -> TrainingOutcome:
        started = time.monotonic()
        if self.job.resume:
            self._resume()
        try:
            self._loop()
        except Cancelled:
            # The weights change in the optimizer's step only, which nobody interrupts: what
            # is in memory is the state after the last whole epoch.
            if self.progress.epoch > self.saved_epoch:
                try:
                    self._save()
                except OutputError as error:
                    # The user asked for a stop and gets one; what it costs must be told.
                    self.feedback.warning(f"The state of the training is not kept. {error}")
            if self.saved_epoch:
                self.feedback.log(
                    f"The state after epoch {self.saved_epoch} is kept in {self.plan.path}, to "
                    "resume from."
                )
            raise
        progress = self.progress
        if self.best:
            self.network.load_state_dict(self.best)
        return TrainingOutcome(
            best_epoch=progress.best_epoch or progress.epoch,
            best_accuracy=progress.best_accuracy if self.best else None,
            epochs=progress.epoch,
            curves=progress.curves,
            seconds=time.monotonic() - started,
        )

    def _loop(self) -> None:
        while True:
            self.feedback.check()
            started = time.monotonic()
            last = self.progress.epoch >= self.job.epochs
            if last and not len(self.data.validation):
                return
            with torch.set_grad_enabled(not last):
                logits = self.network.pixel_logits(
                    self.data.pixels, self.data.geometry, at=self.scored
                )
            if self.progress.epoch:
                self._score(logits.detach()[len(self.data.train) :])
            if last or self._has_stalled():
                return
            self._step(logits[: len(self.data.train)])
            self._end_epoch(time.monotonic() - started)

    def _score(self, logits: Tensor) -> None:
        """Score the weights of the last epoch done, and keep them if they are the best."""
        if not len(logits):
            return
        progress = self.progress
        correct = logits.argmax(dim=1) == self.data.validation_classes
        accuracy = validation_accuracy(correct, self.data.validation_classes, self.job.protocol)
        before = progress.best_accuracy
        progress.curves[-1]["validation_accuracy"] = accuracy
        if accuracy > before:
            progress.improved_epoch = progress.epoch
        if accuracy >= before:
            progress.best_epoch = progress.epoch
            self.best = _copy(self.network.state_dict())
        self._tell()

    def _has_stalled(self) -> bool:
        patience = self.job.patience
        if not (patience and self.best):
            return False
        stalled = self.progress.epoch - self.progress.improved_epoch >= patience
        if stalled:
            self.feedback.log(
                f"Stopped after epoch {self.progress.epoch}: the validation accuracy has not "
                f"risen for {patience} epochs."
            )
        return stalled

    def _step(self, logits: Tensor) -> None:
        loss = functional.cross_entropy(logits, self.data.train_classes, weight=self.class_weights)
        value = loss.item()
        epoch = self.progress.epoch + 1
        if not math.isfinite(value):
            raise TrainingError(
                f"The loss is no longer finite in epoch {epoch} ({value}).",
                "Try a smaller learning rate, and look for extreme values in the scene that "
                "should be nodata.",
            )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        # Between here and the end of the method, nothing looks at the cancel flag: weights,
        # Adam's state and the count of epochs change together.
        self.optimizer.step()
        self.progress.epoch = epoch
        self.progress.curves.append({"epoch": epoch, "loss": value, "validation_accuracy": None})

    def _end_epoch(self, seconds: float) -> None:
        self.durations.append(seconds)
        if seconds > LONG_EPOCH or time.monotonic() - self.saved_at > CHECKPOINT_INTERVAL:
            self._save()
        if not len(self.data.validation):
            self._tell()
        epoch, epochs = self.progress.epoch, self.job.epochs
        self.feedback.progress(epoch / epochs, f"Training: epoch {epoch} of {epochs}")

    def _tell(self) -> None:
        """Tell the figures of the last epoch, which are complete now."""
        seconds = self._epoch_seconds()
        pixels = self.data.geometry.pixels
        left = None if seconds is None else seconds * (self.job.epochs - self.progress.epoch)
        self.feedback.metric(
            **self.progress.curves[-1],
            epochs=self.job.epochs,
            pixels_per_second=None if seconds is None else pixels / seconds,
            device=self.data.pixels.device.type,
            seconds_left=left,
        )

    def _epoch_seconds(self) -> float | None:
        """Duration of an epoch of late; None right after a resume.

        The first epoch, in which kernels may be compiled, does not count once there are more.
        """
        durations = list(self.durations)[1:] or list(self.durations)
        return sum(durations) / len(durations) if durations else None

    def _save(self) -> None:
        save_checkpoint(
            self.plan.path,
            Checkpoint(
                progress=self.progress,
                weights=self.network.state_dict(),
                best=self.best,
                adam=optimizer_state(self.network, self.optimizer),
                fingerprint=self.plan.fingerprint,
                circumstances=self.plan.circumstances,
            ),
        )
        self.saved_epoch = self.progress.epoch
        self.saved_at = time.monotonic()

    def _resume(self) -> None:
        path = self.plan.path
        if not path.exists():
            self.feedback.warning(
                f"There is no checkpoint {path} to resume from: training starts from the beginning."
            )
            return
        checkpoint = load_checkpoint(path)
        refuse_difference(path, checkpoint.fingerprint, self.plan.fingerprint)
        epoch = checkpoint.progress.epoch
        if epoch > self.job.epochs:
            raise ModelError(
                f"Checkpoint {path} is of epoch {epoch}, but the job asks for {self.job.epochs} "
                "epochs only.",
                "Ask for more epochs, or start without resume.",
            )
        for name, value in self.plan.circumstances.items():
            before = checkpoint.circumstances.get(name)
            if before != value:
                self.feedback.warning(
                    f"The checkpoint was made with {name} {before}, and goes on with {value}: the "
                    "result will not equal that of an uninterrupted training to the last digit."
                )
        self.network.load_state_dict(checkpoint.weights)
        restore_optimizer(self.network, self.optimizer, checkpoint.adam)
        device = self.data.pixels.device
        self.best = {name: tensor.to(device) for name, tensor in checkpoint.best.items()}
        self.progress = checkpoint.progress
        self.saved_epoch = epoch
        self.feedback.log(f"Resumed from {path} after epoch {epoch}.")


def validation_accuracy(correct: Tensor, classes: Tensor, protocol: str) -> float:
    """The figure that chooses the weights.

    Args:
        correct: Whether each validation pixel is classified rightly; bool (n,).
        classes: Their class indices; int64 (n,).
        protocol: The job's protocol.

    Returns:
        Overall accuracy with the paper's protocol, else the mean over the classes present.
    """
    if protocol == "random":
        return int(correct.sum()) / len(correct)
    pixels = torch.bincount(classes)
    right = torch.bincount(classes[correct], minlength=len(pixels))
    present = pixels > 0
    return float((right[present].double() / pixels[present]).mean())


def _class_weights(kind: str, classes: Tensor) -> Tensor | None:
    """Weights of the classes in the loss.

    ``balanced`` weighs a class by the inverse of its number of training pixels, scaled so
    that the mean over the pixels is 1.
    """
    if kind == "none":
        return None
    counts = torch.bincount(classes)
    return len(classes) / (len(counts) * counts.float())


def _copy(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in weights.items()}
