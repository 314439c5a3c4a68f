"""A classifier of single pixels from a model file, and its tensors for one."""

from __future__ import annotations

from pathlib import Path

import torch

from mambahsi.classifiers.forest import Forest
from mambahsi.classifiers.interface import PixelClassifier
from mambahsi.classifiers.svm import SupportVectorMachine
from mambahsi.errors import ModelError
from mambahsi.model_file import ModelFile


def restore_classifier(path: str | Path, model: ModelFile) -> PixelClassifier:
    """The classifier of a model file, checked so far that it can be used safely.

    Args:
        path: The file, for messages.
        model: What it holds; not a network.

    Raises:
        ModelError: The file is damaged, or of a classifier that this engine does not know.
    """
    kinds: dict[str, type[Forest] | type[SupportVectorMachine]] = {
        "forest": Forest,
        "svm": SupportVectorMachine,
    }
    if model.classifier not in kinds:
        raise ModelError(
            f"{path}: a model with classifier {model.classifier!r}, which this engine does not "
            "know.",
            "Update the engine.",
        )
    bands, classes = len(model.bands["used"]), len(model.classes)
    try:
        return kinds[model.classifier].restore(model.weights, bands, classes)
    except ModelError as error:
        raise ModelError(f"{path}: {error.message}", error.hint) from error


def tensors_of(classifier: PixelClassifier) -> dict[str, torch.Tensor]:
    """The classifier for a model file."""
    return {name: torch.from_numpy(array) for name, array in sorted(classifier.arrays().items())}
