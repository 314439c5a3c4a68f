"""Showing a place on the canvas: going there, flashing it, and an outline that stays."""

from __future__ import annotations

from typing import Optional

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsGeometry,
    QgsProject,
    QgsWkbTypes,
)
from qgis.gui import QgsMapCanvas, QgsRubberBand
from qgis.PyQt.QtGui import QColor

_LINE, _RIM = QColor(0, 229, 255), QColor(0, 0, 0)
"""Bright with a dark rim: seen on every scene and in every map."""

_MARGIN = 2.0
"""What is shown, in sizes of the place."""


class PlaceMarker:
    """Marks one place at a time.

    Args:
        canvas: The canvas.
    """

    def __init__(self, canvas: QgsMapCanvas) -> None:
        self._canvas = canvas
        self._band: Optional[QgsRubberBand] = None

    def show(self, outline: QgsGeometry, crs: QgsCoordinateReferenceSystem) -> bool:
        """Go to a place and mark it; False where the canvas's CRS does not reach there."""
        target = self._canvas.mapSettings().destinationCrs()
        placed = QgsGeometry(outline)
        try:
            placed.transform(QgsCoordinateTransform(crs, target, QgsProject.instance()))
        except QgsCsException:
            return False
        if self._band is None:
            self._band = QgsRubberBand(self._canvas, QgsWkbTypes.GeometryType.PolygonGeometry)
            self._band.setStrokeColor(_LINE)
            self._band.setSecondaryStrokeColor(_RIM)
            self._band.setFillColor(QColor(0, 0, 0, 0))
            self._band.setWidth(2)
        self._band.setToGeometry(placed, None)
        extent = placed.boundingBox()
        extent.scale(_MARGIN)
        self._canvas.setExtent(extent)
        self._canvas.refresh()
        self._canvas.flashGeometries([placed], target, flashes=2)
        return True

    def clear(self) -> None:
        """Take the outline away."""
        if self._band is not None:
            self._canvas.scene().removeItem(self._band)
            self._band = None
