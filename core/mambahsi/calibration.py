"""Temperature scaling: one number that makes probabilities mean what they say.

A network that has learned its training pixels by heart is too sure of itself, one that has
trained for a short time not sure enough. Guo, Pleiss, Sun and Weinberger, "On Calibration of
Modern Neural Networks", ICML 2017 (arXiv:1706.04599, section 4.2) divide all scores by one
*temperature* T before the softmax, fitted so that the mean negative log likelihood of the
validation pixels is smallest. T above 1 takes confidence away, T below 1 adds some; the order
of classes, and so the map, stays as it is.

Every validation pixel counts the same. In the paper's protocol, which takes ten of each class,
classes then weigh alike, as they do in its choice of the epoch; with polygons they weigh as
they were drawn.

Pixels of one field are right or wrong together, so a hundred of them say little more than one,
and other fields may say something else. Therefore scaling goes only as far as the fields agree:
fields are drawn with replacement a thousand times (the bootstrap of clusters; Field and Welsh
2007, doi:10.1111/j.1467-9868.2007.00593.x), the middle 95 % of the temperatures that these
draws give are an interval, and used is the end of it that is nearer to 1. Where the interval
holds 1, scaling is not used.

Nor is it used where it does not clearly help fields that it was not fitted on
(:mod:`mambahsi.held_out`): in 95 % of the draws it must lower both their likelihood loss and
their calibration error. Test pixels have no say in any of this.
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

from mambahsi.held_out import HeldOut, hold_out

MINIMUM_PIXELS = 30
"""Fewer validation pixels are not fitted on: one of them could turn the result."""

MINIMUM_FIELDS = 5
"""Fewer fields cannot say how much they differ."""

LOWEST, HIGHEST = 0.05, 20.0
"""Bounds of the temperature. A fit that ends there has no minimum worth the name."""

_DRAWS = 1000

_MOST_FIELDS = 2000
"""More fields are joined at random: draws get coarser, but what is drawn stays apart."""

_LEVEL = 0.95
_GRID = np.geomspace(LOWEST, HIGHEST, 121)

Scores = NDArray[np.float64]
Integers = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Calibration:
    """The temperature of a model, and what it rests on.

    Attributes:
        temperature: What scores are divided by; 1 where scaling is not used.
        reason: Why scaling is not used; empty where it is.
        pixels: Validation pixels that it rests on.
        fields: Fields in which these lie.
        fitted: Temperature that fits them best, None where none was fitted.
        interval: Ends of its 95 % interval, None where there is none.
        nll_before: Mean negative log likelihood of the validation pixels without scaling, in
            nats; None where no temperature was fitted.
        nll_after: The same with :attr:`temperature`.
        test: What :func:`mambahsi.reliability.judge` found on the test pixels, or None.
        held_out: What scaling does to fields that it was not fitted on, None where its use was
            out of the question before.
    """

    temperature: float = 1.0
    reason: str = "The model comes from a version that did not calibrate."
    pixels: int = 0
    fields: int = 0
    fitted: float | None = None
    interval: tuple[float, float] | None = None
    nll_before: float | None = None
    nll_after: float | None = None
    test: dict[str, Any] | None = None
    held_out: HeldOut | None = None

    @property
    def used(self) -> bool:
        """Whether probabilities are scaled."""
        return not self.reason

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        interval = None if self.interval is None else list(self.interval)
        held_out = None if self.held_out is None else dict(vars(self.held_out))
        return {"used": self.used, **vars(self), "interval": interval, "held_out": held_out}

    @classmethod
    def from_json(cls, values: Mapping[str, Any] | None) -> Calibration:
        """What :meth:`to_json` gave, or no calibration from None.

        Raises:
            ValueError: The temperature is no positive number.
            KeyError, TypeError: A value is missing or unknown.
        """
        if values is None:
            return cls()
        known = {name: value for name, value in values.items() if name != "used"}
        known["temperature"] = float(known["temperature"])
        if known.get("interval") is not None:
            low, high = known["interval"]
            known["interval"] = (float(low), float(high))
        if known.get("held_out") is not None:
            known["held_out"] = HeldOut(**known["held_out"])
        found = cls(**known)
        if not (math.isfinite(found.temperature) and found.temperature > 0):
            raise ValueError(f"a temperature of {found.temperature}")
        return found

    def text(self) -> str:
        """What was done, for people."""
        if not self.used or self.interval is None:
            return f"Probabilities are not calibrated. {self.reason}".rstrip()
        direction = "less" if self.temperature > 1 else "more"
        low, high = self.interval
        others = ""
        if self.held_out:
            errors = (self.held_out.error_before, self.held_out.error_after)
            others = (
                " On fields that it is not fitted on, scaling takes the calibration error from "
                f"{errors[0]:.1%} to {errors[1]:.1%}."
            )
        return (
            f"Probabilities are calibrated with temperature {self.temperature:.3g}, which makes "
            f"them {direction} sure: the temperature that fits {self.pixels:,} validation pixels "
            f"in {self.fields:,} fields best is {self.fitted:.3g}, the 95 % interval {low:.3g} to "
            f"{high:.3g}, and its end nearer to 1 is used. Their negative log likelihood is "
            f"{self.nll_before:.4f} before, {self.nll_after:.4f} after.{others}"
        )


def negative_log_likelihood(scores: Scores, classes: Integers, temperature: float = 1.0) -> float:
    """Mean negative logarithm of the probability of the right class, in nats."""
    return float(np.mean(_losses(scores, classes, temperature)))


def fit_temperature(scores: Scores, classes: Integers) -> float:
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


def calibrate(scores: NDArray[Any], classes: Integers, fields: Integers) -> Calibration:
    """Fit the temperature of a classifier on its validation pixels, and decide on its use.

    Args:
        scores: Of the validation pixels; float (pixels, classes).
        classes: What they are, as class indices; int (pixels,).
        fields: Number of the field that each lies in; int (pixels,).
    """
    pixels, count = len(classes), len(np.unique(fields))
    reason = _too_little(scores, pixels, count)
    if reason:
        return Calibration(reason=reason, pixels=pixels, fields=count)
    exact = scores.astype(np.float64)
    before = negative_log_likelihood(exact, classes)
    fitted = fit_temperature(exact, classes)
    numbers = _number_fields(fields)
    losses = _losses_by_field(exact, classes, numbers)
    drawn = _draw(len(losses))
    low, high = _interval(drawn, losses)
    # In rare draws the fit itself lies outside.
    low, high = min(fitted, low), max(fitted, high)
    temperature = _nearer_to_one(low, high)
    held_out = None
    after = negative_log_likelihood(exact, classes, temperature)
    if not negative_log_likelihood(exact, classes, fitted) < before:
        reason = "No temperature fits the validation pixels better than 1."
    elif not LOWEST * 1.01 < fitted < HIGHEST / 1.01:
        right = np.array_equal(exact.argmax(axis=1), classes)
        reason = f"The fit has no minimum between {LOWEST:g} and {HIGHEST:g}" + (
            ", because all validation pixels are classified rightly." if right else "."
        )
    elif temperature == 1.0:
        reason = (
            f"The {count:,} fields of the validation pixels do not agree whether to scale up or "
            f"down: the temperature that fits best is {fitted:.3g}, but its 95 % interval is "
            f"{low:.3g} to {high:.3g}."
        )
    else:

        def temperature_of(some: NDArray[np.bool_]) -> float:
            return _nearer_to_one(*_interval(drawn[:, some], losses[some]))

        held_out = hold_out(exact, classes, numbers, drawn, temperature_of)
        if held_out.agreeing < _LEVEL:
            reason = (
                "On fields that it is not fitted on, scaling does not clearly help: it takes their "
                f"calibration error from {held_out.error_before:.1%} to "
                f"{held_out.error_after:.1%}, and lowers both that and the likelihood loss in "
                f"{held_out.agreeing:.0%} of the draws of fields, where {_LEVEL:.0%} are asked."
            )
    return Calibration(
        temperature=1.0 if reason else temperature,
        reason=reason,
        pixels=pixels,
        fields=count,
        fitted=fitted,
        interval=(low, high),
        nll_before=before,
        nll_after=before if reason else after,
        held_out=held_out,
    )


def _too_little(scores: NDArray[Any], pixels: int, fields: int) -> str:
    """Why no temperature can be fitted, or an empty text."""
    if not pixels:
        return "There are no validation pixels to fit a temperature on."
    if pixels < MINIMUM_PIXELS:
        return (
            f"A temperature fitted on {pixels} validation pixel{'s' * (pixels > 1)} would not be "
            f"worth much: at least {MINIMUM_PIXELS} are needed."
        )
    if fields < MINIMUM_FIELDS:
        return (
            f"The validation pixels lie in {fields} field{'s' * (fields > 1)}, which cannot tell "
            f"how much other fields differ: at least {MINIMUM_FIELDS} are needed."
        )
    if not np.isfinite(scores).all():
        return "Some validation pixels have scores that are not finite."
    return ""


def _number_fields(fields: Integers) -> NDArray[np.int64]:
    """Numbers of the fields from 0 on, each that of several fields where there are too many."""
    names, numbers = np.unique(fields, return_inverse=True)
    if len(names) > _MOST_FIELDS:
        return np.random.default_rng(0).permutation(len(names))[numbers] % _MOST_FIELDS
    return numbers.astype(np.int64)


def _losses_by_field(scores: Scores, classes: Integers, fields: Integers) -> Scores:
    """Summed likelihood loss at the temperatures of the grid; (fields, temperatures)."""
    count = int(fields.max()) + 1
    sums = [np.bincount(fields, _losses(scores, classes, t), minlength=count) for t in _GRID]
    return np.stack(sums, axis=1)


def _draw(count: int) -> Scores:
    """How often each draw of as many fields with replacement holds each; (draws, fields)."""
    generator = np.random.default_rng(0)
    drawn = generator.multinomial(count, np.full(count, 1 / count), size=_DRAWS)
    return drawn.astype(np.float64)


def _interval(drawn: Scores, losses: Scores) -> tuple[float, float]:
    """Ends of the 95 % percentile interval of the temperature over draws of whole fields.

    Args:
        drawn: How often each draw holds each field; (draws, fields).
        losses: Of each field at the temperatures of the grid; (fields, temperatures).
    """
    tail = (1 - _LEVEL) / 2
    low, high = np.exp(np.quantile(_minima(drawn @ losses), [tail, 1 - tail]))
    return float(low), float(high)


def _nearer_to_one(low: float, high: float) -> float:
    """The end of an interval of temperatures that is nearer to 1, or 1 where it holds that."""
    return low if low > 1 else high if high < 1 else 1.0


def _minima(losses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where each row, a function on the grid, is smallest: log T by a parabola; (rows,)."""
    logarithms = np.log(_GRID)
    middle = losses.argmin(axis=1)
    inner = middle.clip(1, len(_GRID) - 2)
    rows = np.arange(len(losses))
    left, least, right = (losses[rows, inner + shift] for shift in (-1, 0, 1))
    bend = left - 2 * least + right
    shift = np.divide(left - right, 2 * bend, out=np.zeros(len(losses)), where=bend > 0)
    step = logarithms[1] - logarithms[0]
    at_end = middle != inner
    return np.where(at_end, logarithms[middle], logarithms[inner] + shift.clip(-1, 1) * step)


def _losses(scores: Scores, classes: Integers, temperature: float) -> NDArray[np.float64]:
    """Negative logarithm of the probability of each pixel's right class; (pixels,)."""
    scaled = scores / temperature
    right = np.take_along_axis(scaled, classes[:, np.newaxis].astype(np.intp), axis=1)[:, 0]
    losses: NDArray[np.float64] = logsumexp(scaled, axis=1) - right
    return losses
