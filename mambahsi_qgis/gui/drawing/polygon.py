"""The polygon tool: a click for each vertex."""

from __future__ import annotations

from qgis.gui import QgsMapMouseEvent
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QKeyEvent

from mambahsi_qgis.gui.drawing.capture import CaptureTool
from mambahsi_qgis.translation import tr


class PolygonTool(CaptureTool):
    """Left clicks add vertices, Backspace takes the last one back, a right click ends."""

    def canvasReleaseEvent(self, event: QgsMapMouseEvent) -> None:
        """Add a vertex, or end."""
        point = self.snapped(event)
        if event.button() == Qt.MouseButton.RightButton:
            self.finish()
        elif event.button() == Qt.MouseButton.LeftButton:
            if not self.points:
                self.start(point)
            elif point != self.points[-1]:  # a double click is two
                self.points.append(point)
            if self.points:
                self.show([*self.points, point])

    def canvasMoveEvent(self, event: QgsMapMouseEvent) -> None:
        """Let the last edge follow the mouse."""
        point = self.snapped(event)
        if self.points:
            self.show([*self.points, point])

    def finish(self) -> None:
        """Make a polygon of three vertices or more."""
        if 0 < len(self.points) < 3:
            self.context.tell(tr("A polygon needs three corners at least."))
        super().finish()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Backspace takes the last vertex back."""
        if event.key() != Qt.Key.Key_Backspace:
            super().keyPressEvent(event)
            return
        event.ignore()  # QGIS's own use of the key
        if len(self.points) > 1:
            self.points.pop()
            self.show(self.points)
        else:
            self.cancel()
