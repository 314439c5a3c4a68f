"""Triton kernels of a whole Mamba block over many short sequences.

A program takes a tile of P sequences through the block: projection, convolution, step sizes,
recurrence, gate and projection back, token by token in registers. Tokens come in once and go
out once; the backward pass computes everything between again.

How a tile is held follows from what a compiler of tiles can do:

- A register tile is (P, channels) for one token; the tokens of a sequence are a tuple of tiles.
  The recurrence goes through the states one after another, with the tokens inside, so that of
  the (P, channels, states) numbers only one state's exist at a time.
- A column of a register tile cannot be taken out. So B and C go through a room in global
  memory that belongs to the program and stays in the caches, from which a state's column is
  read as a vector; in the backward pass their gradients come back that way. Only a barrier
  of the program lies between writing and reading; no program reads what another one wrote.
- All weights are rows of one table as wide as the channels (see :mod:`mambahsi.scan.gpu.short`),
  and so are the sums for their gradients. A program goes through many tiles and adds up its
  share; the shares are added up afterwards, always in the same order.
- Products run on tensor cores, which take ten binary digits behind the point of each factor.
  Float32 factors are split into two such numbers, and three products of the four are summed.
  Splitting before the factors are handed around among the warps spares every warp doing it.

Padded channels and states have weights of zero, and thus values and gradients of zero.
"""

from __future__ import annotations

import triton
import triton.language as tl

from mambahsi.scan.gpu.kernels.functions import silu, silu_slope, softplus

LN2 = tl.constexpr(0.6931471805599453)


@triton.jit
def leading(x):
    """What a tensor core takes of a number, itself such a number."""
    return (x.to(tl.int32, bitcast=True) & -8192).to(tl.float32, bitcast=True)


@triton.jit
def product(a, b, total, EXACT: tl.constexpr):
    """``total + a @ b``, with ``EXACT`` to float32's precision."""
    if EXACT:
        a_lead, b_lead = leading(a), leading(b)
        total = tl.dot(a - a_lead, b_lead, total, input_precision="tf32")
        total = tl.dot(a_lead, b - b_lead, total, input_precision="tf32")
        return tl.dot(a_lead, b_lead, total, input_precision="tf32")
    else:
        return tl.dot(a, b, total, input_precision="tf32")


@triton.jit
def table_rows(table, first, ROWS: tl.constexpr, C: tl.constexpr):
    """Where some rows of a table lie, (ROWS, C)."""
    return table + (first + tl.arange(0, ROWS))[:, None] * C + tl.arange(0, C)[None, :]


@triton.jit
def table_row(table, row, C: tl.constexpr):
    """One row of a table, (1, C)."""
    return tl.load(table + row * C + tl.arange(0, C))[None, :]


@triton.jit
def one_minus_exp(x):
    """1 - exp(-x) for x >= 0, accurate relative to itself."""
    series = 1.0 / 720.0 * x - 1.0 / 120.0
    series = series * x + 1.0 / 24.0
    series = series * x - 1.0 / 6.0
    series = series * x + 0.5
    series = series * x - 1.0
    return tl.where(x < 0.125, -series * x, 1.0 - tl.exp(-x))


@triton.jit
def load_token(tokens, rows, inside, t, L: tl.constexpr, D: tl.constexpr, DM: tl.constexpr):
    """Token ``t`` of the tile's sequences, float32 (P, DM)."""
    columns = tl.arange(0, DM)
    at = (rows[:, None] * L + t) * D + columns[None, :]
    mask = inside[:, None] & (columns < D)[None, :]
    return tl.load(tokens + at, mask=mask, other=0.0).to(tl.float32)


@triton.jit
def store_token(tokens, x, rows, inside, t, L: tl.constexpr, D: tl.constexpr, DM: tl.constexpr):
    """Write token ``t`` of the tile's sequences."""
    columns = tl.arange(0, DM)
    at = (rows[:, None] * L + t) * D + columns[None, :]
    mask = inside[:, None] & (columns < D)[None, :]
    tl.store(tokens + at, x.to(tokens.dtype.element_ty), mask=mask)


@triton.jit
def projected(
    tokens, table, first, rows, inside,
    L: tl.constexpr, D: tl.constexpr, DM: tl.constexpr, C: tl.constexpr, P: tl.constexpr,
    EXACT: tl.constexpr,
):  # fmt: skip
    """A projection of all tokens into channels, a tuple of (P, C)."""
    weight = tl.load(table_rows(table, first, DM, C))
    found = ()
    for t in tl.static_range(L):
        token = load_token(tokens, rows, inside, t, L, D, DM)
        found = found + (product(token, weight, tl.zeros([P, C], tl.float32), EXACT),)
    return found


