"""A block of the network, computed in chunks of pixels, for the ``cpu`` scan backend.

In the published form every step of a block writes a table as long as the scene. Here a block
goes through the scene in chunks of pixels that stay in the caches: both Mambas, then, once the
statistics of their group normalizations are known, normalization, activation, residuals, fusion
and pooling in one go.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mambahsi.network.blocks import PixelGroupNorm
from mambahsi.network.geometry import Pooling
from mambahsi.network.moments import Moments
from mambahsi.network.norm_tables import norm_table
from mambahsi.scan import table_kernels
from mambahsi.scan.carry import Carry
from mambahsi.scan.mixer_chunks import (
    CHUNK,
    long_again,
    long_forward,
    short_forward,
    short_unit,
)
from mambahsi.scan.mixer_stages import Forward
from mambahsi.scan.mixer_weights import MixerWeights
from mambahsi.scan.pipeline import Part, Pipeline
from mambahsi.scan.threads import work_together
from mambahsi.scan.vector_code import LANES

MIXER_PARAMETERS = 9
"""Parameters of a Mamba."""

BRANCH_PARAMETERS = MIXER_PARAMETERS + 2
"""Parameters of a branch, its normalization's included."""


@dataclass(frozen=True)
class Branch:
    """One branch of a block.

    Attributes:
        norm: Its group normalization.
        tokens: Tokens of a pixel; 0 for the spatial branch, whose tokens are the pixels.
    """

    norm: PixelGroupNorm
    tokens: int


@dataclass(frozen=True)
class BlockLayout:
    """What a block consists of.

    Attributes:
        spatial: Its spatial branch, or None.
        spectral: Its spectral branch, or None.
        pooling: How its output is pooled, or None.
        recompute: Whether the branches are computed again in the backward pass.
    """

    spatial: Branch | None
    spectral: Branch | None
    pooling: Pooling | None
    recompute: bool

    @property
    def variant(self) -> dict[str, bool]:
        """Which of the kernels' variants it takes."""
        return {
            "spatial": self.spatial is not None,
            "spectral": self.spectral is not None,
            "pooled": self.pooling is not None,
        }


