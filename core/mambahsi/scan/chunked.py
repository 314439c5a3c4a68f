"""The selective scan in plain PyTorch, fast enough to train with: the ``torch`` backend.

It stands in where the compiled kernels cannot run, and runs on every device and in single
and double precision. The recurrence of a channel's state is

    h[t] = decay[t] h[t-1] + push[t],    decay = exp(delta A),  push = delta u B

(Gu and Dao 2023, arXiv:2312.00752). Three ideas make it affordable:

*Chunks.* Decays and states are as large as channels x states x tokens. They exist for one
chunk of tokens (or, where sequences are short, of whole sequences) at a time. The forward
pass keeps the state before each chunk, and the backward pass recomputes what lies between.

*Segments.* One token after the other is slow where a token holds few numbers: calling an
operation takes longer than computing it. So a chunk is cut into segments that take their
steps together, each from state zero. Then the states at the segments' ends are carried from
one to the next, each times its segment's product of decays, and what is carried in is added
while it decays along the segment.

*Products, never quotients.* The usual shortcut divides by a cumulated product of decays,
which underflows in float32 after a few tokens. Here decays are only ever multiplied, so a
product that underflows stands for a contribution that is gone.

The gradient of the states is the same recurrence run backward in time,

    g[t] = dL/dh[t] = decay[t+1] g[t+1] + C[t] dL/dy[t],

from which all other gradients follow token by token.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from mambahsi import cancellation

_CHUNK_NUMBERS = {"cpu": 2**20}
_CHUNK_NUMBERS_ELSEWHERE = 2**23
"""Numbers in a chunk's states. On a CPU they should stay in cache; a GPU wants large ones."""

_STEP_NUMBERS = {"cpu": 2**15}
_STEP_NUMBERS_ELSEWHERE = 2**20
"""Numbers below which calling an operation takes longer than computing it."""

_SHORT = 64
"""Sequences up to this length are kept whole, and a chunk takes many of them."""


