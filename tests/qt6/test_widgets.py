"""Widgets that need Qt but not QGIS, in Qt 6: they are made, used and painted.

`stand_in/qgis/PyQt` gives PyQt6 to them. Everything else is tested in QGIS (tests/qgis).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from mambahsi_qgis.gui.drawing.tolerance import ToleranceControl
from mambahsi_qgis.gui.samples.figures import Figures, Pair, Spectrum
from mambahsi_qgis.gui.samples.matrix import COLORS, SeparabilityMatrix
from mambahsi_qgis.gui.samples.spectra import SpectraView
from mambahsi_qgis.gui.training.curve import Curve
from mambahsi_qgis.gui.training.curve_view import CurveView
from mambahsi_qgis.gui.training.log_window import LogWindow
from PyQt6.QtCore import Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QPlainTextEdit, QTableWidget, QWidget

FIGURES = Figures(
    spectra=[
        Spectrum(1, "Wald", "#1a6b3c", 40, [300.0, 500.0, 900.0], [10.0, 20.0, 30.0]),
        Spectrum(2, "Gewässer", "#2b83ba", 30, [200.0, 150.0, float("nan")], [5.0, 5.0, 0.0]),
    ],
    positions=[450.0, 550.0, 850.0],
    in_nanometers=True,
    lines=[[0, 1, 2]],
    pairs={(1, 2): Pair("Wald and Gewässer: 1.20", 1.2, "poor")},
    warnings=[],
)


@pytest.fixture(scope="module")
def application() -> Iterator[QApplication]:
    yield QApplication.instance() or QApplication([])


@pytest.fixture()
def window(application: QApplication) -> Iterator[QWidget]:
    widget = QWidget()
    widget.resize(600, 400)
    yield widget
    widget.close()


def painted(widget: QWidget) -> set[str]:
    """Colors of a widget's picture."""
    widget.show()
    QTest.qWait(20)
    image = widget.grab().toImage()
    return {
        image.pixelColor(x, y).name() for x in range(image.width()) for y in range(image.height())
    }


def test_slider_and_number_stay_in_step(window: QWidget) -> None:
    control, told = ToleranceControl(window), []
    control.changed.connect(told.append)
    control.set_range(10.0, "°")
    QTest.keyClick(control.slider, Qt.Key.Key_End)
    assert control.number.value() == told[-1] == 10.0
    control.number.setValue(2.5)
    # The slider's middle is a quarter: it is finer for small tolerances.
    assert told[-1] == 2.5 and control.slider.value() == control.slider.maximum() // 2
    assert len(painted(control)) > 1


def test_separability_is_a_colored_matrix(window: QWidget) -> None:
    matrix = SeparabilityMatrix(window)
    matrix.resize(400, 200)
    matrix.show_figures(FIGURES)
    assert (matrix.rowCount(), matrix.columnCount()) == (2, 2)
    assert "1.2" in matrix.item(0, 1).text()
    assert "Wald" in matrix.verticalHeaderItem(0).text()
    window.show()
    assert COLORS["poor"] in painted(matrix)


def test_spectra_are_shown(window: QWidget) -> None:
    view = SpectraView(window)
    view.show_figures(FIGURES)
    table = view.findChild(QTableWidget, "mambahsiSamplesTable")
    # With matplotlib it is a plot.
    assert (table is None) != (view.findChild(QWidget, "mambahsiSamplesPlot") is None)
    assert table is None or table.rowCount() == 3
    assert len(painted(view)) > 1


def test_curve_grows(window: QWidget) -> None:
    view, curve = CurveView(window), Curve(3)
    view.resize(300, 200)
    for epoch in (1, 2):
        curve.take({"epoch": epoch, "loss": 1 / epoch, "validation_accuracy": 0.5})
    window.show()
    view.show_curve(curve)
    for _ in range(200):
        if view.findChildren(QWidget):
            break
        QTest.qWait(20)
    table = view.findChild(QTableWidget, "mambahsiTrainTable")
    assert table is not None or view.findChild(QWidget, "mambahsiTrainPlot") is not None
    if table is not None:
        assert [table.item(1, column).text() for column in range(3)] == ["2", "0.5000", "50.00%"]
    assert len(painted(view)) > 1


def test_log_keeps_the_last_lines(window: QWidget) -> None:
    log = LogWindow(window, 3)
    log.show_lines(["one", "two", "three"])
    log.add_line("four")
    assert log.findChild(QPlainTextEdit).toPlainText() == "two\nthree\nfour"
    assert len(painted(log)) > 1
