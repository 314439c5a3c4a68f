"""Styles for QGIS: class names and colors of a map, bands and contrast of a scene.

QGIS applies ``map.qml`` by itself when it loads ``map.tif``. The file holds the renderer
alone, in the form that QGIS has read since version 3.0, so that nothing else of the layer
(its name, its scale limits, its metadata) is touched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from mambahsi.classes import ClassTable
from mambahsi.jobs import UNSURE_BELOW
from mambahsi.outputs import write_bytes
from mambahsi.pam import xml_text

Ramp = Sequence[tuple[float, str, str]]
"""Values with their colors and labels, colors between them interpolated."""

_JUST_BELOW = UNSURE_BELOW - 1e-6

# Colors of matplotlib's "plasma" (CC0), whose lightness grows evenly and which people of all kinds
# of color vision can read: the brighter, the less sure. Where confidence passes the rule for unsure
# pixels, a stretch of the colors is left out, so that the border is seen.
RAMPS: Mapping[str, Ramp] = {
    "confidence": (
        (0.0, "#f0f921", "0"),
        (UNSURE_BELOW / 2, "#fdca26", f"{UNSURE_BELOW / 2:g}"),
        (_JUST_BELOW, "#fb9f3a", f"below {UNSURE_BELOW:g}: unsure"),
        (UNSURE_BELOW, "#9c179e", f"{UNSURE_BELOW:g}"),
        ((1 + UNSURE_BELOW) / 2, "#46039f", f"{(1 + UNSURE_BELOW) / 2:g}"),
        (1.0, "#0d0887", "1: certain"),
    ),
    "margin": (
        (0.0, "#f0f921", "0: a tie"),
        (0.25, "#f89540", "0.25"),
        (0.5, "#cc4778", "0.5"),
        (0.75, "#7e03a8", "0.75"),
        (1.0, "#0d0887", "1: certain"),
    ),
    "entropy": (
        (0.0, "#0d0887", "0: certain"),
        (0.25, "#7e03a8", "0.25"),
        (0.5, "#cc4778", "0.5"),
        (0.75, "#f89540", "0.75"),
        (1.0, "#f0f921", "1: all alike"),
    ),
}
"""How rasters that say how sure a map is are drawn, by what they show."""

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


def write_ramp_style(path: Path, ramp: Ramp) -> None:
    """Write a QGIS style that draws a raster of one band with a ramp of colors.

    Raises:
        OutputError: The file cannot be written.
    """
    lowest, highest = repr(ramp[0][0]), repr(ramp[-1][0])
    renderer = Element(
        "rasterrenderer",
        type="singlebandpseudocolor",
        band="1",
        opacity="1",
        alphaBand="-1",
        classificationMin=lowest,
        classificationMax=highest,
    )
    shader = SubElement(
        SubElement(renderer, "rastershader"),
        "colorrampshader",
        colorRampType="INTERPOLATED",
        classificationMode="1",
        clip="0",
        minimumValue=lowest,
        maximumValue=highest,
    )
    for value, color, label in ramp:
        SubElement(shader, "item", value=repr(value), color=color, label=label, alpha="255")
    # Else the legend is a bar between the limits, without the labels.
    SubElement(shader, "rampLegendSettings", useContinuousLegend="0")
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
