"""The classes of a layer, read from the layer.

A class is there if a polygon has its value, or if the layer's style knows it: a category of
the categorized renderer, or an entry of the value map of the class field's form. So a class
that has no polygons yet lies in the layer, too, and nowhere else.

Name and color of a class are, in this order, those of its first polygon, as for the engine
(or of the category, where that was just changed), the category's, the value map's, and a
default.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Optional

from qgis.core import QgsFeature, QgsFeatureRequest, QgsVectorLayer
from qgis.PyQt.QtGui import QColor

from mambahsi_qgis.classes.fields import ClassFields
from mambahsi_qgis.engine.jobs import colors

LARGEST_VALUE = 65535
"""Largest value that a class keeps in a land-cover map."""


@dataclass(frozen=True)
class TrainingClass:
    """A class of the training layer.

    Attributes:
        value: What the class field holds.
        name: What it is called.
        color: What it is drawn in.
    """

    value: int
    name: str
    color: QColor


class Entry(NamedTuple):
    """What is said of a class by a polygon or by the style; None where nothing is said."""

    name: Optional[str] = None
    color: Optional[str] = None


class Row(NamedTuple):
    """What one polygon says of its class."""

    value: Optional[int]
    name: Optional[str]
    color: Optional[str]


def parse_color(text: object) -> Optional[str]:
    """A color as ``#rrggbb``, as the engine reads it, or None."""
    return colors.parse_color(text) if isinstance(text, str) else None


def default_color(value: int) -> str:
    """The color of a class that has been given none."""
    return colors.default_color(abs(value - 1))


def default_name(value: int) -> str:
    """What the engine calls a class that has been given no name."""
    return f"Class {value}"


def rows_of(layer: QgsVectorLayer, fields: ClassFields) -> dict[int, Row]:
    """What every polygon says, unsaved edits included, by feature id."""
    request = QgsFeatureRequest().setFlags(QgsFeatureRequest.Flag.NoGeometry)
    places = [layer.fields().lookupField(f) for f in (fields.value, fields.name, fields.color) if f]
    request.setSubsetOfAttributes(places)
    return {f.id(): row_of(f, fields) for f in layer.getFeatures(request)}


def row_of(feature: QgsFeature, fields: ClassFields) -> Row:
    """What a polygon says of its class."""
    known = feature.fields()

    def text(field: Optional[str]) -> Optional[str]:
        place = known.lookupField(field) if field else -1
        value = feature.attribute(place) if place >= 0 else None
        return (value.strip() or None) if isinstance(value, str) else None

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
            name = row.name if known.name is None else known.name
            color = parse_color(row.color) if known.color is None else known.color
            entries[row.value] = Entry(name, color)
    return entries


def combine(sources: Iterable[Mapping[int, Entry]]) -> list[TrainingClass]:
    """Classes, ordered by value, of which the earlier sources are believed first."""
    sources = list(sources)
    classes = []
    for value in sorted(set().union(*sources)):
        said = [source[value] for source in sources if value in source]
        name = next((entry.name for entry in said if entry.name), default_name(value))
        color = next((entry.color for entry in said if entry.color), default_color(value))
        classes.append(TrainingClass(value, name, QColor(color)))
    return classes
