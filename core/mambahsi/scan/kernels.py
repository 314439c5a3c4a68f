"""The kernels of a Mamba block: causal convolution and selective scan, forward and backward.

A row of a table is a token, its columns are channels. A kernel works through *segments* of
rows one after the other, and in each through *tiles* of sixteen channels, so that what a
segment touches stays in the nearest caches and a tile's state in registers.

There are two kinds of each kernel. In one, all rows are one sequence, and what the sequence
carries from segment to segment (the last rows before the convolution, the scan's state) comes
from a tensor and goes back to it. In the other, every segment is a *short* sequence of its
own that starts from nothing.

The backward pass of the scan recomputes instead of storing: the forward pass keeps the state
before every segment, and the gradient of a segment recomputes its inner states.

Gradients of parameters are sums over all rows of a scene. They are added up within a segment
first, and then to what earlier segments gave: a sum of float32 over millions of rows one by
one would lose what each row adds.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

from mambahsi.scan.decays import decay_of
from mambahsi.scan.machine_code import kernel
from mambahsi.scan.vector_code import LANES, Kernel, LaneSums, Table, Variable, Vector, Whole

STATES = 16
"""States of a channel."""

SEGMENT = 64
"""Rows of a segment of a long sequence."""

LOG2_E = 1.4426950408889634


def scratch_rows(segment: int) -> int:
    """Rows of sixteen numbers that :func:`scan_gradient` needs to work in."""
    return segment * (2 * STATES + 3) + STATES


@contextmanager
def _segments(
    k: Kernel, rows: Whole, segment: Whole, *, backward: bool = False
) -> Iterator[tuple[Whole, Whole, Whole]]:
    """Go through the segments: first row, number of rows, and number of each."""
    count = (rows + segment - 1) // segment
    with k.loop(0, count) as i:
        index = count - 1 - i if backward else i
        first = index * segment
        yield first, (rows - first).at_most(segment), index


def _shift(window: list[Variable], value: Vector) -> None:
    """Move what a window holds one place to its start, and put a value at its end."""
    for place, behind in itertools.pairwise(window):
        place.set(behind.get())
    window[-1].set(value)


def _step_size(
    k: Kernel,
    step: Table,
    steps: Whole,
    drive: Table,
    rank: int,
    weight: Table,
    bias: Table,
    t: Whole,
    c: Whole,
) -> Vector:
    """Step sizes of a row before softplus."""
    size = Variable(k, bias[0, c])
    with k.when_positive(steps):
        size.add(step[t, c])
    total = size.get()
    for r in range(rank):
        total = drive.everywhere(t, r).times_plus(weight[r, c], total)
    return total


def _decay(delta: Vector, rate: Vector, *, softplus: bool, wide: bool) -> Vector:
    """What is left of a state. Only softplus makes sure that it is not more than there was."""
    return decay_of(delta, rate, wide=wide) if softplus else (delta * rate).exp2()


@kernel
def convolution(taps: int, *, short: bool) -> Kernel:
    """Causal depthwise convolution and SiLU.

    Tensors: ``x`` (rows, channels); ``weight`` (taps, channels), the last tap being the
    current row's; ``bias`` (channels,); ``context`` (taps - 1, channels), the rows before the
    first one, replaced by the last ones (not touched if short); ``out`` (rows, channels), may
    be ``x``. Integers: ``rows``, ``segment`` (rows of one), ``tile`` and ``last_tile``.
    """
    k = Kernel("x weight bias context out", "rows segment tile last_tile")
    x, weight, bias, context, out = k.tables()
    rows, segment, tile, last_tile = k.numbers()
    with _segments(k, rows, segment) as (first, length, _), k.loop(tile, last_tile) as number:
        c = number * LANES
        earlier = [Variable(k, 0.0 if short else context[i, c]) for i in range(taps - 1)]
        # Read before the rows: LLVM cannot know that writing ``out`` does not change them.
        factors, summand = [weight[i, c] for i in range(taps)], bias[0, c]
        with k.loop(first, first + length) as t:
            current = x[t, c]
            total = current.times_plus(factors[-1], summand)
            for value, factor in zip(earlier, factors, strict=False):
                total = value.get().times_plus(factor, total)
            _shift(earlier, current)
            out[t, c] = total * total.sigmoid()
        if not short:
            for i in range(taps - 1):
                context[i, c] = earlier[i].get()
    return k


@kernel
def convolution_gradient(taps: int, *, short: bool) -> Kernel:
    """Gradient of :func:`convolution`, from the last row to the first.

    Tensors: ``x``, the input; ``weight``; ``bias``; ``context``, the rows before the first one
    (not read if short); ``after`` (taps - 1, channels), the gradients of the pre-activation of
    the rows behind the last one, nearest first, replaced by those of the first rows (not
    touched if short); ``dout`` (rows, channels); ``dx`` (rows, channels), may be ``x``;
    ``dweight`` and ``dbias`` are added to. Integers as in :func:`convolution`.
    """
    names = "x weight bias context after dout dx dweight dbias"
    k = Kernel(names, "rows segment tile last_tile")
    x, weight, bias, context, after, dout, dx, dweight, dbias = k.tables()
    rows, segment, tile, last_tile = k.numbers()
    reach = taps - 1
    with (
        _segments(k, rows, segment, backward=True) as (first, length, _),
        k.loop(tile, last_tile) as number,
    ):
        c = number * LANES

        def before(row: Whole) -> Vector:
            """A row's input, which may lie before the first row of the sequence."""
            value = Variable(k, 0.0)
            with k.choose((first if short else k.whole(0)) - row) as (outside, inside):
                with outside:
                    if not short:
                        value.set(context[row + reach, c])
                with inside:
                    value.set(x[row, c])
            return value.get()

        last = first + length
        # The window slides towards the first row: inputs of this row and the ones before it.
        window = [Variable(k, before(last - 1 - i)) for i in range(reach)]
        later = [Variable(k, 0.0 if short else after[i, c]) for i in range(reach)]
        dtaps = [Variable(k, 0.0) for _ in range(taps)]
        dshift = Variable(k, 0.0)
        with k.loop(0, length) as i:
            t = last - 1 - i
            inputs = [before(t - reach), *(v.get() for v in reversed(window))]
            total = inputs[reach].times_plus(weight[reach, c], bias[0, c])
            for j in range(reach):
                total = inputs[j].times_plus(weight[j, c], total)
            gate = total.sigmoid()
            current = dout[t, c] * gate * (total * (1.0 - gate) + 1.0)
            dshift.add(current)
            for j in range(taps):
                dtaps[j].set(current.times_plus(inputs[j], dtaps[j].get()))
            gradient = current * weight[reach, c]
            for j in range(reach):
                gradient = later[j].get().times_plus(weight[reach - 1 - j, c], gradient)
            dx[t, c] = gradient
            _shift(later[::-1], current)
            for j in range(reach - 1):
                window[j].set(inputs[reach - 1 - j])
            window[reach - 1].set(inputs[0])
        for j in range(taps):
            dweight.add(j, c, dtaps[j].get())
        dbias.add(0, c, dshift.get())
        if not short:
            for j in range(reach):
                after[j, c] = later[j].get()
    return k


