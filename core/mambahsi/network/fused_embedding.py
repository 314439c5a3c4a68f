"""A 1 x 1 convolution, normalized and activated, computed in chunks of pixels.

The embedding is one, the head begins with one. Only the output is kept. The backward pass
computes the features before their normalization once more, which is one matrix product, in each
of its two passes (see :mod:`mambahsi.network.fused_gradient` for why there are two).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from mambahsi.allocator import spare_tables
from mambahsi.network.blocks import PixelGroupNorm
from mambahsi.network.fused_scene import Measures
from mambahsi.network.moments import Moments
from mambahsi.network.norm_tables import finish_norm_table, norm_table
from mambahsi.scan import table_kernels
from mambahsi.scan.mixer_chunks import CHUNK
from mambahsi.scan.pipeline import Pipeline
from mambahsi.scan.products import Projection, add_weight_gradient
from mambahsi.scan.table_kernels import SUMS
from mambahsi.scan.table_rows import CENTER, SCALE, SHIFT, SPATIAL
from mambahsi.scan.threads import work_together
from mambahsi.scan.vector_code import LANES

_VARIANT = {"residual": False, "spatial": True, "spectral": False, "pooled": False}
"""To the kernels, the embedding is a block with one branch and without input."""


class Embedding(torch.autograd.Function):
    """Arguments: the normalization, a table (pixels, bands), weight, bias, and those of the
    normalization."""

    @staticmethod
    def forward(
        ctx: Any,
        norm: PixelGroupNorm,
        pixels: Tensor,
        weight: Tensor,
        bias: Tensor,
        *parameters: Tensor,
    ) -> Tensor:
        spare_tables.drop()
        out = torch.empty(len(pixels), len(weight))
        moments, values = embed(norm, pixels, weight, bias, out)
        kernel = table_kernels.activate()

        def activate(pipeline: Pipeline) -> None:
            for _, a, b in pipeline.parts(len(out), CHUNK):
                kernel(out[a:b], values, b - a, len(weight) // LANES)

        work_together(activate)
        ctx.save_for_backward(pixels, weight, bias)
        ctx.norm, ctx.moments = norm, moments
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        pixels, weight, bias = (tensor.detach() for tensor in ctx.saved_tensors)
        dout, projection = gradients[0].detach().contiguous(), Projection(weight)
        table = _table(ctx.norm, ctx.moments, bias.detach())
        width, tiles = len(weight), len(weight) // LANES
        factors = torch.zeros(3)
        factors[SPATIAL] = 1.0
        sums = torch.zeros(-(-len(pixels) // CHUNK), SUMS, width)
        sum_kernel = table_kernels.branch_sums(**_VARIANT)

        def add_up(pipeline: Pipeline) -> None:
            features = torch.empty(CHUNK, width)
            for _, a, b in pipeline.parts(len(pixels), CHUNK):
                e = features[: b - a]
                projection.apply(pixels[a:b], e)
                sum_kernel(
                    None, e, None, table, None, factors, None, None, dout[a:b],
                    sums[a // CHUNK], b - a, tiles,
                )  # fmt: skip

        work_together(add_up)
        dnorm = finish_norm_table(table, ctx.norm, ctx.moments, sums.double().sum(0)[:2])
        gradient_kernel = table_kernels.branch_gradient(**_VARIANT)
        # Turned, because the width is a multiple of what a product writes at a time.
        dweight, dbias = torch.zeros_like(weight.t()), torch.zeros(width)
        # Spectra get no gradient, the features that come to the head do.
        dpixels = torch.empty_like(pixels) if ctx.needs_input_grad[1] else None

        def descend(pipeline: Pipeline) -> None:
            features, dfeatures = torch.empty(2, CHUNK, width)
            for part in pipeline.parts(len(pixels), CHUNK):
                a, b = part.start, part.stop
                e, de = features[: b - a], dfeatures[: b - a]
                projection.apply(pixels[a:b], e)
                gradient_kernel(
                    e, None, table, None, factors, None, None, dout[a:b], de, None, None,
                    b - a, tiles,
                )  # fmt: skip
                of_weight, of_bias = torch.zeros(dweight.shape), de.sum(0)
                add_weight_gradient(pixels[a:b], de, of_weight)
                if dpixels is not None:
                    projection.gradient(de, dpixels[a:b])
                with pipeline.turn(part, "sums"):
                    dweight.add_(of_weight)
                    dbias.add_(of_bias)

        work_together(descend)
        return (None, dpixels, dweight.t(), dbias, *dnorm)


def embedding_parts(
    layers: Iterable[nn.Module],
) -> tuple[PixelGroupNorm, Tensor, Tensor, Tensor, Tensor]:
    """The normalization; weight and bias of the convolution; those of the normalization."""
    convolution, norm, _ = layers
    assert isinstance(convolution, nn.Conv2d) and convolution.bias is not None
    assert isinstance(norm, PixelGroupNorm)
    return norm, convolution.weight.flatten(1), convolution.bias, norm.weight, norm.bias


def embed(
    norm: PixelGroupNorm, pixels: Tensor, weight: Tensor, bias: Tensor, out: Tensor
) -> tuple[Moments, Tensor]:
    """The features before their normalization, without the bias.

    Args:
        norm: The normalization.
        pixels: (pixels, bands).
        weight: (width, bands).
        bias: (width,).
        out: Gets the features, (pixels, width).

    Returns:
        Their moments, with the bias; and the normalization as the kernels take it, which adds
        the bias.
    """
    measures = Measures(-(-len(pixels) // CHUNK), len(weight))
    # Threads do not see that gradients are switched off where they were called from.
    table, bias, projection = pixels.detach(), bias.detach(), Projection(weight.detach())

    def work(pipeline: Pipeline) -> None:
        for _, a, b in pipeline.parts(len(table), CHUNK):
            projection.apply(table[a:b], out[a:b])
            measures.take(a // CHUNK, out[a:b])

    work_together(work)
    moments = measures.moments()
    # The products lack the bias, the statistics must not.
    moments.mean += bias.double()
    return moments, _table(norm, moments, bias)


def _table(norm: PixelGroupNorm, moments: Moments, bias: Tensor) -> Tensor:
    """The normalization, with the bias that the features still lack in it."""
    table = norm_table(norm, moments)
    table[SHIFT] += table[SCALE] * bias
    table[CENTER] -= bias
    return table
