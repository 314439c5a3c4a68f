"""What several steps need: the scene, the dock and its widgets, dialogs, classes."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from qgis.core import QgsPointXY
from qgis.PyQt.QtCore import QObject, QUrl, pyqtSlot
from qgis.PyQt.QtGui import QColor, QDesktopServices
from qgis.PyQt.QtWidgets import (
    QApplication,
    QDockWidget,
    QFileDialog,
    QPushButton,
    QToolButton,
    QWidget,
)
from qgis.utils import iface

from in_window.driver import Driver, Wait, expect, wait_for
from in_window.hands import Hands
from in_window.scenes import SCENES, Drawn

LIMIT = 40 * 60.0

path = Path(os.environ["SCENE"])
scene = SCENES[path.name]
driver = Driver(Path(os.environ["PICTURES"]), LIMIT)
hands = Hands(iface.mapCanvas())


class Browser(QObject):
    """Takes the files that would be opened in a browser, which this screen has not."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []
        QDesktopServices.setUrlHandler("file", self, "open")

    @pyqtSlot(QUrl)
    def open(self, url: QUrl) -> None:
        """Keep what would be opened."""
        self.opened.append(url.toLocalFile())


browser = Browser()


def find(name: str, kind: type = QWidget) -> Any:
    """A widget of the window by its name."""
    found = iface.mainWindow().findChild(kind, f"mambahsi{name}")
    expect(found is not None, f"there is a {kind.__name__} mambahsi{name}")
    return found


def dock() -> Any:
    """The dock."""
    return find("TrainingDock")


def at(column: float, row: float) -> QgsPointXY:
    """Where a column and a row of the scene, counted from its corner, lie on the map."""
    layer = dock().context.scene
    extent = layer.extent()
    return QgsPointXY(
        extent.xMinimum() + column * extent.width() / layer.width(),
        extent.yMaximum() - row * extent.height() / layer.height(),
    )


def count() -> int:
    """How many polygons the training layer has, saved or not."""
    return int(dock().context.layer.featureCount())


def shown_dialog(kind: type) -> Generator[Wait, None, Any]:
    """Wait for a dialog; returns it."""
    yield from wait_for(lambda: isinstance(QApplication.activeWindow(), kind), f"a {kind.__name__}")
    yield 0.3
    return QApplication.activeWindow()


def dialog_is_shown() -> bool:
    """Whether another window than QGIS's own is active."""
    return QApplication.activeWindow() is not iface.mainWindow()


def close_messages() -> Iterator[Wait]:
    """Close what the message bar says, as it covers the map."""
    bar = iface.messageBar()
    while bar.currentItem() is not None:
        number = len(bar.items())
        buttons = [b for b in bar.findChildren(QToolButton) if b.isVisible()]
        yield from hands.click(max(buttons, key=lambda b: b.mapToGlobal(b.rect().center()).x()))
        yield from wait_for(partial(_has_fewer, bar, number), "a message is closed")


def _has_fewer(bar: Any, number: int) -> bool:
    return len(bar.items()) < number


def button_of(dialog: Any, text: str) -> Any:
    """A button by its text."""
    found = [b for b in dialog.findChildren(QPushButton) if b.text().replace("&", "") == text]
    expect(found, f"there is a button {text}")
    return found[0]


def answer_file_dialog(file: str) -> Iterator[Wait]:
    """Type a path into the dialog for files, or take what it suggests, and press Enter."""
    yield from shown_dialog(QFileDialog)
    if file:
        yield from hands.keys("ctrl+a")
        yield from hands.type(file)
    yield from hands.keys("Return")
    yield from wait_for(lambda: not dialog_is_shown(), "the dialog is gone", 10)


def select_class(number: int) -> Iterator[Wait]:
    """Click on a class in the list."""
    view = find("ClassList")
    rectangle = view.visualRect(view.model().index(number, 0))
    yield from hands.click(view.viewport().mapToGlobal(rectangle.center()))
    yield from wait_for(
        lambda: dock().context.selected_class.name == scene.classes[number].name, "it is selected"
    )


def has_class(number: int, drawn: Drawn) -> bool:
    """Whether the layer has so many classes, and the last is this one."""
    classes = dock().context.classes()
    last = (classes[-1].name, classes[-1].color) if classes else None
    return len(classes) == number and last == (drawn.name, QColor(drawn.color))


def expect_polygons(number: int, drawn: Drawn) -> None:
    """The layer has so many polygons, and the last is of a class."""
    expect(count() == number, f"{number} polygons are in the layer")
    rows = dock().context.rows()
    classes = {c.value: c.name for c in dock().context.classes()}
    newest = rows[min(rows)]  # what is not saved yet counts downward
    expect(classes[newest.value] == drawn.name, f"the newest is of class {drawn.name}")


def tidy() -> Iterator[Wait]:
    """A large window, with no panel but that of the layers."""
    iface.mainWindow().showMaximized()
    for panel in iface.mainWindow().findChildren(QDockWidget):
        if panel.objectName() != "Layers":
            panel.close()
    yield 3.0
    # Keys go nowhere before.
    yield from wait_for(iface.mainWindow().isActiveWindow, "the window is active")
