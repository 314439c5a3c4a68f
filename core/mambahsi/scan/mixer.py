# ruff: noqa: B023 (the functions defined in loops are called before the loop goes on)
"""A whole Mamba block through the compiled kernels, with little memory.

The block (Gu and Dao 2023, arXiv:2312.00752, section 3.4) is

    x, z = in_proj(tokens)
    x = silu(causal_convolution(x))
    step, B, C = x_proj(x);  step = dt_proj(step)
    tokens = out_proj(scan(x, step, A, B, C, D) * silu(z))

Its intermediates are many times larger than its input. So the tokens are worked off in
chunks that stay in cache, and nothing is kept for the backward pass but the input and the
scan's state before every few rows; the backward pass recomputes each chunk, from the last
to the first.

Two kinds of input are divided among the threads differently. *Few long sequences* (the
spatial branch: all pixels one after the other) go through the chunks together, each stage
divided by rows or, in the scan, by channels. *Many short sequences* (the spectral branch:
a few tokens per pixel) are independent, so each thread takes its own chunks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mambahsi import cancellation
from mambahsi.scan import kernels
from mambahsi.scan.compiled import array, rates
from mambahsi.scan.threads import run_slots, share, thread_count

CHUNK = 1024
"""Tokens worked on together; a multiple of the kernels' block."""


@dataclass(frozen=True)
class _Weights:
    """The block's parameters, free of autograd, in the forms that the stages need."""

    w_in: Tensor
    w_x: Tensor
    w_step: Tensor
    w_out: Tensor
    taps: Any
    conv_bias: Any
    rate: Any
    skip: Any
    step_bias: Any

    @classmethod
    def of(cls, parameters: tuple[Tensor, ...]) -> _Weights:
        w_in, conv, conv_bias, w_x, w_step, step_bias, A, D, w_out = (
            p.detach() for p in parameters
        )
        taps = array(conv[:, 0].t().contiguous())
        return cls(
            w_in, w_x, w_step, w_out, taps, array(conv_bias), rates(A), array(D), array(step_bias)
        )

    @property
    def channels(self) -> int:
        return self.w_out.shape[1]

    @property
    def rank(self) -> int:
        return self.w_step.shape[1]

    @property
    def states(self) -> int:
        return int(self.rate.shape[0])

    def context(self) -> Tensor:
        """Rows before the first one of a sequence, as the convolution sees them."""
        return torch.zeros(len(self.taps) - 1, self.channels)


class _Buffers:
    """Intermediates of one chunk, allocated once and used for every chunk."""

    def __init__(self, rows: int, w: _Weights) -> None:
        self.xz = torch.empty(rows, 2 * w.channels)
        self.x = torch.empty(rows, w.channels)
        self.drive = torch.empty(rows, w.w_x.shape[0])
        self.step = torch.empty(rows, w.channels)
        self.y = torch.empty(rows, w.channels)

    def project(self, w: _Weights, tokens: Tensor, a: int, b: int) -> None:
        torch.mm(tokens[a:b], w.w_in.t(), out=self.xz[a:b])

    def convolve(self, w: _Weights, context: Tensor, length: int, a: int, b: int) -> None:
        """Convolution, and the projections that need nothing but the same rows of it."""
        kernels.convolve(
            array(self.xz), w.taps, w.conv_bias, array(context), length, a, b, array(self.x)
        )
        torch.mm(self.x[a:b], w.w_x.t(), out=self.drive[a:b])
        torch.mm(self.drive[a:b, : w.rank], w.w_step.t(), out=self.step[a:b])

    def scan(
        self, w: _Weights, length: int, c0: int, c1: int, rows: int, state: Any, kept: Any
    ) -> None:
        kernels.scan(
            array(self.x), array(self.step), array(self.drive), w.rank, array(self.xz), w.channels,
            w.rate, w.skip, w.step_bias, True, length, c0, c1, 0, rows, state, kept, array(self.y),
        )  # fmt: skip


