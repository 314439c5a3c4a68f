"""What a class is, and what is said of it; names and colors where nothing is said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Optional

from qgis.PyQt.QtGui import QColor

from mambahsi_qgis.engine.jobs import colors

LARGEST_VALUE = 65535
"""Largest value that a class keeps in a land-cover map."""


@dataclass(frozen=True)
class TrainingClass:
    """A class of the training layer.

    Attributes:
        value: What the class field holds.
        name: What it is called.
        color: What it is drawn in.
    """

    value: int
    name: str
    color: QColor


class Entry(NamedTuple):
    """What is said of a class by a polygon or by the style; None where nothing is said."""

    name: Optional[str] = None
    color: Optional[str] = None


class Row(NamedTuple):
    """What one polygon's fields hold; None for NULL."""

    value: Optional[int]
    name: Optional[str]
    color: Optional[str]


def parse_color(text: object) -> Optional[str]:
    """A color as ``#rrggbb``, as the engine reads it, or None."""
    return colors.parse_color(text) if isinstance(text, str) else None


def default_color(value: int) -> str:
    """The color of a class that has been given none."""
    return colors.default_color(abs(value - 1))


def default_name(value: int) -> str:
    """What the engine calls a class that has been given no name."""
    return f"Class {value}"
