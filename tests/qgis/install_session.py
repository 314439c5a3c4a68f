"""What the plugin manager of a real QGIS window does with the zip. QGIS runs this as it starts.

Installs the zip, runs an algorithm, opens the dock, disables and enables the plugin, and
uninstalls it, by the functions that QGIS's own plugin manager calls. What is in QGIS's
registries is written down at each stage, for ``test_install_zip.py`` to compare. The environment
says where: ``ZIP`` is the plugin's zip, ``RESULT`` the JSON file of stages.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import qgis.utils
from qgis.core import QgsApplication, QgsSettings
from qgis.gui import QgsGui
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QCoreApplication, QEvent, QObject, QTimer
from qgis.PyQt.QtWidgets import QDockWidget, QMenu, QToolBar, QWidget
from qgis.utils import iface

NAME = "mambahsi_qgis"
ZIP, RESULT = os.environ["ZIP"], Path(os.environ["RESULT"])
TIME_LIMIT = 120_000


def settle() -> None:
    """Let QGIS do what waits, and delete what is to be deleted."""
    for _ in range(5):
        QCoreApplication.processEvents()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()


def alive() -> list[str]:
    """Objects of Qt and QGIS that the plugin's classes made and that something still holds."""
    found = (type(thing) for thing in gc.get_objects() if isinstance(thing, sip.simplewrapper))
    return sorted({f"{k.__module__}.{k.__qualname__}" for k in found if k.__module__[:13] == NAME})


def named(kind: type) -> list[str]:
    """Object names of the window's children of a kind."""
    return sorted(child.objectName() for child in iface.mainWindow().findChildren(kind))


def actions() -> list[str]:
    """Texts of all actions that hang in a menu or toolbar of the window."""
    found = set()
    for widget in iface.mainWindow().findChildren(QWidget):
        if isinstance(widget, (QMenu, QToolBar)):
            found |= {f"{widget.objectName()}: {action.text()}" for action in widget.actions()}
    return sorted(found)


def registries() -> dict[str, Any]:
    """What is in QGIS, by the kind of thing."""
    settle()
    folder = Path(QgsApplication.qgisSettingsDirPath()) / "python" / "plugins" / NAME
    canvas = iface.mapCanvas()
    return {
        "providers": sorted(p.id() for p in QgsApplication.processingRegistry().providers()),
        "algorithms": sorted(
            a.id()
            for a in QgsApplication.processingRegistry().algorithms()
            if a.id().startswith("mambahsi")
        ),
        "actions": actions(),
        "toolbars": named(QToolBar),
        "docks": named(QDockWidget),
        "widgets": sorted(
            child.objectName()
            for child in iface.mainWindow().findChildren(QWidget)
            if child.objectName().startswith("mambahsi")
        ),
        "map tool": type(canvas.mapTool()).__name__,
        "canvas items": sorted(
            type(item).__name__
            for item in canvas.scene().items()
            if type(item).__module__.startswith(NAME)
        ),
        "browser": sorted(p.name() for p in QgsApplication.dataItemProviderRegistry().providers()),
        "tasks": QgsApplication.taskManager().count(),
        "editor widgets": sorted(QgsGui.editorWidgetRegistry().factories()),
        "modules": sorted(
            name
            for name, module in list(sys.modules.items())
            if name.split(".")[0] == NAME
            or str(getattr(module, "__file__", None) or "").startswith(str(folder))
        ),
        "alive": alive(),
        "active": NAME in qgis.utils.active_plugins,
        "plugins": NAME in qgis.utils.plugins,
        "available": NAME in qgis.utils.available_plugins,
        "files": folder.is_dir(),
        "setting": QgsSettings().value(f"PythonPlugins/{NAME}", None),
    }


def session() -> dict[str, Any]:
    """The stages, and what is in QGIS after each."""
    import processing
    import pyplugin_installer

    stages: dict[str, Any] = {}
    manager = pyplugin_installer.instance()
    stages["before"] = registries()

    manager.installFromZipFile(ZIP)
    stages["installed"] = registries()
    stages["engineinfo"] = processing.run("mambahsi:engineinfo", {})
    action = iface.mainWindow().findChild(QObject, "mambahsiTrainingAction")
    action.trigger()
    stages["used"] = registries()

    # As the check box in the list of plugins does it.
    qgis.utils.unloadPlugin(NAME)
    QgsSettings().setValue(f"PythonPlugins/{NAME}", False)
    stages["disabled"] = registries()

    qgis.utils.loadPlugin(NAME)
    qgis.utils.startPlugin(NAME)
    QgsSettings().setValue(f"PythonPlugins/{NAME}", True)
    stages["enabled"] = registries()

    manager.uninstallPlugin(NAME, quiet=True)
    stages["uninstalled"] = registries()
    return stages


def leave(stages: dict[str, Any]) -> None:
    """Write the stages down and leave QGIS at once: an orderly end may wait for a question."""
    RESULT.write_text(json.dumps(stages, indent=1, default=str), encoding="utf-8")
    os._exit(0)


def guarded(work: Callable[[], dict[str, Any]]) -> None:
    try:
        leave(work())
    except BaseException:
        leave({"failure": traceback.format_exc()})


QTimer.singleShot(TIME_LIMIT, lambda: leave({"failure": "The session took too long."}))
QTimer.singleShot(0, lambda: guarded(session))
