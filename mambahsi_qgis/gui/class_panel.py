"""The tab “Classes”: the list, and what can be done with it.

Everything is an action: a button, an entry of the list's context menu, and a key.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Optional

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QItemSelectionModel, Qt
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import (
    QColorDialog,
    QHBoxLayout,
    QLabel,
    QMenu,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from mambahsi_qgis.gui.class_exchange import export_list, import_list
from mambahsi_qgis.gui.class_model import NAME, ClassModel
from mambahsi_qgis.gui.class_view import ClassView
from mambahsi_qgis.gui.context import TrainingContext
from mambahsi_qgis.gui.pixel_counts import PixelCounts
from mambahsi_qgis.qt import QAction
from mambahsi_qgis.translation import tr


class ClassPanel(QWidget):
    """The class list.

    Args:
        context: Whose classes.
        parent: Owner.
    """

    def __init__(self, context: TrainingContext, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self._context = context
        self.pixels = PixelCounts(context, self)
        self.model = ClassModel(context, self.pixels, self)
        self.view = ClassView(self.model, {"Ins": self._add, "Del": self._remove})
        self._make_actions()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(self._buttons())
        layout.addWidget(self.view, 1)
        self.summary = QLabel()
        self.summary.setObjectName("mambahsiClassSummary")
        self.summary.setWordWrap(True)
        layout.addWidget(self.summary)
        self.model.modelReset.connect(self._show_selected)
        context.selectedClassChanged.connect(self._show_selected)
        context.classesChanged.connect(self._update_actions)
        context.layerChanged.connect(self._update_actions)
        context.layerEdited.connect(self._update_actions)
        self.pixels.changed.connect(self._summarize)
        self.model.dataChanged.connect(self._summarize)
        self.model.modelReset.connect(self._summarize)
        selection = self.view.selectionModel()
        selection.currentRowChanged.connect(self._row_changed)
        selection.selectionChanged.connect(self._update_actions)
        self._show_selected()
        self._update_actions()
        self._summarize()

    # Parts --------------------------------------------------------------------------------

    def _make_actions(self) -> None:
        make = self._action
        self.add = make("Add", tr("&Add class"), "symbologyAdd.svg", self._add, "Ins")
        self.rename = make("Rename", tr("Re&name"), "symbologyEdit.svg", self._rename, "F2")
        self.recolor = make("Color", tr("&Color…"), "mIconColorWheel.svg", self._ask_color)
        self.merge = make("Merge", tr("&Merge into"), "mActionMergeFeatures.svg")
        self.remove = make(
            "Remove", tr("&Remove with polygons"), "symbologyRemove.svg", self._remove, "Del"
        )
        self.select = make(
            "Select", tr("&Select polygons"), "mActionSelectRectangle.svg", self._select
        )
        self.assign = make(
            "Assign", tr("&Give selected polygons this class"), "mActionMultiEdit.svg", self._assign
        )
        take, give = (partial(f, self._context, self) for f in (import_list, export_list))
        self.import_list = make("Import", tr("&Import list…"), "mActionFileOpen.svg", take)
        self.export_list = make("Export", tr("&Export list…"), "mActionFileSaveAs.svg", give)
        self.undo = make("Undo", tr("Undo"), "mActionUndo.svg", self._undo)
        self.redo = make("Redo", tr("Redo"), "mActionRedo.svg", self._redo)
        self.save = make("Save", tr("Save edits"), "mActionSaveEdits.svg", self._save)
        menu = QMenu(self)
        menu.aboutToShow.connect(self._fill_merge)
        self.merge.setMenu(menu)
        for action, explanation in (
            (self.add, tr("Add a class")),
            (self.rename, tr("Rename the class, in its polygons too")),
            (self.recolor, tr("Choose another color for the class, in its polygons too")),
            (self.merge, tr("Merge the selected classes into one of them")),
            (self.remove, tr("Remove the selected classes together with their polygons")),
            (self.select, tr("Select the polygons of these classes in the layer")),
            (self.assign, tr("Give the polygons that are selected in the layer this class")),
            (
                self.import_list,
                tr(
                    "Add classes from a CSV or QML file; values that are there "
                    "already get the file's name and color"
                ),
            ),
            (self.export_list, tr("Write the classes into a CSV or QML file")),
            (self.undo, tr("Undo the last change of the training layer")),
            (self.redo, tr("Redo what was undone in the training layer")),
            (self.save, tr("Save the edits of the training layer and go on editing")),
        ):
            keys = action.text().partition("\t")[2]
            action.setToolTip(f"{explanation} ({keys})" if keys else explanation)

    def _action(
        self,
        name: str,
        text: str,
        icon: str,
        slot: Optional[Callable[[], None]] = None,
        keys: str = "",
    ) -> QAction:
        # The list itself knows the keys.
        action = QAction(_icon(icon), f"{text}\t{keys}" if keys else text, self)
        action.setObjectName(f"mambahsiClass{name}")
        if slot is not None:
            action.triggered.connect(lambda checked=False: slot())
        self.view.addAction(action)
        return action

    def _buttons(self) -> QHBoxLayout:
        """Buttons for what is done most; a toolbar's could not be reached by Tab."""
        row = QHBoxLayout()
        for action in (
            self.add,
            self.recolor,
            self.merge,
            self.remove,
            None,
            self.undo,
            self.redo,
            self.save,
            None,
            self.import_list,
            self.export_list,
        ):
            if action is None:
                row.addStretch()
                continue
            button = QToolButton()
            button.setObjectName(f"{action.objectName()}Button")
            button.setAutoRaise(True)
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            button.setDefaultAction(action)
            button.setAccessibleName(action.toolTip())
            if action.menu() is not None:
                button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
            row.addWidget(button)
        return row

    def add_tools(self, bar: QWidget) -> None:
        """Put tools above the list."""
        layout: Any = self.layout()
        layout.insertWidget(0, bar)

    def set_tab_order(self, bar: QWidget) -> None:
        """Let Tab go through the tools first, once the window is whole: it was made before them."""
        parts = [*bar.findChildren(QWidget), *self.findChildren(QToolButton), self.view]
        named = dict.fromkeys(w for w in parts if w.objectName().startswith("mambahsi"))
        order = [w for w in named if w.focusPolicy() != Qt.FocusPolicy.NoFocus]
        for index in range(1, len(order)):
            QWidget.setTabOrder(order[index - 1], order[index])

    def unload(self) -> None:
        """Stop what runs beside the window."""
        self.pixels.close()

    def _summarize(self) -> None:
        """Say below the list what is missing, or how much there is."""
        self.summary.setText(self.model.summary())

    # Selection ----------------------------------------------------------------------------

    def chosen(self) -> list[int]:
        """Values of the selected classes."""
        rows = self.view.selectionModel().selectedRows()
        return sorted(self.model.class_at(index.row()).value for index in rows)

    def _show_selected(self) -> None:
        selected = self._context.selected_class
        row = self.model.row_of(selected.value) if selected is not None else -1
        if row >= 0 and row != self.view.currentIndex().row():
            flag = QItemSelectionModel.SelectionFlag
            self.view.selectionModel().setCurrentIndex(
                self.model.index(row, NAME), flag.ClearAndSelect | flag.Rows
            )
        self._update_actions()

    def _row_changed(self) -> None:
        row = self.view.currentIndex().row()
        if row >= 0:
            self._context.select_class(self.model.class_at(row).value)

    def _update_actions(self) -> None:
        layer = self._context.layer
        chosen = self.chosen()
        stack = layer.undoStack() if layer is not None else None
        for action, possible in (
            (self.add, bool(self._context.class_field)),
            (self.rename, len(chosen) == 1),
            (self.recolor, len(chosen) == 1),
            (self.merge, len(chosen) > 1),
            (self.remove, bool(chosen)),
            (self.select, bool(chosen)),
            (self.assign, len(chosen) == 1),
            (self.import_list, bool(self._context.class_field)),
            (self.export_list, bool(self._context.classes())),
            (self.undo, stack is not None and stack.canUndo()),
            (self.redo, stack is not None and stack.canRedo()),
            (self.save, layer is not None and layer.isModified()),
        ):
            action.setEnabled(possible)

    # Actions ------------------------------------------------------------------------------

    def _add(self) -> None:
        new = self._context.edit(lambda edits: edits.add())
        if new is not None:
            self._context.select_class(new.value)
            self._rename()

    def _rename(self) -> None:
        row = self.view.currentIndex().row()
        self.view.edit(self.model.index(row, NAME))

    def _ask_color(self) -> None:
        shown = self.model.class_at(self.view.currentIndex().row())
        dialog = QColorDialog(shown.color, self)
        dialog.setObjectName("mambahsiClassColorDialog")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle(tr("Color of “{}”").format(shown.name))
        dialog.colorSelected.connect(
            lambda color: self._context.edit(lambda edits: edits.recolor(shown.value, color))
        )
        dialog.open()

    def _fill_merge(self) -> None:
        menu = self.merge.menu()
        menu.clear()
        chosen = self.chosen()
        for value in chosen:
            target = self.model.class_at(self.model.row_of(value))
            action = menu.addAction(target.name.replace("&", "&&"))
            action.triggered.connect(partial(self._merge, chosen, value))

    def _merge(self, values: list[int], into: int, checked: bool = False) -> None:
        self._context.edit(lambda edits: edits.merge(values, into))
        self._context.select_class(into)

    def _remove(self) -> None:
        chosen = self.chosen()
        self._context.edit(lambda edits: edits.remove(chosen))

    def _select(self) -> None:
        layer = self._context.layer
        chosen = set(self.chosen())
        if layer is not None:
            rows = self._context.rows()
            layer.selectByIds([fid for fid, row in rows.items() if row.value in chosen])

    def _assign(self) -> None:
        layer = self._context.layer
        chosen = self.chosen()
        if layer is None or not layer.selectedFeatureCount():
            self._context.tell(tr("Select polygons in the training layer first."))
        elif chosen:
            features = layer.selectedFeatureIds()
            self._context.edit(lambda edits: edits.assign(features, chosen[0]))

    def _undo(self) -> None:
        if self._context.layer is not None:
            self._context.layer.undoStack().undo()
            self._context.layer.triggerRepaint()

    def _redo(self) -> None:
        if self._context.layer is not None:
            self._context.layer.undoStack().redo()
            self._context.layer.triggerRepaint()

    def _save(self) -> None:
        layer = self._context.layer
        if layer is not None and not layer.commitChanges(False):
            self._context.warn("; ".join(layer.commitErrors()))


def _icon(name: str) -> QIcon:
    return QgsApplication.getThemeIcon(f"/{name}")
