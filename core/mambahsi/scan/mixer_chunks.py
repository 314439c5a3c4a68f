"""A Mamba block on one chunk of rows, forward and backward, by one thread.

Of a *long* sequence, threads work on several chunks at once. Only the scan has to wait for the
chunk before, whose state it starts from; in the backward pass also the convolution. Of *short*
sequences, no longer than a segment, a chunk takes whole ones, and waits for nothing.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mambahsi.scan.carry import Carry
from mambahsi.scan.kernels import SEGMENT, STATES
from mambahsi.scan.mixer_stages import Backward, Forward
from mambahsi.scan.mixer_weights import MixerGradients, MixerWeights
from mambahsi.scan.pipeline import Part, Pipeline

CHUNK = 1024
"""Most rows of a chunk of a long sequence; a multiple of the segment."""

SHORT_CHUNK = 2048
"""Rows of short sequences worked on together."""


def kept_states(w: MixerWeights, rows: int) -> Tensor:
    """Room for the states before every segment, (segments, states x channels)."""
    return torch.empty(-(-rows // SEGMENT), STATES * w.channels)


def context_before(w: MixerWeights, tokens: Tensor, start: int) -> Tensor:
    """The rows before row ``start`` as the convolution sees them, (reach, channels)."""
    context = torch.zeros(w.reach, w.channels)
    rows = min(start, w.reach)
    if rows:
        w.x_in.apply(tokens[start - rows : start], context[w.reach - rows :])
    return context


def long_forward(
    stage: Forward,
    pipeline: Pipeline,
    part: Part,
    tokens: Tensor,
    out: Tensor,
    carry: Carry,
    kept: Tensor | None,
    before: Tensor | None = None,
) -> None:
    """Run a block over a chunk of a long sequence.

    Args:
        stage: A thread's buffers.
        pipeline: What hands out the chunks.
        part: Which rows.
        tokens: Of all chunks, (rows, width), contiguous.
        out: Gets the chunk's result, (rows of the chunk, width); may be where its tokens are.
        carry: What the rows before the first chunk have left; replaced by what the last
            chunk leaves.
        kept: Gets the states, as :func:`kept_states` makes room for those of all chunks, or None.
        before: The rows before the chunk that its convolution sees, (reach, width), if they are
            not among ``tokens`` any more.
    """
    w, (_, start, stop) = stage.w, part
    # Three rows are projected once more sooner than waited for.
    if before is not None:
        context = context_before(w, before, w.reach)
    else:
        context = context_before(w, tokens, start) if start else carry.context.clone()
    stage.enter(tokens[start:stop], context)
    states = None if kept is None else kept[start // SEGMENT :]
    for first, last in pipeline.groups(w.tiles):
        with pipeline.turn(part, "scan", first):
            stage.scan(stop - start, carry.state, states, first, last)
    if stop == tokens.shape[0]:
        carry.context.copy_(context)
    stage.leave(out)


def long_again(stage: Forward, part: Part, tokens: Tensor, out: Tensor, kept: Tensor) -> None:
    """Run a block once more over a chunk, from the state kept before it."""
    w, (_, start, stop) = stage.w, part
    stage.enter(tokens[start:stop], context_before(w, tokens, start))
    state = kept[start // SEGMENT].view(STATES, w.channels).clone()
    stage.scan(stop - start, state, None, 0, w.tiles)
    stage.leave(out)


def long_backward(
    stage: Backward,
    pipeline: Pipeline,
    part: Part,
    tokens: Tensor,
    dout: Tensor,
    dtokens: Tensor,
    kept: Tensor,
    carry: Carry,
    total: MixerGradients,
    *,
    add: bool,
) -> None:
    """The gradients of a chunk of a long sequence; chunks come from the last to the first.

    Args:
        stage: A thread's buffers.
        pipeline: What hands out the chunks.
        part: Which rows.
        tokens: Of all chunks, (rows, width), contiguous.
        dout: Gradient of the chunk's result, (rows of the chunk, width).
        dtokens: Gets the gradient of the chunk's tokens, (rows of the chunk, width).
        kept: What :func:`long_forward` kept.
        carry: Gradients of what the rows of the chunk take from those before, for the next
            chunk; zeros at first.
        total: The weights' gradients are added to it.
        add: Whether the tokens' gradient is added to what is there.
    """
    w, (_, start, stop) = stage.w, part
    chunk, n, groups = tokens[start:stop], stop - start, pipeline.groups(w.tiles)
    context = context_before(w, tokens, start)
    stage.gradients.clear()
    stage.enter(chunk, context, dout)
    for first, last in groups:
        with pipeline.turn(part, "scan", first):
            stage.scan(n, kept[start // SEGMENT :], carry.state, first, last)
    stage.project(n)
    for first, last in groups:
        with pipeline.turn(part, "convolution", first):
            stage.convolve(n, context, carry.context, first, last)
    stage.leave(chunk, dout, dtokens, add=add)
    with pipeline.turn(part, "long sums"):
        total.take(stage.gradients)


def short_unit(length: int) -> int:
    """Rows of short sequences that are worked on together: whole sequences."""
    return max(1, SHORT_CHUNK // length) * length


def short_forward(stage: Forward, tokens: Tensor, out: Tensor) -> None:
    """Run a block over at most :func:`short_unit` rows of short sequences."""
    stage.enter(tokens, None)
    stage.scan(tokens.shape[0], None, None, 0, stage.w.tiles)
    stage.leave(out)


def short_backward(
    stage: Backward, tokens: Tensor, dout: Tensor, dtokens: Tensor, *, add: bool
) -> None:
    """The gradient of the tokens of short sequences; those of the weights gather in ``stage``."""
    n, tiles = len(tokens), stage.w.tiles
    stage.enter(tokens, None, dout)
    stage.scan(n, None, None, 0, tiles)
    stage.project(n)
    stage.convolve(n, None, None, 0, tiles)
    stage.leave(tokens, dout, dtokens, add=add)
