"""A block of the network on a GPU, as one differentiable function.

Both Mambas give their branches; then, when the statistics of these are complete, normalization,
SiLU, residuals, fusion and pooling are one kernel. Kept for the backward pass are the block's
input, its branches before their normalization, and the scan's states before chunks of tokens;
with ``recompute`` only the input.

The gradient of a group normalization needs sums over the whole scene before it can give that of
a single pixel. So the backward pass goes through a branch twice: once for the sums, and once for
its gradient, which takes the branch's place. One branch comes after the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from mambahsi import cancellation
from mambahsi.network import gpu_tables
from mambahsi.network.blocks import BothMamba, PixelGroupNorm, branches
from mambahsi.network.geometry import Pooling
from mambahsi.network.gpu_tables import Output
from mambahsi.network.moments import Moments
from mambahsi.network.norm_tables import finish_norm_table, norm_table
from mambahsi.scan.gpu.mixer import mamba_mixer_triton
from mambahsi.scan.table_rows import SPATIAL, SPECTRAL

_MIXER_PARAMETERS = 9
"""Parameters of a Mamba."""


@dataclass(frozen=True)
class Branch:
    """One branch of a block.

    Attributes:
        norm: Its group normalization.
        place: Of its factor.
        tokens: Tokens of a pixel; 0 for the spatial branch, whose tokens are the pixels.
        first: Place of its parameters among those of the block.
        precision: What its Mamba's products are computed in.
    """

    norm: PixelGroupNorm
    place: int
    tokens: int
    first: int
    precision: torch.dtype

    def of(self, x: Tensor) -> Tensor:
        """The tokens of its sequences, (sequences, length, width), from (pixels, width)."""
        x = x.to(self.precision)
        return x.view(len(x), self.tokens, -1) if self.tokens else x[None]

    def mixer(self, parameters: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The parameters of its Mamba, among those of the block."""
        return parameters[self.first : self.first + _MIXER_PARAMETERS]


@dataclass(frozen=True)
class Layout:
    """What a block consists of.

    Attributes:
        branches: One or both.
        residual: Whether its input is part of its output.
        pooling: How its output is pooled, or None.
        recompute: Whether the branches are computed again in the backward pass.
    """

    branches: tuple[Branch, ...]
    residual: bool
    pooling: Pooling | None
    recompute: bool


def gpu_block(block: nn.Module, x: Tensor, pooling: Pooling | None, recompute: bool) -> Tensor:
    """Run a block and pool what it gives.

    Args:
        block: Of either branch or of both.
        x: (pixels, width).
        pooling: How the pixels form cells, on the device of ``x``, or None not to pool.
        recompute: Whether to keep less for the backward pass, and compute it again there.

    Returns:
        (cells, width), or (pixels, width) without pooling.

    Raises:
        Cancelled: A stop was asked for.
    """
    spatial, spectral = branches(block)
    residual = 1.0 if block.use_residual else 0.0
    if isinstance(block, BothMamba):
        weights = F.softmax(block.weights, dim=0) if block.use_att else x.new_ones(2)
        # The input comes in with each branch's residual, and once more with the block's.
        factors = torch.cat([residual * (weights.sum(0, keepdim=True) + 1.0), weights])
    else:
        # Written there, not copied: a copy to the device would wait for all of its work.
        factors = x.new_ones(3)
        factors[0].fill_(residual)
        factors[SPECTRAL if spectral is None else SPATIAL].fill_(0.0)
    parameters: list[Tensor] = []
    found = []
    for branch, place, tokens in (
        (spatial, SPATIAL, 0),
        (spectral, SPECTRAL, spectral.token_num if spectral else 0),
    ):
        if branch is not None:
            norm = branch.proj[0]
            assert isinstance(norm, PixelGroupNorm)
            precision = branch.mamba.precision
            found.append(Branch(norm, place, tokens, len(parameters), precision))
            parameters += [*branch.mamba.mixer_parameters(), norm.weight, norm.bias]
    layout = Layout(tuple(found), bool(residual), pooling, recompute)
    result: Tensor = _Block.apply(
        layout, torch.is_grad_enabled(), x.contiguous(), factors, *parameters
    )
    return result


