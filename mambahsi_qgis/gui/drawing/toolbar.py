"""The row of drawing tools, with the settings of region growing below it while it is in use."""

from __future__ import annotations

from typing import Optional

from qgis.core import Qgis
from qgis.gui import QgsMapTool
from qgis.PyQt.QtCore import QSize, Qt
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import QHBoxLayout, QStyle, QToolButton, QVBoxLayout, QWidget

from mambahsi_qgis import paths
from mambahsi_qgis.gui.context import TrainingContext
from mambahsi_qgis.gui.drawing.freehand import FreehandTool
from mambahsi_qgis.gui.drawing.grower import RegionGrower
from mambahsi_qgis.gui.drawing.growing_tool import GrowingTool
from mambahsi_qgis.gui.drawing.options import GrowingOptions
from mambahsi_qgis.gui.drawing.polygon import PolygonTool
from mambahsi_qgis.gui.drawing.rectangle import RectangleTool
from mambahsi_qgis.qt import QAction
from mambahsi_qgis.translation import tr


class DrawingToolBar(QWidget):
    """Tools that draw polygons of the selected class.

    Buttons and not a ``QToolBar``: its buttons cannot be reached by Tab.

    Args:
        context: Scene, layer and class.
        parent: Owner.
    """

    def __init__(self, context: TrainingContext, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.context = context
        self.canvas = context.iface.mapCanvas()
        self.grower = RegionGrower(context, self)
        self.grower.failed.connect(lambda text: context.tell(text, Qgis.MessageLevel.Warning))
        self.options = GrowingOptions(self.grower)
        self.tools: dict[str, QgsMapTool] = {
            "polygon": PolygonTool(context),
            "freehand": FreehandTool(context),
            "rectangle": RectangleTool(context),
            "growing": GrowingTool(context, self.grower),
        }
        self.actions_by_name = {
            "polygon": self._action(
                "polygon",
                tr("Draw polygon"),
                tr(
                    "Click the corners; right click or Enter ends, Backspace takes a corner "
                    "back, Escape gives up"
                ),
            ),
            "freehand": self._action(
                "freehand",
                tr("Draw freehand"),
                tr("Draw the outline with the mouse button held down; Escape gives up"),
            ),
            "rectangle": self._action(
                "rectangle",
                tr("Draw rectangle"),
                tr("Drag, or click two opposite corners; Escape gives up"),
            ),
            "growing": self._action(
                "growing",
                tr("Grow region"),
                tr(
                    "Click a pixel: the connected pixels with a similar spectrum become a "
                    "polygon; Enter or right click adds it, Escape gives up"
                ),
            ),
        }
        self._lay_out()
        self.canvas.mapToolSet.connect(self._tool_set)
        self._tool_set(self.canvas.mapTool(), None)

    def unload(self) -> None:
        """Leave nothing in QGIS's window and end the thread, before the plugin is taken away."""
        self.canvas.mapToolSet.disconnect(self._tool_set)
        for tool in self.tools.values():
            tool.remove()
        self.grower.close()

    def _action(self, name: str, text: str, explanation: str) -> QAction:
        icon = QIcon(str(paths.part("resources") / "icons" / f"{name}.svg"))
        action = QAction(icon, text, self)
        action.setObjectName(f"mambahsi{name.capitalize()}Tool")
        action.setToolTip(f"{text}: {explanation}")
        action.setCheckable(True)
        tool = self.tools[name]
        tool.setAction(action)  # QGIS checks and unchecks it with the tool
        action.triggered.connect(lambda: self._choose(name))
        return action

    def _choose(self, name: str) -> None:
        """Take a tool into the hand; the keys go to the map from now on."""
        for other, tool in self.tools.items():
            if other != name:
                tool.cancel()
        self.canvas.setMapTool(self.tools[name])
        self.actions_by_name[name].setChecked(True)  # a second click does not put it away
        self.canvas.setFocus()

    def _tool_set(self, new: Optional[QgsMapTool], old: Optional[QgsMapTool]) -> None:
        self.options.setVisible(new is self.tools["growing"])

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(0)
        size = self.style().pixelMetric(QStyle.PixelMetric.PM_ToolBarIconSize)
        for action in self.actions_by_name.values():
            button = QToolButton()
            button.setDefaultAction(action)
            button.setObjectName(f"{action.objectName()}Button")
            button.setAccessibleName(action.text())
            button.setAutoRaise(True)
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # so that Tab reaches it
            button.setIconSize(QSize(size, size))
            row.addWidget(button)
        row.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        layout.addWidget(self.options)
