"""The engines that the plugin installed: where they lie, which is current, how to be rid of them.

They lie outside the plugin's folder, in ``mambahsi/`` of the QGIS user's profile, each in a
folder named by the digest of its packages. A new version of the plugin with other packages
therefore looks for another folder, and never runs with half the old ones.

Windows alone has them in its folder for local data. Names of files end there at 259 characters
unless an administrator allowed longer ones, and PyTorch's leave no room for those of a profile;
besides, a profile is in the part of a user's data that companies copy from computer to computer.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

from qgis.core import QgsApplication, QgsProcessingException
from qgis.PyQt.QtCore import QStandardPaths

from mambahsi_qgis import paths
from mambahsi_qgis.engine.jobs import folders
from mambahsi_qgis.translation import tr


def parent() -> Path:
    """The folder of all engines that the plugin installed."""
    place = QgsApplication.qgisSettingsDirPath()
    if sys.platform == "win32":
        local = QStandardPaths.StandardLocation.GenericDataLocation
        place = QStandardPaths.writableLocation(local)
    return Path(place) / "mambahsi"


def current() -> Path:
    """The folder of the engine that this version of the plugin needs, there or not."""
    return parent() / f"{folders.PREFIX}{_digest()}"


@cache
def _digest() -> str:
    """Read once: the toolbox asks for the engine again and again."""
    return str(folders.digest(paths.part("core")))


def others() -> list[Path]:
    """What lies beside the current engine and may be removed."""
    return list(folders.remains(parent(), current()))


def outdated() -> bool:
    """Whether there is an engine of another version of the plugin."""
    return any(folders.stamp(path) is not None for path in others())


def remove(engines: list[Path]) -> int:
    """Remove engines from the disk; returns the bytes that became free.

    Raises:
        QgsProcessingException: An installation is running, or a folder is in use.
    """
    freed = 0
    try:
        with folders.locked(parent()):
            for path in engines:
                size = folders.size(path)
                folders.remove(path)
                freed += size
    except folders.Busy as error:
        raise QgsProcessingException(
            tr("An installation of the engine is running. Wait until it is done.")
        ) from error
    except OSError as error:
        raise QgsProcessingException(
            tr(
                "{path} cannot be removed: {reason}. Close what uses it (a running job, another "
                "QGIS) and try again."
            ).format(path=error.filename or path, reason=error.strerror or error)
        ) from error
    return freed
