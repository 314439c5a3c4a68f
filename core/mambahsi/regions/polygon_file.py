"""Land-cover polygons as a GeoPackage that opens with the map's colors and names.

Fields are named as in training layers (``class_id``, ``class_name``, ``color``), so polygons of a
map can be trained on, or be a reference. The style lies inside the file.
"""

from __future__ import annotations

import sqlite3
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import numpy as np
import pyogrio
import shapely
from numpy.typing import NDArray
from pyogrio.errors import DataLayerError, DataSourceError

from mambahsi.classes import ClassTable
from mambahsi.errors import OutputError
from mambahsi.geopackage_style import store_style
from mambahsi.grid import Grid
from mambahsi.outputs import final_path, writing
from mambahsi.pam import xml_text

LAYER = "land_cover"
CLASS_FIELD, NAME_FIELD, COLOR_FIELD = "class_id", "class_name", "color"

_LARGEST_INTEGER = 2**31 - 1


@dataclass(frozen=True, eq=False)
class LandCoverFeatures:
    """Features to write, all arrays of shape (features,).

    Attributes:
        geometries: Multipolygons.
        values: Class value of each; int64.
        pixels: Pixels of each; int64.
        hectares: Area of each on the ellipsoid; float64, or None where nothing is known of it.
    """

    geometries: NDArray[np.object_]
    values: NDArray[np.int64]
    pixels: NDArray[np.int64]
    hectares: NDArray[np.float64] | None


def write_polygons(
    path: Path,
    grid: Grid,
    table: ClassTable,
    features: LandCoverFeatures,
    metadata: Mapping[str, str],
) -> None:
    """Write land-cover polygons with their style.

    Args:
        path: Where to write, usually from :meth:`mambahsi.outputs.OutputFiles.add`.
        grid: Grid of the map.
        table: Its classes.
        features: The features.
        metadata: What the layer is, as metadata items.

    Raises:
        OutputError: The file cannot be written.
    """
    row_of = {item.value: item for item in table}
    classes = [row_of[value] for value in features.values.tolist()]
    # Most programs show numbers of 32 bits better.
    fits = int(np.abs(features.values).max(initial=0)) <= _LARGEST_INTEGER
    columns = {
        CLASS_FIELD: features.values.astype(np.int32 if fits else np.int64),
        NAME_FIELD: np.array([item.name for item in classes], dtype=object),
        COLOR_FIELD: np.array([item.color for item in classes], dtype=object),
        "pixels": features.pixels,
    }
    if features.hectares is not None:
        columns["area_ha"] = features.hectares
    with writing(path), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "'crs' was not provided")
        try:
            pyogrio.raw.write(
                path,
                shapely.to_wkb(features.geometries),
                list(columns.values()),
                list(columns),
                geometry_type="MultiPolygon",
                crs=grid.crs or None,
                layer=LAYER,
                driver="GPKG",
                layer_metadata=dict(metadata),
                # Newer versions make older GDAL, and so older QGIS, complain.
                dataset_options={"VERSION": "1.2"},
            )
            store_style(path, LAYER, "land cover", "colors and names of the classes", _style(table))
        except (DataSourceError, DataLayerError, sqlite3.Error) as error:
            raise OutputError(
                f"{final_path(path)}: cannot be written ({error}).",
                "The disk may be full; free some space or choose another folder.",
            ) from error


def _style(table: ClassTable) -> str:
    """The QGIS style: every class filled with its color, under its name."""
    root = Element("qgis", version="3.22.0", styleCategories="Symbology")
    renderer = SubElement(
        root, "renderer-v2", type="categorizedSymbol", attr=CLASS_FIELD, symbollevels="0"
    )
    categories = SubElement(renderer, "categories")
    symbols = SubElement(renderer, "symbols")
    for number, item in enumerate(table):
        key = str(number)
        SubElement(
            categories,
            "category",
            value=str(item.value),
            type="long",
            symbol=key,
            label=xml_text(item.name),
            render="true",
        )
        color = ",".join(str(channel) for channel in (*item.rgb, 255))
        symbol = SubElement(symbols, "symbol", type="fill", name=key, alpha="1")
        layer = SubElement(symbol, "layer", {"class": "SimpleFill", "enabled": "1"})
        options = SubElement(layer, "Option", type="Map")
        # The outline closes the hairlines that antialiasing leaves between neighbors.
        for name, value in (
            ("color", color),
            ("style", "solid"),
            ("outline_color", color),
            ("outline_style", "solid"),
            ("outline_width", "0.1"),
            ("outline_width_unit", "MM"),
        ):
            SubElement(options, "Option", type="QString", name=name, value=value)
    return ElementTree.tostring(root, encoding="unicode")
