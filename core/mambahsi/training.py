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
last epoch scores the last step. Nothing in the loop draws random numbers.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from mambahsi.feedback import Feedback
from mambahsi.jobs import TrainJob
from mambahsi.network import MambaHSI, SceneGeometry
from mambahsi.training_loop import CheckpointPlan, TrainingLoop, TrainingOutcome


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
    return _WholeSceneTraining(network, data, job, plan, feedback).run()


class _WholeSceneTraining(TrainingLoop):
    def __init__(
        self,
        network: MambaHSI,
        data: TrainingData,
        job: TrainJob,
        plan: CheckpointPlan,
        feedback: Feedback,
    ) -> None:
        super().__init__(network, data.train_classes, data.validation_classes, job, plan, feedback)
        self.data = data
        self.scored = torch.cat([data.train, data.validation])
        self.epoch_pixels = data.geometry.pixels

    def loop(self) -> None:
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
            train, validation = logits.split([len(self.data.train), len(self.data.validation)])
            # A step that ran out of memory is tried again, with a score that is told already.
            if self.progress.epoch and len(validation) and not self.has_score():
                self.score(validation.detach().argmax(dim=1))
            if last or self.has_stalled():
                return
            loss = functional.cross_entropy(
                train, self.data.train_classes, weight=self.class_weights
            )
            value = self.finite(loss.item())
            self.step(loss)
            self.count_epoch(value)
            self.end_epoch(time.monotonic() - started)
