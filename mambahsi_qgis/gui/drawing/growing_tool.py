"""The region-growing tool: a click asks for a region, which is shown until it is accepted."""

from __future__ import annotations

from typing import Optional

from qgis.gui import QgsMapMouseEvent, QgsMapTool, QgsRubberBand
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QKeyEvent

from mambahsi_qgis.gui.context import TrainingContext
from mambahsi_qgis.gui.drawing import style
from mambahsi_qgis.gui.drawing.capture import ENTER, ready
from mambahsi_qgis.gui.drawing.grower import RegionGrower


class GrowingTool(QgsMapTool):
    """Click a pixel; Enter or a right click makes the region a polygon, Escape gives up.

    Args:
        context: Where polygons go.
        grower: What grows the region.
    """

    def __init__(self, context: TrainingContext, grower: RegionGrower) -> None:
        super().__init__(context.iface.mapCanvas())
        self.context = context
        self.grower = grower
        self._band: Optional[QgsRubberBand] = None
        self.setCursor(Qt.CursorShape.CrossCursor)
        grower.changed.connect(self._show)
        context.selectedClassChanged.connect(self._repaint)
        self.canvas().destinationCrsChanged.connect(self._show)

    def canvasReleaseEvent(self, event: QgsMapMouseEvent) -> None:
        """Grow from the pixel under the mouse, or accept what has grown."""
        if event.button() == Qt.MouseButton.LeftButton and ready(self.context):
            crs = self.canvas().mapSettings().destinationCrs()
            self.grower.start(event.originalMapPoint(), crs)
        elif event.button() == Qt.MouseButton.RightButton:
            self.grower.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter accepts, Escape gives up."""
        if event.key() == Qt.Key.Key_Escape:
            self.grower.clear()
        elif event.key() in ENTER:
            self.grower.accept()

    def cancel(self) -> None:
        """Drop the region."""
        self.grower.clear()

    def remove(self) -> None:
        """Leave nothing on the canvas, for good."""
        self.grower.changed.disconnect(self._show)
        style.take_away(self._band)
        self._band = None
        if self.canvas() is not None:
            self.canvas().destinationCrsChanged.disconnect(self._show)
            self.canvas().unsetMapTool(self)
        self.deleteLater()

    def _show(self) -> None:
        busy = self.grower.busy
        self.setCursor(Qt.CursorShape.BusyCursor if busy else Qt.CursorShape.CrossCursor)
        if self.grower.inside is None:
            style.take_away(self._band)
            self._band = None
            return
        if self._band is None:
            self._band = style.rubber_band(self.canvas(), self.context.selected_class)
        self._band.setToGeometry(self.grower.polygon(), self.grower.crs)

    def _repaint(self) -> None:
        if self._band is not None:
            style.paint(self._band, self.context.selected_class)
            self._band.update()
