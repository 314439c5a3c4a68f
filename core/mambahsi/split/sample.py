"""A few pixels of each class, drawn from parts that are larger.

Protocols can be compared only with as many training pixels each. So the parts of a spatial
split can be sampled as the paper's protocol samples the whole scene: 30 training and 10
validation pixels of each class, say, and half as many training pixels for a class that has no
more than those *in the whole scene*, so that the numbers are the same in both protocols. (A
part that holds fewer gives what it has.) The others of these parts are not used at all.

The buffer is then kept to the pixels that are used: an unused pixel tells the model nothing.
Test pixels still come from the test part only, all of them, so that no used training pixel
lies in the polygon or the block that they test.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mambahsi.split.parts import PART_UNUSED


@dataclass(frozen=True)
class Sample:
    """How many pixels of each class are used.

    Attributes:
        train: Training pixels per class, half as many where it has no more than that.
        validation: Validation pixels per class.
    """

    train: int
    validation: int

    def training(self, counts: np.ndarray) -> np.ndarray:
        """Training pixels of classes with so many labeled pixels; int64, same shape."""
        few = np.where(counts > self.train, self.train, self.train // 2)
        return np.maximum(1, few)


def draw(
    parts: np.ndarray,
    index: np.ndarray,
    part: int,
    wanted: np.ndarray,
    generator: np.random.RandomState,
) -> np.ndarray:
    """The parts with pixels of one part drawn at random, its others unused.

    Args:
        parts: Part number by pixel; uint8, shape (rows, columns).
        index: Class index by pixel, -1 unlabeled; int, same shape.
        part: The part to draw from.
        wanted: Pixels to draw of each class; int, shape (classes,).
        generator: Draws; a legacy generator, whose stream never changes.
    """
    drawn, flat = parts.ravel().copy(), index.ravel()
    pixels = np.flatnonzero(drawn == part)
    # A stable sort keeps each class's pixels in row-major order.
    pixels = pixels[np.argsort(flat[pixels], kind="stable")]
    bounds = np.searchsorted(flat[pixels], np.arange(len(wanted) + 1))
    for (start, stop), size in zip(pairwise(bounds), wanted, strict=True):
        own = pixels[start:stop].copy()
        generator.shuffle(own)
        drawn[own[size:]] = PART_UNUSED
    return drawn.reshape(parts.shape)
