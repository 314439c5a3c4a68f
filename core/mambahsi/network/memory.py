"""How much memory the network will need, told before it is used.

What grows with the scene are tables of (pixels, width), and how many of them are alive at once
follows from what is kept for the backward pass. The rest is fitted to measured peaks of
resident memory on top of a process that has loaded everything, at 40,000 to 250,000 pixels and
widths 64 and 128; a test holds the prediction against a measurement.
"""

from __future__ import annotations

from dataclasses import dataclass

from mambahsi.network.geometry import POOLINGS

_FLOAT = 4


@dataclass(frozen=True)
class _Tables:
    """Tables of (pixels, width) alive at a peak.

    Attributes:
        kept: On every grid: what a block keeps until its backward pass.
        passing: On the finest grid only: gradients, or what a block needs while it runs.
    """

    kept: float
    passing: float

    def count(self) -> float:
        """Tables of the finest grid that take as much memory as all of them."""
        return self.kept * sum(1 / 4**level for level in range(POOLINGS + 1)) + self.passing


# A block keeps its input, its branches, and for a spatial branch half a table of states.
# The passing quarter is the gradient of its pooled output; the whole one that of its input,
# while the tables of coarser grids are gone.
_TRAINING = {
    "both": _Tables(3.5, 0.4),
    "spa": _Tables(2.5, 0.7),
    "spe": _Tables(2.0, 0.8),
}
# Only inputs and states are kept, but the branches of a block exist while it runs.
_RECOMPUTING = {
    "both": _Tables(1.5, 2.0),
    "spa": _Tables(1.5, 1.3),
    "spe": _Tables(1.0, 1.3),
}
# With both branches, a block's input makes room for one of them.
_INFERENCE = {"both": _Tables(0.0, 2.3), "spa": _Tables(0.0, 2.3), "spe": _Tables(0.0, 2.3)}
# The scan backends other than ``cpu`` leave the blocks to PyTorch, which keeps every step.
_UNFUSED_TRAINING = {"both": _Tables(15, 0), "spa": _Tables(8, 0), "spe": _Tables(8, 0)}
_UNFUSED_INFERENCE = _Tables(0.0, 6.0)

# Whatever does not grow with the width: where pixels lie, interpolation, logits.
_BYTES_PER_PIXEL = 150
_UNFUSED_BYTES_PER_PIXEL = 1000
# Buffers of the chunks, gradients, optimizer state.
_FIXED_BYTES = 20_000_000
_UNFUSED_FIXED_BYTES = 120_000_000


def training_bytes(
    pixels: int,
    bands: int,
    hidden_dim: int,
    mamba_type: str = "both",
    *,
    recompute: bool = False,
    fused: bool = True,
) -> int:
    """Peak memory of a training step on a whole scene, its spectra included.

    Args:
        pixels: Valid pixels.
        bands: Used bands.
        hidden_dim: Width of the features.
        mamba_type: Kind of network.
        recompute: Whether the network keeps less and computes it again.
        fused: Whether the blocks run fused, as with the scan backend ``cpu``.

    Returns:
        Bytes.
    """
    tables = _RECOMPUTING if recompute else _TRAINING
    return _bytes(
        pixels, bands, hidden_dim, (tables if fused else _UNFUSED_TRAINING)[mamba_type], fused
    )


def inference_bytes(
    pixels: int, bands: int, hidden_dim: int, mamba_type: str = "both", *, fused: bool = True
) -> int:
    """Peak memory of classifying a whole scene at once, its spectra included.

    Args:
        pixels: Valid pixels.
        bands: Used bands.
        hidden_dim: Width of the features.
        mamba_type: Kind of network.
        fused: Whether the blocks run fused, as with the scan backend ``cpu``.

    Returns:
        Bytes.
    """
    tables = _INFERENCE[mamba_type] if fused else _UNFUSED_INFERENCE
    return _bytes(pixels, bands, hidden_dim, tables, fused)


def _bytes(pixels: int, bands: int, hidden_dim: int, tables: _Tables, fused: bool) -> int:
    fixed = _FIXED_BYTES if fused else _UNFUSED_FIXED_BYTES
    other = _BYTES_PER_PIXEL if fused else _UNFUSED_BYTES_PER_PIXEL
    per_pixel = bands * _FLOAT + other + tables.count() * hidden_dim * _FLOAT
    return int(fixed + per_pixel * pixels)
