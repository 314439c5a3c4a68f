"""Arrays as they lie in files, whatever the format: what they are, and reading them in parts.

An array is described without being read, so a folder of gigabytes is looked through quickly, and
read in parts along one axis, so that a large cube need not fit into memory where its format
allows that: HDF5, NumPy and rasters do, compressed MATLAB files of version 5 do not.

Axes are those that the program that wrote the file shows. For a file of MATLAB that is rows,
columns, bands, although HDF5 stores them in reverse.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

LISTED = 12
"""Arrays that a message names before it says how many more there are."""


@dataclass(frozen=True)
class StoredArray:
    """An array in a file.

    Attributes:
        path: The file.
        name: Its variable there, or empty where the file holds nothing else.
        shape: Length along each axis.
        kind: NumPy's name of its type, such as ``uint16``, or MATLAB's of something that is no
            array of numbers, such as ``cell``.
        form: How the file is read: ``mat``, ``hdf5``, ``npy``, ``raster`` or ``roi``.
    """

    path: Path
    name: str
    shape: tuple[int, ...]
    kind: str
    form: str

    @property
    def is_numeric(self) -> bool:
        """Whether it holds real numbers."""
        try:
            return np.dtype(self.kind).kind in "iuf"
        except (TypeError, ValueError, SyntaxError):  # a file may tell anything
            return False

    @property
    def label(self) -> str:
        """What messages call it."""
        return f"{self.name} in {self.path.name}" if self.name else self.path.name

    def __str__(self) -> str:
        size = " x ".join(str(length) for length in self.shape)
        return f"{self.label} ({size}, {self.kind})"


class Reader(Protocol):
    """An open array."""

    def part(self, axis: int, start: int, stop: int) -> np.ndarray:
        """The array from ``start`` to ``stop`` along an axis, whole along the others."""


class InMemory:
    """Reads from an array that is in memory, or mapped into it."""

    def __init__(self, array: np.ndarray) -> None:
        self._array = array

    def part(self, axis: int, start: int, stop: int) -> np.ndarray:
        """See :class:`Reader`."""
        return self._array[(slice(None),) * axis + (slice(start, stop),)]


def listed(arrays: list[StoredArray]) -> str:
    """The arrays in words, for messages."""
    if not arrays:
        return "no arrays"
    more = f" and {len(arrays) - LISTED} more" if len(arrays) > LISTED else ""
    return ", ".join(str(array) for array in arrays[:LISTED]) + more
