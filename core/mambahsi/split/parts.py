"""The parts of a split, and what a split knows about itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from mambahsi.classes import ClassTable
from mambahsi.split.fields import in_fields_of

PART_UNUSED = 0
TRAIN = 1
VALIDATION = 2
TEST = 3
BUFFER = 4
"""Labeled, but left unused to keep two parts apart."""

NEAR = (1, 3, 5, 10)
"""Distances in pixels, of which a split tells the share of test pixels within."""

_SHOWN = 20
"""Names in a message; the split itself holds them all."""

PART_NAMES = {TRAIN: "train", VALIDATION: "validation", TEST: "test", BUFFER: "buffer"}


@dataclass(frozen=True, eq=False)
class Split:
    """A division of labeled pixels.

    Attributes:
        parts: One of the part numbers by pixel; uint8, shape (rows, columns).
        index: Class index by pixel, -1 where the part is unused; int32, same shape. Take
            classes from here: with separate layers they come from several label sets.
        table: The classes.
        protocol: Short name of how the pixels were divided.
        description: The same in a sentence, with its parameters.
        counts: Pixels by class and part number; int64, shape (classes, 5).
        untested: Names of the classes without a test pixel.
        nearest: Smallest distance between a training and a test pixel, in pixels from
            center to center; None without test pixels.
        near: Share of the test pixels within each distance of :data:`NEAR` from a training
            pixel, center to center; empty without test pixels.
        notes: Warnings for the user.
        labels: Class index of every labeled pixel, those that the division does not use
            included, since they tell of fields (see :mod:`mambahsi.split.fields`); -1 elsewhere,
            int32, shape (rows, columns).
        trained_fields: Test pixels in fields in which others train; bool, shape (rows, columns).
            None where not known.
    """

    parts: np.ndarray
    index: np.ndarray
    table: ClassTable
    protocol: str
    description: str
    counts: np.ndarray
    untested: list[str]
    nearest: float | None
    near: dict[int, float]
    labels: np.ndarray
    notes: list[str] = field(default_factory=list)
    trained_fields: np.ndarray | None = None

    def count(self, part: int) -> int:
        """Pixels of a part."""
        return int(self.counts[:, part].sum())

    def to_json(self) -> dict[str, Any]:
        """Everything but the pixels, as plain values."""
        return {
            "protocol": self.protocol,
            "description": self.description,
            "classes": [
                {"value": c.value, "name": c.name}
                | {name: int(self.counts[i, part]) for part, name in PART_NAMES.items()}
                for i, c in enumerate(self.table)
            ],
            "untested": self.untested,
            "nearest": self.nearest,
            "near": {str(distance): share for distance, share in self.near.items()},
            "in_trained_fields": self._in_trained_fields(),
            "notes": self.notes,
        }

    def _in_trained_fields(self) -> float | None:
        """Share of the test pixels in fields in which others train; None where not known."""
        if self.trained_fields is None or not self.count(TEST):
            return None
        return int(self.trained_fields.sum()) / self.count(TEST)


def make_split(
    parts: np.ndarray,
    index: np.ndarray,
    table: ClassTable,
    protocol: str,
    description: str,
    notes: list[str] | None = None,
) -> Split:
    """A split of these parts, with counts, untested classes, distance and fields worked out."""
    labels = index.astype(np.int32)
    trained_fields = in_fields_of(labels, parts == TRAIN) & (parts == TEST)
    index = np.where(parts != PART_UNUSED, labels, -1)
    labeled = index >= 0
    counts = np.zeros((len(table), BUFFER + 1), dtype=np.int64)
    np.add.at(counts, (index[labeled], parts[labeled]), 1)
    untested = [c.name for c, count in zip(table, counts[:, TEST], strict=True) if not count]
    notes = list(notes or [])
    if untested:
        notes.append(f"Not tested: {list_names(untested)}.")
    if not counts[:, VALIDATION].any():
        notes.append("No pixel is left for validation, so the last epoch will be taken.")
    gaps = _distances(parts)
    return Split(
        parts.astype(np.uint8),
        index,
        table,
        protocol,
        description,
        counts,
        untested,
        float(gaps.min()) if gaps.size else None,
        {distance: float((gaps <= distance).mean()) for distance in NEAR} if gaps.size else {},
        labels,
        notes,
        trained_fields,
    )


def list_names(names: list[str]) -> str:
    """Names for a message, which holds the first of very many."""
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more classes" if more > 0 else "")


def _distances(parts: np.ndarray) -> np.ndarray:
    """Distance of each test pixel to the nearest training pixel; empty without either."""
    train, test = np.argwhere(parts == TRAIN), np.argwhere(parts == TEST)
    if not len(train) or not len(test):
        return np.empty(0)
    found, _ = cKDTree(train).query(test)
    return np.asarray(found, dtype=np.float64)
