"""Where Numba keeps the kernels it has compiled.

By default it writes beside the source, which is wrong for an installed plugin. This module
is imported before Numba and points it at the user's cache folder, unless the user or the
plugin already chose a place.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def user_cache() -> Path:
    """The user's cache folder for this engine; not created here."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", str(Path.home() / "AppData" / "Local")))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "mambahsi"


def is_cold() -> bool:
    """Whether no kernel was compiled for this engine yet, so that the first use takes time."""
    folder = Path(os.environ["NUMBA_CACHE_DIR"])
    return not any(folder.rglob("kernels.*.nbi"))


os.environ.setdefault("NUMBA_CACHE_DIR", str(user_cache() / "numba"))
