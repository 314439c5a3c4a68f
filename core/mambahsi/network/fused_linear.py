"""A 1 x 1 convolution with nothing behind it, computed in chunks of pixels.

PyTorch would divide such a product among its own threads, and what it gives would depend on
their number.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from mambahsi.scan.mixer_chunks import CHUNK
from mambahsi.scan.pipeline import Pipeline
from mambahsi.scan.products import Projection, add_weight_gradient
from mambahsi.scan.threads import work_together


class Linear(torch.autograd.Function):
    """Arguments: a table (pixels, channels), weight (outputs, channels), bias (outputs,)."""

    @staticmethod
    def forward(ctx: Any, pixels: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(pixels, weight)
        out = torch.empty(len(pixels), len(weight))
        # Threads do not see that gradients are switched off in here.
        pixels, projection, bias = pixels.detach(), Projection(weight.detach()), bias.detach()

        def work(pipeline: Pipeline) -> None:
            for _, a, b in pipeline.parts(len(pixels), CHUNK):
                projection.apply(pixels[a:b], out[a:b])
                out[a:b] += bias

        work_together(work)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        pixels, weight = (tensor.detach() for tensor in ctx.saved_tensors)
        dout = gradients[0].detach().contiguous()
        dpixels = torch.empty_like(pixels)
        projection = Projection(weight)
        dweight, dbias = torch.zeros_like(weight), torch.zeros(len(weight))

        def work(pipeline: Pipeline) -> None:
            for part in pipeline.parts(len(pixels), CHUNK):
                own = slice(part.start, part.stop)
                projection.gradient(dout[own], dpixels[own])
                of_weight, of_bias = torch.zeros_like(weight), dout[own].sum(0)
                add_weight_gradient(dout[own], pixels[own], of_weight)
                with pipeline.turn(part, "sums"):
                    dweight.add_(of_weight)
                    dbias.add_(of_bias)

        work_together(work)
        return dpixels, dweight, dbias
