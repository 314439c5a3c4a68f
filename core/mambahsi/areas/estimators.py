"""Stratified estimators of accuracy and area, with standard errors.

Every figure is a mean over the pixels of the map, or a ratio of two such means: the share of
pixels of a reference class; of pixels that are right; and, for user's and producer's accuracy,
of pixels that are right among those mapped, or truly, of a class. Stehman (2014,
doi:10.1080/01431161.2014.930207) estimates means and ratios from a stratified random sample
whatever the strata are. Where the strata are the map's classes, his formulas are those of
Olofsson et al. (2014, doi:10.1016/j.rse.2014.02.015), so one implementation serves both.

With weights W_h (share of the area in stratum h) and the stratum's sample mean y_h:

- mean: Y = sum W_h y_h (Stehman eq. 3; Olofsson eq. 1, 9 and 4);
- its variance: sum W_h^2 s_h^2 / n_h (Stehman eq. 25 and 26; Olofsson eq. 5 and 10);
- ratio R = Y / X (Stehman eq. 27; Olofsson eq. 2 and 3), and its variance, 1 / X^2 times that of
  the mean of y - R x (Stehman eq. 28; Olofsson eq. 6 and 7).

Two things are added. Pixels of a map in degrees cover different areas, so units carry the area
a_u of their pixel and y_h is the ratio of sums of a_u y_u and a_u (the separate ratio estimator,
Cochran, Sampling Techniques, 1977, section 6.10); with equal areas that is the plain mean. And
where more than :data:`NEGLIGIBLE_FRACTION` of a stratum was sampled, its variance gets Cochran's
finite population correction 1 - n_h / N_h (eq. 2.13), which below it is left out, as in the worked
example of Olofsson et al.; so a stratum that was sampled wholly adds no uncertainty.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

Z = 1.96
"""Standard errors on each side of a 95 % interval."""

NEGLIGIBLE_FRACTION = 0.05
"""Sampling fraction up to which the finite population correction is customarily left out
(Cochran 1977, section 2.6)."""


@dataclass(frozen=True, eq=False)
class Strata:
    """The parts of the map that were sampled independently.

    Attributes:
        pixels: Pixels of each stratum in the whole map; int64, shape (strata,).
        areas: Area of each, in any unit; float64, shape (strata,).
        map_class: Index of the map class that a stratum is, where the strata are the map's
            classes; int64, shape (strata,). None where they are anything else.
    """

    pixels: Integers
    areas: Floats
    map_class: Integers | None = None


@dataclass(frozen=True, eq=False)
class Sample:
    """Pixels drawn at random within strata, and interpreted.

    Attributes:
        stratum: Stratum of each unit; int64, shape (units,).
        mapped: Class index on the map; int64, shape (units,).
        reference: Class index by the interpretation; int64, shape (units,).
        areas: Area of each unit's pixel, in any unit; float64, shape (units,).
    """

    stratum: Integers
    mapped: Integers
    reference: Integers
    areas: Floats


@dataclass(frozen=True, eq=False)
class Estimates:
    """What the sample says about the map. Undefined figures are NaN.

    All shares are of the area of the sampled strata.

    Attributes:
        proportions: Error matrix as area proportions, rows are the map, columns the
            reference; float64, shape (classes, classes), sum 1.
        overall: Overall accuracy, and its standard error.
        users: User's accuracy by class, and standard errors; each of shape (classes,).
        producers: Producer's accuracy by class, and standard errors.
        shares: Share of the area by reference class, and standard errors.
        area: Area of the sampled strata, in the unit of :attr:`Strata.areas`.
        covered: Share of the whole area that this is; below 1 where a stratum has no unit.
        units: Sampled units by stratum; int64, shape (strata,).
    """

    proportions: Floats
    overall: tuple[float, float]
    users: tuple[Floats, Floats]
    producers: tuple[Floats, Floats]
    shares: tuple[Floats, Floats]
    area: float
    covered: float
    units: Integers


def estimate(sample: Sample, strata: Strata, classes: int) -> Estimates:
    """Estimate accuracy and areas.

    Strata without a unit are left out, and all figures then refer to the others alone. In a
    stratum with a single unit of several pixels nothing is known about the spread, so standard
    errors of figures that it has a part in are NaN.

    Args:
        sample: At least one unit.
        strata: The strata.
        classes: Number of classes, of map and reference together.

    Raises:
        ValueError: There is no unit, or a stratum with units has no pixels or no area.
    """
    units = np.bincount(sample.stratum, minlength=len(strata.pixels))
    sampled = units > 0
    if not sampled.any():
        raise ValueError("The sample is empty.")
    if (strata.pixels[sampled] <= 0).any() or not (strata.areas[sampled] > 0).all():
        raise ValueError("A stratum that was sampled is empty.")
    area = float(strata.areas[sampled].sum())
    design = _Design(sample, strata, units, np.where(sampled, strata.areas, 0.0) / area)

    cells = sample.mapped * classes + sample.reference
    matrix = np.bincount(cells, weights=design.weights, minlength=classes * classes)
    proportions: Floats = matrix.astype(np.float64).reshape(classes, classes)
    is_mapped = sample.mapped[:, np.newaxis] == np.arange(classes)
    is_reference = sample.reference[:, np.newaxis] == np.arange(classes)
    right = is_mapped & is_reference
    # Not the sum of the diagonal, which rounding could make more than 1.
    agreed = design.weights[sample.mapped == sample.reference].sum()
    overall = float(agreed / design.weights.sum())
    shares = proportions.sum(axis=0)
    rows = proportions.sum(axis=1)
    users = _ratios(np.diagonal(proportions), rows)
    producers = _ratios(np.diagonal(proportions), shares)
    # In the stratum of another map class nothing is mapped as the class, whatever is drawn.
    apart = None
    if strata.map_class is not None:
        apart = strata.map_class[:, np.newaxis] != np.arange(classes)
    return Estimates(
        proportions,
        (overall, float(design.errors(right.sum(axis=1, keepdims=True))[0])),
        (users, design.errors(right - users * is_mapped, apart) / _or_nan(rows)),
        (producers, design.errors(right - producers * is_reference) / _or_nan(shares)),
        (shares, design.errors(is_reference)),
        area,
        area / float(strata.areas.sum()),
        units,
    )


def interval(value: Floats | float, error: Floats | float) -> tuple[Floats, Floats]:
    """The 95 % interval of a share, not reaching beyond 0 and 1 (Olofsson et al., eq. 11)."""
    half = Z * np.asarray(error)
    return np.clip(value - half, 0.0, 1.0), np.clip(value + half, 0.0, 1.0)


class _Design:
    """The sample's units by stratum, with what sums over them need."""

    def __init__(self, sample: Sample, strata: Strata, units: Integers, shares: Floats) -> None:
        n = len(sample.stratum)
        self._units = units
        self._shares = shares
        self._stratum = sample.stratum
        ones = np.ones(n)
        self._sums = csr_array((ones, (sample.stratum, np.arange(n))), shape=(len(units), n))
        sampled_area = self._sums @ sample.areas
        # Area of each unit's pixel, relative to the mean of its stratum's units.
        self._size = sample.areas * (units / np.where(units, sampled_area, 1.0))[sample.stratum]
        fraction = units / np.maximum(strata.pixels, 1)
        self._unseen = np.where(
            fraction > NEGLIGIBLE_FRACTION, np.maximum(1.0 - fraction, 0.0), 1.0
        )
        self.weights: Floats = (shares / np.maximum(units, 1))[sample.stratum] * self._size
        """Share of the whole area that each unit stands for; sums to 1."""

    def errors(self, values: NDArray, ignored: NDArray[np.bool_] | None = None) -> Floats:
        """Standard errors of the means of columns.

        Args:
            values: Value of each unit; shape (units, columns).
            ignored: Where a stratum cannot add to the uncertainty; (strata, columns), or None.
        """
        n = self._units[:, np.newaxis]
        values = np.asarray(values, dtype=np.float64)
        means = self._sums @ (values * self._size[:, np.newaxis]) / np.maximum(n, 1)
        residuals = (values - means[self._stratum]) * self._size[:, np.newaxis]
        squares = self._sums @ residuals**2
        unseen = self._unseen[:, np.newaxis]
        variances = squares * unseen / np.maximum(n * (n - 1), 1)
        variances[(self._units == 1) & (self._unseen > 0)] = np.nan
        variances[self._units == 0] = 0.0
        variances *= self._shares[:, np.newaxis] ** 2
        if ignored is not None:
            variances[ignored] = 0.0
        return np.sqrt(variances.sum(axis=0))


def _ratios(part: Floats, whole: Floats) -> Floats:
    return part / _or_nan(whole)


def _or_nan(whole: Floats) -> Floats:
    return np.where(whole > 0, whole, np.nan)
