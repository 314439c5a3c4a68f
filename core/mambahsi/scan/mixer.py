"""A whole Mamba block in one differentiable function, for the ``cpu`` backend.

The stages of :mod:`mambahsi.scan.mixer_stages` follow each other chunk by chunk. Saved for the
backward pass are only the tokens and the scan's state before every segment of rows.

Two shapes occur. A *long* sequence is worked through from its start to its end, all threads
sharing each chunk. *Short* sequences, no longer than a segment, are divided among the
threads; nothing is saved for them.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from mambahsi import cancellation
from mambahsi.scan.carry import Carry
from mambahsi.scan.kernels import SEGMENT, STATES
from mambahsi.scan.mixer_stages import Backward, Forward
from mambahsi.scan.mixer_weights import MixerGradients, MixerWeights
from mambahsi.scan.threads import SOLO, Member, thread_count, work_together

CHUNK = 1024
"""Rows of a long sequence for each thread that works on a chunk; a multiple of the segment."""

SHORT_CHUNK = 2048
"""Rows of short sequences worked on together."""


def chunk_rows() -> int:
    """Rows of a long sequence that all threads work on together."""
    return CHUNK * thread_count()


def kept_states(w: MixerWeights, rows: int) -> Tensor:
    """Room for the states before every segment, (segments, states x channels)."""
    return torch.empty(-(-rows // SEGMENT), STATES * w.channels)


def context_before(w: MixerWeights, tokens: Tensor, start: int) -> Tensor:
    """The rows before row ``start`` as the convolution sees them, (reach, channels)."""
    context = torch.zeros(w.reach, w.channels)
    rows = min(start, w.reach)
    if rows:
        torch.mm(tokens[start - rows : start], w.x_in.t(), out=context[w.reach - rows :])
    return context


def mix_long(
    w: MixerWeights, tokens: Tensor, out: Tensor, carry: Carry, kept: Tensor | None
) -> None:
    """Run a block over the next rows of a sequence.

    Args:
        w: The block's weights.
        tokens: (rows, width), contiguous.
        out: Gets the result, (rows, width).
        carry: What the rows before have left; replaced by what these rows leave.
        kept: Gets the states, as :func:`kept_states` makes room for them, or None.

    Raises:
        Cancelled: A stop was asked for.
    """
    count, size = thread_count(), chunk_rows()
    starts = range(0, len(tokens), size)
    # While slower threads still project a chunk's result, faster ones begin with the next.
    stages = [Forward(w, size, count) for _ in range(min(2, count))]

    def work(member: Member) -> None:
        for number, start in enumerate(starts):
            chunk, stage = tokens[start : start + size], stages[number % len(stages)]
            n = len(chunk)
            stage.enter(member, chunk, carry)
            member.wait()
            stage.scan(member, n, carry, None if kept is None else kept[start // SEGMENT :])
            member.wait()
            a, b = member.share(n)
            stage.leave(a, b, out[start + a : start + b])

    work_together(work)


def _mix_long_backward(
    w: MixerWeights, tokens: Tensor, dout: Tensor, dtokens: Tensor, kept: Tensor
) -> MixerGradients:
    size = chunk_rows()
    stage = Backward(w, size, thread_count())

    def work(member: Member) -> None:
        for start in reversed(range(0, len(tokens), size)):
            part = slice(start, start + size)
            chunk, dchunk = tokens[part], dout[part]
            n = len(chunk)
            a, b = member.share(n)
            context = context_before(w, tokens, start)
            stage.enter(member, chunk, context)
            stage.project(a, b, dchunk[a:b])
            member.wait()
            stage.scan(member, n, kept[start // SEGMENT :])
            member.wait()
            stage.gather(member, chunk, dchunk, context)
            member.wait()
            dtokens[part][a:b] = stage.token_gradient(a, b)

    work_together(work)
    return stage.gradients


def short_unit(length: int) -> int:
    """Rows of short sequences that are worked on together: whole sequences."""
    return max(1, SHORT_CHUNK // length) * length


def short_forward(stage: Forward, tokens: Tensor, out: Tensor) -> None:
    """Run a block over at most :func:`short_unit` rows of short sequences."""
    stage.enter(SOLO, tokens, None)
    stage.scan(SOLO, len(tokens), None, None)
    stage.leave(0, len(tokens), out)


def short_backward(stage: Backward, tokens: Tensor, dout: Tensor) -> Tensor:
    """The gradient of the tokens of short sequences; those of the weights gather in ``stage``."""
    n = len(tokens)
    stage.enter(SOLO, tokens, None)
    stage.project(0, n, dout)
    stage.scan(SOLO, n, None)
    stage.gather(SOLO, tokens, dout, None)
    return stage.token_gradient(0, n)


def _mix_short(w: MixerWeights, tokens: Tensor, out: Tensor, length: int) -> None:
    unit = short_unit(length)

    def work(member: Member) -> None:
        a, b = member.share(len(tokens), unit)
        stage = Forward(w, min(unit, b - a), 1, length)
        for start in range(a, b, unit):
            cancellation.raise_if_requested()
            part = slice(start, min(start + unit, b))
            short_forward(stage, tokens[part], out[part])

    work_together(work)


def _mix_short_backward(
    w: MixerWeights, tokens: Tensor, dout: Tensor, dtokens: Tensor, length: int
) -> MixerGradients:
    unit = short_unit(length)
    stages = [Backward(w, min(unit, len(tokens)), 1, length) for _ in range(thread_count())]

    def work(member: Member) -> None:
        a, b = member.share(len(tokens), unit)
        for start in range(a, b, unit):
            cancellation.raise_if_requested()
            part = slice(start, min(start + unit, b))
            dtokens[part] = short_backward(stages[member.number], tokens[part], dout[part])

    work_together(work)
    return summed(stages)


def summed(stages: list[Backward]) -> MixerGradients:
    """What several threads have gathered, added in their order."""
    gradients = stages[0].gradients
    for stage in stages[1:]:
        gradients.add(stage.gradients)
    return gradients


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
                mix_long(w, flat[rows], out[rows], w.start(), states)
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
        sequences, length, width = tokens.shape
        flat = tokens.detach().view(-1, width)
        dout = gradients[0].contiguous().view(-1, width)
        dtokens = torch.empty_like(flat)
        if length <= SEGMENT:
            total = _mix_short_backward(w, flat, dout, dtokens, length)
        else:
            total = MixerGradients(w)
            for number in range(sequences):
                rows = slice(number * length, (number + 1) * length)
                total.add(
                    _mix_long_backward(w, flat[rows], dout[rows], dtokens[rows], ctx.kept[number])
                )
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
