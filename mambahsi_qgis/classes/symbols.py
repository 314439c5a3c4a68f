"""The color of a class in a symbol of polygons.

Classes are drawn as outlines without filling, so that the scene below is seen; but a layer
that is adopted may have any symbols, whose opacities, widths and patterns stay.
"""

from __future__ import annotations

from typing import Any, Optional

from qgis.core import QgsFillSymbol, QgsSimpleFillSymbolLayer, QgsSymbol
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QColor

_WIDTH = "0.66"
"""Width of outlines in millimeters."""


def outline() -> QgsFillSymbol:
    """The symbol of a class in a layer that has none yet."""
    return QgsFillSymbol.createSimple({"style": "no", "outline_width": _WIDTH})


def _outlined(layer: Any) -> bool:
    return (
        isinstance(layer, QgsSimpleFillSymbolLayer) and layer.brushStyle() == Qt.BrushStyle.NoBrush
    )


def color_of(symbol: Optional[QgsSymbol], known: Optional[str] = None) -> Optional[str]:
    """The color that a class is drawn in: that of the outline where there is no filling.

    QGIS changes the color of such a filling when a color is picked in the legend, and that of
    the outline in the dialog of the symbol; so the one that is new counts.
    """
    if symbol is None or not symbol.symbolLayerCount():
        return None
    first = symbol.symbolLayer(0)
    if not _outlined(first):
        return symbol.color().name()
    outline, filling = first.strokeColor().name(), first.fillColor().name()
    return filling if outline == known else outline


def is_painted(symbol: QgsSymbol, color: QColor) -> bool:
    """Whether :func:`paint` with this color would change nothing."""
    if not symbol.symbolLayerCount():
        return True
    first = symbol.symbolLayer(0)
    if _outlined(first):
        return {first.strokeColor().name(), first.fillColor().name()} == {color.name()}
    return bool(symbol.color().name() == color.name())


def paint(symbol: QgsSymbol, color: QColor) -> None:
    """Draw in a color what is drawn in the class's color; opacities stay."""
    for place in range(symbol.symbolLayerCount()):
        part = symbol.symbolLayer(place)
        if _outlined(part):
            part.setStrokeColor(color)
            part.setFillColor(color)
            if place == 0:
                return
    own = QColor(color)
    own.setAlpha(symbol.color().alpha())
    symbol.setColor(own)
