"""How layers are handed to the engine: what QGIS shows is what the engine gets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from osgeo import gdal, ogr
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsFeatureRequest,
    QgsGeometry,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSourceDefinition,
    QgsProject,
    QgsRasterLayer,
    QgsRasterRange,
    QgsVectorFileWriter,
    QgsVectorLayer,
)


@pytest.fixture()
def resolve(provider: Any) -> Any:
    from mambahsi_qgis.engine import rasters

    return rasters.resolve


@pytest.fixture()
def project() -> Any:
    instance = QgsProject.instance()
    instance.clear()
    yield instance
    instance.clear()


@pytest.fixture()
def hand_over(provider: Any, scene: str, tmp_path: Path, told: Any, project: Any) -> Any:
    """Hands a vector layer over and reads back what the engine gets."""
    from mambahsi_qgis.algorithms.trainmodel import TrainModel
    from mambahsi_qgis.engine import rasters

    def run(value: Any, fields: tuple[str, ...], raster: str = scene) -> tuple[list, dict]:
        algorithm = TrainModel().create()
        context = QgsProcessingContext()
        context.setProject(project)
        # What Processing does by default: stop at the first invalid geometry.
        context.setInvalidGeometryCheck(
            QgsFeatureRequest.InvalidGeometryCheck.GeometryAbortOnInvalid
        )
        vector = algorithm.vector({"LABELS": value}, "LABELS", fields, context)
        values = vector.hand_over(
            tmp_path / "labels",
            rasters.resolve(QgsRasterLayer(raster, "Scene")),
            context.transformContext(),
            told,
        )
        dataset = ogr.Open(values["path"])
        found = [
            (feature.items(), feature.GetGeometryRef().Clone()) for feature in dataset.GetLayer(0)
        ]
        return found, values

    return run


# Rasters ------------------------------------------------------------------------------------


def test_file_goes_as_it_is(resolve: Any, scene: str, tmp_path: Path, told: Any) -> None:
    raster = resolve(QgsRasterLayer(scene, "Scene"))
    assert raster.hand_over(tmp_path, told) == {
        "path": scene,
        "crs": "",
        "nodata": None,
        "name": "",
    }
    assert not told.warnings


def test_relative_paths_are_made_absolute(
    resolve: Any, scene: str, tmp_path: Path, told: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(scene).parent)
    assert resolve(QgsRasterLayer("scene.tif", "Scene")).source == scene
    subdataset = resolve(QgsRasterLayer("GTIFF_DIR:1:scene.tif", "Scene"))
    assert subdataset.source == f"GTIFF_DIR:1:{scene}"


def test_crs_and_nodata_of_the_layer_win(
    resolve: Any, scene: str, tmp_path: Path, told: Any
) -> None:
    layer = QgsRasterLayer(scene, "Scene")
    layer.setCrs(QgsCoordinateReferenceSystem("EPSG:25833"))
    for band in range(1, layer.bandCount() + 1):
        layer.dataProvider().setUserNoDataValue(band, [QgsRasterRange(7, 7)])
    values = resolve(layer).hand_over(tmp_path, told)
    assert QgsCoordinateReferenceSystem.fromWkt(values["crs"]).authid() == "EPSG:25833"
    assert values["nodata"] == 7
    assert not told.warnings


def test_nodata_that_cannot_be_handed_over_is_told(
    resolve: Any, scene: str, tmp_path: Path, told: Any
) -> None:
    layer = QgsRasterLayer(scene, "Szene")
    layer.dataProvider().setUserNoDataValue(1, [QgsRasterRange(7, 9)])
    layer.dataProvider().setUseSourceNoDataValue(2, False)
    assert resolve(layer).hand_over(tmp_path, told)["nodata"] is None
    assert len(told.warnings) == 2
    assert all("Szene" in warning for warning in told.warnings)


def test_raster_in_memory_is_copied_for_the_engine(
    resolve: Any, write_scene: Any, tmp_path: Path, told: Any
) -> None:
    layer = QgsRasterLayer(write_scene("/vsimem/scene.tif"), "In memory")
    values = resolve(layer).hand_over(tmp_path, told)
    assert Path(values["path"]).is_file()
    copy, source = gdal.Open(values["path"]), gdal.Open("/vsimem/scene.tif")
    assert (copy.ReadAsArray() == source.ReadAsArray()).all()
    assert copy.GetGeoTransform() == source.GetGeoTransform()
    band = copy.GetRasterBand(2)
    assert (band.GetNoDataValue(), band.GetMetadataItem("wavelength")) == (-32768, "500")
    assert any("In memory" in line for line in told.lines)
    gdal.Unlink("/vsimem/scene.tif")


def test_format_that_the_engine_lacks_is_copied(
    resolve: Any, write_scene: Any, tmp_path: Path, told: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A format that every GDAL reads stands for those that few do."""
    from mambahsi_qgis.engine import rasters

    monkeypatch.setattr(rasters, "ENGINE_DRIVERS", rasters.ENGINE_DRIVERS - {"HFA"})
    layer = QgsRasterLayer(write_scene(str(tmp_path / "scene.img"), "HFA"), "Szene")
    values = resolve(layer).hand_over(tmp_path, told)
    assert gdal.Open(values["path"]).GetDriver().ShortName == "GTiff"
    assert values["name"] == "Szene"
    assert any("HFA" in line for line in told.lines)