def selective_scan_chunked(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    z: Tensor | None,
    delta_bias: Tensor | None,
    delta_softplus: bool,
    initial_state: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Scan on any device, and give the output and the final state.

    Shapes and meaning are those of :func:`mambahsi.scan.selective_scan`. float64 is computed
    in float64; every other dtype in float32, and converted back.

    Raises:
        Cancelled: A stop was asked for.
    """
    dtype = torch.float64 if u.dtype == torch.float64 else torch.float32
    batch, channels, _ = u.shape
    zeros = A.new_zeros(channels, dtype=dtype)
    if initial_state is None:
        initial_state = A.new_zeros(batch, channels, A.shape[1])
    y, last = _Scan.apply(
        u.to(dtype),
        delta.to(dtype),
        A.to(dtype),
        B.to(dtype),
        C.to(dtype),
        zeros if D is None else D.to(dtype),
        None if z is None else z.to(dtype),
        zeros if delta_bias is None else delta_bias.to(dtype),
        initial_state.to(dtype),
        delta_softplus,
        # Inside the function gradients are always off, and leaves claim to need them always.
        torch.is_grad_enabled(),
    )
    return y.to(u.dtype), last.to(u.dtype)


@dataclass(frozen=True)
class _Plan:
    """How sequences are cut: ``rows`` sequences and ``tokens`` of each at a time."""

    rows: int
    tokens: int
    segments: int

    @classmethod
    def of(cls, u: Tensor, states: int) -> _Plan:
        batch, channels, length = u.shape
        batch, token, length = max(1, batch), max(1, channels * states), max(1, length)
        limit = _CHUNK_NUMBERS.get(u.device.type, _CHUNK_NUMBERS_ELSEWHERE)
        enough = _STEP_NUMBERS.get(u.device.type, _STEP_NUMBERS_ELSEWHERE)
        rows = min(batch, max(1, limit // (token * min(length, _SHORT))))
        tokens = min(length, max(1, limit // (token * rows)))
        segments = min(max(1, enough // (token * rows)), math.isqrt(tokens))
        return cls(rows, tokens, segments)

    def row_parts(self, batch: int) -> Iterator[slice]:
        return (slice(a, min(a + self.rows, batch)) for a in range(0, batch, self.rows))

    def token_parts(self, length: int) -> list[slice]:
        return [slice(a, min(a + self.tokens, length)) for a in range(0, length, self.tokens)]


class _Chunk:
    """One chunk: its inputs with the tokens in front, its decays and its states.

    Shapes: ``u``, ``delta`` (tokens, rows, channels), ``B``, ``C`` (tokens, rows, states),
    ``decay``, ``h`` (steps + 1, rows, channels, states). ``h[0]`` is the state before the
    chunk. Behind the last token the decay is 1 and nothing is pushed, so that the steps can
    be as many as the segments divide, and the last state passes through.
    """

    def __init__(
        self,
        plan: _Plan,
        inputs: tuple[Tensor, ...],
        A: Tensor,
        bias: Tensor,
        softplus: bool,
        state: Tensor,
    ) -> None:
        self.u, raw, self.B, self.C = (x.permute(2, 0, 1).contiguous() for x in inputs)
        self.raw = raw + bias
        self.delta = F.softplus(self.raw) if softplus else self.raw
        tokens = len(self.u)
        segments = min(plan.segments, tokens)
        self.shape = (segments, -(-tokens // segments))
        steps = self.shape[0] * self.shape[1]
        self.decay = self.u.new_empty(steps + 1, *state.shape)
        torch.mul(self.delta[..., None], A, out=self.decay[:tokens]).exp_()
        self.decay[tokens:] = 1
        self.h = torch.empty_like(self.decay)
        self.h[0] = state
        torch.mul((self.delta * self.u)[..., None], self.B[:, :, None], out=self.h[1 : tokens + 1])
        self.h[tokens + 1 :] = 0
        _recur(self.decay[:-1], self.h[1:], state, self.shape, backward=False)

    def read(self) -> Tensor:
        """What C reads from the states, (tokens, rows, channels)."""
        return _weigh(self.h[1 : len(self.u) + 1], self.C)

    def gradient_of_states(self, dy: Tensor, carry: Tensor) -> Tensor:
        """Gradient of all states, (steps, rows, channels, states).

        Args:
            dy: Gradient of what :meth:`read` gave.
            carry: Gradient of the state behind the chunk, from what comes later.
        """
        tokens = len(self.u)
        g = torch.empty_like(self.h[1:])
        torch.mul(dy[..., None], self.C[:, :, None], out=g[:tokens])
        g[tokens:] = 0
        _recur(self.decay[1:], g, carry, self.shape, backward=True)
        return g


def _weigh(states: Tensor, weights: Tensor) -> Tensor:
    """Sum over the states: (t, r, c, n) and (t, r, n) give (t, r, c)."""
    return torch.matmul(states, weights[..., None])[..., 0]


def _recur(decay: Tensor, x: Tensor, carry: Tensor, shape: tuple[int, int], backward: bool) -> None:
    """Solve ``x[t] = decay[t] x[t-1] + x[t]`` in place, or with t + 1 for t - 1 if backward.

    Args:
        decay: (steps, rows, channels, states).
        x: Of the same shape.
        carry: What stands before the first step (behind the last), (rows, channels, states).
        shape: Segments, and steps in each.
        backward: From the last step to the first.
    """
    segments, steps = shape
    decays = decay.unflatten(0, shape).unbind(1)
    values = x.unflatten(0, shape).unbind(1)
    if backward:
        decays, values = decays[::-1], values[::-1]
    if segments == 1:
        before = carry[None]
        for factor, value in zip(decays, values, strict=True):
            before = value.addcmul_(factor, before)
        return
    product = decays[0].clone()
    for number in range(1, steps):
        values[number].addcmul_(decays[number], values[number - 1])
        product *= decays[number]
    carried = torch.empty_like(product)
    for number in reversed(range(segments)) if backward else range(segments):
        carried[number] = carry
        carry = torch.addcmul(values[-1][number], product[number], carry)
    for factor, value in zip(decays, values, strict=True):
        carried *= factor
        value += carried


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        u: Tensor,
        delta: Tensor,
        A: Tensor,
        B: Tensor,
        C: Tensor,
        D: Tensor,
        z: Tensor | None,
        bias: Tensor,
        initial: Tensor,
        softplus: bool,
        keep: bool,
    ) -> tuple[Tensor, Tensor]:
        batch, channels, length = u.shape
        plan = _Plan.of(u, A.shape[1])
        # Tokens before channels, as the layers that follow want them.
        out = u.new_empty(batch, length, channels)
        last = torch.empty_like(initial)
        needed = keep and any(ctx.needs_input_grad)
        kept: list[Tensor] = []
        for rows in plan.row_parts(batch):
            state = initial[rows]
            for part in plan.token_parts(length):
                cancellation.raise_if_requested()
                if needed:
                    kept.append(state)
                inputs = tuple(x[rows, :, part] for x in (u, delta, B, C))
                chunk = _Chunk(plan, inputs, A, bias, softplus, state)
                total = chunk.read().addcmul_(chunk.u, D)
                if z is not None:
                    total *= F.silu(z[rows, :, part].permute(2, 0, 1))
                out[rows, part] = total.transpose(0, 1)
                # A copy, so that the states of the chunk can go.
                state = chunk.h[-1].clone()
            last[rows] = state
        ctx.save_for_backward(u, delta, A, B, C, D, z, bias)
        ctx.plan, ctx.kept, ctx.softplus = plan, kept, softplus
        return out.transpose(1, 2), last

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dout: Tensor, dlast: Tensor) -> tuple[Tensor | None, ...]:
        u, delta, A, B, C, D, z, bias = ctx.saved_tensors
        plan: _Plan = ctx.plan
        batch, channels, length = u.shape
        du, ddelta, dz = (u.new_empty(batch, length, channels) for _ in range(3))
        dB, dC = (u.new_empty(batch, length, A.shape[1]) for _ in range(2))
        dA, dD, dbias = torch.zeros_like(A), torch.zeros_like(D), torch.zeros_like(bias)
        dinitial = torch.empty_like(dlast)
        parts = plan.token_parts(length)
        for number, rows in enumerate(plan.row_parts(batch)):
            carry = dlast[rows]
            for index in reversed(range(len(parts))):
                cancellation.raise_if_requested()
                part = parts[index]
                inputs = tuple(x[rows, :, part] for x in (u, delta, B, C))
                state = ctx.kept[number * len(parts) + index]
                chunk = _Chunk(plan, inputs, A, bias, ctx.softplus, state)
                tokens = len(chunk.u)
                dy = dout[rows, :, part].permute(2, 0, 1)
                if z is not None:
                    gate = z[rows, :, part].permute(2, 0, 1)
                    sigmoid = torch.sigmoid(gate)
                    slope = sigmoid * (1 + gate * (1 - sigmoid))
                    total = chunk.read().addcmul_(chunk.u, D)
                    dz[rows, part] = (dy * total * slope).transpose(0, 1)
                    dy = dy * gate * sigmoid
                g = chunk.gradient_of_states(dy, carry)[:tokens]
                carry = chunk.decay[0] * g[0]
                dC[rows, part] = _gather(dy, chunk.h[1 : tokens + 1])
                dB[rows, part] = _gather(chunk.delta * chunk.u, g)
                push = _weigh(g, chunk.B)
                du[rows, part] = (dy * D + chunk.delta * push).transpose(0, 1)
                dD += (dy * chunk.u).sum((0, 1))
                # From here on g is the gradient of delta A, the decays' logarithm.
                g.mul_(chunk.decay[:tokens]).mul_(chunk.h[:tokens])
                dA += (g * chunk.delta[..., None]).sum((0, 1))
                dstep = (push * chunk.u).add_(g.mul_(A).sum(3))
                if ctx.softplus:
                    dstep *= torch.sigmoid(chunk.raw)
                ddelta[rows, part] = dstep.transpose(0, 1)
                dbias += dstep.sum((0, 1))
            dinitial[rows] = carry
        return (
            du.transpose(1, 2),
            ddelta.transpose(1, 2),
            dA,
            dB.transpose(1, 2),
            dC.transpose(1, 2),
            dD,
            None if z is None else dz.transpose(1, 2),
            dbias,
            dinitial,
            None,
            None,
        )


def _gather(weights: Tensor, states: Tensor) -> Tensor:
    """Sum over the channels: (t, r, c) and (t, r, c, n) give (r, t, n)."""
    return torch.matmul(weights[:, :, None], states)[:, :, 0].transpose(0, 1)
