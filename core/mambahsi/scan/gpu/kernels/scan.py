"""The scan of long sequences on a GPU, forward, in three launches.

A sequence is cut into chunks, and the channels into blocks; a program takes one block through
one chunk, token by token, with all states of its channels in registers. One launch finds what
each chunk, begun with state zero, ends with; the second goes through the chunks and finds the
state before each; the third takes every chunk from that state and writes the outputs. So all
chunks and channels are worked on at once, though the recurrence is one after the other.

A chunk multiplies the state before it by the product of its decays, and because
``decay[t] = exp(delta[t] A)``, that is ``exp(A sum(delta))``. Nothing is ever divided by such a
product, which underflows.

*Tables* have the tokens of all sequences as rows and the channels side by side. States are
(..., states, channels). An array of tokens and states never exists. Step sizes come from a table
of their own, or (``RANK`` > 0) from the few numbers of each token that they are a projection of:
eight multiplications are cheaper than reading another table.

*Who holds what* Triton decides from how memory is read. Here every thread should hold one
channel and all its states: then sums over states need no exchange between threads, and step
sizes are computed once. It would rather read four channels at once, give each thread four
channels and a quarter of the states, and compute step sizes four times (found in the code that
is compiled for capability 9.0: shuffles and shared memory for every token instead of none, and
149 floating-point instructions in :func:`chunk_ends` instead of 91). It does not where it
cannot know that channels lie side by side, so the distance between them, 1, is an argument,
``one``, whose value is kept from the compiler.

Offsets are 64-bit, and there is one axis of programs, which has no limit in practice.
"""

from __future__ import annotations

import triton
import triton.language as tl

from mambahsi.scan.gpu.kernels.functions import LOG2_E, silu, silu_slope, softplus

LENGTHS = ("length", "tokens", "chunks", "rows", "one")
"""Arguments that Triton compiles no kernels of their own for, whatever divides them."""


