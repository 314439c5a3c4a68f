"""What an assessment by a probability sample reports, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from mambahsi.areas.drawing import MapClasses
from mambahsi.areas.estimators import Estimates, estimate, interval
from mambahsi.areas.few_points import rests_on_few
from mambahsi.areas.reading import Interpreted
from mambahsi.classes import ClassTable
from mambahsi.split.parts import list_names

_BOUNDS = ("value", "standard_error", "lower", "upper")


@dataclass(frozen=True, eq=False)
class AreaReport:
    """Estimates with what is needed to tell them.

    Attributes:
        table: The classes.
        estimates: The estimates.
        mapped_pixels: Pixels of each class in the map; int64, shape (classes,).
        mapped_areas: The same as areas; float64, shape (classes,).
        unit: ``ha`` or ``pixels``.
        description: How the sample was drawn, and which estimators that asks for.
        strata: Per stratum ``name``, ``pixels``, ``area`` and ``points``.
        notes: What limits the figures.
    """

    table: ClassTable
    estimates: Estimates
    mapped_pixels: np.ndarray
    mapped_areas: np.ndarray
    unit: str
    description: str
    strata: list[dict[str, Any]]
    notes: list[str]

    def class_areas(self) -> list[dict[str, float | None]]:
        """Estimated area of each class: value, standard error, and 95 % interval."""
        shares, errors = self.estimates.shares
        return [_bounds(s, e, self.estimates.area) for s, e in zip(shares, errors, strict=True)]

    def to_json(self) -> dict[str, Any]:
        """All figures as plain values; what is undefined is None."""
        e = self.estimates
        rows = zip(
            self.table.to_json(),
            self.mapped_pixels.tolist(),
            self.mapped_areas.tolist(),
            self.class_areas(),
            zip(*e.users, strict=True),
            zip(*e.producers, strict=True),
            strict=True,
        )
        return {
            "design": self.description,
            "unit": self.unit,
            "area": e.area,
            "covered": e.covered,
            "points": int(e.units.sum()),
            "overall_accuracy": _bounds(*e.overall),
            "error_matrix": e.proportions.tolist(),
            "strata": self.strata,
            "classes": [
                {
                    **item,
                    "mapped_pixels": pixels,
                    "mapped_area": mapped,
                    "area": area,
                    "users_accuracy": _bounds(*users),
                    "producers_accuracy": _bounds(*producers),
                }
                for item, pixels, mapped, area, users, producers in rows
            ],
            "notes": self.notes,
        }

    def to_csv(self) -> str:
        """One row a class, then one for the whole map; undefined figures are empty.

        The columns ``reference_N`` are the error matrix: the share of the area that the map
        gives the row's class, and the reference class N.
        """
        values = self.to_json()
        figures = ("area", "users_accuracy", "producers_accuracy", "overall_accuracy")
        named = [f"{name}_{bound}" for name in figures for bound in _BOUNDS]
        matrix = [f"reference_{item.value}" for item in self.table]
        head = ["value", "name", "unit", "mapped_pixels", "mapped_area", *named, *matrix]
        rows = []
        for item, cells in zip(values["classes"], values["error_matrix"], strict=True):
            rows.append({**_flat(item, figures), **dict(zip(matrix, cells, strict=True))})
        whole = {"area": {"value": values["area"]}, "overall_accuracy": values["overall_accuracy"]}
        rows.append(
            {
                "name": "All classes",
                "mapped_pixels": int(self.mapped_pixels.sum()),
                "mapped_area": float(self.mapped_areas.sum()),
                **_flat(whole, figures),
            }
        )
        text = io.StringIO()
        writer = csv.DictWriter(text, head, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({**row, "unit": self.unit})
        return text.getvalue()

    def text(self) -> str:
        """A summary for the console."""
        value, error = self.estimates.overall
        width = max(len(name) for name in self.table.names)
        lines = [
            f"By area: overall accuracy {_share(value)} +- {_share(1.96 * error)} (95 %). "
            f"{self.description}",
            f"  {'class':<{width}}  mapped {self.unit:>8}  estimated, and 95 % interval",
        ]
        for item, mapped, area in zip(
            self.table, self.mapped_areas, self.class_areas(), strict=True
        ):
            bounds = (
                f"{amount(area['lower'])} to {amount(area['upper'])}"
                if area["lower"] is not None
                else "interval not known"
            )
            lines.append(
                f"  {item.name:<{width}}  {amount(mapped):>15}  {amount(area['value'])}, {bounds}"
            )
        return "\n".join(lines)


def area_report(
    interpreted: Interpreted, classes: MapClasses, unit: str, drawn_as: str
) -> AreaReport:
    """Estimate, and say what limits the estimates.

    Args:
        interpreted: The sample.
        classes: What the map holds.
        unit: Unit of the areas.
        drawn_as: How the sample was drawn, in words.
    """
    table, strata = interpreted.table, interpreted.strata
    estimates = estimate(interpreted.sample, strata, len(table))
    pixels = np.zeros(len(table), dtype=np.int64)
    areas = np.zeros(len(table))
    place = {c.value: i for i, c in enumerate(table)}
    own = [place[int(value)] for value in classes.values]
    pixels[own], areas[own] = classes.pixels, classes.areas
    rows = [
        {"name": name, "pixels": int(n), "area": float(a), "points": int(units)}
        for name, n, a, units in zip(
            interpreted.strata_names, strata.pixels, strata.areas, estimates.units, strict=True
        )
    ]
    source = (
        "estimators of Olofsson et al. (2014), strata are the map's classes"
        if interpreted.by_map
        else "estimators of Stehman (2014), strata are not the map's classes"
    )
    points = int(estimates.units.sum())
    counted = (
        f"{points:,}" if points == interpreted.points else f"{points:,} of {interpreted.points:,}"
    )
    description = f"{drawn_as}, {counted} points; {source}."
    few = [table.names[i] for i in np.flatnonzero(rests_on_few(strata, estimates))]
    notes = _limits(rows, estimates, few)
    return AreaReport(table, estimates, pixels, areas, unit, description, rows, notes)


def amount(value: float | None) -> str:
    """An area for people: ``21,158`` or ``3.25``, or a dash."""
    if value is None or math.isnan(value):
        return "\N{EN DASH}"
    return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:,.4g}"


def _limits(strata: list[dict[str, Any]], estimates: Estimates, few: list[str]) -> list[str]:
    notes = []
    empty = [row["name"] for row in strata if not row["points"]]
    if empty:
        notes.append(
            f"Without a sample point, and left out of all estimates: {', '.join(empty)}. The "
            f"estimates are about the other {estimates.covered:.2%} of the area."
        )
    single = [row["name"] for row in strata if row["points"] == 1 < row["pixels"]]
    if single:
        notes.append(
            f"With a single sample point, so that standard errors that depend on it are not "
            f"known: {', '.join(single)}."
        )
    if few:
        notes.append(
            "Areas that rest on few points, so that their 95 % intervals are probably too narrow: "
            f"{list_names(few)}. One further point of such a class, where the map shows another "
            "one, would move its area by more than half of its standard error. More points in "
            "the large strata help."
        )
    return notes


def _bounds(value: float, error: float, scale: float = 1.0) -> dict[str, float | None]:
    lower, upper = interval(value, error)
    figures = (value, error, float(lower), float(upper))
    return {
        name: None if math.isnan(figure) else figure * scale
        for name, figure in zip(_BOUNDS, figures, strict=True)
    }


def _flat(item: dict[str, Any], figures: tuple[str, ...]) -> dict[str, Any]:
    plain = {name: value for name, value in item.items() if not isinstance(value, dict)}
    nested = {
        f"{name}_{bound}": item[name].get(bound)
        for name in figures
        if name in item
        for bound in _BOUNDS
    }
    return plain | nested


def _share(value: float) -> str:
    return "\N{EN DASH}" if math.isnan(value) else f"{100 * value:.2f} %"
