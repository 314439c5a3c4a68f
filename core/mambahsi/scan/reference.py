"""The selective scan in plain PyTorch: slow, readable, in any precision.

It is the oracle that every other backend is tested against. One Python step per token, so
its cost is linear in the length, backward pass included.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mambahsi import cancellation

_TOKENS_BETWEEN_CANCEL_CHECKS = 256


def selective_scan_reference(
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
    """Scan, and give the output and the final state.

    Shapes and meaning are those of :func:`mambahsi.scan.selective_scan`.
    """
    batch, channels, length = u.shape
    if delta_bias is not None:
        delta = delta + delta_bias[:, None]
    if delta_softplus:
        delta = F.softplus(delta)
    state = initial_state
    if state is None:
        state = u.new_zeros(batch, channels, A.shape[1])
    # unbind gives every token a gradient of its own size; indexing [..., t] instead would
    # make the backward pass add a tensor of the whole length for each token.
    tokens = zip(delta.unbind(2), u.unbind(2), B.unbind(2), C.unbind(2), strict=True)
    outputs = []
    for number, (delta_t, u_t, B_t, C_t) in enumerate(tokens):
        if number % _TOKENS_BETWEEN_CANCEL_CHECKS == 0:
            cancellation.raise_if_requested()
        decay = torch.exp(delta_t[:, :, None] * A)
        state = decay * state + (delta_t * u_t)[:, :, None] * B_t[:, None, :]
        outputs.append((state * C_t[:, None, :]).sum(2))
    y = torch.stack(outputs, dim=2) if length else torch.zeros_like(u)
    if D is not None:
        y = y + u * D[:, None]
    if z is not None:
        y = y * F.silu(z)
    return y, state
