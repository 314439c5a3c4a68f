"""What a raster says about its bands: wavelength, width, and whether a band is bad.

There is no single place for it. GDAL has an ``IMAGERY`` domain with micrometers; ENVI
headers arrive as lists in an ``ENVI`` domain of the dataset; EnMAP-Box and others write
``wavelength``, ``wavelength_units``, ``fwhm`` and ``bbl`` (bad band list: 0 is bad) to
each band; and some writers leave only a description such as ``band 7 (453.4 Nanometers)``.
They are asked in the order: band, IMAGERY, ENVI or dataset list, description.

Wavelengths come out in nanometers. Where no unit is given, values below 100 throughout
are taken for micrometers: no optical sensor looks at wavelengths below 100 nm, and none at
wavelengths above 100 um. A unit that is no length (wavenumber, index) gives no wavelength.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rasterio.io import DatasetReader

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
_UNIT_KEYS = ("wavelength_units", "wavelength_unit", "wavelengths_units")
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
    wavelength: float | None = None
    fwhm: float | None = None
    flagged_bad: bool = False


def read_bands(dataset: DatasetReader) -> tuple[Band, ...]:
    """All bands of an open dataset, in its order."""
    count = dataset.count
    domains = dataset.tag_namespaces()
    lists = _lower(dataset.tags())
    if "ENVI" in domains:
        lists.update(_lower(dataset.tags(ns="ENVI")))
    tags = [_lower(dataset.tags(i)) for i in dataset.indexes]
    imagery = [
        _lower(dataset.tags(i, ns="IMAGERY")) if "IMAGERY" in dataset.tag_namespaces(i) else {}
        for i in dataset.indexes
    ]
    descriptions = [text or "" for text in dataset.descriptions]

    per_band_unit = [_first(t, _UNIT_KEYS) for t in tags]
    list_unit = _first(lists, _UNIT_KEYS)
    wavelengths = _lengths([_first(t, _WAVELENGTH_KEYS) for t in tags], per_band_unit, list_unit)
    widths = _lengths(
        [t.get("fwhm", "") for t in tags],
        per_band_unit,
        list_unit or _guessed_unit([_first(t, _WAVELENGTH_KEYS) for t in tags]),
    )
    listed = _split_list(_first(lists, _WAVELENGTH_KEYS), count)
    listed_unit = list_unit or _guessed_unit(listed)
    listed_wavelengths = _lengths(listed, [""] * count, listed_unit)
    listed_widths = _lengths(_split_list(lists.get("fwhm", ""), count), [""] * count, listed_unit)
    listed_bad = _split_list(lists.get("bbl", ""), count)

    bands = []
    for i in range(count):
        central = _number(imagery[i].get("central_wavelength_um", ""))
        width = _number(imagery[i].get("fwhm_um", ""))
        bands.append(
            Band(
                index=i + 1,
                description=descriptions[i],
                wavelength=_known(
                    wavelengths[i],
                    None if central is None else central * 1e3,
                    listed_wavelengths[i],
                    _from_description(descriptions[i]),
                ),
                fwhm=_known(widths[i], None if width is None else width * 1e3, listed_widths[i]),
                flagged_bad=_is_zero(tags[i].get("bbl", "") or listed_bad[i]),
            )
        )
    return tuple(bands)


def _lengths(texts: Sequence[str], units: Sequence[str], shared_unit: str) -> list[float | None]:
    """Values in nanometers, each by its own unit, else the shared, else a guessed one."""
    guessed = _guessed_unit(texts)
    found: list[float | None] = []
    for text, unit in zip(texts, units, strict=True):
        value = _number(text)
        factor = _NANOMETERS.get((unit or shared_unit or guessed).strip().lower())
        found.append(None if value is None or factor is None else value * factor)
    return found


def _guessed_unit(texts: Sequence[str]) -> str:
    values = [v for v in map(_number, texts) if v is not None]
    return "um" if values and max(values) < 100 else "nm"


def _from_description(text: str) -> float | None:
    match = _DESCRIPTION.search(text)
    if match is None:
        return None
    value = _number(match[1])
    return None if value is None else value * _NANOMETERS[match[2].lower()]


def _split_list(text: str, count: int) -> list[str]:
    """The items of ``{a, b, c}`` or ``a, b, c``; blanks unless there is one for each band."""
    items = [item.strip() for item in text.strip().strip("{}").split(",")]
    return items if len(items) == count else [""] * count


def _number(text: str) -> float | None:
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


def _known(*candidates: float | None) -> float | None:
    return next((value for value in candidates if value is not None), None)


def _first(tags: Mapping[str, str], keys: Sequence[str]) -> str:
    return next((tags[key] for key in keys if tags.get(key)), "")


def _lower(tags: Mapping[str, str]) -> dict[str, str]:
    return {key.lower().replace(" ", "_"): value for key, value in tags.items()}
