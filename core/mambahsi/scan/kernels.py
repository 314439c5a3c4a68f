# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False
"""The compiled loops of the ``cpu`` backend: causal convolution and selective scan.

Arrays are two-dimensional with one row per token and the channels side by side, so that
the innermost loops run over channels and the compiler turns them into vector
instructions. The state of a tile of channels, (states, tile), stays in the first-level
cache from token to token. ``exp`` is a polynomial here: the library function cannot be
vectorized by Numba without a library that its wheels do not carry.

A *row* is a token; consecutive groups of ``length`` rows are sequences of their own, each
starting from state zero, when ``length`` is positive. With ``length`` 0 all rows belong to
one sequence that goes on from the state and the context handed in.

Everything compiled lies in this one file, long as it is: Numba's cache looks at the age of a
kernel's own file only, and would keep kernels whose helpers have changed elsewhere.

The backward kernel recomputes instead of storing: the forward pass keeps the state at the
start of every :data:`BLOCK` rows, and the gradient of a block recomputes its inner states.

Gradients of parameters are sums over all rows of a scene. They are added up within a call
first and then to what earlier calls gave: a sum of float32 over millions of rows one by one
would lose what each row adds.
"""

from __future__ import annotations

from typing import Any

import numpy as np

# Tells Numba where its cache is, so it comes first.
from mambahsi.scan import compile_cache  # noqa: F401

from numba import njit  # isort: skip

OPTIONS: Any = {
    "nogil": True,
    "cache": True,
    # A check for division by zero would keep the loops from being vectorized.
    "error_model": "numpy",
    # NaN and infinity keep their meaning: a diverged training must be noticed.
    "fastmath": {"contract", "reassoc", "nsz", "arcp"},
}

BLOCK = 64
"""Rows between kept states."""

TILE = 64
"""Channels whose state is worked on together."""

LOG2_E = np.float32(1.4426950408889634)

# Minimax coefficients of 2**f on [-0.5, 0.5], relative error 2e-9. The constant term is
# exactly 1, so that a decay near 1 carries no error that would add up over a long sequence.
_C1 = np.float32(6.9314720574e-01)
_C2 = np.float32(2.4022646891e-01)
_C3 = np.float32(5.5503287770e-02)
_C4 = np.float32(9.6184889631e-03)
_C5 = np.float32(1.3399931207e-03)
_C6 = np.float32(1.5345810387e-04)

_ONE = np.float32(1.0)
_TWO = np.float32(2.0)
_HALF = np.float32(0.5)
_ZERO = np.float32(0.0)
_MAX_EXPONENT = np.float32(126.0)
_BIAS = np.float32(127.0)
_MANTISSA = np.float32(8388608.0)


@njit(inline="always", **OPTIONS)
def _exp2(x):
    # The comparisons are written so that NaN passes through.
    x = -_MAX_EXPONENT if x < -_MAX_EXPONENT else x
    x = _MAX_EXPONENT if x > _MAX_EXPONENT else x
    whole = np.floor(x + _HALF)
    f = x - whole
    p = _ONE + f * (_C1 + f * (_C2 + f * (_C3 + f * (_C4 + f * (_C5 + f * _C6)))))
    # The power of two is put together as the bits of a float: exponent + 127, shifted.
    return p * np.int32((whole + _BIAS) * _MANTISSA).view(np.float32)


@njit(inline="always", **OPTIONS)
def _sigmoid(x):
    return _ONE / (_ONE + _exp2(-x * LOG2_E))


@njit(inline="always", **OPTIONS)
def _softplus(x):
    # log(1 + e^x) = max(x, 0) + log1p(t) with t = e^-|x| in (0, 1], and
    # log1p(t) = 2 atanh(t / (2 + t)), whose series converges fast for s <= 1/3.
    t = _exp2(-abs(x) * LOG2_E)
    s = t / (_TWO + t)
    q = s * s
    series = _ONE + q * (
        np.float32(1 / 3)
        + q
        * (
            np.float32(1 / 5)
            + q
            * (
                np.float32(1 / 7)
                + q * (np.float32(1 / 9) + q * (np.float32(1 / 11) + q * np.float32(1 / 13)))
            )
        )
    )
    return (_ZERO if x < _ZERO else x) + _TWO * s * series


