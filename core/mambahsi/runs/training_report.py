"""The report of a training: what the model can do, on what it rests, how it came about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from mambahsi.accuracy import Accuracy
from mambahsi.classifiers import TITLES
from mambahsi.jobs import NETWORK
from mambahsi.model_file import ModelFile
from mambahsi.previews import Preview, class_preview, scene_preview
from mambahsi.report import write_report
from mambahsi.runs.ways_to_train import Training
from mambahsi.scene import Scene
from mambahsi.split import TRAIN, Split
from mambahsi.training_loop import TrainingOutcome

_RED_GREEN_BLUE = (650.0, 550.0, 450.0)
"""Wavelengths of a natural-color picture, in nanometers."""


@dataclass(frozen=True)
class TrainedModel:
    """Everything that a training gave.

    Attributes:
        model: What goes into the model file.
        outcome: How the training went.
        split: How the labels were divided.
        accuracy: Agreement with the test pixels; None if there are none.
        previews: Pictures for the report.
    """

    model: ModelFile
    outcome: TrainingOutcome
    split: Split
    accuracy: Accuracy | None
    previews: list[Preview]


def color_bands(scene: Scene, used: Sequence[int]) -> tuple[int, int, int]:
    """Positions, among the used bands, of those to show as red, green and blue.

    Without wavelengths: three bands spread over the first half, which in most scenes is the
    visible part, the later ones as red.
    """
    wavelengths = [scene.bands[index - 1].wavelength for index in used]
    if all(wavelength is not None for wavelength in wavelengths):
        known = np.array(wavelengths, dtype=float)
        red, green, blue = (int(np.abs(known - color).argmin()) for color in _RED_GREEN_BLUE)
        return red, green, blue
    half = max(len(used) // 2, min(len(used), 3))
    return half - 1, half // 2, 0


def previews(training: Training, split: Split) -> list[Preview]:
    """Scene, training pixels and map; on windows, the map around validation and test pixels."""
    labeled = np.where(split.parts == TRAIN, split.index, -1)
    pictures = [
        scene_preview("Scene", training.image, training.image_valid),
        class_preview("Training pixels", labeled, split.table),
    ]
    if (training.predicted >= 0).any():
        caption = "Map around validation and test pixels" if training.window else "Map"
        pictures.append(class_preview(caption, training.predicted, split.table))
    return pictures


def write_training_report(path: Path, trained: TrainedModel, warnings: Sequence[str]) -> None:
    """Write the report.

    Args:
        path: Where to write.
        trained: What it is about.
        warnings: What the user was warned of, from reading the labels to the end.

    Raises:
        OutputError: It cannot be written.
    """
    model, split = trained.model, trained.split
    write_report(
        path,
        title=(
            f"Land cover of {model.scene['name']}: training of a {TITLES[model.classifier]}"
            f"{' model' if model.classifier == NETWORK else ''}"
        ),
        accuracy=trained.accuracy,
        protocol=split.protocol,
        split=split.to_json(),
        spatial=model.accuracy,
        curves=trained.outcome.curves,
        best_epoch=trained.outcome.best_epoch,
        calibration=model.calibration,
        previews=trained.previews,
        facts=_facts(model),
        warnings=warnings,
        choice=model.choice,
        comparison=model.comparison,
    )


def _facts(model: ModelFile) -> dict[str, dict[str, Any]]:
    training, bands = model.training, model.bands
    grid = model.scene["grid"]
    scene = {
        "Name": model.scene["name"],
        # A scene with a name of its own was copied to a file that is gone by now.
        "Source": "" if training["scene"]["name"] else training["scene"]["path"],
        "Size": f"{grid['height']} rows, {grid['width']} columns",
        "Bands": f"{len(bands['used'])} used of {bands['count']}",
        "Bands left out": ", ".join(f"{b['index']} ({b['reason']})" for b in bands["dropped"]),
    }
    is_network = model.classifier == NETWORK
    own = ("preset", "epochs", "learning_rate", "patience") if is_network else ()
    settings = {
        name.replace("_", " ").capitalize(): training[name]
        for name in (
            *("classifier", *own, "protocol", "seed", "class_weights"),
            *("device", "backend", "threads"),
        )
    }
    seen = (
        f"in windows of {model.window[0]} x {model.window[1]} pixels"
        if model.window
        else "pixel by pixel"
        if model.mode == "pixels"
        else "whole, in training in two halves of its rows"
        if training.get("row_halves")
        else "whole"
    )
    settings["Scene seen"] = seen
    settings["Model file"] = Path(training["model"]).name
    settings["Written"] = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")
    if is_network:
        settings["Kept epoch"] = training["best_epoch"]
    settings["Duration"] = f"{training['seconds']:.0f} s"
    layers = {
        heading: source["name"] or source["path"]
        for heading, source in (
            ("Layer", training["labels"]),
            ("Separate validation layer", training["validation"]),
            ("Separate test layer", training["test"]),
        )
        if source
    }
    return {
        "Scene": {name: value for name, value in scene.items() if value},
        "Labels": {**layers, "Class field": training["class_field"]},
        "Training": settings,
        "Versions": model.versions,
    }
