"""The tab “Map”: places of low confidence, against numpy; and what a person does with them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from osgeo import gdal, osr
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsFeature,
    QgsGeometry,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsSettings,
    QgsVectorLayer,
)
from qgis.gui import QgsBrowserGuiModel, QgsRubberBand
from qgis.PyQt.QtCore import QCoreApplication, QObject, Qt
from qgis.PyQt.QtGui import QColor
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication, QDialog

LEFT, TOP, PIXEL = 370000.0, 5810000.0, 30.0
NODATA = -9999.0
SIZE, CONFIDENCE, POLYGONS, CLASSES = range(4)
MARK = QColor(0, 229, 255)
NAMES = {1: "Wald", 2: "Gewässer", 5: "Acker & Wiese"}


def write(path: Path, values: np.ndarray, kind: int, nodata: float, **band: Any) -> str:
    height, width = values.shape
    dataset = gdal.GetDriverByName("GTiff").Create(str(path), width, height, 1, kind)
    dataset.SetGeoTransform((LEFT, PIXEL, 0, TOP, 0, -PIXEL))
    reference = osr.SpatialReference()
    reference.ImportFromEPSG(32633)
    dataset.SetProjection(reference.ExportToWkt())
    target = dataset.GetRasterBand(1)
    target.SetNoDataValue(nodata)
    target.SetDescription(band.get("description", ""))
    if kind == gdal.GDT_Byte:
        colors = gdal.ColorTable()
        for value in NAMES:
            colors.SetColorEntry(value, (40 * value, 90, 200 - 30 * value, 255))
        target.SetColorTable(colors)
        names = [NAMES.get(value, "") for value in range(6)]
        target.SetCategoryNames(names)
        rows = [
            {"value": v, "name": n, "color": "#1a6b3c", "original": n} for v, n in NAMES.items()
        ]
        dataset.SetMetadataItem("MAMBAHSI_CLASSES", json.dumps(rows))
    # Last: newer GDALs take no color table once there are pixels.
    target.WriteArray(values)
    dataset = None
    return str(path)


@pytest.fixture()
def confidence() -> np.ndarray:
    """Three unsure places of 8 x 6, 5 x 5 and 4 x 3 pixels, unsure single ones, and nodata."""
    values = np.full((60, 80), 0.9, np.float32)
    values[10:18, 20:26] = 0.3
    values[40:45, 60:65] = 0.45
    values[50:53, 5:9] = 0.1
    values[30, 30] = values[31, 33] = 0.2
    values[:5] = NODATA
    return values


@pytest.fixture()
def land_cover() -> np.ndarray:
    values = np.full((60, 80), 1, np.uint8)
    values[:, 24:] = 2
    values[45:, :] = 5
    values[:5] = 0
    return values


@pytest.fixture()
def files(tmp_path: Path, confidence: np.ndarray, land_cover: np.ndarray) -> tuple[str, str]:
    folder = tmp_path / "Karte ä"
    folder.mkdir()
    return (
        write(folder / "map.tif", land_cover, gdal.GDT_Byte, 0),
        write(folder / "sure.tif", confidence, gdal.GDT_Float32, NODATA, description="confidence"),
    )


def search(files: tuple[str, str], threshold: float = 0.5, go_on: Any = None) -> Any:
    from mambahsi_qgis.gui.map.places import Search, Source, find_places

    asked = Search(
        Source(files[1]), Source(files[0]), threshold, QgsCoordinateReferenceSystem("EPSG:32633"),
        QgsProject.instance().transformContext(),
    )  # fmt: skip
    return find_places(asked, go_on or (lambda done: True))


def box(top: int, bottom: int, left: int, right: int) -> QgsGeometry:
    """Rows and columns as a rectangle on the ground."""
    return QgsGeometry.fromRect(
        QgsRectangle(
            LEFT + PIXEL * left, TOP - PIXEL * bottom, LEFT + PIXEL * right, TOP - PIXEL * top
        )
    )


def test_places_are_regions_below_the_threshold(
    provider: Any, files: tuple[str, str], confidence: np.ndarray
) -> None:
    found = search(files)
    assert [place.pixels for place in found.places] == [48, 25, 12]
    outlines = [box(10, 18, 20, 26), box(40, 45, 60, 65), box(50, 53, 5, 9)]
    for place, outline in zip(found.places, outlines, strict=True):
        assert place.outline.isGeosEqual(outline)
        assert place.hectares == pytest.approx(place.pixels * 0.09, rel=2e-3)
    assert [place.confidence for place in found.places] == pytest.approx([0.3, 0.45, 0.1])
    assert found.places[0].classes == ((1, pytest.approx(4 / 6)), (2, pytest.approx(2 / 6)))
    assert found.places[1].classes == ((2, 1.0),)
    assert found.places[2].classes == ((5, 1.0),)
    valid = confidence != NODATA
    assert found.share == pytest.approx((confidence[valid] < 0.5).mean())
    assert found.exact
    assert [place.pixels for place in search(files, 0.4).places] == [48, 12]
    assert search(files, 0.05).places == ()


def test_random_regions_are_those_of_numpy(provider: Any, tmp_path: Path) -> None:
    """Whatever the regions look like, each place is one of them, whole or in parts."""
    for seed in range(3):
        rng = np.random.default_rng(seed)
        values = rng.random((36, 48)).astype(np.float32)
        values[rng.random(values.shape) < 0.1] = NODATA
        path = write(tmp_path / f"{seed}.tif", values, gdal.GDT_Float32, NODATA)
        found = search((path, path), 0.55).places
        unsure = (values != NODATA) & (values < 0.55)
        owner = np.zeros(values.shape, int)
        rows, columns = np.nonzero(unsure)
        geometries = [place.outline for place in found]
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            center = box(row, row + 1, column, column + 1).centroid()
            inside = [i for i, outline in enumerate(geometries) if outline.contains(center)]
            assert len(inside) <= 1
            owner[row, column] = inside[0] + 1 if inside else 0
        counts = np.bincount(owner.ravel(), minlength=len(found) + 1)[1:]
        assert counts.tolist() == [place.pixels for place in found]
        assert counts.tolist() == sorted(counts.tolist(), reverse=True) and counts.min() >= 4
        for number, place in enumerate(found, start=1):
            assert place.outline.isGeosValid() and not place.outline.isMultipart()
            assert place.confidence == pytest.approx(values[owner == number].mean(), rel=1e-4)
            area = place.outline.area() / PIXEL**2
            assert area == pytest.approx(place.pixels)


def test_one_region_of_nearly_everything_is_listed_in_parts(provider: Any, tmp_path: Path) -> None:
    values = np.full((240, 240), 0.2, np.float32)
    values[100:140, 100:140] = 0.1
    path = write(tmp_path / "poor.tif", values, gdal.GDT_Float32, NODATA)
    found = search((path, path))
    assert sum(place.pixels for place in found.places) == values.size
    for place in found.places:
        bounds = place.outline.boundingBox()
        assert max(bounds.width(), bounds.height()) <= 24 * PIXEL
    # Of places of one size the least sure comes first.
    assert found.places[0].confidence < found.places[-1].confidence


def test_a_large_raster_is_averaged(
    provider: Any, files: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from mambahsi_qgis.gui.map import places

    monkeypatch.setattr(places, "MOST_CELLS", 60 * 80 // 4)
    found = search(files)
    assert not found.exact
    # 8 x 6 pixels fall on whole cells of 2 x 2; the others do so in part.
    assert found.places[0].pixels == 48 and found.places[0].outline.isGeosEqual(box(10, 18, 20, 26))


def test_what_is_no_confidence_is_told(
    provider: Any, files: tuple[str, str], tmp_path: Path
) -> None:
    from mambahsi_qgis.gui.map.places import Cancelled, PlacesError

    percent = write(
        tmp_path / "percent.tif", np.full((9, 9), 80, np.float32), gdal.GDT_Float32, NODATA
    )
    with pytest.raises(PlacesError, match="from 80 to 80; confidence is from 0 to 1"):
        search((files[0], percent))
    nothing = write(
        tmp_path / "nothing.tif", np.full((9, 9), NODATA, np.float32), gdal.GDT_Float32, NODATA
    )
    with pytest.raises(PlacesError, match="holds nodata only"):
        search((files[0], nothing))
    with pytest.raises(PlacesError, match=r"gone\.tif cannot be opened"):
        search((files[0], str(tmp_path / "gone.tif")))
    with pytest.raises(Cancelled):
        search(files, go_on=lambda done: done < 0.3)
    # A map on another grid says nothing about the places.
    other = write(tmp_path / "other.tif", np.ones((9, 9), np.uint8), gdal.GDT_Byte, 0)
    assert [place.classes for place in search((other, files[1])).places] == [(), (), ()]


# The tab ------------------------------------------------------------------------------------


class Session:
    """The dock with its tab, and what a person does there."""

    def __init__(self, iface: Any) -> None:
        from mambahsi_qgis.gui.window import Window

        self.canvas = iface.mapCanvas()
        self.window = Window(iface)
        self.window.action.trigger()
        self.dock = self.window.dock
        self.panel = self.dock.map_panel
        self.dock.tabs.setCurrentWidget(self.panel)
        iface.mainWindow().show()
        self.dock.show()
        self.list = self.find("List")

    def find(self, name: str) -> Any:
        found = self.panel.findChild(QObject, f"mambahsiMap{name}")
        assert found is not None, name
        return found

    def click(self, name: str) -> None:
        button = self.find(name)
        assert button.isEnabled() and button.isVisibleTo(self.panel), name
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)

    def search(self) -> None:
        self.click("Find")
        self.wait(lambda: not self.panel._finder.is_busy)

    @staticmethod
    def wait(condition: Any, seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline
            QTest.qWait(10)

    def column(self, number: int) -> list[str]:
        items = (self.list.topLevelItem(i) for i in range(self.list.topLevelItemCount()))
        return [item.text(number) for item in items]

    def chosen(self) -> int:
        return self.list.indexOfTopLevelItem(self.list.currentItem())

    def outlines(self) -> list[QgsGeometry]:
        """Of our marks; QGIS flashes with others."""
        bands = [item for item in self.canvas.scene().items() if isinstance(item, QgsRubberBand)]
        return [band.asGeometry() for band in bands if band.strokeColor() == MARK]

    def status(self) -> str:
        return self.find("Status").text()


@pytest.fixture()
def session(provider: Any, qgis_iface: Any, qgis_new_project: Any) -> Iterator[Session]:
    QgsSettings().remove("mambahsi/unsureBelow")
    session = Session(qgis_iface)
    yield session
    QgsProject.instance().clear()
    if session.window.dock is not None:
        session.window.unload()
    qgis_iface.mainWindow().hide()
    QCoreApplication.sendPostedEvents()


def add(files: tuple[str, str]) -> tuple[QgsRasterLayer, QgsRasterLayer]:
    layers = QgsRasterLayer(files[0], "Karte"), QgsRasterLayer(files[1], "Sicherheit")
    for layer in reversed(layers):
        QgsProject.instance().addMapLayer(layer)
    return layers


def training_layer(*outlines: QgsGeometry) -> QgsVectorLayer:
    layer = QgsVectorLayer("Polygon?crs=EPSG:4326&field=class_id:integer", "Flächen", "memory")
    project = QgsProject.instance()
    there = QgsCoordinateTransform(QgsCoordinateReferenceSystem("EPSG:32633"), layer.crs(), project)
    for outline in outlines:
        feature = QgsFeature(layer.fields())
        geometry = QgsGeometry(outline)
        geometry.transform(there)
        feature.setGeometry(geometry)
        feature.setAttributes([1])
        layer.dataProvider().addFeature(feature)
    project.addMapLayer(layer)
    return layer


def test_going_through_the_places(session: Session, files: tuple[str, str]) -> None:
    # Another raster that is neither, and one that is a map of no confidence.
    QgsProject.instance().setCrs(QgsCoordinateReferenceSystem("EPSG:4326"))
    layers = add(files)
    assert session.panel.land_cover is layers[0]
    assert session.panel.confidence is layers[1]
    training = training_layer(box(42, 43, 61, 62))
    session.dock.layer_picker.setLayer(training)
    session.search()
    assert session.column(SIZE) == ["4.3 ha", "2.3 ha", "1.1 ha"]
    assert session.column(CONFIDENCE) == ["0.30", "0.45", "0.10"]
    assert session.column(CLASSES) == [
        "Wald 67%, Gewässer 33%",
        "Gewässer 100%",
        "Acker & Wiese 100%",
    ]
    assert session.column(POLYGONS) == ["", "1", ""]
    assert session.chosen() == 0 and "Place 1 of 3" in session.status()

    def on_place(outline: QgsGeometry) -> None:
        placed = QgsGeometry(outline)
        target = session.canvas.mapSettings().destinationCrs()
        placed.transform(QgsCoordinateTransform(layers[1].crs(), target, QgsProject.instance()))
        (shown,) = session.outlines()
        assert shown.symDifference(placed).area() < 1e-3 * placed.area()
        extent = session.canvas.extent()
        assert extent.contains(placed.boundingBox())
        assert extent.height() < 12 * placed.boundingBox().height()

    on_place(box(10, 18, 20, 26))
    session.click("Next")
    assert session.chosen() == 2, "the place with a training polygon is left out"
    on_place(box(50, 53, 5, 9))
    assert not session.find("Next").isEnabled()
    session.click("Skip")
    session.click("Previous")
    assert session.chosen() == 1
    on_place(box(40, 45, 60, 65))
    # With the keyboard, too.
    session.list.setFocus()
    QTest.keyClick(session.list, Qt.Key.Key_Up)
    assert session.chosen() == 0
    on_place(box(10, 18, 20, 26))


def test_drawing_in_a_place_marks_it(session: Session, files: tuple[str, str]) -> None:
    add(files)
    # It lies beside the first place, but not in it.
    training = training_layer(box(20, 22, 20, 26))
    session.dock.layer_picker.setLayer(training)
    session.search()
    assert session.column(POLYGONS) == ["", "", ""] and len(session.outlines()) == 1
    session.dock.context.select_class(1)
    crs = QgsCoordinateReferenceSystem("EPSG:32633")
    assert session.dock.context.add_polygon(box(12, 14, 21, 23), crs)
    session.wait(lambda: session.column(POLYGONS) == ["1", "", ""])
    assert session.outlines() == []
    training.undoStack().undo()
    session.wait(lambda: session.column(POLYGONS) == ["", "", ""])


def test_another_threshold_and_the_same_again(session: Session, files: tuple[str, str]) -> None:
    add(files)
    assert session.find("Threshold").value() == 0.5
    session.search()
    session.find("Threshold").setValue(0.4)
    session.search()
    assert session.column(CONFIDENCE) == ["0.30", "0.10"]
    session.find("Threshold").setValue(0.5)
    session.click("Find")
    assert session.column(CONFIDENCE) == ["0.30", "0.45", "0.10"], "known already, so there at once"
    session.find("Threshold").setValue(0.05)
    session.search()
    assert session.column(SIZE) == [] and "No unsure place" in session.status()
    assert session.outlines() == []


def test_without_confidence_nothing_can_be_found(session: Session, files: tuple[str, str]) -> None:
    assert not session.find("Find").isEnabled() and not session.find("Export").isEnabled()
    QgsProject.instance().addMapLayer(QgsRasterLayer(files[0], "Karte"))
    assert session.find("Export").isEnabled()
    assert not session.find("Find").isEnabled() and "Choose a confidence" in session.status()
    QgsProject.instance().addMapLayer(QgsRasterLayer(files[1], "Sicherheit"))
    picker = session.panel.confidence_picker
    assert [picker.itemText(i) for i in range(picker.count())] == ["", "Sicherheit"]
    assert picker.currentIndex() == 1, "the only one, and on the map's grid"
    assert session.find("Find").isEnabled()


def test_a_made_map_is_taken_with_all_that_belongs_to_it(
    session: Session, files: tuple[str, str], tmp_path: Path, browser: Any
) -> None:
    from mambahsi_qgis.gui.made_map import MadeMap

    other = write(tmp_path / "older.tif", np.ones((9, 9), np.uint8), gdal.GDT_Byte, 0)
    older = QgsRasterLayer(other, "Älter")
    QgsProject.instance().addMapLayer(older)
    assert session.panel.land_cover is older and not session.find("Report").isEnabled()
    report = tmp_path / "report.html"
    report.write_text("<html></html>")
    layers = add(files)
    session.dock.context.mapMade.emit(MadeMap(files[0], files[1], str(report), None))
    assert session.panel.land_cover is layers[0] and session.panel.confidence is layers[1]
    session.click("Report")
    assert browser.opened == [str(report)]
    # A saved project knows it, too.
    path = str(tmp_path / "project.qgs")
    assert QgsProject.instance().write(path)
    QgsProject.instance().clear()
    assert session.panel.land_cover is None and not session.find("Report").isEnabled()
    assert QgsProject.instance().read(path)
    session.panel.map_picker.setLayer(QgsProject.instance().mapLayersByName("Karte")[0])
    assert session.find("Report").isEnabled()
    assert session.panel.confidence.name() == "Sicherheit"


def test_opacity_and_visibility_are_the_layer_s(session: Session, files: tuple[str, str]) -> None:
    layer, _ = add(files)
    node = QgsProject.instance().layerTreeRoot().findLayer(layer)
    session.find("Opacity").setOpacity(0.4)
    assert layer.opacity() == pytest.approx(0.4)
    shown = session.find("Shown")
    assert shown.isChecked()
    session.click("Shown")
    assert not node.isVisible()
    node.setItemVisibilityChecked(True)
    assert shown.isChecked(), "switched on among the layers"


def test_export_is_filled_in(
    session: Session, files: tuple[str, str], qgis_iface: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer, _ = add(files)
    # What QGIS's own window has, and the one for tests has not.
    browser = QgsBrowserGuiModel()
    monkeypatch.setattr(qgis_iface, "browserModel", lambda: browser, raising=False)
    before = set(QApplication.topLevelWidgets())
    session.click("Export")
    dialogs = [
        widget
        for widget in set(QApplication.topLevelWidgets()) - before
        if isinstance(widget, QDialog) and widget.isVisible() and hasattr(widget, "algorithm")
    ]
    (dialog,) = dialogs
    assert dialog.algorithm().id() == "mambahsi:exportlandcover"
    given = dialog.createProcessingParameters()
    assert given["CLASSIFICATION"] in (layer.id(), layer.source(), layer)
    dialog.close()
    dialog.deleteLater()


def test_removed_layers_and_unloading_in_the_middle(
    session: Session, files: tuple[str, str]
) -> None:
    layers = add(files)
    session.search()
    assert len(session.outlines()) == 1
    QgsProject.instance().removeMapLayer(layers[1].id())
    assert session.column(SIZE) == [] and session.outlines() == []
    assert session.panel.confidence is None
    QgsProject.instance().addMapLayer(QgsRasterLayer(files[1], "Sicherheit"))
    session.find("Threshold").setValue(0.45)
    session.click("Find")
    QgsProject.instance().clear()  # while it is looked for
    QTest.qWait(200)
    assert session.column(SIZE) == [] and session.panel.land_cover is None
    add(files)
    session.click("Find")
    session.window.unload()
    QCoreApplication.sendPostedEvents(None, 52)  # deletions that were put off
    QTest.qWait(200)
    assert session.outlines() == []


def test_every_control_explains_itself(session: Session) -> None:
    from qgis.PyQt.QtWidgets import QAbstractButton, QAbstractSpinBox, QComboBox, QTreeWidget

    for kind in (QAbstractButton, QAbstractSpinBox, QComboBox, QTreeWidget):
        for widget in session.panel.findChildren(kind):
            if widget.objectName().startswith("mambahsi"):
                assert widget.toolTip(), widget.objectName()
                named = widget.accessibleName() or isinstance(widget, QAbstractButton)
                assert named and widget.focusPolicy() & Qt.FocusPolicy.TabFocus
