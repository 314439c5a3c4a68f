"""What the engine found of samples, as it wrote it, and the same as lines and cells."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from mambahsi_qgis.translation import tr


@dataclass(frozen=True)
class Spectrum:
    """Mean and standard deviation of one class; NaN where there is none.

    Attributes:
        value: Value of the class.
        name: Its name.
        color: Its color as ``#rrggbb``.
        pixels: Number of samples.
        mean: By band of the file.
        deviation: By band of the file.
    """

    value: int
    name: str
    color: str
    pixels: int
    mean: Sequence[float]
    deviation: Sequence[float]


@dataclass(frozen=True)
class Pair:
    """Two classes.

    Attributes:
        text: What is to be said of them.
        distance: Jeffries-Matusita distance; None where there is none.
        verdict: ``poor``, ``moderate`` or ``good``; empty without a distance.
    """

    text: str
    distance: Optional[float]
    verdict: str


@dataclass(frozen=True)
class Figures:
    """What was found.

    Attributes:
        spectra: By class.
        positions: Wavelength in nanometers, or number, of every band of the file; NaN unknown.
        in_nanometers: Whether positions are wavelengths.
        lines: Indices of bands that one line connects, line by line.
        pairs: By values of their classes, the smaller first; the least separable pair first.
        warnings: Sentences.
    """

    spectra: Sequence[Spectrum]
    positions: Sequence[float]
    in_nanometers: bool
    lines: Sequence[Sequence[int]]
    pairs: dict[tuple[int, int], Pair]
    warnings: Sequence[str]

    @property
    def pixels(self) -> int:
        """Samples in all."""
        return sum(spectrum.pixels for spectrum in self.spectra)

    def pair(self, one: int, other: int) -> Optional[Pair]:
        """The pair of two classes, by their values."""
        return self.pairs.get(_key(one, other))

    def worst(self, count: int) -> list[str]:
        """What is to be said of the least separable pairs that are not well so."""
        told = [pair.text for pair in self.pairs.values() if pair.verdict != "good"]
        return told[:count]


def read_figures(path: Path) -> Figures:
    """Read what the engine wrote.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is not what the engine writes.
    """
    found = json.loads(path.read_text(encoding="utf-8"))
    in_nanometers = found["unit"] == "nm"
    key = "wavelength" if in_nanometers else "band"
    return Figures(
        spectra=[
            Spectrum(
                value=item["value"],
                name=item["name"],
                color=item["color"],
                pixels=item["pixels"],
                mean=_numbers(item["mean"]),
                deviation=_numbers(item["deviation"]),
            )
            for item in found["classes"]
        ],
        positions=_numbers([band[key] for band in found["bands"]]),
        in_nanometers=in_nanometers,
        lines=[[number - 1 for number in line] for line in found["segments"]],
        pairs={
            _key(pair["first"], pair["second"]): Pair(
                pair["text"], pair["jeffries_matusita"], pair["verdict"]
            )
            for pair in found["pairs"]
        },
        warnings=[finding["text"] for finding in found["findings"]],
    )


def axis_title(figures: Figures) -> str:
    """What bands are told by."""
    return tr("Wavelength (nm)") if figures.in_nanometers else tr("Band")


def _key(one: int, other: int) -> tuple[int, int]:
    return min(one, other), max(one, other)


def _numbers(values: Sequence[Optional[float]]) -> list[float]:
    return [math.nan if value is None else float(value) for value in values]
