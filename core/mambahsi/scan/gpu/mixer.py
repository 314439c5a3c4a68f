"""A whole Mamba block of the ``triton`` backend, as one differentiable function.

Short sequences of narrow tokens, the spectral branch's, go to kernels that take many of them at
once. All others, the spatial branch's of however few pixels among them, are worked off in parts
(:mod:`mambahsi.scan.gpu.parts`): projections are PyTorch's matrix products, between them are
kernels for the convolution and the scan, and no table that is wider than the tokens lives
longer than its part.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mambahsi.scan.carry import Carry
from mambahsi.scan.gpu.long import mix_long, mix_piece
from mambahsi.scan.gpu.short import LONGEST, WIDEST, mix_short


def mamba_mixer_triton(
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

    Tokens are float32 or half precision, which is the precision of products and of tables;
    states, step sizes and sums are float32 in any case. Shapes and meaning are those of
    :func:`mambahsi.scan.mixer.mamba_mixer`.

    Raises:
        Cancelled: A stop was asked for.
    """
    parameters = (
        in_proj, conv_weight, conv_bias, x_proj, dt_proj, dt_bias, A, D, out_proj,
    )  # fmt: skip
    is_short = tokens.shape[1] <= LONGEST and len(D) <= WIDEST
    return (mix_short if is_short else mix_long)(tokens, *parameters)


@torch.no_grad()
def mix_rows(parameters: tuple[Tensor, ...], rows: Tensor, carry: Carry) -> Tensor:
    """Run a Mamba block over the next tokens of one sequence; without gradients.

    Args:
        parameters: As :meth:`mambahsi.network.mamba.Mamba.mixer_parameters` gives them.
        rows: The tokens, (n, width).
        carry: What was before them; is brought up to date, and moved to their device.

    Returns:
        (n, width).

    Raises:
        Cancelled: A stop was asked for.
    """
    return mix_piece(parameters, rows, carry)
