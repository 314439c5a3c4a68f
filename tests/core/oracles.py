"""Oracles in float64 and plain NumPy: the selective scan and a whole Mamba block.

They share no code with the engine and no idea but the formulas (Gu and Dao 2023,
arXiv:2312.00752): one token after the other, all channels and states of a token at once,
matrix products by NumPy, every gradient written by hand. Tests hold them against PyTorch's
automatic differentiation at small sizes; at large sizes, where that would need hundreds of
gigabytes, they are what the engine is held against.

Sequences are cut into chunks. The forward pass keeps what stands before each chunk: the
scan's state and the last rows that the convolution looks back at. The backward pass goes
through the chunks from the last to the first and recomputes each, so that memory is bounded
whatever the length.

Arrays have the axes (sequences, tokens, channels); states are (sequences, channels, states).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np

Array = np.ndarray


def scan(
    u: Array, delta: Array, A: Array, B: Array, C: Array, state: Array
) -> tuple[Array, Array, Array]:
    """Run h[t] = exp(delta[t] A) h[t-1] + delta[t] u[t] B[t], y[t] = C[t] h[t].

    Args:
        u: Input, (sequences, tokens, channels).
        delta: Step sizes, of the same shape.
        A: Rates, (channels, states).
        B: Input weights, (sequences, tokens, states).
        C: Output weights, of the same shape.
        state: State before the first token.

    Returns:
        The output, the state behind every token (tokens, sequences, channels, states), and
        the decays of the same shape.
    """
    decay = np.exp(np.moveaxis(delta, 1, 0)[..., None] * A)
    states = np.empty_like(decay)
    y = np.empty_like(u)
    for t in range(u.shape[1]):
        push = (delta[:, t] * u[:, t])[:, :, None] * B[:, t, None, :]
        state = states[t] = decay[t] * state + push
        y[:, t] = (state @ C[:, t, :, None])[..., 0]
    return y, states, decay


@dataclass
class ScanGradients:
    """Gradients of a chunk's inputs, and of the state before it."""

    u: Array
    delta: Array
    A: Array
    B: Array
    C: Array
    state: Array


def scan_gradients(
    u: Array,
    delta: Array,
    A: Array,
    B: Array,
    C: Array,
    state: Array,
    dy: Array,
    dlast: Array,
) -> ScanGradients:
    """Gradients of :func:`scan`, which is run again for them.

    Args:
        u: As in :func:`scan`, and so are the next five.
        delta: See there.
        A: See there.
        B: See there.
        C: See there.
        state: See there.
        dy: Gradient of the output.
        dlast: Gradient of the state behind the last token.
    """
    _, states, decay = scan(u, delta, A, B, C, state)
    du, ddelta = np.empty_like(u), np.empty_like(u)
    dB, dC, dA = np.empty_like(B), np.empty_like(C), np.zeros_like(A)
    dh = dlast
    for t in range(u.shape[1] - 1, -1, -1):
        before = states[t - 1] if t else state
        # y[t] = C[t] h[t]
        dC[:, t] = (dy[:, t, None, :] @ states[t])[:, 0]
        dh = dh + dy[:, t, :, None] * C[:, t, None, :]
        # h[t] = exp(delta[t] A) h[t-1] + delta[t] u[t] B[t]
        dpush = (dh @ B[:, t, :, None])[..., 0]
        dB[:, t] = ((delta[:, t] * u[:, t])[:, None, :] @ dh)[:, 0]
        du[:, t] = dpush * delta[:, t]
        dh = dh * decay[t]
        dexponent = dh * before
        ddelta[:, t] = dpush * u[:, t] + np.einsum("scn,cn->sc", dexponent, A)
        dA += np.einsum("scn,sc->cn", dexponent, delta[:, t])
    return ScanGradients(du, ddelta, dA, dB, dC, dh)


@dataclass
class Block:
    """Parameters of a Mamba block, or their gradients; float64.

    With d the width of a token and c = 2 d channels: ``in_proj`` (2 c, d), ``conv_weight``
    (c, taps), the last tap being the token's own, ``conv_bias`` (c,), ``x_proj``
    (rank + 2 states, c), ``dt_proj`` (c, rank), ``dt_bias`` (c,), ``A`` (c, states), ``D``
    (c,), ``out_proj`` (d, c).
    """

    in_proj: Array
    conv_weight: Array
    conv_bias: Array
    x_proj: Array
    dt_proj: Array
    dt_bias: Array
    A: Array
    D: Array
    out_proj: Array

    @property
    def taps(self) -> int:
        return self.conv_weight.shape[1]

    def zeros(self) -> Block:
        return Block(*(np.zeros_like(getattr(self, f.name)) for f in fields(self)))

    def add(self, other: Block) -> None:
        for f in fields(self):
            getattr(self, f.name)[...] += getattr(other, f.name)


def sigmoid(x: Array) -> Array:
    return 0.5 * (1 + np.tanh(0.5 * x))


def silu_slope(x: Array) -> Array:
    return sigmoid(x) * (1 + x * (1 - sigmoid(x)))


