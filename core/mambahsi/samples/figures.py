"""All that is known of some samples, as plain values; what HTML, CSV and QGIS's window show.

As JSON: ``scene``, ``labels``; ``bands``, all of the file, each with ``band`` (its number),
``wavelength`` in nanometers or None, ``used``, and ``left_out`` (why not); ``unit``, what spectra
are drawn over (``nm`` or ``band``); ``segments``, band numbers that one line connects; ``classes``
with ``value``, ``name``, ``color``, ``polygons``, ``labeled`` and ``pixels`` (valid ones), and
where asked for ``mean``, ``deviation``, ``p5``, ``p50``, ``p95`` over the bands, None where left
out; ``findings``; and where asked for ``pairs``, the least separable first, ``dimensions`` that
they were compared in, and the ``share`` of the variance that these hold.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mambahsi.band_metadata import Band
from mambahsi.classes import ClassTable
from mambahsi.events import plain
from mambahsi.samples.findings import Finding
from mambahsi.samples.pairs import GOOD, POOR, Pair, Separation, worst_first
from mambahsi.samples.signatures import PERCENTILES, Signature, segments, wavelengths
from mambahsi.survey import DroppedBand

_MEANING = {
    "poor": "hardly separable by their spectra",
    "moderate": "partly separable",
    "good": "well separable",
}


@dataclass(frozen=True, eq=False)
class SampleFigures:
    """What was found about samples.

    Attributes:
        scene: Name of the scene.
        labels: Name of the layer.
        bands: All bands of the file.
        used: Numbers, from 1, of the used ones.
        dropped: The others.
        table: The classes.
        polygons: Polygons and points of each class that have a usable pixel; shape (classes,).
        labeled: Labeled pixels of each class; shape (classes,).
        pixels: Those of them that statistics were made of; shape (classes,).
        findings: What to look at.
        signatures: By class; empty if not asked for.
        separation: Of all classes; None if not asked for.
    """

    scene: str
    labels: str
    bands: Sequence[Band]
    used: Sequence[int]
    dropped: Sequence[DroppedBand]
    table: ClassTable
    polygons: np.ndarray
    labeled: np.ndarray
    pixels: np.ndarray
    findings: Sequence[Finding]
    signatures: Sequence[Signature] = field(default_factory=list)
    separation: Separation | None = None

    @property
    def used_bands(self) -> list[Band]:
        """The used bands, in the file's order."""
        return [self.bands[number - 1] for number in self.used]

    @property
    def positions(self) -> list[float]:
        """Where the used bands are drawn: their wavelengths, or their numbers."""
        return wavelengths(self.used_bands) or [float(number) for number in self.used]

    @property
    def unit(self) -> str:
        """``nm``, or ``band`` where wavelengths are not known of all used bands."""
        return "nm" if wavelengths(self.used_bands) else "band"

    def to_json(self) -> dict[str, Any]:
        """Everything, as plain values."""
        reasons = {band.index: band.reason for band in self.dropped}
        values: dict[str, Any] = {
            "scene": self.scene,
            "labels": self.labels,
            "bands": [
                {
                    "band": band.index,
                    "wavelength": band.wavelength,
                    "used": band.index not in reasons,
                    "left_out": reasons.get(band.index, ""),
                }
                for band in self.bands
            ],
            "unit": self.unit,
            "segments": [[self.used[i] for i in line] for line in segments(self.bands, self.used)],
            "classes": [self._class_values(number) for number in range(len(self.table))],
            "findings": [finding.to_json() for finding in self.findings],
        }
        if self.separation is not None:
            values["dimensions"] = self.separation.dimensions
            values["share"] = self.separation.share
            values["pairs"] = [self.pair_values(pair) for pair in self.ordered_pairs()]
        result: dict[str, Any] = plain(values)
        return result

    def ordered_pairs(self) -> list[Pair]:
        """All pairs, the least separable first, those without a distance last."""
        pairs = self.separation.pairs if self.separation else ()
        return [*worst_first(pairs), *(pair for pair in pairs if pair.bhattacharyya is None)]

    def pair_values(self, pair: Pair) -> dict[str, Any]:
        """A pair as plain values, classes by value."""
        first, second = self.table[pair.first], self.table[pair.second]
        return {
            "first": first.value,
            "second": second.value,
            "first_name": first.name,
            "second_name": second.name,
            "jeffries_matusita": pair.distance,
            "chance": pair.chance_distance,
            "beyond_chance": pair.beyond_chance,
            "bhattacharyya": pair.bhattacharyya,
            "shrinkage": pair.shrinkage,
            "verdict": verdict(pair),
            "text": self.sentence(pair),
            "problem": pair.problem,
        }

    def sentence(self, pair: Pair) -> str:
        """A pair in words."""
        names = " and ".join(self.table[number].name for number in (pair.first, pair.second))
        if pair.distance is None or pair.chance_distance is None:
            return f"{names}: not computed, because {pair.problem}."
        distances = f"{pair.distance:.2f} of 2, {pair.chance_distance:.2f} by chance alone"
        return f"{names}: {_MEANING[verdict(pair)]} ({distances})."

    def signatures_csv(self) -> str:
        """One row a class and used band."""
        head = ("class", "name", "band", "wavelength", "pixels", "mean", "deviation")
        rows: list[Sequence[Any]] = [(*head, *(f"p{p}" for p in PERCENTILES))]
        for item, own in zip(self.table, self.signatures, strict=True):
            for i, band in enumerate(self.used_bands):
                figures = (own.mean[i], own.deviation[i], *own.percentiles[:, i])
                place = (item.value, item.name, band.index, _text(band.wavelength), own.pixels)
                rows.append((*place, *(_text(figure) for figure in figures)))
        return _csv(rows)

    def pairs_csv(self) -> str:
        """One row a pair, the least separable first."""
        values = [self.pair_values(pair) for pair in self.ordered_pairs()]
        names = (
            *("first", "second", "first_name", "second_name", "jeffries_matusita", "chance"),
            *("beyond_chance", "bhattacharyya", "shrinkage", "verdict", "problem"),
        )
        return _csv([names, *([_text(row[name]) for name in names] for row in values)])

    def _class_values(self, number: int) -> dict[str, Any]:
        item = self.table[number]
        values: dict[str, Any] = {
            "value": item.value,
            "name": item.name,
            "color": item.color,
            "polygons": self.polygons[number],
            "labeled": self.labeled[number],
            "pixels": self.pixels[number],
        }
        if self.signatures:
            own = self.signatures[number]
            figures = {"mean": own.mean, "deviation": own.deviation}
            for percentile, row in zip(PERCENTILES, own.percentiles, strict=True):
                figures[f"p{percentile}"] = row
            values |= {name: self._over_bands(row) for name, row in figures.items()}
        return values

    def _over_bands(self, row: np.ndarray) -> list[float]:
        whole = np.full(len(self.bands), np.nan)
        whole[np.asarray(self.used) - 1] = row
        return whole.tolist()


def verdict(pair: Pair) -> str:
    """``poor``, ``moderate`` or ``good``, by the distance beyond chance; empty without one."""
    beyond = pair.beyond_chance
    if beyond is None:
        return ""
    return "poor" if beyond < POOR else "moderate" if beyond < GOOD else "good"


def _text(value: Any) -> str:
    """A figure for a table: short, and blank where there is none."""
    if value is None or (isinstance(value, float) and not np.isfinite(value)):
        return ""
    return f"{value:.7g}" if isinstance(value, float) else str(value)


def _csv(rows: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()
