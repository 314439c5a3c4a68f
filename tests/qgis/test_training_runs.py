"""What a training in the dock rests on, without an engine: folders, curves, projects, texts."""

from __future__ import annotations

import json
import struct
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from qgis.core import QgsProject, QgsVectorLayer
from qgis.PyQt.QtCore import QCoreApplication, QObject
from qgis.PyQt.QtGui import QColor
from qgis.PyQt.QtWidgets import QComboBox, QWidget

NOW = datetime(2026, 11, 23, 14, 5, 9)


@pytest.fixture(autouse=True)
def needs_qgis(provider: Any) -> None:
    """All of this loads the plugin."""


def job(folder: Any, scene: str = "scene.tif") -> Any:
    from mambahsi_qgis.engine.jobs import jobs

    train = jobs.TrainJob(
        scene=jobs.RasterSource(scene, nodata=-1.0),
        labels=jobs.VectorSource("labels.gpkg", temporary=True),
        class_field="code",
        model=str(folder.model),
        epochs=20,
        memory=2.5,
    )
    return jobs.TrainAndClassifyJob(
        train, str(folder.classification), confidence=str(folder.confidence)
    )


def test_runs_of_one_second_do_not_share_a_folder(tmp_path: Path) -> None:
    from mambahsi_qgis.gui.training.run_folder import RunFolder, latest_run

    assert latest_run(tmp_path) is None
    made = [RunFolder.create(tmp_path, 'Szene/ä: "x"', NOW) for _ in range(11)]
    assert len({folder.path for folder in made}) == 11
    assert {folder.scene for folder in made} == {"Szene_ä_ _x_"}
    assert {folder.begun for folder in made} == {NOW}
    # The eleventh, which sorts before the second as text.
    assert latest_run(tmp_path) == made[-1]
    RunFolder.create(tmp_path, "before", datetime(2025, 1, 1))
    (tmp_path / "zzz_2027-01-01_000000").write_text("no folder")
    assert latest_run(tmp_path) == made[-1]
    files = {made[0].model, made[0].classification, made[0].confidence, made[0].report}
    assert {path.parent for path in files} == {made[0].path} and len(files) == 4


@pytest.mark.parametrize("name", ["", "...", " . ", "a" * 300, "con/..", "\n"])
def test_any_name_of_a_scene_gives_a_folder(tmp_path: Path, name: str) -> None:
    from mambahsi_qgis.gui.training.run_folder import RunFolder

    folder = RunFolder.create(tmp_path, name, NOW)
    assert folder.path.parent == tmp_path and folder.path.is_dir()
    assert folder.scene.strip(". ")
    folder.discard()
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_tells_what_is_left_to_do(tmp_path: Path) -> None:
    from mambahsi_qgis.engine.jobs import jobs
    from mambahsi_qgis.gui.training.run_folder import RunFolder

    folder = RunFolder.create(tmp_path, "scene", NOW)
    assert not folder.can_resume()
    kept = job(folder)
    folder.keep(kept)
    assert not folder.can_resume()
    assert folder.next_job() == kept
    folder.checkpoint.write_bytes(b"")
    assert folder.can_resume()
    resumed = jobs.to_json(folder.next_job())
    expected = jobs.to_json(kept)
    expected["train"]["resume"] = True
    assert resumed == expected
    folder.checkpoint.unlink()
    folder.model.write_bytes(b"")
    assert folder.can_resume()
    left = folder.next_job()
    assert type(left) is jobs.ClassifyJob
    assert (left.scene, left.memory) == (kept.train.scene, 2.5)
    assert left.classification == kept.classification and left.confidence == kept.confidence
    folder.finish()
    assert not folder.can_resume() and folder.model.is_file()


def test_one_run_is_run_once(tmp_path: Path) -> None:
    from mambahsi_qgis.gui.training.run_folder import RunFolder

    folder = RunFolder.create(tmp_path, "scene", NOW)
    first = folder.lock()
    assert first.tryLock(0)
    assert not folder.lock().tryLock(0)
    first.unlock()
    assert folder.lock().tryLock(0)


def test_others_files_are_not_discarded(tmp_path: Path) -> None:
    from mambahsi_qgis.gui.training.run_folder import RunFolder

    folder = RunFolder.create(tmp_path, "scene", NOW)
    (folder.path / "notes.txt").write_text("mine")
    folder.discard()
    assert [path.name for path in folder.path.iterdir()] == ["notes.txt"]


def header(metadata: Any) -> bytes:
    text = json.dumps({"__metadata__": metadata}).encode()
    return struct.pack("<Q", len(text)) + text


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\x10", b"\xff" * 8, struct.pack("<Q", 5) + b"{", header({}),
        header({"mambahsi-checkpoint": "{}"}), struct.pack("<Q", 2) + b"[]",
    ],
)  # fmt: skip
def test_damaged_checkpoints_show_nothing(tmp_path: Path, content: bytes) -> None:
    from mambahsi_qgis.gui.training.checkpoint import read_curves

    path = tmp_path / "model.checkpoint"
    path.write_bytes(content)
    assert read_curves(path) == []
    assert read_curves(tmp_path / "none") == []


