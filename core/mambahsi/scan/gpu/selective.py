"""The selective scan of the ``triton`` backend.

The interface has tokens last; the kernels want them as rows. Where the tensors were made from
rows, as in a Mamba block, turning them costs nothing.

Sequences are worked off in parts of bounded size: several whole ones together, or a long one
in pieces, whose states go from one to the next. What a piece needs beside its inputs is there
for one part at a time. The forward pass keeps the states before chunks.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from mambahsi import cancellation
from mambahsi.scan.gpu import tables
from mambahsi.scan.gpu.parts import Part, parts_of
from mambahsi.scan.gpu.tables import Drive

_TABLE_TYPES = (torch.float32, torch.bfloat16, torch.float16)


def selective_scan_triton(
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
    """Scan on a GPU, and give the output and the final state.

    Shapes and meaning are those of :func:`mambahsi.scan.selective_scan`. Inputs may be float32
    or half precision; states are float32, the final one, too. Other dtypes are computed in
    float32, and converted back.

    Raises:
        Cancelled: A stop was asked for.
    """
    batch, channels, _ = u.shape
    if initial_state is None:
        initial_state = A.new_zeros(batch, channels, A.shape[1])
    zeros = A.new_zeros(channels)
    y, last = _Scan.apply(
        *(_table(x) for x in (u, delta, B, C)),
        None if z is None else _table(z),
        A.float().t().contiguous(),
        (zeros if D is None else D).float().contiguous(),
        (zeros if delta_bias is None else delta_bias).float().contiguous(),
        initial_state.float().transpose(1, 2).contiguous(),
        delta_softplus,
        # Inside the function gradients are always off, and leaves claim to need them always.
        torch.is_grad_enabled(),
    )
    state = last.transpose(1, 2)
    return y.transpose(1, 2).to(u.dtype), state.double() if u.dtype == torch.float64 else state


def _table(x: Tensor) -> Tensor:
    """(batch, channels, length) as (batch, length, channels), side by side."""
    if x.dtype not in _TABLE_TYPES:
        x = x.float()
    return x.transpose(1, 2).contiguous()


def _drive(
    part: Part, inputs: tuple[Tensor | None, ...], A: Tensor, D: Tensor, bias: Tensor, soft: bool
) -> Drive:
    u, delta, B, C, z = (None if x is None else x.flatten(0, 1)[part.rows] for x in inputs)
    assert u is not None and delta is not None and B is not None and C is not None
    return Drive(u, delta, B, C, z, None, bias, A, D, soft, part.length)


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        u: Tensor,
        delta: Tensor,
        B: Tensor,
        C: Tensor,
        z: Tensor | None,
        A: Tensor,
        D: Tensor,
        bias: Tensor,
        initial: Tensor,
        softplus: bool,
        keep: bool,
    ) -> tuple[Tensor, Tensor]:
        y, last = torch.empty_like(u), initial.clone()
        ctx.kept = []
        needed = keep and any(ctx.needs_input_grad)
        with torch.cuda.device_of(u):
            for part in parts_of(*u.shape[:2]):
                cancellation.raise_if_requested()
                d = _drive(part, (u, delta, B, C, z), A, D, bias, softplus)
                own = last[part.sequences]
                starts, end = tables.states_before_chunks(d, own)
                tables.scan(d, starts, end, y.flatten(0, 1)[part.rows])
                own.copy_(end)
                if needed:
                    ctx.kept.append((part, starts))
        ctx.save_for_backward(u, delta, B, C, z, A, D, bias)
        ctx.softplus = softplus
        return y, last

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dout: Tensor, dlast: Tensor) -> tuple[Tensor | None, ...]:
        u, delta, B, C, z, A, D, bias = ctx.saved_tensors
        dout = dout.float().contiguous()
        inputs = [torch.empty_like(x) for x in (u, delta, B, C)]
        dz = None if z is None else torch.empty_like(z)
        sums = [torch.zeros_like(x) for x in (A, D, bias)]
        dstart = dlast.clone(memory_format=torch.contiguous_format)
        with torch.cuda.device_of(u):
            for part, starts in reversed(ctx.kept):
                cancellation.raise_if_requested()
                d = _drive(part, (u, delta, B, C, z), A, D, bias, ctx.softplus)
                own, rows = dstart[part.sequences], part.rows
                gate = None if dz is None else dz.flatten(0, 1)[rows]
                again = torch.empty_like(d.u)
                found = tables.scan_gradients(
                    d, starts, again, dout.flatten(0, 1)[rows].clone(), gate, own
                )
                own.copy_(found.start)
                of_inputs = (found.u, found.step, found.B, found.C)
                for total, gradient in zip(inputs, of_inputs, strict=True):
                    total.flatten(0, 1)[rows] = gradient
                for total, gradient in zip(sums, (found.A, found.D, found.bias), strict=True):
                    total += gradient
        return (*inputs, dz, *sums, dstart, None, None)
