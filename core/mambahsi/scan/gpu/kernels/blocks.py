"""Triton kernels between the Mamba blocks: statistics, normalization, SiLU, fusion, pooling.

They do on a GPU what :mod:`mambahsi.scan.table_kernels` does on a CPU, where the words are
explained: a branch's value b, normalized to n, gives silu(n); a block gives a weighted sum of
its input and of its branches, and where the next block works on a coarser grid, the means of
that over cells of pixels.

Tables are (rows, C), float32 or bfloat16, and everything is computed in float32. A program
takes ROWS rows at a time, all channels; where it adds up, STEPS times as many rows, one below
the other. Its sums are a row of their own in the result, so nothing depends on the order in
which programs run.
"""

from __future__ import annotations

import triton
import triton.language as tl

from mambahsi.scan import table_rows
from mambahsi.scan.gpu.kernels.functions import sigmoid, silu, silu_slope

SCALE = tl.constexpr(table_rows.SCALE)
SHIFT = tl.constexpr(table_rows.SHIFT)
CENTER = tl.constexpr(table_rows.CENTER)
OFFSET = tl.constexpr(table_rows.OFFSET)
SLOPE = tl.constexpr(table_rows.SLOPE)
INPUT = tl.constexpr(table_rows.INPUT)
SPATIAL = tl.constexpr(table_rows.SPATIAL)
SPECTRAL = tl.constexpr(table_rows.SPECTRAL)


@triton.jit
def load_rows(table, rows, there, C: tl.constexpr, CP: tl.constexpr):
    """Some rows of a table, float32 (ROWS, CP); 0 where there is none."""
    columns = tl.arange(0, CP)
    mask = there[:, None] & (columns < C)[None, :]
    at = rows.to(tl.int64)[:, None] * C + columns[None, :]
    return tl.load(table + at, mask=mask, other=0.0).to(tl.float32)


@triton.jit
def store_rows(table, values, rows, there, C: tl.constexpr, CP: tl.constexpr):
    """Write some rows of a table."""
    columns = tl.arange(0, CP)
    mask = there[:, None] & (columns < C)[None, :]
    at = rows.to(tl.int64)[:, None] * C + columns[None, :]
    tl.store(table + at, values.to(table.dtype.element_ty), mask=mask)


@triton.jit
def load_row(table, row, C: tl.constexpr, CP: tl.constexpr):
    """One row of a table, (1, CP)."""
    columns = tl.arange(0, CP)
    return tl.load(table + row * C + columns, mask=columns < C, other=0.0)[None, :]


@triton.jit
def store_row(table, values, row, C: tl.constexpr, CP: tl.constexpr):
    """Write one row of a table, (CP,)."""
    columns = tl.arange(0, CP)
    tl.store(table + row * C + columns, values, mask=columns < C)


@triton.jit
def output_gradient(
    dout, cells, fractions, rows, there,
    C: tl.constexpr, CP: tl.constexpr, POOLED: tl.constexpr,
):  # fmt: skip
    """What pixels get of the gradient of what the block gave; 0 for pixels of no cell."""
    if POOLED:
        cell = tl.load(cells + rows, mask=there, other=-1)
        inside = cell >= 0
        fraction = tl.load(fractions + cell, mask=inside, other=0.0)
        return load_rows(dout, cell, inside, C, CP) * fraction[:, None]
    else:
        return load_rows(dout, rows, there, C, CP)


@triton.jit(do_not_specialize=["rows"])
def moments(
    table, means, squares, rows,
    C: tl.constexpr, CP: tl.constexpr, ROWS: tl.constexpr, STEPS: tl.constexpr,
):  # fmt: skip
    """Mean of each channel in each part of the rows, and sum of its squared deviations from it.

    Deviations are added up from the part's first row and then moved to the mean: a row lies
    among the others, so little is lost however large they are beside their spread.
    """
    part = tl.program_id(0)
    first = part * (ROWS * STEPS)
    columns = tl.arange(0, CP)
    at = first.to(tl.int64) * C + columns
    center = tl.load(table + at, mask=columns < C, other=0.0).to(tl.float32)[None, :]
    total = tl.zeros([ROWS, CP], tl.float32)
    square = tl.zeros([ROWS, CP], tl.float32)
    for step in range(STEPS):
        row = first + step * ROWS + tl.arange(0, ROWS)
        there = row < rows
        deviation = load_rows(table, row, there, C, CP) - center
        deviation = tl.where(there[:, None], deviation, 0.0)
        total += deviation
        square += deviation * deviation
    count = tl.minimum(rows - first, ROWS * STEPS).to(tl.float32)
    shift = tl.sum(total, axis=0) / count
    store_row(means, tl.sum(center, axis=0) + shift, part, C, CP)
    spread = tl.sum(square, axis=0) - shift * shift * count
    store_row(squares, tl.maximum(spread, 0.0), part, C, CP)


@triton.jit
def branch_value(b, norm, C: tl.constexpr, CP: tl.constexpr):
    """A branch's output from its value."""
    return silu(b * load_row(norm, SCALE, C, CP) + load_row(norm, SHIFT, C, CP))


