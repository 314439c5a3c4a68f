"""The engine's jobs, and what else of it both sides share.

The files that are shared use the standard library alone, so that this side of the process
boundary can load them by their path, without the package around them, which needs PyTorch.
Defaults and limits therefore exist once, in the engine, and a scene's bands are understood
in one way.
"""

from __future__ import annotations

import importlib.util
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from mambahsi_qgis import paths


class _Loader(SourceFileLoader):
    """Keeps no compiled copy: that would be written into the plugin's folder."""

    def set_data(self, path: str, data: Any, *, _mode: int = 0o666) -> None:
        """Write nothing."""


def load(path: Path, name: str) -> ModuleType:
    """The module in a file, under a private name."""
    loader = _Loader(name, str(path))
    spec = importlib.util.spec_from_loader(name, loader)
    if spec is None:
        raise ImportError(f"Cannot load {path}.")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up there while they are being made.
    sys.modules[name] = module
    loader.exec_module(module)
    return module


def _shared(name: str) -> ModuleType:
    path = paths.part("core").joinpath("mambahsi", *name.split("/")).with_suffix(".py")
    return load(path, f"mambahsi_qgis._{path.stem}")


jobs = _shared("jobs")
"""The module ``jobs`` of the engine."""

wavelengths = _shared("wavelengths")
"""The engine's module that understands what rasters say about their bands."""

sidecars = _shared("sidecars")
"""The engine's module that reads descriptions beside rasters."""

colors = _shared("colors")
"""The engine's module that reads colors and has defaults."""

install_texts = _shared("installer/texts")
"""The engine's module that has the words of an installation."""

kernel_tools = _shared("installer/kernel_tools")
"""The engine's module that knows whether the kernels of mamba-ssm can be built here."""

folders = _shared("installer/folders")
"""The engine's module that knows the folder of an installed engine."""
