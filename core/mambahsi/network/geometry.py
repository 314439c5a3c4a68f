"""Where the valid pixels of a scene lie, and how they meet on coarser grids.

The network pools twice by 2 x 2 and interpolates its result back to the scene. Without
nodata both are the usual operations. With nodata, a coarse cell is the mean of its valid
pixels and is itself valid if it has one; interpolation gives the weights of invalid cells
to the valid ones among the four, and takes the nearest valid cell where there is none. So
nothing stored under nodata can reach a valid pixel.

Pixels of a grid are numbered among the valid ones, row by row.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from mambahsi.errors import SceneError
from mambahsi.scan.pipeline import Pipeline
from mambahsi.scan.threads import work_together

POOLINGS = 2
"""How often the network halves the resolution."""


_PART = 2**14
"""Pixels that are interpolated at a time."""

_PART_THERE = 2**18
"""The same on a GPU."""


@dataclass(frozen=True)
class Pooling:
    """How the valid pixels of a grid form the valid cells of the next coarser one.

    Attributes:
        cells: Number of each pixel's cell, -1 for a pixel of none; int32 (pixels,).
        members: Numbers of each cell's pixels, -1 where it has fewer than four; int32 (cells, 4).
        fractions: One divided by the number of a cell's pixels; float32 (cells,).
    """

    cells: Tensor
    members: Tensor
    fractions: Tensor

    @classmethod
    def of(cls, fine: np.ndarray) -> Pooling:
        """For a grid, or an even number of its rows; bool (rows, columns)."""
        coarse, cells, fractions = pool_cells(fine)
        rows, columns = coarse.shape
        numbers = np.where(fine, np.cumsum(fine.ravel()).reshape(fine.shape) - 1, -1)
        squares = numbers[: rows * 2, : columns * 2].reshape(rows, 2, columns, 2)
        members = squares.transpose(0, 2, 1, 3)[coarse].reshape(-1, 4)
        return cls(
            cells.to(torch.int32),
            torch.from_numpy(members.astype(np.int32)),
            fractions.to(torch.float32),
        )


class SceneGeometry:
    """The valid pixels of a scene and of its pooled grids.

    What a GPU needs of it is sent there once, and not with every step of a training.

    Attributes:
        valid: Which pixels are valid on each grid, finest first; each bool (rows, columns).
        pixels: Number of valid pixels of the scene.
    """

    def __init__(self, valid: np.ndarray) -> None:
        """Lay out the grids.

        Args:
            valid: Which pixels are valid; bool (rows, columns), at least 4 x 4.

        Raises:
            SceneError: The scene is smaller than 4 x 4, or its valid pixels vanish when it
                is pooled.
        """
        valid = np.ascontiguousarray(valid, dtype=bool)
        self.valid = [valid]
        self._cells: list[Tensor] = []
        self._fractions: list[Tensor] = []
        self._sent: dict[tuple[torch.device, str], tuple[Tensor, ...]] = {}
        for _ in range(POOLINGS):
            self._pool(self.valid[-1])
        self.pixels = int(valid.sum())
        refuse_too_small(valid.shape, self.pixels, int(self.valid[-1].sum()))

    def _pool(self, fine: np.ndarray) -> None:
        coarse, cells, fractions = pool_cells(fine)
        self._cells.append(cells)
        self._fractions.append(fractions)
        self.valid.append(coarse)

    def pool(self, features: Tensor, level: int) -> Tensor:
        """Mean of the valid pixels of each cell of the next coarser grid.

        Args:
            features: Features of a grid's valid pixels, (pixels, channels).
            level: Number of that grid; 0 is the scene's.

        Returns:
            Features of the next grid's valid cells, (cells, channels).
        """
        cells, fractions = self._on(
            features.device, f"cells {level}", lambda: (self._cells[level], self._fractions[level])
        )
        return pool_features(features, cells, fractions.to(features))

    @functools.cached_property
    def poolings(self) -> list[Pooling]:
        """For the fused kernels: how each grid's pixels form the next grid's cells."""
        return [Pooling.of(fine) for fine in self.valid[:-1]]

    def poolings_on(self, device: torch.device) -> list[Pooling]:
        """The same on a device."""

        def sent(level: int, own: Pooling) -> Pooling:
            parts = (own.cells, own.members, own.fractions)
            return Pooling(*self._on(device, f"pooling {level}", lambda: parts))

        return [sent(level, own) for level, own in enumerate(self.poolings)]

    def _on(
        self, device: torch.device, name: str, make: Callable[[], tuple[Tensor, ...]]
    ) -> tuple[Tensor, ...]:
        """Tensors on a device, by a name."""
        if device.type == "cpu":
            return make()
        if (device, name) not in self._sent:
            self._sent[device, name] = tuple(tensor.to(device) for tensor in make())
        return self._sent[device, name]

    def upsample(self, coarse: Tensor, at: Tensor | None = None) -> Tensor:
        """Bilinear interpolation of the coarsest grid's values at the scene's pixels.

        The corners of the two grids lie on each other (``align_corners``).

        Args:
            coarse: Values of the coarsest grid's valid cells, (cells, channels).
            at: Numbers of the scene's valid pixels to interpolate at, or None for all.

        Returns:
            Values at those pixels, (pixels, channels).
        """
        if coarse.device.type != "cpu":
            return self._upsample_there(coarse, at)
        cells, weights = self._interpolation
        if coarse.requires_grad and torch.is_grad_enabled():
            if at is not None:
                cells, weights = cells[at], weights[at]
            return interpolate(coarse, cells, weights.to(coarse))
        # In parts, so that what lies between stays in the caches.
        total = len(cells) if at is None else len(at)
        result = coarse.new_empty(total, coarse.shape[1])
        # Threads do not see that gradients are switched off where they were called from.
        values = coarse.detach()

        def work(pipeline: Pipeline) -> None:
            for _, start, stop in pipeline.parts(total, _PART):
                own = slice(start, stop) if at is None else at[start:stop]
                result[start:stop] = interpolate(values, cells[own], weights[own].to(coarse))

        work_together(work)
        return result

    def _upsample_there(self, coarse: Tensor, at: Tensor | None) -> Tensor:
        """The same on a GPU."""
        # Half precision would move a pixel by the hundredth part of a cell.
        kind = torch.promote_types(coarse.dtype, torch.float32)

        def narrow() -> tuple[Tensor, Tensor]:
            cells, weights = self._interpolation
            return cells.to(torch.int32), weights.to(kind)

        cells, weights = self._on(coarse.device, f"interpolation {kind}", narrow)
        if at is None and not (coarse.requires_grad and torch.is_grad_enabled()):
            # In parts, because what lies between is several times as large.
            parts = zip(cells.split(_PART_THERE), weights.split(_PART_THERE), strict=True)
            result = coarse.new_empty(len(cells), coarse.shape[1], dtype=kind)
            for place, (own, shares) in enumerate(parts):
                start = place * _PART_THERE
                result[start : start + len(own)] = interpolate(coarse, own, shares)
            return result
        if at is not None:
            numbers = at.to(coarse.device)
            cells, weights = cells[numbers], weights[numbers]
        return interpolate(coarse, cells, weights)

    @functools.cached_property
    def _interpolation(self) -> tuple[Tensor, Tensor]:
        """Four cells and weights for each valid pixel, (pixels, 4) each."""
        return Interpolation(self.valid[0].shape, self.valid[-1]).at(self.valid[0])


def refuse_too_small(shape: tuple[int, ...], pixels: int, cells: int) -> None:
    """Refuse a scene that vanishes when it is pooled.

    Args:
        shape: Its rows and columns.
        pixels: Its valid pixels.
        cells: Valid cells of its coarsest grid.

    Raises:
        SceneError: It is smaller than 4 x 4, or has no valid cell.
    """
    factor = 2**POOLINGS
    if min(shape) < factor:
        raise SceneError(
            f"The scene has {shape[0]} rows and {shape[1]} columns.",
            f"The network needs at least {factor} of each.",
        )
    if not cells:
        raise SceneError(
            f"The scene has {pixels} valid pixels, too few to form one cell of"
            f" {factor} x {factor} pixels.",
            "Check its nodata value.",
        )


def pool_cells(fine: np.ndarray) -> tuple[np.ndarray, Tensor, Tensor]:
    """How the valid pixels of a grid, or of an even number of its rows, form cells.

    Args:
        fine: Which pixels are valid; bool (rows, columns).

    Returns:
        Which cells are valid, bool (rows // 2, columns // 2); the number of each valid pixel's
        cell among the valid ones, -1 for the pixels of a last odd row or column, which belong
        to none, as in the published network, int64 (pixels,); and one divided by the number of
        each valid cell's valid pixels, float64 (cells,).
    """
    rows, columns = fine.shape[0] // 2, fine.shape[1] // 2
    counts = fine[: rows * 2, : columns * 2].reshape(rows, 2, columns, 2).sum(axis=(1, 3))
    coarse = counts > 0
    numbers = np.cumsum(coarse.ravel()).reshape(coarse.shape) - 1
    cell = np.full(fine.shape, -1, dtype=np.int64)
    cell[: rows * 2, : columns * 2] = np.repeat(np.repeat(numbers, 2, 0), 2, 1)
    return coarse, torch.from_numpy(cell[fine]), torch.from_numpy(1.0 / counts[coarse])


def pool_features(features: Tensor, cells: Tensor, fractions: Tensor) -> Tensor:
    """Mean of the valid pixels of each cell.

    Args:
        features: Features of valid pixels, (pixels, channels).
        cells: As of :func:`pool_cells`, on the same device.
        fractions: As of :func:`pool_cells`, in the features' type.

    Returns:
        (cells, channels).
    """
    inside = cells >= 0
    if not bool(inside.all()):
        features, cells = features[inside], cells[inside]
    sums = features.new_zeros(len(fractions), features.shape[1])
    return sums.index_add(0, cells, features) * fractions[:, None]


def interpolate(coarse: Tensor, cells: Tensor, weights: Tensor) -> Tensor:
    """Weighted sum of four cells for each pixel.

    Args:
        coarse: Values of valid cells, (cells, channels).
        cells: Numbers of four of them for each pixel, int64 (pixels, 4).
        weights: Their weights, in the values' type, (pixels, 4).

    Returns:
        (pixels, channels).
    """
    if coarse.device.type == "cpu":
        result: Tensor = _WeightedSum.apply(coarse, cells, weights)
        return result
    total = coarse.index_select(0, cells[:, 0]) * weights[:, :1]
    for corner in range(1, 4):
        values = coarse.index_select(0, cells[:, corner])
        total = total + values * weights[:, corner : corner + 1]
    return total


class _WeightedSum(torch.autograd.Function):
    """The arguments of :func:`interpolate`; only the values get a gradient."""

    @staticmethod
    def forward(ctx: Any, coarse: Tensor, cells: Tensor, weights: Tensor) -> Tensor:
        ctx.save_for_backward(cells, weights)
        ctx.cells = len(coarse)
        # One pass over the pixels; a sum of four selections takes three times as long.
        return F.embedding_bag(cells, coarse, per_sample_weights=weights, mode="sum")

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        cells, weights = ctx.saved_tensors
        gradient = gradients[0].new_zeros(ctx.cells, gradients[0].shape[1])
        # In the order of the pixels: what comes as threads happen to come by would not give the
        # same weights twice.
        for corner in range(4):
            gradient.index_add_(0, cells[:, corner], gradients[0] * weights[:, corner, None])
        return gradient, None, None


class Interpolation:
    """Bilinear interpolation from the coarsest grid to any part of the scene.

    The corners of the two grids lie on each other (``align_corners``).

    Args:
        shape: Rows and columns of the scene.
        coarse: Which cells of the coarsest grid are valid; bool (rows, columns).
    """

    def __init__(self, shape: tuple[int, ...], coarse: np.ndarray) -> None:
        self._shape = shape
        self._coarse = coarse
        self._numbers = np.cumsum(coarse.ravel()).reshape(coarse.shape) - 1
        self._complete = bool(coarse.all())

    def at(self, valid: np.ndarray, top: int = 0, left: int = 0) -> tuple[Tensor, Tensor]:
        """Four cells and weights for each valid pixel of a part of the scene.

        Args:
            valid: Which pixels of the part are valid; bool (rows, columns).
            top: Row of the scene at which the part begins.
            left: Column at which it begins.

        Returns:
            Numbers of valid cells, int64 (pixels, 4), and their weights, float64 (pixels, 4).
        """
        rows, columns = np.nonzero(valid)
        coarse = self._coarse
        upper, lower, down = _positions(rows + top, self._shape[0], coarse.shape[0])
        left_cells, right, across = _positions(columns + left, self._shape[1], coarse.shape[1])
        cell_rows = np.stack([upper, upper, lower, lower], axis=1)
        cell_columns = np.stack([left_cells, right, left_cells, right], axis=1)
        weights = np.stack(
            [
                (1 - down) * (1 - across),
                (1 - down) * across,
                down * (1 - across),
                down * across,
            ],
            axis=1,
        )
        if not self._complete:
            weights = weights * coarse[cell_rows, cell_columns]
            total = weights.sum(axis=1)
            lost = total == 0
            weights = weights / np.where(lost, 1.0, total)[:, None]
            if lost.any():
                near_row, near_column = self._nearest_valid
                nearest_to = (
                    np.where(down < 0.5, upper, lower)[lost],
                    np.where(across < 0.5, left_cells, right)[lost],
                )
                cell_rows[lost] = near_row[nearest_to][:, None]
                cell_columns[lost] = near_column[nearest_to][:, None]
                weights[lost] = (1.0, 0.0, 0.0, 0.0)
        # Invalid cells have weight 0 but still need a number that exists.
        index = np.maximum(self._numbers[cell_rows, cell_columns], 0)
        return torch.from_numpy(index), torch.from_numpy(weights)

    @functools.cached_property
    def _nearest_valid(self) -> tuple[np.ndarray, np.ndarray]:
        """Row and column of the valid cell nearest to each cell."""
        from scipy.ndimage import distance_transform_edt

        rows, columns = distance_transform_edt(
            ~self._coarse, return_distances=False, return_indices=True
        )
        return rows, columns


def _positions(index: np.ndarray, fine: int, coarse: int) -> tuple[np.ndarray, ...]:
    """Cells before and behind a pixel along one axis, and how far it is to the second."""
    position = index * ((coarse - 1) / (fine - 1))
    before = np.minimum(position.astype(np.int64), coarse - 1)
    behind = np.minimum(before + 1, coarse - 1)
    return before, behind, position - before
