"""The rectangle tool: two opposite corners, by two clicks or by dragging."""

from __future__ import annotations

from qgis.core import QgsPointXY, QgsVector
from qgis.gui import QgsMapMouseEvent
from qgis.PyQt.QtCore import QPoint, Qt
from qgis.PyQt.QtWidgets import QApplication

from mambahsi_qgis.gui.context import TrainingContext
from mambahsi_qgis.gui.drawing.capture import CaptureTool


class RectangleTool(CaptureTool):
    """Its sides are those of the screen, also where the map is rotated."""

    def __init__(self, context: TrainingContext) -> None:
        super().__init__(context)
        self._second = False
        self._corner = QgsPointXY()
        self._pressed = QPoint()

    def canvasPressEvent(self, event: QgsMapMouseEvent) -> None:
        """Take the first corner."""
        point = self.snapped(event)
        self._pressed = event.pos()
        if event.button() == Qt.MouseButton.LeftButton and not self.points and self.start(point):
            self._corner = point
            self._span(point)

    def canvasMoveEvent(self, event: QgsMapMouseEvent) -> None:
        """Let the opposite corner follow the mouse."""
        point = self.snapped(event)
        if self.points:
            self._span(point)

    def canvasReleaseEvent(self, event: QgsMapMouseEvent) -> None:
        """Take the opposite corner, unless this was the first click of two."""
        point = self.snapped(event)
        if not self.points:
            return
        self._span(point)
        moved = (event.pos() - self._pressed).manhattanLength() >= QApplication.startDragDistance()
        if event.button() == Qt.MouseButton.RightButton or moved or self._second:
            self.finish()
            self.cancel()
        else:
            self._second = True

    def cancel(self) -> None:
        """Give the rectangle up."""
        self._second = False
        super().cancel()

    def _span(self, last: QgsPointXY) -> None:
        right = self._screen_right()
        width = (last - self._corner) * right
        second = self._corner + right * width
        fourth = last - right * width
        self.points = [self._corner, second, last, fourth]
        self.show(self.points)

    def _screen_right(self) -> QgsVector:
        """Where the screen's right is on the map; length 1."""
        if not self.canvas().rotation():
            return QgsVector(1, 0)
        far = self.toMapCoordinates(QPoint(1000, 0)) - self.toMapCoordinates(QPoint(0, 0))
        return far.normalized()
