"""The network's arithmetic on one strip of pixels, in plain PyTorch.

Every function takes and gives tables of float32, (pixels, channels), on the network's device. What
the strips before have left is handed in: the statistics of the group normalizations as
:class:`~mambahsi.network.moments.Moments`, what the spatial branch remembers as a
:class:`~mambahsi.scan.carry.Carry`.

:mod:`mambahsi.network.fused_strips` has the same functions in compiled kernels;
:func:`stages_for` takes them where they fit.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mambahsi.network import MambaHSI
from mambahsi.network.blocks import BothMamba, PixelGroupNorm, branches
from mambahsi.network.geometry import Pooling, pool_features
from mambahsi.network.mamba import STATES, TAPS, Mamba
from mambahsi.network.model import pointwise
from mambahsi.network.moments import Moments
from mambahsi.network.precision import linear
from mambahsi.scan import resolve_backend, selective_scan
from mambahsi.scan.carry import Carry
from mambahsi.streaming.tables import Buffers

CHUNK = 2048
CHUNK_ELSEWHERE = 2**14
"""Pixels whose intermediates, many times larger than the pixels, exist at a time: on the CPU,
where they should stay in its caches, and on a GPU, which wants many of them."""


class Stages(Protocol):
    """What this module and the one with compiled kernels have in common."""

    def measure(self, table: Tensor) -> Moments:
        """Moments of a table, (pixels, channels), at least one pixel."""

    def activate(self, table: Tensor, norm: PixelGroupNorm, moments: Moments) -> Tensor:
        """Group normalization and SiLU, in place."""

    def mix(self, block: nn.Module, x: Tensor, carry: Any) -> tuple[Any, Any]:
        """What a block's Mambas give, and its moments."""

    def combine(
        self, block: nn.Module, x: Tensor, mixed: Any, moments: Any, pooling: Pooling | None
    ) -> Tensor:
        """What a block gives."""


def stages_for(network: MambaHSI) -> Stages:
    """The module that computes a network's strips: the compiled one where it can."""
    import mambahsi.streaming.stages as plain

    device = next(network.parameters()).device
    single = network.precision == torch.float32
    if single and resolve_backend(network.scan, device.type) == "cpu":
        from mambahsi.network import fused_strips
        from mambahsi.network.fused import can_fuse

        if can_fuse(torch.empty(0, 0), network.hidden_dim):
            return fused_strips
    return plain


def embed(network: MambaHSI, levels: Tensor, buffers: Buffers) -> Tensor:
    """The embedding before its normalization.

    Args:
        network: The network.
        levels: 255 times the normalized bands; uint8 (pixels, bands).
        buffers: Memory for the result, and for the bands.

    Returns:
        (pixels, width).
    """
    layer = network.patch_embedding[0]
    assert isinstance(layer, nn.Conv2d) and layer.bias is not None
    # To the bit what Normalization.apply gives on the CPU; a GPU multiplies by the reciprocal.
    pixels = buffers.take("spectra", *levels.shape).copy_(levels).div_(255.0)
    if network.precision != torch.float32:
        return pointwise(layer, pixels, network.precision)
    out = buffers.take("embedding", len(levels), layer.out_channels)
    return torch.addmm(layer.bias, pixels, layer.weight.flatten(1).t(), out=out)


def measure(table: Tensor) -> Moments:
    """Moments of a table, float32 (pixels, channels) with at least one pixel."""
    moments = Moments.none(table.shape[1], table.device)
    for part in table.split(_chunk(table)):
        # Deviations from a mean that is near enough: sums of the values themselves would lose
        # the spread where it is small beside them.
        center = part.mean(0)
        deviations = part - center
        rest = deviations.sum(0).double()
        squares = deviations.square_().sum(0).double() - rest.square() / len(part)
        moments.join(Moments(len(part), center.double() + rest / len(part), squares))
    return moments


def activate(table: Tensor, norm: PixelGroupNorm, moments: Moments) -> Tensor:
    """Group normalization and SiLU, in place; ``moments`` are those of the whole scene."""
    center, inverse = moments.statistics(norm)
    scale = norm.weight.detach().double() * inverse
    shift = norm.bias.detach().double() - scale * center
    return F.silu(table.mul_(scale.float()).add_(shift.float()), inplace=True)


def mix(
    block: nn.Module, x: Tensor, carry: Carry | None
) -> tuple[list[Tensor | None], list[Moments | None]]:
    """What a block's Mambas give for the pixels that follow those seen before.

    Args:
        block: The block.
        x: Its input, (pixels, width), at least one pixel.
        carry: Of the spatial branch; is brought up to date.

    Returns:
        The spatial and the spectral branch, (pixels, width), and the moments of both; None
        where there is none.
    """
    spatial, spectral = branches(block)
    mixed: list[Tensor | None] = [None, None]
    if spatial is not None:
        assert carry is not None
        mixed[0] = mix_spatial(spatial.mamba, x, carry)
    if spectral is not None:
        mixed[1] = mix_spectral(spectral.mamba, x, spectral.token_num)
    return mixed, [None if table is None else measure(table) for table in mixed]


