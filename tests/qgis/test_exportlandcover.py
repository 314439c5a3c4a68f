"""A land-cover map as polygons, in a real QGIS."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from osgeo import gdal, osr
from qgis.core import (
    QgsCategorizedSymbolRenderer,
    QgsDistanceArea,
    QgsPalettedRasterRenderer,
    QgsProcessingException,
    QgsProject,
    QgsRasterLayer,
    QgsSingleBandPseudoColorRenderer,
    QgsVectorLayer,
)
from qgis.PyQt.QtGui import QColor

NAMES = {1: ("Wald", "#1a6b3c"), 2: ("Gewässer", "#2b83ba"), 5: ("Acker & Wiese", "#d9a441")}


@pytest.fixture(autouse=True)
def needs_engine(engine: Path) -> Any:
    """All of this runs the real engine."""
    yield
    QgsProject.instance().clear()


@pytest.fixture()
def values() -> np.ndarray:
    """Fields of 10 x 10 pixels with single wrong ones, and a corner of nodata."""
    rng = np.random.default_rng(4)
    found = np.kron(rng.choice(list(NAMES), (5, 6)), np.ones((10, 10), int)).astype(np.uint8)
    wrong = rng.random(found.shape) < 0.05
    found[wrong] = rng.choice(list(NAMES), int(wrong.sum()))
    found[:4, :7] = 0
    return found


def write_map(path: Path, values: np.ndarray, place: tuple[float, ...], epsg: int) -> str:
    height, width = values.shape
    dataset = gdal.GetDriverByName("GTiff").Create(str(path), width, height, 1, gdal.GDT_Byte)
    dataset.SetGeoTransform(place)
    reference = osr.SpatialReference()
    reference.ImportFromEPSG(epsg)
    dataset.SetProjection(reference.ExportToWkt())
    rows = [
        {"value": value, "name": name, "color": color, "original": name}
        for value, (name, color) in NAMES.items()
    ]
    dataset.SetMetadataItem("MAMBAHSI_CLASSES", json.dumps(rows))
    dataset.GetRasterBand(1).WriteArray(values)
    dataset.GetRasterBand(1).SetNoDataValue(0)
    dataset = None
    return str(path)


PLACES = [
    (32633, (370000.0, 30, 0, 5810000.0, 0, -30)),
    (4326, (13.0, 0.0005, 0, 52.5, 0, -0.0003)),
]


@pytest.mark.parametrize(("epsg", "place"), PLACES)
def test_polygons_open_with_the_map_s_look_and_true_areas(
    tmp_path: Path, values: np.ndarray, epsg: int, place: tuple[float, ...]
) -> None:
    import processing

    folder = tmp_path / "Karte ä"
    folder.mkdir()
    path = write_map(folder / "map.tif", values, place, epsg)
    parameters = {
        "CLASSIFICATION": path, "MINIMUM_AREA": 6, "POLYGONS": str(folder / "cover.gpkg"),
        "AREAS": str(folder / "areas.csv"), "SIEVED": str(folder / "sieved.tif"),
    }  # fmt: skip
    result = processing.runAndLoadResults("mambahsi:exportlandcover", parameters)
    layers = list(QgsProject.instance().mapLayers().values())
    polygons = next(layer for layer in layers if isinstance(layer, QgsVectorLayer))
    sieved = next(layer for layer in layers if isinstance(layer, QgsRasterLayer))
    assert isinstance(sieved.renderer(), QgsPalettedRasterRenderer)
    assert result["FEATURES"] == polygons.featureCount()
    assert result["CHANGED_PIXELS"] > 0
    # Opened anew by somebody else, without Processing.
    again = QgsVectorLayer(f"{result['POLYGONS']}|layername=land_cover", "again", "ogr")
    for layer in (polygons, again):
        renderer = layer.renderer()
        assert isinstance(renderer, QgsCategorizedSymbolRenderer)
        look = {
            int(c.value()): (c.label(), c.symbol().color().name()) for c in renderer.categories()
        }
        assert look == NAMES
    measure = QgsDistanceArea()
    measure.setSourceCrs(polygons.crs(), QgsProject.instance().transformContext())
    measure.setEllipsoid("EPSG:7030")
    total = dict.fromkeys(NAMES, 0.0)
    for feature in polygons.getFeatures():
        geometry = feature.geometry()
        assert geometry.isGeosValid()
        assert feature["pixels"] >= 6
        assert (feature["class_name"], feature["color"]) == NAMES[feature["class_id"]]
        # QGIS joins corners in degrees by other lines than parallels.
        hectares = measure.measureArea(geometry) / 10_000
        assert feature["area_ha"] == pytest.approx(hectares, rel=1e-4)
        total[feature["class_id"]] += feature["area_ha"]
    rows = list(csv.DictReader(Path(result["AREAS"]).read_text(encoding="utf-8").splitlines()))
    assert {int(row["value"]): row["name"] for row in rows} == {v: n for v, (n, _) in NAMES.items()}
    for row in rows:
        assert float(row["area_ha_ellipsoidal"]) == pytest.approx(total[int(row["value"])])
    assert sum(int(row["pixels"]) for row in rows) == (values > 0).sum()


def test_one_feature_for_each_class(tmp_path: Path, values: np.ndarray) -> None:
    import processing

    path = write_map(tmp_path / "map.tif", values, PLACES[0][1], 32633)
    parameters = {
        "CLASSIFICATION": path, "DISSOLVE": True, "MINIMUM_AREA": 0.5, "UNIT": "hectares",
        "CONNECTIVITY": "8", "POLYGONS": "TEMPORARY_OUTPUT",
    }  # fmt: skip
    result = processing.run("mambahsi:exportlandcover", parameters)
    assert result["FEATURES"] == 3
    layer = QgsVectorLayer(result["POLYGONS"], "polygons", "ogr")
    assert sorted(feature["class_id"] for feature in layer.getFeatures()) == list(NAMES)
    assert "AREAS" not in result and "SIEVED" not in result


def test_another_format_is_refused(tmp_path: Path, values: np.ndarray) -> None:
    import processing

    path = write_map(tmp_path / "map.tif", values, PLACES[0][1], 32633)
    parameters = {"CLASSIFICATION": path, "POLYGONS": str(tmp_path / "cover.shp")}
    with pytest.raises(QgsProcessingException, match=r"cover\.shp is not a GeoPackage"):
        processing.run("mambahsi:exportlandcover", parameters)


def test_confidence_is_loaded_with_its_ramp(training: dict[str, Any], tmp_path: Path) -> None:
    import processing

    further = {name: str(tmp_path / f"{name}.tif") for name in ("CONFIDENCE", "MARGIN", "ENTROPY")}
    processing.runAndLoadResults("mambahsi:trainandclassify", {**training, **further})
    layers = {
        Path(layer.source()).stem: layer for layer in QgsProject.instance().mapLayers().values()
    }
    ramps = {}
    for name in further:
        layer = layers[name]
        renderer = layer.renderer()
        assert isinstance(renderer, QgsSingleBandPseudoColorRenderer)
        assert (renderer.classificationMin(), renderer.classificationMax()) == (0, 1)
        ramps[name] = renderer.shader().rasterShaderFunction()
        assert not ramps[name].legendSettings().useContinuousLegend()
        assert not QgsProject.instance().layerTreeRoot().findLayer(layer).isVisible()
        # As everybody sees it who opens the file.
        again = QgsRasterLayer(layer.source(), "again")
        assert isinstance(again.renderer(), QgsSingleBandPseudoColorRenderer)
    labels = [item.label for item in ramps["CONFIDENCE"].colorRampItemList()]
    assert any("unsure" in label for label in labels)

    def shade(name: str, value: float) -> float:
        shown, red, green, blue, _ = ramps[name].shade(value)
        assert shown
        return QColor(red, green, blue).lightnessF()

    # The brighter, the less sure; and the rule of 0.5 is a step.
    assert shade("CONFIDENCE", 0.49) - shade("CONFIDENCE", 0.51) > 5 * abs(
        shade("CONFIDENCE", 0.51) - shade("CONFIDENCE", 0.53)
    )
    assert shade("MARGIN", 0.1) > shade("MARGIN", 0.9)
    assert shade("ENTROPY", 0.1) < shade("ENTROPY", 0.9)
