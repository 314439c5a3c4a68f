"""How far apart two classes are: the Jeffries-Matusita distance, 0 (alike) to 2 (apart).

Each class is taken for a normal distribution. The Bhattacharyya distance of two of them, with means
m and covariances S, is (Kailath 1967, doi:10.1109/TCOM.1967.1089532; Fukunaga 1990, Introduction
to Statistical Pattern Recognition, 2nd edition, eq. 3.152)::

    B = (m1 - m2)' S^-1 (m1 - m2) / 8 + ln(det S / sqrt(det S1 det S2)) / 2,   S = (S1 + S2) / 2

and the Jeffries-Matusita distance is ``2 (1 - exp(-B))`` (Bruzzone et al. 1995,
doi:10.1109/36.477187; elsewhere its square root is called by that name).

A normal distribution in hundreds of bands is a poor model of a class, whose fields differ from each
other: there, nearly all classes come out as apart, and the distances do not follow the errors of
classifiers. So where bands are many they are replaced by their first principal components, taken
from samples in which every class counts alike, bands scaled to a common spread within classes.

Covariances need many more samples than they have dimensions. Where a class of a pair has fewer than
:data:`ENOUGH` times as many, or no more samples than the scene has bands, or a covariance that is
singular, both covariances are shrunk towards that of independent dimensions of equal variance, by
the larger of the two intensities after Ledoit and Wolf (2004,
doi:10.1016/S0047-259X(03)00096-4). *By the same*, because two covariances that are shrunk
differently are far apart for that alone.

Even so, few samples in many dimensions look separable whatever they are (Fukunaga and Hayes 1989,
doi:10.1109/34.31448). Hence *chance*: the distance that samples of these numbers have if the
classes do not differ, found by dealing the deviations of all samples from their class means to two
groups at random. What the two Bhattacharyya distances differ by is what was found beyond it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from sklearn.covariance import ledoit_wolf_shrinkage
from threadpoolctl import threadpool_limits

from mambahsi.feedback import Feedback
from mambahsi.samples.pairs import ENOUGH, FEWEST, Pair, Separation

_DRAWS = 5


def bhattacharyya(
    mean_1: np.ndarray, covariance_1: np.ndarray, mean_2: np.ndarray, covariance_2: np.ndarray
) -> float:
    """The Bhattacharyya distance of two normal distributions.

    Args:
        mean_1: float64, shape (bands,).
        covariance_1: float64, shape (bands, bands), symmetric.
        mean_2: Of the other.
        covariance_2: Of the other.

    Raises:
        numpy.linalg.LinAlgError: A covariance is not positive definite.
    """
    root = np.linalg.cholesky((covariance_1 + covariance_2) / 2)
    away = np.linalg.solve(root, mean_1 - mean_2)
    spread = _log_determinant(root) - 0.5 * sum(
        _log_determinant(np.linalg.cholesky(c)) for c in (covariance_1, covariance_2)
    )
    # Rounding can make nearly equal determinants give a little less than nothing.
    return max(float(away @ away / 8 + spread / 2), 0.0)


def separability(
    spectra: Sequence[np.ndarray],
    names: Sequence[str],
    components: int = 0,
    feedback: Feedback | None = None,
) -> Separation:
    """The distances of all pairs of classes.

    Args:
        spectra: Samples of each class, any real type, shape (pixels, bands).
        names: Names of the classes, for messages.
        components: Principal components to take in place of more bands; 0 takes all bands.
        feedback: Told about progress.

    Raises:
        Cancelled: The user asked to stop.
    """
    feedback = feedback or Feedback()
    pairs = list(combinations(range(len(spectra)), 2))
    found = []
    # Threads that wait for each other over such small matrices cost many times what they save.
    with threadpool_limits(1):
        values = _scaled(spectra)
        bands = values[0].shape[1]
        share = 1.0
        if 0 < components < bands:
            axes, share = _principal(values, components)
            # Scaled anew: shrinkage would drown small components in the variance of large ones.
            values = _scaled([own @ axes for own in values])
        classes = [_Class(own, bands) for own in values]
        for done, (first, second) in enumerate(pairs):
            feedback.check()
            feedback.progress(done / len(pairs), "Comparing the classes")
            found.append(_compare(first, classes[first], second, classes[second], names))
    feedback.progress(1.0)
    return Separation(found, values[0].shape[1], share)


class _Class:
    """What is known of a class.

    Attributes:
        pixels: Number of samples.
        mean: float64 (dimensions,).
        deviations: Of the samples from it, float64 (pixels, dimensions).
        scatter: Sum of their products, float64 (dimensions, dimensions).
        full: Whether samples are enough for an unshrunk covariance that is not singular.
    """

    def __init__(self, values: np.ndarray, bands: int) -> None:
        self.pixels, dimensions = values.shape
        if self.pixels < FEWEST:
            return
        self.mean = values.mean(axis=0)
        self.deviations = values - self.mean
        self.scatter = self.deviations.T @ self.deviations
        enough = self.pixels >= ENOUGH * dimensions and self.pixels > bands
        spread = np.linalg.eigvalsh(self.scatter) if enough else np.zeros(1)
        # Numbers this much smaller than the largest are made of rounding.
        self.full = bool(spread[0] > dimensions * np.finfo(np.float64).eps * spread[-1])
        self._intensity: float | None = None

    @property
    def intensity(self) -> float:
        """Shrinkage after Ledoit and Wolf, 0 to 1."""
        if self._intensity is None:
            self._intensity = float(
                ledoit_wolf_shrinkage(self.deviations, assume_centered=True)
                if self.scatter.any()
                else 0.0
            )
        return self._intensity


def _compare(first: int, one: _Class, second: int, other: _Class, names: Sequence[str]) -> Pair:
    for number, known in ((first, one), (second, other)):
        if known.pixels < FEWEST:
            problem = f"{names[number]} has {known.pixels} of the {FEWEST} pixels that it takes"
            return Pair(first, second, None, None, problem=problem)
    shrinkage = 0.0 if one.full and other.full else max(one.intensity, other.intensity)
    try:
        found = bhattacharyya(
            one.mean,
            _covariance(one.scatter, one.pixels, shrinkage),
            other.mean,
            _covariance(other.scatter, other.pixels, shrinkage),
        )
        chance = _chance(one, other, shrinkage)
    except np.linalg.LinAlgError:
        return Pair(
            *(first, second, None, None, shrinkage),
            problem="the samples of a class are too few, or too much alike, for a covariance",
        )
    return Pair(first, second, found, chance, shrinkage)


def _chance(one: _Class, other: _Class, shrinkage: float) -> float:
    """Mean Bhattacharyya distance of random groups of the two classes' deviations."""
    few, many = sorted((one, other), key=lambda known: known.pixels)
    deviations = np.concatenate([few.deviations, many.deviations])
    whole = few.scatter + many.scatter
    generator = np.random.default_rng(0)
    found = []
    for _ in range(_DRAWS):
        drawn = deviations[generator.permutation(len(deviations))[: few.pixels]]
        total = drawn.sum(axis=0)
        # All deviations add up to zero, so what the group has above it, the others have below.
        means = total / few.pixels, -total / many.pixels
        products = drawn.T @ drawn
        scatters = (
            products - few.pixels * np.outer(means[0], means[0]),
            whole - products - many.pixels * np.outer(means[1], means[1]),
        )
        covariances = [
            _covariance(scatter, known.pixels, shrinkage)
            for scatter, known in zip(scatters, (few, many), strict=True)
        ]
        found.append(bhattacharyya(means[0], covariances[0], means[1], covariances[1]))
    return float(np.mean(found))


