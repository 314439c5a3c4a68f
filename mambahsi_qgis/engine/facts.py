"""What QGIS's side knows for a report on the engine, also where there is none to be asked.

Nothing secret: of a proxy that there is one, of a package index its host. Where no engine is
there, the last log is that of an installation, whose end tells what went wrong; the installer
keeps passwords out of it.
"""

from __future__ import annotations

import platform
import shutil

from qgis.core import Qgis, QgsSettings
from qgis.PyQt.QtCore import QT_VERSION_STR, QUrl

from mambahsi_qgis import paths
from mambahsi_qgis.engine import installed
from mambahsi_qgis.engine.jobs import folders
from mambahsi_qgis.engine.locate import Engine
from mambahsi_qgis.engine.network import index_setting

_LAST_LINES = 30


def facts(engine: Engine) -> list[str]:
    """Lines for a report.

    Args:
        engine: The engine that was found, or why there is none.
    """
    parent = installed.parent()
    there = next(place for place in (parent, *parent.parents) if place.exists())
    current = installed.current()
    state = "not there"
    if current.is_dir():
        state = "whole" if folders.stamp(current) is not None else "half-made"
    settings = QgsSettings()
    index = index_setting()
    lines = [
        f"QGIS: {Qgis.QGIS_VERSION}, Qt {QT_VERSION_STR}, Python {platform.python_version()}",
        f"system: {platform.platform()}, {platform.machine()}",
        f"engine: {engine.python or 'none'}, {engine.origin or 'not found'}",
        f"engine of the plugin: {current}, {state}, {_free(there)} GB free",
        f"proxy: {'yes' if settings.value('proxy/proxyEnabled', False, type=bool) else 'no'}",
        f"package index: {QUrl(index).host() or 'set' if index else 'PyPI'}",
    ]
    return lines if engine.python is not None else [*lines, *_last_log()]


def _free(place: object) -> str:
    return f"{shutil.disk_usage(str(place)).free / 1e9:.1f}"


def _last_log() -> list[str]:
    logs = sorted(paths.cache("logs").glob("engine-*.log"))
    if not logs:
        return []
    text = logs[-1].read_text(encoding="utf-8", errors="replace")
    return [f"end of {logs[-1].name}:", *text.splitlines()[-_LAST_LINES:]]
