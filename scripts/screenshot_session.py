"""What a user does in QGIS, with a picture at each step. QGIS runs this as it starts.

Loads Indian Pines and its fields, opens the dialog of ``mambahsi:trainandclassify``, fills it
in, presses Run, and waits for the map. The environment says where: ``DEMO`` holds the scene
and receives the outputs, ``PICTURES`` receives the pictures, and ``EPOCHS`` may shorten the
training to try this script out.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import processing
from qgis.core import (
    QgsApplication,
    QgsProject,
    QgsProperty,
    QgsRasterLayer,
    QgsSymbolLayer,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QSize, QTimer
from qgis.PyQt.QtWidgets import QApplication, QDockWidget
from qgis.utils import iface

DEMO = Path(os.environ["DEMO"])
PICTURES = Path(os.environ["PICTURES"])
NEAR_INFRARED, RED, GREEN = 51, 28, 18

PAUSE = 1500
"""Milliseconds for QGIS to draw what was asked for."""

TIME_LIMIT = 45 * 60 * 1000


def picture(name: str) -> None:
    """Save what is on the screen."""
    screen = QApplication.primaryScreen().grabWindow(0)
    screen.save(str(PICTURES / f"{name}.png"), "PNG", 0)


def tidy() -> None:
    """Leave of the panels only that of the layers."""
    for dock in iface.mainWindow().findChildren(QDockWidget):
        if dock.objectName() != "Layers":
            dock.close()


def close(failed: bool) -> None:
    """Leave QGIS without a question about the unsaved project."""
    print("The session failed." if failed else "All pictures are taken.", flush=True)
    os._exit(1 if failed else 0)


def guarded(step: Callable[..., None]) -> Callable[..., None]:
    """The step, ending QGIS if it fails: nobody sits before this window."""

    def run(*arguments: Any) -> None:
        try:
            step(*arguments)
        except Exception:
            traceback.print_exc()
            close(failed=True)

    return run


def later(step: Callable[..., None], milliseconds: int = PAUSE) -> None:
    """Take a step once QGIS has had time to draw."""
    QTimer.singleShot(milliseconds, guarded(step))


class Session:
    """The steps, each of which starts the next."""

    def __init__(self) -> None:
        self.dialog: Any = None

    def load(self) -> None:
        """Scene and fields into the canvas; the panels that show nothing here away."""
        iface.mainWindow().showMaximized()
        tidy()
        scene = QgsRasterLayer(str(DEMO / "indian_pines.tif"), "Indian Pines")
        renderer = scene.renderer().clone()
        for setter, band in (
            (renderer.setRedBand, NEAR_INFRARED),
            (renderer.setGreenBand, RED),
            (renderer.setBlueBand, GREEN),
        ):
            setter(band)
        scene.setRenderer(renderer)
        scene.setDefaultContrastEnhancement()
        fields = QgsVectorLayer(str(DEMO / "indian_pines_fields.gpkg"), "Fields")
        if not (scene.isValid() and fields.isValid()):
            raise FileNotFoundError(f"No scene and fields in {DEMO}.")
        fields.renderer().symbol().symbolLayer(0).setDataDefinedProperty(
            QgsSymbolLayer.Property.PropertyFillColor, QgsProperty.fromField("color")
        )
        QgsProject.instance().addMapLayer(scene)
        QgsProject.instance().addMapLayer(fields)
        iface.mapCanvas().setExtent(scene.extent())
        iface.mapCanvas().refresh()
        later(self.fill_in)

    def fill_in(self) -> None:
        """The dialog, as a user fills it in."""
        project = QgsProject.instance()
        values = {
            "SCENE": project.mapLayersByName("Indian Pines")[0],
            "LABELS": project.mapLayersByName("Fields")[0],
            "CLASS_FIELD": "class_id",
            "NAME_FIELD": "class_name",
            "COLOR_FIELD": "color",
            "MODEL": str(DEMO / "indian_pines.safetensors"),
            "CLASSIFICATION": str(DEMO / "land_cover.tif"),
            "REPORT": str(DEMO / "report.html"),
        }
        if "EPOCHS" in os.environ:
            values["EPOCHS"] = int(os.environ["EPOCHS"])
        self.dialog = processing.createAlgorithmDialog("mambahsi:trainandclassify", values)
        self.dialog.resize(QSize(900, 680))
        self.dialog.show()
        later(self.start)

    def start(self) -> None:
        """Press Run."""
        picture("dialog")
        self.dialog.algorithmFinished.connect(lambda *_: later(self.finish))
        self.dialog.runButton().click()

    def finish(self) -> None:
        """The map in the canvas, with its legend."""
        self.dialog.close()
        tidy()
        project = QgsProject.instance()
        land_cover = [
            layer
            for layer in project.mapLayers().values()
            if Path(layer.source()) == DEMO / "land_cover.tif"
        ]
        if not land_cover:
            raise RuntimeError("The run left no map in the project.")
        root = project.layerTreeRoot()
        fields = project.mapLayersByName("Fields")[0]
        root.findLayer(fields).setItemVisibilityChecked(False)
        for node in root.findLayers():
            node.setExpanded(node.layer() in land_cover)
        iface.mapCanvas().setExtent(land_cover[0].extent())
        iface.mapCanvas().refresh()
        later(self.end, 2 * PAUSE)

    def end(self) -> None:
        """The last picture."""
        picture("map")
        close(failed=False)


def main() -> None:
    """Start, once the window is there."""
    if QgsApplication.processingRegistry().algorithmById("mambahsi:trainandclassify") is None:
        print("The plugin's algorithms are missing.", flush=True)
        close(failed=True)
    session = Session()
    later(session.load, 2 * PAUSE)
    later(lambda: close(failed=True), TIME_LIMIT)


main()
