"""The kernels between the Mamba blocks: normalization, activation, fusion, pooling.

They work on tables of pixels, (pixels, channels), with a number of channels that is a
multiple of sixteen. A *branch* is what a Mamba gave for each pixel, still to be normalized and
activated; b stands for its value, and with the group normalization as a scale and a shift per
channel, n = b * scale + shift, its output is silu(n).

What a block gives is a weighted sum of its input and of its branches' outputs. Where the next
block works on a coarser grid, only the means over cells of 2 x 2 pixels are ever written.

What a normalization's table holds, :mod:`mambahsi.scan.table_rows` tells.
"""

from __future__ import annotations

from mambahsi.scan.machine_code import kernel
from mambahsi.scan.table_rows import (
    CENTER,
    INPUT,
    OFFSET,
    SCALE,
    SHIFT,
    SLOPE,
    SPATIAL,
    SPECTRAL,
)
from mambahsi.scan.vector_code import LANES, Kernel, Table, Variable, Vector, Whole

_TOGETHER = 4
"""Tiles whose moments are added up at once."""

SUMS = 7
"""Rows that :func:`branch_sums` gives: for each branch the sums of dn, of dn * (b - center) and
of the output's gradient times silu(n), then that of the output's gradient times the input."""


@kernel
def moments() -> Kernel:
    """Mean of each channel, and sum of its squared deviations from it.

    Tensors: ``table`` (rows, channels), ``mean`` and ``squares`` (channels,). Integers:
    ``rows``, ``tiles``.
    """
    k = Kernel("table mean squares", "rows tiles")
    table, mean, squares = k.tables()
    rows, tiles = k.numbers()

    def measure(first: Whole, count: int) -> None:
        columns = [(first + i) * LANES for i in range(count)]
        totals = [Variable(k, 0.0) for _ in columns]
        with k.loop(0, rows) as t:
            for c, total in zip(columns, totals, strict=True):
                total.add(table[t, c])
        centers = [total.get() / k.spread(rows) for total in totals]
        spreads = [Variable(k, 0.0) for _ in columns]
        with k.loop(0, rows) as t:
            for c, center, spread in zip(columns, centers, spreads, strict=True):
                deviation = table[t, c] - center
                spread.set(deviation.times_plus(deviation, spread.get()))
        for c, center, spread in zip(columns, centers, spreads, strict=True):
            mean[0, c] = center
            squares[0, c] = spread.get()

    # Several tiles at once, because the next addition to a sum has to wait for the last.
    groups = tiles // _TOGETHER
    with k.loop(0, groups) as group:
        measure(group * _TOGETHER, _TOGETHER)
    with k.loop(groups * _TOGETHER, tiles) as tile:
        measure(tile, 1)
    return k


@kernel
def activate() -> Kernel:
    """Normalize and activate a table in its place.

    Tensors: ``table`` (rows, channels), ``norm`` (5, channels). Integers: ``rows``, ``tiles``.
    """
    k = Kernel("table norm", "rows tiles")
    table, norm = k.tables()
    rows, tiles = k.numbers()
    with k.loop(0, rows) as t, k.loop(0, tiles) as tile:
        c = tile * LANES
        n = _normalized(table[t, c], norm, c)
        table[t, c] = n * n.sigmoid()
    return k


@kernel
def combine(*, spatial: bool, spectral: bool, pooled: bool) -> Kernel:
    """What a block gives, from its input and its branches.

    Tensors: ``x``, ``s``, ``p`` (pixels, channels), the input and the branches; ``norm_s`` and
    ``norm_p`` (5, channels); ``factors`` (3,); ``members`` int32 (cells, 4), the numbers of a
    cell's pixels, -1 where it has fewer; ``fractions`` (cells,), one divided by how many it
    has; ``out`` (cells, channels), or (pixels, channels) without pooling. What a kind of block
    does not have is not touched; without pooling ``out`` may be any of the pixels' tables.
    Integers: ``first`` and ``last`` row of ``out``, ``tiles``.
    """
    k = Kernel("x s p norm_s norm_p factors members fractions out", "first last tiles")
    x, s, p, norm_s, norm_p, factors, members, fractions, out = k.tables()
    first, last, tiles = k.numbers()

    def value(t: Whole, c: Whole) -> Vector:
        total = x[t, c] * factors.everywhere(0, INPUT)
        # In this order, because inference adds the spectral branch before it has the spatial one.
        for there, branch, norm, place in (
            (spectral, p, norm_p, SPECTRAL),
            (spatial, s, norm_s, SPATIAL),
        ):
            if there:
                n = _normalized(branch[t, c], norm, c)
                total = (n * n.sigmoid()).times_plus(factors.everywhere(0, place), total)
        return total

    with k.loop(first, last) as row, k.loop(0, tiles) as tile:
        c = tile * LANES
        if pooled:
            total = Variable(k, 0.0)
            for corner in range(4):
                pixel = members.whole(row, corner)
                with k.when_positive(pixel + 1):
                    total.add(value(pixel, c))
            out[row, c] = total.get() * fractions.everywhere(0, row)
        else:
            out[row, c] = value(row, c)
    return k


