"""The network in the published formulation: images, as PyTorch's own layers take them.

The comparators are Mamba blocks, so they need a network around them, and it should be the one
that people run: features as (1, channels, rows, columns), ``nn.GroupNorm``, average pooling and
bilinear interpolation of PyTorch, copies between the layout of images and that of sequences.
Parameters have the published names, so one state dict fits this network and ours, and both
give the same logits, which is checked before anything is timed.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

TOKENS = 4
GROUPS = 4
HEAD_WIDTH = 128

BlockMaker = Callable[[int], nn.Module]
"""Gives a Mamba block for a width: (sequences, length, width) to the same."""


def _normalized(channels: int) -> nn.Sequential:
    return nn.Sequential(nn.GroupNorm(GROUPS, channels), nn.SiLU())


class SpatialBranch(nn.Module):
    """All pixels row by row as one sequence."""

    def __init__(self, channels: int, make_block: BlockMaker) -> None:
        super().__init__()
        self.mamba = make_block(channels)
        self.proj = _normalized(channels)

    def forward(self, image: Tensor) -> Tensor:
        """Give (1, channels, rows, columns) for the same."""
        _, channels, rows, columns = image.shape
        tokens = image.permute(0, 2, 3, 1).reshape(1, rows * columns, channels)
        mixed = self.mamba(tokens).reshape(1, rows, columns, channels).permute(0, 3, 1, 2)
        return self.proj(mixed.contiguous()) + image


class SpectralBranch(nn.Module):
    """The channels of each pixel, in groups, as a short sequence."""

    def __init__(self, channels: int, make_block: BlockMaker) -> None:
        super().__init__()
        self.mamba = make_block(channels // TOKENS)
        self.proj = _normalized(channels)

    def forward(self, image: Tensor) -> Tensor:
        """Give (1, channels, rows, columns) for the same."""
        _, channels, rows, columns = image.shape
        tokens = image.permute(0, 2, 3, 1).reshape(rows * columns, TOKENS, channels // TOKENS)
        mixed = self.mamba(tokens).reshape(1, rows, columns, channels).permute(0, 3, 1, 2)
        return self.proj(mixed.contiguous()) + image


class Fusion(nn.Module):
    """Both branches, weighted by a softmax over two learned numbers."""

    def __init__(self, channels: int, make_block: BlockMaker) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.ones(2) / 2)
        self.spa_mamba = SpatialBranch(channels, make_block)
        self.spe_mamba = SpectralBranch(channels, make_block)

    def forward(self, image: Tensor) -> Tensor:
        """Give (1, channels, rows, columns) for the same."""
        weights = F.softmax(self.weights, dim=0)
        fused = self.spa_mamba(image) * weights[0] + self.spe_mamba(image) * weights[1]
        return fused + image


class ImageNetwork(nn.Module):
    """MambaHSI on images (Li et al. 2024, doi:10.1109/TGRS.2024.3430985)."""

    def __init__(self, bands: int, width: int, classes: int, make_block: BlockMaker) -> None:
        """Build the network.

        Args:
            bands: Bands of the scene.
            width: Width of the features.
            classes: Number of classes.
            make_block: The Mamba block that is compared.
        """
        super().__init__()
        self.patch_embedding = nn.Sequential(nn.Conv2d(bands, width, 1), *_normalized(width))
        self.mamba = nn.Sequential(
            Fusion(width, make_block),
            nn.AvgPool2d(2),
            Fusion(width, make_block),
            nn.AvgPool2d(2),
            Fusion(width, make_block),
        )
        self.cls_head = nn.Sequential(
            nn.Conv2d(width, HEAD_WIDTH, 1),
            *_normalized(HEAD_WIDTH),
            nn.Conv2d(HEAD_WIDTH, classes, 1),
        )

    def forward(self, image: Tensor) -> Tensor:
        """Logits of every pixel.

        Args:
            image: Normalized scene, (1, bands, rows, columns).

        Returns:
            (1, classes, rows, columns).
        """
        coarse = self.cls_head(self.mamba(self.patch_embedding(image)))
        return F.interpolate(coarse, image.shape[2:], mode="bilinear", align_corners=True)