@triton.jit
def block_value(
    x, s, p, norm_s, norm_p, factors, rows, there,
    C: tl.constexpr, CP: tl.constexpr,
    RESIDUAL: tl.constexpr, HAS_S: tl.constexpr, HAS_P: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """What the block gives for some pixels, before pooling."""
    value = tl.zeros([ROWS, CP], tl.float32)
    if RESIDUAL:
        value += load_rows(x, rows, there, C, CP) * tl.load(factors + INPUT)
    if HAS_P:
        b = load_rows(p, rows, there, C, CP)
        value += branch_value(b, norm_p, C, CP) * tl.load(factors + SPECTRAL)
    if HAS_S:
        b = load_rows(s, rows, there, C, CP)
        value += branch_value(b, norm_s, C, CP) * tl.load(factors + SPATIAL)
    return value


@triton.jit(do_not_specialize=["rows"])
def combine(
    x, s, p, norm_s, norm_p, factors, members, fractions, out, rows,
    C: tl.constexpr, CP: tl.constexpr, ROWS: tl.constexpr, RESIDUAL: tl.constexpr,
    HAS_S: tl.constexpr, HAS_P: tl.constexpr, POOLED: tl.constexpr,
):  # fmt: skip
    """What a block gives for each cell, or for each pixel; ``rows`` of them."""
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    there = row < rows
    if POOLED:
        total = tl.zeros([ROWS, CP], tl.float32)
        for corner in tl.static_range(4):
            at = row.to(tl.int64) * 4 + corner
            pixel = tl.load(members + at, mask=there, other=-1)
            inside = pixel >= 0
            value = block_value(
                x, s, p, norm_s, norm_p, factors, pixel, inside,
                C, CP, RESIDUAL, HAS_S, HAS_P, ROWS,
            )  # fmt: skip
            total += tl.where(inside[:, None], value, 0.0)
        total *= tl.load(fractions + row, mask=there, other=0.0)[:, None]
    else:
        total = block_value(
            x, s, p, norm_s, norm_p, factors, row, there,
            C, CP, RESIDUAL, HAS_S, HAS_P, ROWS,
        )  # fmt: skip
    store_rows(out, total, row, there, C, CP)


@triton.jit(do_not_specialize=["place", "rows"])
def branch_sums(
    b, norm, factors, place, cells, fractions, dout, sums, rows,
    C: tl.constexpr, CP: tl.constexpr, ROWS: tl.constexpr, STEPS: tl.constexpr,
    POOLED: tl.constexpr,
):  # fmt: skip
    """Sums over the pixels of each part that a branch's gradients need.

    Three rows for each part: the sums of dn, of dn * (b - center), and of the output's gradient
    times silu(n).
    """
    part = tl.program_id(0)
    scale, shift = load_row(norm, SCALE, C, CP), load_row(norm, SHIFT, C, CP)
    center = load_row(norm, CENTER, C, CP)
    factor = tl.load(factors + place)
    direct = tl.zeros([ROWS, CP], tl.float32)
    centered = tl.zeros([ROWS, CP], tl.float32)
    output = tl.zeros([ROWS, CP], tl.float32)
    for step in range(STEPS):
        row = (part * STEPS + step) * ROWS + tl.arange(0, ROWS)
        there = row < rows
        d = output_gradient(dout, cells, fractions, row, there, C, CP, POOLED)
        value = load_rows(b, row, there, C, CP)
        n = value * scale + shift
        # Where there is no pixel, d is 0.
        dn = d * factor * silu_slope(n)
        direct += dn
        centered += dn * (value - center)
        output += d * n * sigmoid(n)
    store_row(sums, tl.sum(direct, axis=0), part * 3, C, CP)
    store_row(sums, tl.sum(centered, axis=0), part * 3 + 1, C, CP)
    store_row(sums, tl.sum(output, axis=0), part * 3 + 2, C, CP)


@triton.jit(do_not_specialize=["place", "rows"])
def branch_gradient(
    b, norm, factors, place, cells, fractions, dout, db, rows,
    C: tl.constexpr, CP: tl.constexpr, ROWS: tl.constexpr, POOLED: tl.constexpr,
):  # fmt: skip
    """Gradient of a branch's value; may take its place."""
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    there = row < rows
    d = output_gradient(dout, cells, fractions, row, there, C, CP, POOLED)
    value = load_rows(b, row, there, C, CP)
    scale = load_row(norm, SCALE, C, CP)
    dn = d * tl.load(factors + place) * silu_slope(value * scale + load_row(norm, SHIFT, C, CP))
    rest = load_row(norm, OFFSET, C, CP)
    rest += load_row(norm, SLOPE, C, CP) * (value - load_row(norm, CENTER, C, CP))
    store_rows(db, dn * scale + rest, row, there, C, CP)


@triton.jit(do_not_specialize=["rows"])
def input_gradient(
    x, factors, cells, fractions, dout, dx, sums, rows,
    C: tl.constexpr, CP: tl.constexpr, ROWS: tl.constexpr, STEPS: tl.constexpr,
    POOLED: tl.constexpr,
):  # fmt: skip
    """Add to the input's gradient what goes around the branches; sum up what its factor gets."""
    part = tl.program_id(0)
    factor = tl.load(factors + INPUT)
    output = tl.zeros([ROWS, CP], tl.float32)
    for step in range(STEPS):
        row = (part * STEPS + step) * ROWS + tl.arange(0, ROWS)
        there = row < rows
        d = output_gradient(dout, cells, fractions, row, there, C, CP, POOLED)
        output += d * load_rows(x, row, there, C, CP)
        store_rows(dx, load_rows(dx, row, there, C, CP) + d * factor, row, there, C, CP)
    store_row(sums, tl.sum(output, axis=0), part, C, CP)
