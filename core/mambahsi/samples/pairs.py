"""Two classes and the distance between them, as :mod:`mambahsi.samples.separability` finds it.

A module of its own, because only finding it takes scikit-learn, which takes a second to load.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

ENOUGH = 10
"""Samples per dimension from which a covariance is used as it is."""

FEWEST = 3
"""Samples without which nothing can be said about a covariance."""

POOR, GOOD = 1.0, 1.9
"""Distances below which two classes are hardly separable, and from which they are so well."""


@dataclass(frozen=True)
class Pair:
    """Two classes.

    Attributes:
        first: Index of the one class.
        second: Index of the other, which is larger.
        bhattacharyya: Distance, 0 or more; None where it cannot be computed.
        chance: The same of classes that do not differ; None where it cannot be computed.
        shrinkage: Intensity of the shrinkage, 0 (none) to 1.
        problem: Why there is no distance, or empty.
    """

    first: int
    second: int
    bhattacharyya: float | None
    chance: float | None
    shrinkage: float = 0.0
    problem: str = ""

    @property
    def distance(self) -> float | None:
        """Jeffries-Matusita distance."""
        return None if self.bhattacharyya is None else jeffries_matusita(self.bhattacharyya)

    @property
    def chance_distance(self) -> float | None:
        """Jeffries-Matusita distance by chance."""
        return None if self.chance is None else jeffries_matusita(self.chance)

    @property
    def beyond_chance(self) -> float | None:
        """Jeffries-Matusita distance of what the Bhattacharyya distance is above chance."""
        if self.bhattacharyya is None or self.chance is None:
            return None
        return jeffries_matusita(max(self.bhattacharyya - self.chance, 0.0))


@dataclass(frozen=True)
class Separation:
    """All pairs of classes.

    Attributes:
        pairs: By first and second class.
        dimensions: Principal components, or bands, that they were compared in.
        share: Share of the variance of all bands that these hold, 0 to 1.
    """

    pairs: Sequence[Pair]
    dimensions: int
    share: float


def jeffries_matusita(bhattacharyya: float) -> float:
    """The Jeffries-Matusita distance, 0 to 2, for a Bhattacharyya distance."""
    return -2.0 * math.expm1(-bhattacharyya)


def worst_first(pairs: Sequence[Pair]) -> list[Pair]:
    """The pairs that have a distance, the least separable first."""
    known = [pair for pair in pairs if pair.bhattacharyya is not None]
    return sorted(known, key=lambda pair: (pair.beyond_chance, pair.bhattacharyya))
