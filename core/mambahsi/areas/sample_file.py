"""A drawn sample as a GeoPackage that is ready to be interpreted.

One point lies at the center of each drawn pixel, in random order. The interpreter fills in
``reference_class``, and may say how sure that is and why. What the map says there is the stratum,
and it stays hidden in form and table, because who knows it interprets in its favor.

Form and symbols are a QGIS style inside the file (table ``layer_styles``), which QGIS applies
wherever the file is opened. Every point carries the size of its stratum, so that the sample
remains usable for other maps of the area, whatever becomes of the one that it was drawn from.
"""

from __future__ import annotations

import sqlite3
import warnings
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import numpy as np
import pyogrio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError

from mambahsi.areas.drawing import Drawn, MapClasses
from mambahsi.classes import ClassTable
from mambahsi.errors import OutputError
from mambahsi.geopackage_style import store_style
from mambahsi.grid import Grid
from mambahsi.jobs import SAMPLE_FIELDS
from mambahsi.outputs import final_path, writing
from mambahsi.pam import xml_text

LAYER = "sample"
STRATUM, STRATUM_PIXELS, STRATUM_HA = SAMPLE_FIELDS
REFERENCE_CLASS = "reference_class"

OTHER_CLASS = 0
"""Reference class of a pixel that is none of the map's classes; 0 is nodata in a map."""

OTHER_NAME = "None of these classes"

_NULL = "{2839923C-8B7D-419E-B84B-CA2FE9B80EC7}"
"""What stands for no value in QGIS's value maps."""

_HIDDEN = ("fid", *SAMPLE_FIELDS)
_SHOWN = {
    "id": "Point",
    REFERENCE_CLASS: "Reference class",
    "confidence": "Confidence",
    "notes": "Notes",
}


def write_sample(
    path: Path, grid: Grid, table: ClassTable, classes: MapClasses, unit: str, drawn: Drawn
) -> None:
    """Write the points with their form.

    Args:
        path: Where to write, usually from :meth:`mambahsi.outputs.OutputFiles.add`.
        grid: Grid of the map.
        table: Classes that the interpreter may choose from.
        classes: The strata.
        unit: Unit of their areas, ``ha`` or ``pixels``.
        drawn: The points.

    Raises:
        OutputError: The file cannot be written.
    """
    n = len(drawn.rows)
    a, b, c, d, e, f = grid.transform
    right, down = drawn.columns + 0.5, drawn.rows + 0.5
    x, y = a * right + b * down + c, d * right + e * down + f
    if not grid.has_transform:
        y = -y  # where QGIS draws rasters without georeference
    empty = np.ones(n, dtype=bool)
    texts = np.full(n, None, dtype=object)
    hectares = classes.areas[drawn.stratum]
    columns = {
        "id": np.arange(1, n + 1, dtype=np.int32),
        STRATUM: classes.values[drawn.stratum],
        STRATUM_PIXELS: classes.pixels[drawn.stratum],
        STRATUM_HA: hectares,
        REFERENCE_CLASS: np.zeros(n, dtype=np.int32),
        "confidence": texts,
        "notes": texts,
    }
    missing = {REFERENCE_CLASS: empty, STRATUM_HA: np.full(n, unit != "ha")}
    with writing(path), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "'crs' was not provided")
        try:
            pyogrio.raw.write(
                path,
                shapely.to_wkb(shapely.points(x, y)),
                list(columns.values()),
                list(columns),
                field_mask=[missing.get(name) for name in columns],
                geometry_type="Point",
                crs=grid.crs or None,
                layer=LAYER,
                driver="GPKG",
                # Newer versions make older GDAL, and so older QGIS, complain.
                dataset_options={"VERSION": "1.2"},
            )
            qml = _style(table, abs(a * e - b * d) ** 0.5)
            store_style(path, LAYER, "interpretation", "blind interpretation", qml)
        except (DataSourceError, DataLayerError, sqlite3.Error) as error:
            raise OutputError(
                f"{final_path(path)}: cannot be written ({error}).",
                "The disk may be full; free some space or choose another folder.",
            ) from error