class _Gradients:
    """One thread's share of the parameters' gradients.

    Each chunk is added up first and then to the share. ``addmm_`` would add row by row to
    what is there already, and millions of rows would round away what each of them adds.
    """

    def __init__(self, w: _Weights) -> None:
        self.w_in = torch.zeros_like(w.w_in)
        self.taps = torch.zeros(w.taps.shape)
        self.conv_bias = torch.zeros(w.channels)
        self.w_x = torch.zeros_like(w.w_x)
        self.w_step = torch.zeros_like(w.w_step)
        self.step_bias = torch.zeros(w.channels)
        self.A = torch.zeros(w.states, w.channels)
        self.D = torch.zeros(w.channels)
        self.w_out = torch.zeros_like(w.w_out)

    @staticmethod
    def total(parts: list[_Gradients]) -> tuple[Tensor, ...]:
        """Sums over the threads, in their order, in the order of the parameters."""

        def added(name: str) -> Tensor:
            result: Tensor = getattr(parts[0], name)
            for part in parts[1:]:
                result = result + getattr(part, name)
            return result

        taps = added("taps").t().unsqueeze(1)
        return (
            added("w_in"), taps, added("conv_bias"), added("w_x"), added("w_step"),
            added("step_bias"), added("A").t(), added("D"), added("w_out"),
        )  # fmt: skip


class _BackwardBuffers(_Buffers):
    """Intermediates of one chunk and their gradients."""

    def __init__(self, rows: int, w: _Weights, parts: int) -> None:
        super().__init__(rows, w)
        self.dy = torch.empty(rows, w.channels)
        self.dx = torch.empty(rows, w.channels)
        self.dstep = torch.empty(rows, w.channels)
        self.dxz = torch.empty(rows, 2 * w.channels)
        # One part for each range of channels that is scanned by a thread of its own.
        self.ddrive = torch.empty(parts, rows, w.w_x.shape[0])

    def scan_gradient(
        self, w: _Weights, g: _Gradients, part: int, length: int, c0: int, c1: int, rows: int,
        kept: Any, dstate: Any,
    ) -> None:  # fmt: skip
        self.ddrive[part, :rows].zero_()
        kernels.scan_gradient(
            array(self.x), array(self.step), array(self.drive), w.rank, array(self.xz), w.channels,
            w.rate, w.skip, w.step_bias, True, length, c0, c1, 0, rows, kept, array(self.dy),
            dstate, array(self.y), array(self.dx), array(self.dstep), array(self.ddrive[part]),
            array(self.dxz), array(g.A), array(g.D), array(g.step_bias),
        )  # fmt: skip

    def projection_gradients(
        self, w: _Weights, g: _Gradients, dout: Tensor, a: int, b: int
    ) -> None:
        ddrive = self.ddrive[0, a:b]
        for part in self.ddrive[1:]:
            ddrive += part[a:b]
        torch.mm(self.dstep[a:b], w.w_step, out=ddrive[:, : w.rank])
        self.dx[a:b].addmm_(ddrive, w.w_x)
        g.w_x += ddrive.t() @ self.x[a:b]
        g.w_step += self.dstep[a:b].t() @ self.drive[a:b, : w.rank]
        g.w_out += dout[a:b].t() @ self.y[a:b]

    def convolve_gradient(
        self, w: _Weights, g: _Gradients, context: Tensor, after: Any, length: int,
        c0: int, c1: int, rows: int,
    ) -> None:  # fmt: skip
        kernels.convolve_gradient(
            array(self.xz), w.taps, w.conv_bias, array(context), after, length, c0, c1, 0, rows,
            array(self.dx), array(self.dxz), array(g.taps), array(g.conv_bias),
        )  # fmt: skip

    def input_gradient(
        self, w: _Weights, g: _Gradients, tokens: Tensor, dtokens: Tensor, a: int, b: int
    ) -> None:
        torch.mm(self.dxz[a:b], w.w_in, out=dtokens[a:b])
        g.w_in += self.dxz[a:b].t() @ tokens[a:b]


def _by_rows(rows: int, work: Callable[[int, int, int], object]) -> None:
    """Run ``work(slot, first row, row after the last)`` with the rows divided."""

    def part(slot: int) -> None:
        a, b = share(rows, slot)
        if a < b:
            work(slot, a, b)

    run_slots(part)


def _by_channels(channels: int, work: Callable[[int, int, int], object]) -> None:
    """Run ``work(slot, first channel, channel after the last)`` with the channels divided."""

    def part(slot: int) -> None:
        a, b = share(channels, slot, kernels.TILE)
        if a < b:
            work(slot, a, b)

    run_slots(part)


