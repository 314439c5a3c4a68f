"""How the settings of a classifier are chosen: a small grid, scored on the validation pixels.

The figure is the one that chooses the network's epoch. Of equal ones the first candidate wins,
and candidates stand in the order from plain to flexible. Without validation pixels the grid's
default is taken. The chosen classifier is *not* fitted again to training and validation pixels
together: each part keeps its role for every classifier, and what was scored is what is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from mambahsi.classifiers.interface import PixelClassifier, Samples
from mambahsi.classifiers.prediction import Predictor
from mambahsi.training_loop import validation_accuracy

Settings = dict[str, Any]


@dataclass(frozen=True)
class Choice:
    """What was chosen, and from what.

    Attributes:
        settings: The chosen settings.
        accuracy: Their accuracy on the validation pixels; None where there are none.
        candidates: All settings that were tried, each with its accuracy.
        training_pixels: Pixels that the classifier was fitted to.
    """

    settings: Settings
    accuracy: float | None
    candidates: Sequence[tuple[Settings, float]]
    training_pixels: int

    def to_json(self) -> dict[str, Any]:
        """The choice as plain values."""
        return {
            "settings": self.settings,
            "validation_accuracy": self.accuracy,
            "candidates": [
                {"settings": settings, "validation_accuracy": accuracy}
                for settings, accuracy in self.candidates
            ],
            "training_pixels": self.training_pixels,
            "fitted_again_with_validation_pixels": False,
        }

    def text(self, title: str) -> str:
        """The choice in a sentence."""
        settings = text_of(self.settings)
        if self.accuracy is None:
            return f"There are no validation pixels: the {title} takes its default, {settings}."
        return (
            f"Of {len(self.candidates)} settings of the {title}, {settings} is kept: accuracy "
            f"{self.accuracy:.2%} on validation pixels, which it is not fitted to afterwards."
        )


@dataclass(frozen=True)
class Fitted:
    """A fitted classifier.

    Attributes:
        classifier: The classifier.
        choice: How its settings were chosen.
        notes: What the user should know about it.
    """

    classifier: PixelClassifier
    choice: Choice
    notes: Sequence[str] = ()


def text_of(settings: Settings) -> str:
    """Settings for people: ``C 100, gamma 0.005``."""
    return ", ".join(
        f"{name.replace('_', ' ')} {f'{value:.4g}' if isinstance(value, float) else value}"
        for name, value in settings.items()
    )


def score(classifier: PixelClassifier, validation: Samples, protocol: str, threads: int) -> float:
    """Accuracy on the validation pixels, at least one: the figure that chooses.

    Raises:
        Cancelled: The user asked to stop.
    """
    with Predictor(classifier, threads) as predictor:
        correct = predictor.classify(validation.pixels) == validation.classes
    classes = torch.from_numpy(validation.classes)
    return validation_accuracy(torch.from_numpy(correct), classes, protocol)


def weights_of(samples: Samples, kind: str) -> dict[int, float] | None:
    """Weights of the classes by the job's ``class_weights``, as for the network's loss.

    Returns:
        None for ``none``; else by class index, so that the mean over the pixels is 1.
    """
    if kind == "none":
        return None
    classes, counts = np.unique(samples.classes, return_counts=True)
    weights = len(samples) / (len(classes) * counts)
    return dict(zip(classes.tolist(), weights.tolist(), strict=True))
