"""The scan of long sequences on a GPU, backward, in three launches like the forward scan.

The gradient of the state behind token t is

    g[t] = C[t] dy[t] + decay[t+1] g[t+1],

a recurrence from the last token to the first. It is cut into chunks as the forward one is; what
goes from a chunk to the one before is ``decay g`` of its first token.

Before it, :func:`mambahsi.scan.gpu.kernels.scan.outputs` scans forward once more, and leaves the
step sizes, the gradients before the gate, and the state before every few tokens. From there a
program takes these few tokens forward, with all states in registers, and then backward. Sums
over channels (the gradients of B and C) go by block of channels, and sums over tokens (those of
A, D and the bias) by chunk, into tables of their own that are added up afterwards: nothing is
added by several programs to one place, so results are the same bits every time.

Here sums over channels are what costs most, so threads hold four channels and a quarter of the
states: two sums of each kind then take 40 exchanges between threads for a token; with one channel a
thread, as in the forward scan, they would take 160.
"""

from __future__ import annotations

import triton
import triton.language as tl

from mambahsi.scan.gpu.kernels.functions import LOG2_E, one_minus_exp
from mambahsi.scan.gpu.kernels.scan import LENGTHS, load_states, place, state_offsets


@triton.jit(do_not_specialize=LENGTHS)
def chunk_starts(
    deltas, dy, C, C_stride, A, starts, totals, length, tokens, one,
    CHANNELS: tl.constexpr, STATES: tl.constexpr, CB: tl.constexpr, SP: tl.constexpr,
):  # fmt: skip
    """What each chunk gives to the one before if nothing comes from behind it.

    ``deltas`` and ``dy`` are (rows, channels), ``starts`` (chunks, states, channels), ``totals``,
    the sums of step sizes, (chunks, channels).
    """
    chunk, first, count, _, channel = place(length, tokens, one, CHANNELS, CB)
    inside = channel < CHANNELS
    at, exists = state_offsets(channel, CHANNELS, STATES, SP)
    rate = tl.load(A + at, exists, 0.0) * LOG2_E
    carried = tl.zeros((SP, CB), tl.float32)
    total = tl.zeros((CB,), tl.float32)
    for t in range(count):
        row = first + (count - 1 - t)
        gradient = tl.load(dy + row * CHANNELS + channel, inside, 0.0)
        delta = tl.load(deltas + row * CHANNELS + channel, inside, 0.0)
        g = load_states(C, row, C_stride, STATES, SP)[:, None] * gradient[None, :] + carried
        carried = tl.exp2(rate * delta[None, :]) * g
        total += delta
    tl.store(starts + chunk * (STATES * CHANNELS) + at, carried, exists)
    tl.store(totals + chunk * CHANNELS + channel, total, inside)


@triton.jit(do_not_specialize=LENGTHS)
def gradients(
    u, u_stride, deltas, dy, B, B_stride, C, C_stride, A, D, kept, carry, dfirst,
    du, dstep, dB, dC, dA, dD, dbias, length, tokens, rows,
    CHANNELS: tl.constexpr, STATES: tl.constexpr, SOFTPLUS: tl.constexpr, FIRST: tl.constexpr,
    CB: tl.constexpr, SP: tl.constexpr, KEEP: tl.constexpr,
):  # fmt: skip
    """All gradients, from the states ``kept`` and from what comes from behind each chunk.

    ``deltas`` and ``dy`` are (rows, channels), and so are ``du`` and ``dstep``, the gradients of
    the input and of the steps before bias and softplus. ``carry`` is (chunks, states, channels),
    and so is ``dfirst``, which with ``FIRST`` gets what goes on to the chunk before. The others
    are parts of sums: ``dB`` and ``dC`` (blocks of channels, rows, states), ``dA`` (chunks,
    states, channels), ``dD`` and ``dbias`` (chunks, channels).
    """
    chunk, first, count, block, channel = place(length, tokens, 1, CHANNELS, CB)
    inside = channel < CHANNELS
    at, exists = state_offsets(channel, CHANNELS, STATES, SP)
    state = tl.arange(0, SP)
    rate = tl.load(A + at, exists, 0.0)
    skip = tl.load(D + channel, inside, 0.0)
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
        for s in tl.static_range(KEEP):
            # A token behind the end takes a step of size zero.
            real = piece * KEEP + s < count
            row = first + tl.where(real, piece * KEEP + s, 0)
            x = tl.load(u + row * u_stride + channel, inside & real, 0.0).to(tl.float32)
            delta = tl.load(deltas + row * CHANNELS + channel, inside & real, 0.0)
            before = before + (h,)
            push = load_states(B, row, B_stride, STATES, SP)[:, None] * (delta * x)[None, :]
            h = tl.exp2(rate * (delta * LOG2_E)[None, :]) * h + push
        for s in tl.static_range(KEEP - 1, -1, -1):
            real = piece * KEEP + s < count
            row = first + tl.where(real, piece * KEEP + s, 0)
            mask = inside & real
            wide = row * CHANNELS + channel
            x = tl.load(u + row * u_stride + channel, mask, 0.0).to(tl.float32)
            delta = tl.load(deltas + wide, mask, 0.0)
            gradient = tl.load(dy + wide, mask, 0.0)
            part = (block.to(tl.int64) * rows + row) * STATES + state
            tl.store(dC + part, tl.sum(h * gradient[None, :], 1), (state < STATES) & real)
            g = load_states(C, row, C_stride, STATES, SP)[:, None] * gradient[None, :] + carried
            tl.store(dB + part, tl.sum(g * (delta * x)[None, :], 1), (state < STATES) & real)
            dpush = tl.sum(g * load_states(B, row, B_stride, STATES, SP)[:, None], 0)
            h = before[s]
            carried = tl.exp2(rate * (delta * LOG2_E)[None, :]) * g
            # The gradient of delta A, the decays' logarithm.
            dlog = carried * h
            sum_A += dlog * delta[None, :]
            ddelta = dpush * x + tl.sum(dlog * rate, 0)
            if SOFTPLUS:
                # The slope of softplus, a sigmoid, from its value.
                ddelta *= one_minus_exp(delta)
            sum_D += gradient * x
            sum_bias += tl.where(real, ddelta, 0.0)
            tl.store(du + wide, dpush * delta + skip * gradient, mask)
            tl.store(dstep + wide, ddelta, mask)
    if FIRST:
        tl.store(dfirst + chunk * (STATES * CHANNELS) + at, carried, exists)
    tl.store(dA + chunk * (STATES * CHANNELS) + at, sum_A, exists)
    tl.store(dD + chunk * CHANNELS + channel, sum_D, inside)
    tl.store(dbias + chunk * CHANNELS + channel, sum_bias, inside)
