"""The table of classes, with keys of its own.

Keys are not shortcuts of Qt's: QGIS's window has the same ones, and neither would work.
"""

from __future__ import annotations

from collections.abc import Callable

from qgis.PyQt.QtCore import QEvent, Qt
from qgis.PyQt.QtGui import QKeyEvent, QKeySequence
from qgis.PyQt.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from mambahsi_qgis.gui.class_model import NAME, ClassModel
from mambahsi_qgis.translation import tr


class ClassView(QTableView):
    """The table.

    Args:
        model: The classes.
        keys: What to do by name of a key.
    """

    def __init__(self, model: ClassModel, keys: dict[str, Callable[[], None]]) -> None:
        super().__init__()
        self.pressed_keys = keys
        self.setObjectName("mambahsiClassList")
        self.setAccessibleName(tr("Classes"))
        self.setModel(model)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        trigger = QAbstractItemView.EditTrigger
        self.setEditTriggers(trigger.EditKeyPressed | trigger.DoubleClicked)
        self.setTabKeyNavigation(False)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        self.verticalHeader().hide()
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        header.setHighlightSections(False)

    def event(self, event: QEvent) -> bool:
        """Claim the keys before the window's shortcuts get them."""
        claimed = isinstance(event, QKeyEvent) and _name(event) in self.pressed_keys
        if claimed and event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Do what the key is for."""
        if _name(event) in self.pressed_keys:
            self.pressed_keys[_name(event)]()
        else:
            super().keyPressEvent(event)


def _name(event: QKeyEvent) -> str:
    """Name of a key that is pressed without others."""
    plain = event.modifiers() in (
        Qt.KeyboardModifier.NoModifier,
        Qt.KeyboardModifier.KeypadModifier,
    )
    return str(QKeySequence(event.key()).toString()) if plain else ""
