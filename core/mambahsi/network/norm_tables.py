"""Group normalizations as the kernels between the Mamba blocks take them."""

from __future__ import annotations

import torch
from torch import Tensor

from mambahsi.network.blocks import PixelGroupNorm
from mambahsi.network.moments import Moments
from mambahsi.scan.table_rows import CENTER, OFFSET, SCALE, SHIFT, SLOPE


def norm_table(norm: PixelGroupNorm, moments: Moments) -> Tensor:
    """A normalization as the kernels take it, without what only its gradient needs."""
    center, inverse = moments.statistics(norm)
    table = torch.zeros(5, len(center), device=center.device)
    scale = norm.weight.detach().double() * inverse
    table[SCALE] = scale
    table[SHIFT] = norm.bias.detach().double() - scale * center
    table[CENTER] = center
    return table


def finish_norm_table(
    table: Tensor, norm: PixelGroupNorm, moments: Moments, sums: Tensor
) -> tuple[Tensor, Tensor]:
    """Add to a normalization's table what its gradient needs.

    Args:
        table: As of :func:`norm_table`.
        norm: The normalization.
        moments: Its statistics.
        sums: Sums over all pixels of dn and of dn * (b - center); float64 (2, channels).

    Returns:
        Gradients of the normalization's weight and bias.
    """
    _, inverse = moments.statistics(norm)
    direct, centered = sums
    weight = norm.weight.detach().double()
    size = moments.count * weight.numel() / norm.num_groups

    def of_group(values: Tensor) -> Tensor:
        total = values.view(norm.num_groups, -1).sum(1, keepdim=True)
        return total.expand(-1, values.numel() // norm.num_groups).flatten() / size

    table[OFFSET] = -inverse * of_group(weight * direct)
    table[SLOPE] = -(inverse**3) * of_group(weight * centered)
    return (inverse * centered).float(), direct.float()