@triton.jit
def place(length, tokens, one, CHANNELS: tl.constexpr, CB: tl.constexpr):
    """A program's chunk, the chunk's first row and number of tokens, and the channels."""
    blocks: tl.constexpr = (CHANNELS + CB - 1) // CB
    pid = tl.program_id(0)
    block = pid % blocks
    chunk = (pid // blocks).to(tl.int64)
    chunks = (length + tokens - 1) // tokens
    within = (chunk % chunks) * tokens
    first = (chunk // chunks) * length + within
    count = tl.minimum(length - within, tokens).to(tl.int32)
    return chunk, first, count, block, (block * CB + tl.arange(0, CB)) * one


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
    return tl.load(weight + r[:, None] * CHANNELS + channel[None, :], exists, 0.0)


@triton.jit
def load_delta(
    step, row, stride, weight, bias, channel, mask,
    RANK: tl.constexpr, SOFTPLUS: tl.constexpr, RP: tl.constexpr,
):  # fmt: skip
    """The channels' step sizes."""
    if RANK == 0:
        raw = tl.load(step + row * stride + channel, mask, 0.0).to(tl.float32) + bias
    else:
        r = tl.arange(0, RP)
        x = tl.load(step + row * stride + r, r < RANK, 0.0).to(tl.float32)
        raw = tl.sum(x[:, None] * weight, 0) + bias
    if SOFTPLUS:
        return softplus(raw)
    return raw


@triton.jit
def load_states(pointer, row, stride, STATES: tl.constexpr, SP: tl.constexpr):
    """A token's weights of the states, (SP,)."""
    state = tl.arange(0, SP)
    return tl.load(pointer + row * stride + state, state < STATES, 0.0).to(tl.float32)


@triton.jit(do_not_specialize=LENGTHS)
def chunk_ends(
    u, u_stride, step, step_stride, B, B_stride, weight, bias, A, ends, totals,
    length, tokens, one,
    CHANNELS: tl.constexpr, STATES: tl.constexpr, RANK: tl.constexpr, SOFTPLUS: tl.constexpr,
    CB: tl.constexpr, SP: tl.constexpr, RP: tl.constexpr,
):  # fmt: skip
    """What each chunk ends with if it begins with zero, and the sum of its step sizes.

    ``ends`` is (chunks, states, channels), ``totals`` (chunks, channels).
    """
    chunk, first, count, _, channel = place(length, tokens, one, CHANNELS, CB)
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
        delta = load_delta(
            step, row, step_stride, projection, offset, channel, inside, RANK, SOFTPLUS, RP
        )
        push = load_states(B, row, B_stride, STATES, SP)[:, None] * (delta * x)[None, :]
        h = tl.exp2(rate * delta[None, :]) * h + push
        total += delta
    tl.store(ends + chunk * (STATES * CHANNELS) + at, h, exists)
    tl.store(totals + chunk * CHANNELS + channel, total, inside)


@triton.jit(do_not_specialize=LENGTHS)
def carry_states(
    A, totals, ends, start, last, chunks,
    CHANNELS: tl.constexpr, STATES: tl.constexpr, BACKWARD: tl.constexpr,
    BLOCK: tl.constexpr, GROUP: tl.constexpr,
):  # fmt: skip
    """Turn what chunks end with into what stands before them, in place.

    Args are as of :func:`chunk_ends`; ``start`` and ``last``, both (sequences, states,
    channels), are what comes in and goes out. ``BACKWARD`` goes from the last chunk to the
    first, for gradients, which the same decays carry.

    There is little to compute and much to wait for, so ``GROUP`` chunks are read at once.
    """
    numbers: tl.constexpr = STATES * CHANNELS
    blocks: tl.constexpr = (numbers + BLOCK - 1) // BLOCK
    pid = tl.program_id(0)
    sequence = (pid // blocks).to(tl.int64)
    at = (pid % blocks) * BLOCK + tl.arange(0, BLOCK)
    exists = at < numbers
    rate = tl.load(A + at, exists, 0.0) * LOG2_E
    h = tl.load(start + sequence * numbers + at, exists, 0.0)
    for group in range((chunks + GROUP - 1) // GROUP):
        sums = ()
        own = ()
        for s in tl.static_range(GROUP):
            k = group * GROUP + s
            chunk = sequence * chunks + (chunks - 1 - k if BACKWARD else k)
            real = exists & (k < chunks)
            sums = sums + (tl.load(totals + chunk * CHANNELS + at % CHANNELS, real, 0.0),)
            own = own + (tl.load(ends + chunk * numbers + at, real, 0.0),)
        for s in tl.static_range(GROUP):
            k = group * GROUP + s
            chunk = sequence * chunks + (chunks - 1 - k if BACKWARD else k)
            tl.store(ends + chunk * numbers + at, h, exists & (k < chunks))
            # A chunk behind the end has no step sizes, and passes the state on.
            h = tl.exp2(rate * sums[s]) * h + own[s]
    tl.store(last + sequence * numbers + at, h, exists)


@triton.jit(do_not_specialize=LENGTHS)
def outputs(
    u, u_stride, step, step_stride, B, B_stride, C, C_stride, z, z_stride, weight, bias, A, D,
    starts, last, y, y_stride, dy, kept, deltas, dz, dz_stride,
    length, tokens, one,
    CHANNELS: tl.constexpr, STATES: tl.constexpr, RANK: tl.constexpr, SOFTPLUS: tl.constexpr,
    GATED: tl.constexpr, LAST: tl.constexpr, AGAIN: tl.constexpr,
    CB: tl.constexpr, SP: tl.constexpr, RP: tl.constexpr, KEEP: tl.constexpr,
):  # fmt: skip
    """The outputs, from the state before each chunk.

    With ``LAST``, also the state behind each, into ``last``. With ``AGAIN``, for the backward
    pass: the state before every ``KEEP`` tokens into ``kept`` (chunks, pieces, states,
    channels), step sizes into ``deltas``, (rows, channels). Where there is a gate, the gradient
    of the outputs ``dy``, (rows, channels), becomes that before the gate, and ``dz`` gets the
    gate's.
    """
    chunk, first, count, _, channel = place(length, tokens, one, CHANNELS, CB)
    inside = channel < CHANNELS
    at, exists = state_offsets(channel, CHANNELS, STATES, SP)
    rate = tl.load(A + at, exists, 0.0) * LOG2_E
    skip = tl.load(D + channel, inside, 0.0)
    offset = tl.load(bias + channel, inside, 0.0)
    projection = load_weight(weight, channel, CHANNELS, RANK, RP)
    h = tl.load(starts + chunk * (STATES * CHANNELS) + at, exists, 0.0)
    pieces = (tokens + KEEP - 1) // KEEP
    for t in range(count):
        if AGAIN:
            if t % KEEP == 0:
                tl.store(kept + (chunk * pieces + t // KEEP) * (STATES * CHANNELS) + at, h, exists)
        row = first + t
        x = tl.load(u + row * u_stride + channel, inside, 0.0).to(tl.float32)
        delta = load_delta(
            step, row, step_stride, projection, offset, channel, inside, RANK, SOFTPLUS, RP
        )
        push = load_states(B, row, B_stride, STATES, SP)[:, None] * (delta * x)[None, :]
        h = tl.exp2(rate * delta[None, :]) * h + push
        read = tl.sum(h * load_states(C, row, C_stride, STATES, SP)[:, None], 0) + skip * x
        if AGAIN:
            tl.store(deltas + row * CHANNELS + channel, delta, inside)
        if GATED:
            gate = tl.load(z + row * z_stride + channel, inside, 0.0).to(tl.float32)
            if AGAIN:
                gradient = tl.load(dy + row * CHANNELS + channel, inside, 0.0)
                tl.store(dy + row * CHANNELS + channel, gradient * silu(gate), inside)
                slope = gradient * read * silu_slope(gate)
                tl.store(dz + row * dz_stride + channel, slope, inside)
            read *= silu(gate)
        tl.store(y + row * y_stride + channel, read, inside)
    if LAST:
        tl.store(last + chunk * (STATES * CHANNELS) + at, h, exists)
