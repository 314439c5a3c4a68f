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
from mambahsi.scan.threads import work_together


class Linear(torch.autograd.Function):
    """Arguments: a table (pixels, channels), weight (outputs, channels), bias (outputs,)."""

    @staticmethod
    def forward(ctx: Any, pixels: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(pixels, weight)
        out = torch.empty(len(pixels), len(weight))
        # Threads do not see that gradients are switched off in here.
        pixels, weight, bias = pixels.detach(), weight.detach(), bias.detach()

        def work(pipeline: Pipeline) -> None:
            for _, a, b in pipeline.parts(len(pixels), CHUNK):
                torch.addmm(bias, pixels[a:b], weight.t(), out=out[a:b])

        work_together(work)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        pixels, weight = (tensor.detach() for tensor in ctx.saved_tensors)
        dout = gradients[0].detach().contiguous()
        dpixels = torch.empty_like(pixels)
        dweight, dbias = torch.zeros_like(weight), torch.zeros(len(weight))

        def work(pipeline: Pipeline) -> None:
            for part in pipeline.parts(len(pixels), CHUNK):
                own = slice(part.start, part.stop)
                torch.mm(dout[own], weight, out=dpixels[own])
                of_weight, of_bias = dout[own].t() @ pixels[own], dout[own].sum(0)
                with pipeline.turn(part, "sums"):
                    dweight.add_(of_weight)
                    dbias.add_(of_bias)

        work_together(work)
        return dpixels, dweight, dbias
