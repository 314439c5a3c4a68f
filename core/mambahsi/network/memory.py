"""How much memory the network will need, told before it is used.

The coefficients are fitted to measured peaks of resident memory on top of a process that has
loaded everything, at 40,000 to 250,000 pixels and widths 64 and 128; a test holds the
prediction against a measurement.
"""

from __future__ import annotations

from mambahsi.network.geometry import POOLINGS

_FLOAT = 4
# Tables of (pixels, width) that a training step keeps, on all grids together.
_TRAINING_TABLES = {"both": 15, "spa": 8, "spe": 8}
# Tables of (pixels, width) alive at the peak of a forward pass, on the finest grid.
_INFERENCE_TABLES = 6
# Whatever does not grow with the width: where pixels lie, interpolation, logits.
_TRAINING_BYTES_PER_PIXEL = 1000
_INFERENCE_BYTES_PER_PIXEL = 400
# Buffers of the chunks, gradients, optimizer state.
_TRAINING_FIXED_BYTES = 120_000_000
_INFERENCE_FIXED_BYTES = 50_000_000


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
    per_pixel = bands * _FLOAT + _TRAINING_BYTES_PER_PIXEL
    features = _TRAINING_TABLES[mamba_type] * hidden_dim * _FLOAT * _pyramid(pixels)
    return int(_TRAINING_FIXED_BYTES + per_pixel * pixels + features)


def inference_bytes(pixels: int, bands: int, hidden_dim: int) -> int:
    """Peak memory of classifying a whole scene at once, its spectra included.

    Args:
        pixels: Valid pixels.
        bands: Used bands.
        hidden_dim: Width of the features.

    Returns:
        Bytes.
    """
    per_pixel = (
        bands * _FLOAT + _INFERENCE_BYTES_PER_PIXEL + _INFERENCE_TABLES * hidden_dim * _FLOAT
    )
    return int(_INFERENCE_FIXED_BYTES + per_pixel * pixels)
