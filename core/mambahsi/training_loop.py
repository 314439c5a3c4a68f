"""What every training does, whatever it sees of a scene: score, keep the best, stop, resume.

The state between two optimizer steps is complete in a checkpoint (see
:mod:`mambahsi.checkpoint`): weights, best weights, Adam's moments, and how far it has come.
Whatever a loop draws at random must follow from the seed and the epoch alone; then a training
that was interrupted goes on bit for bit.

A training that runs out of memory keeps less of the forward pass from then on, and computes it
again (see :attr:`mambahsi.network.MambaHSI.recompute`). Forward and backward passes change no
weights, so it goes on with the step in which that happened.
"""

from __future__ import annotations

import abc
import math
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mambahsi.checkpoint import (
    Checkpoint,
    Progress,
    load_checkpoint,
    optimizer_state,
    refuse_difference,
    restore_optimizer,
    save_checkpoint,
)
from mambahsi.devices import first_line, is_out_of_memory, release_memory
from mambahsi.errors import Cancelled, ModelError, OutputError, TrainingError
from mambahsi.feedback import Feedback
from mambahsi.jobs import TrainJob
from mambahsi.network import MambaHSI

LONG_EPOCH = 1.0
"""An epoch that took longer, in seconds, is worth a checkpoint of its own."""

CHECKPOINT_INTERVAL = 10.0
"""Seconds between checkpoints otherwise."""


