"""The scan of long sequences on a GPU, forward, in three launches.

A sequence is cut into chunks, and the channels into blocks; a program takes one block through
one chunk, token by token, with all states of its channels in registers. One launch finds what
each chunk, begun with state zero, ends with; the second goes through the chunks and finds the
state before each; the third takes every chunk from that state and writes the outputs. So all
chunks and channels are worked on at once, though the recurrence is one after the other.

A chunk multiplies the state before it by the product of its decays, and because
``decay[t] = exp(delta[t] A)``, that is ``exp(A sum(delta))``. Nothing is ever divided by such a
product, which underflows.

*Tables* have the tokens of all sequences as rows and the channels side by side. A program
reads a row of its channels in one piece. States are (..., states, channels), so a thread
holds all states of a channel, or of four, and sums over states hardly leave it. An array of
tokens and states never exists.

The step sizes come from a table of their own, or (``RANK`` > 0) from the few numbers of each
token that they are a projection of: eight multiplications are cheaper than reading another
table. Offsets are 64-bit, and there is one axis of programs, which has no limit in practice.
"""

from __future__ import annotations

import triton
import triton.language as tl

from mambahsi.scan.gpu.kernels.functions import LOG2_E, silu, silu_slope, softplus


@triton.jit
def place(length, tokens, CHANNELS: tl.constexpr, CB: tl.constexpr):
    """A program's chunk, the chunk's first row and number of tokens, and the channels."""
    blocks: tl.constexpr = (CHANNELS + CB - 1) // CB
    pid = tl.program_id(0)
    block = pid % blocks
    chunk = (pid // blocks).to(tl.int64)
    chunks = (length + tokens - 1) // tokens
    within = (chunk % chunks) * tokens
    first = (chunk // chunks) * length + within
    count = tl.minimum(length - within, tokens).to(tl.int32)
    return chunk, first, count, block, block * CB + tl.arange(0, CB)


@triton.jit
def state_offsets(channel, CHANNELS: tl.constexpr, STATES: tl.constexpr, SP: tl.constexpr):
    """Where the states of channels lie, and which of them exist; (SP, CB)."""
    state = tl.arange(0, SP)
    exists = (state < STATES)[:, None] & (channel < CHANNELS)[None, :]
    return state[:, None] * CHANNELS + channel[None, :], exists


@triton.jit
def load_weight(weight, channel, CHANNELS: tl.constexpr, RANK: tl.constexpr, RP: tl.constexpr):
    """What projects to the channels' step sizes, (RP, CB)."""
    r = tl.arange(0, RP)
    exists = (r < RANK)[:, None] & (channel < CHANNELS)[None, :]
    return tl.load(weight + r[:, None] * CHANNELS + channel[None, :], exists, 0.0).to(tl.float32)


@triton.jit
def load_raw(step, row, stride, weight, bias, channel, mask, RANK: tl.constexpr, RP: tl.constexpr):
    """The channels' step sizes before softplus."""
    if RANK == 0:
        return tl.load(step + row * stride + channel, mask, 0.0).to(tl.float32) + bias
    r = tl.arange(0, RP)
    x = tl.load(step + row * stride + r, r < RANK, 0.0).to(tl.float32)
    return tl.sum(x[:, None] * weight, 0) + bias


@triton.jit
def load_states(pointer, row, stride, STATES: tl.constexpr, SP: tl.constexpr):
    """A token's weights of the states, (SP,)."""
    state = tl.arange(0, SP)
    return tl.load(pointer + row * stride + state, state < STATES, 0.0).to(tl.float32)


@triton.jit
def chunk_ends(
    u, u_stride, step, step_stride, B, B_stride, weight, bias, A, ends, totals,
    length, tokens,
    CHANNELS: tl.constexpr, STATES: tl.constexpr, RANK: tl.constexpr, SOFTPLUS: tl.constexpr,
    CB: tl.constexpr, SP: tl.constexpr, RP: tl.constexpr,
):  # fmt: skip
    """What each chunk ends with if it begins with zero, and the sum of its step sizes.

    ``ends`` is (chunks, states, channels), ``totals`` (chunks, channels).
    """
    chunk, first, count, _, channel = place(length, tokens, CHANNELS, CB)
    inside = channel < CHANNELS
    at, exists = state_offsets(channel, CHANNELS, STATES, SP)
    rate = tl.load(A + at, exists, 0.0) * LOG2_E
    offset = tl.load(bias + channel, inside, 0.0)
    projection = load_weight(weight, channel, CHANNELS, RANK, RP)
    h = tl.zeros((SP, CB), tl.float32)
    total = tl.zeros((CB,), tl.float32)
    for t in range(count):
        row = first + t
        x = tl.load(u + row * u_stride + channel, inside, 0.0).to(tl.float32)
        delta = load_raw(step, row, step_stride, projection, offset, channel, inside, RANK, RP)
        if SOFTPLUS:
            delta = softplus(delta)
        push = load_states(B, row, B_stride, STATES, SP)[:, None] * (delta * x)[None, :]
        h = tl.exp2(rate * delta[None, :]) * h + push
        total += delta
    tl.store(ends + chunk * (STATES * CHANNELS) + at, h, exists)
    tl.store(totals + chunk * CHANNELS + channel, total, inside)


@triton.jit
def carry_states(
    A, totals, ends, start, last, chunks,
    CHANNELS: tl.constexpr, STATES: tl.constexpr, BACKWARD: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Turn what chunks end with into what stands before them, in place.

    Args are as of :func:`chunk_ends`; ``start`` and ``last``, both (sequences, states,
    channels), are what comes in and goes out. ``BACKWARD`` goes from the last chunk to the
    first, for gradients, which the same decays carry.
    """
    numbers: tl.constexpr = STATES * CHANNELS
    blocks: tl.constexpr = (numbers + BLOCK - 1) // BLOCK
    pid = tl.program_id(0)
    sequence = (pid // blocks).to(tl.int64)
    at = (pid % blocks) * BLOCK + tl.arange(0, BLOCK)
    exists = at < numbers
    rate = tl.load(A + at, exists, 0.0) * LOG2_E
    h = tl.load(start + sequence * numbers + at, exists, 0.0)
    for k in range(chunks):
        chunk = sequence * chunks + (chunks - 1 - k if BACKWARD else k)
        total = tl.load(totals + chunk * CHANNELS + at % CHANNELS, exists, 0.0)
        end = tl.load(ends + chunk * numbers + at, exists, 0.0)
        tl.store(ends + chunk * numbers + at, h, exists)
        h = tl.exp2(rate * total) * h + end
    tl.store(last + sequence * numbers + at, h, exists)


@triton.jit
def outputs(
    u, u_stride, step, step_stride, B, B_stride, C, C_stride, z, z_stride, weight, bias, A, D,
    starts, last, y, y_stride, kept, dout, dout_stride, dz, dz_stride, length, tokens,
    CHANNELS: tl.constexpr, STATES: tl.constexpr, RANK: tl.constexpr, SOFTPLUS: tl.constexpr,
    GATED: tl.constexpr, SLOPE: tl.constexpr, KEPT: tl.constexpr, LAST: tl.constexpr,
    CB: tl.constexpr, SP: tl.constexpr, RP: tl.constexpr, KEEP: tl.constexpr,
):  # fmt: skip
    """The outputs, from the state before each chunk.

    With ``LAST``, also the state behind each, into ``last``. For the backward pass: with
    ``KEPT``, also the state before every ``KEEP`` tokens, into ``kept`` (chunks, pieces, states,
    channels); with ``SLOPE``, also the gradient of the gate, from that of the outputs, ``dout``.
    """
    chunk, first, count, _, channel = place(length, tokens, CHANNELS, CB)
    inside = channel < CHANNELS
    at, exists = state_offsets(channel, CHANNELS, STATES, SP)
    rate = tl.load(A + at, exists, 0.0) * LOG2_E
    skip = tl.load(D + channel, inside, 0.0)
    offset = tl.load(bias + channel, inside, 0.0)
    projection = load_weight(weight, channel, CHANNELS, RANK, RP)
    h = tl.load(starts + chunk * (STATES * CHANNELS) + at, exists, 0.0)
    pieces = (tokens + KEEP - 1) // KEEP
    for piece in range((count + KEEP - 1) // KEEP):
        if KEPT:
            tl.store(kept + (chunk * pieces + piece) * (STATES * CHANNELS) + at, h, exists)
        for s in tl.static_range(KEEP):
            t = piece * KEEP + s
            row = first + t
            # A token behind the end takes a step of size zero.
            real = t < count
            mask = inside & real
            x = tl.load(u + row * u_stride + channel, mask, 0.0).to(tl.float32)
            near = tl.where(real, row, first)
            delta = load_raw(step, near, step_stride, projection, offset, channel, mask, RANK, RP)
            if SOFTPLUS:
                delta = softplus(delta)
            delta = tl.where(real, delta, 0.0)
            push = load_states(B, near, B_stride, STATES, SP)[:, None] * (delta * x)[None, :]
            h = tl.exp2(rate * delta[None, :]) * h + push
            read = tl.sum(h * load_states(C, near, C_stride, STATES, SP)[:, None], 0) + skip * x
            if GATED:
                gate = tl.load(z + row * z_stride + channel, mask, 0.0).to(tl.float32)
                if SLOPE:
                    dy = tl.load(dout + row * dout_stride + channel, mask, 0.0).to(tl.float32)
                    slope = dy * read * silu_slope(gate)
                    tl.store(dz + row * dz_stride + channel, slope, mask)
                read *= silu(gate)
            tl.store(y + row * y_stride + channel, read, mask)
    if LAST:
        tl.store(last + chunk * (STATES * CHANNELS) + at, h, exists)
