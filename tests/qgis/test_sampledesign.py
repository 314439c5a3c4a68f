"""A sample from its drawing through its form to the assessment, in a real QGIS."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from osgeo import gdal, ogr, osr
from qgis.core import (
    NULL,
    QgsFeature,
    QgsGeometry,
    QgsPointXY,
    QgsProcessingException,
    QgsProject,
    QgsVectorLayer,
)

PROGRAM = shutil.which("qgis_process.bin") or shutil.which("qgis_process")
ROOT = Path(__file__).resolve().parents[2]
NAMES = {1: "Wald", 2: "Gewässer", 5: "Acker & Wiese"}
LEFT, TOP, PIXEL = 370000.0, 5810000.0, 20.0


@pytest.fixture(autouse=True)
def needs_engine(engine: Path) -> None:
    """All of this runs the real engine."""


@pytest.fixture(autouse=True)
def empty_project() -> Any:
    yield
    QgsProject.instance().clear()


@pytest.fixture()
def values() -> np.ndarray:
    """A map of 60 x 50 pixels, a fifth of it rare classes."""
    rng = np.random.default_rng(6)
    return rng.choice(list(NAMES), size=(60, 50), p=[0.1, 0.1, 0.8]).astype(np.uint8)


@pytest.fixture()
def land_cover(tmp_path: Path, values: np.ndarray) -> str:
    folder = tmp_path / "Karte ä"
    folder.mkdir()
    path = str(folder / "map.tif")
    dataset = gdal.GetDriverByName("GTiff").Create(path, 50, 60, 1, gdal.GDT_Byte)
    dataset.SetGeoTransform((LEFT, PIXEL, 0, TOP, 0, -PIXEL))
    reference = osr.SpatialReference()
    reference.ImportFromEPSG(32633)
    dataset.SetProjection(reference.ExportToWkt())
    rows = [
        {"value": value, "name": name, "color": "#1a6b3c", "original": name}
        for value, name in NAMES.items()
    ]
    dataset.SetMetadataItem("MAMBAHSI_CLASSES", json.dumps(rows))
    dataset.GetRasterBand(1).WriteArray(values)
    dataset.GetRasterBand(1).SetNoDataValue(0)
    dataset = None
    return path


def design(land_cover: str, tmp_path: Path, **parameters: Any) -> tuple[QgsVectorLayer, Any]:
    import processing

    path = str(tmp_path / "sample.gpkg")
    given = {"CLASSIFICATION": land_cover, "SIZE": 300, "SAMPLE": path, **parameters}
    result = processing.runAndLoadResults("mambahsi:sampledesign", given)
    layers = list(QgsProject.instance().mapLayers().values())
    return layers[0], result


def truth_at(feature: QgsFeature, values: np.ndarray) -> int:
    """The map's class, but for every tenth point, which is wood."""
    point = feature.geometry().asPoint()
    row, column = int((TOP - point.y()) // PIXEL), int((point.x() - LEFT) // PIXEL)
    return 1 if feature["id"] % 10 == 0 else int(values[row, column])


def check_form(layer: QgsVectorLayer) -> None:
    """It asks for the reference class by name, and hides what the map says."""
    fields = layer.fields()
    kinds = {f.name(): layer.editorWidgetSetup(fields.indexOf(f.name())).type() for f in fields}
    assert kinds == {
        "fid": "Hidden", "stratum": "Hidden", "stratum_pixels": "Hidden", "stratum_ha": "Hidden",
        "id": "TextEdit", "reference_class": "ValueMap", "confidence": "ValueMap",
        "notes": "TextEdit",
    }  # fmt: skip
    setup = layer.editorWidgetSetup(fields.indexOf("reference_class")).config()
    choices = {label: value for pair in setup["map"] for label, value in pair.items()}
    assert {name: int(choices[name]) for name in NAMES.values()} == {n: v for v, n in NAMES.items()}
    assert choices["None of these classes"] == "0"
    columns = layer.attributeTableConfig().columns()
    hidden = {column.name for column in columns if column.hidden}
    assert hidden == {"fid", "stratum", "stratum_pixels", "stratum_ha"}
    form = layer.editFormConfig()
    assert form.readOnly(fields.indexOf("id"))
    assert not form.readOnly(fields.indexOf("reference_class"))
    assert layer.attributeAlias(fields.indexOf("reference_class")) == "Reference class"
    renderer = layer.renderer()
    assert renderer.type() == "RuleRenderer"
    rules = renderer.rootRule().children()
    assert [rule.label() for rule in rules] == ["to be interpreted", "interpreted"]
    outline = rules[0].symbol().symbolLayer(0)
    assert outline.size() == pytest.approx(PIXEL)


def test_from_map_to_form_to_areas(land_cover: str, values: np.ndarray, tmp_path: Path) -> None:
    import processing

    layer, result = design(land_cover, tmp_path)
    assert result["POINTS"] == layer.featureCount() == 300
    check_form(layer)
    # Opened anew by somebody else, without Processing.
    check_form(QgsVectorLayer(f"{result['SAMPLE']}|layername=sample", "again", "ogr"))
    assert all(feature["reference_class"] == NULL for feature in layer.getFeatures())

    assert layer.startEditing()
    place = layer.fields().indexOf("reference_class")
    truth = {}
    for feature in layer.getFeatures():
        truth[feature["id"]] = truth_at(feature, values)
        layer.changeAttributeValue(feature.id(), place, truth[feature["id"]])
    table = tmp_path / "figures.json"
    # Edits that are not saved yet count, too.
    assessed = processing.run(
        "mambahsi:assessaccuracy",
        {
            "CLASSIFICATION": land_cover, "REFERENCE": layer, "CLASS_FIELD": "reference_class",
            "TABLE": str(table), "AREAS": str(tmp_path / "areas.csv"),
        },
    )  # fmt: skip
    assert layer.commitChanges()
    figures = json.loads(table.read_text(encoding="utf-8"))
    estimated = figures["area_estimates"]
    assert [c["name"] for c in estimated["classes"]] == list(NAMES.values())
    expected = 0.0
    for value in NAMES:
        right = [truth[f["id"]] == value for f in layer.getFeatures() if f["stratum"] == value]
        expected += (values == value).mean() * np.mean(right)
    assert assessed["AREA_WEIGHTED_ACCURACY"] == pytest.approx(expected)
    assert assessed["AREA_WEIGHTED_ACCURACY"] != pytest.approx(assessed["OVERALL_ACCURACY"])
    assert 0 < assessed["STANDARD_ERROR"] < 0.05
    assert sum(c["area"]["value"] for c in estimated["classes"]) == pytest.approx(60 * 50 * 0.04)
    assert (tmp_path / "areas.csv").read_text(encoding="utf-8").count("\n") == 5


def test_polygons_are_told_to_be_no_sample(
    land_cover: str, labels: QgsVectorLayer, told: Any
) -> None:
    import processing

    parameters = {
        "CLASSIFICATION": land_cover, "REFERENCE": labels, "CLASS_FIELD": "cover",
        "DESIGN": "stratified",
    }  # fmt: skip
    with pytest.raises(QgsProcessingException, match="no probability sample"):
        processing.run("mambahsi:assessaccuracy", parameters, feedback=told)


def test_points_of_the_user_s_own(land_cover: str, values: np.ndarray) -> None:
    import processing

    layer = QgsVectorLayer("Point?crs=EPSG:32633&field=kind:string", "Punkte", "memory")
    rng = np.random.default_rng(0)
    features = []
    for place in rng.choice(values.size, size=200, replace=False).tolist():
        row, column = divmod(place, 50)
        feature = QgsFeature(layer.fields())
        feature.setAttributes([NAMES[int(values[row, column])]])
        at = QgsPointXY(LEFT + PIXEL * (column + 0.5), TOP - PIXEL * (row + 0.5))
        feature.setGeometry(QgsGeometry.fromPointXY(at))
        features.append(feature)
    layer.dataProvider().addFeatures(features)
    parameters = {"CLASSIFICATION": land_cover, "REFERENCE": layer, "CLASS_FIELD": "kind"}
    assert "STANDARD_ERROR" not in processing.run("mambahsi:assessaccuracy", parameters)
    result = processing.run("mambahsi:assessaccuracy", {**parameters, "DESIGN": "simple"})
    assert result["AREA_WEIGHTED_ACCURACY"] == pytest.approx(1)
    assert result["STANDARD_ERROR"] == pytest.approx(0, abs=1e-9)


def test_another_format_is_refused(land_cover: str, tmp_path: Path) -> None:
    import processing

    parameters = {"CLASSIFICATION": land_cover, "SAMPLE": str(tmp_path / "sample.shp")}
    with pytest.raises(QgsProcessingException, match=r"sample\.shp is not a GeoPackage"):
        processing.run("mambahsi:sampledesign", parameters)
    temporary = {"CLASSIFICATION": land_cover, "SIZE": 200, "SAMPLE": "TEMPORARY_OUTPUT"}
    assert processing.run("mambahsi:sampledesign", temporary)["SAMPLE"].endswith(".gpkg")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A profile in which the plugin is enabled, and the plugin put together from links."""
    if PROGRAM is None:
        pytest.skip("qgis_process is not installed")
    folder = tmp_path_factory.mktemp("profile")
    plugin = tmp_path_factory.mktemp("plugins") / "mambahsi_qgis"
    plugin.mkdir()
    parts = (ROOT / name for name in ("metadata.txt", "core", "resources"))
    for source in [*(ROOT / "mambahsi_qgis").iterdir(), *parts]:
        (plugin / source.name).symlink_to(source)
    settings = folder / "profiles" / "default" / "QGIS" / "QGIS3.ini"
    settings.parent.mkdir(parents=True)
    settings.write_text("[PythonPlugins]\nmambahsi_qgis=true\n[qgis]\ncheckVersion=false\n")
    return {
        **os.environ,
        "QGIS_CUSTOM_CONFIG_PATH": str(folder),
        "QGIS_PLUGINPATH": str(plugin.parent),
        "QT_QPA_PLATFORM": "offscreen",
    }


def test_qgis_process(
    environment: dict[str, str], land_cover: str, values: np.ndarray, tmp_path: Path
) -> None:
    def run(name: str, **parameters: Any) -> str:
        given = [f"--{key}={value}" for key, value in parameters.items()]
        done = subprocess.run(
            [str(PROGRAM), "run", f"mambahsi:{name}", *given],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        return done.stdout

    sample = tmp_path / "sample.gpkg"
    shown = run(
        "sampledesign", CLASSIFICATION=land_cover, SAMPLE=sample, STANDARD_ERROR=0.03,
        ACCURACY=0.9, ACCURACIES="Gewässer=0.6", MINIMUM=30,
    )  # fmt: skip
    source = ogr.Open(str(sample), 1)
    layer = source.GetLayerByName("sample")
    assert f"POINTS:\t{layer.GetFeatureCount()}" in shown
    assert "partially supported" not in shown
    layer.StartTransaction()
    for feature in layer:
        feature.SetField("reference_class", feature.GetField("stratum"))
        layer.SetFeature(feature)
    layer.CommitTransaction()
    source = None
    report = tmp_path / "report.html"
    shown = run(
        "assessaccuracy", CLASSIFICATION=land_cover, REFERENCE=f"{sample}|layername=sample",
        CLASS_FIELD="reference_class", REPORT=report,
    )  # fmt: skip
    assert "AREA_WEIGHTED_ACCURACY:\t1\n" in shown
    html = report.read_text(encoding="utf-8")
    assert "Acker &amp; Wiese" in html and 'class="chart"' in html
