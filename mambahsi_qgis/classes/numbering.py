"""Numbers for classes that a layer holds as text.

The engine numbers text classes, too, but in its maps alone: with a field of numbers, the layer
and the map have the same values, which the engine keeps.
"""

from __future__ import annotations

import re

from qgis.core import QgsField, QgsVectorLayer
from qgis.PyQt.QtCore import QMetaType

from mambahsi_qgis.classes.fields import VALUE
from mambahsi_qgis.classes.undo import ClassEditError, step
from mambahsi_qgis.qt import new_field
from mambahsi_qgis.translation import tr


def number_texts(layer: QgsVectorLayer, text_field: str) -> None:
    """Add the field ``class_id`` and number the texts of another field in it, as one undo step.

    Raises:
        ClassEditError: The layer takes no new field, or has it already.
    """
    if layer.fields().lookupField(VALUE) >= 0:
        raise ClassEditError(
            tr("“{}” has a field “{}” already. Choose it as the field of classes.").format(
                layer.name(), VALUE
            )
        )
    source = layer.fields().lookupField(text_field)
    texts = {}
    for feature in layer.getFeatures():
        text = feature.attribute(source)
        if isinstance(text, str) and text.strip():
            texts[feature.id()] = text.strip()
    ordered = sorted(set(texts.values()), key=_natural)
    values = {text: number for number, text in enumerate(ordered, 1)}
    with step(layer, tr("Number the classes of “{}”").format(text_field)):
        add_field(layer, new_field(VALUE, QMetaType.Type.Int))
        place = layer.fields().lookupField(VALUE)
        for fid, text in texts.items():
            layer.changeAttributeValue(fid, place, values[text])


def add_field(layer: QgsVectorLayer, field: QgsField) -> None:
    """Add a field through the edit buffer.

    Raises:
        ClassEditError: The layer does not take it.
    """
    if not layer.addAttribute(field):
        raise ClassEditError(tr("“{}” takes no new field “{}”.").format(layer.name(), field.name()))


def _natural(text: str) -> list[tuple[int, int, str]]:
    """Orders numbers inside text by size, as the engine does: “Field 2” before “Field 10”."""
    parts = re.split(r"(\d+)", text.casefold())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]
