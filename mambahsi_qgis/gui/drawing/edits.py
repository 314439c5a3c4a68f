"""Undo, redo and save for the training layer's edits, as buttons beside the drawing tools."""

from __future__ import annotations

from typing import Optional

from qgis.core import Qgis, QgsApplication, QgsVectorLayer
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QObject

from mambahsi_qgis.gui.context import TrainingContext
from mambahsi_qgis.qt import QAction
from mambahsi_qgis.translation import tr


class EditActions(QObject):
    """Three actions that follow the context's layer.

    Args:
        context: Whose layer is edited.
        parent: Owner.
    """

    def __init__(self, context: TrainingContext, parent: QObject) -> None:
        super().__init__(parent)
        self.context = context
        self._layer: Optional[QgsVectorLayer] = None
        self.undo = self._action("Undo", tr("Undo"), tr("Undo the layer's last edit"))
        self.redo = self._action("Redo", tr("Redo"), tr("Do the undone edit of the layer again"))
        self.save = self._action(
            "SaveEdits", tr("Save edits"), tr("Write the layer's edits to its file")
        )
        self.undo.triggered.connect(lambda: self._step(forward=False))
        self.redo.triggered.connect(lambda: self._step(forward=True))
        self.save.triggered.connect(self._save)
        context.layerChanged.connect(self._follow)
        self._follow()

    def close(self) -> None:
        """Let go of the layer."""
        self._connect(False)
        self._layer = None

    def _action(self, name: str, text: str, explanation: str) -> QAction:
        action = QAction(QgsApplication.getThemeIcon(f"/mAction{name}.svg"), text, self)
        action.setObjectName(f"mambahsi{name}")
        action.setToolTip(explanation)
        return action

    def _follow(self) -> None:
        self._connect(False)
        self._layer = self.context.layer
        self._connect(True)
        self._enable()

    def _connect(self, on: bool) -> None:
        layer = self._layer
        if layer is None or sip.isdeleted(layer):
            return
        for signal in (
            layer.undoStack().indexChanged,
            layer.layerModified,
            layer.editingStarted,
            layer.editingStopped,
            layer.afterCommitChanges,
            layer.afterRollBack,
        ):
            signal.connect(self._enable) if on else signal.disconnect(self._enable)

    def _enable(self, *_: object) -> None:
        layer = self._layer
        if layer is None or sip.isdeleted(layer):
            able = (False, False, False)
        else:
            stack = layer.undoStack()
            able = (stack.canUndo(), stack.canRedo(), layer.isEditable() and layer.isModified())
        for action, enabled in zip((self.undo, self.redo, self.save), able):
            action.setEnabled(enabled)

    def _step(self, forward: bool) -> None:
        if self._layer is not None:
            stack = self._layer.undoStack()
            stack.redo() if forward else stack.undo()
            self._layer.triggerRepaint()

    def _save(self) -> None:
        if self._layer is None:
            return
        # Editing goes on, as a person goes on drawing.
        if self._layer.commitChanges(False):
            self._layer.triggerRepaint()
        else:
            reasons = "\n".join(self._layer.commitErrors())
            text = tr("The edits of “{}” could not be saved: {}")
            self.context.tell(text.format(self._layer.name(), reasons), Qgis.MessageLevel.Critical)
        self._enable()
