"""Which fields of the training layer hold value, name and color of the classes.

Folded away, because layers made here need no choice; open where a layer has no field that
could hold classes.
"""

from __future__ import annotations

from typing import Optional

from qgis.core import QgsFieldProxyModel
from qgis.gui import QgsCollapsibleGroupBox, QgsFieldComboBox
from qgis.PyQt.QtWidgets import QFormLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from mambahsi_qgis.classes.fields import ClassFields, is_integer
from mambahsi_qgis.gui.context import TrainingContext
from mambahsi_qgis.translation import plain, tr

_KIND = QgsFieldProxyModel.Filter


class FieldBox(QgsCollapsibleGroupBox):
    """Three pickers of fields, and what is to be done where one is missing.

    Args:
        context: Whose layer.
        parent: Owner.
    """

    def __init__(self, context: TrainingContext, parent: Optional[QWidget] = None) -> None:
        super().__init__(tr("Fields"), parent)
        self.setObjectName("mambahsiFields")
        self.setSaveCollapsedState(False)
        self.setToolTip(tr("Which fields of the layer hold value, name and color of the classes"))
        self._context = context
        self._shown: Optional[str] = None
        # Unfolding the box shows all its children, hidden ones too: so it has one only.
        content = QWidget()
        QVBoxLayout(self).addWidget(content)
        form = QFormLayout(content)
        form.setContentsMargins(0, 0, 0, 0)
        self.value = self._picker(
            form,
            "mambahsiClassField",
            tr("Class value"),
            _KIND.Int | _KIND.LongLong | _KIND.String,
            tr("Field of whole numbers that holds the class"),
        )
        self.name = self._picker(
            form,
            "mambahsiNameField",
            tr("Class name"),
            _KIND.String,
            tr("Field of text that holds the name of the class; may be empty"),
        )
        self.color = self._picker(
            form,
            "mambahsiColorField",
            tr("Class color"),
            _KIND.String,
            tr("Field of text that holds the color of the class, such as #1a6b3c; may be empty"),
        )
        self.hint = QLabel()
        self.hint.setWordWrap(True)
        form.addRow(self.hint)
        self.number = QPushButton(tr("N&umber the classes"))
        self.number.setObjectName("mambahsiNumberButton")
        self.number.setToolTip(
            tr("Add a field class_id and give each text a number in it, as one undo step")
        )
        self.number.clicked.connect(self._number)
        form.addRow(self.number)
        self.complete = QPushButton(tr("Add &fields for names and colors"))
        self.complete.setObjectName("mambahsiCompleteButton")
        self.complete.setToolTip(
            tr(
                "Without them, names and colors are in the layer's style alone, and training "
                "does not know them"
            )
        )
        self.complete.clicked.connect(self._complete)
        form.addRow(self.complete)
        context.layerChanged.connect(self._show)
        # The pickers forget their fields when the layer's change.
        context.classesChanged.connect(self._show_fields)
        self._show()

    def _picker(
        self, form: QFormLayout, name: str, title: str, kind: QgsFieldProxyModel.Filter, tip: str
    ) -> QgsFieldComboBox:
        picker = QgsFieldComboBox()
        picker.setObjectName(name)
        picker.setFilters(kind)
        picker.setAllowEmptyFieldName(True)
        picker.setAccessibleName(plain(title))
        picker.setToolTip(tip)
        picker.activated.connect(self._picked)
        form.addRow(title, picker)  # which makes it the label's buddy
        return picker

    def _show(self) -> None:
        """Show another layer."""
        layer, fields = self._context.layer, self._context.fields
        for picker in (self.value, self.name, self.color):
            picker.setLayer(layer)
        self._show_fields()
        self.setEnabled(layer is not None)
        identity = layer.id() if layer is not None else ""
        if identity != self._shown:
            # Only then: whoever chooses fields of a layer may have more to do here.
            self._shown = identity
            self.setCollapsed(layer is None or bool(fields.value))
        self._advise("")

    def _show_fields(self) -> None:
        fields = self._context.fields
        for picker, field in (
            (self.value, fields.value),
            (self.name, fields.name),
            (self.color, fields.color),
        ):
            if picker.currentField() != (field or ""):
                picker.setField(field or "")

    def _picked(self) -> None:
        layer = self._context.layer
        if layer is None:
            return
        value = self.value.currentField()
        place = layer.fields().lookupField(value)
        if place < 0:
            self._show_fields()
        elif not is_integer(layer.fields().at(place)):
            self._advise(value)
        else:
            name, color = self.name.currentField(), self.color.currentField()
            self._context.set_fields(ClassFields(value, name or None, color or None))

    def _advise(self, text_field: str) -> None:
        """Say what is missing, and offer to do it."""
        fields = self._context.fields
        missing = self._context.layer is not None and not fields.value
        if text_field:
            self.hint.setText(tr("“{}” holds text; classes need whole numbers.").format(text_field))
        elif missing:
            self.hint.setText(
                tr("No field holds whole numbers. Choose a field of text to number its classes.")
            )
        self.hint.setVisible(bool(text_field) or missing)
        self.number.setVisible(bool(text_field))
        self.complete.setVisible(bool(fields.value) and not (fields.name and fields.color))

    def _number(self) -> None:
        field = self.value.currentField()
        fields = self._context.edit(lambda edits: edits.number(field))
        if fields is not None:
            self._context.set_fields(fields)

    def _complete(self) -> None:
        fields = self._context.edit(lambda edits: edits.add_fields())
        if fields is not None:
            self._context.set_fields(fields)
