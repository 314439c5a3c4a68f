"""The work between the Mamba blocks on a GPU, on whole tables of pixels.

Launches of the kernels in :mod:`mambahsi.scan.gpu.kernels.blocks`. Sums over pixels are added up
in float32 within a part of the rows, and over the parts in float64, always in the same order.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mambahsi.network.geometry import Pooling
from mambahsi.network.moments import Moments
from mambahsi.scan.gpu.kernels import blocks

WARPS = 4
TILE = 2048
"""Numbers of a table that a program holds at a time."""

STEPS = 16
"""How many tiles a program adds up."""


def sizes(channels: int) -> dict[str, int]:
    """What kernels are compiled for: channels, and rows of a tile."""
    padded = 1 << (channels - 1).bit_length()
    return {"C": channels, "CP": padded, "ROWS": max(1, TILE // padded)}


@dataclass(frozen=True)
class Output:
    """Where the gradient of what a block gave is.

    Attributes:
        gradient: (cells, channels), or (pixels, channels) without pooling.
        pooling: How pixels form cells, on the gradient's device, or None.
    """

    gradient: Tensor
    pooling: Pooling | None

    @property
    def arguments(self) -> tuple[Tensor, Tensor, Tensor]:
        """Cells, fractions and gradient, as kernels take them."""
        if self.pooling is None:
            return (self.gradient,) * 3
        return self.pooling.cells, self.pooling.fractions, self.gradient

    @property
    def pooled(self) -> bool:
        return self.pooling is not None


def measure(table: Tensor) -> Moments:
    """Moments of a table, (rows, channels)."""
    rows, channels = table.shape
    size = sizes(channels)
    together = size["ROWS"] * STEPS
    parts = _blocks(rows, together)
    means, squares = table.new_empty(2, parts, channels, dtype=torch.float32)
    with torch.cuda.device_of(table):
        blocks.moments[(parts,)](
            table, means, squares, rows, **size, STEPS=STEPS, num_warps=WARPS
        )  # fmt: skip
    # Written there, not copied: a copy to the device would wait for all of its work.
    counts = torch.full((parts,), float(together), device=table.device)
    counts[-1].fill_(rows - (parts - 1) * together)
    return Moments.of_parts(rows, counts, means, squares)


def combine(
    x: Tensor | None,
    s: Tensor | None,
    p: Tensor | None,
    norms: tuple[Tensor | None, Tensor | None],
    factors: Tensor,
    pooling: Pooling | None,
    out: Tensor,
) -> Tensor:
    """Weighted sum of a block's input and its normalized and activated branches, pooled.

    Args:
        x: The input, (pixels, channels), or None where it plays no part.
        s: Values of the spatial branch, (pixels, channels), or None.
        p: Values of the spectral branch, or None.
        norms: Their normalizations, (5, channels) each.
        factors: Of input and branches, (3,).
        pooling: How pixels form cells, or None.
        out: Gets the result, (cells, channels) or (pixels, channels). Without pooling it may
            be any of the tables.
    """
    size = sizes(out.shape[1])
    members, fractions = (pooling.members, pooling.fractions) if pooling else (factors, factors)
    # A kernel does not touch what it has not, but wants a pointer.
    tables = [factors if table is None else table for table in (x, s, p, *norms)]
    with torch.cuda.device_of(out):
        blocks.combine[(_blocks(len(out), size["ROWS"]),)](
            *tables, factors, members, fractions, out, len(out), **size,
            RESIDUAL=x is not None, HAS_S=s is not None, HAS_P=p is not None,
            POOLED=pooling is not None, num_warps=WARPS,
        )  # fmt: skip
    return out


def branch_sums(b: Tensor, norm: Tensor, factors: Tensor, place: int, output: Output) -> Tensor:
    """Sums over all pixels that a branch's gradients need, float64 (3, channels).

    Of dn, of dn * (b - center), and of the output's gradient times silu(n).
    """
    rows, channels = b.shape
    size = sizes(channels)
    parts = _blocks(rows, size["ROWS"] * STEPS)
    sums = b.new_empty(parts, 3, channels, dtype=torch.float32)
    with torch.cuda.device_of(b):
        blocks.branch_sums[(parts,)](
            b, norm, factors, place, *output.arguments, sums, rows, **size, STEPS=STEPS,
            POOLED=output.pooled, num_warps=WARPS,
        )  # fmt: skip
    return sums.sum(0, dtype=torch.float64)


def branch_gradient(
    b: Tensor, norm: Tensor, factors: Tensor, place: int, output: Output, db: Tensor
) -> Tensor:
    """Gradient of a branch's values; ``db`` gets it, and may be ``b``."""
    rows, channels = b.shape
    size = sizes(channels)
    with torch.cuda.device_of(b):
        blocks.branch_gradient[(_blocks(rows, size["ROWS"]),)](
            b, norm, factors, place, *output.arguments, db, rows, **size,
            POOLED=output.pooled, num_warps=WARPS,
        )  # fmt: skip
    return db


def add_input_gradient(x: Tensor, factors: Tensor, output: Output, dx: Tensor) -> Tensor:
    """Add to ``dx`` what goes around the branches.

    Returns:
        The sum over all pixels of the output's gradient times the input, float64 (channels,).
    """
    rows, channels = x.shape
    size = sizes(channels)
    parts = _blocks(rows, size["ROWS"] * STEPS)
    sums = x.new_empty(parts, channels, dtype=torch.float32)
    with torch.cuda.device_of(x):
        blocks.input_gradient[(parts,)](
            x, factors, *output.arguments, dx, sums, rows, **size, STEPS=STEPS,
            POOLED=output.pooled, num_warps=WARPS,
        )  # fmt: skip
    return sums.sum(0, dtype=torch.float64)


def _blocks(total: int, size: int) -> int:
    return -(-total // size)
