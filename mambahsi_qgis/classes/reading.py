"""The classes of a layer, read from the layer.

A class is there if a polygon has its value, or if the layer's style knows it: a category of
the categorized renderer, or, where the layer is drawn in another way, an entry of the value map
of the class field's form. So a class that has no polygons yet lies in the layer, too.

Name and color of a class are those of its first polygon, as for the engine, then those of the
style, then a default. Where somebody just changed the style, it comes first.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Optional

from qgis.core import QgsFeature, QgsFeatureRequest, QgsVectorLayer
from qgis.PyQt.QtGui import QColor

from mambahsi_qgis.classes.fields import ClassFields
from mambahsi_qgis.classes.style import entries_of_style
from mambahsi_qgis.classes.table import (
    Entry,
    Row,
    TrainingClass,
    default_color,
    default_name,
    parse_color,
)


def rows_of(layer: QgsVectorLayer, fields: ClassFields) -> dict[int, Row]:
    """What every polygon says, unsaved edits included, by feature id."""
    request = QgsFeatureRequest().setFlags(QgsFeatureRequest.Flag.NoGeometry)
    request.setSubsetOfAttributes(class_places(layer, fields))
    return {f.id(): row_of(f, fields) for f in layer.getFeatures(request)}


def class_places(layer: QgsVectorLayer, fields: ClassFields) -> list[int]:
    """Numbers of the fields that hold value, name and color."""
    names = (fields.value, fields.name, fields.color)
    return [layer.fields().lookupField(name) for name in names if name]


def row_of(feature: QgsFeature, fields: ClassFields) -> Row:
    """What a polygon says of its class."""
    known = feature.fields()

    def text(field: Optional[str]) -> Optional[str]:
        place = known.lookupField(field) if field else -1
        value = feature.attribute(place) if place >= 0 else None
        return value if isinstance(value, str) else None

    place = known.lookupField(fields.value)
    value = feature.attribute(place) if place >= 0 else None
    return Row(value if isinstance(value, int) else None, text(fields.name), text(fields.color))


def entries_of_rows(rows: Mapping[int, Row]) -> dict[int, Entry]:
    """What the polygons say of each class: the first of each that says anything."""
    entries: dict[int, Entry] = {}
    # Features that are not saved yet have negative numbers, and come after the others.
    for _, row in sorted(rows.items(), key=lambda item: (item[0] < 0, abs(item[0]))):
        if row.value is None:
            continue
        known = entries.get(row.value, Entry())
        if known.name is None or known.color is None:
            name = ((row.name or "").strip() or None) if known.name is None else known.name
            color = parse_color(row.color) if known.color is None else known.color
            entries[row.value] = Entry(name, color)
    return entries


def read_classes(
    layer: QgsVectorLayer,
    fields: ClassFields,
    polygons: Mapping[int, Entry],
    newer: Collection[int] = (),
) -> list[TrainingClass]:
    """The classes of a layer, ordered by value.

    Args:
        layer: The layer.
        fields: Its fields.
        polygons: What its polygons say, from :func:`entries_of_rows`.
        newer: Values of classes of which the style says something newer.
    """
    style = entries_of_style(layer, fields, polygons)
    classes = []
    for value in sorted({*polygons, *style}):
        sources = (style, polygons) if value in newer else (polygons, style)
        said = [source[value] for source in sources if value in source]
        name = next((entry.name for entry in said if entry.name), default_name(value))
        color = next((entry.color for entry in said if entry.color), default_color(value))
        classes.append(TrainingClass(value, name, QColor(color)))
    return classes
