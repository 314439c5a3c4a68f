"""The tab “Train”, driven as a person does, with the real engine: to a map, and through trouble."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import (
    QgsApplication,
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
    QComboBox,
    QLabel,
    QPushButton,
    QSpinBox,
    QWidget,
)

CLASSES = {11: ("Wald", "#1a6b3c"), 22: ("Gewässer", "#2b83ba"), 33: ("Acker", "#d9a441")}
LONG = 100_000
"""Epochs of a training that nobody waits for."""


class Session:
    """The dock with its tab, and what a person does there."""

    def __init__(self, iface: Any) -> None:
        from mambahsi_qgis.gui.window import Window

        self.iface = iface
        self.bar = iface.messageBar()
        self.window = Window(iface)
        self.window.action.trigger()
        self.dock = self.window.dock
        self.panel = self.dock.train_panel
        self.dock.tabs.setCurrentWidget(self.panel)
        iface.mainWindow().show()
        self.dock.show()
        self.made: list[Any] = []
        self.dock.context.mapMade.connect(self.made.append)

    def close(self) -> None:
        """Unload the plugin's window, and leave QGIS's as it was."""
        self.window.unload()
        self.iface.mainWindow().hide()
        QCoreApplication.sendPostedEvents()

    def find(self, kind: type, name: str) -> Any:
        found = self.panel.findChild(kind, f"mambahsiTrain{name}")
        assert found is not None, name
        return found

    def button(self, name: str) -> QPushButton:
        return self.find(QPushButton, name)

    def click(self, name: str) -> None:
        button = self.button(name)
        assert button.isEnabled() and button.isVisibleTo(self.panel), name
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)

    def text(self, name: str) -> str:
        return self.find(QLabel, name).text()

    def wait(self, condition: Callable[[], Any], seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self.text("Status")
            QTest.qWait(20)

    def open(self, scene: str, labels: QgsVectorLayer) -> None:
        QgsProject.instance().addMapLayer(QgsRasterLayer(scene, "Szene ä"))
        QgsProject.instance().addMapLayer(labels)
        self.dock.scene_picker.setLayer(QgsProject.instance().mapLayersByName("Szene ä")[0])
        self.dock.layer_picker.setLayer(labels)

    def choose(self, epochs: int, folder: Path) -> None:
        from qgis.gui import QgsFileWidget

        preset, device = self.find(QComboBox, "Preset"), self.find(QComboBox, "Device")
        preset.setCurrentIndex(preset.findData("compact"))
        device.setCurrentIndex(device.findData("cpu"))
        self.find(QSpinBox, "Epochs").setValue(epochs)
        self.find(QgsFileWidget, "Folder").setFilePath(str(folder))
        self.wait(lambda: self.button("Button").isEnabled())

    def train(self, epochs: int, folder: Path) -> None:
        self.choose(epochs, folder)
        self.click("Button")
        self.wait(lambda: self.button("Cancel").isEnabled())

    def wait_for_epoch(self, number: int) -> None:
        self.wait(lambda: self.panel._trainer.curve.done >= number)

    def wait_for_end(self) -> None:
        self.wait(lambda: not self.panel._trainer.is_running)
        QTest.qWait(50)

    def buttons_on_the_bar(self) -> list[QPushButton]:
        return [b for item in self.bar.items() for b in item.findChildren(QPushButton)]


@pytest.fixture(scope="module")
def shared_session(provider: Any, engine: Path, qgis_iface: Any) -> Iterator[Session]:
    session = Session(qgis_iface)
    yield session
    session.close()


@pytest.fixture()
def session(shared_session: Session) -> Iterator[Session]:
    QgsProject.instance().clear()
    shared_session.made.clear()
    yield shared_session
    assert not shared_session.panel._trainer.is_running
    shared_session.bar.clearWidgets()
    QgsProject.instance().clear()


def runs(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir())


def top_layers() -> list[Any]:
    return QgsProject.instance().layerTreeRoot().layerOrder()


def only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


def test_from_polygons_to_a_map_on_top_and_an_open_report(
    session: Session, scene: str, labels: QgsVectorLayer, tmp_path: Path, browser: Any
) -> None:
    folder = tmp_path / "outputs"
    folder.mkdir()
    # Names that the layer's style alone knows reach the map, too, and edits not saved count.
    labels.startEditing()
    (removed,) = [f.id() for f in labels.getFeatures('"code" = 33')][:1]
    labels.deleteFeature(removed)
    labels.changeAttributeValue(1, 0, 44)
    session.open(scene, labels)
    session.choose(4, folder)
    session.wait(lambda: "CPU" in session.text("WillRun"))
    session.click("Button")
    assert not session.button("Button").isEnabled()
    assert "not known yet" in session.text("Status")
    tasks = [task.description() for task in QgsApplication.taskManager().activeTasks()]
    assert any("Szene ä" in title for title in tasks)
    session.wait_for_end()

    (run,) = runs(folder)
    assert re.fullmatch(r"Szene ä_\d{4}-\d\d-\d\d_\d{6}", run.name)
    assert not (run / "unfinished").exists()
    made = session.made[0]
    assert Path(made.classification).parent == run
    assert browser.opened == [made.report]
    layers = top_layers()
    assert [layer.source() for layer in layers[:2]] == [made.classification, made.confidence]
    root = QgsProject.instance().layerTreeRoot()
    assert root.findLayer(layers[0]).isVisible() and not root.findLayer(layers[1]).isVisible()
    assert root.findLayer(layers[0]).isExpanded()
    legend = {int(c.value): (c.label, c.color.name()) for c in layers[0].renderer().classes()}
    shown = {c.value: (c.name, c.color.name()) for c in session.dock.context.classes()}
    assert legend == shown
    assert set(legend) == {11, 22, 33, 44}
    rows = session.panel._trainer.curve.rows()
    assert [row.number for row in rows] == [1, 2, 3, 4]
    assert all(row.loss > 0 and row.accuracy is not None for row in rows)
    assert "Overall accuracy" in session.text("Status")
    # A second report is not made up.
    session.click("Report")
    assert browser.opened == [made.report] * 2
    labels.rollBack()


def test_resumed_equals_uninterrupted_whatever_vanishes_meanwhile(
    session: Session, scene: str, labels: QgsVectorLayer, tmp_path: Path, browser: Any
) -> None:
    session.find(QCheckBox, "OpensReport").setChecked(True)
    epochs = 30
    first, second = tmp_path / "one", tmp_path / "two"
    first.mkdir()
    second.mkdir()
    again = labels.clone()
    # Uninterrupted, while layers are removed, the dock is closed and then the project.
    session.open(scene, labels)
    session.train(epochs, first)
    session.wait_for_epoch(1)
    QgsProject.instance().removeAllMapLayers()
    assert session.dock.context.layer is None
    session.dock.close()
    QTest.qWait(50)
    QgsProject.instance().clear()
    assert session.panel._trainer.is_running
    session.wait_for_end()
    # Done, and nothing of it in a project that knows nothing of it.
    assert not session.made and not browser.opened
    assert not QgsProject.instance().mapLayers()
    session.dock.setUserVisible(True)
    assert "Done" in session.text("Status")
    (offer,) = session.buttons_on_the_bar()
    QTest.mouseClick(offer, Qt.MouseButton.LeftButton)
    whole = session.made[0]
    assert [layer.source() for layer in top_layers()][:1] == [whole.classification]
    assert not session.button("AddMap").isVisibleTo(session.panel)

    session.open(scene, again)
    session.train(epochs, second)
    session.wait_for_epoch(3)
    session.click("Cancel")
    session.wait_for_end()
    (run,) = runs(second)
    assert {path.name for path in run.iterdir()} == {
        "Szene ä_model.safetensors.checkpoint", "unfinished",
    }  # fmt: skip
    assert 3 <= session.panel._trainer.curve.done < epochs
    assert "Resume" in session.text("Status")
    # Neither the layers nor the settings of the form matter any more.
    QgsProject.instance().clear()
    session.find(QSpinBox, "Epochs").setValue(7)
    session.click("Resume")
    session.wait_for_end()
    made = session.made[1]
    assert any("Resumed from" in line for line in session.panel._trainer.log)
    assert Path(made.classification).parent == run
    assert not (run / "unfinished").exists() and not list(run.glob("*.checkpoint"))
    maps = [gdal.Open(m.classification).ReadAsArray() for m in (whole, made)]
    assert np.array_equal(*maps)
    assert tensors(whole.model) == tensors(made.model)
    rows = session.panel._trainer.curve.rows()
    assert [row.number for row in rows] == list(range(1, epochs + 1))


def tensors(path: str) -> bytes:
    """Everything behind the header of a safetensors file."""
    content = Path(path).read_bytes()
    return content[8 + int.from_bytes(content[:8], "little") :]


def test_refusals_and_failures_are_told_with_what_to_do(
    session: Session, scene: str, labels: QgsVectorLayer, tmp_path: Path
) -> None:
    folder = tmp_path / "outputs"
    folder.mkdir()
    # One class: known before the engine is started.
    few = labels.clone()
    few.dataProvider().deleteFeatures([f.id() for f in few.getFeatures('"code" <> 11')])
    session.open(scene, few)
    session.choose(3, folder)
    session.click("Button")
    assert "one class only" in session.text("Status")
    assert not runs(folder)

    # A class in nodata alone: the engine finds out.
    hole = QgsRectangle(370010, 5809930, 370070, 5809990)
    QgsProject.instance().clear()
    again = labels.clone()
    again.dataProvider().changeAttributeValues({1: {0: 77}})
    again.dataProvider().changeGeometryValues({1: QgsGeometry.fromRect(hole)})
    session.open(scene, again)
    QTest.qWait(50)
    assert "“Wald”" in session.text("Hint")
    session.choose(3, folder)
    session.click("Button")
    session.wait_for_end()
    assert "77" in session.text("Status") and "\n" in session.text("Status")
    assert not runs(folder)
    assert not session.button("Resume").isEnabled()
    (show,) = session.buttons_on_the_bar()
    QTest.mouseClick(show, Qt.MouseButton.LeftButton)
    log = session.panel.findChild(QWidget, "mambahsiTrainLog")
    assert log.isVisible() and "77" in "\n".join(session.panel._trainer.log)
    log.close()


def test_without_an_engine(
    provider: Any, qgis_iface: Any, monkeypatch: pytest.MonkeyPatch, scene: str,
    labels: QgsVectorLayer,
) -> None:  # fmt: skip
    from mambahsi_qgis.engine.locate import find_engine

    engine = os.environ.get("MAMBAHSI_ENGINE_PYTHON", "")
    monkeypatch.delenv("MAMBAHSI_ENGINE_PYTHON", raising=False)
    session = Session(qgis_iface)
    try:
        session.open(scene, labels)
        QTest.qWait(20)
        assert session.text("Engine") == find_engine().problem != ""
        assert session.button("Install").isVisibleTo(session.panel)
        assert not session.button("Button").isEnabled()
        if engine:
            monkeypatch.setenv("MAMBAHSI_ENGINE_PYTHON", engine)
            session.click("Look")
            session.wait(lambda: "CPU" in session.text("WillRun"))
            assert session.button("Button").isEnabled()
            for kind, name in ((QLabel, "Engine"), (QPushButton, "Install"), (QPushButton, "Look")):
                assert not session.find(kind, name).isVisibleTo(session.panel)
    finally:
        session.close()
        QgsProject.instance().clear()


def test_every_control_explains_itself_and_is_reached_by_tab(session: Session) -> None:
    kinds = (QPushButton, QComboBox, QSpinBox, QCheckBox)
    controls = [w for kind in kinds for w in session.panel.findChildren(kind)]
    assert len(controls) >= 14
    for control in controls:
        assert control.toolTip(), control.objectName()
        assert control.accessibleName() or control.text(), control.objectName()
        assert control.focusPolicy() & Qt.FocusPolicy.TabFocus, control.objectName()
    labels = [label for label in session.panel.findChildren(QLabel) if label.buddy() is not None]
    texts = [w.text() for w in (*controls, *labels) if isinstance(w, (QAbstractButton, QLabel))]
    mnemonics = [text[text.index("&") + 1].lower() for text in texts if "&" in text]
    assert len(labels) == 4 and sorted(mnemonics) == sorted(set(mnemonics))


def test_unloading_ends_the_engine_and_another_session_resumes(
    provider: Any, engine: Path, qgis_iface: Any, scene: str, labels: QgsVectorLayer,
    tmp_path: Path,
) -> None:  # fmt: skip
    session = Session(qgis_iface)
    session.open(scene, labels)
    session.train(LONG, tmp_path / "Szene ä")
    session.wait_for_epoch(3)
    log = "\n".join(session.panel._trainer.log)
    pid = int(re.search(r"process (\d+)", log).group(1))
    session.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    (run,) = runs(tmp_path / "Szene ä")
    assert only(run, "*.checkpoint").stat().st_size > 0
    assert json.loads((run / "unfinished" / "training.json").read_text(encoding="utf-8"))

    # The layers are still there; the folder of the scene is suggested to the next session.
    QgsSettings().remove("mambahsi/training")
    after = Session(qgis_iface)
    try:
        after.dock.scene_picker.setLayer(QgsProject.instance().mapLayersByName("Szene ä")[0])
        after.wait(lambda: after.button("Resume").isEnabled())
        assert "Szene ä" in after.button("Resume").toolTip()
        after.click("Resume")
        after.wait(lambda: after.panel._trainer.curve.done > 3)
        after.click("Cancel")
        after.wait_for_end()
        assert runs(tmp_path / "Szene ä") == [run]
    finally:
        after.close()
        QgsProject.instance().clear()
