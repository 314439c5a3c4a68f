"""The Mamba block stage by stage, with PyTorch's own functions and automatic differentiation."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from mambahsi.scan.reference import selective_scan_reference


def mamba_block(
    tokens: Tensor, in_proj: Tensor, conv: Tensor, conv_bias: Tensor, x_proj: Tensor,
    dt_proj: Tensor, dt_bias: Tensor, A: Tensor, D: Tensor, out_proj: Tensor,
) -> Tensor:  # fmt: skip
    """What :func:`mambahsi.scan.mixer.mamba_mixer` computes, in any precision."""
    rank, states, taps = dt_proj.shape[1], A.shape[1], conv.shape[2]
    x, z = (tokens @ in_proj.t()).transpose(1, 2).chunk(2, dim=1)
    x = F.silu(F.conv1d(F.pad(x, (taps - 1, 0)), conv, conv_bias, groups=len(conv)))
    step, B, C = (x.transpose(1, 2) @ x_proj.t()).split([rank, states, states], dim=2)
    step = (step @ dt_proj.t()).transpose(1, 2)
    y, _ = selective_scan_reference(
        x, step, A, B.transpose(1, 2), C.transpose(1, 2), D, z, dt_bias, True, None
    )
    return y.transpose(1, 2) @ out_proj.t()