def _long_forward(w: _Weights, tokens: Tensor, out: Tensor, kept: Tensor | None) -> None:
    length = tokens.shape[0]
    buffers = _Buffers(min(CHUNK, length), w)
    context, state = w.context(), torch.zeros(w.states, w.channels)
    none = torch.empty(0, w.states, w.channels)
    for start in range(0, length, CHUNK):
        cancellation.raise_if_requested()
        chunk = tokens[start : start + CHUNK]
        rows = len(chunk)
        keep = none if kept is None else kept[start // kernels.BLOCK :]
        _by_rows(rows, lambda _, a, b: buffers.project(w, chunk, a, b))
        _by_rows(rows, lambda _, a, b: buffers.convolve(w, context, 0, a, b))
        _by_channels(
            w.channels,
            lambda _, a, b: buffers.scan(w, 0, a, b, rows, array(state), array(keep)),
        )
        target = out[start : start + CHUNK]
        _by_rows(rows, lambda _, a, b: torch.mm(buffers.y[a:b], w.w_out.t(), out=target[a:b]))
        if rows >= len(context):
            context.copy_(buffers.xz[rows - len(context) : rows, : w.channels])


def _long_backward(
    w: _Weights, g: list[_Gradients], tokens: Tensor, dout: Tensor, dtokens: Tensor, kept: Tensor
) -> None:
    length = tokens.shape[0]
    buffers = _BackwardBuffers(min(CHUNK, length), w, _scanning_slots(w))
    after, dstate = w.context(), torch.zeros(w.states, w.channels)
    for start in reversed(range(0, length, CHUNK)):
        cancellation.raise_if_requested()
        chunk, dchunk = tokens[start : start + CHUNK], dout[start : start + CHUNK]
        rows = len(chunk)
        context = w.context()
        if start:
            before = tokens[start - len(context) : start]
            torch.mm(before, w.w_in[: w.channels].t(), out=context)

        def recompute(_: int, a: int, b: int) -> None:
            torch.mm(dchunk[a:b], w.w_out, out=buffers.dy[a:b])
            buffers.project(w, chunk, a, b)

        keep = array(kept[start // kernels.BLOCK :])
        _by_rows(rows, recompute)
        _by_rows(rows, lambda _, a, b: buffers.convolve(w, context, 0, a, b))
        _by_channels(
            w.channels,
            lambda s, a, b: buffers.scan_gradient(
                w, g[s], _part(w, s), 0, a, b, rows, keep, array(dstate)
            ),
        )
        _by_rows(rows, lambda s, a, b: buffers.projection_gradients(w, g[s], dchunk, a, b))
        _by_channels(
            w.channels,
            lambda s, a, b: buffers.convolve_gradient(
                w, g[s], context, array(after), 0, a, b, rows
            ),
        )
        target = dtokens[start : start + CHUNK]
        _by_rows(rows, lambda s, a, b: buffers.input_gradient(w, g[s], chunk, target, a, b))


def _scanning_slots(w: _Weights) -> int:
    """How many threads get channels to scan."""
    return sum(1 for slot in range(thread_count()) if _has_channels(w, slot))


def _part(w: _Weights, slot: int) -> int:
    """Number of a thread among those that get channels to scan."""
    return sum(1 for other in range(slot) if _has_channels(w, other))


def _has_channels(w: _Weights, slot: int) -> bool:
    a, b = share(w.channels, slot, kernels.TILE)
    return a < b


def _short_forward(w: _Weights, tokens: Tensor, out: Tensor, length: int) -> None:
    unit = max(1, CHUNK // length) * length
    none, state = torch.empty(0, w.states, w.channels), torch.empty(0, 0)
    context = w.context()

    def work(slot: int) -> None:
        a, b = share(len(tokens), slot, unit)
        buffers = _Buffers(min(unit, b - a), w)
        for start in range(a, b, unit):
            cancellation.raise_if_requested()
            chunk = tokens[start : min(start + unit, b)]
            rows = len(chunk)
            buffers.project(w, chunk, 0, rows)
            buffers.convolve(w, context, length, 0, rows)
            buffers.scan(w, length, 0, w.channels, rows, array(state), array(none))
            torch.mm(buffers.y[:rows], w.w_out.t(), out=out[start : start + rows])

    run_slots(work)


def _short_backward(
    w: _Weights, g: list[_Gradients], tokens: Tensor, dout: Tensor, dtokens: Tensor, length: int
) -> None:
    unit = max(1, CHUNK // length) * length
    none, state = torch.empty(0, w.states, w.channels), torch.empty(0, 0)
    context = w.context()

    def work(slot: int) -> None:
        a, b = share(len(tokens), slot, unit)
        buffers = _BackwardBuffers(min(unit, b - a), w, 1)
        for start in range(a, b, unit):
            cancellation.raise_if_requested()
            chunk = tokens[start : min(start + unit, b)]
            rows = len(chunk)
            dchunk = dout[start : start + rows]
            torch.mm(dchunk, w.w_out, out=buffers.dy[:rows])
            buffers.project(w, chunk, 0, rows)
            buffers.convolve(w, context, length, 0, rows)
            buffers.scan_gradient(
                w, g[slot], 0, length, 0, w.channels, rows, array(none), array(state)
            )
            buffers.projection_gradients(w, g[slot], dchunk, 0, rows)
            buffers.convolve_gradient(
                w, g[slot], context, array(context), length, 0, w.channels, rows
            )
            buffers.input_gradient(w, g[slot], chunk, dtokens[start : start + rows], 0, rows)

    run_slots(work)


class _Mixer(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, keep: bool, tokens: Tensor, *parameters: Tensor) -> Tensor:
        w = _Weights.of(parameters)
        tokens = tokens.contiguous()
        sequences, length, width = tokens.shape
        flat = tokens.detach().reshape(-1, width)
        out = torch.empty_like(flat)
        kept = None
        if length <= kernels.BLOCK:
            _short_forward(w, flat, out, length)
        else:
            if keep and any(ctx.needs_input_grad):
                blocks = -(-length // kernels.BLOCK)
                kept = torch.empty(sequences, blocks, w.states, w.channels)
            for number in range(sequences):
                rows = slice(number * length, (number + 1) * length)
                _long_forward(w, flat[rows], out[rows], None if kept is None else kept[number])
        ctx.save_for_backward(tokens, *parameters)
        ctx.kept = kept
        return out.view_as(tokens)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        tokens, *parameters = ctx.saved_tensors
        w = _Weights.of(tuple(parameters))
        sequences, length, width = tokens.shape
        flat = tokens.detach().view(-1, width)
        dout = gradients[0].contiguous().view(-1, width)
        dtokens = torch.empty_like(flat)
        g = [_Gradients(w) for _ in range(thread_count())]
        if length <= kernels.BLOCK:
            _short_backward(w, g, flat, dout, dtokens, length)
        else:
            for number in range(sequences):
                rows = slice(number * length, (number + 1) * length)
                _long_backward(w, g, flat[rows], dout[rows], dtokens[rows], ctx.kept[number])
        return (None, dtokens.view_as(tokens), *_Gradients.total(g))


def mamba_mixer(
    tokens: Tensor,
    in_proj: Tensor,
    conv_weight: Tensor,
    conv_bias: Tensor,
    x_proj: Tensor,
    dt_proj: Tensor,
    dt_bias: Tensor,
    A: Tensor,
    D: Tensor,
    out_proj: Tensor,
) -> Tensor:
    """Run a Mamba block over sequences; differentiable in every tensor.

    All tensors are float32 on the CPU; d is the width of a token, c = 2 d the channels.

    Args:
        tokens: (sequences, length, d).
        in_proj: (2 c, d).
        conv_weight: (c, 1, taps).
        conv_bias: (c,).
        x_proj: (rank + 2 states, c).
        dt_proj: (c, rank).
        dt_bias: (c,).
        A: Rates, negative, (c, states).
        D: (c,).
        out_proj: (d, c).

    Returns:
        (sequences, length, d).

    Raises:
        Cancelled: A stop was asked for.
    """
    # Inside the function gradients are always off, and parameters claim to need them always.
    keep = torch.is_grad_enabled()
    result: Tensor = _Mixer.apply(
        keep, tokens, in_proj, conv_weight, conv_bias, x_proj, dt_proj, dt_bias, A, D, out_proj
    )
    return result
