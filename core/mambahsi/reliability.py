"""Whether confidence means what it says: of the pixels with confidence 0.8, are 80 % right?

Pixels are put into bins by their confidence, with about as many pixels in each; pixels of the
same confidence share a bin. In a bin with n pixels let d be confidence minus 1 where the class
is right, and confidence where it is wrong. If confidence means what it says, d is 0 on
average, and the square of its mean estimates how far from that it is. But a mean of n numbers
is not 0 by chance alone, and its square is too large by the variance of d over n, so plain
estimates find errors where there are none, the more the fewer pixels there are. Hence the
*debiased* estimate of Kumar, Liang and Ma, "Verified Uncertainty Calibration", NeurIPS 2019
(arXiv:1909.10155, section 5), with bins b of n_b out of n pixels:

    CE^2 = sum over b of  n_b / n * ( mean(d)^2 - var(d) / n_b )

where var(d) is the sample variance, with n_b - 1 below. (Theirs has the variance of the labels
alone, which is the same where a bin holds one confidence only, as with them; with several, it
takes away too much.) Told is the root, 0 where the sum is negative: the error of a confidence,
as a root mean square. The estimate takes pixels for independent. Those of one field are not,
so an error is less certain than the number of pixels suggests.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambahsi.certainty import to_probabilities
from mambahsi.jobs import UNSURE_BELOW

THRESHOLDS = (UNSURE_BELOW, 0.7, 0.8, 0.9, 0.95)
"""Confidences at which a report tells what setting aside all below would leave."""

_BINS = 15
_BIN_PIXELS = 20
_COLUMNS = 20


@dataclass(frozen=True)
class Bin:
    """Pixels of similar confidence.

    Attributes:
        pixels: How many.
        confidence: Their mean confidence.
        accuracy: The share of them that is right.
        error: Debiased estimate of the square of the difference; may be negative.
    """

    pixels: int
    confidence: float
    accuracy: float
    error: float


def make_bins(confidence: NDArray[Any], correct: NDArray[np.bool_]) -> list[Bin]:
    """Put pixels into up to 15 bins of similar confidence, about 20 pixels or more in each.

    Args:
        confidence: 0 to 1, float (pixels,).
        correct: Whether the class is right, bool (pixels,).

    Returns:
        In rising order of confidence; none for less than two pixels.
    """
    if len(confidence) < 2:
        return []
    order = np.argsort(confidence, kind="stable")
    ordered = confidence[order].astype(np.float64)
    right = correct[order].astype(np.float64)
    return [
        _bin(ordered[start:stop], right[start:stop])
        for start, stop in itertools.pairwise(_edges(ordered))
    ]


def number_bins(confidence: NDArray[Any]) -> NDArray[np.int64]:
    """Which of the bins of :func:`make_bins` each pixel is in, from 0; (pixels,)."""
    order = np.argsort(confidence, kind="stable")
    edges = _edges(confidence[order].astype(np.float64))
    numbers = np.empty(len(order), dtype=np.int64)
    numbers[order] = np.repeat(np.arange(len(edges) - 1), np.diff(edges))
    return numbers


def _edges(ordered: NDArray[np.float64]) -> list[int]:
    """Where bins begin among pixels in rising order of confidence, and their number at the end."""
    count = len(ordered)
    wanted = min(_BINS, max(1, count // _BIN_PIXELS))
    size = count / wanted
    edges = [0]
    for number in range(1, wanted):
        # Behind all pixels of this confidence.
        edge = int(np.searchsorted(ordered, ordered[round(number * size) - 1], side="right"))
        if edge > edges[-1] and count - edge >= max(2.0, size / 2):
            edges.append(edge)
    edges.append(count)
    return edges


def calibration_error(bins: Iterable[Bin]) -> float:
    """Debiased calibration error, 0 to 1; NaN without bins."""
    bins = list(bins)
    pixels = sum(part.pixels for part in bins)
    if not pixels:
        return math.nan
    return math.sqrt(max(0.0, squared_error(bins)))


def squared_error(bins: Iterable[Bin]) -> float:
    """The square of the calibration error, without bias, hence sometimes negative."""
    bins = list(bins)
    return sum(part.pixels * part.error for part in bins) / sum(part.pixels for part in bins)


def judge(scores: NDArray[Any], classes: NDArray[Any], temperature: float) -> dict[str, Any] | None:
    """How far confidence can be trusted, on pixels that nothing was fitted on.

    Args:
        scores: Of the pixels; float (pixels, classes).
        classes: What they are, as class indices; int (pixels,).
        temperature: The model's.

    Returns:
        Plain values, or None for less than two pixels: ``pixels``, ``accuracy``, ``error_before``
        and ``error_after`` (temperature 1, and the model's), ``bins_before`` and
        ``bins_after``, ``columns_before`` and ``columns_after`` (pixels by confidence in 20
        parts of 0 to 1) and ``thresholds``: for each confidence the share of the pixels below
        it, and the accuracy of those at or above and of those below (None without pixels).
    """
    if len(classes) < 2:
        return None
    correct = scores.argmax(axis=1) == classes
    found: dict[str, Any] = {"pixels": len(classes), "accuracy": float(correct.mean())}
    confidence = np.empty(0)
    for name, value in (("before", 1.0), ("after", temperature)):
        confidence = to_probabilities(scores.astype(np.float64), value).max(axis=1)
        bins = make_bins(confidence, correct)
        found[f"error_{name}"] = calibration_error(bins)
        found[f"bins_{name}"] = [asdict(part) for part in bins]
        columns, _ = np.histogram(confidence, bins=_COLUMNS, range=(0.0, 1.0))
        found[f"columns_{name}"] = [int(number) for number in columns]
    found["thresholds"] = [_at(threshold, confidence, correct) for threshold in THRESHOLDS]
    return found


def _at(threshold: float, confidence: NDArray[Any], correct: NDArray[np.bool_]) -> dict[str, Any]:
    below = confidence < threshold

    def share(mask: NDArray[np.bool_]) -> float | None:
        return float(correct[mask].mean()) if mask.any() else None

    return {
        "confidence": threshold,
        "share_below": float(below.mean()),
        "accuracy_above": share(~below),
        "accuracy_below": share(below),
    }


def _bin(confidence: NDArray[np.float64], right: NDArray[np.float64]) -> Bin:
    differences = confidence - right
    count = len(differences)
    bias = float(differences.var(ddof=1)) / count if count > 1 else 0.0
    return Bin(
        pixels=count,
        confidence=float(confidence.mean()),
        accuracy=float(right.mean()),
        error=float(differences.mean()) ** 2 - bias,
    )