class _Mixed:
    """What a branch's Mamba gives, and the way back.

    Args:
        branch: The branch.
        x: The block's input, (pixels, width).
        parameters: Of the block.
        keep: Whether there will be a way back.
    """

    def __init__(
        self, branch: Branch, x: Tensor, parameters: tuple[Tensor, ...], keep: bool
    ) -> None:
        self._leaves = [
            leaf.detach().requires_grad_(keep) for leaf in (x, *branch.mixer(parameters))
        ]
        with torch.set_grad_enabled(keep):
            tokens, *weights = self._leaves
            mixed = mamba_mixer_triton(branch.of(tokens), *weights)
            self._result = mixed.view_as(x).to(x.dtype)
        self.values = self._result.detach()

    def back(self, gradient: Tensor) -> tuple[Tensor, ...]:
        """Gradients of the input and of the Mamba's parameters."""
        return torch.autograd.grad(self._result, self._leaves, gradient)


class _Block(torch.autograd.Function):
    """The arguments: a layout, whether a backward pass will come, the input, three factors, and
    for each branch the parameters of its Mamba and of its normalization."""

    @staticmethod
    def forward(
        ctx: Any,
        layout: Layout,
        keep: bool,
        x: Tensor,
        factors: Tensor,
        *parameters: Tensor,
    ) -> Tensor:
        cancellation.raise_if_requested()
        needed = keep and not layout.recompute
        mixed = [_Mixed(branch, x, parameters, needed) for branch in layout.branches]
        moments = [gpu_tables.measure(one.values) for one in mixed]
        values: list[Tensor | None] = [None, None]
        norms: list[Tensor | None] = [None, None]
        for branch, one, moment in zip(layout.branches, mixed, moments, strict=True):
            place = branch.place - SPATIAL
            values[place], norms[place] = one.values, norm_table(branch.norm, moment)
        rows = len(layout.pooling.members) if layout.pooling else len(x)
        out = gpu_tables.combine(
            x if layout.residual else None, values[0], values[1], (norms[0], norms[1]),
            factors, layout.pooling, x.new_empty(rows, x.shape[1]),
        )  # fmt: skip
        if keep:
            ctx.save_for_backward(x, factors, *parameters)
            ctx.layout, ctx.moments = layout, moments
            ctx.mixed = mixed if needed else None
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        cancellation.raise_if_requested()
        x, factors, *parameters = ctx.saved_tensors
        layout: Layout = ctx.layout
        output = Output(gradients[0].contiguous(), layout.pooling)
        mixed = ctx.mixed if ctx.mixed is not None else [None] * len(layout.branches)
        # Freed one by one, and used up: a second backward pass starts from the input.
        ctx.mixed = None
        dfactors = factors.new_zeros(3, dtype=torch.float64)
        dx: Tensor | None = None
        dparameters: list[Tensor] = []
        for place, (branch, moments) in enumerate(zip(layout.branches, ctx.moments, strict=True)):
            one = mixed[place] or _Mixed(branch, x, tuple(parameters), True)
            mixed[place] = None
            dfactor, dtokens, found = _branch_back(branch, moments, one, factors, output)
            dfactors[branch.place] = dfactor
            dparameters += found
            dx = dtokens if dx is None else dx.add_(dtokens)
            del one, dtokens
        assert dx is not None
        if layout.residual:
            dfactors[0] = gpu_tables.add_input_gradient(x, factors, output, dx).sum()
        return (None, None, dx, dfactors.float(), *dparameters)


def _branch_back(
    branch: Branch, moments: Moments, mixed: _Mixed, factors: Tensor, output: Output
) -> tuple[Tensor, Tensor, list[Tensor]]:
    """Gradients of a branch's factor, of the block's input through it, and of its parameters."""
    values = mixed.values
    table = norm_table(branch.norm, moments)
    sums = gpu_tables.branch_sums(values, table, factors, branch.place, output)
    dnorm = finish_norm_table(table, branch.norm, moments, sums[:2])
    gpu_tables.branch_gradient(values, table, factors, branch.place, output, values)
    dtokens, *dmixer = mixed.back(values)
    return sums[2].sum(), dtokens, [*dmixer, *dnorm]
