"""Reading a vector layer: geometries, the fields that are asked for, and the CRS.

A damaged layer must not become a smaller training set unnoticed. Most formats fail to open
or to read; a shapefile that was cut short opens well and gives features without geometry, so
these are compared with what its index says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyogrio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, FieldError

from mambahsi.errors import LabelsError
from mambahsi.jobs import VectorSource


@dataclass(frozen=True, eq=False)
class VectorLayer:
    """The features of a layer.

    Attributes:
        label: How messages call it: its name, or the path, with the layer where it was given.
        crs: CRS as text that rasterio understands; empty where it is not known.
        geometries: Shapely geometries in two dimensions, None where a feature has none;
            object array of shape (features,).
        fields: Values by field name, each of shape (features,).
    """

    label: str
    crs: str
    geometries: np.ndarray
    fields: dict[str, np.ndarray]


def read_layer(source: VectorSource, fields: Sequence[str]) -> VectorLayer:
    """Read a layer with the given fields.

    Raises:
        LabelsError: The file is missing, corrupt or truncated, has no such layer, no such
            field, or no geometries.
    """
    path = source.path
    label = _label(source)
    layer, known = _find(source)
    for name in fields:
        if name not in known:
            raise LabelsError(
                f"Labels {label} have no field {name!r}.",
                f"Their fields: {', '.join(known) or 'none'}.",
            )
    with _reading(label):
        # Fields are asked for by name but always come in the order of the layer.
        meta, _, wkb, values = pyogrio.raw.read(
            path, layer=layer, columns=list(dict.fromkeys(fields))
        )
    if wkb is None:
        raise LabelsError(f"Labels {label} have no geometries.", "Choose polygons or points.")
    geometries = shapely.force_2d(shapely.from_wkb(wkb, on_invalid="fix"))
    _refuse_lost_shapes(path, layer, geometries, label)
    names = [str(name) for name in meta["fields"]]
    return VectorLayer(
        label, source.crs or meta["crs"] or "", geometries, dict(zip(names, values, strict=True))
    )


def field_names(source: VectorSource) -> list[str]:
    """Names of a layer's fields.

    Raises:
        LabelsError: The file is missing or corrupt, or has no such layer.
    """
    return _find(source)[1]


def _label(source: VectorSource) -> str:
    return source.name or (f"{source.path} (layer {source.layer})" if source.layer else source.path)


def _find(source: VectorSource) -> tuple[str, list[str]]:
    """The layer's name in its file, and the names of its fields."""
    path = source.path
    if not path.strip():
        raise LabelsError("No layer is given.", "Choose a layer of polygons or points.")
    is_file_path = not path.lower().startswith("/vsi") and ":" not in path[2:]
    if is_file_path and not Path(path).exists():
        raise LabelsError(f"Labels {path} do not exist.", "Check the path of the layer.")
    with _reading(_label(source)):
        layer = _layer_name(source)
        info = pyogrio.read_info(path, layer=layer)
    return layer, [str(name) for name in info["fields"]]


def _layer_name(source: VectorSource) -> str:
    layers = pyogrio.list_layers(source.path)
    names = [str(name) for name, _ in layers]
    if source.layer:
        if source.layer not in names:
            raise LabelsError(
                f"Labels {source.path} have no layer {source.layer!r}.",
                f"Their layers: {', '.join(names) or 'none'}.",
            )
        return source.layer
    # Tables without geometry, such as the styles that QGIS stores, are no labels.
    spatial = [str(name) for name, geometry_type in layers if geometry_type is not None]
    if not spatial:
        raise LabelsError(
            f"Labels {source.path} have no layer with geometries.", "Choose polygons or points."
        )
    return spatial[0]


@contextmanager
def _reading(label: str) -> Iterator[None]:
    try:
        yield
    except (DataSourceError, DataLayerError, FeatureError, FieldError) as error:
        # What follows is advice for those who call the library.
        reason = str(error).partition("; It might help")[0]
        hint = "The file may be corrupt, truncated, or of a format that the engine lacks."
        if "Permission denied" in reason:
            hint = "Check that you may read it."
        elif "is locked" in reason:
            hint = "Another program is writing to it: save the edits there, or close it."
        raise LabelsError(f"Labels {label} cannot be read: {reason}", hint) from error
    except shapely.errors.ShapelyError as error:
        raise LabelsError(f"Labels {label} hold a geometry that cannot be read: {error}") from error


def _refuse_lost_shapes(path: str, layer: str, geometries: np.ndarray, label: str) -> None:
    """Refuse a shapefile whose index knows of more geometries than could be read."""
    file_path = Path(path, f"{layer}.shp") if Path(path).is_dir() else Path(path)
    index_path = file_path.with_suffix(".SHX" if file_path.suffix == ".SHP" else ".shx")
    if file_path.suffix.lower() != ".shp" or not index_path.is_file():
        return
    # Behind 100 bytes of header, offset and length of each record, in words of two bytes,
    # as big-endian integers. A record without geometry holds its type alone: two words.
    lengths = np.frombuffer(index_path.read_bytes()[100:], dtype=">i4")[1::2]
    lost = int(shapely.is_missing(geometries).sum()) - int((lengths <= 2).sum())
    if lost > 0:
        raise LabelsError(
            f"Labels {label} are truncated or corrupt: {lost} of {len(geometries)} geometries "
            "cannot be read.",
            "Copy or download the shapefile again.",
        )
