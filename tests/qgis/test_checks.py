"""What is refused before anything is started, each with a message that names the thing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from osgeo import gdal
from qgis.core import (
    QgsApplication,
    QgsFeature,
    QgsGeometry,
    QgsPointXY,
    QgsProcessingContext,
    QgsProcessingFeatureSourceDefinition,
    QgsProject,
    QgsVectorLayer,
)


@pytest.fixture(autouse=True)
def pretended_engine(provider: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine's Python that is there and must never be started."""
    python = tmp_path / "engine" / "python"
    python.parent.mkdir()
    python.write_text("#!/bin/sh\nexit 99\n")
    python.chmod(0o755)
    monkeypatch.setenv("MAMBAHSI_ENGINE_PYTHON", str(python))


def refusal(name: str, parameters: dict[str, Any]) -> str:
    """The message that refuses the parameters, or an empty text."""
    algorithm = QgsApplication.processingRegistry().createAlgorithmById(f"mambahsi:{name}")
    context = QgsProcessingContext()
    context.setProject(QgsProject.instance())
    accepted, message = algorithm.checkParameterValues(parameters, context)
    assert accepted == (not message)
    return message


def test_good_parameters_pass(training: dict[str, Any]) -> None:
    assert refusal("trainandclassify", training) == ""
    assert refusal("trainmodel", training) == ""


def test_missing_engine_comes_first(
    training: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAMBAHSI_ENGINE_PYTHON", "/no/such/python")
    assert "/no/such/python" in refusal("trainandclassify", training)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("SCENE", "/no/such/scene.tif", "/no/such/scene.tif"),
        ("LABELS", "/no/such/labels.gpkg", "/no/such/labels.gpkg"),
        ("TEST", "/no/such/test.gpkg", "/no/such/test.gpkg"),
        ("CLASS_FIELD", "klasse", "“klasse”.*code, cover, hue"),
        ("NAME_FIELD", "klasse", "“klasse”"),
        ("CLASSIFICATION", "/no/such/folder/map.tif", "/no/such/folder"),
        ("MODEL", "/no/such/folder/model.safetensors", "/no/such/folder"),
        ("CLASSIFICATION", "map.png", "GeoTIFF"),
        ("PROTOCOL", "paper", "PROTOCOL.*“paper” is not known. Known: spatial, random"),
        ("EPOCHS", 0, r"Epochs \(EPOCHS\): “0” is not a whole number from 1 to 1,000,000"),
        ("EPOCHS", "many", r"EPOCHS.*“many” is not a whole number"),
        ("MEMORY", -1, r"MEMORY.*“-1” is not a number of at least 0"),
    ],
)
def test_wrong_value_is_named(training: dict[str, Any], name: str, value: Any, told: str) -> None:
    assert re.search(told, refusal("trainandclassify", {**training, name: value}))


@pytest.mark.parametrize("content", [b"", b"no raster", b"II*\0\x08\0\0\0"])
def test_corrupt_scene(training: dict[str, Any], tmp_path: Path, content: bytes) -> None:
    broken = tmp_path / "broken.tif"
    broken.write_bytes(content)
    message = refusal("trainmodel", {**training, "SCENE": str(broken)})
    assert f"{broken} cannot be read" in message


def test_corrupt_labels(training: dict[str, Any], tmp_path: Path) -> None:
    broken = tmp_path / "broken.gpkg"
    broken.write_bytes(b"SQLite format 3\0")
    for source in (str(broken), f"{broken}|layername=labels"):
        message = refusal("trainmodel", {**training, "LABELS": source})
        assert f"{broken} cannot be read" in message


def test_small_scene(training: dict[str, Any], scene: str, tmp_path: Path) -> None:
    for size, accepted in (([4, 4], True), ([3, 9], False), ([9, 3], False)):
        small = str(tmp_path / f"small{size[0]}.tif")
        gdal.Translate(small, scene, srcWin=[5, 5, *size])
        message = refusal("trainmodel", {**training, "SCENE": small})
        assert ("at least 4" in message) != accepted


