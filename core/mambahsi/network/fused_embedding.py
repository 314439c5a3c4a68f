"""The embedding, computed in chunks of pixels.

Only its output is kept. The backward pass computes the features before their normalization
once more, which is one matrix product, in each of its two passes (see
:mod:`mambahsi.network.fused_gradient` for why there are two).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from mambahsi import cancellation
from mambahsi.network.blocks import PixelGroupNorm
from mambahsi.network.fused_scene import Measures, finish_norm_table, norm_table
from mambahsi.network.moments import Moments
from mambahsi.scan import table_kernels
from mambahsi.scan.mixer import CHUNK
from mambahsi.scan.table_kernels import SPATIAL, SUMS
from mambahsi.scan.threads import Member, thread_count, work_together
from mambahsi.scan.vector_code import LANES

_VARIANT = {"residual": False, "spatial": True, "spectral": False, "pooled": False}
"""To the kernels, the embedding is a block with one branch and without input."""


class Embedding(torch.autograd.Function):
    """Arguments: the normalization, spectra (pixels, bands), weight, bias, and those of the
    normalization. The spectra get no gradient."""

    @staticmethod
    def forward(
        ctx: Any,
        norm: PixelGroupNorm,
        pixels: Tensor,
        weight: Tensor,
        bias: Tensor,
        *parameters: Tensor,
    ) -> Tensor:
        out = torch.empty(len(pixels), len(weight))
        measures = Measures(-(-len(pixels) // CHUNK), len(weight))
        bare = weight.detach().t()

        def embed(member: Member) -> None:
            for a, b in _own(member, len(pixels)):
                torch.mm(pixels[a:b], bare, out=out[a:b])
                measures.take(a // CHUNK, out[a:b])

        work_together(embed)
        moments = measures.moments()
        # The products lack the bias, the statistics must not.
        moments.mean += bias.detach().double()
        table = _table(norm, moments, bias.detach())
        kernel = table_kernels.activate()

        def activate(member: Member) -> None:
            a, b = member.share(len(out))
            kernel(out[a:b], table, b - a, len(weight) // LANES)

        work_together(activate)
        ctx.save_for_backward(pixels, weight, bias)
        ctx.norm, ctx.moments = norm, moments
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        pixels, weight, bias = ctx.saved_tensors
        dout, bare = gradients[0].contiguous(), weight.detach().t()
        table = _table(ctx.norm, ctx.moments, bias.detach())
        width, tiles = len(weight), len(weight) // LANES
        factors = torch.zeros(3)
        factors[SPATIAL] = 1.0
        sums = torch.zeros(-(-len(pixels) // CHUNK), SUMS, width)
        sum_kernel = table_kernels.branch_sums(**_VARIANT)

        def add_up(member: Member) -> None:
            features = torch.empty(CHUNK, width)
            for a, b in _own(member, len(pixels)):
                e = features[: b - a]
                torch.mm(pixels[a:b], bare, out=e)
                sum_kernel(
                    None, e, None, table, None, factors, None, None, dout[a:b],
                    sums[a // CHUNK], b - a, tiles,
                )  # fmt: skip

        work_together(add_up)
        dnorm = finish_norm_table(table, ctx.norm, ctx.moments, sums.double().sum(0)[:2])
        gradient_kernel = table_kernels.branch_gradient(**_VARIANT)
        dweights = torch.zeros(thread_count(), *weight.shape)
        dbiases = torch.zeros(thread_count(), width)

        def descend(member: Member) -> None:
            features, dfeatures = torch.empty(2, CHUNK, width)
            for a, b in _own(member, len(pixels)):
                e, de = features[: b - a], dfeatures[: b - a]
                torch.mm(pixels[a:b], bare, out=e)
                gradient_kernel(
                    e, None, table, None, factors, None, None, dout[a:b], de, None, None,
                    b - a, tiles,
                )  # fmt: skip
                dweights[member.number] += de.t() @ pixels[a:b]
                dbiases[member.number] += de.sum(0)

        work_together(descend)
        return (None, None, dweights.sum(0), dbiases.sum(0), *dnorm)


def _own(member: Member, pixels: int) -> Iterator[tuple[int, int]]:
    """First pixel, and pixel after the last, of each chunk that a thread works on alone."""
    first, last = member.share(pixels, CHUNK)
    for start in range(first, last, CHUNK):
        cancellation.raise_if_requested()
        yield start, min(start + CHUNK, last)


def _table(norm: PixelGroupNorm, moments: Moments, bias: Tensor) -> Tensor:
    """The normalization, with the bias that the features still lack in it."""
    table = norm_table(norm, moments)
    table[table_kernels.SHIFT] += table[table_kernels.SCALE] * bias
    table[table_kernels.CENTER] -= bias
    return table
