"""The class table: what a class is called, how it is drawn, what the user called it.

Inside the engine a class is its *index*, 0 to n - 1, in the order of this table. In files
it is its *value*, 1 to 65535, because 0 means nodata in a land-cover map. The *original*
is what the user's field held, kept as text for the attribute table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

LARGEST_VALUE = 65535
"""Largest value of a class in a map, of which 16 bits hold a pixel."""


@dataclass(frozen=True)
class LandCoverClass:
    """One class.

    Attributes:
        value: Value in the written map, 1 to 65535.
        name: Name shown to the user.
        color: Color as ``#rrggbb``.
        original: What the class field held, as text.
    """

    value: int
    name: str
    color: str
    original: str

    @property
    def rgb(self) -> tuple[int, int, int]:
        """The color as red, green and blue, 0 to 255."""
        return (int(self.color[1:3], 16), int(self.color[3:5], 16), int(self.color[5:7], 16))


@dataclass(frozen=True)
class ClassTable:
    """The classes of a model or map, ordered by value."""

    classes: tuple[LandCoverClass, ...]

    def __len__(self) -> int:
        return len(self.classes)

    def __iter__(self) -> Iterator[LandCoverClass]:
        return iter(self.classes)

    def __getitem__(self, index: int) -> LandCoverClass:
        return self.classes[index]

    @property
    def values(self) -> np.ndarray:
        """Values of the written map by class index; shape (classes,), int64."""
        return np.array([c.value for c in self.classes], dtype=np.int64)

    @property
    def names(self) -> list[str]:
        """Names by class index."""
        return [c.name for c in self.classes]

    def to_json(self) -> list[dict[str, Any]]:
        """The table as plain values."""
        return [
            {"value": c.value, "name": c.name, "color": c.color, "original": c.original}
            for c in self.classes
        ]

    @classmethod
    def from_json(cls, rows: list[Mapping[str, Any]]) -> ClassTable:
        """The table from what :meth:`to_json` gave."""
        return cls(
            tuple(
                LandCoverClass(int(r["value"]), str(r["name"]), str(r["color"]), str(r["original"]))
                for r in rows
            )
        )
