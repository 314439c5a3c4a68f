"""A Mamba block over long sequences on a GPU, part by part.

From part to part go what the convolution looks back at, and the state of the scan. Kept for the
backward pass are these and the states before chunks; it takes the parts from the last to the
first and computes everything else once more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from mambahsi import cancellation
from mambahsi.scan.carry import Carry
from mambahsi.scan.gpu import tables
from mambahsi.scan.gpu.convolution import Convolution
from mambahsi.scan.gpu.parts import Part, parts_of
from mambahsi.scan.gpu.tables import Drive

_ALIGNED = 16
"""Triton reads several numbers at once where rows are known to be multiples of this apart."""


@dataclass(frozen=True)
class _Weights:
    """A block's parameters as products and kernels want them.

    ``in_proj``, ``narrow`` and ``out_proj`` have the dtype of the tokens. ``narrow`` is
    ``x_proj`` with its rows in the order B, C, step, and rows of zeros behind them: so what it
    gives lies where kernels can read four numbers at once. The others are float32, with the
    channels last.
    """

    in_proj: Tensor
    conv_weight: Tensor
    conv_bias: Tensor
    narrow: Tensor
    dt_proj: Tensor
    dt_bias: Tensor
    A: Tensor
    D: Tensor
    out_proj: Tensor

    @classmethod
    def of(cls, dtype: torch.dtype, parameters: tuple[Tensor, ...]) -> _Weights:
        in_proj, conv_weight, conv_bias, x_proj, dt_proj, dt_bias, A, D, out_proj = (
            x.detach() for x in parameters
        )
        rank = dt_proj.shape[1]
        ordered = torch.cat([x_proj[rank:], x_proj[:rank]])
        return cls(
            in_proj.to(dtype),
            conv_weight[:, 0].float().t().contiguous(),
            conv_bias.float().contiguous(),
            F.pad(ordered, (0, 0, 0, -len(ordered) % _ALIGNED)).to(dtype),
            dt_proj.float().t().contiguous(),
            dt_bias.float().contiguous(),
            A.float().t().contiguous(),
            D.float().contiguous(),
            out_proj.to(dtype),
        )

    @property
    def channels(self) -> int:
        return self.A.shape[1]

    def start(self, sequences: int) -> tuple[Tensor, Tensor]:
        """Context and states before the first token."""
        context = self.A.new_zeros(len(self.conv_weight) - 1, self.channels)
        return context, self.A.new_zeros(sequences, *self.A.shape)


class _Stages:
    """A part of the sequences, stage by stage up to the scan.

    Args:
        w: The block's weights.
        rows: Tokens of the part, (rows, width).
        context: The rows before the part, as the convolution sees them.
        length: Tokens of each sequence.
    """

    def __init__(self, w: _Weights, rows: Tensor, context: Tensor, length: int) -> None:
        self.w = w
        self.wide = rows @ w.in_proj.t()
        self.x, z = self.wide.split(w.channels, dim=1)
        self.convolution = Convolution(w.conv_weight, w.conv_bias, context, length)
        self.u = torch.empty_like(self.x, memory_format=torch.contiguous_format)
        self.convolution.apply(self.x, self.u)
        rank, states = len(w.dt_proj), len(w.A)
        narrow = self.u @ w.narrow.t()
        B, C, self.step, _ = narrow.tensor_split((states, 2 * states, 2 * states + rank), dim=1)
        self.drive = Drive(self.u, self.step, B, C, z, w.dt_proj, w.dt_bias, w.A, w.D, True, length)

    def context_behind(self) -> Tensor:
        """The last rows as the convolution sees them."""
        context = self.convolution.context
        reach = len(context)
        seen = torch.cat([context, self.x[max(0, len(self.x) - reach) :].float()])
        return seen[len(seen) - reach :]


def _forward(
    w: _Weights, rows: Tensor, out: Tensor, context: Tensor, state: Tensor, length: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Context and state behind a part, and the states before its chunks.

    ``out`` gets its output, (rows, width).
    """
    s = _Stages(w, rows, context, length)
    starts, last = tables.states_before_chunks(s.drive, state)
    # The output takes the place of the convolution's input, of which only the end is needed.
    behind = s.context_behind()
    tables.scan(s.drive, starts, last, s.x)
    torch.mm(s.x, w.out_proj.t(), out=out)
    return behind, last, starts


def _outer(left: Tensor, right: Tensor) -> Tensor:
    """Gradient of a matrix: the sum over all rows of products of two rows; float32."""
    return (left.to(right.dtype).t() @ right).float()


