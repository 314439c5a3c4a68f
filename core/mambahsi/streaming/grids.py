"""Which rows of a table belong to which rows of a grid.

Tables hold the valid pixels of the scene, or the valid cells of one of its pooled grids, row by
row. Only the masks of the grids are kept in memory, one byte a pixel.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mambahsi.network.geometry import POOLINGS, refuse_too_small


class Grids:
    """The masks of a scene and of its pooled grids, finest first.

    Args:
        valid: Which pixels of the scene are valid; bool (rows, columns).

    Raises:
        SceneError: It is too small, or has too few valid pixels to form one cell.

    Attributes:
        valid: Which pixels are valid on each grid; each bool (rows, columns).
        counts: Number of valid pixels of each grid.
    """

    def __init__(self, valid: np.ndarray) -> None:
        self.valid = [valid]
        for _ in range(POOLINGS):
            fine = self.valid[-1]
            rows, columns = fine.shape[0] // 2 * 2, fine.shape[1] // 2 * 2
            pairs = fine[0:rows:2] | fine[1:rows:2]
            self.valid.append(pairs[:, 0:columns:2] | pairs[:, 1:columns:2])
        self._before = [
            np.concatenate([[0], np.cumsum(np.count_nonzero(mask, axis=1))]) for mask in self.valid
        ]
        self.counts = [int(before[-1]) for before in self._before]
        refuse_too_small(valid.shape, self.counts[0], self.counts[-1])

    def rows(self, level: int) -> int:
        """Number of rows of a grid."""
        return int(self.valid[level].shape[0])

    def span(self, level: int, top: int, bottom: int) -> tuple[int, int]:
        """Numbers of the valid pixels in rows ``top`` up to ``bottom``: first, and after last."""
        before = self._before[level]
        return int(before[top]), int(before[bottom])

    def number(self, row: int, column: int) -> int:
        """How many valid pixels of the scene lie before one."""
        return int(self._before[0][row]) + int(np.count_nonzero(self.valid[0][row, :column]))


def strips(start: int, stop: int, rows: int) -> Iterator[tuple[int, int]]:
    """First row, and row after the last, of strips from ``start`` on."""
    for top in range(start, stop, rows):
        yield top, min(top + rows, stop)