class _Stages:
    """A chunk of tokens, stage by stage up to the scan."""

    def __init__(self, w: Block, tokens: Array, context: Array) -> None:
        channels, rank = w.dt_proj.shape
        states = w.A.shape[1]
        x, self.z = np.split(tokens @ w.in_proj.T, [channels], axis=2)
        # The rows before the chunk come first.
        self.before_conv = np.concatenate([context, x], axis=1)
        count = tokens.shape[1]
        self.pre = w.conv_bias + sum(
            self.before_conv[:, k : k + count] * w.conv_weight[:, k] for k in range(w.taps)
        )
        self.x = self.pre * sigmoid(self.pre)
        drive = self.x @ w.x_proj.T
        self.step, self.B, self.C = np.split(drive, [rank, rank + states], axis=2)
        self.raw = self.step @ w.dt_proj.T + w.dt_bias
        self.delta = np.logaddexp(0, self.raw)

    def out(self, w: Block, y: Array) -> Array:
        return (y + w.D * self.x) * self.z * sigmoid(self.z)

    @property
    def context(self) -> Array:
        """What the convolution of the next chunk looks back at."""
        return self.before_conv[:, self.pre.shape[1] :]


@dataclass
class _Kept:
    part: slice
    context: Array
    state: Array


def _parts(length: int, chunk: int) -> Iterator[slice]:
    return (slice(a, min(a + chunk, length)) for a in range(0, length, chunk))


def block(w: Block, tokens: Array, chunk: int = 256) -> tuple[Array, list[_Kept]]:
    """Run a block over sequences; gives its output, and what stood before each chunk.

    Args:
        w: Parameters.
        tokens: (sequences, tokens, d), float64.
        chunk: Tokens at a time.
    """
    sequences, length, _ = tokens.shape
    channels, states = w.A.shape
    out = np.empty_like(tokens)
    context = np.zeros((sequences, w.taps - 1, channels))
    state = np.zeros((sequences, channels, states))
    kept = []
    for part in _parts(length, chunk):
        kept.append(_Kept(part, context, state))
        s = _Stages(w, tokens[:, part], context)
        y, all_states, _ = scan(s.x, s.delta, w.A, s.B, s.C, state)
        out[:, part] = s.out(w, y) @ w.out_proj.T
        context, state = s.context.copy(), all_states[-1].copy()
    return out, kept


def block_gradients(w: Block, tokens: Array, kept: list[_Kept], dout: Array) -> tuple[Array, Block]:
    """Gradients of :func:`block`: of the tokens, and of the parameters.

    Args:
        w: Parameters.
        tokens: What the block was run over.
        kept: What :func:`block` gave.
        dout: Gradient of its output.
    """
    dtokens, total = np.empty_like(tokens), w.zeros()
    dstate = np.zeros_like(kept[0].state)
    # Gradient of the convolution's input, of the rows that the next chunk looked back at.
    dcontext = np.zeros_like(kept[0].context)
    for before in reversed(kept):
        part = before.part
        dtokens[:, part], gradients, dstate, dcontext = _chunk_gradients(
            w, tokens[:, part], before, dout[:, part], dstate, dcontext
        )
        total.add(gradients)
    return dtokens, total


def _chunk_gradients(
    w: Block, tokens: Array, before: _Kept, dout: Array, dstate: Array, dcontext: Array
) -> tuple[Array, Block, Array, Array]:
    s = _Stages(w, tokens, before.context)
    y, _, _ = scan(s.x, s.delta, w.A, s.B, s.C, before.state)
    gate = s.z * sigmoid(s.z)
    dgated = dout @ w.out_proj
    dz = dgated * (y + w.D * s.x) * silu_slope(s.z)
    dskipped = dgated * gate
    g = scan_gradients(s.x, s.delta, w.A, s.B, s.C, before.state, dskipped, dstate)
    draw = g.delta * sigmoid(s.raw)
    ddrive = np.concatenate([draw @ w.dt_proj, g.B, g.C], axis=2)
    dx = g.u + w.D * dskipped + ddrive @ w.x_proj
    dpre = dx * silu_slope(s.pre)
    count = tokens.shape[1]
    dbefore = np.zeros_like(s.before_conv)
    dbefore[:, count:] = dcontext
    for k in range(w.taps):
        dbefore[:, k : k + count] += dpre * w.conv_weight[:, k]
    reach = w.taps - 1
    dxz = np.concatenate([dbefore[:, reach:], dz], axis=2)
    gradients = Block(
        in_proj=_outer(dxz, tokens),
        conv_weight=np.stack(
            [(dpre * s.before_conv[:, k : k + count]).sum((0, 1)) for k in range(w.taps)], axis=1
        ),
        conv_bias=dpre.sum((0, 1)),
        x_proj=_outer(ddrive, s.x),
        dt_proj=_outer(draw, s.step),
        dt_bias=draw.sum((0, 1)),
        A=g.A,
        D=(dskipped * s.x).sum((0, 1)),
        out_proj=_outer(dout, s.out(w, y)),
    )
    return dxz @ w.in_proj, gradients, g.state, dbefore[:, :reach]


def _outer(left: Array, right: Array) -> Array:
    """Gradient of a matrix: the sum over all tokens of products of two vectors."""
    return left.reshape(-1, left.shape[2]).T @ right.reshape(-1, right.shape[2])
