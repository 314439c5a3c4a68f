"""Making a training layer: a GeoPackage of polygons, with its style in the file.

The style in the file (QGIS calls it the default style) holds the classes, those without
polygons too, so that the file alone is enough, in whichever project it is opened.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsFields,
    QgsProviderRegistry,
    QgsVectorFileWriter,
    QgsVectorLayer,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QMetaType
from qgis.PyQt.QtXml import QDomDocument

from mambahsi_qgis.classes import style
from mambahsi_qgis.classes.fields import COLOR, NAME, VALUE, ClassFields
from mambahsi_qgis.classes.table import TrainingClass
from mambahsi_qgis.qt import new_field
from mambahsi_qgis.translation import tr

FIELDS = ClassFields(VALUE, NAME, COLOR)
"""Fields of every layer made here."""

_TABLE = "training"
_MADE = "mambahsi/style_in_file"

_PATIENCE = 1.0
"""Seconds to wait for others who read the file."""


class TrainingLayerError(Exception):
    """A training layer that cannot be made; the message is for the user."""


def create_training_layer(
    path: str, crs: QgsCoordinateReferenceSystem, classes: Sequence[TrainingClass]
) -> None:
    """Write a GeoPackage with an empty layer of polygons; an existing file is replaced.

    Args:
        path: Where, ending in ``.gpkg``.
        crs: The scene's CRS; may be invalid, as the scene's.
        classes: Classes that it starts with.

    Raises:
        TrainingLayerError: The file cannot be written.
    """
    target = Path(path)
    if target.suffix.lower() != ".gpkg":
        raise TrainingLayerError(tr("{} is not a GeoPackage. Name it .gpkg.").format(path))
    if not target.parent.is_dir():
        raise TrainingLayerError(tr("Folder {} does not exist.").format(target.parent))
    # Beside its place, and renamed into it when it is whole.
    partial = target.with_name(f".{target.stem}.{os.getpid()}.gpkg")
    try:
        _write(partial, crs)
        _store_style(partial, classes)
        _complete(partial)
        partial.replace(target)
    except (OSError, sqlite3.Error) as error:
        raise TrainingLayerError(
            tr("{} cannot be written: {}").format(path, getattr(error, "strerror", None) or error)
        ) from error
    finally:
        for left in target.parent.glob(f"{partial.name}*"):
            left.unlink()


def keeps_style(layer: QgsVectorLayer) -> bool:
    """Whether the layer's file is to hold its style."""
    made = layer.customProperty(_MADE) is not None and layer.providerType() == "ogr"
    return made and _path(layer).lower().endswith(".gpkg")


def save_style(layer: QgsVectorLayer) -> str:
    """Renew the style in a layer's file; returns what went wrong, or an empty text.

    Written by SQL: QGIS's own function changes the journal mode of the file, after which
    layers that are open cannot read it any more (seen with QGIS 3.22).
    """
    parts = QgsProviderRegistry.instance().decodeUri("ogr", layer.source())
    table = parts.get("layerName") or _TABLE
    document = QDomDocument()
    layer.exportNamedStyle(document)
    try:
        database = sqlite3.connect(_path(layer), timeout=_PATIENCE)
        try:
            # A copy that somebody exported may hold no style.
            known = "SELECT count(*) FROM sqlite_master WHERE name = 'layer_styles'"
            with database:
                if not database.execute(known).fetchone()[0]:
                    return ""
                database.execute(
                    "UPDATE layer_styles SET styleQML = ?, "
                    "update_time = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') "
                    "WHERE f_table_name = ? AND styleName = ?",
                    (document.toString(), table, _TABLE),
                )
        finally:
            database.close()
    except sqlite3.Error as error:
        return tr("The style of “{}” cannot be kept in its file: {}").format(layer.name(), error)
    return ""


def _path(layer: QgsVectorLayer) -> str:
    return str(QgsProviderRegistry.instance().decodeUri("ogr", layer.source()).get("path") or "")


def _write(path: Path, crs: QgsCoordinateReferenceSystem) -> None:
    fields = QgsFields()
    fields.append(new_field(VALUE, QMetaType.Type.Int))
    fields.append(new_field(NAME, QMetaType.Type.QString))
    fields.append(new_field(COLOR, QMetaType.Type.QString))
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName = "GPKG"
    options.layerName = _TABLE
    writer = QgsVectorFileWriter.create(
        str(path),
        fields,
        QgsWkbTypes.Type.MultiPolygon,
        crs,
        QgsCoordinateTransformContext(),
        options,
    )
    problem = writer.errorMessage()
    del writer  # closes the file
    if problem:
        raise TrainingLayerError(problem)


def _store_style(path: Path, classes: Sequence[TrainingClass]) -> None:
    layer = QgsVectorLayer(str(path), _TABLE, "ogr")
    if not layer.isValid():
        raise TrainingLayerError(tr("{} cannot be read again.").format(path))
    style.prepare(layer, FIELDS, classes)
    style.derive_names_and_colors(layer, FIELDS)
    layer.setCustomProperty(_MADE, 1)
    problem = layer.saveStyleToDatabase(_TABLE, "", True, "")
    del layer  # closes the file
    if problem:
        raise TrainingLayerError(problem)


def _complete(path: Path) -> None:
    """Bring everything into the file itself, and let it need no other.

    QGIS leaves a GeoPackage with a journal beside it (mode WAL), which is not renamed with it and
    does not work on network drives.
    """
    database = sqlite3.connect(str(path), timeout=_PATIENCE)
    try:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.execute("PRAGMA journal_mode = DELETE")
    finally:
        database.close()
