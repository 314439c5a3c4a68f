"""Versions of the engine and of what it stands on.

Looked up without importing any of it, so that jobs without a network need not wait for PyTorch.
"""

from __future__ import annotations

import platform
from contextlib import suppress
from importlib import metadata

import mambahsi

PACKAGES = (
    *("torch", "numpy", "llvmlite", "rasterio", "pyogrio", "shapely", "scipy", "scikit-learn"),
    "safetensors",
)
"""Packages whose versions go into model files and reports."""

OPTIONAL = ("triton", "mamba-ssm")
"""Packages with kernels for GPUs, whose versions are told where they are installed."""


def versions() -> dict[str, str]:
    """Versions of the engine, of Python and of what the engine stands on."""
    found = {"mambahsi": mambahsi.__version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "missing"
    for name in OPTIONAL:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found
