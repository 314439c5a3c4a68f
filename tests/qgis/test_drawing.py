"""Drawing on the canvas, by mouse and keys: polygons, freehand, rectangles, grown regions."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import (
    Qgis,
    QgsCategorizedSymbolRenderer,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsFeature,
    QgsFillSymbol,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsRendererCategory,
    QgsSettings,
    QgsSnappingConfig,
    QgsTolerance,
    QgsVectorFileWriter,
    QgsVectorLayer,
)
from qgis.gui import QgsMapCanvasSnappingUtils, QgsMapToolPan, QgsRubberBand
from qgis.PyQt.QtCore import QCoreApplication, QEvent, QPoint, QPointF, QSize, Qt
from qgis.PyQt.QtGui import QMouseEvent
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QAbstractButton, QApplication, QWidget

LEFT, TOP, PIXEL = 370000.0, 5810000.0, 30.0
HEIGHT, WIDTH, ROWS, COLUMNS = 24, 20, 6, 5
WGS84 = QgsCoordinateReferenceSystem("EPSG:4326")
LEFT_BUTTON, RIGHT_BUTTON = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton


def truth() -> np.ndarray:
    """Class index of each pixel, as the scene of these tests has its fields."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return (rows // ROWS + columns // COLUMNS) % 3


def place(row: float, column: float) -> QgsPointXY:
    """Coordinates of a place in the scene, in rows and columns."""
    return QgsPointXY(LEFT + PIXEL * column, TOP - PIXEL * row)


@pytest.fixture()
def drawing(
    provider: Any, qgis_iface: Any, qgis_new_project: Any, scene: str, labels: QgsVectorLayer
) -> Iterator[Any]:
    """The dock with scene and layer, and a hand on mouse and keys."""
    from mambahsi_qgis.gui.window import Window

    for key in ("measure", "angle", "side", "fillHoles"):
        QgsSettings().remove(f"mambahsi/growing/{key}")
    QgsSettings().remove("mambahsi/dockOpen")
    raster = QgsRasterLayer(scene, "Szene")
    labels.dataProvider().truncate()
    labels.dataProvider().reloadData()
    _know_classes(labels)
    QgsProject.instance().addMapLayers([raster, labels])
    canvas = qgis_iface.mapCanvas()
    # What another test has made flash vanishes after a while.
    for _ in range(400):
        if not any(isinstance(item, QgsRubberBand) for item in canvas.scene().items()):
            break
        QTest.qWait(25)
    canvas.window().show()
    canvas.resize(QSize(600, 720))
    canvas.show()
    canvas.setDestinationCrs(raster.crs())
    canvas.setExtent(raster.extent())
    window = Window(qgis_iface)
    window.action.trigger()
    window.dock.show()
    window.dock.scene_picker.setLayer(raster)
    window.dock.layer_picker.setLayer(labels)
    window.dock.context.select_class(22)
    qgis_iface.messageBar().clear_messages()
    yield Hand(window, raster, labels)
    canvas.setRotation(0)
    QgsProject.instance().clear()
    window.unload()
    canvas.window().hide()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def _know_classes(layer: QgsVectorLayer) -> None:
    """Let the layer know classes that have no polygon yet, by its renderer."""
    layer.setRenderer(
        QgsCategorizedSymbolRenderer(
            "code",
            [
                QgsRendererCategory(value, QgsFillSymbol.createSimple({"color": color}), name)
                for name, value, color in (
                    ("Wald", 11, "#1a6b3c"),
                    ("Gewässer", 22, "#2b83ba"),
                    ("Acker", 33, "#d9a441"),
                )
            ],
        )
    )


