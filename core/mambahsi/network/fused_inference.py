"""The embedding and blocks of both branches, where no backward pass will come.

Nothing has to be kept then, so two tables of (pixels, width) suffice, and what the system takes
to give fresh memory is saved as well. One holds a block's input and then, chunk by chunk in its
place, the spatial branch; the other the spectral branch, and then what input and spectral
branch give together. Later blocks, on coarser grids, find room in the tables of the first.

The numbers are those of :func:`mambahsi.network.fused.fused_block`, to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn

from mambahsi.network.blocks import BothMamba
from mambahsi.network.fused import block_parts
from mambahsi.network.fused_embedding import embed, embedding_parts
from mambahsi.network.fused_scene import (
    BlockLayout,
    BlockRows,
    BlockScene,
    Measures,
)
from mambahsi.network.geometry import Pooling
from mambahsi.network.norm_tables import norm_table
from mambahsi.scan import table_kernels
from mambahsi.scan.mixer_chunks import CHUNK
from mambahsi.scan.pipeline import Pipeline
from mambahsi.scan.table_rows import INPUT, SPATIAL, SPECTRAL
from mambahsi.scan.threads import work_together


def can_infer(blocks: Iterable[nn.Module]) -> bool:
    """Whether :func:`infer_features` takes these blocks: gradients are off, and each has both
    branches."""
    return not torch.is_grad_enabled() and all(isinstance(block, BothMamba) for block in blocks)


def infer_features(
    embedding: Iterable[nn.Module],
    blocks: Iterable[nn.Module],
    pixels: Tensor,
    poolings: Sequence[Pooling | None],
    lend: Callable[[int, int], Tensor],
) -> Tensor:
    """The features that come to the head.

    Args:
        embedding: The network's ``patch_embedding``.
        blocks: Its blocks.
        pixels: (pixels, bands).
        poolings: How each block's output is pooled, or None.
        lend: Gives a table of so many rows and columns to write.

    Returns:
        (cells, width), in a table that was lent.

    Raises:
        Cancelled: A stop was asked for.
    """
    norm, weight, bias, *_ = embedding_parts(embedding)
    x = lend(len(pixels), len(weight))
    _, table = embed(norm, pixels, weight, bias, x)
    activation: Tensor | None = table
    spectral = lend(*x.shape)
    # The rooms that blocks' outputs find in turn; the first output is a quarter of the input.
    here: Tensor = x
    there: Tensor | None = None
    for block, pooling in zip(blocks, poolings, strict=True):
        rows = len(pooling.members) if pooling else len(x)
        if there is None or len(there) < rows:
            there = lend(rows, x.shape[1])
        x = _infer_block(block, x, spectral[: len(x)], there[:rows], pooling, activation)
        here, there, activation = there, here, None
    return x


def _infer_block(
    block: nn.Module,
    x: Tensor,
    p: Tensor,
    out: Tensor,
    pooling: Pooling | None,
    activation: Tensor | None,
) -> Tensor:
    """What a block gives, put into ``out``; the input ``x`` and the room ``p`` are used up.

    With ``activation``, a normalization's table, the input is still to be activated.
    """
    branches, factors, parameters = block_parts(block, x)
    scene = BlockScene(BlockLayout(*branches, pooling, False), x, factors, tuple(parameters))
    spatial, spectral = scene.layout.spatial, scene.layout.spectral
    assert spatial and spectral and scene.spatial
    measures = [Measures(scene.chunks, scene.width) for _ in range(2)]
    activate = table_kernels.activate()

    def mix_spectral(pipeline: Pipeline) -> None:
        rows = BlockRows(scene)
        for part in pipeline.parts(scene.pixels, scene.chunk):
            own = slice(part.start, part.stop)
            if activation is not None:
                activate(x[own], activation, part.stop - part.start, scene.tiles)
            rows.spectral(part, p[own])
            measures[1].take(part.start // scene.chunk, p[own])

    work_together(mix_spectral)
    norm = norm_table(spectral.norm, measures[1].moments())
    blend = table_kernels.combine(spatial=False, spectral=True, pooled=False)
    # The rows that a chunk's convolution sees before its own are overwritten by whoever takes
    # the chunk before.
    starts = torch.arange(scene.chunk, scene.pixels, scene.chunk)
    before = x[starts[:, None] + torch.arange(-scene.spatial.reach, 0)]
    carry = scene.spatial.start()

    def mix_spatial(pipeline: Pipeline) -> None:
        rows = BlockRows(scene)
        for part in pipeline.parts(scene.pixels, scene.chunk):
            own, place = slice(part.start, part.stop), part.start // scene.chunk
            blend(
                x[own], None, p[own], None, norm, scene.factors, None, None, p[own],
                0, part.stop - part.start, scene.tiles,
            )  # fmt: skip
            rows.spatial(pipeline, part, carry, None, x[own], before[place - 1] if place else None)
            measures[0].take(place, x[own])

    work_together(mix_spatial)
    norm = norm_table(spatial.norm, measures[0].moments())
    add = table_kernels.combine(spatial=True, spectral=False, pooled=pooling is not None)
    rest = torch.zeros(3)
    rest[INPUT], rest[SPATIAL], rest[SPECTRAL] = 1.0, scene.factors[SPATIAL], 0.0
    members, fractions = (pooling.members, pooling.fractions) if pooling else (None, None)

    def finish(pipeline: Pipeline) -> None:
        for _, first, last in pipeline.parts(len(out), CHUNK):
            add(p, x, None, norm, None, rest, members, fractions, out, first, last, scene.tiles)

    work_together(finish)
    return out