@njit(inline="always", **OPTIONS)
def _preactivation(x, weight, bias, context, length, t, first, last, out):
    """Convolution of row ``t`` before SiLU, channels ``first`` to ``last``, into ``out``."""
    taps = weight.shape[0]
    # How many earlier rows belong to the same sequence.
    reach = taps if length == 0 else t % length
    for c in range(last - first):
        out[c] = bias[first + c]
    for k in range(max(0, taps - 1 - reach), taps):
        source = t + k - (taps - 1)
        row = x[source, first:last] if source >= 0 else context[source + taps - 1, first:last]
        tap = weight[k, first:last]
        for c in range(last - first):
            out[c] += tap[c] * row[c]


@njit(**OPTIONS)
def convolve(x, weight, bias, context, length, start, stop, out):
    """Causal depthwise convolution and SiLU of rows ``start`` to ``stop``.

    Args:
        x: Rows of at least the channels, (rows, >= channels); the first columns are used.
        weight: (taps, channels), the last tap being the current row's.
        bias: (channels,).
        context: (taps - 1, channels), the rows before row 0 where ``length`` is 0.
        length: Rows per sequence, or 0.
        start: First row.
        stop: Row after the last.
        out: (rows, channels).
    """
    channels = weight.shape[1]
    value = np.empty(channels, np.float32)
    for t in range(start, stop):
        _preactivation(x, weight, bias, context, length, t, 0, channels, value)
        target = out[t]
        for c in range(channels):
            target[c] = value[c] * _sigmoid(value[c])


@njit(**OPTIONS)
def convolve_gradient(
    x, weight, bias, context, after, length, first, last, start, stop, dout, dx, dweight, dbias
):
    """Gradient of :func:`convolve` for a range of channels, rows ``stop`` back to ``start``.

    ``after`` (taps - 1, channels) holds the gradients of the pre-activation of the rows
    behind ``stop`` where ``length`` is 0, and on return those of the first rows of this
    part, for the part before. ``dout`` is (rows, channels); ``dx`` gets its first columns
    written; ``dweight`` (taps, channels) and ``dbias`` (channels,) are added to.
    """
    taps = weight.shape[0]
    width = last - first
    value = np.empty(width, np.float32)
    dtaps = np.zeros((taps, width), np.float32)
    dshift = np.zeros(width, np.float32)
    # Gradients of the pre-activation of this row and the next ones, nearest first.
    window = np.zeros((taps, width), np.float32)
    if length == 0:
        window[: taps - 1] = after[:, first:last]
    for t in range(stop - 1, start - 1, -1):
        if length != 0 and (t + 1) % length == 0:
            window[:] = _ZERO
        for k in range(taps - 1, 0, -1):
            window[k] = window[k - 1]
        _preactivation(x, weight, bias, context, length, t, first, last, value)
        current = window[0]
        incoming = dout[t, first:last]
        for c in range(width):
            s = _sigmoid(value[c])
            current[c] = incoming[c] * s * (_ONE + value[c] * (_ONE - s))
            dshift[c] += current[c]
        reach = taps if length == 0 else t % length
        for k in range(max(0, taps - 1 - reach), taps):
            source = t + k - (taps - 1)
            row = x[source, first:last] if source >= 0 else context[source + taps - 1, first:last]
            gathered = dtaps[k]
            for c in range(width):
                gathered[c] += current[c] * row[c]
        target = dx[t, first:last]
        for c in range(width):
            target[c] = _ZERO
        for k in range(taps):
            tap = weight[taps - 1 - k, first:last]
            later = window[k]
            for c in range(width):
                target[c] += tap[c] * later[c]
    for c in range(width):
        dbias[first + c] += dshift[c]
    for k in range(taps):
        for c in range(width):
            dweight[k, first + c] += dtaps[k, c]
    if length == 0:
        after[:, first:last] = window[: taps - 1]


