"""What becomes of a run's files: layers on top of the canvas, and an open report."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

from qgis.core import QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import QUrl
from qgis.PyQt.QtGui import QDesktopServices

from mambahsi_qgis.gui.made_map import MadeMap
from mambahsi_qgis.gui.training.run_folder import RunFolder
from mambahsi_qgis.translation import tr


def made_in(folder: RunFolder) -> MadeMap:
    """The files of a run that went well."""
    return MadeMap(
        classification=str(folder.classification),
        confidence=str(folder.confidence) if folder.confidence.is_file() else None,
        report=str(folder.report) if folder.report.is_file() else None,
        model=str(folder.model),
    )


def add_map(project: QgsProject, made: MadeMap, folder: RunFolder) -> Optional[QgsRasterLayer]:
    """Add a land-cover map on top of a project's layers, with its legend unfolded.

    Its confidence, if there is one, is added below it, not shown.

    Args:
        project: The project.
        made: The files.
        folder: Names scene and time, after which the layers are called.

    Returns:
        The map's layer; None where its file cannot be read.
    """
    about = f"{folder.scene} {folder.begun:%H:%M}" if folder.begun else folder.scene
    layer = _styled(made.classification, tr("Land cover, {}").format(about))
    if not layer.isValid():
        return None
    root = project.layerTreeRoot()
    if made.confidence is not None:
        further = _styled(made.confidence, tr("Confidence, {}").format(about))
        if further.isValid():
            project.addMapLayer(further, False)
            node = root.insertLayer(0, further)
            node.setItemVisibilityChecked(False)
            node.setExpanded(False)
    project.addMapLayer(layer, False)
    root.insertLayer(0, layer).setExpanded(True)
    return layer


def _styled(path: str, name: str) -> QgsRasterLayer:
    """A raster with the style that the engine has written beside it."""
    layer = QgsRasterLayer(path, name)
    if layer.isValid():
        layer.loadNamedStyle(str(Path(path).with_suffix(".qml")))
    return layer


def open_file(path: str) -> bool:
    """Open a file with the program that the system has for it."""
    return open_url(QUrl.fromLocalFile(path).toString())


def open_url(url: str) -> bool:
    """Open what a link leads to."""
    return QDesktopServices.openUrl(QUrl(url))