class _Backward:
    """Adds up the parameters' gradients, from the last part of each sequence to the first."""

    def __init__(self, w: _Weights, shapes: list[torch.Size]) -> None:
        self.w = w
        self.totals = [w.A.new_zeros(shape) for shape in shapes]
        self.after = self.dstate = torch.empty(0)

    def part(
        self,
        part: Part,
        rows: Tensor,
        context: Tensor,
        starts: Tensor,
        dout: Tensor,
        dtokens: Tensor,
    ) -> None:
        """Put the gradient of a part's tokens into ``dtokens``."""
        w = self.w
        if part.last:
            self.after, self.dstate = w.start(part.sequences.stop - part.sequences.start)
        s = _Stages(w, rows, context, part.length)
        dwide = torch.empty_like(s.wide)
        dx, dz = dwide.split(w.channels, dim=1)
        # First the place of the output, then of its gradient's way through the convolution.
        found = tables.scan_gradients(
            s.drive, starts, dx, (dout @ w.out_proj).float(), dz, self.dstate
        )
        self.dstate = found.start
        dout_proj = _outer(dout, dx)
        dnarrow = torch.cat([found.B, found.C, found.step @ w.dt_proj.t()], dim=1)
        found.u.addmm_(dnarrow, w.narrow[: dnarrow.shape[1]].float())
        ddt_proj = _outer(found.step, s.step.float())
        dx_proj = _outer(dnarrow, s.u).roll(len(w.dt_proj), 0)
        dconv, dconv_bias, self.after = s.convolution.gradient(s.x, found.u, self.after, dx)
        gradients = (
            _outer(dwide, rows), dconv.t()[:, None], dconv_bias, dx_proj, ddt_proj, found.bias,
            found.A.t(), found.D, dout_proj,
        )  # fmt: skip
        for total, gradient in zip(self.totals, gradients, strict=True):
            total += gradient
        torch.mm(dwide, w.in_proj, out=dtokens)


class _Mixer(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, keep: bool, tokens: Tensor, *parameters: Tensor) -> Tensor:
        w = _Weights.of(tokens.dtype, parameters)
        tokens = tokens.contiguous()
        sequences, length, width = tokens.shape
        flat, out = tokens.view(-1, width), tokens.new_empty(sequences * length, width)
        needed = keep and any(ctx.needs_input_grad)
        ctx.kept = []
        with torch.cuda.device_of(tokens):
            for part in parts_of(sequences, length):
                cancellation.raise_if_requested()
                if part.first:
                    context, state = w.start(part.sequences.stop - part.sequences.start)
                behind, state, starts = _forward(
                    w, flat[part.rows], out[part.rows], context, state, part.length
                )
                if needed:
                    ctx.kept.append((part, context, starts))
                context = behind
        ctx.save_for_backward(tokens, *parameters)
        return out.view_as(tokens)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        tokens, *parameters = ctx.saved_tensors
        width = tokens.shape[2]
        flat = tokens.view(-1, width)
        dtokens = torch.empty_like(flat)
        dout = gradients[0].contiguous().view(-1, width)
        work = _Backward(
            _Weights.of(tokens.dtype, tuple(parameters)), [x.shape for x in parameters]
        )
        with torch.cuda.device_of(tokens):
            for part, context, starts in reversed(ctx.kept):
                cancellation.raise_if_requested()
                work.part(
                    part, flat[part.rows], context, starts, dout[part.rows], dtokens[part.rows]
                )
        totals = (x.to(p.dtype) for x, p in zip(work.totals, parameters, strict=True))
        return (None, dtokens.view_as(tokens), *totals)


def mix_long(tokens: Tensor, *parameters: Tensor) -> Tensor:
    """Run a Mamba block over sequences; see :mod:`mambahsi.scan.gpu.mixer`."""
    # Inside the function gradients are always off, and parameters claim to need them always.
    result: Tensor = _Mixer.apply(torch.is_grad_enabled(), tokens, *parameters)
    return result


def mix_piece(parameters: tuple[Tensor, ...], rows: Tensor, carry: Carry) -> Tensor:
    """Run a block over the next rows of one sequence; see :mod:`mambahsi.scan.gpu.mixer`."""
    rows = rows.contiguous()
    w, out = _Weights.of(rows.dtype, parameters), torch.empty_like(rows)
    context = carry.context.to(rows.device).contiguous()
    state = carry.state.to(rows.device)[None].contiguous()
    with torch.cuda.device_of(rows):
        for part in parts_of(1, len(rows)):
            cancellation.raise_if_requested()
            context, state, _ = _forward(
                w, rows[part.rows], out[part.rows], context, state, part.length
            )
    carry.context, carry.state = context, state[0]
    return out
