"""Temperature scaling: one number that makes probabilities mean what they say.

A network that has learned its training pixels by heart is too sure of itself. Guo, Pleiss, Sun
and Weinberger, "On Calibration of Modern Neural Networks", ICML 2017 (arXiv:1706.04599,
section 4.2) divide all scores by one *temperature* T before the softmax, fitted so that the
mean negative log likelihood of the validation pixels is smallest. T above 1 takes confidence
away, T below 1 adds some; the order of classes, and so the map, stays as it is.

Every validation pixel counts the same. In the paper's protocol, which takes ten of each class,
classes then weigh alike, as they do in its choice of the epoch; with polygons they weigh as
they were drawn.

Scaling is used only where validation pixels that a fit has not seen are better off with it.
They are cut into five parts, each class in five runs of neighbors (row by row, so that a part
is not just the neighboring pixels of the others), each part is scaled with the temperature
that the other four give, and both the negative log likelihood and the calibration error
(:mod:`mambahsi.reliability`) of all parts must not be larger than without scaling. Test
pixels have no say in it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from mambahsi.certainty import to_probabilities
from mambahsi.reliability import Bin, calibration_error, make_bins

MINIMUM_PIXELS = 30
"""Fewer validation pixels are not fitted on: one of them could turn the result."""

LOWEST, HIGHEST = 0.05, 20.0
"""Bounds of the temperature. A fit that ends there has no minimum worth the name."""

_PARTS = 5
_TOLERANCE = 1e-8

Scores = NDArray[np.float64]
Classes = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Calibration:
    """The temperature of a model, and what it rests on.

    Attributes:
        temperature: What scores are divided by; 1 where scaling is not used.
        reason: Why scaling is not used; empty where it is.
        pixels: Validation pixels that it rests on.
        fitted: What the fit gave, None where there was none.
        nll_before: Mean negative log likelihood of these pixels without scaling, in nats.
        nll_after: The same with the fitted temperature.
        held_out: ``nll_before``, ``nll_after``, ``error_before`` and ``error_after`` of
            validation pixels that a fit has not seen; None where there was none.
        test: What :func:`mambahsi.reliability.judge` found on the test pixels, or None.
    """

    temperature: float = 1.0
    reason: str = "The model comes from a version that did not calibrate."
    pixels: int = 0
    fitted: float | None = None
    nll_before: float | None = None
    nll_after: float | None = None
    held_out: dict[str, float] | None = None
    test: dict[str, Any] | None = None

    @property
    def used(self) -> bool:
        """Whether probabilities are scaled."""
        return not self.reason

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {"used": self.used, **vars(self)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any] | None) -> Calibration:
        """What :meth:`to_json` gave, or no calibration from None.

        Raises:
            ValueError: The temperature is no positive number.
            TypeError: A value is missing or unknown.
        """
        if values is None:
            return cls()
        known = {name: value for name, value in values.items() if name != "used"}
        found = cls(**{**known, "temperature": float(known["temperature"])})
        if not (math.isfinite(found.temperature) and found.temperature > 0):
            raise ValueError(f"a temperature of {found.temperature}")
        return found

    def text(self) -> str:
        """What was done, in one sentence for people."""
        if not self.used:
            return f"Probabilities are not calibrated. {self.reason}"
        direction = "less" if self.temperature > 1 else "more"
        return (
            f"Probabilities are calibrated with temperature {self.temperature:.3g}, which makes "
            f"them {direction} sure: negative log likelihood of {self.pixels:,} validation pixels "
            f"{self.nll_before:.4f} before, {self.nll_after:.4f} after."
        )


def negative_log_likelihood(scores: Scores, classes: Classes, temperature: float = 1.0) -> float:
    """Mean negative logarithm of the probability of the right class, in nats."""
    scaled = scores / temperature
    right = np.take_along_axis(scaled, classes[:, np.newaxis], axis=1)[:, 0]
    return float(np.mean(logsumexp(scaled, axis=1) - right))


def fit_temperature(scores: Scores, classes: Classes) -> float:
    """The temperature between :data:`LOWEST` and :data:`HIGHEST` of the smallest likelihood loss.

    The negative log likelihood is convex in 1 / T, so it has one minimum in log T, too, in
    which it is searched (Brent's method on an interval).

    Args:
        scores: float64 (pixels, classes), finite, at least one pixel.
        classes: The right ones; int (pixels,).
    """
    found = minimize_scalar(
        lambda logarithm: negative_log_likelihood(scores, classes, math.exp(logarithm)),
        bounds=(math.log(LOWEST), math.log(HIGHEST)),
        method="bounded",
        options={"xatol": 1e-7},
    )
    return math.exp(found.x)


def calibrate(scores: NDArray[Any], classes: Classes) -> Calibration:
    """Fit the temperature of a classifier on its validation pixels, and decide on its use.

    Args:
        scores: Of the validation pixels, row by row as they lie in the scene; float (pixels,
            classes).
        classes: What they are, as class indices; int (pixels,).
    """
    pixels = len(classes)
    if pixels < MINIMUM_PIXELS:
        return Calibration(
            reason="There are no validation pixels to fit a temperature on."
            if not pixels
            else f"A temperature fitted on {pixels} validation pixel{'s' * (pixels > 1)} would not "
            f"be worth much: at least {MINIMUM_PIXELS} are needed.",
            pixels=pixels,
        )
    exact = scores.astype(np.float64)
    if not np.isfinite(exact).all():
        return Calibration(
            reason="Some validation pixels have scores that are not finite.", pixels=pixels
        )
    fitted = fit_temperature(exact, classes)
    before = negative_log_likelihood(exact, classes)
    after = negative_log_likelihood(exact, classes, fitted)
    held_out = _cross_validate(exact, classes)
    reason = _objection(fitted, before, after, held_out, exact, classes)
    return Calibration(
        temperature=1.0 if reason else fitted,
        reason=reason,
        pixels=pixels,
        fitted=fitted,
        nll_before=before,
        nll_after=after,
        held_out=held_out,
    )


def _objection(
    fitted: float,
    before: float,
    after: float,
    held_out: dict[str, float],
    scores: Scores,
    classes: Classes,
) -> str:
    """Why a temperature is not used, or an empty text."""
    if not after < before:
        return "No temperature fits the validation pixels better than 1."
    if not LOWEST * 1.01 < fitted < HIGHEST / 1.01:
        right = np.array_equal(scores.argmax(axis=1), classes)
        return (
            f"The fit has no minimum between {LOWEST:g} and {HIGHEST:g}"
            + (", because all validation pixels are classified rightly" if right else "")
            + "."
        )
    for name, key in (("negative log likelihood", "nll"), ("calibration error", "error")):
        without, scaled = held_out[f"{key}_before"], held_out[f"{key}_after"]
        if scaled > without + _TOLERANCE:
            return (
                f"On validation pixels left out of the fit, scaling would raise the {name} from "
                f"{without:.4f} to {scaled:.4f}."
            )
    return ""


def _cross_validate(scores: Scores, classes: Classes) -> dict[str, float]:
    """Figures of validation pixels, each with the temperature that the other parts give."""
    parts = _parts(classes)
    scaled = scores.copy()
    for part in range(_PARTS):
        chosen = parts == part
        if chosen.any() and not chosen.all():
            scaled[chosen] /= fit_temperature(scores[~chosen], classes[~chosen])
    return {
        "nll_before": negative_log_likelihood(scores, classes),
        "nll_after": negative_log_likelihood(scaled, classes),
        "error_before": calibration_error(_bins(scores, classes)),
        "error_after": calibration_error(_bins(scaled, classes)),
    }


def _parts(classes: Classes) -> NDArray[np.int64]:
    """Which of :data:`_PARTS` parts each pixel belongs to: of each class, runs in their order."""
    parts = np.empty(len(classes), dtype=np.int64)
    for number in np.unique(classes):
        members = np.flatnonzero(classes == number)
        parts[members] = np.arange(len(members)) * _PARTS // len(members)
    return parts


def _bins(scores: Scores, classes: Classes) -> list[Bin]:
    return make_bins(to_probabilities(scores).max(axis=1), scores.argmax(axis=1) == classes)
