"""The freehand tool: a line drawn with the mouse button held down is the outline."""

from __future__ import annotations

from qgis.core import QgsGeometry, QgsPointXY
from qgis.gui import QgsMapMouseEvent
from qgis.PyQt.QtCore import QPoint, Qt
from qgis.PyQt.QtGui import QKeyEvent

from mambahsi_qgis.gui.context import TrainingContext
from mambahsi_qgis.gui.drawing.capture import CaptureTool

_STEP = 3
"""Pixels of the screen that the mouse has to move for another vertex."""


class FreehandTool(CaptureTool):
    """Press, draw, release."""

    def __init__(self, context: TrainingContext) -> None:
        super().__init__(context)
        self._last = QPoint()

    def canvasPressEvent(self, event: QgsMapMouseEvent) -> None:
        """Begin."""
        point = self.snapped(event)
        if event.button() == Qt.MouseButton.LeftButton and self.start(point):
            self._last = event.pos()

    def canvasMoveEvent(self, event: QgsMapMouseEvent) -> None:
        """Follow the mouse; only the ends snap, for a line that jumped would not be free."""
        self.snapped(event)
        if self.points and (event.pos() - self._last).manhattanLength() >= _STEP:
            self._last = event.pos()
            self.points.append(QgsPointXY(event.originalMapPoint()))
            self.show(self.points)

    def canvasReleaseEvent(self, event: QgsMapMouseEvent) -> None:
        """End."""
        point = self.snapped(event)
        if self.points and event.button() == Qt.MouseButton.LeftButton:
            self.points.append(point)
            self.finish()
            self.cancel()

    def polygon(self, points: list[QgsPointXY]) -> QgsGeometry:
        """The outline without vertices that nobody could see: off the line by half a pixel."""
        drawn = super().polygon(points)
        simple = drawn.simplify(self.canvas().mapUnitsPerPixel() / 2)
        return simple if not simple.isEmpty() else drawn

    def activate(self) -> None:
        """Hear the keys, too, while the mouse button is down."""
        super().activate()
        self.canvas().keyPressed.connect(self._key)

    def deactivate(self) -> None:
        """Another tool takes over."""
        self.canvas().keyPressed.disconnect(self._key)
        self.cancel()
        super().deactivate()

    def _key(self, event: QKeyEvent) -> None:
        # The canvas keeps keys from the tool as long as a mouse button is down.
        if event.key() == Qt.Key.Key_Escape:
            self.cancel()
