"""How drawings look before they are polygons of the layer: in the color of their class."""

from __future__ import annotations

from typing import Optional

from qgis.core import QgsWkbTypes
from qgis.gui import QgsMapCanvas, QgsRubberBand
from qgis.PyQt import sip
from qgis.PyQt.QtGui import QColor

from mambahsi_qgis.classes.table import TrainingClass

_NO_CLASS = QColor(128, 128, 128)
_FILL_ALPHA = 70
_WIDTH = 2


def rubber_band(canvas: QgsMapCanvas, of: Optional[TrainingClass]) -> QgsRubberBand:
    """A band for polygons in a class's color."""
    band = QgsRubberBand(canvas, QgsWkbTypes.GeometryType.PolygonGeometry)
    band.setWidth(_WIDTH)
    paint(band, of)
    return band


def paint(band: QgsRubberBand, of: Optional[TrainingClass]) -> None:
    """Give a band a class's color, with a rim that is seen on ground of the same color."""
    color = QColor(of.color) if of is not None else QColor(_NO_CLASS)
    rim = QColor("white") if color.lightness() < 128 else QColor("black")
    rim.setAlpha(160)
    band.setStrokeColor(color)
    band.setSecondaryStrokeColor(rim)
    fill = QColor(color)
    fill.setAlpha(_FILL_ALPHA)
    band.setFillColor(fill)


def take_away(band: Optional[QgsRubberBand]) -> None:
    """Remove a band from its canvas."""
    if band is not None and not sip.isdeleted(band):
        scene = band.scene()
        if scene is not None:
            scene.removeItem(band)
