"""Where the pixels of a raster lie: size, affine transform and CRS.

Every raster that the engine writes lies on exactly the grid of the scene it comes from, so
the grid travels: from the scene into the model file, the split and the written maps. It is
plain data and needs no open file.

The transform has the order of ``affine.Affine``: ``x = a * column + b * row + c`` and
``y = d * column + e * row + f``, for pixel corners; pixel centers are at half numbers. A
raster without georeference has the identity there, so its coordinates are columns and rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from affine import Affine

_IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


@dataclass(frozen=True)
class Grid:
    """Size and place of a raster.

    Attributes:
        width: Columns.
        height: Rows.
        transform: The six coefficients a, b, c, d, e, f; rotation and shear are allowed.
        crs: CRS as WKT, or empty where it is not known.
    """

    width: int
    height: int
    transform: tuple[float, float, float, float, float, float] = _IDENTITY
    crs: str = ""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.height, self.width

    @property
    def affine(self) -> Affine:
        """The transform from (column, row) to (x, y)."""
        return Affine(*self.transform)

    @property
    def has_transform(self) -> bool:
        """Whether coordinates are other than columns and rows."""
        return self.transform != _IDENTITY

    @property
    def georeferenced(self) -> bool:
        """Whether anything is known about where the raster lies."""
        return bool(self.crs) or self.has_transform

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Smallest and largest coordinates (west, south, east, north) of the four corners."""
        a, b, c, d, e, f = self.transform
        corners = ((0, 0), (self.width, 0), (0, self.height), (self.width, self.height))
        xs = [a * column + b * row + c for column, row in corners]
        ys = [d * column + e * row + f for column, row in corners]
        return min(xs), min(ys), max(xs), max(ys)

    def to_pixels(self, xy: np.ndarray) -> np.ndarray:
        """Columns and rows, with fractions, of coordinates (x, y).

        Args:
            xy: Coordinates; float64, shape (n, 2).

        Returns:
            Column and row of each; pixel (row, column) lies between whole numbers column to
            column + 1 and row to row + 1. Same shape.
        """
        a, b, c, d, e, f = tuple(~self.affine)[:6]
        x, y = xy[:, 0], xy[:, 1]
        return np.column_stack([a * x + b * y + c, d * x + e * y + f])

    def to_json(self) -> dict[str, Any]:
        """The grid as plain values."""
        return {
            "width": self.width,
            "height": self.height,
            "transform": list(self.transform),
            "crs": self.crs,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Grid:
        """The grid from what :meth:`to_json` gave."""
        a, b, c, d, e, f = (float(v) for v in values["transform"])
        return cls(int(values["width"]), int(values["height"]), (a, b, c, d, e, f), values["crs"])
