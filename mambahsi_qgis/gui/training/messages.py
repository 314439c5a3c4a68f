"""Words on QGIS's message bar, with a button that does what they are about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Optional

from qgis.core import Qgis
from qgis.PyQt import sip
from qgis.PyQt.QtWidgets import QPushButton


class Announcer:
    """Says things, and takes them back when the plugin goes.

    Args:
        iface: QGIS's interface to its window.
    """

    def __init__(self, iface: Any) -> None:
        self._iface = iface
        self._items: list[Any] = []

    def tell(
        self,
        text: str,
        level: Qgis.MessageLevel,
        offer: str = "",
        action: Optional[Callable[[], Any]] = None,
    ) -> None:
        """Say something.

        Args:
            text: What to say.
            level: How it is meant.
            offer: Text of a button; empty without one.
            action: What the button does.
        """
        bar = self._iface.messageBar()
        item = bar.createMessage("MambaHSI", text)
        if action is not None:
            button = QPushButton(offer, item)
            button.setToolTip(offer)

            def act() -> None:
                action()
                bar.popWidget(item)

            button.clicked.connect(act)
            item.layout().addWidget(button)
        self._items = [old for old in self._items if not sip.isdeleted(old)]
        self._items.append(item)
        bar.pushWidget(item, level)

    def withdraw(self) -> None:
        """Take back what is still there: its buttons would lead nowhere."""
        bar = self._iface.messageBar()
        for item in self._items:
            if not sip.isdeleted(item):
                bar.popWidget(item)
        self._items.clear()