def _covariance(scatter: np.ndarray, pixels: int, shrinkage: float) -> np.ndarray:
    covariance: np.ndarray = scatter / (pixels - 1)
    if shrinkage:
        bands = len(covariance)
        mean_variance = float(np.trace(covariance)) / bands
        covariance = (1.0 - shrinkage) * covariance + shrinkage * mean_variance * np.eye(bands)
    return covariance


def _log_determinant(root: np.ndarray) -> float:
    """Logarithm of the determinant of a matrix, from its Cholesky factor."""
    return 2.0 * float(np.log(np.diagonal(root)).sum())


def _scaled(spectra: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The samples in double precision, bands brought to mean 0 and spread 1 within classes.

    Bands that do not vary within any class are left out: they have no covariance.
    """
    values = [np.asarray(own, dtype=np.float64) for own in spectra]
    count = sum(len(own) for own in values)
    center = sum(own.sum(axis=0) for own in values) / max(count, 1)
    squares = sum(((own - own.mean(axis=0)) ** 2).sum(axis=0) for own in values if len(own))
    freedom = max(count - sum(len(own) > 0 for own in values), 1)
    spread = np.sqrt(squares / freedom)
    varies = spread > 0
    return [(own[:, varies] - center[varies]) / spread[varies] for own in values]


def _principal(values: Sequence[np.ndarray], components: int) -> tuple[np.ndarray, float]:
    """Axes of the largest variance where every class counts alike, and their share of it.

    Args:
        values: Samples of each class, float64 (pixels, bands).
        components: Number of axes.

    Returns:
        Axes as columns, float64 (bands, components); share of all variance, 0 to 1.
    """
    known = [own for own in values if len(own)]
    center = np.mean([own.mean(axis=0) for own in known], axis=0)
    moments = np.mean([(own - center).T @ (own - center) / len(own) for own in known], axis=0)
    variances, axes = np.linalg.eigh(moments)
    return axes[:, -components:], float(variances[-components:].sum() / variances.sum())
