"""The convolution of a Mamba block on a GPU, with its SiLU, forward and backward.

It is causal and works on each channel alone: a row sees itself and the few rows before it, of
its own sequence. A table may be a piece of one sequence; then the rows before it are the
``context``, and in the backward pass ``after`` holds the first gradients of the piece behind.
Several sequences in one table have zeros for both.

The backward pass takes two launches, because a row's gradient needs the following rows' in
front of the SiLU. Sums over rows go by block of rows into a table that is added up afterwards,
so that results are the same bits every time.
"""

from __future__ import annotations

import triton
import triton.language as tl

from mambahsi.scan.gpu.kernels.functions import silu, silu_slope
from mambahsi.scan.gpu.kernels.scan import LENGTHS


@triton.jit
def tile(rows, CHANNELS: tl.constexpr, RB: tl.constexpr, CB: tl.constexpr):
    """A program's block of rows, the rows, the channels, and which of them exist; (RB, CB)."""
    blocks: tl.constexpr = (CHANNELS + CB - 1) // CB
    pid = tl.program_id(0)
    block = (pid // blocks).to(tl.int64)
    row = block * RB + tl.arange(0, RB)
    channel = (pid % blocks) * CB + tl.arange(0, CB)
    return block, row, channel, (row < rows)[:, None] & (channel < CHANNELS)[None, :]


@triton.jit
def seen(
    x, x_stride, context, row, within, channel, exists, back: tl.constexpr,
    CHANNELS: tl.constexpr, TAPS: tl.constexpr,
):  # fmt: skip
    """What rows see that many rows back; ``within`` is their number in their sequence."""
    own = exists & (within >= back)[:, None]
    x_at = (row - back)[:, None] * x_stride + channel[None, :]
    context_at = (TAPS - 1 - back + within)[:, None] * CHANNELS + channel[None, :]
    inner = tl.load(x + x_at, own, 0.0).to(tl.float32)
    return inner + tl.load(context + context_at, exists & (within < back)[:, None], 0.0)


@triton.jit
def before_silu(
    x, x_stride, context, weight, bias, row, within, channel, exists,
    CHANNELS: tl.constexpr, TAPS: tl.constexpr,
):  # fmt: skip
    """The convolution of a tile."""
    inside = channel < CHANNELS
    total = tl.load(bias + channel, inside, 0.0)[None, :]
    for tap in tl.static_range(TAPS):
        value = seen(
            x, x_stride, context, row, within, channel, exists, TAPS - 1 - tap, CHANNELS, TAPS
        )
        total += tl.load(weight + tap * CHANNELS + channel, inside, 0.0)[None, :] * value
    return total


@triton.jit(do_not_specialize=LENGTHS)
def convolve(
    x, x_stride, context, weight, bias, u, u_stride, rows, length,
    CHANNELS: tl.constexpr, TAPS: tl.constexpr, RB: tl.constexpr, CB: tl.constexpr,
):  # fmt: skip
    """u = silu(convolution of x). ``weight`` is (taps, channels), ``context`` (taps - 1,
    channels)."""
    _, row, channel, exists = tile(rows, CHANNELS, RB, CB)
    value = before_silu(
        x, x_stride, context, weight, bias, row, row % length, channel, exists, CHANNELS, TAPS
    )
    tl.store(u + row[:, None] * u_stride + channel[None, :], silu(value), exists)


@triton.jit(do_not_specialize=LENGTHS)
def back_through_silu(
    x, x_stride, context, weight, bias, du, rows, length,
    CHANNELS: tl.constexpr, TAPS: tl.constexpr, RB: tl.constexpr, CB: tl.constexpr,
):  # fmt: skip
    """Turn the gradient behind the SiLU, (rows, channels), into that before it, in place."""
    _, row, channel, exists = tile(rows, CHANNELS, RB, CB)
    value = before_silu(
        x, x_stride, context, weight, bias, row, row % length, channel, exists, CHANNELS, TAPS
    )
    at = row[:, None] * CHANNELS + channel[None, :]
    tl.store(du + at, tl.load(du + at, exists, 0.0) * silu_slope(value), exists)


@triton.jit(do_not_specialize=LENGTHS)
def back_through_convolution(
    x, x_stride, context, weight, gradient, after, dx, dx_stride, sums, rows, length,
    CHANNELS: tl.constexpr, TAPS: tl.constexpr, RB: tl.constexpr, CB: tl.constexpr,
):  # fmt: skip
    """Gradient of x from that before the SiLU; ``sums`` gets the parameters' by block of rows.

    ``sums`` is (blocks of rows, taps + 1, channels), the bias's behind those of the taps.
    """
    block, row, channel, exists = tile(rows, CHANNELS, RB, CB)
    inside = channel < CHANNELS
    within = row % length
    at = row[:, None] * CHANNELS + channel[None, :]
    own = tl.load(gradient + at, exists, 0.0)
    total = tl.zeros((RB, CB), tl.float32)
    for ahead in tl.static_range(TAPS):
        tap = TAPS - 1 - ahead
        inner = exists & (within + ahead < length)[:, None] & (row + ahead < rows)[:, None]
        outer = exists & (within + ahead >= length)[:, None]
        after_at = (within + ahead - length)[:, None] * CHANNELS + channel[None, :]
        value = tl.load(gradient + at + ahead * CHANNELS, inner, 0.0)
        value += tl.load(after + after_at, outer, 0.0)
        total += tl.load(weight + tap * CHANNELS + channel, inside, 0.0)[None, :] * value
        x_seen = seen(x, x_stride, context, row, within, channel, exists, ahead, CHANNELS, TAPS)
        to = sums + (block * (TAPS + 1) + tap) * CHANNELS + channel
        tl.store(to, tl.sum(own * x_seen, 0), inside)
    tl.store(sums + (block * (TAPS + 1) + TAPS) * CHANNELS + channel, tl.sum(own, 0), inside)
    tl.store(dx + row[:, None] * dx_stride + channel[None, :], total, exists)
