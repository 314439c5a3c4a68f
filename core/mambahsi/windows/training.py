"""Training on windows around the labels.

An epoch is a new random cover of the training pixels by windows (see
:mod:`mambahsi.windows.placement`), and every window is one optimizer step, as the published
training makes one step for each half of a scene that it cuts in two.

The loss of a step is the sum of the cross entropy over the pixels that the window accounts
for, times windows / training pixels. Over an epoch that is the mean over all training pixels,
whole-scene training's loss, with each pixel counting the same: a mean within each window
would give the only pixel of one window the weight of all thousand of another. Where windows
account for equally many pixels, both are the same.

Here training sees other windows than those which a score needs, so scoring takes a forward of
its own, over fixed windows centered on the validation pixels. A step costs about as much as
four forwards. Where validation takes more windows than an epoch has steps, the scene is
scored every second epoch, third epoch and so on, so that it takes at most a quarter of the
time of the steps; the last epoch is always scored.

The cover of an epoch follows from seed and epoch alone, so a training can go on in the middle
of one.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from mambahsi.feedback import Feedback
from mambahsi.jobs import TrainJob
from mambahsi.network import MambaHSI, SceneGeometry
from mambahsi.training_loop import CheckpointPlan, TrainingLoop, TrainingOutcome
from mambahsi.windows.placement import LabeledWindow, fixed_cover, random_cover
from mambahsi.windows.tiles import WindowReader


@dataclass(frozen=True)
class LabeledPixels:
    """Labeled pixels of one part of the labels.

    Attributes:
        points: Row and column of each, row by row; int64 (n, 2).
        classes: Their class indices; int64 (n,), on the network's device.
    """

    points: np.ndarray
    classes: Tensor


def train_on_windows(
    network: MambaHSI,
    reader: WindowReader,
    shape: tuple[int, int],
    train: LabeledPixels,
    validation: LabeledPixels,
    job: TrainJob,
    plan: CheckpointPlan,
    feedback: Feedback,
) -> TrainingOutcome:
    """Train a network on windows, and leave the best weights in it.

    Args:
        network: Freshly constructed, on the device that it runs on.
        reader: Reads the scene.
        shape: Rows and columns of the windows.
        train: The training pixels.
        validation: The validation pixels; may be none.
        job: Epochs, learning rate, class weights, patience, seed, resume.
        plan: Where the checkpoint goes. It is written every few seconds and on a cancel, and
            is left in place: who has saved the model removes it.
        feedback: Gets a metric per epoch.

    Raises:
        Cancelled: The user asked to stop; the checkpoint holds all whole steps.
        TrainingError: The loss is no longer finite.
        ModelError: The checkpoint to resume from is broken or of another training.
        OutputError: The checkpoint cannot be written.
        SceneError: The file is truncated or corrupt.
    """
    return _WindowedTraining(network, reader, shape, train, validation, job, plan, feedback).run()


class _WindowedTraining(TrainingLoop):
    def __init__(
        self,
        network: MambaHSI,
        reader: WindowReader,
        shape: tuple[int, int],
        train: LabeledPixels,
        validation: LabeledPixels,
        job: TrainJob,
        plan: CheckpointPlan,
        feedback: Feedback,
    ) -> None:
        super().__init__(network, train.classes, validation.classes, job, plan, feedback)
        self.reader = reader
        self.shape = shape
        self.train = train
        self.validation_points = validation.points
        self.scored = fixed_cover(validation.points, reader.valid.shape, shape)
        steps = len(self.cover(1))
        self.interval = max(1, -(-len(self.scored) // steps))
        feedback.log(
            f"The training pixels of an epoch lie in about {steps} windows of {shape[0]} x "
            f"{shape[1]} pixels, the validation pixels in {len(self.scored)}"
            + (f", scored every {self.interval} epochs." if self.interval > 1 else ".")
        )

    def cover(self, epoch: int) -> list[LabeledWindow]:
        """The windows of an epoch."""
        generator = np.random.default_rng((self.job.seed, epoch))
        return random_cover(self.train.points, self.reader.valid.shape, self.shape, generator)

    def loop(self) -> None:
        while True:
            started = time.monotonic()
            if self.score_is_due():
                self.score(self.predict_validation())
            # Only a score tells that there is no gain.
            if self.progress.epoch >= self.job.epochs or (self.is_scored() and self.has_stalled()):
                return
            self.run_epoch(started)

    def run_epoch(self, started: float) -> None:
        progress, epochs = self.progress, self.job.epochs
        epoch = progress.epoch + 1
        cover = self.cover(epoch)
        seen = 0
        for window in cover[progress.windows :]:
            logits, pixels = self.logits(window, self.train.points)
            seen += pixels
            members = torch.from_numpy(window.members).to(self.device)
            loss = functional.cross_entropy(
                logits, self.train.classes[members], weight=self.class_weights, reduction="sum"
            )
            value = self.finite(loss.item())
            self.step(loss * (len(cover) / len(self.train.points)))
            progress.windows += 1
            progress.loss += value
            done = progress.windows / len(cover)
            self.feedback.progress(
                (epoch - 1 + done) / epochs, f"Training: epoch {epoch} of {epochs}"
            )
            if self.checkpoint_is_due():
                self.save()
        self.epoch_pixels = seen
        self.count_epoch(progress.loss / len(self.train.points))
        self.end_epoch(time.monotonic() - started)

    def is_scored(self) -> bool:
        """Whether the last epoch done is one of those that are scored."""
        epoch = self.progress.epoch
        return super().is_scored() and (epoch % self.interval == 0 or epoch == self.job.epochs)

    def score_is_due(self) -> bool:
        """Whether the weights as they are shall be scored, and are not yet."""
        epoch, windows = self.progress.position
        if not epoch or windows or not self.is_scored():
            return False
        return not self.has_score()

    def predict_validation(self) -> Tensor:
        """Classes of the validation pixels; int64 (m,)."""
        predicted = torch.empty_like(self.validation_classes)
        with torch.no_grad():
            for window in self.scored:
                logits, _ = self.logits(window, self.validation_points)
                members = torch.from_numpy(window.members).to(self.device)
                predicted[members] = logits.argmax(dim=1)
        return predicted

    def logits(self, window: LabeledWindow, points: np.ndarray) -> tuple[Tensor, int]:
        """Logits of the pixels that a window accounts for, and how many pixels it has."""
        self.feedback.check()
        pixels, mask = self.reader.read(window.window, self.feedback)
        corner = (window.window.row_off, window.window.col_off)
        rows, columns = (points[window.members] - corner).T
        numbers = (np.cumsum(mask) - 1).reshape(mask.shape)[rows, columns]
        logits = self.network.pixel_logits(
            pixels.to(self.device),
            SceneGeometry(mask),
            at=torch.from_numpy(numbers).to(self.device),
        )
        return logits, len(pixels)