@triton.jit
def convolution(table, taps_at, TAPS: tl.constexpr, C: tl.constexpr):
    """Taps of the convolution, the oldest token's first, and the bias; a tuple of (1, C)."""
    found = ()
    for tap in tl.static_range(TAPS + 1):
        found = found + (table_row(table, taps_at + tap, C),)
    return found


@triton.jit
def convolved(xs, taps, t: tl.constexpr, TAPS: tl.constexpr):
    """Token ``t`` behind the causal convolution, before its activation."""
    found = taps[TAPS] + xs[t] * taps[TAPS - 1]
    for back in tl.static_range(1, TAPS):
        if t - back >= 0:
            found += xs[t - back] * taps[TAPS - 1 - back]
    return found


@triton.jit
def columns_at(room, t, K: tl.constexpr, N: tl.constexpr, P: tl.constexpr):
    """Where the columns of B and C of token ``t`` lie, (P, 2 N).

    A room is (states, K, P), where K has place for a B and a C of each token.
    """
    column = tl.arange(0, 2 * N)
    at = (column % N) * (K * P) + (2 * t + column // N) * P
    return room + at[None, :] + tl.arange(0, P)[:, None]


@triton.jit
def prepared(
    xs, table, room,
    L: tl.constexpr, DM: tl.constexpr, C: tl.constexpr, N: tl.constexpr, TAPS: tl.constexpr,
    K: tl.constexpr, P: tl.constexpr, EXACT: tl.constexpr,
):  # fmt: skip
    """What the recurrence takes: step sizes and inputs of all tokens; B and C in the room.

    One weight after the other, so that only one lies in registers.
    """
    STEP_AT: tl.constexpr = 3 * DM + 2 * N
    TAPS_AT: tl.constexpr = STEP_AT + C + N
    us, steps = (), ()
    taps = convolution(table, TAPS_AT, TAPS, C)
    for t in tl.static_range(L):
        us = us + (silu(convolved(xs, taps, t, TAPS)),)
    weight = tl.trans(tl.load(table_rows(table, 3 * DM, 2 * N, C)))
    for t in tl.static_range(L):
        columns = product(us[t], weight, tl.zeros([P, 2 * N], tl.float32), EXACT)
        tl.store(columns_at(room, t, K, N, P), columns)
    weight = tl.load(table_rows(table, STEP_AT, C, C))
    bias = table_row(table, TAPS_AT + TAPS + 1, C)
    for t in tl.static_range(L):
        step = product(us[t], weight, tl.zeros([P, C], tl.float32), EXACT)
        steps = steps + (softplus(step + bias),)
    return steps, us


@triton.jit
def stacked(values, LEVELS: tl.constexpr):
    """A tuple of 2**LEVELS tensors, stacked along new axes at the end."""
    for _ in tl.static_range(LEVELS):
        pairs = ()
        for place in tl.static_range(len(values) // 2):
            pairs = pairs + (tl.join(values[2 * place], values[2 * place + 1]),)
        values = pairs
    return values[0]


@triton.jit(do_not_specialize=["sequences"])
def mix_short_forward(
    tokens, out, table, rooms, sequences,
    L: tl.constexpr, D: tl.constexpr, DM: tl.constexpr, C: tl.constexpr, N: tl.constexpr,
    STATES: tl.constexpr, TAPS: tl.constexpr, LEVELS: tl.constexpr, P: tl.constexpr,
    EXACT: tl.constexpr,
):  # fmt: skip
    """The block's output; tokens and output are (sequences, L, D)."""
    A_AT: tl.constexpr = 3 * DM + 2 * N + C
    SKIP_AT: tl.constexpr = A_AT + N + TAPS + 2
    K: tl.constexpr = 2**LEVELS
    program, programs = tl.program_id(0), tl.num_programs(0)
    room = rooms + program.to(tl.int64) * (N * K * P)
    for tile in range(program, tl.cdiv(sequences, P), programs):
        rows = (tile * P + tl.arange(0, P)).to(tl.int64)
        inside = rows < sequences
        xs = projected(tokens, table, 0, rows, inside, L, D, DM, C, P, EXACT)
        steps, us = prepared(xs, table, room, L, DM, C, N, TAPS, K, P, EXACT)
        inputs, ys = (), ()
        skip = table_row(table, SKIP_AT, C)
        for t in tl.static_range(L):
            inputs, ys = inputs + (steps[t] * us[t],), ys + (us[t] * skip,)
        tl.debug_barrier()
        for n in range(STATES):
            rate = table_row(table, A_AT + n, C)
            vectors = room + n * (K * P) + tl.arange(0, P)
            h = inputs[0] * tl.load(vectors)[:, None]
            found = (ys[0] + h * tl.load(vectors + P)[:, None],)
            for t in tl.static_range(1, L):
                h = tl.exp2(steps[t] * rate) * h
                h += inputs[t] * tl.load(vectors + 2 * t * P)[:, None]
                found = found + (ys[t] + h * tl.load(vectors + (2 * t + 1) * P)[:, None],)
            ys = found
        zs = projected(tokens, table, DM, rows, inside, L, D, DM, C, P, EXACT)
        weight = tl.trans(tl.load(table_rows(table, 2 * DM, DM, C)))
        for t in tl.static_range(L):
            mixed = product(ys[t] * silu(zs[t]), weight, tl.zeros([P, DM], tl.float32), EXACT)
            store_token(out, mixed, rows, inside, t, L, D, DM)
        # The next tile's columns take the place of this one's.
        tl.debug_barrier()


@triton.jit(do_not_specialize=["sequences"])
def mix_short_backward(
    tokens, gradient, dtokens, table, shares, rooms, sequences,
    L: tl.constexpr, D: tl.constexpr, DM: tl.constexpr, C: tl.constexpr, N: tl.constexpr,
    STATES: tl.constexpr, TAPS: tl.constexpr, LEVELS: tl.constexpr, P: tl.constexpr,
    EXACT: tl.constexpr,
):  # fmt: skip
    """Gradients of the tokens, and each program's share of the table's.

    The rows of A are added to the shares, and so have to be zero before.
    """
    STEP_AT: tl.constexpr = 3 * DM + 2 * N
    A_AT: tl.constexpr = STEP_AT + C
    TAPS_AT: tl.constexpr = A_AT + N
    SKIP_AT: tl.constexpr = TAPS_AT + TAPS + 2
    K: tl.constexpr = 2**LEVELS
    program, programs = tl.program_id(0), tl.num_programs(0)
    room = rooms + program.to(tl.int64) * (2 * N * K * P)
    back_room = room + N * K * P
    share = shares + program.to(tl.int64) * ((SKIP_AT + 1) * C)
    dx_weight = tl.zeros([DM, C], tl.float32)
    dz_weight = tl.zeros([DM, C], tl.float32)
    dout_weight = tl.zeros([DM, C], tl.float32)
    dcolumn_weight = tl.zeros([2 * N, C], tl.float32)
    dstep_weight = tl.zeros([C, C], tl.float32)
    dstep_bias = tl.zeros([C], tl.float32)
    dskip = tl.zeros([C], tl.float32)
    dtaps_bias = tl.zeros([C], tl.float32)
    dtaps = ()
    for _ in tl.static_range(TAPS):
        dtaps = dtaps + (tl.zeros([C], tl.float32),)
    for tile in range(program, tl.cdiv(sequences, P), programs):
        rows = (tile * P + tl.arange(0, P)).to(tl.int64)
        inside = rows < sequences
        # Forward again, up to the recurrence.
        xs = projected(tokens, table, 0, rows, inside, L, D, DM, C, P, EXACT)
        steps, us = prepared(xs, table, room, L, DM, C, N, TAPS, K, P, EXACT)
        zs = projected(tokens, table, DM, rows, inside, L, D, DM, C, P, EXACT)
        dgated = projected(gradient, table, 2 * DM, rows, inside, L, D, DM, C, P, EXACT)
        dys, ys, dinputs, dsteps = (), (), (), ()
        for t in tl.static_range(L):
            dys = dys + (dgated[t] * silu(zs[t]),)
            zero = tl.zeros([P, C], tl.float32)
            ys, dinputs, dsteps = ys + (zero,), dinputs + (zero,), dsteps + (zero,)
        tl.debug_barrier()
        # Each state forward and backward.
        for n in range(STATES):
            rate = table_row(table, A_AT + n, C)
            vectors = room + n * (K * P) + tl.arange(0, P)
            h = steps[0] * us[0] * tl.load(vectors)[:, None]
            states, decays, found_y = (h,), (h,), ()
            for t in tl.static_range(L):
                if t > 0:
                    decay = tl.exp2(steps[t] * rate)
                    h = decay * h + steps[t] * us[t] * tl.load(vectors + 2 * t * P)[:, None]
                    states, decays = states + (h,), decays + (decay,)
                found_y = found_y + (ys[t] + h * tl.load(vectors + (2 * t + 1) * P)[:, None],)
            ys = found_y
            dh = tl.zeros([P, C], tl.float32)
            drate = tl.zeros([P, C], tl.float32)
            dcolumns, found_input, found_step = (), (), ()
            for t in tl.static_range(L - 1, -1, -1):
                dh += dys[t] * tl.load(vectors + (2 * t + 1) * P)[:, None]
                dcolumns = (dh * (steps[t] * us[t]), dys[t] * states[t]) + dcolumns
                column = tl.load(vectors + 2 * t * P)[:, None]
                found_input = (dinputs[t] + dh * column,) + found_input
                if t > 0:
                    dh *= decays[t]
                    dexponent = dh * states[t - 1]
                    drate += dexponent * steps[t]
                    found_step = (dsteps[t] + dexponent * rate,) + found_step
                else:
                    found_step = (dsteps[t],) + found_step
            dinputs, dsteps = found_input, found_step
            # One sum over the channels for all tokens.
            places = ()
            for place in tl.static_range(K):
                places = places + (place * P + tl.arange(0, P),)
                if place >= 2 * L:
                    dcolumns = dcolumns + (tl.zeros([P, C], tl.float32),)
            at = back_room + n * (K * P) + stacked(places, LEVELS)
            tl.store(at, tl.sum(stacked(dcolumns, LEVELS), axis=1))
            rate_at = share + (A_AT + n) * C + tl.arange(0, C)
            tl.store(rate_at, tl.load(rate_at) + tl.sum(drate, axis=0))
        tl.debug_barrier()
        # Backward from the recurrence to the tokens, from the last token to the first.
        skip = table_row(table, SKIP_AT, C)
        taps = convolution(table, TAPS_AT, TAPS, C)
        dconvolved = ()
        for t in tl.static_range(L - 1, -1, -1):
            u, z = us[t], zs[t]
            gated = silu(z)
            y = ys[t] + u * skip
            dz = dgated[t] * y * silu_slope(z)
            dmixed = tl.trans(load_token(gradient, rows, inside, t, L, D, DM))
            dout_weight = product(dmixed, y * gated, dout_weight, EXACT)
            dskip += tl.sum(dys[t] * u, axis=0)
            du = dinputs[t] * steps[t] + dys[t] * skip
            # The slope of softplus is 1 - exp(-softplus).
            dstep = (dinputs[t] * u + dsteps[t] * LN2) * one_minus_exp(steps[t])
            dstep_bias += tl.sum(dstep, axis=0)
            dstep_weight = product(tl.trans(u), dstep, dstep_weight, EXACT)
            weight = tl.trans(tl.load(table_rows(table, STEP_AT, C, C)))
            du = product(dstep, weight, du, EXACT)
            real = ((tl.arange(0, 2 * N) % N) < STATES)[None, :]
            dcolumn = tl.load(columns_at(back_room, t, K, N, P), mask=real, other=0.0)
            dcolumn_weight = product(tl.trans(dcolumn), u, dcolumn_weight, EXACT)
            du = product(dcolumn, tl.load(table_rows(table, 3 * DM, 2 * N, C)), du, EXACT)
            du *= silu_slope(convolved(xs, taps, t, TAPS))
            dconvolved = (du,) + dconvolved
            dtaps_bias += tl.sum(du, axis=0)
            found_taps = ()
            for tap in tl.static_range(TAPS):
                if t - TAPS + 1 + tap >= 0:
                    x = xs[t - TAPS + 1 + tap]
                    found_taps = found_taps + (dtaps[tap] + tl.sum(du * x, axis=0),)
                else:
                    found_taps = found_taps + (dtaps[tap],)
            dtaps = found_taps
            # All tokens that this one is convolved into have their gradient by now.
            dx = du * taps[TAPS - 1]
            for ahead in tl.static_range(1, TAPS):
                if t + ahead < L:
                    dx += dconvolved[ahead] * taps[TAPS - 1 - ahead]
            weight = tl.trans(tl.load(table_rows(table, 0, DM, C)))
            dtoken = product(dx, weight, tl.zeros([P, DM], tl.float32), EXACT)
            weight = tl.trans(tl.load(table_rows(table, DM, DM, C)))
            dtoken = product(dz, weight, dtoken, EXACT)
            store_token(dtokens, dtoken, rows, inside, t, L, D, DM)
            token = tl.trans(load_token(tokens, rows, inside, t, L, D, DM))
            dx_weight = product(token, dx, dx_weight, EXACT)
            dz_weight = product(token, dz, dz_weight, EXACT)
        tl.debug_barrier()
    tl.store(table_rows(share, 0, DM, C), dx_weight)
    tl.store(table_rows(share, DM, DM, C), dz_weight)
    tl.store(table_rows(share, 2 * DM, DM, C), dout_weight)
    tl.store(table_rows(share, 3 * DM, 2 * N, C), dcolumn_weight)
    tl.store(table_rows(share, STEP_AT, C, C), dstep_weight)
    columns = tl.arange(0, C)
    for tap in tl.static_range(TAPS):
        tl.store(share + (TAPS_AT + tap) * C + columns, dtaps[tap])
    tl.store(share + (TAPS_AT + TAPS) * C + columns, dtaps_bias)
    tl.store(share + (TAPS_AT + TAPS + 1) * C + columns, dstep_bias)
    tl.store(share + SKIP_AT * C + columns, dskip)
