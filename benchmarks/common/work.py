"""What a forward pass of the network does at least, whatever it runs on.

Matrix products; exponentials, one for each channel, state and token of the scans and one for each
SiLU (those of the softplus are not counted); and the traffic of the tables that are larger than any
cache: per level and pixel, eleven of the network's width. Each branch reads its input, writes
what its block gives, reads that again to normalize it and writes it (four, twice), the fusion reads
both and writes one (three). The scene is read once and the logits are written once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

STATES = 16
TOKENS = 4
HEAD_WIDTH = 128
LEVELS = 3
TABLES = 11

Shape = tuple[int, int, int]
"""(m, k) x (k, n)."""


@dataclass(frozen=True)
class Work:
    """What a forward pass does at least.

    Attributes:
        products: Shapes of the matrix products.
        exponentials: Number of exponentials.
        traffic: Bytes moved between memory and processor.
    """

    products: list[Shape]
    exponentials: int
    traffic: int

    @property
    def operations(self) -> int:
        """Floating-point operations of the products."""
        return sum(2 * m * k * n for m, k, n in self.products)


def work(rows: int, columns: int, bands: int, width: int, classes: int) -> Work:
    """The work of one forward pass."""
    levels = [(rows >> level) * (columns >> level) for level in range(LEVELS)]
    narrow = width // TOKENS
    products = [(levels[0], bands, width)]
    for pixels in levels:
        products += block_products(pixels, width) + block_products(TOKENS * pixels, narrow)
    products += [(levels[-1], width, HEAD_WIDTH), (levels[-1], HEAD_WIDTH, classes)]
    # Each branch: states of 2 x width channels in all, SiLU of convolution, gate and norm.
    each = 2 * (2 * width * STATES + 2 * width + 2 * width + width)
    exponentials = each * sum(levels) + width * levels[0] + HEAD_WIDTH * levels[-1]
    floats = TABLES * width * sum(levels) + (bands + classes) * levels[0]
    return Work(products, exponentials, 4 * floats)


def block_products(tokens: int, width: int) -> list[Shape]:
    """The four projections of a Mamba block over so many tokens of a width."""
    channels, rank = 2 * width, math.ceil(width / 16)
    return [
        (tokens, width, 2 * channels),
        (tokens, channels, rank + 2 * STATES),
        (tokens, rank, channels),
        (tokens, channels, width),
    ]
