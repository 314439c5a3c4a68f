"""The selective scan alone through the compiled kernels, as one differentiable function.

The kernels want tokens as rows, sixteen states and a multiple of sixteen channels; the
interface has tokens as the last axis, and any number of the others. What is missing is filled
up with zeros, which add nothing; more than sixteen states are scanned sixteen at a time.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from mambahsi import cancellation
from mambahsi.scan import kernels
from mambahsi.scan.kernels import LOG2_E, SEGMENT, STATES
from mambahsi.scan.machine_code import has_wide_registers
from mambahsi.scan.pipeline import Part, Pipeline
from mambahsi.scan.threads import work_together
from mambahsi.scan.vector_code import LANES

CHUNK = 16 * SEGMENT
"""Rows between looks at the cancel flag."""


def selective_scan_compiled(
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
    """Scan in float32 on the CPU, and give the output and the final state.

    Shapes and meaning are those of :func:`mambahsi.scan.selective_scan`. Other dtypes are
    computed in float32 and converted back.
    """
    batch, channels, _ = u.shape
    states = A.shape[1]
    zeros = u.new_zeros(channels)
    initial = u.new_zeros(batch, channels, states) if initial_state is None else initial_state

    def padded(tensor: Tensor) -> Tensor:
        return functional.pad(tensor.float(), (0, -channels % LANES)).contiguous()

    total, ends = None, []
    for first in range(0, states, STATES):
        some = slice(first, first + STATES)
        missing = max(0, first + STATES - states)

        def filled(tensor: Tensor, missing: int = missing) -> Tensor:
            return functional.pad(tensor.float(), (0, missing))

        # The gate applies to the sum over all states, D counts once.
        gate = z if states <= STATES else None
        skip = D if first == 0 else None
        y, last = _Scan.apply(
            padded(u.transpose(1, 2)),
            padded(delta.transpose(1, 2)),
            padded(filled(A[:, some]).t()),
            torch.cat([filled(x[:, some].transpose(1, 2)) for x in (B, C)], dim=2).contiguous(),
            padded(zeros if skip is None else skip),
            None if gate is None else padded(gate.transpose(1, 2)),
            padded(zeros if delta_bias is None else delta_bias),
            padded(filled(initial[:, :, some]).transpose(1, 2)),
            delta_softplus,
            # Inside the function gradients are always off, and leaves claim to need them always.
            torch.is_grad_enabled(),
        )
        total = y if total is None else total + y
        ends.append(last[:, : STATES - missing, :channels].transpose(1, 2))
    assert total is not None
    result = total[..., :channels].transpose(1, 2)
    if z is not None and states > STATES:
        result = result * functional.silu(z.float())
    return result.to(u.dtype), torch.cat(ends, dim=2).to(u.dtype)


class _Scan(torch.autograd.Function):
    """Each sequence of the batch on its own, channels divided among the threads."""

    @staticmethod
    def forward(
        ctx: Any,
        u: Tensor,
        delta: Tensor,
        A: Tensor,
        drive: Tensor,
        D: Tensor,
        z: Tensor | None,
        bias: Tensor,
        initial: Tensor,
        softplus: bool,
        keep: bool,
    ) -> tuple[Tensor, Tensor]:
        batch, length, channels = u.shape
        out, state = torch.empty_like(u), initial.clone()
        segments = -(-length // SEGMENT) if keep and any(ctx.needs_input_grad) else 0
        kept = u.new_empty(batch, segments, STATES * channels)
        rate = A * LOG2_E
        scan = kernels.scan(
            0, short=False, gated=z is not None, softplus=softplus, wide=has_wide_registers()
        )

        def work(pipeline: Pipeline) -> None:
            deltas = u.new_empty(SEGMENT, LANES)
            for _, first, last in _tiles(pipeline, channels):
                for b, start in itertools.product(range(batch), range(0, length, CHUNK)):
                    cancellation.raise_if_requested()
                    part = slice(start, start + CHUNK)
                    scan(
                        u[b, part], delta[b, part], drive[b, part],
                        None if z is None else z[b, part], None, bias, rate, D, state[b],
                        kept[b, start // SEGMENT :] if segments else None, deltas, out[b, part],
                        1, 1 if segments else 0, channels, len(u[b, part]), SEGMENT, first, last,
                    )  # fmt: skip

        work_together(work)
        ctx.save_for_backward(u, delta, A, drive, D, z, bias)
        ctx.kept = kept
        ctx.softplus = softplus
        return out, state

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        u, delta, A, drive, D, z, bias = ctx.saved_tensors
        batch, length, channels = u.shape
        dout = gradients[0].contiguous()
        # The kernel walks back through it; and a clone alone would keep columns that lie apart.
        dstate = gradients[1].clone(memory_format=torch.contiguous_format)
        du, ddelta, out = (torch.empty_like(u) for _ in range(3))
        dz = None if z is None else torch.empty_like(u)
        # In the type of the others: PyTorch's default may be another.
        dA = u.new_zeros(batch, *A.shape)
        dD, dbias = u.new_zeros(batch, channels), u.new_zeros(batch, channels)
        rate = A * LOG2_E
        scan_gradient = kernels.scan_gradient(
            0, short=False, gated=z is not None, softplus=ctx.softplus, wide=has_wide_registers()
        )
        # Added in the order of the channels: sums must not depend on who was first.
        shares: dict[int, Tensor] = {}

        def work(pipeline: Pipeline) -> None:
            scratch = u.new_empty(kernels.scratch_rows(SEGMENT), LANES)
            for number, first, last in _tiles(pipeline, channels):
                ddrive = shares[number] = torch.zeros_like(drive)
                for b, start in itertools.product(range(batch), reversed(range(0, length, CHUNK))):
                    cancellation.raise_if_requested()
                    part = slice(start, start + CHUNK)
                    scan_gradient(
                        u[b, part], delta[b, part], drive[b, part],
                        None if z is None else z[b, part], None, bias, rate, D,
                        ctx.kept[b, start // SEGMENT :], dout[b, part], dstate[b], scratch,
                        out[b, part], du[b, part], ddelta[b, part], ddrive[b, part],
                        None if dz is None else dz[b, part], None, dbias[b], dA[b], dD[b],
                        1, channels, len(u[b, part]), SEGMENT, first, last,
                    )  # fmt: skip

        work_together(work)
        ddrive = torch.stack([shares[number] for number in sorted(shares)]).sum(0)
        return du, ddelta, dA.sum(0), ddrive, dD.sum(0), dz, dbias.sum(0), dstate, None, None


def _tiles(pipeline: Pipeline, channels: int) -> Iterator[Part]:
    """A share of the channels for each thread, in tiles."""
    tiles = channels // LANES
    return pipeline.parts(tiles, -(-tiles // pipeline.count))