@njit(**OPTIONS)
def scan(
    u, step, drive, rank, gate, gate_column, rate, skip, bias, softplus, length,
    first, last, start, stop, state, kept, out,
):  # fmt: skip
    """Selective scan of a range of channels.

    Args:
        u: Input, (rows, channels).
        step: Raw step sizes, (rows, channels).
        drive: (rows, >= rank + 2 states); B stands behind ``rank`` columns, then C.
        rank: First column of B.
        gate: (rows, >= gate_column + channels); not read where ``gate_column`` is negative.
        gate_column: First column of the gate z, or -1 without a gate.
        rate: A times log2(e), transposed, (states, channels).
        skip: D, (channels,).
        bias: Bias of the step sizes, (channels,).
        softplus: Whether step sizes go through softplus.
        length: Rows per sequence, or 0.
        first: First channel.
        last: Channel after the last.
        start: First row.
        stop: Row after the last.
        state: (states, channels), read and written where ``length`` is 0.
        kept: (blocks, states, channels), gets the state before every :data:`BLOCK` rows;
            not written where it has no blocks.
        out: (rows, channels).
    """
    states = rate.shape[0]
    delta = np.empty(TILE, np.float32)
    push = np.empty(TILE, np.float32)
    total = np.empty(TILE, np.float32)
    h = np.empty((states, TILE), np.float32)
    a = np.empty((states, TILE), np.float32)
    for c0 in range(first, last, TILE):
        width = min(TILE, last - c0)
        for n in range(states):
            for c in range(width):
                a[n, c] = rate[n, c0 + c]
                h[n, c] = state[n, c0 + c] if length == 0 else _ZERO
        for t in range(start, stop):
            if length != 0 and t % length == 0:
                h[:] = _ZERO
            if kept.shape[0] > 0 and t % BLOCK == 0:
                for n in range(states):
                    for c in range(width):
                        kept[t // BLOCK, n, c0 + c] = h[n, c]
            row_u = u[t, c0 : c0 + width]
            row_step = step[t, c0 : c0 + width]
            for c in range(width):
                x = row_step[c] + bias[c0 + c]
                delta[c] = _softplus(x) if softplus else x
                push[c] = delta[c] * row_u[c]
                total[c] = skip[c0 + c] * row_u[c]
            for n in range(states):
                b = drive[t, rank + n]
                read = drive[t, rank + states + n]
                an = a[n]
                hn = h[n]
                for c in range(width):
                    value = _exp2(delta[c] * an[c]) * hn[c] + push[c] * b
                    hn[c] = value
                    total[c] += value * read
            target = out[t, c0 : c0 + width]
            if gate_column >= 0:
                row_gate = gate[t, gate_column + c0 : gate_column + c0 + width]
                for c in range(width):
                    target[c] = total[c] * row_gate[c] * _sigmoid(row_gate[c])
            else:
                for c in range(width):
                    target[c] = total[c]
        if length == 0:
            for n in range(states):
                for c in range(width):
                    state[n, c0 + c] = h[n, c]


@njit(**OPTIONS)
def scan_gradient(
    u, step, drive, rank, gate, gate_column, rate, skip, bias, softplus, length,
    first, last, start, stop, kept, dout, dstate,
    out, du, dstep, ddrive, dgate, drate, dskip, dbias,
):  # fmt: skip
    """Gradient of :func:`scan` for a range of channels, rows ``stop`` back to ``start``.

    ``kept`` is what :func:`scan` kept; where ``length`` is positive it is not read, because
    each sequence starts from zero; such a sequence may not be longer than :data:`BLOCK`.
    ``dstate`` (states, channels) is the gradient of the state behind the last row, and on
    return of the state before the first row. ``out``, the forward pass's output once more,
    ``du``, ``dstep`` and the gate's columns of ``dgate`` are written; the B and C columns of
    ``ddrive``, ``drate`` (gradient of A, not of A log2 e; (states, channels)), ``dskip`` and
    ``dbias`` are added to. ``ddrive`` belongs to this range of channels alone.
    """
    states = rate.shape[0]
    delta = np.empty(TILE, np.float32)
    push = np.empty(TILE, np.float32)
    dy = np.empty(TILE, np.float32)
    dpush = np.empty(TILE, np.float32)
    ddelta = np.empty(TILE, np.float32)
    h = np.empty((BLOCK + 1, states, TILE), np.float32)
    decay = np.empty((BLOCK, states, TILE), np.float32)
    deltas = np.empty((BLOCK, TILE), np.float32)
    totals = np.empty((BLOCK, TILE), np.float32)
    a = np.empty((states, TILE), np.float32)
    dh = np.empty((states, TILE), np.float32)
    da = np.empty((states, TILE), np.float32)
    dd = np.empty(TILE, np.float32)
    dshift = np.empty(TILE, np.float32)
    inverse = _ONE / LOG2_E
    unit = BLOCK if length == 0 else length
    for c0 in range(first, last, TILE):
        width = min(TILE, last - c0)
        dd[:] = _ZERO
        dshift[:] = _ZERO
        for n in range(states):
            for c in range(width):
                a[n, c] = rate[n, c0 + c]
                dh[n, c] = dstate[n, c0 + c] if length == 0 else _ZERO
                da[n, c] = _ZERO
        block_stop = stop
        while block_stop > start:
            block_start = (block_stop - 1) // unit * unit
            rows = block_stop - block_start
            for n in range(states):
                for c in range(width):
                    h[0, n, c] = kept[block_start // BLOCK, n, c0 + c] if length == 0 else _ZERO
                    if length != 0:
                        dh[n, c] = _ZERO
            for i in range(rows):
                t = block_start + i
                row_u = u[t, c0 : c0 + width]
                row_step = step[t, c0 : c0 + width]
                total = totals[i]
                keep = deltas[i]
                for c in range(width):
                    x = row_step[c] + bias[c0 + c]
                    delta[c] = _softplus(x) if softplus else x
                    keep[c] = delta[c]
                    push[c] = delta[c] * row_u[c]
                    total[c] = skip[c0 + c] * row_u[c]
                for n in range(states):
                    b = drive[t, rank + n]
                    read = drive[t, rank + states + n]
                    an = a[n]
                    before = h[i, n]
                    after = h[i + 1, n]
                    dn = decay[i, n]
                    for c in range(width):
                        e = _exp2(delta[c] * an[c])
                        dn[c] = e
                        value = e * before[c] + push[c] * b
                        after[c] = value
                        total[c] += value * read
            for i in range(rows - 1, -1, -1):
                t = block_start + i
                row_u = u[t, c0 : c0 + width]
                row_step = step[t, c0 : c0 + width]
                row_dout = dout[t, c0 : c0 + width]
                row_out = out[t, c0 : c0 + width]
                total = totals[i]
                delta_i = deltas[i]
                if gate_column >= 0:
                    row_gate = gate[t, gate_column + c0 : gate_column + c0 + width]
                    row_dgate = dgate[t, gate_column + c0 : gate_column + c0 + width]
                    for c in range(width):
                        s = _sigmoid(row_gate[c])
                        row_out[c] = total[c] * row_gate[c] * s
                        dy[c] = row_dout[c] * row_gate[c] * s
                        row_dgate[c] = (
                            row_dout[c] * total[c] * s * (_ONE + row_gate[c] * (_ONE - s))
                        )
                else:
                    for c in range(width):
                        row_out[c] = total[c]
                        dy[c] = row_dout[c]
                for c in range(width):
                    dd[c] += dy[c] * row_u[c]
                    push[c] = delta_i[c] * row_u[c]
                    dpush[c] = _ZERO
                    ddelta[c] = _ZERO
                for n in range(states):
                    b = drive[t, rank + n]
                    read = drive[t, rank + states + n]
                    an = a[n]
                    dan = da[n]
                    dhn = dh[n]
                    before = h[i, n]
                    after = h[i + 1, n]
                    dn = decay[i, n]
                    db = _ZERO
                    dread = _ZERO
                    for c in range(width):
                        g = dhn[c] + dy[c] * read
                        dread += dy[c] * after[c]
                        db += g * push[c]
                        dpush[c] += g * b
                        g *= dn[c]
                        dhn[c] = g
                        g *= before[c]
                        ddelta[c] += g * an[c]
                        dan[c] += g * delta_i[c]
                    ddrive[t, rank + n] += db
                    ddrive[t, rank + states + n] += dread
                row_du = du[t, c0 : c0 + width]
                row_dstep = dstep[t, c0 : c0 + width]
                for c in range(width):
                    row_du[c] = dpush[c] * delta_i[c] + dy[c] * skip[c0 + c]
                    # ``an`` carries log2(e), which the gradient of delta does not.
                    d = ddelta[c] * inverse + dpush[c] * row_u[c]
                    if softplus:
                        d *= _sigmoid(row_step[c] + bias[c0 + c])
                    row_dstep[c] = d
                    dshift[c] += d
            block_stop = block_start
        for c in range(width):
            dskip[c0 + c] += dd[c]
            dbias[c0 + c] += dshift[c]
        for n in range(states):
            for c in range(width):
                drate[n, c0 + c] += da[n, c]
                if length == 0:
                    dstate[n, c0 + c] = dh[n, c]
