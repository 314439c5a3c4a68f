"""The map's style for QGIS: class names and colors as a paletted renderer.

QGIS applies ``map.qml`` by itself when it loads ``map.tif``. The file holds the renderer
alone, in the form that QGIS has read since version 3.0, so that nothing else of the layer
(its name, its scale limits, its metadata) is touched.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from mambahsi.classes import ClassTable
from mambahsi.outputs import write_bytes
from mambahsi.pam import xml_text

_DOCTYPE = b"<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"


def write_style(path: Path, table: ClassTable) -> None:
    """Write a QGIS style that draws and names every class.

    Raises:
        OutputError: The file cannot be written.
    """
    root = Element("qgis", version="3.22.0", styleCategories="Symbology")
    pipe = SubElement(root, "pipe")
    renderer = SubElement(
        pipe, "rasterrenderer", type="paletted", band="1", opacity="1", alphaBand="-1"
    )
    palette = SubElement(renderer, "colorPalette")
    for item in table:
        SubElement(
            palette,
            "paletteEntry",
            value=str(item.value),
            label=xml_text(item.name),
            color=item.color,
            alpha="255",
        )
    ElementTree.indent(root)
    write_bytes(path, _DOCTYPE + ElementTree.tostring(root, encoding="utf-8"))
