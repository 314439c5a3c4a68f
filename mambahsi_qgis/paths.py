"""Where things lie: the engine's code and the resources, and what may be written.

In the installed plugin ``core/`` and ``resources/`` lie inside the plugin's folder, in the
repository beside it. :func:`part` alone knows that. Nothing is ever written there: a
plugin's folder may be read-only, and QGIS deletes it at every update.
"""

from __future__ import annotations

import functools
import os
import tempfile
from pathlib import Path

from qgis.PyQt.QtCore import QStandardPaths

PACKAGE = Path(__file__).absolute().parent
"""This package's folder, links not followed: the place that QGIS loaded it from."""


def part(name: str) -> Path:
    """The folder ``core`` or ``resources``.

    Raises:
        FileNotFoundError: The plugin is not complete.
    """
    for parent in (PACKAGE, PACKAGE.parent, PACKAGE.resolve().parent):
        if (parent / name).is_dir():
            return parent / name
    raise FileNotFoundError(f"The plugin is not complete: no folder {name} in {PACKAGE}.")


def icon() -> str:
    """The plugin's icon, as a path."""
    return str(part("resources") / "icons" / "mambahsi.svg")


@functools.cache
def cache(name: str) -> Path:
    """A folder in the user's cache, made where it is missing.

    The command line uses the same one, so that kernels compiled there are found here. Where
    the user's cache cannot be written, a folder of the system's temporary folder serves.
    """
    location = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.GenericCacheLocation)
    folder = Path(location) / "mambahsi" / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except OSError:
        pass
    return Path(tempfile.mkdtemp(prefix=f"mambahsi_{name}_"))