def test_open_options_are_heeded(resolve: Any, scene: str, tmp_path: Path, told: Any) -> None:
    layer = QgsRasterLayer(f"{scene}|option:NUM_THREADS=1", "Scene")
    raster = resolve(layer)
    assert (raster.source, raster.options) == (scene, ("NUM_THREADS=1",))
    assert Path(raster.hand_over(tmp_path, told)["path"]).parent == tmp_path


@pytest.mark.parametrize("driver", ["HDF4", "HDF4Image", "KEA", "ECW", "PostGISRaster", "WMS"])
def test_drivers_that_need_a_copy(provider: Any, driver: str) -> None:
    from mambahsi_qgis.engine.rasters import ENGINE_DRIVERS

    assert driver not in ENGINE_DRIVERS


def test_engine_reads_what_it_is_said_to(engine: Path) -> None:
    import subprocess

    from mambahsi_qgis.engine.environment import engine_environment
    from mambahsi_qgis.engine.rasters import ENGINE_DRIVERS

    code = "import rasterio\nwith rasterio.Env() as e: print(*e.drivers(), sep='|')"
    printed = subprocess.run(
        [str(engine), "-c", code],
        env=engine_environment(),
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    assert set(printed.stdout.strip().split("|")) >= ENGINE_DRIVERS


@pytest.mark.parametrize(
    ("source", "key"),
    [
        ("type=xyz&url=http://127.0.0.1:9/%7Bz%7D/%7Bx%7D/%7By%7D.png&zmax=3&zmin=0", "wms"),
        (
            "<GDAL_WMS><Service name='TMS'><ServerUrl>http://127.0.0.1:9/${z}/${x}/${y}.png"
            "</ServerUrl></Service><DataWindow><UpperLeftX>0</UpperLeftX><UpperLeftY>9</UpperLeftY>"
            "<LowerRightX>9</LowerRightX><LowerRightY>0</LowerRightY><TileLevel>3</TileLevel>"
            "</DataWindow><BandsCount>3</BandsCount></GDAL_WMS>",
            "gdal",
        ),
    ],
    ids=["XYZ", "WMS of GDAL"],
)
def test_rendered_layers_are_refused_by_name(
    resolve: Any, labels: Any, project: Any, training: Any, engine: Any, source: str, key: str
) -> None:
    import processing

    layer = QgsRasterLayer(source, "Luftbild", key)
    assert layer.isValid()
    with pytest.raises(QgsProcessingException, match="Luftbild.*rendered"):
        resolve(layer)
    project.addMapLayer(layer)
    with pytest.raises(QgsProcessingException, match="Luftbild"):
        processing.run("mambahsi:trainandclassify", {**training, "SCENE": layer.id()})
    assert not Path(training["MODEL"]).exists()


def test_scene_placed_by_control_points_is_refused(
    resolve: Any, write_scene: Any, tmp_path: Path
) -> None:
    path = str(tmp_path / "points.tif")
    corners = [gdal.GCP(0, 0, 0, 0, 0), gdal.GCP(9, 0, 0, 20, 0), gdal.GCP(0, 9, 0, 0, 24)]
    scene = write_scene("/vsimem/plain.tif")
    gdal.Translate(path, scene, GCPs=corners, outputSRS="EPSG:32633")
    gdal.Unlink(scene)
    with pytest.raises(QgsProcessingException, match="control points"):
        resolve(QgsRasterLayer(path, "Scene"))


# Vectors ------------------------------------------------------------------------------------


def test_memory_layer_with_unsaved_edits(hand_over: Any, labels: QgsVectorLayer) -> None:
    labels.startEditing()
    feature = next(labels.getFeatures())
    labels.changeAttributeValue(feature.id(), 0, 44)
    labels.deleteFeature(feature.id() + 1)
    found, _ = hand_over(labels, ("code", "cover"))
    assert len(found) == labels.featureCount() == 15
    assert found[0][0]["code"] == 44
    assert set(found[0][0]) == {"code", "cover"}
    labels.rollBack()


def test_selected_features_alone(hand_over: Any, labels: QgsVectorLayer, project: Any) -> None:
    project.addMapLayer(labels, False)
    labels.selectByExpression("code in (11, 22)")
    wanted = labels.selectedFeatureCount()
    definition = QgsProcessingFeatureSourceDefinition(labels.id(), selectedFeaturesOnly=True)
    found, _ = hand_over(definition, ("code",))
    assert len(found) == wanted < labels.featureCount()
    assert {items["code"] for items, _ in found} == {11, 22}


def test_filtered_layer(hand_over: Any, labels: QgsVectorLayer, tmp_path: Path) -> None:
    path = str(tmp_path / "labels.gpkg")
    options = QgsVectorFileWriter.SaveVectorOptions()
    QgsVectorFileWriter.writeAsVectorFormatV3(
        labels, path, QgsProject.instance().transformContext(), options
    )
    layer = QgsVectorLayer(path, "Filtered", "ogr")
    layer.setSubsetString("code <> 33")
    found, _ = hand_over(layer, ("code",))
    assert {items["code"] for items, _ in found} == {11, 22}


def test_other_crs_is_transformed_to_the_scenes(hand_over: Any, labels: QgsVectorLayer) -> None:
    import processing

    target = QgsCoordinateReferenceSystem("EPSG:4326")
    moved = processing.run(
        "native:reprojectlayer",
        {"INPUT": labels, "TARGET_CRS": target, "OUTPUT": "TEMPORARY_OUTPUT"},
    )["OUTPUT"]
    assert moved.extent().xMaximum() < 20
    found, values = hand_over(moved, ("code",))
    assert QgsCoordinateReferenceSystem.fromWkt(values["crs"]).authid() == "EPSG:32633"
    for (_, geometry), original in zip(found, labels.getFeatures(), strict=True):
        there = QgsGeometry.fromWkt(geometry.ExportToWkt())
        assert there.hausdorffDistance(original.geometry()) < 0.01


def test_without_crs_the_scenes_is_assumed(
    hand_over: Any, labels: QgsVectorLayer, told: Any
) -> None:
    labels.setCrs(QgsCoordinateReferenceSystem())
    found, values = hand_over(labels, ("code",))
    assert len(found) == 16
    assert QgsCoordinateReferenceSystem.fromWkt(values["crs"]).authid() == "EPSG:32633"
    assert len(told.warnings) == 1
    assert "Flächen" in told.warnings[0]


def test_invalid_and_null_are_left_to_the_engine(hand_over: Any, labels: QgsVectorLayer) -> None:
    bow_tie = QgsFeature(labels.fields())
    bow_tie.setGeometry(
        QgsGeometry.fromWkt(
            "POLYGON((370000 5810000, 370090 5809910, 370090 5810000, "
            "370000 5809910, 370000 5810000))"
        )
    )
    assert not bow_tie.geometry().isGeosValid()
    labels.dataProvider().addFeatures([bow_tie])
    found, _ = hand_over(labels, ("code",))
    assert len(found) == 17
    assert found[-1][0]["code"] is None


def test_class_field_may_have_any_name(hand_over: Any, provider: Any) -> None:
    layer = QgsVectorLayer(
        "PolygonZ?crs=EPSG:32633&field=fid:string&field=geom:integer", "a/b: c", "memory"
    )
    feature = QgsFeature(layer.fields())
    feature.setAttributes(["Wald", 3])
    feature.setGeometry(QgsGeometry.fromWkt("PolygonZ((0 0 5, 1 0 5, 1 1 5, 0 0 5))"))
    layer.dataProvider().addFeatures([feature])
    found, values = hand_over(layer, ("fid", "geom"))
    assert found[0][0] == {"fid": "Wald", "geom": 3}
    assert found[0][1].GetCoordinateDimension() == 2
    # The engine's messages and reports call the layer as its user does.
    assert values["name"] == "a/b: c"


def test_arcs_become_straight(hand_over: Any, provider: Any) -> None:
    layer = QgsVectorLayer("CurvePolygon?crs=EPSG:32633&field=code:integer", "Arcs", "memory")
    feature = QgsFeature(layer.fields())
    feature.setAttributes([1])
    feature.setGeometry(
        QgsGeometry.fromWkt("CurvePolygon(CircularString(0 0, 2 2, 4 0, 2 -2, 0 0))")
    )
    layer.dataProvider().addFeatures([feature])
    found, _ = hand_over(layer, ("code",))
    geometry = found[0][1]
    assert geometry.GetGeometryName() == "MULTIPOLYGON"
    assert geometry.Area() == pytest.approx(12.566, rel=0.01)


def test_no_feature_is_refused(hand_over: Any, labels: QgsVectorLayer, project: Any) -> None:
    project.addMapLayer(labels, False)
    labels.removeSelection()
    definition = QgsProcessingFeatureSourceDefinition(labels.id(), selectedFeaturesOnly=True)
    with pytest.raises(QgsProcessingException, match="Flächen.*no feature"):
        hand_over(definition, ("code",))
