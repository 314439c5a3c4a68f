"""The log of a training in a window of its own, which follows it."""

from __future__ import annotations

from collections.abc import Iterable

from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtGui import QFontDatabase
from qgis.PyQt.QtWidgets import QDialog, QDialogButtonBox, QPlainTextEdit, QVBoxLayout, QWidget

from mambahsi_qgis.translation import tr


class LogWindow(QDialog):
    """Shows lines, and those that come.

    Args:
        parent: Qt's parent.
        most: Lines that are kept.
    """

    def __init__(self, parent: QWidget, most: int) -> None:
        super().__init__(parent)
        self.setObjectName("mambahsiTrainLog")
        self.setWindowTitle(tr("Log of the training"))
        self._text = QPlainTextEdit()
        self._text.setReadOnly(True)
        self._text.setMaximumBlockCount(most)
        self._text.setAccessibleName(tr("Log of the training"))
        self._text.setToolTip(tr("What the engine has told, and where its own log file lies."))
        self._text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        close = buttons.button(QDialogButtonBox.StandardButton.Close)
        close.setToolTip(tr("Close this window; the log is kept."))
        buttons.rejected.connect(self.hide)
        layout = QVBoxLayout(self)
        layout.addWidget(self._text)
        layout.addWidget(buttons)

    def show_lines(self, lines: Iterable[str]) -> None:
        """Show these lines instead of others."""
        self._text.setPlainText("\n".join(lines))

    def add_line(self, line: str) -> None:
        """Add a line at the end."""
        self._text.appendPlainText(line)

    def sizeHint(self) -> QSize:
        """Room for some twenty lines."""
        size = self.fontMetrics().height()
        return QSize(45 * size, 25 * size)
