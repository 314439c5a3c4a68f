"""The curve of a training as a plot: loss above, validation accuracy below, over the epochs.

Docks are narrow, so the two lie below each other instead of sharing a plot with an axis on either
side. New epochs only move the lines; axes are made anew when the theme changes.
"""

from __future__ import annotations

import math
from typing import Any, Optional

from mambahsi_qgis.gui.training.curve import Curve
from mambahsi_qgis.translation import tr

# Told apart with any color vision, and from light and dark backgrounds.
LOSS_COLOR, ACCURACY_COLOR = "#e0702a", "#3a8fd0"

MARKED = 30
"""Epochs that are few enough to be marked each."""


class CurvePlot:
    """Draws a curve into a matplotlib figure, and keeps it up to date.

    Args:
        curve: The curve.
    """

    def __init__(self, curve: Curve) -> None:
        self.curve = curve
        self._figure: Any = None

    def draw(self, figure: Any) -> None:
        """Draw into an emptied figure."""
        self._figure = figure
        self._upper, self._lower = figure.subplots(2, 1, sharex=True)
        for axes, title in (
            (self._upper, tr("Loss")),
            (self._lower, tr("Validation accuracy (%)")),
        ):
            axes.set_title(title, loc="left", fontsize="medium", pad=3)
            axes.grid(True)
            axes.locator_params(axis="y", nbins=4)
        self._lower.set_xlabel(tr("Epoch"))
        self._lower.locator_params(axis="x", integer=True)
        self._lower.set_ylim(0, 105)
        (self._loss,) = self._upper.plot([], [], color=LOSS_COLOR)
        (self._accuracy,) = self._lower.plot([], [], color=ACCURACY_COLOR)
        (self._best,) = self._lower.plot([], [], "o", color=ACCURACY_COLOR)
        self._move()

    def update(self, curve: Curve) -> None:
        """Show a curve in the axes that are there."""
        self.curve = curve
        self._move()
        self._figure.canvas.draw_idle()

    def _move(self) -> None:
        rows = self.curve.rows()
        numbers = [row.number for row in rows]
        losses = [row.loss for row in rows]
        marker = "." if len(rows) < MARKED else ""
        self._loss.set_data(numbers, losses)
        self._accuracy.set_data(numbers, [percent(row.accuracy) for row in rows])
        for line in (self._loss, self._accuracy):
            line.set_marker(marker)
        best = self.curve.best()
        self._best.set_data(*(([best.number], [percent(best.accuracy)]) if best else ([], [])))
        largest = max((loss for loss in losses if math.isfinite(loss)), default=0.0)
        self._upper.set_ylim(0, 1.1 * largest or 1.0)
        self._lower.set_xlim(0.5, max(self.curve.epochs, 2) + 0.5)


def percent(share: Optional[float]) -> float:
    """A share in percent; NaN, which leaves a gap, where it is not known."""
    return math.nan if share is None else 100 * share
