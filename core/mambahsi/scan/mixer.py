"""A whole Mamba block in one differentiable function, for the ``cpu`` backend.

Chunk by chunk the rows go through :mod:`mambahsi.scan.mixer_chunks`. Saved for the backward
pass are only the tokens and, of long sequences, the scan's state before every segment of rows.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from mambahsi.scan.kernels import SEGMENT
from mambahsi.scan.mixer_chunks import (
    CHUNK,
    kept_states,
    long_backward,
    long_forward,
    short_backward,
    short_forward,
    short_unit,
)
from mambahsi.scan.mixer_stages import Backward, Forward
from mambahsi.scan.mixer_weights import MixerGradients, MixerWeights
from mambahsi.scan.pipeline import Pipeline
from mambahsi.scan.threads import work_together


def _mix_long(w: MixerWeights, tokens: Tensor, out: Tensor, kept: Tensor | None) -> None:
    carry, rows = w.start(), len(tokens)

    def work(pipeline: Pipeline) -> None:
        stage = Forward(w, min(CHUNK, rows))
        for part in pipeline.parts(rows, CHUNK):
            long_forward(stage, pipeline, part, tokens, out[part.start : part.stop], carry, kept)

    work_together(work)


def _mix_long_backward(
    w: MixerWeights,
    tokens: Tensor,
    dout: Tensor,
    dtokens: Tensor,
    kept: Tensor,
    total: MixerGradients,
) -> None:
    carry, rows = w.start(), len(tokens)

    def work(pipeline: Pipeline) -> None:
        stage = Backward(w, min(CHUNK, rows))
        for part in pipeline.parts(rows, CHUNK, backward=True):
            own = slice(part.start, part.stop)
            long_backward(
                stage, pipeline, part, tokens, dout[own], dtokens[own], kept, carry, total,
                add=False,
            )  # fmt: skip

    work_together(work)


def _mix_short(w: MixerWeights, tokens: Tensor, out: Tensor, length: int) -> None:
    rows, unit = len(tokens), short_unit(length)

    def work(pipeline: Pipeline) -> None:
        stage = Forward(w, min(unit, rows), length)
        for _, start, stop in pipeline.parts(rows, unit):
            short_forward(stage, tokens[start:stop], out[start:stop])

    work_together(work)


def _mix_short_backward(
    w: MixerWeights,
    tokens: Tensor,
    dout: Tensor,
    dtokens: Tensor,
    length: int,
    total: MixerGradients,
) -> None:
    rows, unit = len(tokens), short_unit(length)

    def work(pipeline: Pipeline) -> None:
        stage = Backward(w, min(unit, rows), length)
        for part in pipeline.parts(rows, unit):
            own = slice(part.start, part.stop)
            stage.gradients.clear()
            short_backward(stage, tokens[own], dout[own], dtokens[own], add=False)
            with pipeline.turn(part, "sums"):
                total.take(stage.gradients)

    work_together(work)


class _Mixer(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, keep: bool, tokens: Tensor, *parameters: Tensor) -> Tensor:
        w = MixerWeights.of(parameters)
        tokens = tokens.contiguous()
        sequences, length, width = tokens.shape
        flat = tokens.detach().reshape(-1, width)
        out = torch.empty_like(flat)
        kept: list[Tensor] = []
        if length <= SEGMENT:
            _mix_short(w, flat, out, length)
        else:
            saving = keep and any(ctx.needs_input_grad)
            for number in range(sequences):
                rows = slice(number * length, (number + 1) * length)
                states = kept_states(w, length) if saving else None
                _mix_long(w, flat[rows], out[rows], states)
                if states is not None:
                    kept.append(states)
        ctx.save_for_backward(tokens, *parameters)
        ctx.kept = kept
        return out.view_as(tokens)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        tokens, *parameters = ctx.saved_tensors
        w = MixerWeights.of(tuple(parameters))
        _, length, width = tokens.shape
        flat = tokens.detach().view(-1, width)
        dout = gradients[0].contiguous().view(-1, width)
        dtokens = torch.empty_like(flat)
        total = MixerGradients(w)
        if length <= SEGMENT:
            _mix_short_backward(w, flat, dout, dtokens, length, total)
        else:
            for number, kept in enumerate(ctx.kept):
                rows = slice(number * length, (number + 1) * length)
                _mix_long_backward(w, flat[rows], dout[rows], dtokens[rows], kept, total)
        channels = parameters[-1].shape[1]
        return (None, dtokens.view_as(tokens), *total.of_parameters(channels))


def mamba_mixer(
    tokens: Tensor,
    in_proj: Tensor,
    conv_weight: Tensor,
    conv_bias: Tensor,
    x_proj: Tensor,
    dt_proj: Tensor,
    dt_bias: Tensor,
    A: Tensor,
    D: Tensor,
    out_proj: Tensor,
) -> Tensor:
    """Run a Mamba block over sequences; differentiable in every tensor.

    All tensors are float32 on the CPU; d is the width of a token, c = 2 d the channels.

    Args:
        tokens: (sequences, length, d).
        in_proj: (2 c, d).
        conv_weight: (c, 1, taps).
        conv_bias: (c,).
        x_proj: (rank + 2 states, c).
        dt_proj: (c, rank).
        dt_bias: (c,).
        A: Rates, negative, (c, states).
        D: (c,).
        out_proj: (d, c).

    Returns:
        (sequences, length, d).

    Raises:
        Cancelled: A stop was asked for.
    """
    # Inside the function gradients are always off, and parameters claim to need them always.
    keep = torch.is_grad_enabled()
    result: Tensor = _Mixer.apply(
        keep, tokens, in_proj, conv_weight, conv_bias, x_proj, dt_proj, dt_bias, A, D, out_proj
    )
    return result
