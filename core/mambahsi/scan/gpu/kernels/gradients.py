"""The scan of long sequences on a GPU, backward, in three launches like the forward scan.

The gradient of the state behind token t is

    g[t] = C[t] dy[t] + decay[t+1] g[t+1],

a recurrence from the last token to the first. It is cut into chunks as the forward one is; what
goes from a chunk to the one before is ``decay g`` of its first token.

States are not kept but for one in a few tokens. From there a program takes these few tokens
forward once more, with all states in registers, and then backward. Sums over channels (the
gradients of B and C) go by block of channels, and sums over tokens (those of A, D and the
bias) by chunk, into tables of their own that are added up afterwards: nothing is added by
several programs to one place, so results are the same bits every time.
"""

from __future__ import annotations

import triton
import triton.language as tl

from mambahsi.scan.gpu.kernels.functions import LOG2_E, sigmoid, silu, softplus
from mambahsi.scan.gpu.kernels.scan import (
    load_raw,
    load_states,
    load_weight,
    place,
    state_offsets,
)


@triton.jit
def chunk_starts(
    step, step_stride, C, C_stride, z, z_stride, weight, bias, A, dout, dout_stride,
    starts, totals, length, tokens,
    CHANNELS: tl.constexpr, STATES: tl.constexpr, RANK: tl.constexpr, SOFTPLUS: tl.constexpr,
    GATED: tl.constexpr, CB: tl.constexpr, SP: tl.constexpr, RP: tl.constexpr,
):  # fmt: skip
    """What each chunk gives to the one before if nothing comes from behind it.

    ``starts`` is (chunks, states, channels), ``totals``, the sums of step sizes, (chunks,
    channels).
    """
    chunk, first, count, _, channel = place(length, tokens, CHANNELS, CB)
    inside = channel < CHANNELS
    at, exists = state_offsets(channel, CHANNELS, STATES, SP)
    rate = tl.load(A + at, exists, 0.0) * LOG2_E
    offset = tl.load(bias + channel, inside, 0.0)
    projection = load_weight(weight, channel, CHANNELS, RANK, RP)
    carried = tl.zeros((SP, CB), tl.float32)
    total = tl.zeros((CB,), tl.float32)
    for t in range(count):
        row = first + (count - 1 - t)
        dy = tl.load(dout + row * dout_stride + channel, inside, 0.0).to(tl.float32)
        if GATED:
            dy *= silu(tl.load(z + row * z_stride + channel, inside, 0.0).to(tl.float32))
        delta = load_raw(step, row, step_stride, projection, offset, channel, inside, RANK, RP)
        if SOFTPLUS:
            delta = softplus(delta)
        g = load_states(C, row, C_stride, STATES, SP)[:, None] * dy[None, :] + carried
        carried = tl.exp2(rate * delta[None, :]) * g
        total += delta
    tl.store(starts + chunk * (STATES * CHANNELS) + at, carried, exists)
    tl.store(totals + chunk * CHANNELS + channel, total, inside)


