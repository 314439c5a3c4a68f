"""The selective scan through the compiled kernels, as one differentiable function.

The kernels want tokens as rows; the interface has them as the last axis. A tensor that is
a transposed view of rows costs nothing to turn, any other is copied once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from mambahsi import cancellation
from mambahsi.scan import (
    compile_cache,  # noqa: F401  (must come before Numba)
    kernels,
)
from mambahsi.scan.threads import run_slots, share, thread_count

CHUNK = 1024
"""Rows between looks at the cancel flag; a multiple of the kernels' block."""


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
    zeros = u.new_zeros(channels)
    state = u.new_zeros(batch, channels, A.shape[1]) if initial_state is None else initial_state
    y, last = _Scan.apply(
        _rows(u),
        _rows(delta),
        A.float(),
        _rows(torch.cat([B, C], dim=1)),
        (zeros if D is None else D).float(),
        None if z is None else _rows(z),
        (zeros if delta_bias is None else delta_bias).float(),
        state.float(),
        delta_softplus,
        # Inside the function gradients are always off, and leaves claim to need them always.
        torch.is_grad_enabled(),
    )
    return y.transpose(1, 2).to(u.dtype), last.to(u.dtype)


def _rows(tensor: Tensor) -> Tensor:
    return tensor.transpose(1, 2).float().contiguous()


def array(tensor: Tensor) -> np.ndarray:
    """The same memory as an array, for the kernels."""
    return tensor.detach().numpy()


def rates(A: Tensor) -> np.ndarray:
    """A as the kernels take it: times log2(e), transposed; (states, channels), float32."""
    return array((A.t() * float(kernels.LOG2_E)).contiguous())


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
        states = A.shape[1]
        out = torch.empty_like(u)
        state = initial.transpose(1, 2).contiguous()
        needed = keep and any(ctx.needs_input_grad)
        blocks = -(-length // kernels.BLOCK) if needed else 0
        kept = torch.empty(batch, blocks, states, channels)
        rate, skip, shift = rates(A), array(D), array(bias)
        gated = z is not None
        u_, delta_, drive_, gate_ = map(array, (u, delta, drive, out if z is None else z))
        state_, kept_, out_ = map(array, (state, kept, out))

        def work(slot: int) -> None:
            first, last = share(channels, slot, kernels.TILE)
            for b in range(batch if last > first else 0):
                for start in range(0, length, CHUNK):
                    cancellation.raise_if_requested()
                    part = slice(start, min(start + CHUNK, length))
                    inner = slice(start // kernels.BLOCK, -(-part.stop // kernels.BLOCK))
                    kernels.scan(
                        u_[b, part], delta_[b, part], drive_[b, part], 0,
                        gate_[b, part], 0 if gated else -1, rate, skip, shift, softplus,
                        0, first, last, 0, part.stop - start, state_[b],
                        kept_[b, inner], out_[b, part],
                    )  # fmt: skip

        run_slots(work)
        ctx.save_for_backward(u, delta, A, drive, D, z, bias)
        ctx.kept = kept
        ctx.softplus = softplus
        return out, state.transpose(1, 2).contiguous()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        u, delta, A, drive, D, z, bias = ctx.saved_tensors
        batch, length, channels = u.shape
        states = A.shape[1]
        dout = gradients[0].contiguous()
        dstate = gradients[1].transpose(1, 2).contiguous()
        du, ddelta = torch.empty_like(u), torch.empty_like(delta)
        dgate, out = torch.empty_like(u), torch.empty_like(u)
        dA = torch.zeros(batch, states, channels)
        dD, dbias = torch.zeros(batch, channels), torch.zeros(batch, channels)
        # One part per thread, added in their order: sums must not depend on who was first.
        ddrive = torch.zeros(thread_count(), *drive.shape)
        rate, skip, shift = rates(A), array(D), array(bias)
        gated = z is not None
        u_, delta_, drive_, gate_ = map(array, (u, delta, drive, u if z is None else z))
        kept_, dout_, dstate_, ddrive_ = map(array, (ctx.kept, dout, dstate, ddrive))
        du_, ddelta_, dgate_, out_ = map(array, (du, ddelta, dgate, out))
        dA_, dD_, dbias_ = map(array, (dA, dD, dbias))

        def work(slot: int) -> None:
            first, last = share(channels, slot, kernels.TILE)
            for b in range(batch if last > first else 0):
                for start in reversed(range(0, length, CHUNK)):
                    cancellation.raise_if_requested()
                    part = slice(start, min(start + CHUNK, length))
                    inner = slice(start // kernels.BLOCK, -(-part.stop // kernels.BLOCK))
                    kernels.scan_gradient(
                        u_[b, part], delta_[b, part], drive_[b, part], 0,
                        gate_[b, part], 0 if gated else -1, rate, skip, shift,
                        ctx.softplus, 0, first, last, 0, part.stop - start,
                        kept_[b, inner], dout_[b, part], dstate_[b], out_[b, part],
                        du_[b, part], ddelta_[b, part], ddrive_[slot, b, part],
                        dgate_[b, part], dA_[b], dD_[b], dbias_[b],
                    )  # fmt: skip

        run_slots(work)
        return (
            du,
            ddelta,
            dA.sum(0).t(),
            ddrive.sum(0),
            dD.sum(0),
            None if z is None else dgate,
            dbias.sum(0),
            dstate.transpose(1, 2),
            None,
            None,
        )
