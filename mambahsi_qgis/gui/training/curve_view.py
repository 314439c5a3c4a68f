"""The live curve of a training: a plot where QGIS has matplotlib, else a table.

Drawing takes as long as several epochs of a small scene, and the engine needs the processor, so
it is done twice a second at most, and only while it is seen. matplotlib takes a third of a second
to load; that happens in another thread while the engine starts, so the window does not halt.
"""

from __future__ import annotations

import importlib
import threading
from typing import Any, Optional

from qgis.PyQt.QtCore import QTimer
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from mambahsi_qgis.gui.training.curve import Curve
from mambahsi_qgis.gui.training.curve_plot import CurvePlot
from mambahsi_qgis.translation import tr

PAUSE = 500
"""Milliseconds between two drawings."""

PLOTS = "mambahsi_qgis.gui.plots"

TABLE_ROWS = 100
"""Last epochs that the table shows."""


class CurveView(QWidget):
    """Shows a curve while it grows.

    Args:
        parent: Qt's parent.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._curve = Curve(0)
        self._plot: Optional[CurvePlot] = None
        self._table: Optional[QTableWidget] = None
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._draw)
        self._loading: Optional[threading.Thread] = None

    def show_curve(self, curve: Curve) -> None:
        """Show a curve soon."""
        self._curve = curve
        if not self._timer.isActive():
            self._timer.start(PAUSE if self._curve.done else 0)

    def showEvent(self, event: Any) -> None:
        """Draw what has come while nobody looked."""
        super().showEvent(event)
        self.show_curve(self._curve)

    def _draw(self) -> None:
        if not self.isVisible():
            return
        if self._plot is not None:
            self._plot.update(self._curve)
        elif self._table is not None:
            fill_table(self._table, self._curve)
        elif self._loading is None:
            self._loading = threading.Thread(
                target=importlib.import_module, args=(PLOTS,), daemon=True
            )
            self._loading.start()
            self._timer.start(PAUSE)
        elif self._loading.is_alive():
            self._timer.start(PAUSE)
        else:
            self._make(importlib.import_module(PLOTS))

    def _make(self, plots: Any) -> None:
        name = tr("Loss and validation accuracy by epoch")
        if plots.AVAILABLE:
            self._plot = CurvePlot(self._curve)
            canvas = plots.PlotCanvas(name, self)
            canvas.setObjectName("mambahsiTrainPlot")
            canvas.setToolTip(
                tr(
                    "Loss on the training pixels (should fall) and accuracy on the validation "
                    "pixels (should rise). The weights of the epoch with the dot are kept."
                )
            )
            canvas.plot(self._plot.draw)
            self._layout.addWidget(canvas)
        else:
            self._table = make_table(name, self)
            fill_table(self._table, self._curve)
            self._layout.addWidget(self._table)


def make_table(name: str, parent: QWidget) -> QTableWidget:
    """An empty table of epochs."""
    table = QTableWidget(0, 3, parent)
    table.setObjectName("mambahsiTrainTable")
    table.setAccessibleName(name)
    table.setToolTip(tr("The last epochs. QGIS has no matplotlib here to plot them."))
    table.setHorizontalHeaderLabels([tr("Epoch"), tr("Loss"), tr("Validation accuracy")])
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.verticalHeader().hide()
    table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
    return table


def fill_table(table: QTableWidget, curve: Curve) -> None:
    """Show the last epochs of a curve in a table, the last one below."""
    rows = curve.rows()[-TABLE_ROWS:]
    table.setRowCount(len(rows))
    for place, row in enumerate(rows):
        accuracy = "" if row.accuracy is None else f"{row.accuracy:.2%}"
        for column, text in enumerate((str(row.number), f"{row.loss:.4f}", accuracy)):
            table.setItem(place, column, QTableWidgetItem(text))
    table.scrollToBottom()
