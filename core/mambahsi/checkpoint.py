"""What a cancelled training leaves behind, so that it can go on as if nothing had happened.

Beside the model file ``MODEL`` lies ``MODEL.checkpoint``: a safetensors file with the current
weights, the best weights so far and Adam's moments, and a JSON header with the curves and
with a *fingerprint*: the settings, and digests of the very pixels, labels and split that
the training saw. A training resumes only where all of it is the same, because only then is
the result that of an uninterrupted one, bit for bit. The number of epochs may be raised;
another device, scan or number of threads is allowed, but warned of, because sums are then
rounded in another order.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open

from mambahsi.errors import ModelError
from mambahsi.outputs import OutputFiles, write_bytes

FORMAT = "mambahsi-checkpoint"
FORMAT_VERSION = 2


@dataclass
class Progress:
    """How far a training has come.

    Attributes:
        epoch: Whole epochs done.
        curves: One entry per epoch, in order: ``epoch``, ``loss`` (each pixel's before the step
            that it entered) and ``validation_accuracy`` (after the epoch; None where unknown
            yet, not measured or without validation).
        best_epoch: Epoch after which the weights scored best; 0 while none is scored.
        improved_epoch: Epoch of the last strict gain in validation accuracy; 0 before one.
        windows: Steps done in the epoch under way, where an epoch has several.
        loss: Sum of the loss over their pixels.
        seconds: Duration of the training so far, all its runs together.
        cpu_seconds: Time of all processors in it.
    """

    epoch: int = 0
    curves: list[dict[str, Any]] = field(default_factory=list)
    best_epoch: int = 0
    improved_epoch: int = 0
    windows: int = 0
    loss: float = 0.0
    seconds: float = 0.0
    cpu_seconds: float = 0.0

    @property
    def position(self) -> tuple[int, int]:
        """Whole epochs, and steps done in the one under way."""
        return self.epoch, self.windows

    @property
    def best_accuracy(self) -> float:
        """Validation accuracy of :attr:`best_epoch`, -1 before one is scored."""
        return self.curves[self.best_epoch - 1]["validation_accuracy"] if self.best_epoch else -1.0


@dataclass
class Checkpoint:
    """The whole state of a training between two steps.

    Attributes:
        progress: How far it has come.
        weights: Current weights by parameter name.
        best: Weights of the best epoch; empty while none is scored.
        adam: Adam's state by ``PARAMETER/ENTRY``.
        fingerprint: What must be the same to go on; see :func:`refuse_difference`.
        circumstances: What may differ, but changes the last digits.
    """

    progress: Progress
    weights: dict[str, torch.Tensor]
    best: dict[str, torch.Tensor]
    adam: dict[str, torch.Tensor]
    fingerprint: dict[str, Any]
    circumstances: dict[str, Any]


def checkpoint_path(model: str | Path) -> Path:
    """Where the checkpoint of a model file lies."""
    return Path(f"{os.fspath(model)}.checkpoint")


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint; an older one is replaced only by a whole new one.

    Raises:
        OutputError: It cannot be written.
    """
    tensors = {
        f"{group}/{name}": tensor.detach().cpu().contiguous()
        for group in ("weights", "best", "adam")
        for name, tensor in getattr(checkpoint, group).items()
    }
    header = {
        "version": FORMAT_VERSION,
        "progress": asdict(checkpoint.progress),
        "fingerprint": checkpoint.fingerprint,
        "circumstances": checkpoint.circumstances,
    }
    content = safetensors.torch.save(tensors, metadata={FORMAT: json.dumps(header)})
    with OutputFiles() as files:
        write_bytes(files.add(path), content)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        ModelError: The file is truncated, foreign or of another version.
    """
    hint = "Delete it to start from the beginning."
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ModelError(f"Checkpoint {path} cannot be read: {error}.", hint) from error
    if FORMAT not in metadata:
        raise ModelError(f"{path} is not a checkpoint of this program.", hint)
    header = json.loads(metadata[FORMAT])
    if header.get("version") != FORMAT_VERSION:
        raise ModelError(
            f"Checkpoint {path} has format version {header.get('version')}; this engine reads "
            f"version {FORMAT_VERSION}.",
            hint,
        )
    groups: dict[str, dict[str, torch.Tensor]] = {"weights": {}, "best": {}, "adam": {}}
    for key, tensor in tensors.items():
        group, _, name = key.partition("/")
        groups[group][name] = tensor
    return Checkpoint(
        progress=Progress(**header["progress"]),
        fingerprint=header["fingerprint"],
        circumstances=header["circumstances"],
        **groups,
    )


def refuse_difference(path: Path, saved: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Compare the fingerprint of a checkpoint with that of the training at hand.

    Raises:
        ModelError: They differ; names everything that does.
    """
    differences = [
        f"{name} was {_brief(saved.get(name))}, now {_brief(now.get(name))}"
        for name in sorted({*saved, *now})
        if saved.get(name) != now.get(name)
    ]
    if differences:
        raise ModelError(
            f"The training that checkpoint {path} belongs to was another one: "
            f"{'; '.join(differences)}.",
            "Resume with the same settings, scene and labels, or start without resume.",
        )


def digest(*arrays: np.ndarray) -> str:
    """A short digest of the contents of arrays, their shapes and types included."""
    sha = hashlib.sha256()
    for array in arrays:
        sha.update(f"{array.dtype.str}{array.shape}".encode())
        sha.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return sha.hexdigest()[:16]


def optimizer_state(
    network: torch.nn.Module, optimizer: torch.optim.Optimizer
) -> dict[str, torch.Tensor]:
    """Adam's state by ``PARAMETER/ENTRY``."""
    return {
        f"{name}/{entry}": value
        for name, parameter in network.named_parameters()
        for entry, value in optimizer.state.get(parameter, {}).items()
    }


def restore_optimizer(
    network: torch.nn.Module, optimizer: torch.optim.Optimizer, state: Mapping[str, torch.Tensor]
) -> None:
    """Give Adam the state that :func:`optimizer_state` took."""
    for name, parameter in network.named_parameters():
        entries = ("step", "exp_avg", "exp_avg_sq")
        if f"{name}/step" in state:
            optimizer.state[parameter] = {
                # Adam keeps its count of steps on the CPU, wherever the parameter is.
                entry: state[f"{name}/{entry}"].to("cpu" if entry == "step" else parameter.device)
                for entry in entries
            }


def _brief(value: Any) -> str:
    text = "absent" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
