"""Region growing: from one pixel to the area around it that looks alike.

A pixel's *distance* is how far its spectrum lies from that of the pixel that was clicked: by
the spectral angle, which does not change with illumination (Kruse et al. 1993,
doi:10.1016/0034-4257(93)90013-N, equation 1), or by the Euclidean distance in the scene's
own units. Distances are computed once for a window. The region at a tolerance is then the
pixels no farther than it that are connected with the clicked one *by edges* (4-connectivity:
pixels that touch at a corner alone would give a polygon that falls apart there).

Nothing here knows QGIS or reads a file; see :mod:`~mambahsi_qgis.spectra` for the reading and
:mod:`~mambahsi_qgis.pixel_outline` for the polygon.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

import numpy as np

ANGLE, DISTANCE = "angle", "distance"

_STRIP_VALUES = 4_000_000
"""Numbers that are turned into float64 at a time: 32 MB."""


@dataclass(frozen=True)
class Window:
    """A rectangle of pixels.

    Attributes:
        top, left: First row and column.
        bottom, right: Row and column after the last ones.
    """

    top: int
    left: int
    bottom: int
    right: int

    @classmethod
    def around(cls, row: int, column: int, side: int, height: int, width: int) -> Window:
        """The square of ``side`` pixels around a pixel, as far as the scene reaches."""
        top, left = row - side // 2, column - side // 2
        return cls(max(0, top), max(0, left), min(height, top + side), min(width, left + side))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.bottom - self.top, self.right - self.left

    def common(self, other: Window) -> Window:
        """What both cover; of no size where they do not meet."""
        top, left = max(self.top, other.top), max(self.left, other.left)
        bottom, right = min(self.bottom, other.bottom), min(self.right, other.right)
        return Window(top, left, max(top, bottom), max(left, right))

    def within(self, other: Window) -> tuple[slice, slice]:
        """Slices of this window in an array that covers ``other``."""
        return (
            slice(self.top - other.top, self.bottom - other.top),
            slice(self.left - other.left, self.right - other.left),
        )


def spectral_angles(spectra: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Angles between spectra and a reference, in degrees.

    Args:
        spectra: Shape (bands, pixels), any real type.
        reference: Shape (bands,).

    Returns:
        float64, shape (pixels,), 0 to 180, good to a millionth of a degree; infinite where a
        spectrum is zero in all bands and so has no direction.
    """
    values = spectra.astype(np.float64, copy=False)
    center = reference.astype(np.float64)
    lengths = np.sqrt(np.einsum("bn,bn->n", values, values) * (center @ center))
    with np.errstate(divide="ignore", invalid="ignore"):
        cosines = (center @ values) / lengths
    angles = np.degrees(np.arccos(np.clip(cosines, -1.0, 1.0)))
    return np.where(lengths > 0, angles, np.inf)


def euclidean_distances(spectra: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Euclidean distances between spectra and a reference, in the units of the values.

    Args:
        spectra: Shape (bands, pixels), any real type.
        reference: Shape (bands,).

    Returns:
        float64, shape (pixels,).
    """
    apart = spectra.astype(np.float64) - reference.astype(np.float64)[:, None]
    return np.sqrt(np.einsum("bn,bn->n", apart, apart))


MEASURES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    ANGLE: spectral_angles,
    DISTANCE: euclidean_distances,
}


def distances(
    spectra: np.ndarray, valid: np.ndarray, reference: np.ndarray, measure: str
) -> np.ndarray:
    """Distances of a block of pixels; memory beyond the result is bounded.

    Args:
        spectra: Shape (bands, rows, columns).
        valid: Where all bands hold a measurement; bool, shape (rows, columns).
        reference: Shape (bands,).
        measure: One of :data:`MEASURES`.

    Returns:
        float64, shape (rows, columns); infinite where not valid.
    """
    bands, rows, columns = spectra.shape
    found = np.full((rows, columns), np.inf)
    step = max(1, _STRIP_VALUES // max(1, bands * columns))
    with np.errstate(over="ignore", invalid="ignore"):  # whatever is stored under nodata
        for top in range(0, rows, step):
            strip = spectra[:, top : top + step].reshape(bands, -1)
            near = MEASURES[measure](strip, reference)
            found[top : top + step] = near.reshape(-1, columns)
    found[~valid] = np.inf
    return found


def connected(alike: np.ndarray, row: int, column: int) -> np.ndarray:
    """The pixels that are connected with one by edges.

    Rows are cut into runs of neighbors, runs of adjacent rows that meet are joined, and each
    run's group is followed to its first member, by halving paths. So the work grows with the
    number of runs, not with how winding the region is.

    Args:
        alike: Candidates; bool, shape (rows, columns).
        row, column: The pixel; it belongs to the result even if it is no candidate.

    Returns:
        bool, of the same shape.
    """
    rows, columns = alike.shape
    # One column more, never set, keeps runs from going on in the next row.
    grid = np.zeros((rows, columns + 1), dtype=bool)
    grid[:, :columns] = alike
    grid[row, column] = True
    flat = grid.ravel()
    starts = flat.copy()
    starts[1:] &= ~flat[:-1]
    runs = (np.cumsum(starts, dtype=np.int32) - 1).reshape(grid.shape)
    meeting = (grid[:-1] & grid[1:]).ravel()
    first = meeting.copy()
    first[1:] &= ~meeting[:-1]
    edges = np.flatnonzero(first)
    below = edges + columns + 1
    high, low = runs.ravel()[edges], runs.ravel()[below]
    parent = np.arange(int(runs[-1, -1]) + 1, dtype=np.int32)
    while high.size:
        # Each root joins a smaller one that it meets; where several do, any of them.
        parent[np.maximum(high, low)] = np.minimum(high, low)
        while True:
            upper = parent[parent]
            if np.array_equal(upper, parent):
                break
            parent = upper
        high, low = parent[high], parent[low]
        apart = high != low
        high, low = high[apart], low[apart]
    wanted = parent == parent[runs[row, column]]
    return (grid & wanted[np.maximum(runs, 0)])[:, :columns]


def region(apart: np.ndarray, row: int, column: int, tolerance: float) -> np.ndarray:
    """The region of a pixel; bool, of the shape of ``apart``.

    Args:
        apart: Distances; shape (rows, columns), infinite where no pixel may belong.
        row, column: The pixel that was clicked, in the array.
        tolerance: Largest distance of a pixel of the region.
    """
    return connected(apart <= tolerance, row, column)
