"""Lists of classes in files: CSV, and QGIS styles (QML) of polygons and of land-cover maps.

A CSV has a header with ``class_id``, ``class_name`` and, if there are colors, ``color``; columns
are separated by commas, semicolons or tabs. A QML holds the categories of a polygon layer or the
palette of a raster; so the style beside any land-cover map is a list of its classes.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Optional

from qgis.core import QgsFeatureRenderer, QgsReadWriteContext, QgsVectorLayer
from qgis.PyQt.QtGui import QColor
from qgis.PyQt.QtXml import QDomDocument, QDomElement

from mambahsi_qgis.classes import style
from mambahsi_qgis.classes.fields import COLOR, NAME, VALUE, ClassFields
from mambahsi_qgis.classes.symbols import color_of
from mambahsi_qgis.classes.table import (
    LARGEST_VALUE,
    TrainingClass,
    default_color,
    default_name,
    parse_color,
)
from mambahsi_qgis.translation import tr

FILTER = "CSV (*.csv);;QML (*.qml)"
"""For file dialogs."""


class ClassFileError(Exception):
    """A list of classes that cannot be read or written; the message is for the user."""


def read_class_list(path: str) -> list[TrainingClass]:
    """The classes in a file, ordered by value.

    Raises:
        ClassFileError: The file is missing, of another kind, or holds classes that cannot be.
    """
    readers = {".csv": _from_csv, ".qml": _from_qml}
    reader = readers.get(Path(path).suffix.lower())
    if reader is None:
        raise ClassFileError(tr("{} is neither a CSV nor a QML file.").format(path))
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ClassFileError(tr("{} cannot be read: {}").format(path, error.strerror)) from error
    except UnicodeDecodeError as error:
        raise ClassFileError(
            tr("{} is not encoded in UTF-8. Save it in this encoding.").format(path)
        ) from error
    return _checked(reader(text, path), path)


def write_class_list(path: str, classes: Sequence[TrainingClass]) -> None:
    """Write classes into a CSV or QML file; an existing one is replaced.

    Raises:
        ClassFileError: The file is of another kind or cannot be written.
    """
    writers = {".csv": _to_csv, ".qml": _to_qml}
    target = Path(path)
    writer = writers.get(target.suffix.lower())
    if writer is None:
        raise ClassFileError(tr("{} is neither a CSV nor a QML file.").format(path))
    partial = target.with_name(f".{target.stem}.{os.getpid()}{target.suffix}")
    try:
        partial.write_text(writer(classes), encoding="utf-8", newline="")
        partial.replace(target)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise ClassFileError(tr("{} cannot be written: {}").format(path, error.strerror)) from error


def classes_named(names: Iterable[str]) -> list[TrainingClass]:
    """Classes of these names, numbered from 1, in default colors.

    Raises:
        ClassFileError: A name is there twice.
    """
    named = [name.strip() for name in names if name.strip()]
    classes = [
        TrainingClass(value, name, QColor(default_color(value)))
        for value, name in enumerate(named, 1)
    ]
    return _checked(classes, tr("The list of names"))


def _checked(classes: list[TrainingClass], source: str) -> list[TrainingClass]:
    """The classes in order, if they can be classes of a map."""
    if not classes:
        raise ClassFileError(tr("{} holds no classes.").format(source))
    keys: dict[str, list[object]] = {
        tr("value"): [c.value for c in classes],
        tr("name"): [c.name for c in classes],
    }
    for what, given in keys.items():
        twice = next((key for key in given if given.count(key) > 1), None)
        if twice is not None:
            raise ClassFileError(
                tr("{}: the {} “{}” is there more than once.").format(source, what, twice)
            )
    for c in classes:
        if not 1 <= c.value <= LARGEST_VALUE:
            raise ClassFileError(
                tr("{}: class “{}” has the value {}; values go from 1 to {}.").format(
                    source, c.name, c.value, LARGEST_VALUE
                )
            )
    return sorted(classes, key=lambda c: c.value)


def _class(text: str, name: Optional[str], color: Optional[str], source: str) -> TrainingClass:
    """One class from what a file says."""
    try:
        value = int(text)
    except ValueError:
        raise ClassFileError(
            tr("{}: “{}” is no value of a class; a whole number is.").format(source, text)
        ) from None
    painted = parse_color(color) if color else default_color(value)
    if painted is None:
        raise ClassFileError(tr("{}: “{}” is no color; #rrggbb is one.").format(source, color))
    label = " ".join((name or "").split())
    return TrainingClass(value, label or default_name(value), QColor(painted))


# CSV -------------------------------------------------------------------------------------


def _from_csv(text: str, path: str) -> list[TrainingClass]:
    header = text.partition("\n")[0]
    separator = max(",;\t", key=header.count)
    rows = csv.DictReader(io.StringIO(text), delimiter=separator)
    known = {(name or "").strip().casefold(): name for name in rows.fieldnames or ()}
    if VALUE not in known:
        raise ClassFileError(
            tr("{}: the first line has no “{}”. It should be: {},{},{}").format(
                path, VALUE, VALUE, NAME, COLOR
            )
        )
    classes = []
    for row in rows:
        value, name, color = (
            (row.get(known[key]) or "").strip() if key in known else ""
            for key in (VALUE, NAME, COLOR)
        )
        if value or name:
            place = tr("{}, line {}").format(path, rows.line_num)
            classes.append(_class(value, name, color, place))
    return classes


def _to_csv(classes: Sequence[TrainingClass]) -> str:
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow((VALUE, NAME, COLOR))
    writer.writerows((c.value, c.name, c.color.name()) for c in classes)
    return lines.getvalue()


# QML -------------------------------------------------------------------------------------


def _from_qml(text: str, path: str) -> list[TrainingClass]:
    document = QDomDocument()
    if not document.setContent(text):
        raise ClassFileError(tr("{} is not a QGIS style.").format(path))
    root = document.documentElement()
    vector = root.firstChildElement("renderer-v2")
    if vector.attribute("type") == "categorizedSymbol":
        return _from_categories(vector, path)
    entries = root.elementsByTagName("paletteEntry")
    if not entries.count():
        raise ClassFileError(
            tr("{} is the style of neither a layer drawn by categories nor a paletted map.").format(
                path
            )
        )
    elements = [entries.at(number).toElement() for number in range(entries.count())]
    return [
        _class(e.attribute("value"), e.attribute("label"), e.attribute("color"), path)
        for e in elements
    ]


def _from_categories(element: QDomElement, path: str) -> list[TrainingClass]:
    renderer = QgsFeatureRenderer.load(element, QgsReadWriteContext())
    classes = []
    for category in renderer.categories() if renderer is not None else ():
        text = str(category.value() if category.value() is not None else "")
        if text not in ("", "NULL"):  # that is “all other values”
            color = color_of(category.symbol())
            classes.append(_class(text, category.label(), color, path))
    return classes


def _to_qml(classes: Sequence[TrainingClass]) -> str:
    fields = f"field={VALUE}:integer&field={NAME}:string&field={COLOR}:string"
    layer = QgsVectorLayer(f"MultiPolygon?{fields}", "classes", "memory")
    style.prepare(layer, ClassFields(VALUE, NAME, COLOR), classes)
    document = QDomDocument()
    layer.exportNamedStyle(document)
    return str(document.toString())
