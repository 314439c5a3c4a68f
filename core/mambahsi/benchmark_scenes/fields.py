"""Label maps as polygons: groups of pixels of one class that are connected by their edges.

Outlines of such groups are valid polygons, and burn back to exactly the pixels that they were made
of. Where corners connected, too, outlines would touch themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyogrio.raw
import rasterio.features
import shapely
import shapely.geometry
from affine import Affine

from mambahsi.classes import ClassTable

CLASS_FIELD = "class_id"
NAME_FIELD = "class_name"
COLOR_FIELD = "color"
PART_FIELD = "part"
LAYER = "fields"


@dataclass(frozen=True)
class Field:
    """One group of pixels.

    Attributes:
        class_id: Value of its class in the label map.
        shape: Outline of its pixels in map coordinates.
        part: Number of its part of an official split; 0 without such a split.
    """

    class_id: int
    shape: shapely.geometry.Polygon
    part: int = 0


def find_fields(
    values: np.ndarray, transform: Affine, parts: np.ndarray | None = None
) -> list[Field]:
    """The fields of a label map, class by class.

    Args:
        values: Label values up to 255, 0 unlabeled; integers (rows, columns).
        transform: From (column, row) to map coordinates.
        parts: Part of each pixel, up to 9; a field lies in one part. Same shape.
    """
    codes = values.astype(np.uint16)
    if parts is not None:
        codes += 256 * parts.astype(np.uint16)
    outlines = rasterio.features.shapes(codes, values > 0, connectivity=4, transform=transform)
    found = [
        Field(int(code) % 256, shapely.geometry.shape(outline), int(code) // 256)
        for outline, code in outlines
    ]
    return sorted(found, key=lambda field: field.class_id)


def write_fields(
    path: Path,
    fields: list[Field],
    classes: ClassTable,
    crs: str,
    metadata: Mapping[str, str],
    part_names: tuple[str, ...] = (),
) -> None:
    """Write fields as a GeoPackage with class value, class name and color.

    Args:
        path: File to write; nothing may lie there.
        fields: The fields; at least one.
        classes: Names and colors by class value.
        crs: CRS of the fields.
        metadata: Metadata of the layer.
        part_names: Names of the parts by number, for a further field; empty leaves it out.
    """
    by_value = {c.value: c for c in classes}
    columns: dict[str, np.ndarray] = {
        CLASS_FIELD: np.array([field.class_id for field in fields], dtype=np.int32),
        NAME_FIELD: _texts([by_value[field.class_id].name for field in fields]),
        COLOR_FIELD: _texts([by_value[field.class_id].color for field in fields]),
    }
    if part_names:
        columns[PART_FIELD] = _texts([part_names[field.part] for field in fields])
    pyogrio.raw.write(
        path,
        geometry=shapely.to_wkb([field.shape for field in fields]),
        field_data=list(columns.values()),
        fields=list(columns),
        layer=LAYER,
        driver="GPKG",
        geometry_type="Polygon",
        crs=crs,
        layer_metadata=dict(metadata),
        # The newest version that the GDAL of QGIS 3.22 knows in full.
        dataset_options={"VERSION": "1.3"},
    )


def _texts(texts: list[str]) -> np.ndarray:
    return np.array(texts, dtype=object)
