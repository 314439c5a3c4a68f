"""Statistics of group normalizations over tables too long to look at in one piece.

A table's parts give the mean of each channel and the sum of squared deviations from it. Parts
are joined in float64 by the formula of Chan, Golub and LeVeque ("Updating formulae and a
pairwise algorithm for computing sample variances", 1979), so it does not matter for the
accuracy how large a mean is beside the spread. Group normalization: Wu and He 2018,
arXiv:1803.08494.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mambahsi.network.blocks import PixelGroupNorm


@dataclass
class Moments:
    """Mean and spread of each channel over rows seen so far.

    Attributes:
        count: Rows.
        mean: Mean by channel; float64 (channels,).
        squares: Sum of squared deviations from the mean by channel; float64 (channels,).
    """

    count: int
    mean: Tensor
    squares: Tensor

    @classmethod
    def none(cls, channels: int, device: torch.device | None = None) -> Moments:
        """Before the first row."""
        zeros = torch.zeros(channels, dtype=torch.float64, device=device)
        return cls(0, zeros, zeros.clone())

    @classmethod
    def of_parts(cls, rows: int, counts: Tensor, means: Tensor, squares: Tensor) -> Moments:
        """Moments of a table from those of its parts.

        Args:
            rows: Rows of the table; asking a GPU for the sum of the counts would wait for all
                of its work.
            counts: Rows of each part, (parts,).
            means: (parts, channels).
            squares: (parts, channels).
        """
        total = float(rows)
        weights, means = counts.double()[:, None], means.double()
        mean = (weights * means).sum(0) / total
        spread = squares.double().sum(0) + (weights * (means - mean).square()).sum(0)
        return cls(rows, mean, spread)

    def join(self, other: Moments) -> None:
        """Count the rows of another table as well."""
        if other.count:
            total = self.count + other.count
            difference = other.mean - self.mean
            self.mean = self.mean + difference * (other.count / total)
            self.squares = (
                self.squares
                + other.squares
                + difference.square() * (self.count * other.count / total)
            )
            self.count = total

    def statistics(self, norm: PixelGroupNorm) -> tuple[Tensor, Tensor]:
        """Mean and inverse standard deviation of each channel's group; float64 (channels,).

        A group's variance is the mean of its channels' variances and of the squared distances
        of their means from the group's.
        """
        means = self.mean.view(norm.num_groups, -1)
        center = means.mean(1, keepdim=True)
        variances = self.squares.view(norm.num_groups, -1) / self.count
        variance = (variances + (means - center).square()).mean(1, keepdim=True)
        inverse = torch.rsqrt(variance + norm.eps)
        return tuple(x.expand_as(means).flatten() for x in (center, inverse))  # type: ignore[return-value]