class Hand(SimpleNamespace):
    """Mouse and keys over the canvas, and what is looked at afterwards."""

    def __init__(self, window: Any, raster: QgsRasterLayer, layer: QgsVectorLayer) -> None:
        super().__init__(dock=window.dock, scene=raster, layer=layer)
        self.context, self.bar = window.dock.context, window.dock.drawing
        self.iface, self.canvas = window.iface, window.iface.mapCanvas()

    def pixel(self, point: QgsPointXY) -> QPoint:
        """Where a point of the scene's CRS is on the canvas."""
        crs = self.canvas.mapSettings().destinationCrs()
        moved = QgsCoordinateTransform(self.scene.crs(), crs, QgsProject.instance()).transform(
            point
        )
        on_screen = self.canvas.getCoordinateTransform().transform(moved)
        return QPoint(round(on_screen.x()), round(on_screen.y()))

    def take(self, name: str) -> None:
        """Press a tool's button."""
        button = self.bar.findChild(QAbstractButton, f"mambahsi{name.capitalize()}ToolButton")
        QTest.mouseClick(button, LEFT_BUTTON)
        assert self.canvas.mapTool() is self.bar.tools[name]
        assert button.isChecked()

    def click(self, row: float, column: float, button: Any = LEFT_BUTTON) -> None:
        self.move(row, column)
        QTest.mouseClick(
            self.canvas.viewport(),
            button,
            Qt.KeyboardModifier.NoModifier,
            self.pixel(place(row, column)),
        )

    def move(self, row: float, column: float, buttons: Any = Qt.MouseButton.NoButton) -> None:
        """Move the mouse; QTest's own moves know no pressed button."""
        position = QPointF(self.pixel(place(row, column)))
        event = QMouseEvent(
            QEvent.Type.MouseMove,
            position,
            Qt.MouseButton.NoButton,
            buttons,
            Qt.KeyboardModifier.NoModifier,
        )
        QApplication.sendEvent(self.canvas.viewport(), event)

    def press(self, row: float, column: float) -> None:
        self._button(QTest.mousePress, row, column)

    def release(self, row: float, column: float) -> None:
        self._button(QTest.mouseRelease, row, column)

    def _button(self, action: Callable[..., None], row: float, column: float) -> None:
        pixel = self.pixel(place(row, column))
        action(self.canvas.viewport(), LEFT_BUTTON, Qt.KeyboardModifier.NoModifier, pixel)

    def drag(self, *places: tuple[float, float]) -> None:
        self.press(*places[0])
        for there in places[1:]:
            self.move(*there, LEFT_BUTTON)
        self.release(*places[-1])

    def key(self, key: Qt.Key) -> None:
        QTest.keyClick(self.canvas, key)

    def grow(self, row: float, column: float) -> None:
        """Click with the growing tool, and wait until all is read."""
        self.click(row, column)
        self.settle()

    def settle(self) -> None:
        until = time.monotonic() + 20
        while self.bar.grower.busy and time.monotonic() < until:
            QCoreApplication.processEvents()
        assert not self.bar.grower.busy

    def polygons(self) -> list[QgsGeometry]:
        return [f.geometry() for f in self.layer.getFeatures()]

    def burned(self) -> np.ndarray:
        """The pixels of the scene whose centers lie in the layer's polygons."""
        moved = QgsCoordinateTransform(self.layer.crs(), self.scene.crs(), QgsProject.instance())
        found = np.zeros((HEIGHT, WIDTH), dtype=bool)
        for polygon in self.polygons():
            polygon.transform(moved)
            for row, column in np.ndindex(*found.shape):
                found[row, column] |= polygon.contains(place(row + 0.5, column + 0.5))
        return found

    def warnings(self) -> list[str]:
        return self.iface.messageBar().get_messages(Qgis.MessageLevel.Warning)

    def told(self) -> list[str]:
        return self.iface.messageBar().get_messages(Qgis.MessageLevel.Info)

    def bands(self) -> list[QgsRubberBand]:
        """Rubber bands on the canvas."""
        return [i for i in self.canvas.scene().items() if isinstance(i, QgsRubberBand)]


def near(hand: Hand, polygon: QgsGeometry, *corners: tuple[float, float]) -> bool:
    """Whether a polygon is that of places in the scene, up to rounding to screen pixels."""
    expected = QgsGeometry.fromPolygonXY([[place(*corner) for corner in corners]])
    return polygon.symDifference(expected).area() < 0.06 * expected.area()


# By hand ----------------------------------------------------------------------------------------