@kernel
def branch_sums(*, residual: bool, spatial: bool, spectral: bool, pooled: bool) -> Kernel:
    """Sums over pixels that the gradients of normalizations and factors need.

    Tensors as in :func:`combine`, ``cells`` int32 (pixels,) being the number of a pixel's cell
    or -1, ``fractions`` (cells,), ``dout`` the gradient of what the block gave, ``sums``
    (:data:`SUMS`, channels). Integers: ``rows``, ``tiles``.
    """
    k = Kernel("x s p norm_s norm_p factors cells fractions dout sums", "rows tiles")
    x, s, p, norm_s, norm_p, factors, cells, fractions, dout, sums = k.tables()
    rows, tiles = k.numbers()
    with k.loop(0, tiles) as tile:
        c = tile * LANES
        totals = [Variable(k, 0.0) for _ in range(SUMS)]
        with k.loop(0, rows) as t:
            d = _output_gradient(k, dout, cells, fractions, t, c, pooled=pooled)
            for place, (there, branch, norm, factor) in enumerate(
                ((spatial, s, norm_s, SPATIAL), (spectral, p, norm_p, SPECTRAL))
            ):
                if there:
                    b = branch[t, c]
                    n = _normalized(b, norm, c)
                    gate = n.sigmoid()
                    dn = d * factors.everywhere(0, factor) * _slope(n, gate)
                    direct, centered, output = totals[3 * place : 3 * place + 3]
                    direct.add(dn)
                    centered.set(dn.times_plus(b - norm[CENTER, c], centered.get()))
                    output.set(d.times_plus(n * gate, output.get()))
            if residual:
                totals[-1].set(d.times_plus(x[t, c], totals[-1].get()))
        for row, total in enumerate(totals):
            sums[row, c] = total.get()
    return k


@kernel
def branch_gradient(*, residual: bool, spatial: bool, spectral: bool, pooled: bool) -> Kernel:
    """Gradients of the branches, and what the input gets without going through them.

    Tensors as in :func:`branch_sums`, and ``ds``, ``dp``, ``dx`` (rows, channels). Integers:
    ``rows``, ``tiles``.
    """
    k = Kernel("s p norm_s norm_p factors cells fractions dout ds dp dx", "rows tiles")
    s, p, norm_s, norm_p, factors, cells, fractions, dout, ds, dp, dx = k.tables()
    rows, tiles = k.numbers()
    with k.loop(0, rows) as t, k.loop(0, tiles) as tile:
        c = tile * LANES
        d = _output_gradient(k, dout, cells, fractions, t, c, pooled=pooled)
        for there, branch, norm, factor, gradient in (
            (spatial, s, norm_s, SPATIAL, ds),
            (spectral, p, norm_p, SPECTRAL, dp),
        ):
            if there:
                b = branch[t, c]
                n = _normalized(b, norm, c)
                dn = d * factors.everywhere(0, factor) * _slope(n, n.sigmoid())
                rest = (b - norm[CENTER, c]).times_plus(norm[SLOPE, c], norm[OFFSET, c])
                gradient[t, c] = dn.times_plus(norm[SCALE, c], rest)
        if residual:
            dx[t, c] = d * factors.everywhere(0, INPUT)
    return k


def _normalized(value: Vector, norm: Table, c: Whole) -> Vector:
    return value.times_plus(norm[SCALE, c], norm[SHIFT, c])


def _slope(n: Vector, gate: Vector) -> Vector:
    """Derivative of SiLU, ``gate`` being the sigmoid of ``n``."""
    return gate * (n * (1.0 - gate) + 1.0)


def _output_gradient(
    k: Kernel, dout: Table, cells: Table, fractions: Table, t: Whole, c: Whole, *, pooled: bool
) -> Vector:
    if not pooled:
        return dout[t, c]
    cell = cells.whole(0, t)
    gradient = Variable(k, 0.0)
    with k.when_positive(cell + 1):
        gradient.set(dout[cell, c] * fractions.everywhere(0, cell))
    return gradient.get()
