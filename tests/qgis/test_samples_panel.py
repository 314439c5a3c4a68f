"""The tab “Samples”, driven as a person does, with the real engine; and what it survives."""

from __future__ import annotations

import json
import math
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from qgis.core import (
    QgsFeature,
    QgsFeatureRequest,
    QgsGeometry,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsSettings,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QCoreApplication, Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import (
    QAbstractButton,
    QCheckBox,
    QLabel,
    QPushButton,
    QTableWidget,
    QWidget,
)

LEFT, TOP, PIXEL = 370000.0, 5810000.0, 30.0


class Session:
    """The dock with its tab, and what a person does there."""

    def __init__(self, iface: Any) -> None:
        from mambahsi_qgis.gui.window import Window

        self.window = Window(iface)
        self.window.action.trigger()
        self.dock = self.window.dock
        self.panel = self.dock.samples_panel
        self.dock.tabs.setCurrentWidget(self.panel)
        iface.mainWindow().show()
        self.dock.show()

    def find(self, kind: type, name: str) -> Any:
        found = self.panel.findChild(kind, f"mambahsiSamples{name}")
        assert found is not None, name
        return found

    def click(self, name: str) -> None:
        button = self.find(QPushButton, name)
        assert button.isEnabled() and button.isVisibleTo(self.panel), name
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)

    @property
    def status(self) -> str:
        return self.find(QLabel, "Status").text()

    @property
    def is_running(self) -> bool:
        return self.find(QPushButton, "Cancel").isEnabled()

    def warnings(self) -> list[str]:
        labels = self.find(QWidget, "Warnings").findChildren(QLabel)
        return [label.text() for label in labels if label.text()]

    def wait(self, condition: Callable[[], Any], seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self.status
            QTest.qWait(20)
        QTest.qWait(20)

    def check(self) -> None:
        self.click("Button")
        self.wait(lambda: not self.is_running)


@pytest.fixture()
def session(provider: Any, qgis_iface: Any, qgis_new_project: Any) -> Iterator[Session]:
    QgsSettings().remove("mambahsi/samplesRefresh")
    session = Session(qgis_iface)
    yield session
    QgsProject.instance().clear()
    if session.window.dock is not None:
        session.window.unload()
    QgsSettings().remove("mambahsi/samplesRefresh")
    QCoreApplication.sendPostedEvents()


@pytest.fixture()
def layers(session: Session, scene: str, labels: QgsVectorLayer) -> QgsVectorLayer:
    """Scene and labels, picked in the dock."""
    raster = QgsRasterLayer(scene, "Szene ä")
    QgsProject.instance().addMapLayers([raster, labels])
    session.dock.scene_picker.setLayer(raster)
    session.dock.layer_picker.setLayer(labels)
    return labels


def square(left: int, top: int, pixels: int) -> QgsGeometry:
    x, y = LEFT + PIXEL * left, TOP - PIXEL * top
    return QgsGeometry.fromRect(QgsRectangle(x, y - PIXEL * pixels, x + PIXEL * pixels, y))


def feature(layer: QgsVectorLayer, code: int, name: str, geometry: QgsGeometry) -> QgsFeature:
    made = QgsFeature(layer.fields())
    made.setAttributes([code, name, ""])
    made.setGeometry(geometry)
    return made


def test_from_a_click_to_spectra_matrix_and_warnings(
    engine: Path, session: Session, layers: QgsVectorLayer
) -> None:
    """Polygons not saved yet count, and what is wrong with them is told first."""
    assert session.status == "Not checked yet."
    layers.startEditing()
    layers.addFeature(feature(layers, 44, "Moor", square(0, 0, 4)))
    QTest.qWait(50)
    folders = set(Path(tempfile.gettempdir()).glob("mambahsi_samples_*"))
    session.check()
    assert "4 classes" in session.status and "Checked at" in session.status
    told = session.warnings()
    assert any(text.startswith("Only one polygon: Moor") for text in told)
    assert any("overlap" in text for text in told)
    matrix = session.find(QTableWidget, "Matrix")
    assert matrix.isVisibleTo(session.panel)
    names = [matrix.verticalHeaderItem(row).text() for row in range(4)]
    assert names == ["Wald", "Gewässer", "Acker", "Moor"]
    # Water and forest are far apart, and the cell tells it in words as well.
    cell = matrix.item(0, 1)
    assert float(cell.text()) == pytest.approx(2, abs=0.01)
    assert cell.toolTip() == matrix.item(1, 0).toolTip()
    assert "well separable" in cell.toolTip()
    assert matrix.item(2, 2).text() == ""
    _look_at_the_plot(session)
    assert set(Path(tempfile.gettempdir()).glob("mambahsi_samples_*")) == folders
    # An edit by anybody makes it out of date, and looking again is another click.
    layers.deleteFeature(next(f.id() for f in layers.getFeatures() if f["code"] == 44))
    session.wait(lambda: "have changed since" in session.status)
    session.check()
    assert "3 classes" in session.status and "changed" not in session.status
    assert matrix.rowCount() == 3
    assert not any("Moor" in text for text in session.warnings())


def _look_at_the_plot(session: Session) -> None:
    """Lines in the classes' colors; or without matplotlib, the same as a table."""
    from mambahsi_qgis.gui import plots

    if not plots.AVAILABLE:
        table = session.find(QTableWidget, "Table")
        assert table.rowCount() == 8
        return
    canvas = session.find(plots.PlotCanvas, "Plot")
    (axes,) = canvas.figure.axes
    colors = {line.get_color() for line in axes.lines}
    assert {"#1a6b3c", "#2b83ba", "#d9a441"} <= colors
    assert axes.get_xlabel() == "Wavelength (nm)"
    shown = session.find(QLabel, "Legend").text()
    for name, color in (("Wald", "#1a6b3c"), ("Gewässer", "#2b83ba"), ("Acker", "#d9a441")):
        assert f'<span style="color:{color}">&#9632;</span>&nbsp;{name}' in shown
    assert "Moor" in shown


def test_refreshes_by_itself_if_asked_to(
    engine: Path, session: Session, layers: QgsVectorLayer
) -> None:
    box = session.find(QCheckBox, "Refresh")
    assert not box.isChecked()
    QTest.mouseClick(box, Qt.MouseButton.LeftButton)
    assert QgsSettings().value("mambahsi/samplesRefresh", type=bool)
    layers.startEditing()
    # A layer removed while the engine works is survived, and its figures never shown.
    layers.deleteFeature(next(layers.getFeatures()).id())
    session.wait(lambda: session.is_running)
    QgsProject.instance().removeMapLayer(layers.id())
    assert session.status != "" and not session.find(QPushButton, "Button").isEnabled()
    session.wait(lambda: not session.is_running)
    assert session.status == "Choose a scene and a training layer above."
    assert not session.find(QTableWidget, "Matrix").isVisibleTo(session.panel)


def test_cancel_and_unload_leave_nothing_behind(
    engine: Path, session: Session, layers: QgsVectorLayer
) -> None:
    before = set(Path(tempfile.gettempdir()).glob("mambahsi_samples_*"))
    session.click("Button")
    assert session.is_running
    session.click("Cancel")
    session.wait(lambda: not session.is_running)
    assert "ancelled" in session.status
    session.click("Button")
    session.window.unload()
    assert set(Path(tempfile.gettempdir()).glob("mambahsi_samples_*")) == before


def test_says_why_it_cannot_look(no_engine: None, session: Session, layers: Any) -> None:
    session.click("Button")
    assert "MAMBAHSI_ENGINE_PYTHON" in session.status
    layers.dataProvider().truncate()
    session.dock.context.set_scene(None)
    assert "Choose a scene" in session.status


def test_every_control_is_explained_and_reachable(session: Session) -> None:
    for button in session.panel.findChildren(QAbstractButton):
        if button.objectName().startswith("mambahsi"):
            assert button.toolTip() and "&" in button.text()
            assert button.focusPolicy() & Qt.FocusPolicy.TabFocus
    matrix = session.find(QTableWidget, "Matrix")
    assert matrix.accessibleName()
    # Tab leaves the matrix instead of wandering through its cells.
    assert not matrix.tabKeyNavigation()


def test_a_snapshot_outlives_its_layer(provider: Any, labels: QgsVectorLayer) -> None:
    from mambahsi_qgis.gui.snapshot import Snapshot

    labels.startEditing()
    labels.addFeature(feature(labels, 44, "Moor", square(0, 0, 4)))
    expected = sorted(f["code"] for f in labels.getFeatures())
    snapshot = Snapshot(labels)
    QgsProject.instance().addMapLayer(labels)
    QgsProject.instance().removeMapLayer(labels.id())
    found = snapshot.getFeatures(QgsFeatureRequest(), None)
    assert sorted(f["code"] for f in found) == expected


def test_without_matplotlib_a_table_shows_the_same(qgis_app: Any, tmp_path: Path) -> None:
    from mambahsi_qgis.gui.samples.figures import read_figures
    from mambahsi_qgis.gui.samples.spectra import fill

    values = {
        "unit": "nm",
        "bands": [{"band": n, "wavelength": 400.0 + 100 * n} for n in (1, 2, 3)],
        "segments": [[1], [3]],
        "classes": [
            {
                "value": 7, "name": "Äcker", "color": "#112233", "pixels": 9,
                "mean": [12.5, None, 40.0], "deviation": [1.25, None, None],
            }
        ],
        "pairs": [],
        "findings": [],
    }  # fmt: skip
    path = tmp_path / "samples.json"
    path.write_text(json.dumps(values), encoding="utf-8")
    figures = read_figures(path)
    assert math.isnan(figures.spectra[0].mean[1])
    table = QTableWidget()
    fill(table, figures)
    cells = [[table.item(r, c).text() for c in range(2)] for r in range(table.rowCount())]
    assert cells == [["500", "12.5 ± 1.25"], ["700", "40"]]
    heads = [table.horizontalHeaderItem(c).text() for c in range(2)]
    assert heads == ["Wavelength (nm)", "Äcker"]
