"""Which Python is the engine's.

The user's setting first, then the environment variable, then a engine that the plugin
installed into the user's profile. A setting that leads nowhere is told, never passed over:
otherwise a job would quietly run in another engine than the one that was chosen. Nothing
here starts a process; this is asked whenever the toolbox is drawn.

It is never ``sys.executable``: inside QGIS that is the wrong program, on Windows QGIS itself.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from qgis.core import QgsProcessingException, QgsSettings

from mambahsi_qgis.engine import installed
from mambahsi_qgis.engine.jobs import folders
from mambahsi_qgis.translation import tr

SETTING = "mambahsi/engine_python"
VARIABLE = "MAMBAHSI_ENGINE_PYTHON"
_INTERPRETERS = ("bin/python3", "bin/python", "Scripts/python.exe", "python.exe")


@dataclass(frozen=True)
class Engine:
    """What is known of the engine without starting it.

    Attributes:
        python: Its interpreter, or None.
        origin: Where that was found, for people.
        problem: Why there is none, and how to put it right; empty if there is one.
    """

    python: Optional[Path]
    origin: str
    problem: str = ""


def find_engine() -> Engine:
    """The engine's Python, by looking at settings and files only."""
    chosen = str(QgsSettings().value(SETTING, "") or "").strip()
    if chosen:
        return engine_named(chosen, tr("the setting “Engine” of the MambaHSI provider"))
    chosen = os.environ.get(VARIABLE, "").strip()
    if chosen:
        return engine_named(chosen, tr("the environment variable {}").format(VARIABLE))
    managed = installed.current()
    python = interpreter(managed)
    # Only the stamp says that the environment is whole.
    if python is not None and folders.stamp(managed) is not None:
        return Engine(python, tr("the engine installed by the plugin"))
    missing = (
        tr("This version of the plugin needs other packages than the installed engine has.")
        if installed.outdated()
        else tr("The MambaHSI engine is not installed yet.")
    )
    return Engine(
        None,
        "",
        missing
        + " "
        + tr(
            "Run “Install the engine” (mambahsi:installengine) once. An environment of your own "
            "can be named under Settings ▸ Options ▸ MambaHSI, or in the environment variable {}."
        ).format(VARIABLE),
    )


def require_engine() -> Path:
    """The engine's Python.

    Raises:
        QgsProcessingException: There is none.
    """
    engine = find_engine()
    if engine.python is None:
        raise QgsProcessingException(engine.problem)
    return engine.python


def engine_named(chosen: str, origin: str) -> Engine:
    """The engine that a person named.

    Args:
        chosen: Folder of an environment, or its Python.
        origin: Where it was named, for people.
    """
    path = Path(chosen).expanduser()
    # A folder is an environment's: file dialogs follow the link that a virtual
    # environment's interpreter is, and end at the wrong Python.
    python = interpreter(path) if path.is_dir() else path
    if python is None:
        problem = tr("The engine's folder {path}, named by {origin}, holds no Python.")
    elif not python.is_file():
        problem = tr("The engine's Python {path}, named by {origin}, does not exist.")
    elif not os.access(python, os.X_OK):
        problem = tr("The engine's Python {path}, named by {origin}, cannot be executed.")
    else:
        return Engine(python.absolute(), origin)
    return Engine(None, origin, problem.format(path=path, origin=origin))


def interpreter(folder: Path) -> Optional[Path]:
    """The Python of an environment's folder, or None."""
    return next((folder / name for name in _INTERPRETERS if (folder / name).is_file()), None)
