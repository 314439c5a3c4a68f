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
    finish_norm_table,
    norm_table,
    spectral_tokens,
)
from mambahsi.network.moments import Moments
from mambahsi.scan import table_kernels
from mambahsi.scan.carry import Carry
from mambahsi.scan.kernels import SEGMENT, STATES
from mambahsi.scan.mixer import context_before, short_backward, short_unit, summed
from mambahsi.scan.mixer_stages import Backward
from mambahsi.scan.table_kernels import SUMS
from mambahsi.scan.threads import Member, work_together


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
        self._again = [
            torch.empty(scene.chunk, scene.width) if branch and table is None else None
            for branch, table in zip(self._there, branches, strict=True)
        ]
        self._rows = BlockRows(scene)
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

    def _branch_rows(self, member: Member, start: int) -> list[Tensor | None]:
        """The branches of a thread's own rows of a chunk, from memory or computed again."""
        a, b = self._rows.own(member, start)
        spatial, spectral = (
            table[a:b]
            if table is not None
            else None
            if again is None
            else again[a - start :][: b - a]
            for table, again in zip(self._branches, self._again, strict=True)
        )
        if self._again[0] is not None:
            assert self._kept is not None and self._scene.spatial is not None
            w = self._scene.spatial
            state = self._kept[start // SEGMENT].view(STATES, w.channels).clone()
            carry = Carry(context_before(w, self._scene.x, start), state)
            assert spatial is not None
            self._rows.spatial(member, start, carry, None, spatial)
        if self._again[1] is not None:
            assert spectral is not None
            self._rows.spectral(member, a, b, spectral)
        return [spatial, spectral]

    def _sum(self) -> Tensor:
        """Sums over all pixels, float64 (:data:`SUMS`, channels)."""
        scene = self._scene
        sums = torch.zeros(len(scene.starts) * scene.count, SUMS, scene.width)
        kernel = table_kernels.branch_sums(residual=True, **scene.layout.variant)

        def work(member: Member) -> None:
            for number, start in enumerate(scene.starts):
                a, b = self._rows.own(member, start)
                rows = self._branch_rows(member, start)
                kernel(
                    scene.x[a:b], *rows, *self._norms, scene.factors,
                    *self._output_gradient(a, b), sums[number * scene.count + member.number],
                    b - a, scene.tiles,
                )  # fmt: skip
                member.wait()

        work_together(work)
        return sums.double().sum(0)

    def _descend(self) -> list[tuple[Tensor, ...]]:
        """Gradients of the input and of the Mambas, from the last chunk to the first."""
        scene, layout = self._scene, self._scene.layout
        kernel = table_kernels.branch_gradient(residual=True, **layout.variant)
        ds, dp = (
            torch.empty(scene.chunk, scene.width) if branch else None for branch in self._there
        )
        stage = Backward(scene.spatial, scene.chunk, scene.count) if scene.spatial else None
        short = [
            Backward(scene.spectral, short_unit(layout.spectral.tokens), 1, layout.spectral.tokens)
            for _ in range(scene.count)
            if scene.spectral and layout.spectral
        ]

        def work(member: Member) -> None:
            for start in reversed(scene.starts):
                a, b = self._rows.own(member, start)
                rows, own = self._branch_rows(member, start), slice(a - start, b - start)
                kernel(
                    *rows, *self._norms, scene.factors, *self._output_gradient(a, b),
                    *(None if table is None else table[own] for table in (ds, dp)),
                    self.dx[a:b], b - a, scene.tiles,
                )  # fmt: skip
                chunk = scene.x[start : start + scene.chunk]
                context = None
                if stage is not None and scene.spatial and ds is not None:
                    context = context_before(scene.spatial, scene.x, start)
                    stage.enter(member, chunk, context)
                    stage.project(own.start, own.stop, ds[own])
                if short and dp is not None:
                    self._spectral(short[member.number], a, b, dp[own])
                member.wait()
                if stage is not None and ds is not None and self._kept is not None:
                    stage.scan(member, len(chunk), self._kept[start // SEGMENT :])
                    member.wait()
                    stage.gather(member, chunk, ds[: len(chunk)], context)
                    member.wait()
                    self.dx[a:b] += stage.token_gradient(own.start, own.stop)

        work_together(work)
        found = [stage.gradients] if stage else []
        found += [summed(short)] if short else []
        return [
            gradients.of_parameters(2 * width)
            for gradients, width in zip(found, self._widths(), strict=True)
        ]

    def _widths(self) -> list[int]:
        """Widths of the tokens of the branches that there are."""
        weights = (self._scene.spatial, self._scene.spectral)
        return [w.x_in.shape[1] for w in weights if w]

    def _spectral(self, stage: Backward, a: int, b: int, dout: Tensor) -> None:
        branch = self._scene.layout.spectral
        assert branch is not None
        tokens, dtokens = (
            spectral_tokens(table[a:b], branch) for table in (self._scene.x, self.dx)
        )
        gradients, unit = spectral_tokens(dout, branch), short_unit(branch.tokens)
        for first in range(0, len(tokens), unit):
            part = slice(first, first + unit)
            dtokens[part] += short_backward(stage, tokens[part], gradients[part])
