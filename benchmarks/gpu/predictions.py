"""What the engine predicts that the network will take of a card's memory."""

from __future__ import annotations

import inspect
from typing import Any

from benchmarks.gpu.settings import Settings, Size
from mambahsi.network import memory


def predicted(size: Size, settings: Settings, *, training: bool, recompute: bool = False) -> int:
    """Bytes at the peak; 0 where the engine predicts nothing for the backend.

    Args:
        size: Of the scene.
        settings: Backend and width.
        training: Whether it is a step of training, or a forward pass.
        recompute: Whether the step keeps less.
    """
    function = memory.training_bytes if training else memory.inference_bytes
    known = inspect.signature(function).parameters
    options: dict[str, Any] = {"recompute": recompute} if training else {}
    if "scan" in known:
        options["scan"] = settings.scan
    elif "backend" in known:
        options["backend"] = settings.scan
    else:
        options["fused"] = settings.scan == "cpu"
    return function(size[0] * size[1], size[2], settings.width, **options)
