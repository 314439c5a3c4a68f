"""The engine's jobs, as its own ``jobs.py`` defines them.

That file uses the standard library alone, so that this side of the process boundary can
load it by its path, without the package around it, which needs PyTorch. Defaults and limits
therefore exist once, in the engine.
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


jobs = load(paths.part("core") / "mambahsi" / "jobs.py", "mambahsi_qgis._jobs")
"""The module ``jobs`` of the engine."""
