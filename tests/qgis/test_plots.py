"""Plots follow the theme and stay out of the way; without matplotlib nothing breaks."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qgis.PyQt.QtCore import QPoint, QPointF, Qt
from qgis.PyQt.QtGui import QColor, QPalette, QWheelEvent
from qgis.PyQt.QtWidgets import QApplication

ROOT = Path(__file__).resolve().parents[2]
DARK, LIGHT, TEXT = "#202428", "#101214", "#f0e0d0"


@pytest.fixture()
def canvas(qgis_app: Any) -> Iterator[Any]:
    from mambahsi_qgis.gui import plots

    if not plots.AVAILABLE:
        pytest.skip("this QGIS has no matplotlib")
    widget = plots.PlotCanvas("Squares")
    widget.resize(400, 300)
    widget.show()
    yield widget
    widget.close()
    widget.deleteLater()


def squares(figure: Any) -> None:
    axes = figure.add_subplot()
    axes.plot([0, 1, 2], [0, 1, 4], color="#ff00ff", label="squares")
    axes.set_xlabel("number")
    axes.legend()


def shown(canvas: Any) -> Any:
    QApplication.processEvents()
    return canvas.grab().toImage()


def test_shows_what_is_drawn_and_draws_it_once(canvas: Any) -> None:
    canvas.plot(squares)
    canvas.redraw()
    image = shown(canvas)
    colors = {QColor(image.pixel(x, y)).name() for x in range(400) for y in range(300)}
    assert "#ff00ff" in colors
    (axes,) = canvas.figure.axes
    assert len(axes.lines) == 1


def test_follows_a_dark_theme(canvas: Any) -> None:
    canvas.plot(squares)
    palette = canvas.palette()
    palette.setColor(QPalette.ColorRole.Window, QColor(DARK))
    palette.setColor(QPalette.ColorRole.Base, QColor(LIGHT))
    palette.setColor(QPalette.ColorRole.WindowText, QColor(TEXT))
    canvas.setPalette(palette)
    image = shown(canvas)
    assert QColor(image.pixel(1, 1)).name() == DARK
    (axes,) = canvas.figure.axes
    labels = (axes.xaxis.label, *axes.get_xticklabels(), *axes.get_legend().get_texts())
    assert {text.get_color() for text in labels} == {TEXT}
    x, y = axes.transAxes.transform((0.9, 0.05)) / canvas.devicePixelRatioF()
    assert QColor(image.pixel(int(x), 300 - int(y))).name() == LIGHT


def test_follows_a_larger_font(canvas: Any) -> None:
    canvas.plot(squares)
    font = canvas.font()
    font.setPointSizeF(22)
    canvas.setFont(font)
    (axes,) = canvas.figure.axes
    assert axes.xaxis.label.get_fontsize() == pytest.approx(22, abs=0.6)
    assert axes.get_xticklabels()[0].get_fontsize() > 18


def test_leaves_the_settings_of_matplotlib_to_others(canvas: Any) -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    canvas.plot(squares)
    assert dict(matplotlib.rcParams) == before


def test_the_wheel_scrolls_what_is_around(canvas: Any) -> None:
    center = QPointF(200, 150)
    event = QWheelEvent(
        center,
        QPointF(canvas.mapToGlobal(center.toPoint())),
        QPoint(0, 0),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(canvas.childAt(center.toPoint()), event)
    assert not event.isAccepted()


@pytest.mark.parametrize("failure", ["ImportError('none here')", "AttributeError('numpy 2')"])
def test_says_so_where_matplotlib_is_missing_or_broken(failure: str) -> None:
    program = f"""
import sys
class Break:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "matplotlib":
            raise {failure}
sys.meta_path.insert(0, Break())
sys.path.insert(0, {str(ROOT)!r})
from mambahsi_qgis.gui import plots
print(plots.AVAILABLE)
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (0, "False\n"), run.stderr


def test_follows_a_theme_that_is_a_style_sheet(canvas: Any, qgis_app: Any) -> None:
    """QGIS's dark themes color labels by a style sheet, and leave the palette's text dark."""
    canvas.plot(squares)
    before = qgis_app.styleSheet()
    try:
        qgis_app.setStyleSheet(f"QLabel {{ color: {TEXT}; }}")
        canvas.redraw()
        (axes,) = canvas.figure.axes
        assert axes.xaxis.label.get_color() == TEXT
    finally:
        qgis_app.setStyleSheet(before)
