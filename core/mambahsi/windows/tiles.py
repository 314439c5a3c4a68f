"""The pixels of windows: read from the file once, kept in 8 bits where memory allows.

Windows overlap, and come again in every epoch at other places. So a scene is read in *tiles*
of a fixed raster, each normalized once and kept until the room for tiles is used up; then the
one that was not needed for longest goes, and is read again when it is. Normalized values are
multiples of 1/255 (see :mod:`mambahsi.normalization`), so keeping them takes one byte per band
and pixel, and nothing is lost.

What is kept changes how often the file is read, never what comes out.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from rasterio.windows import Window
from torch import Tensor

from mambahsi.feedback import Feedback
from mambahsi.normalization import Normalization
from mambahsi.scene import Scene
from mambahsi.windows.placement import reached

TILE = 64
"""Columns, and at most so many rows, of a tile."""

_LEVELS = (np.arange(256) / 255.0).astype(np.float32)


@dataclass(frozen=True)
class TileRaster:
    """The raster of a scene's tiles, and what they take once they are read.

    Attributes:
        scene: Rows and columns of the scene.
        bands: Bands that are read.
        rows: Rows of a tile.
        columns: Columns of a tile.
    """

    scene: tuple[int, int]
    bands: int
    rows: int
    columns: int

    @classmethod
    def of(cls, scene: Scene, bands: int, cache: int) -> TileRaster:
        """The tiles of a scene.

        In a file of whole rows GDAL reads whole rows for a tile. Tiles are so low that those of
        the scene's full width fit into half of its cache, so that the next tile's pixels still
        lie there.

        Args:
            scene: The scene.
            bands: How many of its bands are read.
            cache: Bytes of GDAL's block cache.
        """
        rows = TILE
        while rows > 1 and 2 * rows * scene.grid.width * bands * scene.dtype.itemsize > cache:
            rows //= 2
        return cls(scene.grid.shape, bands, rows, TILE)

    def window_bytes(self, shape: tuple[int, int]) -> int:
        """Bytes of all tiles that a window of so many rows and columns can touch."""
        return self._bytes(self._across(shape[0], 0), self._across(shape[1], 1))

    def row_bytes(self, rows: int) -> int:
        """Bytes of all tiles that windows of so many rows, side by side, can touch."""
        return self._bytes(self._across(rows, 0), self._across(self.scene[1], 1))

    def around_bytes(self, points: np.ndarray, shape: tuple[int, int]) -> int:
        """Bytes of all tiles that windows around labeled pixels can touch.

        Args:
            points: Row and column of each pixel, row by row; int64 (n, 2).
            shape: Rows and columns of the windows.
        """
        return self._bytes(reached(points, self.scene, shape, (self.rows, self.columns)), 1)

    def _across(self, length: int, axis: int) -> int:
        """Tiles that so many rows, or columns, touch at most."""
        side = (self.rows, self.columns)[axis]
        return min(-(-length // side) + 1, -(-self.scene[axis] // side))

    def _bytes(self, down: int, across: int) -> int:
        return down * across * self.rows * self.columns * self.bands


class WindowReader:
    """Reads normalized windows of a scene.

    Attributes:
        scene: The scene.
        bands: Its bands that the network reads, from 1.
        valid: Where they hold measurements; bool (rows, columns).
        raster: The tiles in which it is read.
        limit: Bytes of tiles to keep; those of the window at hand are kept in any case.
    """

    def __init__(
        self,
        scene: Scene,
        bands: Sequence[int],
        valid: np.ndarray,
        normalization: Normalization,
        raster: TileRaster,
        limit: int,
    ) -> None:
        self.scene = scene
        self.bands = list(bands)
        self.valid = valid
        self.raster = raster
        self.limit = limit
        self._normalization = normalization
        self._tiles: OrderedDict[tuple[int, int], np.ndarray] = OrderedDict()
        self._bytes = 0

    def read(self, window: Window, feedback: Feedback) -> tuple[Tensor, np.ndarray]:
        """Normalized pixels of a window.

        Args:
            window: Part of the scene.
            feedback: Asked whether to stop.

        Returns:
            The window's valid pixels row by row, float32 (pixels, bands), and where they lie,
            bool (rows, columns).

        Raises:
            SceneError: The file is truncated or corrupt.
            Cancelled: The user asked to stop.
        """
        rows, columns = window.toslices()
        mask = self.valid[rows, columns]
        pixels = np.empty((int(mask.sum()), len(self.bands)), dtype=np.float32)
        levels = np.empty((*mask.shape, len(self.bands)), dtype=np.uint8)
        height, width = self.raster.rows, self.raster.columns
        down = range(rows.start // height, (rows.stop - 1) // height + 1)
        across = range(columns.start // width, (columns.stop - 1) // width + 1)
        self._make_room(down, across)
        for tile_row in down:
            self._load(tile_row, across, feedback)
            for tile_column in across:
                # Of the window's rows those in the tile, counted from both their beginnings.
                top, left = tile_row * height, tile_column * width
                tile = self._tiles[tile_row, tile_column]
                here, there = _common(rows, top, tile.shape[0])
                here_too, there_too = _common(columns, left, tile.shape[1])
                levels[here, here_too] = tile[there, there_too]
        # All indices lie inside the table; "clip" spares a copy of the result.
        np.take(_LEVELS, levels[mask], out=pixels, mode="clip")
        return torch.from_numpy(pixels), mask

    def _make_room(self, down: range, across: range) -> None:
        """Drop tiles that were not needed for longest, but none of a window to be read."""
        needed = list(itertools.product(down, across))
        present = [key for key in needed if key in self._tiles]
        for key in present:
            self._tiles.move_to_end(key)
        height, width = self.raster.rows, self.raster.columns
        coming = (len(needed) - len(present)) * height * width * len(self.bands)
        while self._bytes + coming > self.limit and len(self._tiles) > len(present):
            _, tile = self._tiles.popitem(last=False)
            self._bytes -= tile.nbytes

    def _load(self, tile_row: int, columns: range, feedback: Feedback) -> None:
        """Read those tiles of a row of tiles that are not there, neighbors at once."""
        missing = [column for column in columns if (tile_row, column) not in self._tiles]
        height, width = self.raster.rows, self.raster.columns
        top = tile_row * height
        rows = min(height, self.scene.grid.height - top)
        for _, run in itertools.groupby(enumerate(missing), lambda item: item[1] - item[0]):
            feedback.check()
            found = [column for _, column in run]
            left = found[0] * width
            right = min((found[-1] + 1) * width, self.scene.grid.width)
            data = self.scene.read(self.bands, Window(left, top, right - left, rows))
            levels = _levels(self._normalization, data)
            for column in found:
                start = column * width - left
                tile = np.ascontiguousarray(levels[:, start : start + width])
                self._tiles[tile_row, column] = tile
                self._bytes += tile.nbytes


def assembling_bytes(pixels: int, bands: int) -> int:
    """Memory that putting a window together takes beside its tiles and its float pixels."""
    # In 8 bits, with and without its invalid pixels.
    return 2 * pixels * bands


def _levels(normalization: Normalization, data: np.ndarray) -> np.ndarray:
    """Normalized pixels as whole numbers of 1/255; uint8 (rows, columns, bands)."""
    levels = np.empty(data.shape, dtype=np.uint8)
    for number, band in enumerate(data):
        normalization.levels(number, band.reshape(-1), levels[number].reshape(-1))
    return np.moveaxis(levels, 0, 2)


def _common(wanted: slice, start: int, length: int) -> tuple[slice, slice]:
    """What an interval shares with a tile, counted from its own and from the tile's start."""
    first, last = max(wanted.start, start), min(wanted.stop, start + length)
    return (
        slice(first - wanted.start, last - wanted.start),
        slice(first - start, last - start),
    )
