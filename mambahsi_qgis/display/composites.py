"""Which bands show a scene in natural or false colors.

A composite asks for three parts of the spectrum. Each part has a center and the limits
within which a band still shows the same thing; the nearest usable band within them is taken.
The limits keep clear of the water-vapor windows of the atmosphere (near 940, 1130, 1400 and
1900 nm), where the ground is dark and noisy. A composite of which a part has no band is not
to be had: nothing else would look as its name promises.

Where wavelengths are unknown, the names of the bands may tell (``names``). Otherwise what
can be shown is arbitrary, and :class:`Choice` says so: the raster's own colors, the customary
order of multispectral bands (blue, green, red, near infrared, short-wave infrared), bands
spread over the range, or one band in gray.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Optional

import numpy as np

_MULTISPECTRAL = 13
"""Most bands of a sensor whose order may be guessed; Sentinel-2 has as many."""


@dataclass(frozen=True)
class Part:
    """A part of the spectrum, in nanometers."""

    center: float
    low: float
    high: float


BLUE = Part(480, 440, 520)
GREEN = Part(560, 510, 600)
RED = Part(650, 610, 700)
NEAR_INFRARED = Part(860, 770, 900)
SHORT_WAVE = Part(1650, 1550, 1750)
SHORT_WAVE_2 = Part(2200, 2080, 2350)


class Composite(Enum):
    """The three ways to show a scene; the value is what settings keep."""

    TRUE_COLOR = "true_color"
    NEAR_INFRARED = "near_infrared"
    SHORT_WAVE = "short_wave"


PARTS: Mapping[Composite, tuple[tuple[Part, ...], ...]] = {
    Composite.TRUE_COLOR: ((RED,), (GREEN,), (BLUE,)),
    Composite.NEAR_INFRARED: ((NEAR_INFRARED,), (RED,), (GREEN,)),
    Composite.SHORT_WAVE: ((SHORT_WAVE, SHORT_WAVE_2), (NEAR_INFRARED,), (RED,)),
}
"""For red, green and blue on the screen: parts of the spectrum, the preferred one first."""

# Places in the customary order of multispectral bands, from 1.
_CUSTOMARY = {
    Composite.TRUE_COLOR: (3, 2, 1),
    Composite.NEAR_INFRARED: (4, 3, 2),
    Composite.SHORT_WAVE: (5, 4, 3),
}


class Basis(Enum):
    """What a choice of bands rests on."""

    WAVELENGTHS = "wavelengths"
    NAMES = "names"
    COLORS = "colors"
    ORDER = "order"
    SPREAD = "spread"
    GRAY = "gray"


@dataclass(frozen=True)
class Choice:
    """Bands to show.

    Attributes:
        bands: For each color on the screen the numbers, from 1, of bands that would do, the
            best first. Three colors, or one for gray.
        basis: What the choice rests on.
    """

    bands: tuple[tuple[int, ...], ...]
    basis: Basis


def missing_part(composite: Composite, nm: np.ndarray, good: np.ndarray) -> Optional[Part]:
    """The part of the spectrum that a composite needs and no good band lies in.

    Args:
        composite: The composite.
        nm: Wavelengths in nanometers, NaN where unknown; shape (bands,).
        good: Whether the band may be shown; bool, shape (bands,).
    """
    for parts in PARTS[composite]:
        if not any(next(_within(part, nm, good), None) for part in parts):
            return parts[0]
    return None


def by_wavelength(
    composite: Composite, nm: np.ndarray, good: np.ndarray, basis: Basis = Basis.WAVELENGTHS
) -> Optional[Choice]:
    """The bands nearest to the composite's parts; None where one is missing.

    Args:
        composite: The composite.
        nm: Wavelengths in nanometers, NaN where unknown; shape (bands,).
        good: Whether the band may be shown; bool, shape (bands,).
        basis: Where the wavelengths are from.
    """
    if missing_part(composite, nm, good) is not None:
        return None
    return Choice(
        tuple(
            tuple(band for part in parts for band in _within(part, nm, good))
            for parts in PARTS[composite]
        ),
        basis,
    )


def without_wavelengths(
    composite: Composite, good: np.ndarray, colors: Optional[Sequence[int]]
) -> Choice:
    """Bands to show where nothing tells what they are.

    Args:
        composite: The composite that was asked for.
        good: Whether the band may be shown; bool, shape (bands,).
        colors: The bands that the file itself calls red, green and blue, from 1.
    """
    bands = [int(index) + 1 for index in np.flatnonzero(good)]
    bands = bands or list(range(1, good.size + 1))
    if len(bands) < 3:
        return Choice((tuple(bands),), Basis.GRAY)
    if colors and composite is Composite.TRUE_COLOR:
        return Choice(tuple((band,) for band in colors), Basis.COLORS)
    if good.size <= _MULTISPECTRAL:
        wanted = _CUSTOMARY[composite]
        if good.size < max(wanted):
            wanted = _CUSTOMARY[Composite.TRUE_COLOR]
        if set(wanted) <= set(bands):
            return Choice(tuple((band,) for band in wanted), Basis.ORDER)
    # The middles of three thirds; each third's others may stand in for one without content.
    thirds = np.array_split(np.array(bands), 3)
    return Choice(tuple(_from_middle(third) for third in reversed(thirds)), Basis.SPREAD)


def _within(part: Part, nm: np.ndarray, good: np.ndarray) -> Iterator[int]:
    """Numbers of the good bands in a part, the nearest to its center first."""
    with np.errstate(invalid="ignore"):
        inside = np.flatnonzero(good & (nm >= part.low) & (nm <= part.high))
    distance = np.abs(nm[inside] - part.center)
    yield from (int(index) + 1 for index in inside[np.argsort(distance, kind="stable")])


def _from_middle(bands: np.ndarray) -> tuple[int, ...]:
    middle = (bands.size - 1) / 2
    order = np.argsort(np.abs(np.arange(bands.size) - middle), kind="stable")
    return tuple(int(band) for band in bands[order])