def mix_spatial(mamba: Mamba, x: Tensor, carry: Carry) -> Tensor:
    """The spatial branch's Mamba over the pixels that follow those seen before.

    Args:
        mamba: Its parameters.
        x: The next pixels of the sequence; (pixels, width).
        carry: What was before them; is brought up to date.

    Returns:
        (pixels, width).
    """
    if resolve_backend(mamba.backend, x.device.type) == "triton":
        from mambahsi.scan.gpu.mixer import mix_rows

        rows = x.to(mamba.precision) if x.dtype == torch.float32 else x
        return mix_rows(mamba.mixer_parameters(), rows, carry).to(x.dtype)

    def product(rows: Tensor, weight: Tensor) -> Tensor:
        return linear(rows, weight, None, mamba.precision)

    out = torch.empty_like(x)
    for part, target in _parts(x, out):
        inner, gate = product(part, mamba.in_proj.weight).chunk(2, dim=1)
        seen = torch.cat([carry.context, inner])
        carry.context = seen[-(TAPS - 1) :].clone()
        conv = mamba.conv1d
        u = F.silu(F.conv1d(seen.t()[None], conv.weight, conv.bias, groups=conv.groups))
        projected = product(u[0].t(), mamba.x_proj.weight)
        step, inward, outward = projected.split([mamba.rank, STATES, STATES], dim=1)
        result = selective_scan(
            u,
            product(step, mamba.dt_proj.weight).t()[None],
            -torch.exp(mamba.A_log),
            inward.t()[None],
            outward.t()[None],
            mamba.D,
            gate.t()[None],
            mamba.dt_proj.bias,
            delta_softplus=True,
            return_last_state=True,
            initial_state=carry.state.t()[None],
            backend=mamba.backend,
        )
        y, state = result
        carry.state = state[0].t()
        target.copy_(product(y[0].t(), mamba.out_proj.weight))
    return out


def mix_spectral(mamba: Mamba, x: Tensor, token_num: int) -> Tensor:
    """The spectral branch's Mamba over each pixel's channels in groups."""
    out = torch.empty_like(x)
    for part, target in _parts(x, out):
        target.copy_(mamba(part.view(len(part), token_num, -1)).view_as(part))
    return out


def combine(
    block: nn.Module,
    x: Tensor,
    mixed: list[Tensor | None],
    moments: list[Moments | None],
    pooling: Pooling | None,
) -> Tensor:
    """What a block gives, from its input and what :func:`mix` gave.

    Args:
        block: The block.
        x: Its input, (pixels, width).
        mixed: The branches; are used up.
        moments: Their moments over the whole scene.
        pooling: How the pixels form cells, or None not to pool.

    Returns:
        (cells, width), or (pixels, width) without pooling.
    """
    outputs = [
        activate(table, norm_of(branch.proj), moment)
        for table, moment, branch in zip(mixed, moments, branches(block), strict=True)
        if table is not None and moment is not None and branch is not None
    ]
    if block.use_residual:
        for table in outputs:
            table.add_(x)
    fused = outputs[0]
    if isinstance(block, BothMamba):
        if block.use_att:
            weights = F.softmax(block.weights, dim=0)
            fused = fused.mul_(weights[0]).add_(outputs[1].mul_(weights[1]))
        else:
            fused = fused.add_(outputs[1])
        if block.use_residual:
            fused = fused.add_(x)
    if pooling is None:
        return fused
    cells, fractions = pooling.cells.to(fused.device), pooling.fractions.to(fused.device)
    return pool_features(fused, cells, fractions)


def widen(network: MambaHSI, features: Tensor) -> Tensor:
    """The head's first layer, before its normalization."""
    return pointwise(network.cls_head[0], features, network.precision)


def classify(network: MambaHSI, activated: Tensor) -> Tensor:
    """Logits from what :func:`widen` gave, normalized and activated; (pixels, classes)."""
    return pointwise(network.cls_head[3], activated, network.precision)


def norm_of(layers: nn.Module) -> PixelGroupNorm:
    """The group normalization among the layers of an embedding, a branch or the head."""
    return next(layer for layer in layers.children() if isinstance(layer, PixelGroupNorm))


def _parts(x: Tensor, out: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    yield from zip(x.split(_chunk(x)), out.split(_chunk(x)), strict=True)


def _chunk(table: Tensor) -> int:
    return CHUNK if table.device.type == "cpu" else CHUNK_ELSEWHERE
