"""What the tools that draw by hand share: a band in the class's color, snapping, and the keys.

Points are kept in the canvas's CRS, as drawn; the context brings the polygon to the layer's.
A drawing ends with Enter or the right mouse button. Escape gives it up, and so does another
training layer or another CRS of the canvas, because it no longer lies where it was drawn.
"""

from __future__ import annotations

from typing import Optional

from qgis.core import Qgis, QgsApplication, QgsGeometry, QgsPointXY, QgsWkbTypes
from qgis.gui import QgsMapMouseEvent, QgsMapTool, QgsRubberBand, QgsSnapIndicator
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QKeyEvent

from mambahsi_qgis.gui.context import TrainingContext
from mambahsi_qgis.gui.drawing import style
from mambahsi_qgis.translation import tr

ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


def ready(context: TrainingContext) -> bool:
    """Whether there is a class to draw for; if not, the message bar says so."""
    if context.layer is None:
        context.tell(tr("Choose or create a training layer first."), Qgis.MessageLevel.Warning)
        return False
    if context.selected_class is None:
        context.tell(
            tr("Select a class first: new polygons belong to it."), Qgis.MessageLevel.Warning
        )
        return False
    return True


class CaptureTool(QgsMapTool):
    """A map tool that draws one polygon at a time.

    Args:
        context: Where polygons go.

    Attributes:
        points: What was drawn so far, in the canvas's CRS.
    """

    def __init__(self, context: TrainingContext) -> None:
        super().__init__(context.iface.mapCanvas())
        self.context = context
        self.points: list[QgsPointXY] = []
        self._band: Optional[QgsRubberBand] = None
        self._indicator: Optional[QgsSnapIndicator] = None
        self.setCursor(QgsApplication.getThemeCursor(QgsApplication.Cursor.CapturePoint))
        context.layerChanged.connect(self.cancel)
        context.selectedClassChanged.connect(self._repaint)
        self.canvas().destinationCrsChanged.connect(self.cancel)

    def start(self, point: QgsPointXY) -> bool:
        """Begin a drawing at a point; false where there is no class to draw for."""
        if not ready(self.context):
            return False
        self.points = [point]
        self._band = style.rubber_band(self.canvas(), self.context.selected_class)
        return True

    def snapped(self, event: QgsMapMouseEvent) -> QgsPointXY:
        """Where an event points to, by the project's snapping; shows what it snaps to."""
        point = event.snapPoint()
        if self._indicator is None:
            self._indicator = QgsSnapIndicator(self.canvas())
        self._indicator.setMatch(event.mapPointMatch())
        return QgsPointXY(point)

    def show(self, points: list[QgsPointXY]) -> None:
        """Show the drawing as if these were its points."""
        if self._band is not None:
            self._band.reset(QgsWkbTypes.GeometryType.PolygonGeometry)
            for point in points:
                self._band.addPoint(point, point is points[-1])

    def finish(self) -> None:
        """Make a polygon of what was drawn; a drawing that the layer does not take stays."""
        if len(self.points) > 2:
            crs = self.canvas().mapSettings().destinationCrs()
            if self.context.add_polygon(self.polygon(self.points), crs):
                self.cancel()

    def polygon(self, points: list[QgsPointXY]) -> QgsGeometry:
        """The polygon of points."""
        return QgsGeometry.fromPolygonXY([points])

    def cancel(self) -> None:
        """Give the drawing up."""
        self.points = []
        style.take_away(self._band)
        self._band = None

    def remove(self) -> None:
        """Leave nothing on the canvas, for good."""
        self.cancel()
        self._indicator = None
        if self.canvas() is not None:
            self.canvas().unsetMapTool(self)
            self.canvas().destinationCrsChanged.disconnect(self.cancel)
        self.deleteLater()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape gives up, Enter ends."""
        if event.key() == Qt.Key.Key_Escape:
            self.cancel()
        elif event.key() in ENTER:
            self.finish()

    def deactivate(self) -> None:
        """Another tool takes over; the drawing stays, to be gone on with."""
        self._indicator = None
        super().deactivate()

    def _repaint(self) -> None:
        if self._band is not None:
            style.paint(self._band, self.context.selected_class)
            self._band.update()