def test_polygon_by_clicks(drawing: Hand) -> None:
    drawing.take("polygon")
    for corner in ((2, 4), (2, 12), (9, 12), (20, 1)):
        drawing.click(*corner)
    assert len(drawing.bands()) == 1
    assert drawing.bands()[0].strokeColor().name() == "#2b83ba"
    drawing.context.select_class(33)
    assert drawing.bands()[0].strokeColor().name() == "#d9a441"
    drawing.key(Qt.Key.Key_Backspace)
    drawing.move(9, 4)
    drawing.click(9, 4)
    drawing.click(15, 15, RIGHT_BUTTON)
    (polygon,) = drawing.polygons()
    assert near(drawing, polygon, (2, 4), (2, 12), (9, 12), (9, 4))
    (feature,) = drawing.layer.getFeatures()
    assert feature.attributes() == [33, "Acker", "#d9a441"]
    assert drawing.layer.undoStack().count() == 1
    assert not drawing.bands()


def test_enter_ends_and_escape_gives_up(drawing: Hand) -> None:
    drawing.take("polygon")
    for corner in ((2, 4), (2, 12), (9, 12)):
        drawing.click(*corner)
    drawing.key(Qt.Key.Key_Escape)
    assert not drawing.bands() and not drawing.layer.isEditable()
    for corner in ((2, 4), (2, 12)):
        drawing.click(*corner)
    drawing.key(Qt.Key.Key_Return)
    assert "three corners" in drawing.told()[0]
    drawing.click(9, 12)
    drawing.key(Qt.Key.Key_Enter)
    assert near(drawing, drawing.polygons()[0], (2, 4), (2, 12), (9, 12))
    for _ in range(3):
        drawing.click(3, 3)
    drawing.key(Qt.Key.Key_Backspace)
    assert not drawing.bands()


def test_rectangle_by_drag_and_by_two_clicks(drawing: Hand) -> None:
    drawing.take("rectangle")
    drawing.drag((2, 4), (5, 7), (9, 12))
    drawing.click(11, 1)
    assert len(drawing.polygons()) == 1 and len(drawing.bands()) == 1
    drawing.move(14, 6)
    drawing.click(16, 9)
    first, second = drawing.polygons()
    if first.boundingBox().yMaximum() < second.boundingBox().yMaximum():
        first, second = second, first
    assert near(drawing, first, (2, 4), (2, 12), (9, 12), (9, 4))
    assert near(drawing, second, (11, 1), (11, 9), (16, 9), (16, 1))
    assert all(p.isGeosEqual(QgsGeometry.fromRect(p.boundingBox())) for p in (first, second))


def test_rectangle_has_the_screens_sides(drawing: Hand) -> None:
    drawing.canvas.setRotation(30)
    drawing.take("rectangle")
    drawing.drag((8, 4), (10, 9), (14, 16))
    (polygon,) = drawing.polygons()
    corners = [drawing.pixel(QgsPointXY(v)) for v in polygon.vertices()]
    assert max(abs(a.x() - b.x()) for a, b in itertools.pairwise(corners)) > 20
    for a, b in itertools.pairwise(corners):
        assert min(abs(a.x() - b.x()), abs(a.y() - b.y())) <= 1


def test_freehand_follows_the_mouse(drawing: Hand) -> None:
    drawing.take("freehand")
    turn = np.linspace(0, 2 * np.pi, 60)
    circle = [(12 + 6 * np.sin(t), 10 + 6 * np.cos(t)) for t in turn]
    drawing.drag(*circle)
    (polygon,) = drawing.polygons()
    assert polygon.area() == pytest.approx(np.pi * (6 * PIXEL) ** 2, rel=0.05)
    drawing.press(3, 3)
    drawing.move(3, 9, LEFT_BUTTON)
    drawing.move(9, 9, LEFT_BUTTON)
    drawing.key(Qt.Key.Key_Escape)
    drawing.release(9, 9)
    drawing.click(4, 4)
    assert len(drawing.polygons()) == 1 and not drawing.bands()


