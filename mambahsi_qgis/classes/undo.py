"""One step on a layer's own undo stack, for features and style together.

QGIS's edit buffer keeps changes of features on the layer's undo stack, but not changes of its
style. So these are put onto the same stack as commands of our own, between those of the
features: QGIS's Undo, Redo and “Roll back” take both back together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ClassVar

from qgis.core import QgsVectorLayer
from qgis.PyQt import sip

from mambahsi_qgis.qt import QUndoCommand
from mambahsi_qgis.translation import tr


class ClassEditError(Exception):
    """A change that cannot be made; its message is for the user."""


class _Command(QUndoCommand):
    """Two functions, one of which undoes what the other does."""

    # The stack owns the C++ part alone; without its Python part a command does nothing.
    _alive: ClassVar[list[_Command]] = []

    def __init__(self, do: Callable[[], None], undo: Callable[[], None]) -> None:
        super().__init__()
        self._do, self._undo = do, undo
        self._alive[:] = [self, *(old for old in self._alive if not sip.isdeleted(old))]

    def redo(self) -> None:
        self._do()

    def undo(self) -> None:
        self._undo()


def push(layer: QgsVectorLayer, do: Callable[[], None], undo: Callable[[], None]) -> None:
    """Do something now, as a part of the layer's present edit command."""
    layer.undoStack().push(_Command(do, undo))


@contextmanager
def step(layer: QgsVectorLayer, text: str) -> Iterator[None]:
    """One undo step of this name; starts editing where the layer is not being edited.

    An error inside takes everything back.

    Raises:
        ClassEditError: The layer cannot be edited.
    """
    if not layer.isEditable() and not layer.startEditing():
        raise ClassEditError(
            tr("“{}” cannot be edited: its file or database may be read-only.").format(layer.name())
        )
    layer.beginEditCommand(text)
    try:
        yield
    except BaseException:
        layer.destroyEditCommand()
        raise
    layer.endEditCommand()
    layer.triggerRepaint()
