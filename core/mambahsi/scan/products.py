"""Matrix products with a weight, for tables of a few hundred rows that are in the caches.

A library's product is made for matrices of any size: each call copies its operands into an order
of its own and cuts them into blocks. Here the weight is put into order once, sixteen columns
side by side (a *panel*), and serves all chunks of a scene. A tile of sixteen rows and a panel's
columns stays in registers while their products are added up.

Every element of a result is added up in the order of the inputs, wherever in a table its row
stands and however many rows there are. So its bits depend on its row alone.
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from mambahsi.scan.machine_code import has_wide_registers, kernel
from mambahsi.scan.vector_code import HALF, LANES, HalfSum, Kernel, Variable, Whole

_HEIGHT = 16
_HEIGHT_OF_FEW = 6
"""Rows of a tile, where a register holds sixteen numbers and there are 32 of them, and where
numbers of a tile take several registers of fewer."""

_REST = (4, 1)
"""Rows of the tiles for the rows that are left."""


def padded(count: int) -> int:
    """The next multiple of the lanes: columns that the kernels write."""
    return -(-count // LANES) * LANES


class Projection:
    """A weight that tables of rows are multiplied with.

    Args:
        weight: (outputs, inputs).
        outputs: How many of the outputs are wanted; what becomes of the others is left open.
    """

    def __init__(self, weight: Tensor, outputs: int | None = None) -> None:
        self.weight = weight
        wanted = weight.shape[0] if outputs is None else outputs
        self._half = 0 < wanted % LANES <= HALF and padded(wanted) == weight.shape[0]

    @functools.cached_property
    def _forth(self) -> Tensor:
        return _panels(self.weight.t())

    @functools.cached_property
    def _back(self) -> Tensor:
        return _panels(self.weight)

    def apply(self, rows: Tensor, out: Tensor) -> None:
        """Put rows (rows, inputs), times the weight's transpose, into ``out`` (rows, outputs)."""
        _multiply(rows, self._forth, out, add=False, half=self._half)

    def gradient(self, dout: Tensor, drows: Tensor, *, add: bool = False) -> None:
        """The rows' gradient, put into ``drows`` or added to it, from that of the result."""
        _multiply(dout, self._back, drows, add=add)


def add_weight_gradient(dout: Tensor, rows: Tensor, dweight: Tensor) -> None:
    """Add the transpose of ``dout`` (rows, outputs), times ``rows`` (rows, inputs).

    Args:
        dout: The left factor.
        rows: The right factor; its columns are a multiple of the lanes, or it is copied.
        dweight: (outputs, inputs), is added to.
    """
    inputs = rows.shape[1]
    if inputs % LANES:
        wide = torch.zeros(len(dweight), padded(inputs))
        right = torch.nn.functional.pad(rows, (0, padded(inputs) - inputs))
        add_weight_gradient(dout, right, wide)
        dweight += wide[:, :inputs]
        return
    product(_height(), turned=True, add=True, half=False)(
        dout, rows, dweight, len(dweight), len(rows), inputs // LANES, 0, LANES
    )


def _multiply(left: Tensor, panels: Tensor, out: Tensor, *, add: bool, half: bool = False) -> None:
    # Asking a tensor for its length is slow; this is called for every chunk.
    rows, depth = left.shape
    count = panels.shape[0] // depth
    wide = out
    if out.shape[1] != count * LANES:
        wide = torch.empty(rows, count * LANES)
    run = product(_height(), turned=False, add=add and wide is out, half=half)
    run(left, panels, wide, rows, depth, count, depth, 0)
    if wide is not out:
        result = wide[:, : out.shape[1]]
        out.copy_(out + result if add else result)


def _panels(matrix: Tensor) -> Tensor:
    """A matrix (depth, columns) panel by panel, filled up with zeros, (panels x depth, lanes)."""
    depth, columns = matrix.shape
    filled = matrix.new_zeros(depth, padded(columns))
    filled[:, :columns] = matrix
    return filled.view(depth, -1, LANES).transpose(0, 1).reshape(-1, LANES)


@functools.cache
def _height() -> int:
    return _HEIGHT if has_wide_registers() else _HEIGHT_OF_FEW


@kernel
def product(height: int, *, turned: bool, add: bool, half: bool) -> Kernel:
    """Matrix product.

    Tensors: ``left`` (rows, depth), or (depth, rows) if turned; ``right``, in panels of columns;
    ``out`` (rows, panels x lanes), added to if ``add``. Integers: ``rows``, ``depth``, ``panels``,
    and how many rows and columns of ``right`` a panel lies behind the one before it. With
    ``half``, of the last panel only half the columns are written; neither turned nor added to.
    """
    k = Kernel("left right out", "rows depth panels rows_apart columns_apart")
    left, right, out = k.tables()
    rows, depth, panels, rows_apart, columns_apart = k.numbers()

    def tile(first: Whole, count: int, panel: Whole) -> None:
        c, top, beginning = panel * LANES, panel * rows_apart, panel * columns_apart
        sums = [Variable(k, out[first + i, c] if add else 0.0) for i in range(count)]
        with k.loop(0, depth) as d:
            vector = right[top + d, beginning]
            for i, total in enumerate(sums):
                factor = left.everywhere(d, first + i) if turned else left.everywhere(first + i, d)
                total.set(factor.times_plus(vector, total.get()))
        for i, total in enumerate(sums):
            out[first + i, c] = total.get()

    def half_tile(first: Whole, count: int, panel: Whole) -> None:
        top = panel * rows_apart
        sums = [HalfSum(k) for _ in range(count)]
        with k.loop(0, depth) as d:
            numbers = right.half(top + d, 0)
            for i, total in enumerate(sums):
                total.add_product(left.everywhere_half(first + i, d), numbers)
        for i, total in enumerate(sums):
            out.set_half(first + i, panel * LANES, total.get())

    start: Whole | int = 0
    for count in (height, *_REST):
        tiles = (rows - start) // count
        with k.loop(0, tiles) as number:
            first = number * count + start
            with k.loop(0, panels - 1 if half else panels) as panel:
                tile(first, count, panel)
            if half:
                half_tile(first, count, panels - 1)
        start = tiles * count + start
    return k
