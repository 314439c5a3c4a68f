"""Mouse and keyboard in a window: real events, which ``xdotool`` gives to the X server.

Nothing here calls a slot. A widget is only asked where it is on the screen; what a click or a
key does there is up to the window. Every action is a generator for
:mod:`in_window.driver`, because the window must be able to answer in between.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from qgis.core import QgsPointXY
from qgis.PyQt.QtCore import QPoint, QProcess
from qgis.PyQt.QtWidgets import QApplication, QLineEdit, QMenu, QTabWidget, QWidget

from in_window.driver import Wait, expect, wait_for

LEFT, RIGHT = 1, 3
HAND = 0.12
"""Seconds between two movements of a hand."""

Place: TypeAlias = QWidget | QPoint


class Hands:
    """The mouse and the keyboard.

    Args:
        canvas: The map.
    """

    def __init__(self, canvas: Any) -> None:
        self._canvas = canvas

    # Mouse ----------------------------------------------------------------------------------

    def move(self, place: Place) -> Iterator[Wait]:
        """Move the mouse to a widget's middle, or to a point of the screen."""
        point = _point(place)
        yield from _xdotool("mousemove", point.x(), point.y())

    def click(self, place: Place, button: int = LEFT, times: int = 1) -> Iterator[Wait]:
        """Click on a widget's middle, or on a point of the screen."""
        yield from self.move(place)
        yield from _xdotool("click", "--repeat", times, "--delay", 60, button)

    def press(self, place: Place) -> Iterator[Wait]:
        """Click on a button that must be there to be clicked."""
        if isinstance(place, QWidget):
            yield from wait_for(place.isEnabled, f"{place.objectName()} can be pressed")
            expect(_is_seen(place), f"{place.objectName()} is seen")
        yield from self.click(place)

    def drag(self, first: QPoint, second: QPoint) -> Iterator[Wait]:
        """Drag with the left button from one point of the screen to another."""
        yield from self.move(first)
        yield from _xdotool("mousedown", LEFT)
        middle = (first + second) / 2
        for point in (middle, second):
            yield from self.move(point)
        yield from _xdotool("mouseup", LEFT)

    def tab(self, tabs: QTabWidget, page: QWidget) -> Iterator[Wait]:
        """Click on the tab of a page."""
        bar = tabs.tabBar()
        yield from self.click(bar.mapToGlobal(bar.tabRect(tabs.indexOf(page)).center()))
        yield from wait_for(lambda: tabs.currentWidget() is page, "the tab is seen")

    def choose(self, action: Any) -> Iterator[Wait]:
        """Click on an entry of the menu that is open."""

        def menu() -> Any:
            opened = QApplication.activePopupWidget()
            return opened if isinstance(opened, QMenu) else None

        yield from wait_for(lambda: menu() is not None, "a menu is open")
        opened = menu()
        expect(action in opened.actions(), f"the menu has “{action.text()}”")
        yield from self.click(opened.mapToGlobal(opened.actionGeometry(action).center()))

    # The map --------------------------------------------------------------------------------

    def on_map(self, point: QgsPointXY) -> QPoint:
        """Where a point of the map is on the screen."""
        pixel = self._canvas.getCoordinateTransform().transform(point)
        return self._canvas.viewport().mapToGlobal(QPoint(round(pixel.x()), round(pixel.y())))

    def draw(self, corners: Sequence[QgsPointXY]) -> Iterator[Wait]:
        """Click the corners of a polygon, and end it with the right button."""
        for corner in corners:
            yield from self.click(self.on_map(corner))
        yield from self.click(self.on_map(corners[-1]), RIGHT)

    # Keyboard -------------------------------------------------------------------------------

    def keys(self, *names: str) -> Iterator[Wait]:
        """Press keys, such as ``ctrl+z``, one after the other."""
        yield from _xdotool("key", "--clearmodifiers", "--delay", 60, *names)

    def type(self, text: str) -> Iterator[Wait]:
        """Type a text, and look whether it came; on a busy machine, umlauts may be lost."""
        for _ in range(3):
            yield from _xdotool("type", "--clearmodifiers", "--delay", 40, text)
            line = QApplication.focusWidget()
            if not isinstance(line, QLineEdit) or line.text().lower().endswith(text.lower()):
                return
            yield from self.keys("ctrl+a")


def _point(place: Place) -> QPoint:
    """A place in pixels of the screen, which are smaller than Qt's where it scales."""
    if isinstance(place, QWidget):
        place = place.mapToGlobal(place.rect().center())
    scale = QApplication.primaryScreen().devicePixelRatio()
    return QPoint(round(place.x() * scale), round(place.y() * scale))


def _is_seen(widget: QWidget) -> bool:
    """Whether the middle of a widget is not hidden by anything, scrolled away, say."""
    middle = widget.mapToGlobal(widget.rect().center())
    found = QApplication.widgetAt(middle)
    return found is not None and (found is widget or widget.isAncestorOf(found))


def _xdotool(*arguments: object) -> Iterator[Wait]:
    process = QProcess()
    process.start("xdotool", [str(argument) for argument in arguments])
    running = QProcess.ProcessState.NotRunning
    yield from wait_for(lambda: process.state() == running, "xdotool is done", 20)
    expect(process.exitCode() == 0, f"xdotool {arguments}: {process.readAllStandardError()!r}")
    yield HAND
