"""The network's blocks: spatial, spectral, and their fusion.

All of them work on a table of valid pixels, (pixels, channels). Group normalization is
thus over the valid pixels of the whole image, as the published network has it over all
pixels of the image.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mambahsi.network.mamba import Mamba


class PixelGroupNorm(nn.GroupNorm):
    """Group normalization of a table of pixels (Wu and He 2018, arXiv:1803.08494).

    Mean and variance of a group of channels are taken over all pixels of the table.
    """

    def forward(self, pixels: Tensor) -> Tensor:
        """Normalize.

        Args:
            pixels: (pixels, channels).

        Returns:
            (pixels, channels).
        """
        grouped = pixels.view(len(pixels), self.num_groups, -1)
        variance, mean = torch.var_mean(grouped, dim=(0, 2), correction=0)
        scale = torch.rsqrt(variance + self.eps)
        # Both steps in one: x * a + b with a and b per channel.
        size = grouped.shape[2]
        a = self.weight * scale.repeat_interleave(size)
        b = self.bias - a * mean.repeat_interleave(size)
        return torch.addcmul(b, pixels, a)


class SpaMamba(nn.Module):
    """Spatial branch: all valid pixels, row by row, are one sequence."""

    def __init__(self, channels: int, use_residual: bool, group_num: int, scan: str) -> None:
        super().__init__()
        self.use_residual = use_residual
        self.mamba = Mamba(channels, scan)
        self.proj = nn.Sequential(PixelGroupNorm(group_num, channels), nn.SiLU())

    def forward(self, pixels: Tensor) -> Tensor:
        """Give (pixels, channels) for (pixels, channels)."""
        mixed = self.proj(self.mamba(pixels[None])[0])
        return mixed + pixels if self.use_residual else mixed


class SpeMamba(nn.Module):
    """Spectral branch: each pixel's channels, in groups, are a sequence of its own."""

    def __init__(
        self, channels: int, token_num: int, use_residual: bool, group_num: int, scan: str
    ) -> None:
        super().__init__()
        self.token_num = token_num
        self.use_residual = use_residual
        self.mamba = Mamba(channels // token_num, scan)
        self.proj = nn.Sequential(PixelGroupNorm(group_num, channels), nn.SiLU())

    def forward(self, pixels: Tensor) -> Tensor:
        """Give (pixels, channels) for (pixels, channels)."""
        tokens = pixels.view(len(pixels), self.token_num, -1)
        mixed = self.proj(self.mamba(tokens).view_as(pixels))
        return mixed + pixels if self.use_residual else mixed


def run(module: Callable[[Tensor], Tensor], pixels: Tensor, recompute: bool) -> Tensor:
    """What a module gives; with ``recompute``, only its input is kept for the backward pass."""
    if not (recompute and torch.is_grad_enabled()):
        return module(pixels)
    # Nothing in the network draws random numbers.
    result: Tensor = checkpoint(module, pixels, use_reentrant=False, preserve_rng_state=False)
    return result


class BothMamba(nn.Module):
    """Both branches side by side, fused with two learned weights that add up to one.

    Attributes:
        recompute: Whether a branch keeps only its input for the backward pass.
    """

    def __init__(
        self,
        channels: int,
        token_num: int,
        use_residual: bool,
        group_num: int,
        use_att: bool,
        scan: str,
    ) -> None:
        super().__init__()
        self.use_residual = use_residual
        self.use_att = use_att
        self.recompute = False
        if use_att:
            self.weights = nn.Parameter(torch.ones(2) / 2)
        self.spa_mamba = SpaMamba(channels, use_residual, group_num, scan)
        self.spe_mamba = SpeMamba(channels, token_num, use_residual, group_num, scan)

    def forward(self, pixels: Tensor) -> Tensor:
        """Give (pixels, channels) for (pixels, channels)."""
        spatial, spectral = (
            run(branch, pixels, self.recompute) for branch in (self.spa_mamba, self.spe_mamba)
        )
        if self.use_att:
            weights = F.softmax(self.weights, dim=0)
            fused = spatial * weights[0] + spectral * weights[1]
        else:
            fused = spatial + spectral
        return fused + pixels if self.use_residual else fused


def branches(block: nn.Module) -> tuple[SpaMamba | None, SpeMamba | None]:
    """The spatial and the spectral branch of a block, None where it has none."""
    if isinstance(block, BothMamba):
        return block.spa_mamba, block.spe_mamba
    if isinstance(block, SpaMamba):
        return block, None
    assert isinstance(block, SpeMamba)
    return None, block
