"""The environment that the engine is started in.

QGIS shapes its environment for its own libraries. In the engine, which brings a GDAL, a
PROJ and a Python of its own, the same variables do harm: PROJ_LIB alone makes every CRS
fail. So whatever names QGIS's libraries or data is taken out, and what keeps the engine to
itself is put in.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from qgis.core import QgsApplication

from mambahsi_qgis import paths

_NAMES = frozenset(
    (
        "GDAL_DATA",
        "GDAL_DRIVER_PATH",
        "GDAL_PYTHON_DRIVER_PATH",
        "GEOTIFF_CSV",
        "OGR_DRIVER_PATH",
        "PROJ_LIB",
        "PROJ_DATA",
        "LD_LIBRARY_PATH",
        "LD_PRELOAD",
        "__PYVENV_LAUNCHER__",
    )
)
_PREFIXES = ("PYTHON", "QT_", "QML", "DYLD_")


def engine_environment() -> dict[str, str]:
    """The environment for the engine's process, from QGIS's own."""
    foreign: list[str] = []
    if sys.platform == "win32":
        foreign = [QgsApplication.prefixPath(), sys.prefix, os.environ.get("OSGEO4W_ROOT", "")]
    return {
        "MAMBAHSI_CACHE_DIR": str(paths.cache("engine")),
        **cleaned(os.environ, filter(None, foreign)),
        "PYTHONPATH": str(paths.part("core").resolve()),
        "PYTHONUTF8": "1",
        "PYTHONNOUSERSITE": "1",
        # Python 3.11 and newer then keep the working folder off the module search path.
        "PYTHONSAFEPATH": "1",
        "PYTHONPYCACHEPREFIX": str(paths.cache("pycache")),
    }


def cleaned(environment: Mapping[str, str], foreign_folders: Iterable[str]) -> dict[str, str]:
    """The environment without what names QGIS's libraries, data or Python.

    Args:
        environment: The environment to start from.
        foreign_folders: Folders whose subfolders are taken off PATH.
    """
    kept = {
        name: value
        for name, value in environment.items()
        if name.upper() not in _NAMES and not name.upper().startswith(_PREFIXES)
    }
    roots = [Path(os.path.normcase(folder)) for folder in foreign_folders]
    if roots and "PATH" in kept:
        folders = kept["PATH"].split(os.pathsep)
        kept["PATH"] = os.pathsep.join(f for f in folders if not _inside(f, roots))
    return kept


def _inside(folder: str, roots: list[Path]) -> bool:
    path = Path(os.path.normcase(folder))
    return any(root == path or root in path.parents for root in roots)
