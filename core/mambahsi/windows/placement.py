"""Where windows lie: around labeled pixels for training, all over the scene for a map.

A window's sides are multiples of four pixels, so that every pixel belongs to a cell of the
network's coarsest grid and one valid pixel is enough for the network to run. A scene that is
smaller than a window in one direction shrinks the window to the largest such multiple.

For training the windows of an epoch are a *cover* of the labeled pixels. As long as one is
not covered, a window is laid over it at random, and *accounts* for all labeled pixels inside
that no earlier window accounts for. So every pixel counts exactly once, however many windows
it lies in, and polygons larger than a window are spread over several. Finding the smallest
cover is hard (it is the set cover problem) and not wanted either, because it would always be
the same one: each window is the best of a few random ones (the greedy rule, Chvátal 1979,
doi:10.1287/moor.4.3.233, with a random shift).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from rasterio.windows import Window

MULTIPLE = 4
"""Pixels on a side of the cells of the network's coarsest grid."""

_CANDIDATES = 4
"""Random windows of which the one that accounts for most is taken."""


@dataclass(frozen=True, eq=False)
class LabeledWindow:
    """A window and the labeled pixels that it accounts for.

    Attributes:
        window: Where it lies.
        members: Positions of these pixels in the list that was to be covered; int64,
            ascending, at least one.
    """

    window: Window
    members: np.ndarray


def window_shape(wanted: tuple[int, int], scene: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of the windows of a scene.

    Args:
        wanted: Rows and columns asked for, multiples of :data:`MULTIPLE`.
        scene: Rows and columns of the scene, at least :data:`MULTIPLE` each.
    """
    rows, columns = (
        min(side, whole // MULTIPLE * MULTIPLE) for side, whole in zip(wanted, scene, strict=True)
    )
    return rows, columns


def random_cover(
    points: np.ndarray,
    scene: tuple[int, int],
    shape: tuple[int, int],
    generator: np.random.Generator,
) -> list[LabeledWindow]:
    """Windows at random places that together account for every pixel once.

    Args:
        points: Row and column of each pixel, row by row; int64 (n, 2).
        scene: Rows and columns of the scene.
        shape: Rows and columns of the windows.
        generator: Source of the shifts and of the order.

    Returns:
        The windows in random order.
    """
    cover = _Cover(points, scene, shape)
    for point in generator.permutation(len(points)):
        if not cover.left[point]:
            continue
        row, column = points[point]
        places = [
            (
                _shift(row, shape[0], scene[0], generator),
                _shift(column, shape[1], scene[1], generator),
            )
            for _ in range(_CANDIDATES)
        ]
        cover.take(max(places, key=lambda place: len(cover.members(place))))
    return [cover.windows[number] for number in generator.permutation(len(cover.windows))]


def fixed_cover(
    points: np.ndarray, scene: tuple[int, int], shape: tuple[int, int]
) -> list[LabeledWindow]:
    """Windows at fixed places, centered on the pixels that they account for.

    Args and result as of :func:`random_cover`; the windows run from top to bottom.
    """
    cover = _Cover(points, scene, shape)
    for point in range(len(points)):
        if not cover.left[point]:
            continue
        # Nothing is left above this pixel, so the window that begins with its row reaches
        # most; then it moves to where what it found lies in its middle.
        place = (
            _inside(int(points[point, 0]), shape[0], scene[0]),
            _inside(int(points[point, 1]) - shape[1] // 2, shape[1], scene[1]),
        )
        found = points[cover.members(place)]
        middle = (found.min(axis=0) + found.max(axis=0) + 1) // 2
        cover.take(
            (
                _inside(int(middle[0]) - shape[0] // 2, shape[0], scene[0]),
                _inside(int(middle[1]) - shape[1] // 2, shape[1], scene[1]),
            )
        )
    return cover.windows


def starts(length: int, window: int, stride: int) -> list[int]:
    """First rows, or columns, of the windows that cover a scene along one axis.

    As few as a stride of at most ``stride`` allows, evenly spread from end to end.

    Args:
        length: Rows of the scene.
        window: Rows of a window, at most ``length``.
        stride: Largest distance from one window to the next, below ``window``.
    """
    room = length - window
    steps = -(-room // stride)
    return [round(number * room / steps) for number in range(steps + 1)] if steps else [0]


def reached(
    points: np.ndarray, scene: tuple[int, int], shape: tuple[int, int], cell: tuple[int, int]
) -> int:
    """How many cells of a grid windows around these pixels can touch at all.

    Args:
        points: As of :func:`random_cover`.
        scene: Rows and columns of the scene.
        shape: Rows and columns of the windows.
        cell: Rows and columns of the grid's cells.
    """
    touched = np.zeros([-(-side // step) for side, step in zip(scene, cell, strict=True)], bool)
    corners = np.unique(points // cell, axis=0) * cell
    for corner in corners:
        first = [
            max(0, at - side + 1) // step
            for at, side, step in zip(corner, shape, cell, strict=True)
        ]
        last = [
            min(at + step + side - 2, limit - 1) // step
            for at, side, step, limit in zip(corner, shape, cell, scene, strict=True)
        ]
        touched[first[0] : last[0] + 1, first[1] : last[1] + 1] = True
    return int(touched.sum())


class _Cover:
    """Windows so far, and the pixels that none of them accounts for."""

    def __init__(self, points: np.ndarray, scene: tuple[int, int], shape: tuple[int, int]) -> None:
        self.points = points
        self.scene = scene
        self.shape = shape
        self.left = np.ones(len(points), dtype=bool)
        self.windows: list[LabeledWindow] = []

    def members(self, place: tuple[int, int]) -> np.ndarray:
        """Positions of the pixels that a window at this row and column would account for."""
        top, left = place
        # Points lie row by row, so those of the window's rows follow each other.
        first, last = np.searchsorted(self.points[:, 0], (top, top + self.shape[0]))
        columns = self.points[first:last, 1]
        inside = (columns >= left) & (columns < left + self.shape[1]) & self.left[first:last]
        return first + np.flatnonzero(inside)

    def take(self, place: tuple[int, int]) -> None:
        """Add the window at this row and column."""
        members = self.members(place)
        self.left[members] = False
        top, left = place
        self.windows.append(LabeledWindow(Window(left, top, self.shape[1], self.shape[0]), members))


def _shift(at: int, window: int, scene: int, generator: np.random.Generator) -> int:
    """A random start of a window that holds a pixel."""
    return int(generator.integers(max(0, at - window + 1), min(at, scene - window) + 1))


def _inside(start: int, window: int, scene: int) -> int:
    """The nearest start at which a window lies in the scene."""
    return min(max(start, 0), scene - window)