@triton.jit
def gradients(
    u, u_stride, step, step_stride, B, B_stride, C, C_stride, z, z_stride, weight, bias, A, D,
    kept, carry, dfirst, dout, dout_stride, du, draw, dB, dC, dA, dD, dbias,
    length, tokens, rows,
    CHANNELS: tl.constexpr, STATES: tl.constexpr, RANK: tl.constexpr, SOFTPLUS: tl.constexpr,
    GATED: tl.constexpr, FIRST: tl.constexpr,
    CB: tl.constexpr, SP: tl.constexpr, RP: tl.constexpr, KEEP: tl.constexpr,
):  # fmt: skip
    """All gradients, from the states ``kept`` and from what comes from behind each chunk.

    ``carry`` is (chunks, states, channels), and so is ``dfirst``, which with ``FIRST`` gets what
    goes on to the chunk before.
    ``du`` and ``draw``, the gradients of the input and of the steps before bias and softplus,
    are (rows, channels). The others are parts of sums: ``dB`` and ``dC`` (blocks of channels,
    rows, states), ``dA`` (chunks, states, channels), ``dD`` and ``dbias`` (chunks, channels).
    """
    chunk, first, count, block, channel = place(length, tokens, CHANNELS, CB)
    inside = channel < CHANNELS
    at, exists = state_offsets(channel, CHANNELS, STATES, SP)
    state = tl.arange(0, SP)
    A_values = tl.load(A + at, exists, 0.0)
    skip = tl.load(D + channel, inside, 0.0)
    offset = tl.load(bias + channel, inside, 0.0)
    projection = load_weight(weight, channel, CHANNELS, RANK, RP)
    carried = tl.load(carry + chunk * (STATES * CHANNELS) + at, exists, 0.0)
    sum_A = tl.zeros((SP, CB), tl.float32)
    sum_D = tl.zeros((CB,), tl.float32)
    sum_bias = tl.zeros((CB,), tl.float32)
    pieces = (tokens + KEEP - 1) // KEEP
    own_pieces = (count + KEEP - 1) // KEEP
    for k in range(own_pieces):
        piece = own_pieces - 1 - k
        h = tl.load(kept + (chunk * pieces + piece) * (STATES * CHANNELS) + at, exists, 0.0)
        before = ()
        inputs = ()
        raws = ()
        deltas = ()
        for s in tl.static_range(KEEP):
            t = piece * KEEP + s
            row = first + t
            real = t < count
            near = tl.where(real, row, first)
            mask = inside & real
            x = tl.load(u + row * u_stride + channel, mask, 0.0).to(tl.float32)
            raw = load_raw(step, near, step_stride, projection, offset, channel, mask, RANK, RP)
            delta = raw
            if SOFTPLUS:
                delta = softplus(raw)
            delta = tl.where(real, delta, 0.0)
            before = before + (h,)
            inputs = inputs + (x,)
            raws = raws + (raw,)
            deltas = deltas + (delta,)
            push = load_states(B, near, B_stride, STATES, SP)[:, None] * (delta * x)[None, :]
            h = tl.exp2(A_values * (delta * LOG2_E)[None, :]) * h + push
        for s in tl.static_range(KEEP - 1, -1, -1):
            t = piece * KEEP + s
            row = first + t
            real = t < count
            near = tl.where(real, row, first)
            mask = inside & real
            x, raw, delta = inputs[s], raws[s], deltas[s]
            dy = tl.load(dout + row * dout_stride + channel, mask, 0.0).to(tl.float32)
            if GATED:
                dy *= silu(tl.load(z + row * z_stride + channel, mask, 0.0).to(tl.float32))
            B_row = load_states(B, near, B_stride, STATES, SP)
            C_row = load_states(C, near, C_stride, STATES, SP)
            part = (block.to(tl.int64) * rows + row) * STATES + state
            tl.store(dC + part, tl.sum(h * dy[None, :], 1), (state < STATES) & real)
            g = C_row[:, None] * dy[None, :] + carried
            tl.store(dB + part, tl.sum(g * (delta * x)[None, :], 1), (state < STATES) & real)
            dpush = tl.sum(g * B_row[:, None], 0)
            h = before[s]
            carried = tl.exp2(A_values * (delta * LOG2_E)[None, :]) * g
            # The gradient of delta A, the decays' logarithm.
            dlog = carried * h
            sum_A += dlog * delta[None, :]
            dstep = dpush * x + tl.sum(dlog * A_values, 0)
            if SOFTPLUS:
                dstep *= sigmoid(raw)
            dstep = tl.where(real, dstep, 0.0)
            sum_D += dy * x
            sum_bias += dstep
            tl.store(du + row * CHANNELS + channel, dpush * delta + skip * dy, mask)
            tl.store(draw + row * CHANNELS + channel, dstep, mask)
    if FIRST:
        tl.store(dfirst + chunk * (STATES * CHANNELS) + at, carried, exists)
    tl.store(dA + chunk * (STATES * CHANNELS) + at, sum_A, exists)
    tl.store(dD + chunk * CHANNELS + channel, sum_D, inside)
    tl.store(dbias + chunk * CHANNELS + channel, sum_bias, inside)
