"""Classes in a layer's style: the categorized renderer and the value map of the form.

Both are part of the layer: the project saves them, and a GeoPackage can hold them as its
default style. They follow the classes, and hold those that have no polygons yet.
"""

from __future__ import annotations

from typing import Any, Optional

from qgis.core import (
    QgsCategorizedSymbolRenderer,
    QgsSimpleFillSymbolLayer,
    QgsSymbol,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import Qt

from mambahsi_qgis.classes.fields import ClassFields
from mambahsi_qgis.classes.table import Entry, default_name


def categorized(layer: QgsVectorLayer, fields: ClassFields) -> Optional[Any]:
    """The layer's renderer if it draws by class, else None."""
    renderer = layer.renderer()
    if isinstance(renderer, QgsCategorizedSymbolRenderer):
        return renderer if renderer.classAttribute().strip('"') == fields.value else None
    return None


def entries_of_renderer(layer: QgsVectorLayer, fields: ClassFields) -> dict[int, Entry]:
    """What the categories say of each class."""
    renderer = categorized(layer, fields)
    entries = {}
    for category in renderer.categories() if renderer is not None else ():
        value = _number(category.value())
        if value is not None:
            label = category.label().strip()
            said = None if label in ("", str(value)) else label
            entries[value] = Entry(said, _color(category.symbol()))
    return entries


def entries_of_form(layer: QgsVectorLayer, fields: ClassFields) -> dict[int, Entry]:
    """What the value map of the class field's form says of each class."""
    place = layer.fields().lookupField(fields.value)
    setup = layer.editorWidgetSetup(place) if place >= 0 else None
    if setup is None or setup.type() != "ValueMap":
        return {}
    stored = setup.config().get("map", {})
    # A list of single pairs since QGIS 3.0; one mapping before.
    pairs = [stored] if isinstance(stored, dict) else stored
    entries = {}
    for pair in pairs:
        for name, text in pair.items():
            value = _number(text)
            if value is not None:
                entries[value] = Entry(None if name == default_name(value) else name, None)
    return entries


def _number(value: Any) -> Optional[int]:
    """A category's value as a class value; None for “all other values” and lists."""
    try:
        return int(str(value))
    except ValueError:
        return None


def _color(symbol: Optional[QgsSymbol]) -> Optional[str]:
    """The color that a class is drawn in: that of the outline where there is no filling."""
    if symbol is None or not symbol.symbolLayerCount():
        return None
    first = symbol.symbolLayer(0)
    if isinstance(first, QgsSimpleFillSymbolLayer) and first.brushStyle() == Qt.BrushStyle.NoBrush:
        return first.strokeColor().name()
    return symbol.color().name()
