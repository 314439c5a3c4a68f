"""Opening a scene from its file, and showing it as scenes were shown last.

QGIS's own ways to add a raster do as well. This one also takes the metadata of an EnMAP
product for its image, and says what to do with products that QGIS cannot show.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Optional

from osgeo import gdal
from qgis.core import Qgis, QgsRasterLayer, QgsSettings
from qgis.PyQt.QtWidgets import QFileDialog

from mambahsi_qgis.display.actions import last_used
from mambahsi_qgis.display.products import image_of, misread
from mambahsi_qgis.display.showing import show
from mambahsi_qgis.engine import rasters
from mambahsi_qgis.translation import tr

_FOLDER = "mambahsi/sceneFolder"


def ask_and_open(iface: Any) -> Optional[QgsRasterLayer]:
    """Ask for a scene's file, and open it; None where nothing was opened."""
    filters = (
        tr("Scenes")
        + " (*.tif *.tiff *.vrt *.img *.bsq *.bil *.bip *.dat *.hdr *.jp2 *.xml *.nc *.he5 *.h5);;"
        + tr("All files")
        + " (*)"
    )
    chosen, _ = QFileDialog.getOpenFileName(
        iface.mainWindow(), tr("Open scene"), QgsSettings().value(_FOLDER, ""), filters
    )
    if not chosen:
        return None
    QgsSettings().setValue(_FOLDER, str(Path(chosen).parent))
    return open_scene(iface, Path(chosen))


def open_scene(iface: Any, path: Path) -> Optional[QgsRasterLayer]:
    """Add a scene to the project and show it; None, and a message, where that cannot be."""
    try:
        image = image_of(path)
        _check(image)
    except ValueError as error:
        iface.messageBar().pushMessage("MambaHSI", str(error), Qgis.MessageLevel.Warning)
        return None
    layer = iface.addRasterLayer(str(image), image.stem)
    if layer is not None:  # otherwise QGIS has said why
        show(layer, last_used(), iface.messageBar())
    return layer


def _check(image: Path) -> None:
    dataset = rasters.open_source(str(image), ())
    if dataset is None:
        reason = gdal.GetLastErrorMsg() or tr("It is no raster.")
        raise ValueError(tr("{} cannot be opened: {}").format(image.name, reason))
    reason = misread(dataset)
    if reason:
        raise ValueError(f"{image.name}: {reason}")
