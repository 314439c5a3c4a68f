"""The separability of all pairs of classes, as a colored matrix."""

from __future__ import annotations

from qgis.PyQt.QtCore import QSize, Qt
from qgis.PyQt.QtGui import QBrush, QColor, QIcon, QPixmap, QResizeEvent
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QSizePolicy,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from mambahsi_qgis.gui.samples.figures import Figures
from mambahsi_qgis.translation import tr

COLORS = {"poor": "#b5432a", "moderate": "#8a6400", "good": "#1f6f43"}
"""Backgrounds of distances, dark enough in every theme for white figures."""

TEXT = "#ffffff"

NAME_WIDTH = 20
"""Letters that names of classes have room for, with their colors."""

MOST_ROWS = 16
"""Classes that are seen without scrolling."""


class SeparabilityMatrix(QTableWidget):
    """Shows distances.

    Args:
        parent: Qt's parent.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("mambahsiSamplesMatrix")
        self.setAccessibleName(tr("Separability of the classes"))
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setTabKeyNavigation(False)
        for header in (self.horizontalHeader(), self.verticalHeader()):
            header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        # As narrow as its figures; long names end in dots, and are whole in their tooltips.
        self.horizontalHeader().setMinimumSectionSize(1)
        self.verticalHeader().setMaximumWidth(self.fontMetrics().averageCharWidth() * NAME_WIDTH)
        self.verticalHeader().setTextElideMode(Qt.TextElideMode.ElideRight)

    def show_figures(self, figures: Figures) -> None:
        """Show the distances of some figures."""
        spectra = figures.spectra
        self.clear()
        self.setRowCount(len(spectra))
        self.setColumnCount(len(spectra))
        for number, spectrum in enumerate(spectra):
            icon = self._swatch(spectrum.color)
            told = tr("{}: {:,} pixels").format(spectrum.name, spectrum.pixels)
            for header, text in (
                (self.setVerticalHeaderItem, spectrum.name),
                (self.setHorizontalHeaderItem, str(spectrum.value)),
            ):
                item = QTableWidgetItem(icon, text)
                item.setToolTip(told)
                header(number, item)
        for row, one in enumerate(spectra):
            for column, other in enumerate(spectra):
                self.setItem(row, column, self._cell(figures, one.value, other.value))
        self.updateGeometry()

    def sizeHint(self) -> QSize:
        """Room for all classes, or for many of very many."""
        rows = min(self.rowCount(), MOST_ROWS)
        height = self.horizontalHeader().sizeHint().height() + 2 * self.frameWidth()
        height += sum(self.verticalHeader().sectionSize(row) for row in range(rows))
        if self.verticalHeader().width() + self.horizontalHeader().length() > self.width():
            height += self.horizontalScrollBar().sizeHint().height()
        return QSize(super().sizeHint().width(), height)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Make room for the bar that scrolls sideways, where one is needed."""
        super().resizeEvent(event)
        self.updateGeometry()

    def minimumSizeHint(self) -> QSize:
        """As high as wanted: what is around it scrolls."""
        return QSize(super().minimumSizeHint().width(), self.sizeHint().height())

    @staticmethod
    def _cell(figures: Figures, one: int, other: int) -> QTableWidgetItem:
        pair = figures.pair(one, other)
        item = QTableWidgetItem()
        item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
        if pair is None:
            item.setFlags(Qt.ItemFlag.NoItemFlags)
            return item
        item.setToolTip(pair.text)
        item.setText("\N{EN DASH}" if pair.distance is None else f"{pair.distance:.2f}")
        if pair.verdict:
            item.setBackground(QBrush(QColor(COLORS[pair.verdict])))
            item.setForeground(QBrush(QColor(TEXT)))
        return item

    def _swatch(self, color: str) -> QIcon:
        size = self.fontMetrics().height()
        pixmap = QPixmap(size, size)
        pixmap.fill(QColor(color))
        return QIcon(pixmap)
