"""The spectra of the classes: a plot where QGIS has matplotlib, else a table of its numbers."""

from __future__ import annotations

import html
import importlib
import math
import threading
from typing import Any, Optional

from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from mambahsi_qgis.gui.samples.figures import Figures, Spectrum, axis_title
from mambahsi_qgis.translation import tr

PLOTS = "mambahsi_qgis.gui.plots"


class SpectraView(QWidget):
    """Shows spectra.

    Args:
        parent: Qt's parent.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._canvas: Any = None
        self._table: Optional[QTableWidget] = None
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)

    def get_ready(self) -> None:
        """Load matplotlib, which takes a part of a second, in another thread."""
        threading.Thread(target=importlib.import_module, args=(PLOTS,), daemon=True).start()

    def show_figures(self, figures: Figures) -> None:
        """Show the spectra of some figures."""
        plots = importlib.import_module(PLOTS)
        if plots.AVAILABLE:
            self._plot(plots, figures)
        else:
            self._fill(figures)

    def _plot(self, plots: Any, figures: Figures) -> None:
        if self._canvas is None:
            self._canvas = plots.PlotCanvas(tr("Mean spectra of the classes"), self)
            self._canvas.setObjectName("mambahsiSamplesPlot")
            self._canvas.setToolTip(
                tr(
                    "Lines: mean of each class's samples. Shades: one standard deviation to each "
                    "side. Gaps: bands without data, and bad bands."
                )
            )
            self._legend = QLabel()
            self._legend.setObjectName("mambahsiSamplesLegend")
            self._legend.setToolTip(tr("The classes and their colors."))
            self._legend.setWordWrap(True)
            self._legend.setMinimumWidth(1)
            self._layout.addWidget(self._canvas)
            self._layout.addWidget(self._legend)
        self._legend.setText(legend(figures))
        self._canvas.plot(lambda figure: draw(figure, figures))

    def _fill(self, figures: Figures) -> None:
        if self._table is None:
            self._table = QTableWidget(self)
            self._table.setObjectName("mambahsiSamplesTable")
            self._table.setAccessibleName(tr("Mean spectra of the classes"))
            self._table.setToolTip(
                tr(
                    "Mean and standard deviation by band and class. QGIS has no matplotlib here to "
                    "plot them."
                )
            )
            self._table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
            self._table.verticalHeader().hide()
            self._table.setMinimumHeight(12 * self.fontMetrics().height())
            self._layout.addWidget(self._table)
        fill(self._table, figures)


def draw(figure: Any, figures: Figures) -> None:
    """Draw spectra into an emptied ``matplotlib.figure.Figure``."""
    axes = figure.add_subplot()
    for spectrum in figures.spectra:
        if spectrum.pixels:
            _draw_spectrum(axes, figures, spectrum)
    axes.set_xlabel(axis_title(figures))
    axes.set_ylabel(tr("Value as stored"))
    axes.margins(x=0.01)
    axes.grid(True)
    axes.locator_params(axis="x", nbins=6)


def _draw_spectrum(axes: Any, figures: Figures, spectrum: Spectrum) -> None:
    """Draw one class, line by line."""
    rim = axes.xaxis.label.get_color()
    for line in figures.lines:
        at = [figures.positions[i] for i in line]
        mean = [spectrum.mean[i] for i in line]
        # A single sample does not spread.
        spread = [0.0 if math.isnan(d) else d for d in (spectrum.deviation[i] for i in line)]
        axes.fill_between(
            at,
            [m - s for m, s in zip(mean, spread)],
            [m + s for m, s in zip(mean, spread)],
            color=spectrum.color,
            alpha=0.2,
            linewidth=0,
        )
        marker = "o" if len(line) == 1 else ""
        # A thin rim, so that colors near to the background's are seen.
        for color, alpha, width in ((rim, 0.3, 2.4), (spectrum.color, 1.0, 1.5)):
            style = {"color": color, "alpha": alpha, "linewidth": width}
            axes.plot(at, mean, marker=marker, markersize=2 + width, **style)


def fill(table: QTableWidget, figures: Figures) -> None:
    """Show spectra in a table, a row for each band that was used."""
    bands = [i for line in figures.lines for i in line]
    table.setColumnCount(1 + len(figures.spectra))
    table.setRowCount(len(bands))
    table.setHorizontalHeaderLabels(
        [axis_title(figures), *(spectrum.name for spectrum in figures.spectra)]
    )
    for row, band in enumerate(sorted(bands)):
        table.setItem(row, 0, QTableWidgetItem(f"{figures.positions[band]:.6g}"))
        for column, spectrum in enumerate(figures.spectra, start=1):
            mean, spread = spectrum.mean[band], spectrum.deviation[band]
            text = "" if math.isnan(mean) else f"{mean:.5g}"
            if text and not math.isnan(spread):
                text += f" ± {spread:.4g}"
            table.setItem(row, column, QTableWidgetItem(text))
    table.resizeColumnsToContents()


def legend(figures: Figures) -> str:
    """Names of the drawn classes, each behind a square in its color, as rich text that wraps."""
    return "&ensp; ".join(
        f'<span style="color:{spectrum.color}">&#9632;</span>&nbsp;'
        + html.escape(spectrum.name).replace(" ", "&nbsp;")
        for spectrum in figures.spectra
        if spectrum.pixels
    )
