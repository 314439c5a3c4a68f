"""Changes of a layer's classes, each one undo step of the layer.

A step changes the polygons through the edit buffer, and the style, which holds the classes
without polygons, beside it on the same undo stack.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Optional

from qgis.core import QgsEditorWidgetSetup, QgsVectorLayer
from qgis.PyQt.QtCore import QMetaType
from qgis.PyQt.QtGui import QColor

from mambahsi_qgis.classes import style
from mambahsi_qgis.classes.fields import COLOR, NAME, VALUE, ClassFields
from mambahsi_qgis.classes.numbering import add_field, number_texts
from mambahsi_qgis.classes.reading import entries_of_rows, read_classes, rows_of
from mambahsi_qgis.classes.table import (
    LARGEST_VALUE,
    Row,
    TrainingClass,
    default_color,
    parse_color,
)
from mambahsi_qgis.classes.undo import ClassEditError, push, step
from mambahsi_qgis.qt import new_field
from mambahsi_qgis.translation import tr


class ClassEdits:
    """Changes the classes of a layer.

    Args:
        layer: The layer.
        fields: Its fields.
        rows: What its polygons say, if that is known already.
        provisional: Values of classes that are in the style only because polygons have them;
            those that are changed here are taken out.
    """

    def __init__(
        self,
        layer: QgsVectorLayer,
        fields: ClassFields,
        rows: Optional[Mapping[int, Row]] = None,
        provisional: Optional[set[int]] = None,
    ) -> None:
        self._layer = layer
        self._fields = fields
        self._rows = rows_of(layer, fields) if rows is None else rows
        self._provisional = set() if provisional is None else provisional
        polygons = entries_of_rows(self._rows)
        self._classes = {c.value: c for c in read_classes(layer, fields, polygons)}

    # Single classes -----------------------------------------------------------------------

    def add(self, name: str = "", color: Optional[QColor] = None) -> TrainingClass:
        """Add a class without polygons; returns it.

        Raises:
            ClassEditError: The name is taken, or there is no value left.
        """
        value = self._free_value()
        name = self._checked(name or self._free_name(), value)
        new = TrainingClass(value, name, QColor(color or default_color(value)))
        self._change(tr("Add class “{}”").format(name), {value: new})
        return new

    def rename(self, value: int, name: str) -> None:
        """Give a class another name, in its polygons and in the style.

        Raises:
            ClassEditError: The name is blank or taken.
        """
        old = self._known(value)
        name = self._checked(name, value)
        if name != old.name:
            new = TrainingClass(value, name, old.color)
            self._change(tr("Rename class “{}” to “{}”").format(old.name, name), {value: new})

    def recolor(self, value: int, color: QColor) -> None:
        """Give a class another color, in its polygons and in the style."""
        old = self._known(value)
        if color.name() != old.color.name():
            new = TrainingClass(value, old.name, QColor(color.name()))
            self._change(tr("Recolor class “{}”").format(old.name), {value: new})

    # Several classes ----------------------------------------------------------------------

    def merge(self, values: Iterable[int], into: int) -> None:
        """Give the polygons of classes to another class, and remove these classes."""
        target = self._known(into)
        others = [self._known(value) for value in values if value != into]
        if not others:
            return
        gone = {c.value for c in others}
        moved = {fid: target for fid, row in self._rows.items() if row.value in gone}
        names = ", ".join(c.name for c in others)
        self._change(
            tr("Merge {} into “{}”").format(names, target.name),
            {into: target, **dict.fromkeys(gone)},
            moved,
        )

    def remove(self, values: Iterable[int]) -> None:
        """Remove classes with their polygons."""
        gone = {value: self._known(value) for value in values}
        if gone:
            names = ", ".join(c.name for c in gone.values())
            self._change(
                tr("Remove class {}").format(names),
                dict.fromkeys(gone),
                deleted=[fid for fid, row in self._rows.items() if row.value in gone],
            )

    def take_over(self, classes: Sequence[TrainingClass]) -> None:
        """Add the classes of a list, or rename and recolor those that have its values.

        Raises:
            ClassEditError: A name would be there twice.
        """
        result = {**self._classes, **{c.value: c for c in classes}}
        names = [c.name for c in result.values()]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ClassEditError(
                tr("Two classes would be called “{}”. Rename one of them first.").format(twice)
            )
        self._change(tr("Import {} classes").format(len(classes)), {c.value: c for c in classes})

    # Polygons -----------------------------------------------------------------------------

    def assign(self, features: Iterable[int], value: int) -> None:
        """Give polygons to a class."""
        target = self._known(value)
        moved = {fid: target for fid in features if fid in self._rows}
        if moved:
            text = tr("Give {} polygons to class “{}”").format(len(moved), target.name)
            self._change(text, {value: target}, moved)

    # Fields -------------------------------------------------------------------------------

    def add_fields(self) -> ClassFields:
        """Add the fields for names and colors that the layer lacks; returns all fields.

        Raises:
            ClassEditError: The layer takes no new fields.
        """
        present = ((NAME, self._fields.name), (COLOR, self._fields.color))
        with step(self._layer, tr("Add fields for names and colors of classes")):
            for name, field in present:
                if not field:
                    add_field(self._layer, new_field(name, QMetaType.Type.QString))
            fields = ClassFields(
                self._fields.value, self._fields.name or NAME, self._fields.color or COLOR
            )
            for fid, row in self._rows.items():
                if row.value is not None:
                    self._write_row(fields, fid, row, self._classes[row.value])
        return fields

    def number(self, text_field: str) -> ClassFields:
        """Number the texts of a field in a new field of integers; returns the new fields.

        The engine numbers text classes, too, but in its maps alone: with a field of numbers the
        layer and the map have the same values.

        Raises:
            ClassEditError: The layer takes no new field, or has it already.
        """
        number_texts(self._layer, text_field)
        return ClassFields(VALUE, text_field, self._fields.color)

    # How ----------------------------------------------------------------------------------

    def follow_style(self, classes: Sequence[TrainingClass]) -> None:
        """Write names and colors, changed in the style by others, into the polygons."""
        self._change(tr("Take names and colors from the style"), {c.value: c for c in classes})

    def _change(
        self,
        text: str,
        changes: style.Changes,
        moved: Optional[Mapping[int, TrainingClass]] = None,
        deleted: Sequence[int] = (),
    ) -> None:
        """One step: the style, and what the polygons say."""
        layer, fields = self._layer, self._fields
        if not fields.value:
            raise ClassEditError(
                tr("“{}” has no field of whole numbers for classes.").format(layer.name())
            )
        before = {
            value: None if value in self._provisional else self._classes.get(value)
            for value in changes
        }
        with step(layer, text):
            self._prepare()
            push(
                layer,
                lambda: style.write(layer, fields, changes),
                lambda: style.write(layer, fields, before),
            )
            for fid, row in self._rows.items():
                wish = (moved or {}).get(fid) or changes.get(row.value)  # type: ignore[arg-type]
                if wish is not None:
                    self._write_row(fields, fid, row, wish)
            if deleted and not layer.deleteFeatures(list(deleted)):
                raise ClassEditError(tr("“{}”: polygons cannot be deleted.").format(layer.name()))
        self._provisional.difference_update(changes)

    def _prepare(self) -> None:
        """Have the layer drawn by class before its classes are changed for the first time."""
        layer, fields = self._layer, self._fields
        if style.is_prepared(layer, fields):
            return
        renderer = layer.renderer().clone()
        place = layer.fields().lookupField(fields.value)
        widget = QgsEditorWidgetSetup(layer.editorWidgetSetup(place))
        classes = list(self._classes.values())

        def undo() -> None:
            layer.setRenderer(renderer.clone())
            layer.setEditorWidgetSetup(place, widget)

        push(layer, lambda: style.prepare(layer, fields, classes), undo)

    def _write_row(self, fields: ClassFields, fid: int, row: Row, wish: TrainingClass) -> None:
        """Let a polygon say what its class is, where it says something else."""
        new: dict[int, Any] = {}
        old: dict[int, Any] = {}
        for field, before, after in (
            (fields.value, row.value, wish.value),
            (fields.name, row.name, wish.name),
            (fields.color, row.color, wish.color.name()),
        ):
            same = parse_color(before) == after if field == fields.color else before == after
            if field and not same:
                place = self._layer.fields().lookupField(field)
                # Without the old value, undoing would ask the file for every polygon's.
                new[place], old[place] = after, before
        # Default values would follow from a style that is just being changed.
        if new and not self._layer.changeAttributeValues(fid, new, old, True):
            raise ClassEditError(
                tr("“{}”: polygon {} cannot be changed.").format(self._layer.name(), fid)
            )

    def _known(self, value: int) -> TrainingClass:
        if value not in self._classes:
            raise ClassEditError(tr("There is no class {} any more.").format(value))
        return self._classes[value]

    def _checked(self, name: str, value: int) -> str:
        name = " ".join(name.split())
        if not name:
            raise ClassEditError(tr("A class needs a name."))
        for other in self._classes.values():
            if other.name == name and other.value != value:
                raise ClassEditError(
                    tr("There is a class “{}” already. To make one of two, merge them.").format(
                        name
                    )
                )
        return name

    def _free_value(self) -> int:
        value = max([0, *self._classes]) + 1
        if value > LARGEST_VALUE:
            taken = set(self._classes)
            value = next((v for v in range(1, LARGEST_VALUE + 1) if v not in taken), 0)
        if not value:
            raise ClassEditError(tr("A map holds {} classes at most.").format(LARGEST_VALUE))
        return value

    def _free_name(self) -> str:
        names = {c.name for c in self._classes.values()}
        number = self._free_value()
        while tr("Class {}").format(number) in names:
            number += 1
        return tr("Class {}").format(number)
