"""Which fields of a polygon layer hold its classes.

A layer that the plugin makes has ``class_id``, ``class_name`` and ``color``. Any other layer of
polygons with an integer field can be adopted: the fields are guessed by their names, and a
person's choice is kept in the layer's custom properties, so that the project knows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional

from qgis.core import QgsField, QgsVectorLayer
from qgis.PyQt.QtCore import QMetaType

VALUE, NAME, COLOR = "class_id", "class_name", "color"
"""Fields of the layers that the plugin and the engine write."""

_PROPERTY = "mambahsi/{}_field"

_VALUE_NAMES = (VALUE, "class", "class_code", "classid", "code", "label", "landcover", "lulc")
_NAME_NAMES = (NAME, "name", "classname", "class", "label", "cover", "landcover")
_COLOR_NAMES = (COLOR, "class_color", "colour", "hue", "rgb")

_INTEGERS = (
    QMetaType.Type.Int,
    QMetaType.Type.UInt,
    QMetaType.Type.LongLong,
    QMetaType.Type.ULongLong,
)
_TEXT = (QMetaType.Type.QString,)


@dataclass(frozen=True)
class ClassFields:
    """Names of the fields that hold class value, name and color.

    Attributes:
        value: Field of integers, or empty where the layer has none.
        name: Field of text, or None.
        color: Field of text, or None.
    """

    value: str = ""
    name: Optional[str] = None
    color: Optional[str] = None


def is_integer(field: QgsField) -> bool:
    """Whether a field can hold class values."""
    return field.type() in _INTEGERS


def is_text(field: QgsField) -> bool:
    """Whether a field can hold names or colors."""
    return field.type() in _TEXT


def fields_of(layer: QgsVectorLayer) -> ClassFields:
    """The fields that hold a layer's classes: as chosen before, else guessed."""
    identifiers = {layer.fields().at(i).name() for i in layer.primaryKeyAttributes()}
    integers = [f.name() for f in layer.fields() if is_integer(f) and f.name() not in identifiers]
    texts = [f.name() for f in layer.fields() if is_text(f)]
    value = _chosen(layer, "value", integers)
    if value is None:
        value = _guess(integers, _VALUE_NAMES) or (integers[0] if integers else "")
    name = _chosen(layer, "name", texts)
    if name is None:
        name = _guess(texts, _NAME_NAMES)
    color = _chosen(layer, "color", texts)
    if color is None:
        color = _guess([text for text in texts if text != name], _COLOR_NAMES)
    return ClassFields(value, name or None, color or None)


def remember(layer: QgsVectorLayer, fields: ClassFields) -> None:
    """Keep a person's choice in the layer, where the project saves it."""
    for key in ("value", "name", "color"):
        layer.setCustomProperty(_PROPERTY.format(key), getattr(fields, key) or "")


def _chosen(layer: QgsVectorLayer, key: str, known: Sequence[str]) -> Optional[str]:
    """What was chosen before, an empty text for none, or None where nothing fits any more."""
    chosen = layer.customProperty(_PROPERTY.format(key))
    return chosen if chosen == "" or chosen in known else None


def _guess(known: Sequence[str], likely: Sequence[str]) -> Optional[str]:
    by_name = {name.casefold(): name for name in reversed(known)}
    return next((by_name[name] for name in likely if name in by_name), None)
