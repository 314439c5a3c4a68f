"""The network's parts as differentiable functions, for the ``cpu`` scan backend.

Kept for the backward pass are a block's input, its two branches before their normalization,
and the scan's states between segments; with ``recompute`` not even the branches, which are
then computed twice more. Of the embedding, only its output.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from mambahsi.network.blocks import BothMamba, PixelGroupNorm, branches
from mambahsi.network.fused_embedding import Embedding, embedding_parts
from mambahsi.network.fused_gradient import BlockGradient
from mambahsi.network.fused_linear import Linear
from mambahsi.network.fused_scene import BlockLayout, BlockScene, Branch
from mambahsi.network.geometry import Pooling
from mambahsi.scan.mixer_chunks import kept_states
from mambahsi.scan.vector_code import LANES

__all__ = ["can_fuse", "fused_block", "fused_embedding", "fused_head"]


def can_fuse(pixels: Tensor, width: int) -> bool:
    """Whether the functions of this module take these pixels; they give them no gradient."""
    return pixels.dtype == torch.float32 and width % LANES == 0 and not pixels.requires_grad


def fused_embedding(layers: Iterable[nn.Module], pixels: Tensor) -> Tensor:
    """Embed spectra: 1 x 1 convolution, group normalization, SiLU.

    Args:
        layers: The network's ``patch_embedding``, or what is alike.
        pixels: (pixels, bands).

    Returns:
        (pixels, width).

    Raises:
        Cancelled: A stop was asked for.
    """
    norm, *parameters = embedding_parts(layers)
    result: Tensor = Embedding.apply(norm, pixels.contiguous(), *parameters)
    return result


def fused_head(layers: Iterable[nn.Module], features: Tensor) -> Tensor:
    """Classify features: 1 x 1 convolution, group normalization, SiLU, 1 x 1 convolution.

    Args:
        layers: The network's ``cls_head``.
        features: (cells, width).

    Returns:
        Logits, (cells, classes).

    Raises:
        Cancelled: A stop was asked for.
    """
    *widen, classify = layers
    assert isinstance(classify, nn.Conv2d) and classify.bias is not None
    activated = fused_embedding(widen, features)
    result: Tensor = Linear.apply(activated, classify.weight.flatten(1), classify.bias)
    return result


def fused_block(block: nn.Module, x: Tensor, pooling: Pooling | None, recompute: bool) -> Tensor:
    """Run a block and pool what it gives.

    Args:
        block: Of either branch or of both.
        x: (pixels, width).
        pooling: How the pixels form cells, or None not to pool.
        recompute: Whether to keep less for the backward pass, and compute it again there.

    Returns:
        (cells, width), or (pixels, width) without pooling.

    Raises:
        Cancelled: A stop was asked for.
    """
    branches, factors, parameters = block_parts(block, x)
    layout = BlockLayout(*branches, pooling, recompute)
    result: Tensor = FusedBlock.apply(
        layout, torch.is_grad_enabled(), x.contiguous(), factors, *parameters
    )
    return result


def block_parts(
    block: nn.Module, x: Tensor
) -> tuple[tuple[Branch | None, Branch | None], Tensor, list[Tensor]]:
    """A block as the kernels see it.

    Returns:
        Its spatial and its spectral branch; the factors of its input and of both branches'
        outputs; the parameters of each branch's Mamba and normalization.
    """
    spatial, spectral = branches(block)
    residual = 1.0 if block.use_residual else 0.0
    if isinstance(block, BothMamba):
        weights = F.softmax(block.weights, dim=0) if block.use_att else x.new_ones(2)
        # The input comes in with each branch's residual, and once more with the block's.
        factors = torch.cat([residual * (weights.sum(0, keepdim=True) + 1.0), weights])
    else:
        factors = x.new_tensor([residual, float(spatial is not None), float(spectral is not None)])
    parameters: list[Tensor] = []
    found: list[Branch | None] = []
    for branch, tokens in ((spatial, 0), (spectral, spectral.token_num if spectral else 0)):
        if branch is None:
            found.append(None)
            continue
        norm = branch.proj[0]
        assert isinstance(norm, PixelGroupNorm)
        found.append(Branch(norm, tokens))
        parameters += [*branch.mamba.mixer_parameters(), norm.weight, norm.bias]
    return (found[0], found[1]), factors, parameters


class FusedBlock(torch.autograd.Function):
    """The arguments: a layout, whether a backward pass will come, the input, three factors, and
    for each branch the parameters of its Mamba and of its normalization."""

    @staticmethod
    def forward(
        ctx: Any,
        layout: BlockLayout,
        keep: bool,
        x: Tensor,
        factors: Tensor,
        *parameters: Tensor,
    ) -> Tensor:
        scene = BlockScene(layout, x.detach(), factors, parameters)
        spatial, spectral = (
            torch.empty_like(scene.x) if branch else None
            for branch in (layout.spatial, layout.spectral)
        )
        kept = kept_states(scene.spatial, scene.pixels) if keep and scene.spatial else None
        moments = scene.run(spatial, spectral, kept)
        out = scene.combine(spatial, spectral, moments)
        if keep:
            saved = (None, None) if layout.recompute else (spatial, spectral)
            # What is saved so is freed by the backward pass, not only with the graph.
            ctx.save_for_backward(x, factors, kept, *saved, *parameters)
            ctx.layout, ctx.moments = layout, moments
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, factors, kept, spatial, spectral, *parameters = ctx.saved_tensors
        scene = BlockScene(ctx.layout, x.detach(), factors, tuple(parameters))
        found = BlockGradient(
            scene, kept, [spatial, spectral], ctx.moments, gradients[0].contiguous()
        )
        return (None, None, found.dx, found.dfactors, *found.parameters)
