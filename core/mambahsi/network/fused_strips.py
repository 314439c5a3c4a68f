"""The fused embedding and blocks on one strip of a scene after the other.

A strip's pixels are computed as those of a whole scene are. What is different is handed in and
out: what the spatial branch carries from strip to strip, and the statistics of the group
normalizations, which are complete only when all strips have been seen.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mambahsi.network.blocks import PixelGroupNorm
from mambahsi.network.fused import block_parts
from mambahsi.network.fused_scene import BlockLayout, BlockScene, Measures
from mambahsi.network.geometry import Pooling
from mambahsi.network.moments import Moments
from mambahsi.network.norm_tables import norm_table
from mambahsi.scan import table_kernels
from mambahsi.scan.carry import Carry
from mambahsi.scan.mixer_chunks import CHUNK
from mambahsi.scan.pipeline import Pipeline
from mambahsi.scan.threads import work_together
from mambahsi.scan.vector_code import LANES


def measure(table: Tensor) -> Moments:
    """Moments of a table, float32 (pixels, channels) with at least one pixel."""
    measures = Measures(-(-len(table) // CHUNK), table.shape[1])

    def work(pipeline: Pipeline) -> None:
        for _, a, b in pipeline.parts(len(table), CHUNK):
            measures.take(a // CHUNK, table[a:b])

    work_together(work)
    return measures.moments()


def activate(table: Tensor, norm: PixelGroupNorm, moments: Moments) -> Tensor:
    """Normalize and activate a table in its place; ``moments`` are those of the whole scene."""
    values = norm_table(norm, moments)
    kernel = table_kernels.activate()

    def work(pipeline: Pipeline) -> None:
        for _, a, b in pipeline.parts(len(table), CHUNK):
            kernel(table[a:b], values, b - a, table.shape[1] // LANES)

    work_together(work)
    return table


def mix(
    block: nn.Module, x: Tensor, carry: Carry | None
) -> tuple[list[Tensor | None], list[Moments]]:
    """What a block's Mambas give for the pixels that follow those seen before.

    Args:
        block: The block.
        x: Its input, (pixels, width), at least one pixel.
        carry: Of the spatial branch; is brought up to date.

    Returns:
        The spatial and the spectral branch, (pixels, width), None where there is none; and the
        moments of both.
    """
    scene = _scene(block, x, None)
    spatial, spectral = (
        torch.empty_like(x) if branch else None
        for branch in (scene.layout.spatial, scene.layout.spectral)
    )
    moments = scene.run(spatial, spectral, None, carry)
    return [spatial, spectral], moments


def combine(
    block: nn.Module,
    x: Tensor,
    mixed: list[Tensor | None],
    moments: list[Moments | None],
    pooling: Pooling | None,
) -> Tensor:
    """What a block gives, from its input and what :func:`mix` gave.

    Args:
        block: The block.
        x: Its input, (pixels, width).
        mixed: The branches.
        moments: Their moments over the whole scene.
        pooling: How the pixels form cells, or None not to pool.

    Returns:
        (cells, width), or (pixels, width) without pooling.
    """
    scene = _scene(block, x, pooling)
    spatial, spectral = mixed
    return scene.combine(spatial, spectral, moments)


def _scene(block: nn.Module, x: Tensor, pooling: Pooling | None) -> BlockScene:
    branches, factors, parameters = block_parts(block, x)
    return BlockScene(BlockLayout(*branches, pooling, False), x, factors, tuple(parameters))
