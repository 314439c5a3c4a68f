"""Describing the engine, or a model file.

The result of an engine: ``version``, ``python``, ``versions``, ``devices`` and ``scans`` (an
empty text where one can run, else why not). Of a model: everything in it but the weights.
"""

from __future__ import annotations

import platform
import sys
from typing import Any

import mambahsi
from mambahsi.jobs import InfoJob


def info(job: InfoJob) -> dict[str, Any]:
    """Describe what the job names.

    Raises:
        ModelError: The model file cannot be read.
    """
    return describe_model(job.model) if job.model else describe_engine()


def describe_engine() -> dict[str, Any]:
    """Versions, devices and scans of this engine."""
    from mambahsi.devices import list_devices
    from mambahsi.scan import available_backends
    from mambahsi.versions import versions

    return {
        "version": mambahsi.__version__,
        "python": platform.python_version(),
        "executable": sys.executable,
        "versions": versions(),
        "devices": list_devices(),
        "scans": available_backends(),
    }


def describe_model(path: str) -> dict[str, Any]:
    """What a model file says about itself."""
    from mambahsi.model_file import load_model

    model = load_model(path)
    return {
        "model": path,
        "classifier": model.classifier,
        "classes": model.classes.to_json(),
        "bands": model.bands,
        "network": model.network,
        "parameters": sum(tensor.numel() for tensor in model.weights.values()),
        "mode": model.mode,
        "window": model.window,
        "scene": model.scene,
        "training": model.training,
        "split": model.split,
        "choice": model.choice,
        "accuracy": model.accuracy,
        "calibration": model.calibration.to_json(),
        "comparison": model.comparison,
        "versions": model.versions,
    }