class BlockScene:
    """A block's weights at work on the pixels of a scene.

    Attributes:
        chunk: Most pixels of a chunk.
        chunks: How many there are.
    """

    def __init__(
        self, layout: BlockLayout, x: Tensor, factors: Tensor, parameters: tuple[Tensor, ...]
    ) -> None:
        self.layout = layout
        self.x = x
        self.factors = factors.detach().contiguous()
        self.pixels, self.width = x.shape
        self.tiles = self.width // LANES
        self.chunk = min(CHUNK, self.pixels)
        self.chunks = -(-self.pixels // self.chunk)
        parts = iter((parameters[:BRANCH_PARAMETERS], parameters[-BRANCH_PARAMETERS:]))
        # With one branch, both ends of the parameters are the same.
        self.spatial, self.spectral = (
            MixerWeights.of(part[:MIXER_PARAMETERS]) if branch else None
            for branch, part in zip((layout.spatial, layout.spectral), parts, strict=True)
        )

    def run(
        self,
        s: Tensor | None,
        p: Tensor | None,
        kept: Tensor | None,
        carry: Carry | None = None,
    ) -> list[Moments]:
        """Compute the branches of all pixels.

        Args:
            s: Gets the spatial branch, (pixels, width).
            p: Gets the spectral branch.
            kept: Gets the states of the scan, or None.
            carry: What pixels before these have left of the spatial branch, and gets what these
                leave; None where there are none before.

        Returns:
            The moments of both.
        """
        measures = [Measures(self.chunks, self.width) for _ in range(2)]
        if carry is None and self.spatial:
            carry = self.spatial.start()

        def work(pipeline: Pipeline) -> None:
            rows = BlockRows(self)
            for part in pipeline.parts(self.pixels, self.chunk):
                own, place = slice(part.start, part.stop), part.start // self.chunk
                if s is not None and carry is not None:
                    rows.spatial(pipeline, part, carry, kept, s[own])
                    measures[0].take(place, s[own])
                if p is not None:
                    rows.spectral(part, p[own])
                    measures[1].take(place, p[own])

        work_together(work)
        return [measure.moments() for measure in measures]

    def combine(
        self, s: Tensor | None, p: Tensor | None, moments: Sequence[Moments | None]
    ) -> Tensor:
        """Normalize, activate, fuse and pool the branches of all pixels.

        Args:
            s: The spatial branch, (pixels, width), or None.
            p: The spectral branch.
            moments: Of both, over the whole scene.

        Returns:
            (cells, width), or (pixels, width) without pooling.
        """
        pooling = self.layout.pooling
        norms = [
            norm_table(branch.norm, moment) if branch and moment else None
            for branch, moment in zip(
                (self.layout.spatial, self.layout.spectral), moments, strict=True
            )
        ]
        out = torch.empty(len(pooling.members) if pooling else self.pixels, self.width)
        kernel = table_kernels.combine(**self.layout.variant)
        members, fractions = (pooling.members, pooling.fractions) if pooling else (None, None)

        def work(pipeline: Pipeline) -> None:
            for _, first, last in pipeline.parts(len(out), CHUNK):
                kernel(
                    self.x, s, p, *norms, self.factors, members, fractions, out,
                    first, last, self.tiles,
                )  # fmt: skip

        work_together(work)
        return out


class Measures:
    """Moments of the parts of a table, each measured while it is in the caches."""

    def __init__(self, parts: int, width: int) -> None:
        self._counts = torch.zeros(parts)
        self._means = torch.zeros(parts, width)
        self._squares = torch.zeros(parts, width)
        self._kernel = table_kernels.moments()

    def take(self, place: int, table: Tensor) -> None:
        rows, width = table.shape
        if rows:
            self._counts[place] = rows
            self._kernel(table, self._means[place], self._squares[place], rows, width // LANES)

    def moments(self) -> Moments:
        rows = int(self._counts.double().sum())
        return Moments.of_parts(rows, self._counts, self._means, self._squares)


class BlockRows:
    """Computes the branches of chunks of rows, with the buffers of one thread."""

    def __init__(self, scene: BlockScene) -> None:
        self._scene = scene
        self._branch = scene.layout.spectral

    @functools.cached_property
    def _long(self) -> Forward:
        assert self._scene.spatial
        return Forward(self._scene.spatial, self._scene.chunk)

    @functools.cached_property
    def _short(self) -> Forward:
        assert self._scene.spectral and self._branch
        tokens = self._branch.tokens
        return Forward(self._scene.spectral, short_unit(tokens), tokens)

    def spatial(
        self,
        pipeline: Pipeline,
        part: Part,
        carry: Carry,
        kept: Tensor | None,
        out: Tensor,
        before: Tensor | None = None,
    ) -> None:
        """The spatial branch of a chunk; ``before`` as in :func:`long_forward`."""
        long_forward(self._long, pipeline, part, self._scene.x, out, carry, kept, before)

    def spatial_again(self, part: Part, kept: Tensor, out: Tensor) -> None:
        """The same once more, from the states that were kept."""
        long_again(self._long, part, self._scene.x, out, kept)

    def spectral(self, part: Part, out: Tensor) -> None:
        """The spectral branch of a chunk."""
        assert self._branch is not None
        tokens = spectral_tokens(self._scene.x[part.start : part.stop], self._branch)
        target, unit = spectral_tokens(out, self._branch), short_unit(self._branch.tokens)
        for first in range(0, len(tokens), unit):
            short_forward(self._short, tokens[first : first + unit], target[first : first + unit])


def spectral_tokens(rows: Tensor, branch: Branch) -> Tensor:
    """The tokens of the spectral branch, one behind the other."""
    return rows.view(len(rows) * branch.tokens, rows.shape[1] // branch.tokens)
