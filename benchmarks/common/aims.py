"""What is aimed at, and whether it was reached."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Figures = Mapping[str, Any]


@dataclass(frozen=True)
class Aim:
    """One thing that was aimed at.

    Attributes:
        what: In words.
        part: The part that measures it.
        names: The figures that it is about; the aim holds for all of them.
        met: Whether a figure is good enough.
        form: How a figure is written.
    """

    what: str
    part: str
    names: tuple[str, ...]
    met: Callable[[float], bool]
    form: Callable[[float], str] = "{:.2f}".format


@dataclass(frozen=True)
class Line:
    """An aim and what became of it.

    Attributes:
        what: The aim.
        measured: The figures.
        answer: Whether it was reached, in one of a benchmark's three words.
    """

    what: str
    measured: str
    answer: str


def gigabytes(value: float) -> str:
    """Bytes, for people."""
    return f"{value / 1e9:.3f} GB"


def least(limit: float) -> Callable[[float], bool]:
    """For figures that may not be smaller."""
    return lambda value: value >= limit


def most(limit: float) -> Callable[[float], bool]:
    """For figures that may not be larger."""
    return lambda value: value <= limit


def between(low: float, high: float) -> Callable[[float], bool]:
    """For figures that may be neither."""
    return lambda value: low <= value <= high


def lines(
    aims: Iterable[Aim],
    parts: Mapping[str, Mapping[str, Any]],
    words: tuple[str, str, str] = ("yes", "no", "not measured"),
) -> list[Line]:
    """Every aim with what was measured.

    Args:
        aims: What is aimed at.
        parts: What each part left, by name.
        words: For aims that were reached, that were not, and that nothing is known of.
    """
    return [_line(aim, parts.get(aim.part, {}).get("figures", {}), words) for aim in aims]


def _line(aim: Aim, figures: Figures, words: tuple[str, str, str]) -> Line:
    found = [figures[name] for name in aim.names if name in figures]
    measured = ", ".join(aim.form(value) for value in found)
    reached, missed, unknown = words
    # What is missed is missed, whatever else is not known.
    if not all(map(aim.met, found)):
        return Line(aim.what, measured, missed)
    return Line(aim.what, measured, reached if len(found) == len(aim.names) else unknown)


def rows(found: Iterable[Line]) -> list[str]:
    """The aims as a table of a page."""
    table = ["| bar | measured | met |", "|---|---|---|"]
    return table + [f"| {line.what} | {line.measured} | {line.answer} |" for line in found]