def test_labels_elsewhere(training: dict[str, Any]) -> None:
    elsewhere = QgsVectorLayer("Point?crs=EPSG:4326&field=code:integer", "Anderswo", "memory")

    def at(x: float, y: float) -> str:
        elsewhere.dataProvider().truncate()
        for code in (1, 2):
            feature = QgsFeature(elsewhere.fields())
            feature.setAttributes([code])
            feature.setGeometry(QgsGeometry.fromPointXY(QgsPointXY(x, y)))
            elsewhere.dataProvider().addFeatures([feature])
        elsewhere.updateExtents()
        values = {"LABELS": elsewhere, "NAME_FIELD": "", "COLOR_FIELD": ""}
        return refusal("trainmodel", {**training, **values})

    assert "“Anderswo” lies wholly outside" in at(2.0, 41.0)
    # All features in one place: an extent without an area, inside of the scene.
    assert at(13.0923, 52.4229) == ""


def test_lines_are_no_labels(training: dict[str, Any]) -> None:
    lines = QgsVectorLayer("LineString?crs=EPSG:32633&field=code:integer", "Wege", "memory")
    assert "“Wege”" in refusal("trainmodel", {**training, "LABELS": lines})


def test_nothing_selected(training: dict[str, Any], labels: QgsVectorLayer) -> None:
    QgsProject.instance().addMapLayer(labels, False)
    definition = QgsProcessingFeatureSourceDefinition(labels.id(), selectedFeaturesOnly=True)
    message = refusal("trainmodel", {**training, "LABELS": definition})
    assert "“Flächen” has no feature" in message
    labels.selectAll()
    assert refusal("trainmodel", {**training, "LABELS": definition}) == ""
    QgsProject.instance().clear()


@pytest.mark.parametrize("null", [True, False], ids=["and null", "alone"])
def test_one_class(training: dict[str, Any], labels: QgsVectorLayer, null: bool) -> None:
    ids = [f.id() for f in labels.getFeatures()]
    values = {feature: {0: 11} for feature in ids}
    if null:
        values[ids[0]] = {0: None}
    labels.dataProvider().changeAttributeValues(values)
    assert "one class only (“11”)" in refusal("trainmodel", training)
    labels.dataProvider().changeAttributeValues({ids[1]: {0: 22}})
    assert refusal("trainmodel", training) == ""


def test_outputs_are_no_inputs_and_not_the_same(
    training: dict[str, Any], scene: str, tmp_path: Path
) -> None:
    link = tmp_path / "link.tif"
    link.symlink_to(scene)
    for path in (scene, str(link)):
        message = refusal("trainandclassify", {**training, "CLASSIFICATION": path})
        assert "CLASSIFICATION" in message
        assert "SCENE" in message
    twice = {"CONFIDENCE": training["CLASSIFICATION"]}
    assert "CONFIDENCE" in refusal("trainandclassify", {**training, **twice})
    assert "folder" in refusal("trainandclassify", {**training, "MODEL": str(tmp_path)})


def test_model_has_to_exist(training: dict[str, Any], scene: str, tmp_path: Path) -> None:
    model = tmp_path / "model.safetensors"
    parameters = {
        "SCENE": scene, "MODEL": str(model), "CLASSIFICATION": str(tmp_path / "map.tif"),
    }  # fmt: skip
    assert str(model) in refusal("classifyscene", parameters)
    model.write_bytes(b"")
    assert refusal("classifyscene", parameters) == ""
    same = {**parameters, "CLASSIFICATION": str(tmp_path / "model.tif"), "CONFIDENCE": str(model)}
    assert "GeoTIFF" in refusal("classifyscene", same)


def test_one_reference_is_needed(scene: str, labels: QgsVectorLayer) -> None:
    for reference in ({}, {"REFERENCE": labels, "REFERENCE_RASTER": scene}):
        assert "one reference" in refusal("assessaccuracy", {"CLASSIFICATION": scene, **reference})
    without_field = {"CLASSIFICATION": scene, "REFERENCE": labels}
    assert "class field" in refusal("assessaccuracy", without_field)
    assert refusal("assessaccuracy", {**without_field, "CLASS_FIELD": "code"}) == ""
    assert refusal("assessaccuracy", {"CLASSIFICATION": scene, "REFERENCE_RASTER": scene}) == ""