@kernel
def scan(rank: int, *, short: bool, gated: bool, softplus: bool, wide: bool) -> Kernel:
    """Selective scan.

    The step size of a channel is softplus(``step`` + ``drive[:rank]`` x ``step_weight`` +
    ``bias``), without ``step`` where its address is None.

    Tensors: ``u`` (rows, channels); ``step`` (rows, channels) or None; ``drive`` (rows, rank +
    2 states), what the step sizes come from, then B, then C; ``gate`` (rows, channels), z, not
    touched if not gated; ``step_weight`` (rank, channels); ``bias`` (channels,); ``rate``
    (states, channels), A times log2(e); ``skip`` (channels,), D; ``state`` (states, channels),
    before the first row, replaced by that behind the last (not touched if short); ``kept``
    (segments, states x channels) or None, gets the state before every segment; ``deltas``
    (:data:`SEGMENT`, lanes) to work in; ``out`` (rows, channels), may be ``u``. Integers:
    ``steps`` (1 if ``step`` is given, else 0), ``keep`` (1 if ``kept`` is given, else 0),
    ``channels``, ``rows``, ``segment``, ``tile``, ``last_tile``. ``wide``: for AVX-512.
    """
    names = "u step drive gate step_weight bias rate skip state kept deltas out"
    k = Kernel(names, "steps keep channels rows segment tile last_tile")
    u, step, drive, gate, step_weight, bias, rate, skip, state, kept, deltas, out = k.tables()
    steps, keep, channels, rows, segment, tile, last_tile = k.numbers()
    block = k.whole(SEGMENT) // segment * segment if short else segment
    with (
        _segments(k, rows, block) as (first, length, index),
        k.loop(tile, last_tile) as number,
    ):
        c = number * LANES
        # A step size takes many instructions that wait for each other. Here those of one row do
        # not wait for those of another; among the states they would hold up the whole row.
        with k.loop(0, length) as i:
            size = _step_size(k, step, steps, drive, rank, step_weight, bias, first + i, c)
            deltas[i, 0] = size.softplus() if softplus else size

        h = [Variable(k, 0.0 if short else state[n, c]) for n in range(STATES)]
        if not short:
            with k.when_positive(keep):
                for n in range(STATES):
                    kept[index, channels * n + c] = h[n].get()

        def advance(i: Whole, *, fresh: bool) -> None:
            t = first + i
            x, delta = u[t, c], deltas[i, 0]
            push = delta * x
            # Two sums, because the next addition to one has to wait for the last.
            total = [skip[0, c] * x, k.vector(0.0)]
            for n in range(STATES):
                value = push * drive.everywhere(t, rank + n)
                if not fresh:
                    decay = _decay(delta, rate[n, c], softplus=softplus, wide=wide)
                    value = decay.times_plus(h[n].get(), value)
                h[n].set(value)
                read = drive.everywhere(t, rank + STATES + n)
                total[n % 2] = value.times_plus(read, total[n % 2])
            out[t, c] = total[0] + total[1]

        if short:
            with k.loop(0, length // segment) as sequence:
                start = sequence * segment
                # Behind nothing there is nothing to decay.
                advance(start, fresh=True)
                with k.loop(1, segment) as i:
                    advance(start + i, fresh=False)
        else:
            with k.loop(0, length) as i:
                advance(i, fresh=False)
            for n in range(STATES):
                state[n, c] = h[n].get()
        if gated:
            with k.loop(first, first + length) as t:
                z = gate[t, c]
                out[t, c] = out[t, c] * z * z.sigmoid()
    return k


@kernel
def scan_gradient(rank: int, *, short: bool, gated: bool, softplus: bool, wide: bool) -> Kernel:
    """Gradient of :func:`scan`, from the last segment to the first.

    Tensors as there, ``kept`` being what it kept, and: ``dout`` (rows, channels); ``dstate``
    (states, channels), the gradient of the state behind the last row, replaced by that of the
    state before the first (not touched if short); ``scratch``, :func:`scratch_rows` rows of
    sixteen; ``out`` (rows, channels), the forward pass's output once
    more, may be ``dout``; ``du`` (rows, channels); ``dstep`` (rows, channels), not touched
    without ``step``; ``ddrive`` (rows, rank + 2 states), added to; ``dgate`` (rows, channels),
    may be ``gate``; ``dstep_weight``, ``dbias``, ``drate`` (the gradient of A, not of A
    log2(e)) and ``dskip``, added to.
    """
    names = (
        "u step drive gate step_weight bias rate skip kept dout dstate scratch"
        " out du dstep ddrive dgate dstep_weight dbias drate dskip"
    )
    k = Kernel(names, "steps channels rows segment tile last_tile")
    (
        u, step, drive, gate, step_weight, bias, rate, skip, kept, dout, dstate, scratch,
        out, du, dstep, ddrive, dgate, dstep_weight, dbias, drate, dskip,
    ) = k.tables()  # fmt: skip
    steps, channels, rows, segment, tile, last_tile = k.numbers()
    with (
        _segments(k, rows, segment, backward=True) as (first, length, index),
        k.loop(tile, last_tile) as number,
    ):
        c = number * LANES
        # Parts of the scratch table: states before each row and behind the last, decays of each
        # row, step sizes before softplus, sums before the gate, step sizes behind softplus.
        states, decays = k.whole(0), segment * STATES + STATES
        sizes = decays + segment * STATES
        totals, deltas = sizes + segment, sizes + segment * 2

        h = [Variable(k, 0.0 if short else kept[index, channels * n + c]) for n in range(STATES)]
        for n in range(STATES):
            scratch[states + n, 0] = h[n].get()
        with k.loop(0, length) as i:
            size = _step_size(k, step, steps, drive, rank, step_weight, bias, first + i, c)
            scratch[sizes + i, 0] = size
            scratch[deltas + i, 0] = size.softplus() if softplus else size
        with k.loop(0, length) as i:
            t = first + i
            x, delta = u[t, c], scratch[deltas + i, 0]
            push = delta * x
            total = [skip[0, c] * x, k.vector(0.0)]
            for n in range(STATES):
                decay = _decay(delta, rate[n, c], softplus=softplus, wide=wide)
                scratch[decays + i * STATES + n, 0] = decay
                value = decay.times_plus(h[n].get(), push * drive.everywhere(t, rank + n))
                h[n].set(value)
                scratch[states + (i + 1) * STATES + n, 0] = value
                read = drive.everywhere(t, rank + STATES + n)
                total[n % 2] = value.times_plus(read, total[n % 2])
            scratch[totals + i, 0] = total[0] + total[1]

        dh = [Variable(k, 0.0 if short else dstate[n, c]) for n in range(STATES)]
        da = [Variable(k, 0.0) for _ in range(STATES)]
        dweight = [Variable(k, 0.0) for _ in range(rank)]
        dd, dshift = Variable(k, 0.0), Variable(k, 0.0)
        with k.loop(0, length) as backward:
            i = length - 1 - backward
            t = first + i
            x, ungated, delta = u[t, c], scratch[totals + i, 0], scratch[deltas + i, 0]
            dy = dout[t, c]
            if gated:
                z = gate[t, c]
                s = z.sigmoid()
                opened = z * s
                dgate[t, c] = dy * ungated * s * (z * (1.0 - s) + 1.0)
                out[t, c] = ungated * opened
                dy = dy * opened
            else:
                out[t, c] = ungated
            dd.set(dy.times_plus(x, dd.get()))
            push = delta * x
            dpush, ddelta = k.vector(0.0), k.vector(0.0)
            db, dread = LaneSums(k), LaneSums(k)
            for n in range(STATES):
                b = drive.everywhere(t, rank + n)
                read = drive.everywhere(t, rank + STATES + n)
                before = scratch[states + i * STATES + n, 0]
                decay = scratch[decays + i * STATES + n, 0]
                dread.append(dy * scratch[states + (i + 1) * STATES + n, 0])
                g = dy.times_plus(read, dh[n].get())
                db.append(g * push)
                dpush = g.times_plus(b, dpush)
                g = g * decay
                dh[n].set(g)
                g = g * before
                ddelta = g.times_plus(rate[n, c], ddelta)
                da[n].set(g.times_plus(delta, da[n].get()))
            ddrive.add(t, rank, db.total())
            ddrive.add(t, rank + STATES, dread.total())
            du[t, c] = dpush.times_plus(delta, dy * skip[0, c])
            # ``rate`` carries log2(e), which the gradient of delta does not.
            dsize = ddelta.times_plus(1 / LOG2_E, dpush * x)
            if softplus:
                dsize = dsize * scratch[sizes + i, 0].sigmoid()
            dshift.add(dsize)
            with k.when_positive(steps):
                dstep[t, c] = dsize
            for r in range(rank):
                dweight[r].set(dsize.times_plus(drive.everywhere(t, r), dweight[r].get()))
            for r in range(0, rank, LANES):
                several = LaneSums(k)
                for j in range(r, min(rank, r + LANES)):
                    several.append(dsize * step_weight[j, c])
                # Where they are fewer than the lanes, zeros are added to the columns behind.
                ddrive.add(t, r, several.total())
        dskip.add(0, c, dd.get())
        dbias.add(0, c, dshift.get())
        for r in range(rank):
            dstep_weight.add(r, c, dweight[r].get())
        for n in range(STATES):
            drate.add(n, c, da[n].get())
            if not short:
                dstate[n, c] = dh[n].get()
    return k
