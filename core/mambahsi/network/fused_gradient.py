"""The gradient of a block, computed in chunks of pixels.

The gradient of a group normalization needs sums over the whole scene before it can give that
of a single pixel. So the backward pass goes through the scene twice: once for the sums, and
once from the last chunk to the first, as the scan's gradient has to.

Where the branches were not kept, both passes compute them again, chunk by chunk.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mambahsi.network.fused_scene import (
    BlockRows,
    BlockScene,
    spectral_tokens,
)
from mambahsi.network.moments import Moments
from mambahsi.network.norm_tables import finish_norm_table, norm_table
from mambahsi.scan import table_kernels
from mambahsi.scan.mixer_chunks import long_backward, short_backward, short_unit
from mambahsi.scan.mixer_stages import Backward
from mambahsi.scan.mixer_weights import MixerGradients
from mambahsi.scan.pipeline import Part, Pipeline
from mambahsi.scan.table_kernels import SUMS
from mambahsi.scan.threads import work_together


class BlockGradient:
    """What the gradient of a block is computed from, and what it gives.

    Args:
        scene: The block at work.
        kept: States of the scan, or None without a spatial branch.
        branches: The spatial and the spectral branch, each None if there is none or if it was
            not kept.
        moments: Of both branches.
        dout: Gradient of the block's output.

    Attributes:
        dx: Gradient of the input.
        dfactors: Gradient of the factors.
        parameters: Gradients of the parameters, in their order.
    """

    def __init__(
        self,
        scene: BlockScene,
        kept: Tensor | None,
        branches: list[Tensor | None],
        moments: list[Moments],
        dout: Tensor,
    ) -> None:
        self._scene = scene
        self._kept = kept
        self._branches = branches
        self._dout = dout
        layout = scene.layout
        self._there = [layout.spatial, layout.spectral]
        self._norms = [
            norm_table(branch.norm, moment) if branch else None
            for branch, moment in zip(self._there, moments, strict=True)
        ]
        self.dx = torch.empty_like(scene.x)
        sums = self._sum()
        self.dfactors = sums[[6, 2, 5]].sum(1).float()
        norm_gradients = [
            finish_norm_table(table, branch.norm, moment, sums[3 * place : 3 * place + 2])
            for place, (table, branch, moment) in enumerate(
                zip(self._norms, self._there, moments, strict=True)
            )
            if branch and table is not None
        ]
        mixer_gradients = self._descend()
        self.parameters = [
            gradient
            for mixer, norm in zip(mixer_gradients, norm_gradients, strict=True)
            for gradient in (*mixer, *norm)
        ]

    def _output_gradient(self, a: int, b: int) -> tuple[Tensor | None, Tensor | None, Tensor]:
        """Cells, fractions and output's gradient for rows ``a`` to ``b``, as kernels take them."""
        pooling = self._scene.layout.pooling
        if pooling is None:
            return None, None, self._dout[a:b]
        return pooling.cells[a:b], pooling.fractions, self._dout

    def _sum(self) -> Tensor:
        """Sums over all pixels, float64 (:data:`SUMS`, channels)."""
        scene = self._scene
        sums = torch.zeros(scene.chunks, SUMS, scene.width)
        kernel = table_kernels.branch_sums(residual=True, **scene.layout.variant)

        def work(pipeline: Pipeline) -> None:
            branches = _BranchRows(scene, self._kept, self._branches)
            for part in pipeline.parts(scene.pixels, scene.chunk):
                a, b = part.start, part.stop
                kernel(
                    scene.x[a:b], *branches.of(part), *self._norms, scene.factors,
                    *self._output_gradient(a, b), sums[a // scene.chunk], b - a, scene.tiles,
                )  # fmt: skip

        work_together(work)
        return sums.double().sum(0)

    def _descend(self) -> list[tuple[Tensor, ...]]:
        """Gradients of the input and of the Mambas, from the last chunk to the first."""
        scene = self._scene
        kernel = table_kernels.branch_gradient(residual=True, **scene.layout.variant)
        weights = [w for w in (scene.spatial, scene.spectral) if w]
        totals = [MixerGradients(w) for w in weights]
        carry = scene.spatial.start() if scene.spatial else None

        def work(pipeline: Pipeline) -> None:
            branches = _BranchRows(scene, self._kept, self._branches)
            ds, dp = (
                torch.empty(scene.chunk, scene.width) if branch else None for branch in self._there
            )
            long = Backward(scene.spatial, scene.chunk) if scene.spatial else None
            short = self._short_stage()
            for part in pipeline.parts(scene.pixels, scene.chunk, backward=True):
                a, b = part.start, part.stop
                dx = self.dx[a:b]
                kernel(
                    *branches.of(part), *self._norms, scene.factors,
                    *self._output_gradient(a, b), ds, dp, dx, b - a, scene.tiles,
                )  # fmt: skip
                if long and ds is not None and carry and self._kept is not None:
                    long_backward(
                        long, pipeline, part, scene.x, ds[: b - a], dx, self._kept, carry,
                        totals[0], add=True,
                    )  # fmt: skip
                if short and dp is not None:
                    self._spectral(short, scene.x[a:b], dp[: b - a], dx)
                    with pipeline.turn(part, "short sums"):
                        totals[-1].take(short.gradients)

        work_together(work)
        return [
            total.of_parameters(2 * w.x_in.weight.shape[1])
            for total, w in zip(totals, weights, strict=True)
        ]

    def _short_stage(self) -> Backward | None:
        branch, w = self._scene.layout.spectral, self._scene.spectral
        return Backward(w, short_unit(branch.tokens), branch.tokens) if branch and w else None

    def _spectral(self, stage: Backward, x: Tensor, dout: Tensor, dx: Tensor) -> None:
        branch = self._scene.layout.spectral
        assert branch is not None
        stage.gradients.clear()
        tables = (spectral_tokens(table, branch) for table in (x, dout, dx))
        parts = (table.split(short_unit(branch.tokens)) for table in tables)
        for tokens, dout_part, dtokens in zip(*parts, strict=True):
            short_backward(stage, tokens, dout_part, dtokens, add=True)


class _BranchRows:
    """The branches of chunks of rows, from memory or computed again by one thread."""

    def __init__(
        self, scene: BlockScene, kept: Tensor | None, branches: list[Tensor | None]
    ) -> None:
        self._kept = kept
        self._branches = branches
        there = (scene.layout.spatial, scene.layout.spectral)
        self._again = [
            torch.empty(scene.chunk, scene.width) if branch and table is None else None
            for branch, table in zip(there, branches, strict=True)
        ]
        if any(table is not None for table in self._again):
            self._rows = BlockRows(scene)

    def of(self, part: Part) -> list[Tensor | None]:
        """The spatial and the spectral branch of a chunk."""
        own = slice(part.start, part.stop)
        spatial, spectral = (
            None if table is None else table[: part.stop - part.start] for table in self._again
        )
        if spatial is not None and self._kept is not None:
            self._rows.spatial_again(part, self._kept, spatial)
        if spectral is not None:
            self._rows.spectral(part, spectral)
        return [
            again if table is None else table[own]
            for table, again in zip(self._branches, (spatial, spectral), strict=True)
        ]