def test_curve_takes_the_later_word_and_counts_down() -> None:
    from mambahsi_qgis.gui.training.curve import Curve
    from mambahsi_qgis.gui.training.curve_view import fill_table, make_table

    curve = Curve(4)
    assert curve.seconds_left() is None and curve.best() is None
    curve.take({"epoch": 1, "loss": 1.5, "validation_accuracy": 0.5, "seconds_left": 30.0})
    assert 29 < curve.seconds_left() <= 30
    curve.take({"epoch": 2, "loss": None, "validation_accuracy": None})
    # Nothing is measured right after a resume.
    assert curve.seconds_left() is None
    curve.take({"epoch": 2, "loss": 1.25, "validation_accuracy": 0.75, "seconds_left": 20.0})
    curve.take({"epoch": 3, "loss": 1.0, "validation_accuracy": 0.75, "seconds_left": 10.0})
    curve.take({"pixels": 3})
    assert [(row.number, row.loss, row.accuracy) for row in curve.rows()] == [
        (1, 1.5, 0.5), (2, 1.25, 0.75), (3, 1.0, 0.75),
    ]  # fmt: skip
    assert curve.best().number == 3
    parent = QWidget()
    table = make_table("Kurve", parent)
    fill_table(table, curve)
    shown = [[table.item(row, column).text() for column in range(3)] for row in range(3)]
    assert shown[1] == ["2", "1.2500", "75.00%"]
    curve.take({"epoch": 4, "loss": 0.9, "validation_accuracy": 0.7, "seconds_left": 0.0})
    assert curve.seconds_left() is None


def test_run_belongs_to_its_project_until_that_is_closed_and_again(tmp_path: Path) -> None:
    from mambahsi_qgis.gui.training.home_project import HomeProject

    project = QgsProject.instance()
    project.clear()
    owner = QObject()
    unsaved = HomeProject(project, owner)
    project.clear()
    assert not unsaved.is_open()
    home = HomeProject(project, owner)
    assert project.write(str(tmp_path / "a.qgs")) and home.is_open()
    project.clear()
    assert not home.is_open() and not unsaved.is_open()
    assert project.write(str(tmp_path / "b.qgs"))
    assert not home.is_open()
    assert project.read(str(tmp_path / "a.qgs")) and home.is_open()
    assert not unsaved.is_open()
    for watch in (home, unsaved):
        watch.release()
    QCoreApplication.sendPostedEvents()
    project.clear()


def test_folder_is_suggested_beside_the_layer_or_the_project(
    tmp_path: Path, scene: str, labels: QgsVectorLayer
) -> None:
    from mambahsi_qgis.gui.training.order import default_base
    from qgis.core import QgsRasterLayer, QgsVectorFileWriter

    project, raster = QgsProject.instance(), QgsRasterLayer(scene, "Szene")
    project.clear()
    (tmp_path / "layer").mkdir()
    path = str(tmp_path / "layer" / "labels.gpkg")
    options = QgsVectorFileWriter.SaveVectorOptions()
    QgsVectorFileWriter.writeAsVectorFormatV3(labels, path, project.transformContext(), options)
    saved = QgsVectorLayer(f"{path}|layername=labels", "labels", "ogr")
    assert saved.isValid()
    assert default_base(saved, raster, project) == tmp_path / "layer"
    assert default_base(labels, raster, project) == Path(scene).parent
    (tmp_path / "project").mkdir()
    project.write(str(tmp_path / "project" / "p.qgs"))
    assert default_base(labels, raster, project) == tmp_path / "project"
    project.clear()
    assert default_base(labels, None, project) == Path.home()


def test_too_few_polygons_are_told_by_class() -> None:
    from mambahsi_qgis.classes.table import TrainingClass
    from mambahsi_qgis.gui.training.order import few_polygons

    classes = [TrainingClass(n, f"Größe {n}", QColor("red")) for n in range(1, 7)]
    assert few_polygons([1, 1, 1, 2, 2, 2, None], classes[:2]) == ""
    text = few_polygons([1, 1, 1, 2, 2, None], classes[:2])
    assert "“Größe 2”" in text and "“Größe 1”" not in text
    # Of a class without polygons there is nothing to say.
    assert few_polygons([1, 1, 1], classes) == ""
    assert "and 2 more" in few_polygons([1, 2, 3, 4, 5], classes)


def test_devices_follow_the_engines_rule() -> None:
    from mambahsi_qgis.gui.training.devices import describe, device_for

    processor = {"name": "cpu", "description": "2 logical processors", "free": 3.2e9}
    card = {"name": "cuda:0", "description": "NVIDIA H100", "free": None}
    assert device_for("auto", [processor]) is processor
    assert device_for("cuda", [processor]) is None
    assert device_for("auto", [processor, card]) is card
    assert device_for("cpu", [processor, card]) is processor
    second = {**card, "name": "cuda:1"}
    assert device_for("cuda:1", [processor, card, second]) is second
    assert device_for("cuda:1", [processor, card]) is None
    assert describe(processor) == "CPU, 2 logical processors, 3.2 GB free"
    assert describe(card) == "GPU, NVIDIA H100"


def test_one_of_several_gpus_is_remembered() -> None:
    from mambahsi_qgis.gui.training.form import SetupForm

    devices = [
        {"name": "cpu", "description": "2 logical processors", "free": 3.2e9},
        *({"name": f"cuda:{n}", "description": "NVIDIA H100", "free": 8e10} for n in (0, 1)),
    ]
    parent = QWidget()
    form = SetupForm(parent)
    form.set_devices(devices)
    box = form.findChild(QComboBox, "mambahsiTrainDevice")
    box.setCurrentIndex(box.findData("cuda:1"))
    form.remember()
    again = SetupForm(parent)
    # The engine has not told its devices yet.
    assert again.choices().device == "cuda:1"
    again.set_devices(devices)
    assert again.choices().device == "cuda:1"
    box = again.findChild(QComboBox, "mambahsiTrainDevice")
    assert [box.itemData(n) for n in range(box.count())].count("cuda:1") == 1
