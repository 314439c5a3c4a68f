"""Which layers are maps, which tell how sure a map is, and which belong together.

What belongs to a map is kept as properties of its layer, so that a saved project knows it, too.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Optional

from qgis.core import (
    Qgis,
    QgsMapLayer,
    QgsPalettedRasterRenderer,
    QgsProject,
    QgsProviderRegistry,
    QgsRasterLayer,
)

_CONFIDENCE = "mambahsi/confidence"
_REPORT = "mambahsi/report"
_FLOATS = (Qgis.DataType.Float32, Qgis.DataType.Float64)


def is_map(layer: Optional[QgsMapLayer]) -> bool:
    """Whether a layer shows classes."""
    raster = _single_band(layer)
    return raster is not None and isinstance(raster.renderer(), QgsPalettedRasterRenderer)


def is_confidence(layer: Optional[QgsMapLayer]) -> bool:
    """Whether a layer may hold confidence, or a margin: numbers that are small where unsure."""
    raster = _single_band(layer)
    if raster is None or raster.dataProvider().dataType(1) not in _FLOATS:
        return False
    return not _says(raster, "entropy")


def class_names(layer: QgsRasterLayer) -> dict[int, str]:
    """Names of a map's classes by their values, as its legend shows them."""
    renderer = layer.renderer()
    if not isinstance(renderer, QgsPalettedRasterRenderer):
        return {}
    return {int(entry.value): entry.label for entry in renderer.classes()}


def layer_of(path: str) -> Optional[QgsRasterLayer]:
    """The project's layer of a file, or None."""
    for layer in QgsProject.instance().mapLayers().values():
        if isinstance(layer, QgsRasterLayer) and _same(_file(layer), path):
            return layer
    return None


def keep_together(layer: QgsRasterLayer, confidence: Optional[str], report: Optional[str]) -> None:
    """Remember what belongs to a map."""
    for name, path in ((_CONFIDENCE, confidence), (_REPORT, report)):
        if path:
            layer.setCustomProperty(name, path)


def confidence_of(layer: QgsRasterLayer) -> Optional[QgsRasterLayer]:
    """The layer that tells how sure a map is: what was made with it, else one on its grid."""
    kept = str(layer.customProperty(_CONFIDENCE, ""))
    if kept:
        known = layer_of(kept)
        if known is not None:
            return known
    for other in QgsProject.instance().mapLayers().values():
        on_grid = is_confidence(other) and (
            (other.width(), other.height(), other.extent())
            == (layer.width(), layer.height(), layer.extent())
        )
        if on_grid and _says(other, "confidence"):
            return other
    return None


def report_of(layer: QgsRasterLayer) -> str:
    """The report of a map's training, or an empty text."""
    path = str(layer.customProperty(_REPORT, ""))
    return path if path and Path(path).is_file() else ""


def _single_band(layer: Optional[QgsMapLayer]) -> Optional[QgsRasterLayer]:
    """The layer, if it is a raster file of one band."""
    if not isinstance(layer, QgsRasterLayer) or not layer.isValid():
        return None
    return layer if layer.providerType() == "gdal" and layer.bandCount() == 1 else None


def _says(layer: QgsRasterLayer, word: str) -> bool:
    return word in layer.bandName(1).lower()


def _file(layer: QgsRasterLayer) -> str:
    parts = QgsProviderRegistry.instance().decodeUri(layer.providerType(), layer.source())
    return str(parts.get("path") or "")


def _same(one: str, other: str) -> bool:
    return bool(one) and os.path.realpath(one) == os.path.realpath(other)
