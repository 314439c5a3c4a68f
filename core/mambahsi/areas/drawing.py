"""Drawing a stratified random sample of pixels from a map of any size.

The map is read twice, block by block. The first time its pixels are counted by class. Then it is
drawn which pixels of each class are taken, as ranks: the 17th pixel of the class, the 40,031st, in
the order in which they are read. The second time these are found. So every pixel of a class has
the same chance, none is drawn twice, and memory does not depend on the map's size.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from mambahsi import cancellation
from mambahsi.areas.pixel_area import PixelArea
from mambahsi.feedback import Feedback
from mambahsi.map_values import no_class, read_map, refuse_several_bands
from mambahsi.scene import Scene

Integers = NDArray[np.int64]

BLOCK_BYTES = 4 * 2**20
"""Map pixels looked at together, in bytes of the file's type."""


@dataclass(frozen=True, eq=False)
class MapClasses:
    """The classes of a map, and how much of it they cover.

    Attributes:
        values: Distinct class values, ascending; int64, shape (classes,).
        pixels: Pixels of each; int64, shape (classes,).
        areas: Area of each, in the unit of the pixel area; float64, shape (classes,).
    """

    values: Integers
    pixels: Integers
    areas: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Drawn:
    """Pixels that were drawn, in random order.

    Attributes:
        stratum: Index of each one's class; int64, shape (points,).
        rows: Row of each; int64, shape (points,).
        columns: Column of each; int64, shape (points,).
    """

    stratum: Integers
    rows: Integers
    columns: Integers


def count_classes(scene: Scene, area: PixelArea, feedback: Feedback) -> MapClasses:
    """Count the pixels of every class in a map.

    Raises:
        SceneError: The raster is no land-cover map, or holds no class.
    """
    refuse_several_bands(scene)
    pixels: dict[int, int] = {}
    areas: dict[int, float] = {}
    for window, values, valid in _blocks(scene):
        sizes = None
        if area.constant is None:
            by_row = area.of_rows(window.row_off, window.height)
            sizes = np.broadcast_to(by_row, valid.shape)[valid]
        for value, number, covered in _tally(values[valid], sizes):
            pixels[value] = pixels.get(value, 0) + number
            areas[value] = areas.get(value, 0.0) + covered
        done = (window.row_off + window.height) / scene.grid.height
        feedback.progress(0.45 * done, "Counting the map's pixels")
    if not pixels:
        raise no_class(scene)
    if area.constant is not None:
        areas = {value: number * area.constant for value, number in pixels.items()}
    order = sorted(pixels)
    return MapClasses(
        np.array(order, dtype=np.int64),
        np.array([pixels[v] for v in order], dtype=np.int64),
        np.array([areas[v] for v in order]),
    )


def _tally(
    values: np.ndarray, sizes: NDArray[np.float64] | None
) -> Iterator[tuple[int, int, float]]:
    """Each distinct value, how often it is there, and the sum of sizes, 0 without."""
    if values.dtype in (np.uint8, np.uint16):
        codes, found = values, np.arange(int(np.iinfo(values.dtype).max) + 1)
    else:
        found, codes = np.unique(values, return_inverse=True)
    counted = np.bincount(codes, minlength=len(found))
    covered: NDArray[np.float64] = np.zeros(len(found))
    if sizes is not None:
        covered += np.bincount(codes, weights=sizes, minlength=len(found))
    for index in np.flatnonzero(counted).tolist():
        yield int(found[index]), int(counted[index]), float(covered[index])


def draw(
    scene: Scene, classes: MapClasses, counts: Integers, seed: int, feedback: Feedback
) -> Drawn:
    """Draw pixels of every class at random, without replacement.

    Args:
        scene: The map.
        classes: Its classes, from :func:`count_classes`.
        counts: Pixels to draw of each, at most as many as it has; shape (classes,).
        seed: Seed of the draw.
        feedback: Told how it goes.
    """
    generator = np.random.default_rng(seed)
    wanted = [
        np.sort(generator.choice(int(number), size=int(count), replace=False))
        for number, count in zip(classes.pixels, counts, strict=True)
    ]
    seen = [0] * len(wanted)
    parts: list[NDArray[np.int64]] = [np.empty((3, 0), dtype=np.int64)]
    for window, values, valid in _blocks(scene):
        flat = np.where(valid, values, 0).ravel()
        for index, value in enumerate(classes.values.tolist()):
            ranks = wanted[index]
            begin = np.searchsorted(ranks, seen[index])
            if begin == len(ranks):
                continue  # all of this class are found
            places = np.flatnonzero(flat == value)
            end = np.searchsorted(ranks, seen[index] + len(places))
            taken = places[ranks[begin:end] - seen[index]]
            seen[index] += len(places)
            rows, columns = np.divmod(taken, window.width)
            parts.append(np.stack([np.full(len(taken), index), rows + window.row_off, columns]))
        done = (window.row_off + window.height) / scene.grid.height
        feedback.progress(0.45 + 0.45 * done, "Drawing sample points")
    found = np.concatenate(parts, axis=1)
    # Sorted, so that a seed gives the same points whatever the blocks; then in random order, so
    # that the points that were interpreted first are a random sample, too.
    found = found[:, np.lexsort((found[2], found[1]))]
    stratum, rows, columns = found[:, generator.permutation(found.shape[1])]
    return Drawn(stratum, rows, columns)


def _blocks(scene: Scene) -> Iterator[tuple[Window, np.ndarray, np.ndarray]]:
    for window in scene.windows(1, BLOCK_BYTES):
        cancellation.raise_if_requested()
        yield (window, *read_map(scene, window))


def values_at(
    scene: Scene, rows: Integers, columns: Integers
) -> tuple[Integers, NDArray[np.bool_]]:
    """Class values of a map at some pixels, and which of these have one.

    Args:
        scene: The map.
        rows: Row of each pixel, inside the map; int64, shape (pixels,).
        columns: Column of each; int64, shape (pixels,).
    """
    values = np.zeros(len(rows), dtype=np.int64)
    valid = np.zeros(len(rows), dtype=bool)
    for window in scene.windows(1, BLOCK_BYTES):
        cancellation.raise_if_requested()
        inside = (rows >= window.row_off) & (rows < window.row_off + window.height)
        if inside.any():
            at = rows[inside] - window.row_off, columns[inside]
            found, present = read_map(scene, window)
            valid[inside] = present[at]
            values[inside] = np.where(present[at], found[at], 0)
    return values, valid