def test_vertices_snap_as_the_project_says(drawing: Hand) -> None:
    shore = QgsVectorLayer("Polygon?crs=EPSG:32633", "Shore", "memory")
    corner = QgsPointXY(place(7, 7).x() + 1.25, place(7, 7).y() - 2.5)
    feature = QgsFeature()
    feature.setGeometry(QgsGeometry.fromRect(QgsRectangle(corner, place(1, 1))))
    shore.dataProvider().addFeature(feature)
    QgsProject.instance().addMapLayer(shore)
    config = QgsSnappingConfig(QgsProject.instance())
    config.setEnabled(True)
    config.setMode(QgsSnappingConfig.SnappingMode.AllLayers)
    config.setTypeFlag(QgsSnappingConfig.SnappingTypes.VertexFlag)
    config.setTolerance(8)
    config.setUnits(QgsTolerance.UnitType.Pixels)
    utils = QgsMapCanvasSnappingUtils(drawing.canvas)
    drawing.canvas.setSnappingUtils(utils)
    drawing.canvas.setLayers([shore, drawing.scene])
    utils.setConfig(config)
    utils.setMapSettings(drawing.canvas.mapSettings())
    until = time.monotonic() + 10
    while not utils.snapToMap(corner).isValid() and time.monotonic() < until:
        QCoreApplication.processEvents()  # the index of vertices is made in the background
    try:
        drawing.take("polygon")
        for there in ((7.2, 7.1), (7, 15), (15, 15)):
            drawing.click(*there)
        drawing.key(Qt.Key.Key_Return)
    finally:
        drawing.canvas.setSnappingUtils(None)
    (polygon,) = drawing.polygons()
    assert min(QgsPointXY(v).distance(corner) for v in polygon.vertices()) < 1e-6


def test_canvas_and_layer_in_other_crs(drawing: Hand) -> None:
    other = QgsVectorLayer(
        "Polygon?crs=EPSG:25832&field=code:integer&field=cover:string", "UTM 32", "memory"
    )
    _know_classes(other)
    QgsProject.instance().addMapLayer(other)
    drawing.dock.layer_picker.setLayer(other)
    drawing.layer = other
    drawing.canvas.setDestinationCrs(WGS84)
    box = QgsCoordinateTransform(drawing.scene.crs(), WGS84, QgsProject.instance())
    drawing.canvas.setExtent(box.transformBoundingBox(drawing.scene.extent()))
    drawing.context.select_class(11)
    drawing.take("polygon")
    for corner in ((2, 4), (2, 12), (9, 12), (9, 4)):
        drawing.click(*corner)
    drawing.click(9, 4, RIGHT_BUTTON)
    (polygon,) = drawing.polygons()
    back = QgsCoordinateTransform(other.crs(), drawing.scene.crs(), QgsProject.instance())
    polygon.transform(back)
    assert near(drawing, polygon, (2, 4), (2, 12), (9, 12), (9, 4))

    other.undoStack().undo()
    drawing.take("growing")
    drawing.grow(8.5, 7.5)
    drawing.key(Qt.Key.Key_Return)
    assert (drawing.burned() == field(1, 1)).all()


def test_nothing_to_draw_for_is_said(drawing: Hand) -> None:
    drawing.context.select_class(None)
    for name in ("polygon", "rectangle", "freehand", "growing"):
        drawing.take(name)
        drawing.click(5, 5)
    assert len(drawing.warnings()) == 4
    assert all("Select a class" in text for text in drawing.warnings())
    assert not drawing.bands() and not drawing.layer.isEditable()
    QgsProject.instance().removeMapLayer(drawing.layer.id())
    drawing.click(5, 5)
    assert "training layer" in drawing.warnings()[-1]


def test_layer_removed_while_drawing(drawing: Hand) -> None:
    drawing.take("polygon")
    drawing.click(5, 5)
    drawing.click(5, 9)
    QgsProject.instance().removeMapLayer(drawing.layer.id())
    assert not drawing.bands()
    drawing.click(9, 9)
    drawing.key(Qt.Key.Key_Return)
    assert "training layer" in drawing.warnings()[-1]


# Growing ----------------------------------------------------------------------------------------


def field(row: int, column: int) -> np.ndarray:
    """The pixels of one field of the scene."""
    found = np.zeros((HEIGHT, WIDTH), dtype=bool)
    found[row * ROWS : (row + 1) * ROWS, column * COLUMNS : (column + 1) * COLUMNS] = True
    return found