RECOMPUTING = {"whole": "recompute", "halves": "halves recompute"}
"""What a plan is called once it computes features again."""


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
        seconds: Duration, of all its runs together where it was interrupted.
        cpu_seconds: Time of all processors in it.
    """

    best_epoch: int
    best_accuracy: float | None
    epochs: int
    curves: list[dict[str, Any]]
    seconds: float
    cpu_seconds: float


class TrainingLoop(abc.ABC):
    """A training that is under way.

    Attributes:
        network: What is trained, on the device that it runs on.
        job: Epochs, learning rate, class weights, patience, resume.
        feedback: Told how it goes.
        device: Where the network is.
        optimizer: Adam over all parameters.
        class_weights: Weights of the classes in the loss, or None.
        validation_classes: Class indices of the validation pixels; int64 (m,), may be empty.
        epoch_pixels: Pixels that went through the network in the epoch done last.
        progress: How far the training has come.
    """

    def __init__(
        self,
        network: MambaHSI,
        train_classes: Tensor,
        validation_classes: Tensor,
        job: TrainJob,
        plan: CheckpointPlan,
        feedback: Feedback,
    ) -> None:
        self.network = network
        self.job = job
        self.feedback = feedback
        self.device = next(network.parameters()).device
        self.optimizer = torch.optim.Adam(network.parameters(), lr=job.learning_rate)
        self.class_weights = _class_weights(job.class_weights, train_classes)
        self.validation_classes = validation_classes
        self.epoch_pixels = 0
        self.progress = Progress()
        self._plan = plan
        self._best: dict[str, Tensor] = {}
        self._saved = (0, 0)
        self._saved_at = time.monotonic()
        self._clocks = (0.0, 0.0)
        self._durations: deque[float] = deque(maxlen=10)
        self._is_stepping = False

    @abc.abstractmethod
    def loop(self) -> None:
        """Train from where :attr:`progress` stands until the end."""

    def is_scored(self) -> bool:
        """Whether the weights after the last epoch done are scored, or shall be."""
        return len(self.validation_classes) > 0

    def run(self) -> TrainingOutcome:
        """Train, and leave the best weights in the network.

        Raises:
            Cancelled: The user asked to stop; the checkpoint holds all that was done.
            TrainingError: The loss is no longer finite.
            ModelError: The checkpoint to resume from is broken or of another training.
            OutputError: The checkpoint cannot be written.
            RuntimeError: Memory ran out, even with features computed again; the checkpoint holds
                all that was done.
        """
        self._clocks = (time.monotonic(), time.process_time())
        if self.job.resume:
            self._resume()
        try:
            self._loop_within_memory()
        except (Cancelled, RuntimeError, MemoryError) as error:
            if isinstance(error, Cancelled) or is_out_of_memory(error):
                self._keep_state()
            raise
        progress = self.progress
        self._count_time()
        if self._best:
            self.network.load_state_dict(self._best)
        return TrainingOutcome(
            best_epoch=progress.best_epoch or progress.epoch,
            best_accuracy=progress.best_accuracy if self._best else None,
            epochs=progress.epoch,
            curves=progress.curves,
            seconds=progress.seconds,
            cpu_seconds=progress.cpu_seconds,
        )

    def _loop_within_memory(self) -> None:
        while True:
            try:
                self.loop()
                return
            except (RuntimeError, MemoryError) as error:
                if self.network.recompute or self._is_stepping or not is_out_of_memory(error):
                    raise
                told = first_line(error)
            # Only here the error is gone, and with it the frames that keep tensors alive.
            self.optimizer.zero_grad(set_to_none=True)
            release_memory(self.device)
            self.network.recompute = True
            name = str(self._plan.circumstances.get("plan", ""))
            self._plan.circumstances["plan"] = RECOMPUTING.get(name, name)
            self.feedback.warning(
                f"Memory ran out in epoch {self.progress.epoch + 1} ({told}). The training goes on "
                "with this epoch, and from now on computes features again instead of keeping them: "
                "slower, with the same result to rounding."
            )

    def _keep_state(self) -> None:
        """Write what is in memory, if it is a state between two steps and worth it."""
        # The weights change in the optimizer's step only, which nobody interrupts: what
        # is in memory is the state after the last whole step.
        if self.progress.position > self._saved and not self._is_stepping:
            try:
                self.save()
            except OutputError as error:
                # There is another reason to stop; what it costs must be told.
                self.feedback.warning(f"The state of the training is not kept. {error}")
        if self._saved > (0, 0):
            self.feedback.log(
                f"The state after {_position_text(self._saved)} is kept in "
                f"{self._plan.path}, to resume from."
            )

    def step(self, loss: Tensor) -> None:
        """One optimizer step.

        From here on the caller must not look at the cancel flag until :attr:`progress` counts
        the step: weights, Adam's state and progress change together.
        """
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._is_stepping = True
        self.optimizer.step()
        self._is_stepping = False

    def finite(self, loss: float) -> float:
        """The loss of the epoch under way.

        Raises:
            TrainingError: It is not finite.
        """
        if not math.isfinite(loss):
            raise TrainingError(
                f"The loss is no longer finite in epoch {self.progress.epoch + 1} ({loss}).",
                "Try a smaller learning rate, and look for extreme values in the scene that "
                "should be nodata.",
            )
        return loss

    def count_epoch(self, loss: float) -> None:
        """Count an epoch whose last step is done, with its loss."""
        progress = self.progress
        progress.epoch += 1
        progress.windows, progress.loss = 0, 0.0
        progress.curves.append({"epoch": progress.epoch, "loss": loss, "validation_accuracy": None})

    def end_epoch(self, seconds: float) -> None:
        """Keep and tell what there is to an epoch that took so long."""
        self._durations.append(seconds)
        if seconds > LONG_EPOCH or self.checkpoint_is_due():
            self.save()
        if not self.is_scored():
            self.tell()
        epoch, epochs = self.progress.epoch, self.job.epochs
        self.feedback.progress(epoch / epochs, f"Training: epoch {epoch} of {epochs}")

    def score(self, predicted: Tensor) -> None:
        """Score the weights of the last epoch done, and keep them if they are the best.

        Args:
            predicted: Classes of the validation pixels; int64 (m,).
        """
        progress = self.progress
        correct = predicted == self.validation_classes
        accuracy = validation_accuracy(correct, self.validation_classes, self.job.protocol)
        before = progress.best_accuracy
        # Memory may run out here; what is decided before would count in the next try.
        weights = _copy(self.network.state_dict()) if accuracy >= before else self._best
        progress.curves[-1]["validation_accuracy"] = accuracy
        if accuracy > before:
            progress.improved_epoch = progress.epoch
        if accuracy >= before:
            progress.best_epoch = progress.epoch
        self._best = weights
        self.tell()

    def has_score(self) -> bool:
        """Whether the last epoch done has its score."""
        return self.progress.curves[-1]["validation_accuracy"] is not None

    def has_stalled(self) -> bool:
        """Whether the patience is at its end; says so."""
        patience = self.job.patience
        if not (patience and self._best):
            return False
        stalled = self.progress.epoch - self.progress.improved_epoch >= patience
        if stalled:
            self.feedback.log(
                f"Stopped after epoch {self.progress.epoch}: the validation accuracy has not "
                f"risen for {patience} epochs."
            )
        return stalled

    def tell(self) -> None:
        """Tell the figures of the last epoch, which are complete now."""
        seconds = self._epoch_seconds()
        left = None if seconds is None else seconds * (self.job.epochs - self.progress.epoch)
        self.feedback.metric(
            **self.progress.curves[-1],
            epochs=self.job.epochs,
            pixels_per_second=None if seconds is None else self.epoch_pixels / seconds,
            device=self.device.type,
            seconds_left=left,
        )

    def checkpoint_is_due(self) -> bool:
        """Whether the last checkpoint is older than :data:`CHECKPOINT_INTERVAL`."""
        return time.monotonic() - self._saved_at > CHECKPOINT_INTERVAL

    def save(self) -> None:
        """Write the checkpoint.

        Raises:
            OutputError: It cannot be written.
        """
        self._count_time()
        save_checkpoint(
            self._plan.path,
            Checkpoint(
                progress=self.progress,
                weights=self.network.state_dict(),
                best=self._best,
                adam=optimizer_state(self.network, self.optimizer),
                fingerprint=self._plan.fingerprint,
                circumstances=self._plan.circumstances,
            ),
        )
        self._saved = self.progress.position
        self._saved_at = time.monotonic()

    def _count_time(self) -> None:
        """Add the time since this was called last to that of the training."""
        wall, cpu = time.monotonic(), time.process_time()
        self.progress.seconds += wall - self._clocks[0]
        self.progress.cpu_seconds += cpu - self._clocks[1]
        self._clocks = (wall, cpu)

    def _epoch_seconds(self) -> float | None:
        """Duration of an epoch of late; None right after a resume.

        The first epoch, in which kernels may be compiled, does not count once there are more.
        """
        durations = list(self._durations)[1:] or list(self._durations)
        return sum(durations) / len(durations) if durations else None

    def _resume(self) -> None:
        path = self._plan.path
        if not path.exists():
            self.feedback.warning(
                f"There is no checkpoint {path} to resume from: training starts from the beginning."
            )
            return
        checkpoint = load_checkpoint(path)
        refuse_difference(path, checkpoint.fingerprint, self._plan.fingerprint)
        epoch, windows = checkpoint.progress.position
        if epoch + (windows > 0) > self.job.epochs:
            raise ModelError(
                f"Checkpoint {path} is of epoch {epoch + (windows > 0)}, but the job asks for "
                f"{self.job.epochs} epochs only.",
                "Ask for more epochs, or start without resume.",
            )
        for name, value in self._plan.circumstances.items():
            before = checkpoint.circumstances.get(name)
            if before != value:
                self.feedback.warning(
                    f"The checkpoint was made with {name} {before}, and goes on with {value}: the "
                    "result will not equal that of an uninterrupted training to the last digit."
                )
        self.network.load_state_dict(checkpoint.weights)
        restore_optimizer(self.network, self.optimizer, checkpoint.adam)
        self._best = {name: tensor.to(self.device) for name, tensor in checkpoint.best.items()}
        self.progress = checkpoint.progress
        self._saved = self.progress.position
        self.feedback.log(f"Resumed from {path} after {_position_text(self._saved)}.")


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


def _position_text(position: tuple[int, int]) -> str:
    epoch, windows = position
    if not windows:
        return f"epoch {epoch}"
    return f"epoch {epoch} and {windows} window{'s' if windows > 1 else ''} of the next"


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
