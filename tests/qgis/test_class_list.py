"""The class list as a person uses it: keys, mouse, counts of pixels, files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from osgeo import gdal, osr
from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsSettings,
    QgsVectorLayer,
    QgsVectorLayerUtils,
)
from qgis.PyQt.QtCore import QCoreApplication, Qt
from qgis.PyQt.QtGui import QColor
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QColorDialog, QFileDialog, QLineEdit

LEFT, TOP, PIXEL, COLUMNS, ROWS = 370000.0, 5810000.0, 30.0, 20, 24


def until(condition: Any, milliseconds: int = 5000) -> None:
    """Let the window live until something is the case."""
    for _ in range(milliseconds // 10):
        if condition():
            return
        QTest.qWait(10)
    raise AssertionError("It did not happen in time.")


@pytest.fixture()
def dock(
    provider: Any, qgis_iface: Any, qgis_new_project: Any, scene: str, tmp_path: Path
) -> Iterator[Any]:
    """The dock with a scene and a new training layer, shown in a window."""
    from mambahsi_qgis.gui.new_layer import create
    from mambahsi_qgis.gui.window import Window

    QgsSettings().remove("mambahsi/dockOpen")
    window = Window(qgis_iface)
    window.action.trigger()
    raster = QgsRasterLayer(scene, "Szene")
    QgsProject.instance().addMapLayer(raster)
    window.dock.scene_picker.setLayer(raster)
    create(window.dock.context, str(tmp_path / "Übung.gpkg"))
    assert window.dock.context.layer is not None
    qgis_iface.mainWindow().show()
    yield window.dock
    QgsProject.instance().clear()
    window.unload()
    QCoreApplication.sendPostedEvents(None, 52)


def add_by_keys(dock: Any, *names: str) -> None:
    view = dock.class_panel.view
    for name in names:
        QTest.keyClick(view, Qt.Key.Key_Insert)
        write(view, name)


def write(view: Any, name: str) -> None:
    """Type into the cell that is being edited; QTest knows no keys beyond Latin letters."""
    editor = view.findChildren(QLineEdit)[-1]  # the one before waits to be deleted
    editor.selectAll()
    editor.insert(name)
    QTest.keyClick(editor, Qt.Key.Key_Return)
    QCoreApplication.processEvents()


def listed(dock: Any) -> list[tuple[Any, ...]]:
    """What the list shows."""
    model = dock.class_panel.model
    return [
        tuple(model.index(row, column).data() for column in range(3))
        for row in range(model.rowCount())
    ]


def test_list_works_by_keys_alone(dock: Any) -> None:
    view, layer = dock.class_panel.view, dock.context.layer
    add_by_keys(dock, "Gewässer", "草地", "Wald")
    assert listed(dock) == [("Gewässer", 1, 0), ("草地", 2, 0), ("Wald", 3, 0)]
    assert dock.context.selected_class.name == "Wald"
    QTest.keyClick(view, Qt.Key.Key_Up)
    assert dock.context.selected_class.name == "草地"
    QTest.keyClick(view, Qt.Key.Key_F2)
    write(view, "Wiese")
    assert [row[0] for row in listed(dock)] == ["Gewässer", "Wiese", "Wald"]
    QTest.keyClick(view, Qt.Key.Key_Delete)
    assert [row[0] for row in listed(dock)] == ["Gewässer", "Wald"]
    assert dock.context.selected_class.name == "Wald"
    layer.undoStack().undo()
    QCoreApplication.processEvents()
    assert [row[0] for row in listed(dock)] == ["Gewässer", "Wiese", "Wald"]
    QTest.keyClick(view, Qt.Key.Key_F2)
    write(view, "Gewässer")
    assert [row[0] for row in listed(dock)] == ["Gewässer", "Wiese", "Wald"]


def test_recolor_and_merge_by_mouse(dock: Any) -> None:
    panel, layer = dock.class_panel, dock.context.layer
    add_by_keys(dock, "a", "b", "c")
    dock.context.add_polygon(pixels(0, 0, 3, 3), layer.crs())
    panel.recolor.trigger()
    dialog = panel.findChild(QColorDialog, "mambahsiClassColorDialog")
    dialog.setCurrentColor(QColor("#aa00bb"))
    dialog.accept()
    QCoreApplication.processEvents()
    assert [f["color"] for f in layer.getFeatures()] == ["#aa00bb"]
    assert not panel.merge.isEnabled()
    click = (panel.view.viewport(), Qt.MouseButton.LeftButton)
    first = panel.view.visualRect(panel.model.index(0, 1)).center()
    last = panel.view.visualRect(panel.model.index(2, 1)).center()
    QTest.mouseClick(*click, Qt.KeyboardModifier.NoModifier, first)
    QTest.mouseClick(*click, Qt.KeyboardModifier.ShiftModifier, last)
    assert panel.chosen() == [1, 2, 3] and panel.merge.isEnabled()
    panel.merge.menu().aboutToShow.emit()
    targets = panel.merge.menu().actions()
    assert [action.text() for action in targets] == ["a", "b", "c"]
    targets[1].trigger()
    QCoreApplication.processEvents()
    assert listed(dock) == [("b", 2, 1)]
    assert dock.context.selected_class.name == "b"


def pixels(left: float, top: float, right: float, bottom: float) -> QgsGeometry:
    """A rectangle in columns and rows."""
    x, y = LEFT + PIXEL * left, TOP - PIXEL * top
    return QgsGeometry.fromRect(QgsRectangle(x, TOP - PIXEL * bottom, LEFT + PIXEL * right, y))


def oracle(polygons: dict[int, list[np.ndarray]]) -> dict[int, tuple[int, int]]:
    """Own and disputed pixels of each class: every pixel center against every edge."""
    x, y = np.meshgrid(np.arange(COLUMNS) + 0.5, np.arange(ROWS) + 0.5)
    held = {}
    for value, rings in polygons.items():
        held[value] = np.zeros(x.shape, dtype=bool)
        for ring in rings:
            inside = np.zeros(x.shape, dtype=bool)
            for (ax, ay), (bx, by) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
                crosses = (ay > y) != (by > y)
                with np.errstate(divide="ignore", invalid="ignore"):
                    inside ^= crosses & (x < (bx - ax) * (y - ay) / (by - ay) + ax)
            held[value] |= inside
    claims = sum(mask.astype(int) for mask in held.values())
    return {
        v: (int((mask & (claims == 1)).sum()), int((mask & (claims > 1)).sum()))
        for v, mask in held.items()
    }


@pytest.mark.parametrize("placed", [(30, 10), (30, -10), (-30, -10)], ids=str)
def test_pixels_are_the_files_own_where_qgis_straightens_it(
    dock: Any, tmp_path: Path, placed: tuple[int, int]
) -> None:
    """Of a scene with the south above, or mirrored, QGIS shows other pixels than the file has."""
    across, down = placed
    path = str(tmp_path / "straightened.tif")
    dataset = gdal.GetDriverByName("GTiff").Create(path, 10, 20, 3)
    left, top = LEFT - min(0, 10 * across), TOP - max(0, 20 * down)
    dataset.SetGeoTransform((left, across, 0, top, 0, down))
    reference = osr.SpatialReference()
    reference.ImportFromEPSG(32633)
    dataset.SetProjection(reference.ExportToWkt())
    del dataset
    raster = QgsRasterLayer(path, "straightened")
    QgsProject.instance().addMapLayer(raster)
    dock.scene_picker.setLayer(raster)
    add_by_keys(dock, "a")
    box = QgsRectangle(LEFT, TOP - 200, LEFT + 300, TOP)
    half = QgsRectangle(LEFT, TOP - 100, LEFT + 300, TOP)
    for drawn, pixels in ((half, 100), (box, 200)):
        dock.context.add_polygon(QgsGeometry.fromRect(drawn), raster.crs())
        QCoreApplication.processEvents()
        until(dock.class_panel.pixels.is_current)
        assert dock.class_panel.pixels.of(1).own == pixels


def test_pixels_follow_another_crs_of_scene_or_layer(dock: Any) -> None:
    context, counts = dock.context, dock.class_panel.pixels
    add_by_keys(dock, "a")
    box = QgsRectangle(LEFT, TOP - 3 * PIXEL, LEFT + 4 * PIXEL, TOP)
    context.add_polygon(QgsGeometry.fromRect(box), context.layer.crs())

    def own() -> int:
        QCoreApplication.processEvents()
        until(counts.is_current)
        found = counts.of(1)
        return found.own if found is not None else -1

    right = context.scene.crs()
    assert own() == 12
    context.layer.setCrs(QgsCoordinateReferenceSystem("EPSG:32634"))
    assert own() == 0
    context.scene.setCrs(QgsCoordinateReferenceSystem("EPSG:32634"))
    assert own() == 12
    context.layer.setCrs(right)
    assert own() == 0


def test_pixels_are_those_whose_centers_lie_inside(dock: Any) -> None:
    """Random triangles, some beyond the scene, drawn in another CRS, edited and deleted."""
    context, counts = dock.context, dock.class_panel.pixels
    layer = context.layer
    add_by_keys(dock, "a", "b", "c")
    generator = np.random.default_rng(4)
    drawn: dict[int, list[np.ndarray]] = {1: [], 2: [], 3: []}

    def triangle(ring: np.ndarray) -> QgsGeometry:
        points = [QgsPointXY(LEFT + PIXEL * x, TOP - PIXEL * y) for x, y in ring]
        return QgsGeometry.fromPolygonXY([points])

    def agree() -> None:
        QCoreApplication.processEvents()
        until(counts.is_current)
        found = {v: (counts.of(v).own, counts.of(v).disputed) for v in drawn if drawn[v]}
        assert found == oracle({v: rings for v, rings in drawn.items() if rings})

    for number in range(24):
        value = int(generator.integers(1, 4))
        ring = generator.uniform((-4, -4), (COLUMNS + 4, ROWS + 4), (3, 2))
        context.select_class(value)
        assert context.add_polygon(triangle(ring), layer.crs())
        drawn[value].append(ring)
        if number == 11:
            layer.commitChanges(False)
            agree()
    # A row of the table without a polygon.
    layer.addFeature(QgsVectorLayerUtils.createFeature(layer, QgsGeometry(), {1: 1}))
    agree()
    assert any(counts.of(v).disputed for v in drawn)
    # One polygon moves, one class goes.
    feature = next(f for f in layer.getFeatures() if f["class_id"] == 1)
    ring = np.array([(2.2, 3.1), (9.7, 3.3), (5.2, 11.9)])
    before = next(
        i
        for i, r in enumerate(drawn[1])
        if triangle(r).boundingBox() == feature.geometry().boundingBox()
    )
    layer.changeGeometry(feature.id(), triangle(ring))
    drawn[1][before] = ring
    agree()
    context.edit(lambda edits: edits.remove([2]))
    drawn[2] = []
    agree()
    assert counts.of(2) is None
    tip = dock.class_panel.model.index(0, 3).data(Qt.ItemDataRole.ToolTipRole)
    assert str(counts.of(1).own) in tip
    dock.scene_picker.setLayer(None)
    until(counts.is_current)
    assert counts.of(1) is None


def test_counting_survives_what_is_removed_meanwhile(dock: Any) -> None:
    context = dock.context
    add_by_keys(dock, "a")
    context.add_polygon(pixels(1, 1, 5, 5), context.layer.crs())
    QCoreApplication.processEvents()
    dock.class_panel.pixels._start()
    QgsProject.instance().clear()
    until(lambda: not QgsApplication.taskManager().count())
    assert listed(dock) == [] and dock.class_panel.pixels.of(1) is None


@pytest.mark.parametrize("kind", ["csv", "qml"])
def test_list_goes_through_a_file_and_back(dock: Any, tmp_path: Path, kind: str) -> None:
    from mambahsi_qgis.classes.files import read_class_list

    panel = dock.class_panel
    add_by_keys(dock, "Gewässer, still", "草地 “nass”", 'W"ald;')
    dock.context.edit(lambda edits: edits.recolor(2, QColor("#010203")))
    expected = dock.context.classes()
    path = str(tmp_path / f"Liste ä.{kind}")
    panel.export_list.trigger()
    dialog = panel.findChild(QFileDialog, "mambahsiClassExportDialog")
    dialog.fileSelected.emit(path)
    dialog.close()
    assert read_class_list(path) == expected
    dock.context.edit(lambda edits: edits.remove([1, 2]))
    dock.context.edit(lambda edits: edits.rename(3, "Forst"))
    panel.import_list.trigger()
    dialog = panel.findChild(QFileDialog, "mambahsiClassImportDialog")
    dialog.fileSelected.emit(path)
    dialog.close()
    assert dock.context.classes() == expected
    dock.context.layer.undoStack().undo()
    QCoreApplication.processEvents()
    assert [(c.value, c.name) for c in dock.context.classes()] == [(3, "Forst")]


def test_lists_of_others_are_read(provider: Any, tmp_path: Path) -> None:
    """A CSV as spreadsheets write it, and the style beside a land-cover map."""
    from mambahsi_qgis.classes.files import read_class_list

    table = tmp_path / "list.csv"
    table.write_bytes("\ufeffClass_ID;Class_Name;Color\r\n7;Öl;255,0,0\r\n2;;\r\n".encode())
    found = [(c.value, c.name, c.color.name()) for c in read_class_list(str(table))]
    assert found == [(2, "Class 2", "#e6b800"), (7, "Öl", "#ff0000")]
    style = tmp_path / "map.qml"
    style.write_text(
        '<qgis><pipe><rasterrenderer type="paletted"><colorPalette>'
        '<paletteEntry value="3" label="Wald &amp; Flur" color="#1a6b3c" alpha="255"/>'
        "</colorPalette></rasterrenderer></pipe></qgis>",
        encoding="utf-8",
    )
    assert [(c.value, c.name) for c in read_class_list(str(style))] == [(3, "Wald & Flur")]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("class_name\nWald\n", "class_id"),
        ("class_id,class_name\n1,a\n1,b\n", "“1” is there more than once"),
        ("class_id,class_name\n1,a\n2,a\n", "“a” is there more than once"),
        ("class_id,class_name\n0,a\n", "from 1 to 65535"),
        ("class_id,class_name\neins,a\n", "line 2: “eins”"),
        ("class_id,class_name,color\n1,a,greenish\n", "“greenish” is no color"),
        ("class_id,class_name\n", "no classes"),
    ],
)
def test_bad_lists_are_refused_by_name(provider: Any, tmp_path: Path, text: str, why: str) -> None:
    from mambahsi_qgis.classes.files import ClassFileError, read_class_list

    path = tmp_path / "list.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ClassFileError, match=why) as caught:
        read_class_list(str(path))
    assert str(path) in str(caught.value)


def test_algorithm_makes_a_styled_layer(
    provider: Any, no_engine: None, scene: str, tmp_path: Path
) -> None:
    import processing

    path = str(tmp_path / "Fläche.gpkg")
    names = "Gewässer, 草地\nWald"
    result = processing.run(
        "mambahsi:createtraininglayer", {"SCENE": scene, "CLASS_NAMES": names, "LABELS": path}
    )
    assert result["LABELS"] == path and result["CLASSES"] == 3
    layer = QgsVectorLayer(path, "made")
    labels = [c.label() for c in layer.renderer().categories()]
    assert labels == ["Gewässer", "草地", "Wald"]
    assert layer.crs().authid() == "EPSG:32633"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"LABELS": "x.shp"}, "not a GeoPackage"),
        ({"CLASS_LIST": "missing.csv"}, "missing.csv"),
        ({"CLASS_NAMES": "a,b,a"}, "“a”"),
        ({"CLASS_LIST": "l.csv", "CLASS_NAMES": "a"}, "not both"),
    ],
)
def test_algorithm_refuses_by_name(
    provider: Any, scene: str, tmp_path: Path, change: dict[str, str], why: str
) -> None:
    from qgis.core import QgsProcessingContext

    found = QgsApplication.processingRegistry().algorithmById("mambahsi:createtraininglayer")
    parameters = {"SCENE": scene, "LABELS": str(tmp_path / "a.gpkg"), **change}
    context = QgsProcessingContext()
    context.setProject(QgsProject.instance())
    accepted, message = found.checkParameterValues(parameters, context)
    assert not accepted and why in message