def _style(table: ClassTable, pixel: float) -> str:
    """The QGIS style: form, attribute table and symbols."""
    root = Element("qgis", version="3.22.0", styleCategories="AllStyleCategories")
    _add_symbols(root, pixel)
    widgets = SubElement(root, "fieldConfiguration")
    choices = [("not interpreted", _NULL)]
    choices += [(item.name, str(item.value)) for item in table]
    choices.append((OTHER_NAME, str(OTHER_CLASS)))
    sure = [("not given", _NULL), *((word, word) for word in ("high", "medium", "low"))]
    for name in _HIDDEN:
        _add_widget(widgets, name, "Hidden", {})
    _add_widget(widgets, "id", "TextEdit", {})
    _add_widget(widgets, REFERENCE_CLASS, "ValueMap", {"map": choices})
    _add_widget(widgets, "confidence", "ValueMap", {"map": sure})
    _add_widget(widgets, "notes", "TextEdit", {"IsMultiline": "true"})
    aliases = SubElement(root, "aliases")
    editable = SubElement(root, "editable")
    for index, (name, alias) in enumerate(_SHOWN.items()):
        SubElement(aliases, "alias", index=str(index), field=name, name=alias)
        SubElement(editable, "field", name=name, editable="0" if name == "id" else "1")
    columns = SubElement(SubElement(root, "attributetableconfig"), "columns")
    for name in (*_SHOWN, *_HIDDEN):
        hidden = "1" if name in _HIDDEN else "0"
        SubElement(columns, "column", type="field", name=name, hidden=hidden, width="-1")
    SubElement(root, "editorlayout").text = "generatedlayout"
    SubElement(root, "previewExpression").text = '"id"'
    return ElementTree.tostring(root, encoding="unicode")


def _add_widget(
    parent: Element, field: str, kind: str, settings: dict[str, str | list[tuple[str, str]]]
) -> None:
    config = SubElement(
        SubElement(SubElement(parent, "field", name=field), "editWidget", type=kind), "config"
    )
    options = SubElement(config, "Option", type="Map")
    for name, value in settings.items():
        if isinstance(value, str):
            SubElement(options, "Option", type="bool", name=name, value=value)
            continue
        entries = SubElement(options, "Option", type="List", name=name)
        for label, entry in value:
            pair = SubElement(entries, "Option", type="Map")
            SubElement(pair, "Option", type="QString", name=xml_text(label), value=entry)


def _add_symbols(root: Element, pixel: float) -> None:
    """A cross at each point and the outline of the pixel that is to be interpreted."""
    renderer = SubElement(root, "renderer-v2", type="RuleRenderer", symbollevels="0")
    rules = SubElement(renderer, "rules", key="{sample}")
    symbols = SubElement(renderer, "symbols")
    for name, label, rule, color in (
        ("0", "to be interpreted", f'"{REFERENCE_CLASS}" IS NULL', "230,60,20,255"),
        ("1", "interpreted", "ELSE", "40,150,70,255"),
    ):
        SubElement(rules, "rule", key=f"{{{name}}}", symbol=name, label=label, filter=rule)
        symbol = SubElement(symbols, "symbol", type="marker", name=name, alpha="1")
        for shape, size, unit in (("square", pixel, "MapUnit"), ("cross", 3.0, "MM")):
            layer = SubElement(symbol, "layer", {"class": "SimpleMarker", "enabled": "1"})
            options = SubElement(layer, "Option", type="Map")
            for key, value in (
                ("name", shape),
                ("color", "0,0,0,0"),
                ("outline_color", color),
                ("outline_width", "0.5"),
                ("size", repr(size)),
                ("size_unit", unit),
            ):
                SubElement(options, "Option", type="QString", name=key, value=value)
