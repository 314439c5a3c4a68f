"""The dock in QGIS's window: pickers, what it survives, and what it leaves behind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsGeometry,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsSettings,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QCoreApplication, Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QCheckBox, QDockWidget, QLabel, QPushButton, QToolBar, QWidget

LEFT, TOP, PIXEL = 370000.0, 5810000.0, 30.0


@pytest.fixture()
def window(provider: Any, qgis_iface: Any, qgis_new_project: Any) -> Iterator[Any]:
    from mambahsi_qgis.gui.window import Window

    QgsSettings().remove("mambahsi/dockOpen")
    window = Window(qgis_iface)
    window.action.trigger()
    yield window
    QgsProject.instance().clear()
    if window.dock is not None:
        window.unload()
    QCoreApplication.sendPostedEvents()


def test_dock_follows_what_is_picked_and_removed(
    window: Any, scene: str, labels: QgsVectorLayer
) -> None:
    context = window.dock.context
    raster = QgsRasterLayer(scene, "Szene")
    QgsProject.instance().addMapLayers([raster, labels])
    assert context.scene is None and context.layer is None
    window.dock.scene_picker.setLayer(raster)
    window.dock.layer_picker.setLayer(labels)
    assert context.scene is raster and context.layer is labels
    assert (context.class_field, context.name_field, context.color_field) == (
        "code",
        "cover",
        "hue",
    )
    found = [(c.name, c.value, c.color.name()) for c in context.classes()]
    assert found == [("Wald", 11, "#1a6b3c"), ("Gewässer", 22, "#2b83ba"), ("Acker", 33, "#d9a441")]
    told = []
    context.layerChanged.connect(lambda: told.append(context.layer))
    QgsProject.instance().removeMapLayer(labels.id())
    assert told == [None] and context.layer is None and context.classes() == []
    QgsProject.instance().clear()
    assert context.scene is None


def test_polygon_goes_through_the_edit_buffer_in_one_step(
    window: Any, labels: QgsVectorLayer
) -> None:
    context = window.dock.context
    QgsProject.instance().addMapLayer(labels)
    window.dock.layer_picker.setLayer(labels)
    context.select_class(22)
    before = labels.featureCount()
    bow_tie = QgsGeometry.fromWkt("POLYGON((14 52, 14.1 52.1, 14.1 52, 14 52.1, 14 52))")
    assert context.add_polygon(bow_tie, QgsCoordinateReferenceSystem("EPSG:4326"))
    assert labels.undoStack().count() == 1
    added = [f for f in labels.getFeatures() if f.id() < 0]
    assert {tuple(f.attributes()) for f in added} == {(22, "Gewässer", "#2b83ba")}
    assert all(f.geometry().isGeosValid() for f in added)
    labels.undoStack().undo()
    assert labels.featureCount() == before
    line = QgsGeometry.fromRect(QgsRectangle(LEFT, TOP, LEFT + 10, TOP))
    assert not context.add_polygon(line, labels.crs())
    assert labels.undoStack().index() == 0


def test_unload_leaves_nothing_behind(
    provider: Any, qgis_iface: Any, qgis_new_project: Any, labels: QgsVectorLayer
) -> None:
    from mambahsi_qgis.gui.window import Window

    main = qgis_iface.mainWindow()
    docks, bars = len(main.findChildren(QDockWidget)), len(main.findChildren(QToolBar))
    QgsSettings().remove("mambahsi/dockOpen")
    window = Window(qgis_iface)
    window.action.trigger()
    QgsProject.instance().addMapLayer(labels)
    window.dock.layer_picker.setLayer(labels)
    assert len(main.findChildren(QDockWidget)) == docks + 1
    window.unload()
    QCoreApplication.sendPostedEvents(None, 52)  # deletions that were put off
    assert len(main.findChildren(QDockWidget)) == docks
    assert len(main.findChildren(QToolBar)) == bars
    labels.startEditing()
    labels.deleteFeature(next(labels.getFeatures()).id())
    QCoreApplication.processEvents()
    QgsProject.instance().clear()


def test_fields_are_chosen_and_texts_numbered(window: Any, qgis_new_project: Any) -> None:
    context, dock = window.dock.context, window.dock
    definition = "Polygon?crs=EPSG:32633&field=Nutzung:string"
    layer = QgsVectorLayer(definition, "texts", "memory")
    features = []
    for text in ("Äcker 10", "Wald", "äcker 9"):
        feature = QgsFeature(layer.fields())
        feature.setAttributes([text])
        features.append(feature)
    layer.dataProvider().addFeatures(features)
    QgsProject.instance().addMapLayer(layer)
    dock.layer_picker.setLayer(layer)
    box = dock.findChild(QWidget, "mambahsiFields")
    assert not box.isCollapsed() and context.class_field == ""
    assert "Fields" in dock.class_panel.summary.text()
    QTest.keyClicks(box.value, "Nutzung")
    assert box.number.isVisibleTo(box)
    QTest.mouseClick(box.number, Qt.MouseButton.LeftButton)
    assert (context.class_field, context.name_field) == ("class_id", "Nutzung")
    assert not box.isCollapsed()  # there is more to do in it
    assert {(c.value, c.name) for c in context.classes()} == {
        (1, "Wald"),
        (2, "äcker 9"),
        (3, "Äcker 10"),
    }
    assert box.value.currentField() == "class_id"
    assert box.complete.isVisibleTo(box.complete.parentWidget())
    QTest.mouseClick(box.complete, Qt.MouseButton.LeftButton)
    assert context.color_field == "color" and not box.complete.isVisibleTo(box)
    assert layer.undoStack().count() == 2


def test_tab_goes_from_the_tools_to_the_list(window: Any) -> None:
    names, widget = [], window.dock.findChild(QWidget, "mambahsiTabs")
    while widget.objectName() != "mambahsiClassList":
        names.append(widget.objectName())
        widget = widget.nextInFocusChain()
    wanted = ["PolygonTool", "GrowingTool", "ToleranceSlider", "AddRegion", "ClassAdd"]
    places = [next(i for i, n in enumerate(names) if n.startswith(f"mambahsi{w}")) for w in wanted]
    assert places == sorted(places)


def test_shortcuts_leave_the_menus_of_qgis_alone(window: Any) -> None:
    menus = set("JEVLSPORDWMCH")  # Project to Help, in QGIS 3.22 and 3.40
    texts = [
        widget.text()
        for widget in window.dock.findChildren(QWidget)
        if isinstance(widget, (QLabel, QCheckBox, QPushButton))
    ]
    letters = {match.upper() for text in texts for match in re.findall(r"&(\w)", text)}
    assert {"N", "Y", "T", "K"} <= letters and not letters & menus


def test_project_remembers_what_was_picked(
    window: Any, scene: str, tmp_path: Path, qgis_new_project: Any
) -> None:
    from mambahsi_qgis.gui.new_layer import create, suggestion

    context, dock, project = window.dock.context, window.dock, QgsProject.instance()
    raster = QgsRasterLayer(scene, "Szene")
    project.addMapLayer(raster)
    dock.scene_picker.setLayer(raster)
    path = suggestion(context)
    assert path == str(Path(scene).with_name("scene_training.gpkg"))
    create(context, path)
    assert context.layer.crs() == raster.crs() and dock.layer_picker.currentLayer() is context.layer
    assert suggestion(context) != path
    create(context, path)  # is open, so it is refused
    assert len(project.mapLayers()) == 2
    saved = str(tmp_path / "project.qgz")
    assert project.write(saved)
    project.clear()
    assert context.scene is None and context.layer is None
    assert project.read(saved)
    assert context.scene.source() == scene and context.layer.source().startswith(path)
