"""Making a training layer for the scene that is picked."""

from __future__ import annotations

import os
from pathlib import Path

from qgis.core import QgsCoordinateReferenceSystem, QgsProject, QgsProviderRegistry, QgsVectorLayer
from qgis.PyQt.QtWidgets import QWidget

from mambahsi_qgis.classes.layer import TrainingLayerError, create_training_layer
from mambahsi_qgis.gui.context import TrainingContext
from mambahsi_qgis.gui.files import ask_for_file
from mambahsi_qgis.translation import tr


def ask_and_create(context: TrainingContext, parent: QWidget) -> None:
    """Ask where the layer shall be, then make it, load it and pick it."""
    ask_for_file(
        parent,
        "mambahsiNewLayerDialog",
        tr("New training layer"),
        "GeoPackage (*.gpkg)",
        lambda path: create(context, path),
        suggestion=suggestion(context),
    )


def suggestion(context: TrainingContext) -> str:
    """A new file beside the scene; beside the project where the scene cannot be written beside."""
    scene = context.scene
    project = QgsProject.instance()
    folders = [project.absolutePath(), str(Path.home())]
    stem = "training"
    if scene is not None:
        parts = QgsProviderRegistry.instance().decodeUri(scene.providerType(), scene.source())
        path = Path(str(parts.get("path") or ""))
        if path.is_file():
            folders.insert(0, str(path.parent))
        stem = f"{path.stem or scene.name()}_training"
    folder = next(f for f in folders if f and os.access(f, os.W_OK))
    target = Path(folder) / f"{stem}.gpkg"
    number = 2
    while target.exists():
        target = Path(folder) / f"{stem}_{number}.gpkg"
        number += 1
    return str(target)


def create(context: TrainingContext, path: str) -> None:
    """Make a training layer in the scene's CRS, load it and pick it."""
    for layer in QgsProject.instance().mapLayers().values():
        parts = QgsProviderRegistry.instance().decodeUri(layer.providerType(), layer.source())
        if parts.get("path") and os.path.realpath(parts["path"]) == os.path.realpath(path):
            context.warn(
                tr("{} is open as layer “{}”. Choose another name, or that layer.").format(
                    path, layer.name()
                )
            )
            return
    crs = context.scene.crs() if context.scene is not None else QgsProject.instance().crs()
    try:
        create_training_layer(path, QgsCoordinateReferenceSystem(crs), [])
    except TrainingLayerError as error:
        context.warn(str(error))
        return
    layer = QgsVectorLayer(path, Path(path).stem, "ogr")
    QgsProject.instance().addMapLayer(layer)
    context.set_layer(layer)