def test_click_grows_a_field(drawing: Hand) -> None:
    drawing.take("growing")
    options = drawing.bar.options
    assert options.isVisible() and not options.add.isEnabled()
    drawing.grow(8.2, 7.9)
    (band,) = drawing.bands()
    assert band.strokeColor().name() == "#2b83ba"
    assert band.asGeometry().area() == pytest.approx(30 * PIXEL**2)
    assert options.told.text() == "30 pixels"
    drawing.click(1, 1, RIGHT_BUTTON)
    assert (drawing.burned() == field(1, 1)).all()
    assert drawing.layer.undoStack().count() == 1 and not drawing.bands()
    drawing.grow(8.2, 7.9)
    drawing.key(Qt.Key.Key_Escape)
    assert not drawing.bands() and len(drawing.polygons()) == 1
    drawing.key(Qt.Key.Key_Return)
    assert len(drawing.polygons()) == 1


def test_preview_follows_the_slider(drawing: Hand) -> None:
    drawing.take("growing")
    drawing.grow(8.2, 7.9)
    slider, number = drawing.bar.options.tolerance.slider, drawing.bar.options.tolerance.number
    sizes = [drawing.bands()[0].asGeometry().area() / PIXEL**2]
    slider.setFocus()
    for key in (Qt.Key.Key_Home, Qt.Key.Key_PageUp, Qt.Key.Key_End):
        QTest.keyClick(slider, key)
        sizes.append(drawing.bands()[0].asGeometry().area() / PIXEL**2)
    assert sizes[0] == pytest.approx(30) and sizes[1] == pytest.approx(1)
    # All pixels with data: the scene has no angle of 60 degrees.
    assert sizes[3] == pytest.approx(HEIGHT * WIDTH - 9) and sizes[2] <= 30
    number.setFocus()
    number.selectAll()
    QTest.keyClicks(number, "3")
    QTest.keyClick(number, Qt.Key.Key_Return)
    assert drawing.bands()[0].asGeometry().area() / PIXEL**2 == pytest.approx(30)
    assert QgsSettings().value("mambahsi/growing/angle", type=float) == 3
    QTest.mouseClick(drawing.bar.options.add, LEFT_BUTTON)
    assert (drawing.burned() == field(1, 1)).all()


def test_euclidean_distance_takes_its_range_from_the_scene(drawing: Hand) -> None:
    drawing.take("growing")
    options = drawing.bar.options
    options.measure.setFocus()
    QTest.keyClick(options.measure, Qt.Key.Key_Down)
    assert drawing.bar.grower.measure == "distance" and not options.tolerance.isEnabled()
    drawing.grow(8.2, 7.9)
    values = gdal.Open(drawing.scene.source()).ReadAsArray().astype(float)
    apart = np.sqrt(((values - values[:, 8:9, 7:8]) ** 2).sum(axis=0))[values[0] != -32768]
    assert options.tolerance.isEnabled()
    assert options.tolerance.number.maximum() == pytest.approx(apart[apart < 1e5].max(), rel=1e-3)
    options.tolerance.number.setValue(400)  # noise of 60 in 8 bands; classes lie farther apart
    drawing.key(Qt.Key.Key_Return)
    assert (drawing.burned() == field(1, 1)).all()


def test_window_limits_the_region(drawing: Hand) -> None:
    drawing.take("growing")
    options = drawing.bar.options
    options.tolerance.number.setValue(60)
    options.side.setValue(11)
    drawing.grow(12.5, 10.5)
    assert "window ends the region" in options.told.text()
    drawing.key(Qt.Key.Key_Return)
    expected = np.zeros((HEIGHT, WIDTH), dtype=bool)
    expected[7:18, 5:16] = True
    assert (drawing.burned() == expected).all()
    drawing.grow(12.5, 10.5)
    options.side.setValue(101)  # with a region on the map: it grows at once
    drawing.settle()
    assert options.told.text() == f"{HEIGHT * WIDTH - 9} pixels"


