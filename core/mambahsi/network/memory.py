"""How much memory the network will need, told before it is used.

The figures are bytes of 32-bit features per pixel of a grid, counted from what the
forward pass keeps for the backward pass and what is alive at the peak; BENCHMARKS.md holds
them against measured peaks.
"""

from __future__ import annotations

from mambahsi.network.geometry import POOLINGS

_FLOAT = 4
# Tables of (pixels, width) alive at the peak on the finest grid, by kind of network.
_TRAINING_TABLES = {"both": 24, "spa": 15, "spe": 15}
_INFERENCE_TABLES = 7
# Numbers and weights of the interpolation, and where each pixel lies.
_GEOMETRY_BYTES = 120
# Buffers of the chunks, gradients, optimizer state, compiled code.
_FIXED_BYTES = 150_000_000


def _pyramid(pixels: int) -> float:
    """Pixels of all grids together."""
    return sum(pixels / 4**level for level in range(POOLINGS + 1))


def training_bytes(pixels: int, bands: int, hidden_dim: int, mamba_type: str = "both") -> int:
    """Peak memory of a training step on a whole scene, its spectra included.

    Args:
        pixels: Valid pixels.
        bands: Used bands.
        hidden_dim: Width of the features.
        mamba_type: Kind of network.

    Returns:
        Bytes.
    """
    per_pixel = bands * _FLOAT + _GEOMETRY_BYTES
    features = _TRAINING_TABLES[mamba_type] * hidden_dim * _FLOAT * _pyramid(pixels)
    return int(_FIXED_BYTES + per_pixel * pixels + features)


def inference_bytes(pixels: int, bands: int, hidden_dim: int) -> int:
    """Peak memory of classifying a whole scene at once, its spectra included.

    Args:
        pixels: Valid pixels.
        bands: Used bands.
        hidden_dim: Width of the features.

    Returns:
        Bytes.
    """
    per_pixel = bands * _FLOAT + _GEOMETRY_BYTES + _INFERENCE_TABLES * hidden_dim * _FLOAT
    return int(_FIXED_BYTES + per_pixel * pixels)
