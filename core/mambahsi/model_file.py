"""The model file: everything needed to classify, and to know where a model comes from.

One safetensors file. The format is a length, a JSON header and raw numbers, so reading it
executes nothing, unlike a pickle. Our own facts are one JSON text in the header's metadata,
under ``mambahsi``; a safetensors file without it is somebody else's.

The published network's own checkpoints (``.pth``) are pickles. They are read with PyTorch's
restricted unpickler, which builds tensors and plain containers only.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch

from mambahsi.calibration import Calibration
from mambahsi.classes import LARGEST_VALUE, ClassTable
from mambahsi.errors import ModelError
from mambahsi.jobs import NETWORK
from mambahsi.normalization import Normalization
from mambahsi.outputs import write_bytes

FORMAT_VERSION = 2
"""Raised when an older engine could no longer read the file rightly. A file is given the lowest
version that can hold it: networks are in version 1, other classifiers need 2."""

_KEY = "mambahsi"

_COLOR = re.compile(r"#[0-9a-f]{6}", re.IGNORECASE)


@dataclass
class ModelFile:
    """What a model file holds.

    Attributes:
        weights: The network's state dict, on the CPU; of another classifier, its arrays.
        network: The network's constructor arguments; of another classifier, ``in_channels`` and
            ``num_classes`` alone.
        classes: The classes by index.
        bands: ``count`` of the scene, ``used`` and ``dropped`` ones (1-based, with reason),
            ``wavelengths`` in nanometers and ``descriptions`` by used band.
        normalization: Constants by used band.
        mode: How the scene is to be classified: ``whole``, ``windows``, or ``pixels`` by a
            classifier of single pixels.
        window: Rows and columns of the windows, None where the mode is another one.
        scene: Name and grid of the training scene.
        training: The job's settings, seed, device, scan backend and threads.
        versions: Versions of the engine and of what it stands on.
        curves: Figures of every epoch.
        accuracy: What :meth:`mambahsi.accuracy.Accuracy.to_json` gave, or None if not tested.
        split: How labeled pixels were divided.
        calibration: The temperature of its probabilities, and what it rests on.
        classifier: One of :data:`mambahsi.jobs.CLASSIFIERS`.
        choice: How the settings of another classifier than the network were chosen.
        comparison: Figures of this and of other classifiers, tested on the same pixels.
    """

    weights: dict[str, torch.Tensor]
    network: dict[str, Any]
    classes: ClassTable
    bands: dict[str, Any]
    normalization: Normalization
    mode: str = "whole"
    window: tuple[int, int] | None = None
    scene: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    curves: list[dict[str, Any]] = field(default_factory=list)
    accuracy: dict[str, Any] | None = None
    split: dict[str, Any] = field(default_factory=dict)
    calibration: Calibration = field(default_factory=Calibration)
    classifier: str = NETWORK
    choice: dict[str, Any] = field(default_factory=dict)
    comparison: list[dict[str, Any]] = field(default_factory=list)


def save_model(path: Path, model: ModelFile) -> None:
    """Write a model file.

    Args:
        path: Where to write, usually from :meth:`mambahsi.outputs.OutputFiles.add`.
        model: What to write; figures that are not finite become null.

    Raises:
        OutputError: The file cannot be written.
    """
    facts = {
        "format_version": 1 if model.classifier == NETWORK else FORMAT_VERSION,
        "network": model.network,
        "classes": model.classes.to_json(),
        "bands": model.bands,
        "normalization": model.normalization.to_json(),
        "mode": model.mode,
        "window": model.window,
        "scene": model.scene,
        "training": model.training,
        "versions": model.versions,
        "curves": model.curves,
        "accuracy": model.accuracy,
        "split": model.split,
        "calibration": model.calibration.to_json(),
        "classifier": model.classifier,
        "choice": model.choice,
        "comparison": model.comparison,
    }
    weights = {name: w.detach().cpu().contiguous() for name, w in model.weights.items()}
    text = json.dumps(_finite(facts), ensure_ascii=False, allow_nan=False)
    write_bytes(path, safetensors.torch.save(weights, {_KEY: text}))


def load_model(path: str | Path) -> ModelFile:
    """Read a model file.

    Raises:
        ModelError: It is missing, truncated, foreign, or of a newer format version.
    """
    path = Path(path)
    _check_file(path)
    try:
        with safetensors.safe_open(path, "pt") as file:
            text = (file.metadata() or {}).get(_KEY)
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise ModelError(
            f"{path}: not a readable model file ({error}).",
            "It may be truncated, or not a model at all: copy or train it again.",
        ) from error
    if text is None:
        raise ModelError(
            f"{path}: a safetensors file, but not a model of this engine.",
            "Choose a file that the training wrote.",
        )
    try:
        facts = json.loads(text)
        version = int(facts["format_version"])
        if version > FORMAT_VERSION:
            raise ModelError(
                f"{path}: written in format version {version}, but this engine reads up to "
                f"{FORMAT_VERSION}.",
                "Update the engine, or train the model again with this one.",
            )
        model = ModelFile(
            weights=weights,
            network=dict(facts["network"]),
            classes=ClassTable.from_json(facts["classes"]),
            bands=dict(facts["bands"]),
            normalization=Normalization.from_json(facts["normalization"]),
            mode=str(facts["mode"]),
            window=_window(facts.get("window")),
            scene=dict(facts["scene"]),
            training=dict(facts["training"]),
            versions=dict(facts["versions"]),
            curves=list(facts["curves"]),
            accuracy=facts["accuracy"],
            split=dict(facts["split"]),
            calibration=Calibration.from_json(facts.get("calibration")),
            # The first models were networks and did not say so.
            classifier=str(facts.get("classifier", NETWORK)),
            choice=dict(facts.get("choice", {})),
            comparison=list(facts.get("comparison", [])),
        )
        _check_consistency(path, model)
        return model
    except (
        *(KeyError, TypeError, ValueError, AttributeError, ArithmeticError),
        RuntimeError,  # PyTorch, of a type of numbers that it cannot compute with
    ) as error:
        raise ModelError(
            f"{path}: the model file's description is damaged ({error!r}).",
            "Copy or train it again.",
        ) from error


def load_upstream_state(path: str | Path) -> dict[str, torch.Tensor]:
    """Read the weights of a checkpoint of the published network.

    Args:
        path: A ``.pth`` file: a state dict, or a dict with one under ``state_dict`` or
            ``model``.

    Returns:
        The state dict, on the CPU, under its own names.

    Raises:
        ModelError: It is missing, truncated, or holds anything but weights.
    """
    path = Path(path)
    _check_file(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # bytes that are no pickle make the unpickler raise anything
        raise ModelError(
            f"{path}: not a readable PyTorch checkpoint ({_first_line(error)}).",
            "Only files of plain weights are read; others could run code.",
        ) from error
    for key in ("state_dict", "model"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if (
        not isinstance(content, Mapping)
        or not content
        or not all(isinstance(v, torch.Tensor) for v in content.values())
    ):
        raise ModelError(
            f"{path}: a PyTorch file, but not the weights of a network.",
            "Save the network's state_dict().",
        )
    return {str(name): tensor for name, tensor in content.items()}


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise ModelError(f"{path}: this is a folder.", "Choose a model file.")
    if not path.exists():
        raise ModelError(f"{path}: the model file does not exist.", "Check its path.")
    try:
        # The reader of safetensors calls a file that may not be read one that does not exist.
        path.open("rb").close()
    except OSError as error:
        raise ModelError(
            f"{path}: the model file cannot be opened ({error.strerror}).",
            "Check that you may read it.",
        ) from error


def _check_consistency(path: Path, model: ModelFile) -> None:
    """Whether the parts of a model fit each other, as far as that is cheap to know."""
    used = [int(band) for band in model.bands["used"]]
    found = {
        "used bands": len(used),
        "normalization constants": len(model.normalization.low),
        "input channels": int(model.network.get("in_channels", -1)),
    }
    if len(set(found.values())) != 1:
        listed = ", ".join(f"{n} {name}" for name, n in found.items())
        raise ModelError(f"{path}: the model does not fit itself: {listed}.", "Train it again.")
    outputs = int(model.network.get("num_classes", -1))
    if outputs != len(model.classes):
        raise ModelError(
            f"{path}: the network has {outputs} classes, but {len(model.classes)} are named.",
            "Train it again.",
        )
    count = int(model.bands["count"])
    lists = [model.bands[name] for name in ("wavelengths", "fwhm")]
    if not all(1 <= band <= count for band in used) or {len(x) for x in lists} != {len(used)}:
        raise ModelError(f"{path}: the model's bands do not fit each other.", "Train it again.")
    if (model.mode == "windows") != (model.window is not None):
        raise ModelError(
            f"{path}: mode {model.mode} with windows of {model.window}.", "Train it again."
        )
    if model.classifier == NETWORK and not isinstance(model.network["hidden_dim"], int):
        raise ModelError(f"{path}: the network's width is no number.", "Train it again.")
    for land_cover in model.classes:
        if not 1 <= land_cover.value <= LARGEST_VALUE or not _COLOR.fullmatch(land_cover.color):
            raise ModelError(
                f"{path}: class {land_cover.name} has value {land_cover.value} and color "
                f"{land_cover.color}, which no map can hold.",
                "Train it again.",
            )
    broken = [name for name, w in model.weights.items() if not torch.isfinite(w).all()]
    if broken:
        raise ModelError(f"{path}: weights of {broken[0]} are not finite.", "Train it again.")


def _window(value: Any) -> tuple[int, int] | None:
    """Rows and columns of a model's windows, whose sides the network's pooling halves twice."""
    if value is None:
        return None
    rows, columns = (int(side) for side in value)
    if min(rows, columns) < 4 or rows % 4 or columns % 4:
        raise ValueError(f"windows of {rows} x {columns} pixels")
    return rows, columns


def _finite(value: Any) -> Any:
    """The value with figures that strict JSON cannot express replaced by None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(k): _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    return value


def _first_line(error: Exception) -> str:
    return (str(error) or repr(error)).splitlines()[0]
