"""A whole Mamba block in plain PyTorch, with little memory, for the ``torch`` backend.

Between its input and its output, the block (see :mod:`mambahsi.scan.mixer`) computes a dozen
tables that are larger than both, and automatic differentiation would keep them all. So the
tokens are worked off in chunks. From one chunk to the next goes what the convolution looks
back at, and the scan's state; the forward pass keeps these alone. The backward pass takes
the chunks from the last to the first, runs each once more, lets PyTorch differentiate it, and
hands the gradients of what was carried in to the chunk before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from mambahsi import cancellation
from mambahsi.scan.chunked import selective_scan_chunked

_CHUNK = {"cpu": 2**11}
_CHUNK_ELSEWHERE = 2**14
"""Tokens worked on together."""

Carry = tuple[Tensor, Tensor]
"""What goes from a chunk to the next: (sequences, taps - 1, c) and (sequences, c, states)."""


def mamba_mixer_chunked(
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

    All tensors are of one dtype, float32 or float64, on one device. Beside parameters of
    float32, the tokens may be bfloat16: then whatever goes into a product is rounded to it, and
    everything else is float32. Shapes and meaning are those of
    :func:`mambahsi.scan.mixer.mamba_mixer`.

    Raises:
        Cancelled: A stop was asked for.
    """
    # Inside the function gradients are always off, and parameters claim to need them always.
    keep = torch.is_grad_enabled()
    result: Tensor = _Mixer.apply(
        keep, tokens, in_proj, conv_weight, conv_bias, x_proj, dt_proj, dt_bias, A, D, out_proj
    )
    return result


def _mix(
    tokens: Tensor,
    context: Tensor,
    state: Tensor,
    in_proj: Tensor,
    conv_weight: Tensor,
    conv_bias: Tensor,
    x_proj: Tensor,
    dt_proj: Tensor,
    dt_bias: Tensor,
    A: Tensor,
    D: Tensor,
    out_proj: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """One chunk: its output, and context and state behind it.

    Args:
        tokens: (sequences, n, d).
        context: The last rows of the convolution's input before the chunk, (sequences,
            taps - 1, c).
        state: (sequences, c, states).
        in_proj: This and the rest as :func:`mamba_mixer_chunked` takes them.
        conv_weight: See there.
        conv_bias: See there.
        x_proj: See there.
        dt_proj: See there.
        dt_bias: See there.
        A: See there.
        D: See there.
        out_proj: See there.
    """
    n = tokens.shape[1]
    x, z = _product(tokens, in_proj, tokens.dtype).to(state.dtype).chunk(2, dim=2)
    rows = torch.cat([context, x], dim=1)
    taps = conv_weight[:, 0].unbind(1)
    x = conv_bias + rows[:, :n] * taps[0]
    for k in range(1, len(taps)):
        x = torch.addcmul(x, rows[:, k : k + n], taps[k])
    x = F.silu(x)
    rank, states = dt_proj.shape[1], A.shape[1]
    step, B, C = _product(x, x_proj, tokens.dtype).split([rank, states, states], dim=2)
    step = _product(step, dt_proj, tokens.dtype)
    x, step, B, C, z = (table.transpose(1, 2) for table in (x, step, B, C, z))
    y, last = selective_scan_chunked(x, step, A, B, C, D, z, dt_bias, True, state)
    return _product(y.transpose(1, 2), out_proj, tokens.dtype), rows[:, n:], last


def _product(x: Tensor, weight: Tensor, dtype: torch.dtype) -> Tensor:
    return F.linear(x.to(dtype), weight.to(dtype))


def _parts(total: int, size: int) -> Iterator[slice]:
    return (slice(start, min(start + size, total)) for start in range(0, total, size))


def _start(rows: slice, parameters: Sequence[Tensor]) -> Carry:
    """What stands before the first token of some sequences: zeros."""
    _, conv_weight, _, _, _, _, A, _, _ = parameters
    count, (channels, states) = rows.stop - rows.start, A.shape
    context = A.new_zeros(count, conv_weight.shape[2] - 1, channels)
    return context, A.new_zeros(count, channels, states)


class _Mixer(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, keep: bool, tokens: Tensor, *parameters: Tensor) -> Tensor:
        sequences, length, _ = tokens.shape
        chunk = _CHUNK.get(tokens.device.type, _CHUNK_ELSEWHERE)
        together = max(1, chunk // max(1, length))
        ctx.carried = []
        needed = keep and any(ctx.needs_input_grad)
        out = torch.empty_like(tokens)
        for rows in _parts(sequences, together):
            carry = None
            for part in _parts(length, chunk):
                cancellation.raise_if_requested()
                if needed:
                    ctx.carried.append((rows, part, carry))
                before = carry or _start(rows, parameters)
                out[rows, part], context, state = _mix(tokens[rows, part], *before, *parameters)
                # A copy, so that the chunk can go.
                carry = (context.clone(), state)
        ctx.save_for_backward(tokens, *parameters)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dout: Tensor) -> tuple[Tensor | None, ...]:
        tokens, *parameters = ctx.saved_tensors
        dtokens = torch.empty_like(tokens)
        totals = [torch.zeros_like(parameter) for parameter in parameters]
        dcarry: Carry | None = None
        for rows, part, carry in reversed(ctx.carried):
            before = carry or _start(rows, parameters)
            if part.stop == tokens.shape[1]:
                # Nothing comes after a sequence's last chunk.
                dcarry = _start(rows, parameters)
            leaves = [
                leaf.detach().requires_grad_()
                for leaf in (tokens[rows, part], *before, *parameters)
            ]
            with torch.enable_grad():
                results = _mix(*leaves)
            assert dcarry is not None
            dtokens[rows, part], dcontext, dstate, *gradients = torch.autograd.grad(
                results, leaves, (dout[rows, part], *dcarry)
            )
            dcarry = (dcontext, dstate)
            # Each chunk's sum first: adding row by row to millions would round them away.
            for total, gradient in zip(totals, gradients, strict=True):
                total += gradient
        return (None, dtokens, *totals)
