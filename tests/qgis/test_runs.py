"""Whole runs through Processing with the real engine, and their results read by GDAL."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsGeometry,
    QgsPointXY,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingFeedback,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProcessingModelOutput,
    QgsProcessingModelParameter,
    QgsProcessingParameterRasterLayer,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorLayer,
)

CLASSES = {11: ("Wald", "#1a6b3c"), 22: ("Gewässer", "#2b83ba"), 33: ("Acker", "#d9a441")}


@pytest.fixture(autouse=True)
def needs_engine(engine: Path) -> None:
    """All of this runs the real engine."""


@pytest.fixture(autouse=True)
def empty_project() -> Any:
    yield
    QgsProject.instance().clear()


def leftovers(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_file()}


def check_map(path: str, scene: str, values: set[int]) -> None:
    """Same grid, nodata where the scene has it and nowhere else, names and colors."""
    written, source = gdal.Open(path), gdal.Open(scene)
    assert written.GetGeoTransform() == source.GetGeoTransform()
    assert (written.RasterXSize, written.RasterYSize) == (20, 24)
    assert written.GetProjection() == source.GetProjection()
    band = written.GetRasterBand(1)
    assert band.DataType == gdal.GDT_Byte
    assert band.GetNoDataValue() == 0
    pixels = band.ReadAsArray()
    hole = source.GetRasterBand(1).ReadAsArray() == -32768
    assert (pixels[hole] == 0).all()
    assert set(np.unique(pixels[~hole])) <= values
    for value in values:
        name, color = CLASSES[value]
        assert band.GetCategoryNames()[value] == name
        entry = band.GetColorTable().GetColorEntry(value)
        assert "#{:02x}{:02x}{:02x}".format(*entry[:3]) == color
    table = band.GetDefaultRAT()
    assert {table.GetValueAsString(row, 0) for row in range(table.GetRowCount())} >= {
        str(value) for value in values
    }


def test_from_polygons_in_memory_to_a_styled_map_in_the_project(
    training: dict[str, Any], scene: str, told: Any, tmp_path: Path
) -> None:
    import processing

    training["REPORT"] = str(tmp_path / "report.html")
    training["CONFIDENCE"] = str(tmp_path / "confidence.tif")
    result = processing.runAndLoadResults(
        "mambahsi:trainandclassify", dict(training), feedback=told
    )
    assert {name: result[name] for name in ("MODEL", "CLASSIFICATION", "REPORT", "CONFIDENCE")} == {
        name: training[name] for name in ("MODEL", "CLASSIFICATION", "REPORT", "CONFIDENCE")
    }
    assert 0 <= result["OVERALL_ACCURACY"] <= 1
    assert "PROBABILITIES" not in result
    check_map(result["CLASSIFICATION"], scene, set(CLASSES))
    assert "Gewässer" in Path(result["REPORT"]).read_text(encoding="utf-8")

    layers = {layer.source(): layer for layer in QgsProject.instance().mapLayers().values()}
    assert set(layers) == {result["CLASSIFICATION"], result["CONFIDENCE"]}
    root = QgsProject.instance().layerTreeRoot()
    shown = {path: root.findLayer(layer).isVisible() for path, layer in layers.items()}
    assert shown == {result["CLASSIFICATION"]: True, result["CONFIDENCE"]: False}
    renderer = layers[result["CLASSIFICATION"]].renderer()
    assert renderer.type() == "paletted"
    legend = {int(c.value): (c.label, c.color.name()) for c in renderer.classes()}
    assert legend == CLASSES

    epochs = [line for line in told.lines if line.startswith("Epoch ")]
    assert len(epochs) == 3
    assert "loss" in epochs[0]
    assert "validation accuracy" in epochs[0]
    assert "pixels/s" in epochs[0]
    assert told.progress() == 100
    assert not told.errors


def test_split_opens_with_its_parts_named_and_colored(
    training: dict[str, Any], scene: str, tmp_path: Path
) -> None:
    import processing

    result = processing.run("mambahsi:trainandclassify", {**training, "EPOCHS": 1})
    path = result["MODEL"] + ".split.tif"
    layer = QgsRasterLayer(path, "split")
    assert layer.isValid() and layer.bandCount() == 2
    assert layer.renderer().type() == "paletted" and layer.renderer().band() == 1
    legend = {int(c.value): (c.label, c.color.name()) for c in layer.renderer().classes()}
    assert legend == {
        1: ("Training", "#1f78b4"),
        2: ("Validation", "#ff9f1c"),
        3: ("Test", "#e31a1c"),
        4: ("Buffer, unused", "#bdbdbd"),
    }
    dataset, original = gdal.Open(path), gdal.Open(scene)
    assert dataset.GetGeoTransform() == original.GetGeoTransform()
    assert dataset.GetSpatialRef().IsSame(original.GetSpatialRef())
    parts, values = (dataset.GetRasterBand(n) for n in (1, 2))
    assert parts.GetCategoryNames()[1:] == ["Training", "Validation", "Test", "Buffer, unused"]
    assert parts.GetColorTable().GetColorEntry(1)[:3] == (0x1F, 0x78, 0xB4)
    names = values.GetCategoryNames()
    assert {value: names[value] for value in CLASSES} == {
        value: name for value, (name, _) in CLASSES.items()
    }
    assert parts.GetNoDataValue() == values.GetNoDataValue() == 0
    # Labeled pixels are the inner 4 x 3 of every field of 6 x 5, where the scene has data.
    rows, columns = np.mgrid[:24, :20]
    inner = (rows % 6 >= 1) & (rows % 6 <= 4) & (columns % 5 >= 1) & (columns % 5 <= 3)
    inner[:3, :3] = False
    truth = np.array(list(CLASSES))[(rows // 6 + columns // 5) % 3]
    assert (values.ReadAsArray() == np.where(inner, truth, 0)).all()
    found = parts.ReadAsArray()
    assert ((found > 0) == inner).all() and set(np.unique(found)) >= {0, 1, 2, 3}


@pytest.mark.parametrize("classifier", ["forest", "svm"])
def test_classifiers_of_single_pixels(
    training: dict[str, Any], scene: str, told: Any, tmp_path: Path, classifier: str
) -> None:
    """The same parameters, model, map, report and figures as with the network."""
    import processing

    training["CLASSIFIER"] = classifier
    training["REPORT"] = str(tmp_path / "report.html")
    result = processing.run("mambahsi:trainandclassify", training, feedback=told)
    check_map(result["CLASSIFICATION"], scene, set(CLASSES))
    # Signatures of this scene are far apart.
    assert result["OVERALL_ACCURACY"] > 0.95
    assert "Choice of settings" in Path(result["REPORT"]).read_text(encoding="utf-8")
    assert any("Not used by classifier" in line and "epochs 3" in line for line in told.lines)
    assert told.progress() == 100
    again = processing.run(
        "mambahsi:classifyscene",
        {
            "SCENE": scene,
            "MODEL": result["MODEL"],
            "CLASSIFICATION": str(tmp_path / "again.tif"),
        },
    )
    first, second = (gdal.Open(r["CLASSIFICATION"]).ReadAsArray() for r in (result, again))
    assert (first == second).all()
    described = processing.run("mambahsi:engineinfo", {"MODEL": result["MODEL"]})
    assert classifier in described["DESCRIPTION"]


def test_layers_are_styled_in_one_run_after_the_other(
    training: dict[str, Any], scene: str, tmp_path: Path
) -> None:
    import processing

    trained = processing.run("mambahsi:trainandclassify", {**training, "EPOCHS": 1})
    for run in range(2):
        # Each run has a context of its own, which deletes all that was given to it.
        paths = {
            name: str(tmp_path / f"{name}_{run}.tif")
            for name in ("CLASSIFICATION", "CONFIDENCE", "PROBABILITIES", "MARGIN", "ENTROPY")
        }
        processing.runAndLoadResults(
            "mambahsi:classifyscene", {"SCENE": scene, "MODEL": trained["MODEL"], **paths}
        )
        layers = {layer.source(): layer for layer in QgsProject.instance().mapLayers().values()}
        assert layers[paths["CLASSIFICATION"]].renderer().type() == "paletted"
        assert layers[paths["CLASSIFICATION"]].renderer().classes()[0].label == "Wald"
        root = QgsProject.instance().layerTreeRoot()
        shown = {name: root.findLayer(layers[path]).isVisible() for name, path in paths.items()}
        assert shown == {name: name == "CLASSIFICATION" for name in paths}
        assert root.findLayer(layers[paths["CLASSIFICATION"]]).isExpanded()


def test_model_classifies_and_is_assessed(
    training: dict[str, Any], scene: str, labels: QgsVectorLayer, tmp_path: Path, told: Any
) -> None:
    import processing

    trained = processing.run("mambahsi:trainandclassify", training)
    again = {
        "SCENE": scene,
        "MODEL": trained["MODEL"],
        "DEVICE": "cpu",
        "CLASSIFICATION": QgsProcessing.TEMPORARY_OUTPUT,
        "PROBABILITIES": str(tmp_path / "probabilities.tif"),
    }
    classified = processing.run("mambahsi:classifyscene", again)
    first, second = (gdal.Open(r["CLASSIFICATION"]).ReadAsArray() for r in (trained, classified))
    assert (first == second).all()
    probabilities = gdal.Open(classified["PROBABILITIES"]).ReadAsArray()
    assert probabilities.shape == (3, 24, 20)
    assert np.allclose(probabilities.sum(axis=0)[first > 0], 1, atol=1e-5)

    table = tmp_path / "figures.json"
    assessed = processing.run(
        "mambahsi:assessaccuracy",
        {
            "CLASSIFICATION": classified["CLASSIFICATION"],
            "REFERENCE": labels,
            "CLASS_FIELD": "cover",
            "TABLE": str(table),
        },
    )
    # The same by hand: the labeled pixels are the inner 4 x 3 of every field of 6 x 5.
    rows, columns = np.mgrid[:24, :20]
    inner = (rows % 6 >= 1) & (rows % 6 <= 4) & (columns % 5 >= 1) & (columns % 5 <= 3)
    truth = np.array(list(CLASSES))[(rows // 6 + columns // 5) % 3]
    tested = inner & (second > 0)
    assert assessed["OVERALL_ACCURACY"] == pytest.approx((second == truth)[tested].mean())
    assert json.loads(table.read_text(encoding="utf-8"))
    # The engine has read a temporary copy of the layer; one is kept for a rerun.
    record = json.loads((tmp_path / "figures.json.record.json").read_text(encoding="utf-8"))
    kept = record["job"]["reference"]["path"]
    assert kept == str(tmp_path / "figures.json.record.reference.gpkg")
    assert QgsVectorLayer(kept, "kept", "ogr").featureCount() == labels.featureCount()

    described = processing.run("mambahsi:engineinfo", {"MODEL": trained["MODEL"]}, feedback=told)
    assert "Gewässer" in described["DESCRIPTION"]


def test_selected_features_in_another_crs(
    training: dict[str, Any], scene: str, labels: QgsVectorLayer
) -> None:
    import processing

    moved = processing.run(
        "native:reprojectlayer",
        {"INPUT": labels, "TARGET_CRS": "EPSG:4326", "OUTPUT": "TEMPORARY_OUTPUT"},
    )["OUTPUT"]
    QgsProject.instance().addMapLayer(moved, False)
    moved.selectByExpression("code <> 33")
    training["LABELS"] = QgsProcessingFeatureSourceDefinition(moved.id(), selectedFeaturesOnly=True)
    result = processing.run("mambahsi:trainandclassify", training)
    check_map(result["CLASSIFICATION"], scene, {11, 22})


@pytest.mark.parametrize("kind", ["rotated", "without georeference"])
def test_scenes_that_lie_unlike_others(
    training: dict[str, Any], scene: str, labels: QgsVectorLayer, tmp_path: Path, kind: str
) -> None:
    """Labels are drawn where QGIS shows the pixels: turned, or at negative y."""
    import processing

    changed = str(tmp_path / "changed.tif")
    source = gdal.Open(scene)
    if kind == "rotated":
        to = (370000.0, 26.0, 15.0, 5810000.0, 15.0, -26.0)
        copy = gdal.GetDriverByName("GTiff").CreateCopy(changed, source)
        copy.SetGeoTransform(to)
        crs = "EPSG:32633"
    else:
        to = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)
        copy = gdal.GetDriverByName("GTiff").Create(changed, 20, 24, 8, gdal.GDT_Int16)
        copy.WriteArray(source.ReadAsArray())
        for band in range(1, 9):
            copy.GetRasterBand(band).SetNoDataValue(-32768)
        crs = ""
    copy = None

    def moved(polygon: QgsGeometry) -> QgsGeometry:
        pixels = [((p.x() - 370000) / 30, (5810000 - p.y()) / 30) for p in polygon.vertices()]
        ring = [
            QgsPointXY(to[0] + to[1] * c + to[2] * r, to[3] + to[4] * c + to[5] * r)
            for c, r in pixels
        ]
        return QgsGeometry.fromPolygonXY([ring])

    labels.dataProvider().changeGeometryValues(
        {feature.id(): moved(feature.geometry()) for feature in labels.getFeatures()}
    )
    labels.updateExtents()
    labels.setCrs(QgsCoordinateReferenceSystem(crs))
    result = processing.run(
        "mambahsi:trainandclassify", {**training, "SCENE": changed, "EPOCHS": 40}
    )
    check_map(result["CLASSIFICATION"], changed, set(CLASSES))
    rows, columns = np.mgrid[:24, :20]
    truth = np.array(list(CLASSES))[(rows // 6 + columns // 5) % 3]
    # A third would be guessed right; labels in the wrong place give no more.
    assert (gdal.Open(result["CLASSIFICATION"]).ReadAsArray() == truth).mean() > 0.55


def test_as_a_step_of_a_model(training: dict[str, Any], scene: str, tmp_path: Path) -> None:
    """Labels come from the step before, as a layer in memory."""
    labels = training["LABELS"]
    QgsProject.instance().addMapLayer(labels, False)
    model = QgsProcessingModelAlgorithm("model", "group")
    model.addModelParameter(
        QgsProcessingParameterRasterLayer("scene", "Scene"), QgsProcessingModelParameter("scene")
    )
    source = QgsProcessingModelChildParameterSource
    extract = QgsProcessingModelChildAlgorithm("native:extractbyexpression")
    extract.setChildId("extract")
    extract.addParameterSources("INPUT", [source.fromStaticValue(labels.id())])
    extract.addParameterSources("EXPRESSION", [source.fromStaticValue('"code" <> 11')])
    model.addChildAlgorithm(extract)
    train = QgsProcessingModelChildAlgorithm("mambahsi:trainandclassify")
    train.setChildId("train")
    train.addParameterSources("SCENE", [source.fromModelParameter("scene")])
    train.addParameterSources("LABELS", [source.fromChildOutput("extract", "OUTPUT")])
    for name in ("CLASS_FIELD", "NAME_FIELD", "COLOR_FIELD", "PRESET", "EPOCHS", "MODEL"):
        train.addParameterSources(name, [source.fromStaticValue(training[name])])
    output = QgsProcessingModelOutput("map", "Map")
    output.setChildId("train")
    output.setChildOutputName("CLASSIFICATION")
    train.setModelOutputs({"map": output})
    model.addChildAlgorithm(train)
    model.initAlgorithm()

    context = QgsProcessingContext()
    context.setProject(QgsProject.instance())
    # QGIS 3.22 names it "train:map", later ones "map".
    (made,) = (definition.name() for definition in model.destinationParameterDefinitions())
    parameters = {"scene": scene, made: training["CLASSIFICATION"]}
    accepted, message = model.checkParameterValues(parameters, context)
    assert accepted, message
    result, done = model.run(parameters, context, QgsProcessingFeedback())
    assert done
    check_map(result[made], scene, {22, 33})


def test_engines_refusal_is_raised_and_leaves_nothing(
    training: dict[str, Any], tmp_path: Path, labels: QgsVectorLayer
) -> None:
    import processing

    # The scene's upper left corner is nodata: one class lies there alone.
    labels.dataProvider().changeAttributeValues(
        {f.id(): {0: 11 if f.id() > 1 else 77} for f in labels.getFeatures()}
    )
    hole = QgsRectangle(370010, 5809930, 370070, 5809990)
    labels.dataProvider().changeGeometryValues({1: QgsGeometry.fromRect(hole)})
    before = leftovers(tmp_path)
    with pytest.raises(QgsProcessingException, match="77"):
        processing.run("mambahsi:trainandclassify", training)
    assert leftovers(tmp_path) == before


def test_foreign_model_is_refused(scene: str, tmp_path: Path) -> None:
    import processing

    model = tmp_path / "foreign.safetensors"
    model.write_bytes(b"\x10" + b"\0" * 40)
    parameters = {
        "SCENE": scene, "MODEL": str(model), "CLASSIFICATION": str(tmp_path / "map.tif"),
    }  # fmt: skip
    with pytest.raises(QgsProcessingException, match=r"foreign\.safetensors"):
        processing.run("mambahsi:classifyscene", parameters)
    assert leftovers(tmp_path) == {"foreign.safetensors"}
