"""Where in the spectrum a band lies, from its name alone.

Good enough to choose colors for a picture, and no more: a name tells of a nominal center at
best. So nothing else rests on it, no plot over wavelength and no match with a model's bands.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from mambahsi_qgis.display import composites

# Colors as people write them, and what a composite needs of them. Near-infrared and the
# red edge come before red, of which their names may speak, too.
_COLORS = (
    (r"swir[ _-]?2|short[ _-]?wave.*2", composites.SHORT_WAVE_2),
    (r"swir([ _-]?1)?|short[ _-]?wave.*", composites.SHORT_WAVE),
    (r"nir|near[ _-]?infra[ _-]?red", composites.NEAR_INFRARED),
    (r"red", composites.RED),
    (r"green", composites.GREEN),
    (r"blue", composites.BLUE),
)
# A band's number or a sensor's label around a color: "B4 - red", "Red 665", "band_3_green".
_AROUND = r"(?:(?:band|b|sr)?[ _-]*\d*[a-z]?[ _:-]+)*"
_NUMBER = re.compile(r"[ _-]+(\d{3,4})$")

# Nominal centers of the MSI on Sentinel-2, in nanometers; ESA, Sentinel-2 User Handbook
# (2015), table 1. No other sensor has a band B8A, so its name tells what the others are.
_SENTINEL_2 = {
    "1": 443.0,
    "2": 490.0,
    "3": 560.0,
    "4": 665.0,
    "5": 705.0,
    "6": 740.0,
    "7": 783.0,
    "8": 842.0,
    "8A": 865.0,
    "9": 945.0,
    "10": 1375.0,
    "11": 1610.0,
    "12": 2190.0,
}
_SENTINEL_2_NAME = re.compile(r"B0?(\d{1,2}|8A)", re.IGNORECASE)


def nominal(descriptions: Sequence[str]) -> np.ndarray:
    """Nominal wavelengths in nanometers, NaN where the name tells none; shape (bands,)."""
    names = [name.strip() for name in descriptions]
    sentinel = [_SENTINEL_2_NAME.fullmatch(name) for name in names]
    if any(match and match[1].upper() == "8A" for match in sentinel):
        unknown = float("nan")
        found = [_SENTINEL_2.get(m[1].upper(), unknown) if m else unknown for m in sentinel]
        return np.array(found, float)
    return np.array([_by_color(name.lower()) for name in names], float)


def _by_color(name: str) -> float:
    number = _NUMBER.search(name)
    color = name[: number.start()] if number else name
    for pattern, part in _COLORS:
        if re.fullmatch(_AROUND + f"(?:{pattern})", color):
            if number is None:
                return part.center
            # "Red 665" states a wavelength; "red 2015" does not.
            stated = float(number[1])
            return stated if part.low <= stated <= part.high else part.center
    return float("nan")
