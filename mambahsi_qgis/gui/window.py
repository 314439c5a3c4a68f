"""What the plugin adds to QGIS's window: a toolbar, menu entries, a page of
options, and the dock.

The dock is made when it is first opened, because its panels take time to load; whoever had it
open at the end of a session finds it open again.
"""

from __future__ import annotations

from typing import Any, Optional

from qgis.core import QgsApplication, QgsSettings
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QIcon

from mambahsi_qgis import paths
from mambahsi_qgis.display.actions import SceneActions
from mambahsi_qgis.display.opening import ask_and_open
from mambahsi_qgis.gui.dock import TrainingDock
from mambahsi_qgis.gui.options import EngineOptionsFactory
from mambahsi_qgis.qt import QAction
from mambahsi_qgis.translation import tr

_MENU = "MambaHSI"
_OPEN = "mambahsi/dockOpen"
_LETTERS = 56
"""Width of the dock when it is first opened, in letters."""


class Window:
    """The plugin's part of QGIS's window.

    Args:
        iface: QGIS's interface to its window.
    """

    def __init__(self, iface: Any) -> None:
        self.iface = iface
        self.dock: Optional[TrainingDock] = None
        self.toolbar = iface.addToolBar(tr("MambaHSI"))
        self.toolbar.setObjectName("mambahsiToolBar")
        self.action = QAction(QIcon(paths.icon()), tr("MambaHSI &training"), iface.mainWindow())
        self.action.setObjectName("mambahsiTrainingAction")
        self.action.setToolTip(tr("Draw training polygons, train, and look at the map"))
        self.action.setCheckable(True)
        self.action.triggered.connect(self._toggle)
        self.toolbar.addAction(self.action)
        self.opening = QAction(
            QgsApplication.getThemeIcon("/mActionAddRasterLayer.svg"),
            tr("&Open scene…"),
            iface.mainWindow(),
        )
        self.opening.setObjectName("mambahsiOpenAction")
        self.opening.setToolTip(tr("Open a scene from its file and show it in color"))
        self.opening.triggered.connect(self._open)
        self.toolbar.addAction(self.opening)
        self.scene_actions = SceneActions(iface, self.toolbar)
        for action in (self.action, self.opening):
            iface.addPluginToRasterMenu(_MENU, action)
        self.options = EngineOptionsFactory()
        iface.registerOptionsWidgetFactory(self.options)
        if QgsSettings().value(_OPEN, False, type=bool):
            self._toggle(True)

    def _toggle(self, on: bool) -> None:
        if self.dock is None:
            if not on:
                return
            self.dock = TrainingDock(self.iface, self.iface.mainWindow())
            self.iface.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self.dock)
            # The least that it needs would cut names and plots short.
            width = _LETTERS * self.dock.fontMetrics().averageCharWidth()
            self.iface.mainWindow().resizeDocks([self.dock], [width], Qt.Orientation.Horizontal)
            self.dock.closedStateChanged.connect(self._closed)
        self.dock.setUserVisible(on)
        self._closed(not on)

    def _open(self) -> None:
        scene = ask_and_open(self.iface)
        if scene is not None and self.dock is not None and self.dock.context.scene is None:
            self.dock.context.set_scene(scene)

    def _closed(self, closed: bool) -> None:
        self.action.setChecked(not closed)
        QgsSettings().setValue(_OPEN, not closed)

    def unload(self) -> None:
        """Leave QGIS's window as it was."""
        if self.dock is not None:
            self.dock.closedStateChanged.disconnect(self._closed)
            self.dock.unload()
            self.iface.removeDockWidget(self.dock)
            self.dock.deleteLater()
            self.dock = None
        self.scene_actions.unload()
        self.iface.unregisterOptionsWidgetFactory(self.options)
        for action in (self.action, self.opening):
            self.iface.removePluginRasterMenu(_MENU, action)
        self.iface.mainWindow().removeToolBar(self.toolbar)
        self.toolbar.deleteLater()
        self.action.deleteLater()
        self.opening.deleteLater()
