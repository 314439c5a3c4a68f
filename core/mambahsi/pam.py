"""What a GeoTIFF cannot hold itself: class names and the raster attribute table.

GDAL keeps these in a small XML file beside the raster, ``map.tif.aux.xml``, its *persistent
auxiliary metadata* (PAM). rasterio can write neither of them, so this module writes the XML,
adding to what GDAL may have put there itself (a coordinate system that GeoTIFF cannot
express, for instance).

Category names are positional: the n-th entry names the value n, so sparse values need empty
entries in between. The attribute table names each value in a row of its own; its columns
carry GDAL's usage codes, by which QGIS and other programs find value, name, color and count.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from mambahsi.classes import ClassTable
from mambahsi.outputs import attributes_path, write_bytes

MAX_CATEGORY = 4095
"""Largest class value up to which category names are written. Above it nearly all of the
positional list would be empty, and programs show such lists in full; the attribute table
holds the names in any case."""

# GDALRATFieldType and GDALRATFieldUsage of GDAL's C API.
_TYPES = {"Integer": 0, "Real": 1, "String": 2}
_USAGES = {
    "Generic": 0,
    "PixelCount": 1,
    "Name": 2,
    "MinMax": 5,
    "Red": 6,
    "Green": 7,
    "Blue": 8,
    "Alpha": 9,
}
_LARGEST_INTEGER = 2**31 - 1
# Characters that XML 1.0 cannot express at all, not even escaped.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_class_attributes(
    raster: Path, table: ClassTable, counts: Sequence[int], band: int = 1
) -> None:
    """Write category names and attribute table of a band of classes.

    Args:
        raster: The raster; it must be closed already, because GDAL may write the same file.
        table: The classes.
        counts: Number of pixels by class index.
        band: The band, from 1.

    Raises:
        OutputError: The file cannot be written.
    """
    path = attributes_path(raster)
    # No attack by XML: the parser loads nothing and bounds what entities expand to.
    tree = ElementTree.parse(path) if path.exists() else None  # nosec B314
    root = Element("PAMDataset") if tree is None else tree.getroot()
    element = root.find(f"PAMRasterBand[@band='{band}']")
    if element is None:
        element = SubElement(root, "PAMRasterBand", band=str(band))
    if max(table.values, default=0) <= MAX_CATEGORY:
        element.append(_category_names(table))
    element.append(_attribute_table(table, counts))
    ElementTree.indent(root)
    write_bytes(path, ElementTree.tostring(root, encoding="utf-8", xml_declaration=False))


def _category_names(table: ClassTable) -> Element:
    names = Element("CategoryNames")
    by_value = {c.value: c.name for c in table}
    for value in range(max(by_value, default=0) + 1):
        SubElement(names, "Category").text = xml_text(by_value.get(value, ""))
    return names


def _attribute_table(table: ClassTable, counts: Sequence[int]) -> Element:
    element = Element("GDALRasterAttributeTable", tableType="thematic")
    # GDAL's integers have 32 bits, a large scene's pixel counts may not fit.
    count_type = "Integer" if max(counts, default=0) <= _LARGEST_INTEGER else "Real"
    columns = (
        ("Value", "Integer", "MinMax"),
        ("Class", "String", "Name"),
        ("Red", "Integer", "Red"),
        ("Green", "Integer", "Green"),
        ("Blue", "Integer", "Blue"),
        ("Alpha", "Integer", "Alpha"),
        ("Original", "String", "Generic"),
        ("Count", count_type, "PixelCount"),
    )
    for index, (name, kind, usage) in enumerate(columns):
        field = SubElement(element, "FieldDefn", index=str(index))
        SubElement(field, "Name").text = name
        SubElement(field, "Type", typeAsString=kind).text = str(_TYPES[kind])
        SubElement(field, "Usage", usageAsString=usage).text = str(_USAGES[usage])
    for index, (item, count) in enumerate(zip(table, counts, strict=True)):
        row = SubElement(element, "Row", index=str(index))
        cells = (item.value, item.name, *item.rgb, 255, item.original, count)
        for cell in cells:
            SubElement(row, "F").text = xml_text(str(cell))
    return element


def xml_text(text: str) -> str:
    """The text with what XML cannot express replaced; escaping is left to the writer."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