def test_holes_are_kept_or_filled(drawing: Hand) -> None:
    dataset = gdal.Open(drawing.scene.source(), gdal.GA_Update)
    for number in range(dataset.RasterCount):
        dataset.GetRasterBand(number + 1).WriteArray(np.full((1, 2), -32768, np.int16), 7, 8)
    dataset.FlushCache()
    drawing.dock.scene_picker.setLayer(None)
    drawing.dock.scene_picker.setLayer(drawing.scene)
    drawing.take("growing")
    drawing.grow(7.2, 6.1)
    assert drawing.bands()[0].asGeometry().area() == pytest.approx(28 * PIXEL**2)
    QTest.mouseClick(drawing.bar.options.fill, LEFT_BUTTON, pos=QPoint(8, 8))
    assert drawing.bands()[0].asGeometry().area() == pytest.approx(30 * PIXEL**2)
    assert drawing.bar.options.told.text() == "30 pixels"
    drawing.key(Qt.Key.Key_Return)
    assert (drawing.burned() == field(1, 1)).all()


def test_bad_bands_do_not_count(drawing: Hand) -> None:
    dataset = gdal.Open(drawing.scene.source(), gdal.GA_Update)
    noise = np.random.default_rng(1).integers(0, 30000, (HEIGHT, WIDTH)).astype(np.int16)
    dataset.GetRasterBand(3).WriteArray(noise)
    dataset = None
    drawing.take("growing")
    drawing.grow(8.2, 7.9)
    assert drawing.bar.grower.pixels == 1  # the noise is taken for a signal
    dataset = gdal.Open(drawing.scene.source(), gdal.GA_Update)
    for number in range(1, dataset.RasterCount + 1):
        dataset.GetRasterBand(number).SetMetadataItem("bbl", "0" if number == 3 else "1")
    dataset = None
    drawing.dock.scene_picker.setLayer(None)
    drawing.dock.scene_picker.setLayer(drawing.scene)
    drawing.grow(8.2, 7.9)
    drawing.key(Qt.Key.Key_Return)
    assert (drawing.burned() == field(1, 1)).all()


def test_places_without_spectrum_are_said(drawing: Hand) -> None:
    drawing.take("growing")
    drawing.grow(1.5, 1.5)
    assert "no data at this pixel" in drawing.warnings()[-1]
    drawing.grow(-0.9, 5)
    assert "outside the scene “Szene”" in drawing.warnings()[-1]
    QgsProject.instance().removeMapLayer(drawing.scene.id())
    drawing.scene = QgsRasterLayer("none.tif", "none")
    drawing.scene.setCrs(QgsCoordinateReferenceSystem("EPSG:32633"))
    drawing.grow(8, 8)
    assert "Choose a scene" in drawing.warnings()[-1]


def test_scene_removed_while_it_is_read(drawing: Hand) -> None:
    drawing.take("growing")
    drawing.click(8.2, 7.9)
    assert drawing.bar.grower.busy
    QgsProject.instance().removeMapLayer(drawing.scene.id())
    assert not drawing.bar.grower.busy
    QCoreApplication.processEvents()
    assert not drawing.bands()


def test_last_click_counts(drawing: Hand) -> None:
    drawing.take("growing")
    for there in ((8.2, 7.9), (2.5, 12.5), (20.5, 17.5)):
        drawing.click(*there)
    drawing.settle()
    drawing.key(Qt.Key.Key_Return)
    assert (drawing.burned() == field(3, 3)).all()


def test_rotated_scene(drawing: Hand, write_scene: Any, tmp_path: Path) -> None:
    path = write_scene(str(tmp_path / "rotated.tif"))
    transform = (LEFT, 24.0, 18.0, TOP, 18.0, -24.0)
    dataset = gdal.Open(path, gdal.GA_Update)
    dataset.SetGeoTransform(transform)
    dataset = None
    scene = QgsRasterLayer(path, "Rotated")
    QgsProject.instance().addMapLayer(scene)
    drawing.dock.scene_picker.setLayer(scene)
    drawing.canvas.setExtent(scene.extent())
    drawing.take("growing")

    def center(row: float, column: float) -> QgsPointXY:
        return QgsPointXY(*gdal.ApplyGeoTransform(transform, column + 0.5, row + 0.5))

    target = drawing.pixel(center(8, 7))
    QTest.mouseClick(drawing.canvas.viewport(), LEFT_BUTTON, Qt.KeyboardModifier.NoModifier, target)
    drawing.settle()
    drawing.key(Qt.Key.Key_Return)
    (polygon,) = drawing.polygons()
    inside = [
        (row, column)
        for row, column in np.ndindex(HEIGHT, WIDTH)
        if polygon.contains(center(row, column))
    ]
    assert inside == [tuple(pixel) for pixel in np.argwhere(field(1, 1)).tolist()]


