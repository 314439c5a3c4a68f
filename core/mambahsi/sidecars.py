"""Text files beside a raster that describe its bands, for formats that cannot hold it.

ENVI writes a header (``scene.hdr``) beside other formats than its own, too, a TIFF for
example, and GDAL reads it only for its own. An EnMAP product is a folder of files that share
a name, of which ``...-SPECTRAL_IMAGE.TIF`` holds the pixels and ``...-METADATA.XML`` says
what its bands are.

Whatever is found comes back under ENVI's keys. A file that is missing, damaged or of another
kind is as good as none: a description is welcome and never required.

This module uses the standard library alone, for the plugin's sake.
"""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

_LARGEST = 32 * 2**20
"""Bytes. A header has some tens of thousands of them, EnMAP's metadata a few hundred thousand."""

_ENMAP = re.compile(r"(ENMAP.*)-SPECTRAL_IMAGE(?:_(VNIR|SWIR))?(?:_COG)?", re.IGNORECASE)


def beside(path: str) -> dict[str, str]:
    """What a file beside a raster says about its bands.

    Args:
        path: The raster's file. Anything else, such as a database, has nothing beside it.

    Returns:
        Values under ENVI's keys, in lower case; empty where nothing is said.
    """
    raster = Path(path)
    try:
        if not raster.is_file():
            return {}
        return _enmap(raster) or _envi(raster)
    except OSError:
        return {}


def _envi(raster: Path) -> dict[str, str]:
    for name in (raster.stem, raster.name):
        for ending in (".hdr", ".HDR"):
            text = _text(raster.with_name(name + ending))
            if text.lstrip().startswith("ENVI"):
                return envi_header(text)
    return {}


def envi_header(text: str) -> dict[str, str]:
    """The fields of an ENVI header: ``key = value`` or ``key = { ... }`` over several lines."""
    fields = re.findall(r"^[ \t]*([^=\n;]+?)[ \t]*=[ \t]*(\{[^}]*\}|[^\n]*)", text, re.MULTILINE)
    return {key.lower(): " ".join(value.split()) for key, value in fields}


def _enmap(raster: Path) -> dict[str, str]:
    match = _ENMAP.fullmatch(raster.stem)
    if match is None:
        return {}
    for ending in ("-METADATA.XML", "-METADATA.xml"):
        text = _text(raster.with_name(match[1] + ending))
        if text:
            return enmap_metadata(text, (match[2] or "").lower())
    return {}


def enmap_metadata(text: str, detector: str = "") -> dict[str, str]:
    """Wavelengths and widths, in nanometers, from an EnMAP product's metadata.

    Args:
        text: The XML file.
        detector: ``vnir`` or ``swir`` for the images of a level 1B product, each of which has
            one detector's bands; otherwise all bands are meant.
    """
    try:
        # No attack by XML: the parser loads nothing and bounds what entities expand to.
        root = ElementTree.fromstring(text)  # nosec B314
    except ElementTree.ParseError:
        return {}
    bands = {
        band.get("number", ""): (
            band.findtext("wavelengthCenterOfBand", ""),
            band.findtext("FWHMOfBand", ""),
        )
        for band in root.iterfind(".//bandCharacterisation/bandID")
    }
    numbers = list(bands)
    if detector:
        channels = root.findtext(f".//{detector}ProductQuality/expectedChannelsList", "")
        numbers = [number.strip() for number in channels.split(",")]
    chosen = [bands.get(number, ("", "")) for number in numbers]
    if not chosen:
        return {}
    return {
        "wavelength": "{" + ", ".join(wavelength for wavelength, _ in chosen) + "}",
        "fwhm": "{" + ", ".join(width for _, width in chosen) + "}",
        "wavelength units": "Nanometers",
    }


def _text(path: Path) -> str:
    if not path.is_file() or path.stat().st_size > _LARGEST:
        return ""
    return path.read_text(encoding="utf-8", errors="replace")
