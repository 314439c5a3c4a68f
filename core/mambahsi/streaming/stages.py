"""The network's arithmetic on one strip of pixels.

Every function takes and gives tables of float32, (pixels, channels), on the CPU. What the
strips before have left is handed in: the statistics of the group normalizations as a scale and
a shift per channel, what the spatial branch remembers as a :class:`Carry`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mambahsi.network import MambaHSI
from mambahsi.network.blocks import BothMamba, PixelGroupNorm, SpaMamba, SpeMamba
from mambahsi.network.mamba import STATES, TAPS, Mamba
from mambahsi.scan import selective_scan

CHUNK = 2048
"""Pixels whose intermediates, many times larger than the pixels, exist at a time."""

Affine = tuple[Tensor, Tensor]
"""A group normalization as scale and shift, float32 (channels,) each."""


@dataclass
class Carry:
    """What the spatial branch remembers of all pixels before.

    Attributes:
        context: Inputs of the convolution for its last rows, oldest first; (3, channels).
        state: State of the scan; (channels, states).
    """

    context: Tensor
    state: Tensor

    @classmethod
    def start(cls, mamba: Mamba) -> Carry:
        """Before the first pixel: nothing but zeros."""
        channels = mamba.out_proj.in_features
        return cls(torch.zeros(TAPS - 1, channels), torch.zeros(channels, STATES))


class Moments:
    """Mean and spread of each channel over all rows of a table that comes in parts.

    Parts are joined in float64 by the formula of Chan, Golub and LeVeque ("Updating formulae
    and a pairwise algorithm for computing sample variances", 1979), so it does not matter for
    the accuracy how large the mean is beside the spread.

    Attributes:
        count: Rows so far.
        mean: Mean by channel; float64 (channels,).
        squares: Sum of squared deviations from the mean by channel; float64 (channels,).
    """

    def __init__(self, channels: int) -> None:
        self.count = 0
        self.mean = torch.zeros(channels, dtype=torch.float64)
        self.squares = torch.zeros(channels, dtype=torch.float64)

    def add(self, table: Tensor) -> None:
        """Count the rows of a table, float32 (rows, channels)."""
        for part in table.split(CHUNK):
            rows = len(part)
            if not rows:
                continue
            # Deviations from a mean that is near enough: sums of the values themselves would
            # lose the spread where it is small beside them.
            center = part.mean(0)
            deviations = part - center
            rest = deviations.sum(0).double()
            squares = deviations.square_().sum(0).double() - rest.square() / rows
            mean = center.double() + rest / rows
            total = self.count + rows
            difference = mean - self.mean
            self.mean += difference * (rows / total)
            self.squares += squares + difference.square() * (self.count * rows / total)
            self.count = total

    def affine(self, norm: PixelGroupNorm) -> Affine:
        """The group normalization that these moments are the statistics of.

        (Wu and He 2018, arXiv:1803.08494.) A group's variance is the mean of its channels'
        variances and of the squared distances of their means from the group's.
        """
        means = self.mean.view(norm.num_groups, -1)
        center = means.mean(1, keepdim=True)
        variances = self.squares.view(norm.num_groups, -1) / self.count
        variance = (variances + (means - center).square()).mean(1, keepdim=True)
        inverse = torch.rsqrt(variance + norm.eps).expand_as(means).flatten()
        scale = norm.weight.detach().double() * inverse
        shift = norm.bias.detach().double() - scale * center.expand_as(means).flatten()
        return scale.float(), shift.float()


def spectra(levels: Tensor) -> Tensor:
    """Normalized bands from their levels, uint8 (pixels, bands): the very same float32."""
    return levels.float().div_(255.0)


def embed(network: MambaHSI, pixels: Tensor) -> Tensor:
    """The embedding before its normalization: (pixels, bands) to (pixels, width)."""
    return _pointwise(network.patch_embedding[0], pixels)


def activate(features: Tensor, affine: Affine) -> Tensor:
    """Group normalization and SiLU, in place."""
    scale, shift = affine
    return F.silu(features.mul_(scale).add_(shift), inplace=True)


def mix_spatial(mamba: Mamba, x: Tensor, carry: Carry) -> Tensor:
    """The spatial branch's Mamba over the pixels that follow those seen before.

    Args:
        mamba: Its parameters.
        x: The next pixels of the sequence; (pixels, width).
        carry: What was before them; is brought up to date.

    Returns:
        (pixels, width).
    """
    out = torch.empty_like(x)
    for part, target in _parts(x, out):
        inner, gate = mamba.in_proj(part).chunk(2, dim=1)
        seen = torch.cat([carry.context, inner])
        carry.context = seen[-(TAPS - 1) :].clone()
        conv = mamba.conv1d
        u = F.silu(F.conv1d(seen.t()[None], conv.weight, conv.bias, groups=conv.groups))
        projected = mamba.x_proj(u[0].t())
        step, inward, outward = projected.split([mamba.rank, STATES, STATES], dim=1)
        result = selective_scan(
            u,
            (step @ mamba.dt_proj.weight.t()).t()[None],
            -torch.exp(mamba.A_log),
            inward.t()[None],
            outward.t()[None],
            mamba.D,
            gate.t()[None],
            mamba.dt_proj.bias,
            delta_softplus=True,
            return_last_state=True,
            initial_state=carry.state[None],
            backend=mamba.backend,
        )
        y, state = result
        carry.state = state[0]
        torch.mm(y[0].t(), mamba.out_proj.weight.t(), out=target)
    return out


def mix_spectral(mamba: Mamba, x: Tensor, token_num: int) -> Tensor:
    """The spectral branch's Mamba over each pixel's channels in groups."""
    out = torch.empty_like(x)
    for part, target in _parts(x, out):
        target.copy_(mamba(part.view(len(part), token_num, -1)).view_as(part))
    return out


def branches(block: nn.Module) -> tuple[SpaMamba | None, SpeMamba | None]:
    """The spatial and the spectral branch of a block, None where it has none."""
    if isinstance(block, BothMamba):
        return block.spa_mamba, block.spe_mamba
    if isinstance(block, SpaMamba):
        return block, None
    assert isinstance(block, SpeMamba)
    return None, block


def combine(
    block: nn.Module,
    x: Tensor,
    s: Tensor | None,
    p: Tensor | None,
    affine_s: Affine | None,
    affine_p: Affine | None,
) -> Tensor:
    """A block's output from its input and what its branches' Mambas gave.

    Args:
        block: The block.
        x: Its input; (pixels, width).
        s: What :func:`mix_spatial` gave, or None without this branch; is used up.
        p: What :func:`mix_spectral` gave, or None without this branch; is used up.
        affine_s: Normalization of ``s``.
        affine_p: Normalization of ``p``.

    Returns:
        (pixels, width).
    """
    outputs = [
        activate(mixed, affine)
        for mixed, affine in ((s, affine_s), (p, affine_p))
        if mixed is not None and affine is not None
    ]
    if block.use_residual:
        for mixed in outputs:
            mixed.add_(x)
    if not isinstance(block, BothMamba):
        return outputs[0]
    spatial, spectral = outputs
    if block.use_att:
        weights = F.softmax(block.weights, dim=0)
        fused = spatial.mul_(weights[0]).add_(spectral.mul_(weights[1]))
    else:
        fused = spatial.add_(spectral)
    return fused.add_(x) if block.use_residual else fused


def widen(network: MambaHSI, features: Tensor) -> Tensor:
    """The head's first layer, before its normalization."""
    return _pointwise(network.cls_head[0], features)


def classify(network: MambaHSI, widened: Tensor, affine: Affine) -> Tensor:
    """Logits from what :func:`widen` gave, which is used up; (pixels, classes)."""
    return _pointwise(network.cls_head[3], activate(widened, affine))


def norm_of(layers: nn.Module) -> PixelGroupNorm:
    """The group normalization among the layers of an embedding, a branch or the head."""
    return next(layer for layer in layers.children() if isinstance(layer, PixelGroupNorm))


def _pointwise(layer: nn.Module, pixels: Tensor) -> Tensor:
    """A 1 x 1 convolution on a table of pixels."""
    assert isinstance(layer, nn.Conv2d)
    return F.linear(pixels, layer.weight.flatten(1), layer.bias)


def _parts(x: Tensor, out: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    yield from zip(x.split(CHUNK), out.split(CHUNK), strict=True)
