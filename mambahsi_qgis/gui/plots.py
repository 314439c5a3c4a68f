"""Plots inside QGIS's window: the one place that imports matplotlib.

QGIS installations usually carry matplotlib, but nothing promises it, and nothing is ever installed
into QGIS. So whoever plots asks :data:`AVAILABLE` first, and has a table for where it is false.
matplotlib takes a good part of a second to load; import this module when there is something to
plot, not when QGIS starts.

A plot follows the theme: its background, text and lines take the widget's palette, its text the
widget's font, and both are looked at again whenever they change. That is why a
:class:`PlotCanvas` is given a function that draws, not a drawing: it may have to draw again.
pyplot is not used; its figures would belong to the whole of QGIS.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, Optional

from qgis.PyQt.QtCore import QT_VERSION_STR, QEvent, QSize
from qgis.PyQt.QtGui import QFontInfo, QPalette
from qgis.PyQt.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

try:
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.font_manager import fontManager

    # matplotlib takes the Qt that is loaded already, which is QGIS's.
    if QT_VERSION_STR.startswith("5"):
        from matplotlib.backends.backend_qt5agg import FigureCanvasQTAgg
    else:
        from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
    AVAILABLE = True
# A numpy that matplotlib was not built for fails in many ways, and QGIS has to start in all.
except Exception:
    AVAILABLE = False
    FigureCanvasQTAgg = QWidget

Draw = Callable[[Any], None]
"""Draws into an empty ``matplotlib.figure.Figure``."""


class PlotCanvas(QWidget):
    """A figure in the theme's colors and font.

    Needs :data:`AVAILABLE`.

    Args:
        name: Accessible name: what is plotted.
        parent: Qt's parent.

    Attributes:
        figure: The ``matplotlib.figure.Figure``.
    """

    def __init__(self, name: str, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self._draw: Optional[Draw] = None
        # A layout that keeps labels and legends off each other; told so that old versions know it.
        self.figure = Figure(dpi=self.logicalDpiX(), constrained_layout=True)
        self._canvas = _Canvas(self.figure)
        self._canvas.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(name)
        self._canvas.setAccessibleName(name)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._canvas)
        self.redraw()

    def plot(self, draw: Draw) -> None:
        """Show what a function draws, now and whenever the theme changes.

        Args:
            draw: Is given the emptied figure. Text and axes have the theme's colors and font
                unless it says otherwise.
        """
        self._draw = draw
        self.redraw()

    def redraw(self) -> None:
        """Draw again, for example because the numbers behind the plot are new."""
        with matplotlib.rc_context(self._theme()):
            self.figure.clear()
            self.figure.set_facecolor(self._color(QPalette.ColorRole.Window))
            if self._draw is not None:
                self._draw(self.figure)
            self._dress()
        # Coalesced: many calls in a row paint once.
        self._canvas.draw_idle()

    def minimumSizeHint(self) -> QSize:
        """Room for axes with their labels, in the widget's font."""
        line = self.fontMetrics().height()
        return QSize(14 * line, 10 * line)

    def sizeHint(self) -> QSize:
        """Room to read the plot."""
        line = self.fontMetrics().height()
        return QSize(24 * line, 15 * line)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        super().changeEvent(event)
        kinds = (QEvent.Type.PaletteChange, QEvent.Type.FontChange, QEvent.Type.StyleChange)
        if event.type() in kinds and hasattr(self, "_canvas"):
            self.redraw()

    def _color(self, role: QPalette.ColorRole) -> str:
        return self.palette().color(role).name()

    def _text_color(self) -> str:
        # A theme made of a style sheet, as QGIS's dark ones are, tells it to labels only. A new
        # label, as children hear of another palette later than this widget.
        label = QLabel(self)
        label.ensurePolished()
        color = label.palette().color(QPalette.ColorRole.WindowText)
        label.deleteLater()
        return color.name()

    def _theme(self) -> dict[str, Any]:
        """Settings of matplotlib that make new text and axes follow the palette and the font."""
        text = self._text_color()
        base = self._color(QPalette.ColorRole.Base)
        font = QFontInfo(self.font())
        known = {entry.name for entry in fontManager.ttflist}
        families = [font.family()] if font.family() in known else []
        colored = (
            *("text.color", "axes.labelcolor", "axes.edgecolor", "axes.titlecolor"),
            *("xtick.color", "ytick.color"),
        )
        return {
            **dict.fromkeys(colored, text),
            "axes.facecolor": base,
            "legend.facecolor": base,
            "legend.edgecolor": self._color(QPalette.ColorRole.Mid),
            "grid.color": text,
            "grid.alpha": 0.18,
            "font.family": [*families, "DejaVu Sans"],
            "font.size": font.pointSizeF(),
        }

    def _dress(self) -> None:
        """Hand the theme on to ticks, which are made only when they are painted."""
        text = self._text_color()
        size = QFontInfo(self.font()).pointSizeF() * 0.9
        for axes in self.figure.axes:
            axes.tick_params(
                which="both", color=text, labelcolor=text, labelsize=size, grid_color=text
            )


class _Canvas(FigureCanvasQTAgg):
    """The canvas, made to live among other widgets."""

    def draw(self) -> None:
        """Draw; that a plot squeezed to nothing has no room for its labels is not worth a word."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            super().draw()

    def wheelEvent(self, event: Any) -> None:
        """Leave the wheel to what scrolls around the plot."""
        event.ignore()
