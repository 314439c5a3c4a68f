"""A support vector machine with a Gaussian kernel, as plain arrays.

For every pair of classes i < j there is one decision (Chang and Lin 2011, LIBSVM,
doi:10.1145/1961189.1961199)

    d_ij(x) = sum over the support vectors v of i and j of c_v exp(-gamma |x - v|^2) + b_ij

for class i where it is positive. As one-versus-rest decision values, which are the scores, a
class gets a vote for each pair that it wins, plus s / (3 (|s| + 1)), where s is the sum of its
decisions: less than a third of a vote, so it decides between equal votes alone. That is
scikit-learn's ``decision_function_shape="ovr"``, and the class with the largest value is its
prediction with ``break_ties=True``. Of two classes, each one's value is the other's negative.

Bands are standardized with mean and deviation of the training pixels: the kernel weighs all
bands alike.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from mambahsi.classifiers.interface import ABSENT_SCORE, CheckedArrays, Damaged, PixelClassifier
from mambahsi.errors import ModelError

_BLOCK_BYTES = 32 * 2**20
"""Kernel values and decisions that are held at a time."""

_LARGEST_BLOCK = 4096
_ARRAYS = {
    *("mean", "scale", "support_vectors", "coefficients", "intercepts", "counts", "gamma"),
    "present",
}


class SupportVectorMachine(PixelClassifier):
    """A support vector machine.

    Args:
        arrays: ``mean`` and ``scale`` (bands,), ``support_vectors`` (vectors, bands), class by
            class, ``counts`` int64 (known classes,) of them, ``coefficients`` (known classes - 1,
            vectors), the ones of a vector of class i in decisions against each other class in
            order, ``intercepts`` (pairs,), ``gamma`` (1,); float64 where nothing else is said.
            ``present`` int64, the indices of the known classes. They must have been checked.
        bands: Bands of a pixel.
        classes: Number of classes.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray], bands: int, classes: int) -> None:
        self.bands = bands
        self.classes = classes
        self._arrays = dict(arrays)

    @classmethod
    def of(cls, scaler: Any, estimator: Any, gamma: float, classes: int) -> SupportVectorMachine:
        """The machine that scikit-learn has fitted.

        Args:
            scaler: A fitted ``StandardScaler``.
            estimator: An ``SVC`` with an RBF kernel, fitted to standardized pixels and class
                indices.
            gamma: Its gamma.
            classes: Number of classes.
        """
        coefficients = np.asarray(estimator.dual_coef_, dtype=np.float64)
        intercepts = np.asarray(estimator.intercept_, dtype=np.float64)
        if len(estimator.classes_) == 2:
            # Of two classes, scikit-learn gives the decision for the second one.
            coefficients, intercepts = -coefficients, -intercepts
        arrays = {
            "mean": np.asarray(scaler.mean_, dtype=np.float64),
            "scale": np.asarray(scaler.scale_, dtype=np.float64),
            "support_vectors": np.asarray(estimator.support_vectors_, dtype=np.float64),
            "coefficients": coefficients,
            "intercepts": intercepts,
            "counts": np.asarray(estimator.n_support_, dtype=np.int64),
            "gamma": np.array([gamma]),
            "present": np.asarray(estimator.classes_, dtype=np.int64),
        }
        return cls(arrays, len(arrays["mean"]), classes)

    @classmethod
    def restore(
        cls, tensors: Mapping[str, torch.Tensor], bands: int, classes: int
    ) -> SupportVectorMachine:
        """The machine of a model file.

        Raises:
            Damaged: The arrays are no machine for these bands and classes.
        """
        given = CheckedArrays(tensors, _ARRAYS)
        real = torch.float64
        present = given.present(classes)
        known = len(present)
        if known < 2:
            raise Damaged("it knows one class only")
        vectors = given.take("support_vectors", real, None, bands)
        arrays = {
            "mean": given.take("mean", real, bands),
            "scale": given.take("scale", real, bands),
            "support_vectors": vectors,
            "coefficients": given.take("coefficients", real, known - 1, len(vectors)),
            "intercepts": given.take("intercepts", real, known * (known - 1) // 2),
            "counts": given.take("counts", torch.int64, known),
            "gamma": given.take("gamma", real, 1),
            "present": present,
        }
        counts = arrays["counts"]
        # Each is compared first: sums of numbers without a bound may wrap around.
        if ((counts < 0) | (counts > len(vectors))).any() or counts.sum() != len(vectors):
            raise Damaged("counts does not divide the support vectors")
        if not (arrays["scale"] > 0).all() or not arrays["gamma"][0] > 0:
            raise Damaged("scale and gamma must be positive")
        return cls(arrays, bands, classes)

    @property
    def block_pixels(self) -> int:
        return max(1, min(_LARGEST_BLOCK, _BLOCK_BYTES // self._pixel_bytes))

    @property
    def _pixel_bytes(self) -> int:
        """For each pixel: the kernel, a decision for each pair of classes, the bands."""
        known = len(self._arrays["present"])
        return 8 * (len(self._arrays["support_vectors"]) + known * known + self.bands)

    @property
    def held_bytes(self) -> int:
        return sum(array.nbytes for array in self._arrays.values())

    @property
    def block_bytes(self) -> int:
        # A check for numbers that are not finite takes a copy.
        return 2 * self.block_pixels * self._pixel_bytes

    def scores(self, pixels: np.ndarray) -> np.ndarray:
        """As of the base class.

        Raises:
            ModelError: A score is not finite.
        """
        present = self._arrays["present"]
        with np.errstate(over="ignore", invalid="ignore"):
            found = _one_versus_rest(self._decisions(pixels), len(present))
        if not np.isfinite(found).all():
            raise ModelError(
                "The support vector machine's output for this scene is not finite.",
                "The model file may be damaged: copy or train it again.",
            )
        scores = np.full((len(pixels), self.classes), ABSENT_SCORE)
        scores[:, present] = found
        return scores

    def arrays(self) -> dict[str, np.ndarray]:
        return dict(self._arrays)

    def _decisions(self, pixels: np.ndarray) -> dict[tuple[int, int], np.ndarray]:
        """d_ij by pair of known classes i < j; float64 (pixels,) each."""
        from sklearn.metrics.pairwise import rbf_kernel

        arrays = self._arrays
        standardized = (pixels - arrays["mean"]) / arrays["scale"]
        if not np.isfinite(standardized).all():
            raise Damaged("mean and scale take pixels out of range")
        kernel = rbf_kernel(standardized, arrays["support_vectors"], gamma=arrays["gamma"][0])
        stops = np.cumsum(arrays["counts"])
        # What the support vectors of one class contribute to its decisions against the others.
        shares = [
            kernel[:, stop - count : stop] @ arrays["coefficients"][:, stop - count : stop].T
            for stop, count in zip(stops, arrays["counts"], strict=True)
        ]
        pairs = itertools.combinations(range(len(shares)), 2)
        return {
            (i, j): shares[i][:, j - 1] + shares[j][:, i] + intercept
            for (i, j), intercept in zip(pairs, arrays["intercepts"], strict=True)
        }


def _one_versus_rest(decisions: Mapping[tuple[int, int], np.ndarray], known: int) -> np.ndarray:
    """Scores of the known classes; float64 (pixels, known)."""
    if known == 2:
        return np.stack([decisions[0, 1], -decisions[0, 1]], axis=1)
    pixels = len(decisions[0, 1])
    votes = np.zeros((pixels, known))
    sums = np.zeros((pixels, known))
    for (i, j), decision in decisions.items():
        sums[:, i] += decision
        sums[:, j] -= decision
        first = decision >= 0
        votes[:, i] += first
        votes[:, j] += ~first
    return votes + sums / (3 * (np.abs(sums) + 1))
