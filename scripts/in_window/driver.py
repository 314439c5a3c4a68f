"""Runs steps in QGIS's window one after the other, and ends QGIS if anything goes wrong.

A step is a generator. It yields seconds to wait, or something to wait for; between two
of its parts the window lives as ever. What goes wrong is a step that fails, a condition that does
not come true, and any exception that reaches QGIS's Python console or message log on the way.
"""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

from qgis.core import Qgis, QgsApplication
from qgis.PyQt.QtCore import QTimer
from qgis.PyQt.QtWidgets import QTextBrowser
from qgis.utils import iface

from in_window.pictures import picture

Wait: TypeAlias = float | Callable[[], object]
"""Seconds, or a condition that is asked until it is true."""

LOOK = 0.05
"""Seconds between two looks at a condition."""


class Driver:
    """The steps.

    Args:
        pictures: Folder that receives pictures.
        limit: Seconds that all steps together may take.
    """

    def __init__(self, pictures: Path, limit: float) -> None:
        self.pictures = pictures
        self.messages: list[str] = []
        """What QGIS's message bar has said."""
        self._problems: list[str] = []
        self._deadline = time.monotonic() + limit
        self._steps: Iterator[Wait] = iter(())
        self._condition: Callable[[], object] | None = None
        self._listen()

    def _listen(self) -> None:
        """Hear of every exception and every message."""
        known = sys.excepthook

        def hook(kind: Any, value: Any, trace: Any) -> None:
            self._problems.append("".join(traceback.format_exception(kind, value, trace)))
            known(kind, value, trace)

        sys.excepthook = hook
        log = QgsApplication.messageLog()
        log.messageReceived[str, str, Qgis.MessageLevel].connect(self._logged)
        iface.messageBar().widgetAdded.connect(self._said)

    def _logged(self, text: str, tag: str, level: Qgis.MessageLevel) -> None:
        if "Traceback" in text:
            self._problems.append(text)
        elif level in (Qgis.MessageLevel.Warning, Qgis.MessageLevel.Critical):
            print(f"    log, {tag}: {text}", flush=True)

    def _said(self, item: Any) -> None:
        shown = [browser.toPlainText() for browser in item.findChildren(QTextBrowser)]
        text = " ".join(shown) or item.objectName()
        self.messages.append(text)
        print(f"    message bar: {text}", flush=True)

    def run(self, steps: Iterator[Wait]) -> None:
        """Begin; returns at once."""
        self._steps = steps
        QTimer.singleShot(0, self._go_on)

    def _go_on(self) -> None:
        try:
            if self._problems:
                raise AssertionError("\n".join(self._problems))
            expect(time.monotonic() < self._deadline, "the session ends in time")
            pause = LOOK
            if self._condition is None or self._condition():
                self._condition = None
                wait = next(self._steps)
                if callable(wait):
                    self._condition = wait
                else:
                    pause = wait
            QTimer.singleShot(round(1000 * pause), self._go_on)
        except StopIteration:
            self._end(failed=False)
        except BaseException:
            traceback.print_exc()
            picture(self.pictures / "failure.png")
            self._end(failed=True)

    @staticmethod
    def _end(failed: bool) -> None:
        """Leave QGIS without a question about the unsaved project."""
        print("The session failed." if failed else "All steps are done.", flush=True)
        os._exit(1 if failed else 0)

    def picture(self, name: str, after: float = 1.0) -> Iterator[Wait]:
        """Save what is on the screen, once QGIS has had time to draw."""
        yield after
        yield from wait_for(lambda: not iface.mapCanvas().isDrawing(), "the map is drawn", 60)
        path = self.pictures / f"{name}.png"
        picture(path)
        print(f"    picture {path.name}, {path.stat().st_size // 1024} KB", flush=True)


def expect(condition: object, what: str) -> None:
    """Fail where something is not as it should be."""
    if not condition:
        raise AssertionError(f"Not so: {what}.")


def wait_for(condition: Callable[[], object], what: str, seconds: float = 30) -> Iterator[Wait]:
    """Wait until something is as it should be, but not forever."""
    end = time.monotonic() + seconds

    def come_true() -> bool:
        if condition():
            return True
        expect(time.monotonic() < end, f"{what}, within {seconds:g} seconds")
        return False

    yield come_true


def say(text: str) -> None:
    """Tell which step begins."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)
