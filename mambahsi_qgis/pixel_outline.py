"""The polygon of a connected region of pixels, along the pixels' edges.

It holds the centers of exactly the region's pixels: rasterized by centers, it gives the
region back, in any grid. It is drawn anew at each move of a slider, within a window of maybe
a hundred thousand pixels, which is why it is not left to ``gdal.Polygonize``: that gives the
same rings, but takes a second for a region with as many holes as noise leaves.

A ring has a vertex where its boundary turns. Of the four pixels at such a corner one or three
belong to the region, or two diagonal ones, where two turns meet. There, the two edges that
belong together are those beside the same pixel *outside*. So a ring surrounds one group of
outside pixels connected by edges; it never touches itself (a curve through both outside pixels
would part the region's two pixels, which are connected), and the polygon is valid.

In a row of corners the turns, in order, are by turns begins and ends of horizontal edges, and
in a column of vertical ones; that gives each turn its two neighbors.
"""

from __future__ import annotations

import struct
from typing import Sequence

import numpy as np


def outline(
    inside: np.ndarray,
    top: int,
    left: int,
    transform: Sequence[float],
    fill_holes: bool = False,
    every_corner: bool = False,
) -> bytes:
    """The polygon of a region, as well-known binary.

    Args:
        inside: The region, connected by edges; bool, shape (rows, columns).
        top, left: Row and column of its first pixel in the scene.
        transform: The scene's GDAL geotransform; rotation is allowed.
        fill_holes: Leave out the rings of holes.
        every_corner: Give the edges a vertex at every pixel, so that they still follow the
            pixels after a transformation to another CRS, which bends them.

    Raises:
        ValueError: The region has no pixel.
    """
    rows, columns, lengths = _rings(inside)
    if fill_holes:
        lengths = lengths[:1]
        rows, columns = rows[: lengths[0]], columns[: lengths[0]]
    if every_corner:
        rows, columns, lengths = _at_every_corner(rows, columns, lengths)
    rows, columns = rows + top, columns + left
    x0, dx_column, dx_row, y0, dy_column, dy_row = transform
    points = np.empty((len(rows), 2), dtype="<f8")
    points[:, 0] = x0 + columns * dx_column + rows * dx_row
    points[:, 1] = y0 + columns * dy_column + rows * dy_row
    coordinates = points.tobytes()
    parts = [struct.pack("<BII", 1, 3, len(lengths))]
    begin = 0
    for length in lengths:
        parts += [struct.pack("<I", length), coordinates[16 * begin : 16 * (begin + length)]]
        begin += length
    return b"".join(parts)


def _rings(inside: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Rows and columns of the vertices of all closed rings, the outer one first.

    Returns:
        Rows, columns, and how many vertices each ring has, the last being the first again.
    """
    row, column, southward = _turns(inside)
    count = len(row)
    if not count:
        raise ValueError("A region without a pixel has no outline.")
    # Turns lie in the order of rows and, within a row, of columns.
    beside = np.arange(count) ^ 1
    in_columns = np.argsort((column * (inside.shape[0] + 1) + row) * 2 + southward)
    above = np.empty(count, dtype=np.int64)
    above[in_columns[0::2]] = in_columns[1::2]
    above[in_columns[1::2]] = in_columns[0::2]
    horizontal, vertical = beside.tolist(), above.tolist()
    order: list[int] = []
    lengths: list[int] = []
    seen = bytearray(count)
    # The first turn of all is the region's uppermost, so its ring is the outer one.
    for start in range(count):
        if seen[start]:
            continue
        begin, turn = len(order), start
        while not seen[turn]:
            across = horizontal[turn]
            seen[turn] = seen[across] = 1
            order += (turn, across)
            turn = vertical[across]
        order.append(start)
        lengths.append(len(order) - begin)
    return row[order], column[order], lengths


def _turns(inside: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All turns of the boundary, by rows and columns.

    Returns:
        Row and column of the corner, and whether its vertical edge goes south (1) or north (0).
        At a corner with two turns, the one with the western edge comes first.
    """
    padded = np.pad(inside, 1).astype(np.int8)
    north_west, north_east = padded[:-1, :-1], padded[:-1, 1:]
    south_west, south_east = padded[1:, :-1], padded[1:, 1:]
    total = north_west + north_east + south_west + south_east
    double = (total == 2) & (north_west == south_east)
    row, column = np.nonzero((total & 1).astype(bool) | double)
    # A vertical edge goes south where the two pixels south of the corner differ.
    southward = (south_west != south_east)[row, column].astype(np.int64)
    twice = double[row, column]
    # Two turns: with the western edge goes the vertical edge of the same outside pixel.
    western_south = north_west[row, column].astype(np.int64)
    southward[twice] = western_south[twice]
    repeats = 1 + twice.astype(np.int64)
    row, column, southward = (np.repeat(a, repeats) for a in (row, column, southward))
    second = np.cumsum(repeats)[twice] - 1
    southward[second] = 1 - southward[second]
    return row, column, southward


def _at_every_corner(
    rows: np.ndarray, columns: np.ndarray, lengths: list[int]
) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """The same rings with a vertex at each pixel's corner along their edges."""
    steps_down, steps_right = np.diff(rows, append=rows[-1:]), np.diff(columns, append=columns[-1:])
    counts = np.abs(steps_down) + np.abs(steps_right)
    ends = np.cumsum(np.array(lengths))
    counts[ends - 1] = 1  # the last vertex of a ring leads nowhere
    source = np.repeat(np.arange(len(rows)), counts)
    along = np.arange(len(source)) - np.repeat(np.cumsum(counts) - counts, counts)
    return (
        rows[source] + np.sign(steps_down)[source] * along,
        columns[source] + np.sign(steps_right)[source] * along,
        np.add.reduceat(counts, ends - np.array(lengths)).tolist(),
    )
