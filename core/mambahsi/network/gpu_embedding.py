"""A 1 x 1 convolution, normalized and activated, on a GPU.

The embedding is one, the head begins with one. Kept for the backward pass is nothing but the
input: the features before their normalization are one product, which is computed again, part by
part, in each of two passes (see :mod:`mambahsi.network.gpu_block` for why there are two).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from mambahsi import cancellation
from mambahsi.network import gpu_tables
from mambahsi.network.blocks import PixelGroupNorm
from mambahsi.network.gpu_tables import Output
from mambahsi.network.norm_tables import finish_norm_table, norm_table
from mambahsi.network.precision import linear
from mambahsi.scan.table_rows import SPATIAL

PART = 2**16
"""Rows that are worked on together in the backward pass."""


def gpu_embedding(
    layers: Iterable[nn.Module], pixels: Tensor, precision: torch.dtype = torch.float32
) -> Tensor:
    """Run a 1 x 1 convolution, a group normalization and SiLU.

    Args:
        layers: The network's ``patch_embedding``, or what is alike.
        pixels: (pixels, bands).
        precision: What the product is computed in; its gradients in float32.

    Returns:
        (pixels, width).

    Raises:
        Cancelled: A stop was asked for.
    """
    convolution, norm, _ = layers
    assert isinstance(convolution, nn.Conv2d) and isinstance(norm, PixelGroupNorm)
    result: Tensor = _Embedding.apply(
        norm,
        precision,
        pixels.contiguous(),
        convolution.weight.flatten(1),
        convolution.bias,
        norm.weight,
        norm.bias,
    )
    return result


class _Embedding(torch.autograd.Function):
    """Arguments: the normalization, the precision, a table (pixels, bands), weight, bias, and
    those of the normalization."""

    @staticmethod
    def forward(
        ctx: Any,
        norm: PixelGroupNorm,
        precision: torch.dtype,
        pixels: Tensor,
        weight: Tensor,
        bias: Tensor,
        *parameters: Tensor,
    ) -> Tensor:
        cancellation.raise_if_requested()
        features = linear(pixels, weight, bias, precision)
        moments = gpu_tables.measure(features)
        table = norm_table(norm, moments)
        gpu_tables.combine(None, features, None, (table, None), _factors(pixels), None, features)
        ctx.save_for_backward(pixels, weight, bias)
        ctx.norm, ctx.moments, ctx.precision = norm, moments, precision
        return features

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        cancellation.raise_if_requested()
        pixels, weight, bias = ctx.saved_tensors
        dout, factors = gradients[0].contiguous(), _factors(pixels)
        table = norm_table(ctx.norm, ctx.moments)

        def parts() -> Iterator[tuple[slice, Tensor, Output]]:
            for start in range(0, len(pixels), PART):
                rows = slice(start, start + PART)
                features = linear(pixels[rows], weight, bias, ctx.precision)
                yield rows, features, Output(dout[rows], None)

        sums = sum(
            gpu_tables.branch_sums(features, table, factors, SPATIAL, output)
            for _, features, output in parts()
        )
        assert isinstance(sums, Tensor)
        dnorm = finish_norm_table(table, ctx.norm, ctx.moments, sums[:2])
        dweight, dbias = torch.zeros_like(weight), torch.zeros_like(bias)
        # Spectra get no gradient, the features that come to the head do.
        dpixels = torch.empty_like(pixels) if ctx.needs_input_grad[2] else None
        for rows, features, output in parts():
            gpu_tables.branch_gradient(features, table, factors, SPATIAL, output, features)
            dweight.addmm_(features.t(), pixels[rows])
            dbias += features.sum(0)
            if dpixels is not None:
                torch.mm(features, weight, out=dpixels[rows])
        return (None, None, dpixels, dweight, dbias, *dnorm)


def _factors(pixels: Tensor) -> Tensor:
    """To the kernels, the embedding is a block with one branch."""
    factors = torch.zeros(3, device=pixels.device)
    factors[SPATIAL] = 1.0
    return factors
