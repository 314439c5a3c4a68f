"""Styles for QGIS: class names and colors of a map, bands and contrast of a scene.

QGIS applies ``map.qml`` by itself when it loads ``map.tif``. The file holds the renderer
alone, in the form that QGIS has read since version 3.0, so that nothing else of the layer
(its name, its scale limits, its metadata) is touched.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    renderer = Element("rasterrenderer", type="paletted", band="1", opacity="1", alphaBand="-1")
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
    _write(path, renderer)


def write_band_style(path: Path, bands: Sequence[int], limits: Sequence[Sequence[float]]) -> None:
    """Write a QGIS style that draws three bands of a scene as red, green and blue.

    Args:
        path: File to write.
        bands: Number of the red, the green and the blue band, counted from 1.
        limits: For each, the values that are drawn darkest and brightest.

    Raises:
        OutputError: The file cannot be written.
    """
    colors = ("red", "green", "blue")
    look = {"type": "multibandcolor", "opacity": "1", "alphaBand": "-1"}
    look |= {f"{color}Band": str(band) for color, band in zip(colors, bands, strict=True)}
    renderer = Element("rasterrenderer", look)
    for color, (darkest, brightest) in zip(colors, limits, strict=True):
        contrast = SubElement(renderer, f"{color}ContrastEnhancement")
        SubElement(contrast, "minValue").text = repr(float(darkest))
        SubElement(contrast, "maxValue").text = repr(float(brightest))
        SubElement(contrast, "algorithm").text = "StretchToMinimumMaximum"
    _write(path, renderer)


def _write(path: Path, renderer: Element) -> None:
    root = Element("qgis", version="3.22.0", styleCategories="Symbology")
    SubElement(root, "pipe").append(renderer)
    ElementTree.indent(root)
    write_bytes(path, _DOCTYPE + ElementTree.tostring(root, encoding="utf-8"))