# Undo, save, leaving ----------------------------------------------------------------------------


def test_undo_redo_and_save(drawing: Hand, labels: QgsVectorLayer, tmp_path: Path) -> None:
    path = str(tmp_path / "labels.gpkg")
    QgsVectorFileWriter.writeAsVectorFormatV3(
        labels,
        path,
        QgsProject.instance().transformContext(),
        QgsVectorFileWriter.SaveVectorOptions(),
    )
    stored = QgsVectorLayer(path, "Stored", "ogr")
    _know_classes(stored)
    QgsProject.instance().addMapLayer(stored)
    drawing.dock.layer_picker.setLayer(stored)
    drawing.layer = stored
    drawing.context.select_class(22)
    undo, redo, save = (
        drawing.dock.findChild(QAbstractButton, f"mambahsiClass{name}Button")
        for name in ("Undo", "Redo", "Save")
    )

    def press(button: QAbstractButton) -> None:
        QTest.mouseClick(button, LEFT_BUTTON)
        QTest.qWait(20)  # the dock looks at the layer once for several changes

    def able() -> tuple[bool, ...]:
        return tuple(button.isEnabled() for button in (undo, redo, save))

    assert able() == (False, False, False)
    drawing.take("rectangle")
    drawing.drag((2, 4), (9, 12))
    QTest.qWait(20)
    assert able() == (True, False, True)
    press(undo)
    assert not drawing.polygons() and able()[:2] == (False, True)
    press(redo)
    assert len(drawing.polygons()) == 1
    press(save)
    assert stored.isEditable() and able() == (False, False, False)
    assert QgsVectorLayer(path, "again", "ogr").featureCount() == 1
    stored.rollBack()


def test_other_tools_take_over(drawing: Hand) -> None:
    drawing.take("polygon")
    drawing.click(5, 5)
    drawing.take("growing")
    assert not drawing.bands()
    drawing.take("growing")  # a second time: it stays
    pan = QgsMapToolPan(drawing.canvas)
    drawing.canvas.setMapTool(pan)
    assert not any(a.isChecked() for a in drawing.bar.actions_by_name.values())
    assert not drawing.bar.options.isVisible()
    drawing.canvas.unsetMapTool(pan)


def test_every_control_is_named_and_reached_by_tab(drawing: Hand) -> None:
    drawing.take("growing")
    controls = [
        w
        for w in drawing.bar.findChildren(QWidget)
        if w.objectName().startswith("mambahsi") and w.objectName() != "mambahsiRegion"
    ]
    assert len(controls) == 11
    for control in controls:
        assert control.toolTip(), control.objectName()
        assert control.accessibleName() or control.text(), control.objectName()
        assert control.focusPolicy() & Qt.FocusPolicy.TabFocus, control.objectName()


def test_nothing_is_left_behind(
    provider: Any, qgis_iface: Any, qgis_new_project: Any, scene: str, labels: QgsVectorLayer
) -> None:
    from mambahsi_qgis.gui.window import Window

    canvas = qgis_iface.mapCanvas()
    canvas.setExtent(QgsRectangle(LEFT, TOP - 720, LEFT + 600, TOP))
    items = len(canvas.scene().items())
    _know_classes(labels)
    raster = QgsRasterLayer(scene, "Szene")
    QgsProject.instance().addMapLayers([raster, labels])
    window = Window(qgis_iface)
    window.action.trigger()
    window.dock.scene_picker.setLayer(raster)
    window.dock.layer_picker.setLayer(labels)
    hand = Hand(window, raster, labels)
    hand.take("polygon")
    hand.click(5, 5)
    hand.click(5, 9)
    hand.take("growing")
    hand.click(8, 8)
    window.unload()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QCoreApplication.processEvents()
    assert len(canvas.scene().items()) == items
    assert canvas.mapTool() is None
    assert not any("MambaHSI" in thread.name for thread in threading.enumerate())
    canvas.setDestinationCrs(WGS84)
    QgsProject.instance().clear()
