"""A QGIS style inside a GeoPackage.

QGIS keeps styles of a database's layers in its table ``layer_styles`` and applies the default one
wherever the file is opened.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

_STYLES = """
CREATE TABLE layer_styles (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT(256),
    f_table_schema TEXT(256), f_table_name TEXT(256), f_geometry_column TEXT(256),
    styleName TEXT(30), styleQML TEXT, styleSLD TEXT, useAsDefault BOOLEAN, description TEXT,
    owner TEXT(30), ui TEXT(30),
    update_time DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')))
"""


def store_style(path: Path, layer: str, name: str, description: str, qml: str) -> None:
    """Store the default style of a layer in a GeoPackage that has no style yet.

    Args:
        path: The GeoPackage.
        layer: Name of the layer.
        name: Name of the style, up to 30 characters.
        description: What it shows.
        qml: The style.

    Raises:
        sqlite3.Error: It cannot be written.
    """
    with closing(sqlite3.connect(path)) as connection, connection:
        (geometry,) = connection.execute(
            "SELECT column_name FROM gpkg_geometry_columns WHERE table_name = ?", (layer,)
        ).fetchone()
        connection.execute(_STYLES)
        connection.execute(
            "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, "
            "f_geometry_column, styleName, styleQML, styleSLD, useAsDefault, description, owner) "
            "VALUES ('', '', ?, ?, ?, ?, '', 1, ?, '')",
            (layer, geometry, name, qml, description),
        )
        connection.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id) "
            "VALUES ('layer_styles', 'attributes', 'layer_styles', 0)"
        )
