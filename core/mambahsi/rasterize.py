"""From polygons and points in pixel coordinates to pixels.

A pixel belongs to a polygon when its center does, and to a point that lies in it. A pixel
that shapes of different classes claim is not known to be of any class, so it is dropped.

Burning only remembers the last shape, so whether all claims on a pixel agree is found from
sums: over the n claims with class numbers c, the pixel is undisputed exactly if both
``sum(c) = n * k`` and ``sum(c * c) = n * k * k`` for the class k that came last, because then
``sum((c - k)**2) = 0``. The numbers stay far below 2**53, so float64 is exact.

A center that lies exactly on an edge belongs to one of the two polygons beside it, never to
both or none: GDAL fills half-open spans, and treats horizontal edges by their direction, so
all rings are given the same one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from affine import Affine
from rasterio.enums import MergeAlg
from rasterio.features import rasterize

_POINT = 0

_STRIP_PIXELS = 4 * 2**20
"""Pixels that are burned at a time; a few arrays of this size are needed."""


@dataclass(frozen=True, eq=False)
class Burned:
    """Shapes as pixels.

    Attributes:
        index: Class index by pixel, -1 without; int32, shape (rows, columns).
        shape: Number of the shape by pixel, -1 without; int32, shape (rows, columns).
        disputed_pixels: Rows and columns of the pixels that are dropped because shapes of
            different classes claim them; int64, shape (pixels, 2).
        without_center: Polygons that cover no pixel center.
    """

    index: np.ndarray
    shape: np.ndarray
    disputed_pixels: np.ndarray
    without_center: int

    @property
    def disputed(self) -> int:
        """Pixels dropped because shapes of different classes claim them."""
        return len(self.disputed_pixels)


def burn(geometries: np.ndarray, classes: np.ndarray, size: tuple[int, int]) -> Burned:
    """Turn shapes into pixels; of shapes of one class that overlap, the last owns a pixel.

    Args:
        geometries: Valid polygons, collections of polygons, and points in pixel
            coordinates; shape (shapes,).
        classes: Class index of each; int, shape (shapes,).
        size: Rows and columns of the scene.
    """
    height, width = size
    shape_ids = np.full(size, -1, dtype=np.int32)
    disputed = [np.empty((0, 2), dtype=np.int64)]
    geometries = shapely.orient_polygons(geometries, exterior_cw=True)
    points = np.flatnonzero(shapely.get_type_id(geometries) == _POINT)
    columns, rows = np.floor(shapely.get_coordinates(geometries[points])).astype(np.int64).T
    polygons = np.flatnonzero(shapely.get_type_id(geometries) != _POINT)
    bounds = shapely.bounds(geometries)

    strip_rows = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, strip_rows):
        bottom = min(height, top + strip_rows)
        touching = polygons[(bounds[polygons, 1] < bottom) & (bounds[polygons, 3] > top)]
        within = (rows >= top) & (rows < bottom)
        if not touching.size and not within.any():
            continue
        strip = _Strip(top, bottom - top, width, geometries, touching)
        here, at = points[within], (rows[within] - top, columns[within])

        ids = shape_ids[top:bottom]
        ids[...] = strip.burn_last(touching)
        ids[at] = here
        claims = strip.burn_sum(np.ones(touching.size))
        np.add.at(claims, at, 1.0)
        if claims.max() < 2:
            continue
        last = np.where(ids >= 0, classes[ids] + 1.0, 0.0)
        agreed = np.ones(ids.shape, dtype=bool)
        for power in (1, 2):
            numbers = (classes + 1.0) ** power
            total = strip.burn_sum(numbers[touching])
            np.add.at(total, at, numbers[here])
            agreed &= total == claims * last**power
        ids[~agreed] = -1
        disputed.append(np.argwhere(~agreed) + np.array([top, 0]))

    index = np.where(shape_ids >= 0, classes[shape_ids], -1).astype(np.int32)
    absent = np.setdiff1d(polygons, shape_ids[shape_ids >= 0])
    without_center = sum(not _covers_center(geometries[i], size) for i in absent)
    return Burned(index, shape_ids, np.concatenate(disputed), without_center)


class _Strip:
    """Rows of the scene that polygons are burned into."""

    def __init__(
        self, top: int, rows: int, width: int, geometries: np.ndarray, touching: np.ndarray
    ) -> None:
        self._size = (rows, width)
        self._transform = Affine.translation(0, top)
        self._shapes = [shapely.geometry.mapping(geometries[i]) for i in touching]

    def burn_last(self, numbers: np.ndarray) -> np.ndarray:
        """The number of the last polygon on each pixel, -1 without."""
        return self._burn(numbers, "int32", -1, MergeAlg.replace)

    def burn_sum(self, numbers: np.ndarray) -> np.ndarray:
        """The sum of the numbers of all polygons on each pixel."""
        return self._burn(numbers, "float64", 0, MergeAlg.add)

    def _burn(
        self, numbers: np.ndarray, dtype: str, background: int, merge: MergeAlg
    ) -> np.ndarray:
        if not self._shapes:
            return np.full(self._size, background, dtype=dtype)
        burned: np.ndarray = rasterize(
            zip(self._shapes, numbers.tolist(), strict=True),
            out_shape=self._size,
            transform=self._transform,
            fill=background,
            dtype=dtype,
            merge_alg=merge,
        )
        return burned


def _covers_center(geometry: shapely.Geometry, size: tuple[int, int]) -> bool:
    """Whether a polygon that owns no pixel covers a center, and only lost it to others."""
    west, north, east, south = shapely.bounds(geometry)
    left, top = max(0, int(np.floor(west))), max(0, int(np.floor(north)))
    right, bottom = min(size[1], int(np.ceil(east))), min(size[0], int(np.ceil(south)))
    if right <= left or bottom <= top:
        return False
    burned = rasterize(
        [shapely.geometry.mapping(geometry)],
        out_shape=(bottom - top, right - left),
        transform=Affine.translation(left, top),
        dtype="uint8",
    )
    return bool(burned.any())
