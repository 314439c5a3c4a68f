"""What a raster's metadata say about its bands: wavelength, width, and whether a band is bad.

There is no single place for it. GDAL has an ``IMAGERY`` domain with micrometers; ENVI
headers arrive as lists in an ``ENVI`` domain of the dataset; EnMAP-Box, GDAL's Sentinel-2
driver and others write ``wavelength``, ``wavelength_units``, ``fwhm`` and ``bbl`` (bad band
list: 0 is bad) to each band; a netCDF variable over a wavelength axis gives each band its
value there; PRISMA has its lists among the file's attributes; a text file may lie beside the
raster (``sidecars``); and some writers leave only a description such as ``band 7 (453.4
Nanometers)``. They are asked in the order: band, IMAGERY, list in the file, list beside the
file, description.

Wavelengths come out in nanometers. Where no unit is given, values below 100 throughout
are taken for micrometers: no optical sensor looks at wavelengths below 100 nm, and none at
wavelengths above 100 um. A unit that is no length (wavenumber, index) gives no wavelength.

This module uses the standard library alone, because both the engine, which reads rasters
with rasterio, and the plugin, which reads them with QGIS's GDAL, understand them by it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Optional

_NANOMETERS = {
    "nm": 1.0,
    "nanometer": 1.0,
    "nanometers": 1.0,
    "nanometre": 1.0,
    "nanometres": 1.0,
    "um": 1e3,
    "µm": 1e3,
    "μm": 1e3,
    "micron": 1e3,
    "microns": 1e3,
    "micrometer": 1e3,
    "micrometers": 1e3,
    "micrometre": 1e3,
    "micrometres": 1e3,
    "mm": 1e6,
    "millimeters": 1e6,
    "m": 1e9,
    "meters": 1e9,
}
_WAVELENGTH_KEYS = ("wavelength", "wavelengths", "center_wavelength", "central_wavelength")
# GDAL's netCDF driver gives a band its place on each further axis of the variable.
_BAND_KEYS = (*_WAVELENGTH_KEYS, *(f"netcdf_dim_{key}" for key in _WAVELENGTH_KEYS))
_UNIT_KEYS = ("wavelength_units", "wavelength_unit", "wavelengths_units")
_LIST_UNIT_KEYS = (*_UNIT_KEYS, *(f"{key}#units" for key in _WAVELENGTH_KEYS))
_WIDTH_KEYS = ("fwhm", "bandwidth")
_BAD_KEYS = ("bbl", "good_wavelengths")
_DESCRIPTION = re.compile(
    r"(\d+(?:\.\d+)?)\s*(nm|nanomet(?:er|re)s?|[uµμ]m|microns?|micromet(?:er|re)s?)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Band:
    """One band of a scene.

    Attributes:
        index: Number in the file, from 1.
        description: What the file calls it; may be empty.
        wavelength: Central wavelength in nanometers, or None.
        fwhm: Full width at half maximum in nanometers, or None.
        flagged_bad: Whether the file's bad band list excludes it.
    """

    index: int
    description: str = ""
    wavelength: Optional[float] = None
    fwhm: Optional[float] = None
    flagged_bad: bool = False


@dataclass(frozen=True)
class Metadata:
    """What a raster and the files beside it say, as text under keys of any case.

    Attributes:
        source: GDAL source.
        descriptions: Each band's description.
        bands: Each band's metadata, default domain.
        imagery: Each band's metadata, domain ``IMAGERY``.
        dataset: The dataset's metadata, default domain.
        envi: The dataset's metadata, domain ``ENVI``.
        beside: What a file beside it says, with ENVI's keys.
    """

    source: str
    descriptions: Sequence[str]
    bands: Sequence[Mapping[str, str]]
    imagery: Sequence[Mapping[str, str]]
    dataset: Mapping[str, str] = field(default_factory=dict)
    envi: Mapping[str, str] = field(default_factory=dict)
    beside: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Lists:
    """What one place says about all bands."""

    wavelengths: list[Optional[float]]
    widths: list[Optional[float]]
    bad: list[str]
    unit: str


def understand(metadata: Metadata) -> tuple[Band, ...]:
    """All bands of a raster, in its order."""
    count = len(metadata.descriptions)
    own = _lists({**_lower(metadata.dataset), **_lower(metadata.envi)}, count, metadata.source)
    beside = _lists(_lower(metadata.beside), count, metadata.source)
    tags = [_lower(text) for text in metadata.bands]
    imagery = [_lower(text) for text in metadata.imagery]

    stated = [_first(t, _BAND_KEYS) for t in tags]
    units = [_first(t, _UNIT_KEYS) for t in tags]
    wavelengths = _lengths(stated, units, own.unit)
    widths = _lengths(
        [_first(t, _WIDTH_KEYS) for t in tags],
        [t.get("bandwidth_unit", "") or unit for t, unit in zip(tags, units)],
        own.unit or _guessed_unit(stated),
    )
    bands = []
    for i in range(count):
        central = _number(imagery[i].get("central_wavelength_um", ""))
        width = _number(imagery[i].get("fwhm_um", ""))
        bands.append(
            Band(
                index=i + 1,
                description=metadata.descriptions[i],
                wavelength=_known(
                    wavelengths[i],
                    None if central is None else central * 1e3,
                    own.wavelengths[i],
                    beside.wavelengths[i],
                    _from_description(metadata.descriptions[i]),
                ),
                fwhm=_known(
                    widths[i],
                    None if width is None else width * 1e3,
                    own.widths[i],
                    beside.widths[i],
                ),
                flagged_bad=_is_zero(_first(tags[i], _BAD_KEYS) or own.bad[i] or beside.bad[i]),
            )
        )
    return tuple(bands)


def prisma_lists(dataset: Mapping[str, str], source: str) -> dict[str, list[str]]:
    """PRISMA's attributes for the cube that the source names, under ENVI's keys, or nothing.

    The product lists both spectrometers' wavelengths in nanometers, separated by spaces, 0
    for a band without data. Which list is meant is in the name of the cube.
    """
    tags = _lower(dataset)
    for sensor in ("vnir", "swir"):
        if f"{sensor}_cube" in source.lower() and f"list_cw_{sensor}" in tags:
            return {
                "wavelength": tags[f"list_cw_{sensor}"].split(),
                "fwhm": tags.get(f"list_fwhm_{sensor}", "").split(),
            }
    return {}


def _lists(tags: Mapping[str, str], count: int, source: str) -> _Lists:
    unit = _first(tags, _LIST_UNIT_KEYS)
    wavelengths = _split(_first(tags, _WAVELENGTH_KEYS))
    widths = _split(tags.get("fwhm", ""))
    prisma = prisma_lists(tags, source)
    if prisma:
        unit, wavelengths, widths = "nm", prisma["wavelength"], prisma["fwhm"]
    listed = _fitting(wavelengths, count)
    # Widths are in the wavelengths' unit, also where that is guessed.
    listed_unit = unit or _guessed_unit(listed)
    nothing = [""] * count
    return _Lists(
        wavelengths=_lengths(listed, nothing, listed_unit),
        widths=_lengths(_fitting(widths, count), nothing, listed_unit),
        bad=_fitting(_split(_first(tags, _BAD_KEYS)), count),
        unit=unit,
    )


def _lengths(texts: Sequence[str], units: Sequence[str], shared_unit: str) -> list[Optional[float]]:
    """Values in nanometers, each by its own unit, else the shared, else a guessed one."""
    guessed = _guessed_unit(texts)
    found: list[Optional[float]] = []
    for text, unit in zip(texts, units):
        value = _number(text)
        factor = _NANOMETERS.get((unit or shared_unit or guessed).strip().lower())
        found.append(None if value is None or factor is None else value * factor)
    return found


def _guessed_unit(texts: Sequence[str]) -> str:
    values = [v for v in map(_number, texts) if v is not None]
    return "um" if values and max(values) < 100 else "nm"


def _from_description(text: str) -> Optional[float]:
    match = _DESCRIPTION.search(text)
    if match is None:
        return None
    value = _number(match[1])
    return None if value is None else value * _NANOMETERS[match[2].lower()]


def _split(text: str) -> list[str]:
    """The items of ``{a, b, c}``, ``[a, b, c]`` or ``a, b, c``."""
    return [item.strip() for item in text.strip().strip("{}[]").split(",")]


def _fitting(items: Sequence[str], count: int) -> list[str]:
    """The items; blanks unless there is one for each band."""
    return list(items) if len(items) == count else [""] * count


def _number(text: str) -> Optional[float]:
    """A positive finite number, or None: writers put 0 or NaN where they know nothing."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value > 0 else None


def _is_zero(text: str) -> bool:
    try:
        return float(text) == 0
    except ValueError:
        return False


def _known(*candidates: Optional[float]) -> Optional[float]:
    return next((value for value in candidates if value is not None), None)


def _first(tags: Mapping[str, str], keys: Sequence[str]) -> str:
    return next((tags[key] for key in keys if tags.get(key)), "")


def _lower(tags: Mapping[str, str]) -> dict[str, str]:
    return {key.lower().replace(" ", "_"): value for key, value in tags.items()}
