"""The dock in QGIS's window: pickers, what it survives, and what it leaves behind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsGeometry,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsSettings,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QCoreApplication
from qgis.PyQt.QtWidgets import QDockWidget, QToolBar

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
