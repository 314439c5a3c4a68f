"""What several folds say together: one pooled confusion matrix, and how the folds differ.

Each pixel is tested by the one model that did not train on its block, so the pooled matrix counts
each once, and its figures are those of all test pixels. How sure they are is told by the spread
over the folds: mean, standard deviation and the interval of Student's t for the mean of so many
figures. The folds share training pixels, so they differ less than independent trainings would;
no unbiased estimate of that variance exists (Bengio and Grandvalet 2004, "No Unbiased Estimator
of the Variance of K-Fold Cross-Validation", Journal of Machine Learning Research 5, 1089-1105).
The interval is therefore rather too narrow, and with fewer than three folds there is none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import t as student

from mambahsi.accuracy import Accuracy, percent

LEVEL = 0.95

FEWEST_FOLDS = 3
"""Fewer folds give no interval."""


def spread(figures: Sequence[float]) -> dict[str, Any]:
    """Mean, standard deviation and interval of one figure over the folds.

    Args:
        figures: The figure of each fold; NaN where it is not defined.

    Returns:
        ``folds`` that have the figure, ``mean`` (None without any), ``standard_deviation``
        (with one fewer than the folds in the divisor; None with fewer than two) and
        ``interval`` (both ends, not cut at 0 and 1; None with fewer than
        three).
    """
    known = np.array([figure for figure in figures if not math.isnan(figure)])
    count = len(known)
    mean = float(known.mean()) if count else None
    deviation = float(known.std(ddof=1)) if count > 1 else None
    interval = None
    if mean is not None and deviation is not None and count >= FEWEST_FOLDS:
        reach = float(student.ppf((1 + LEVEL) / 2, count - 1)) * deviation / math.sqrt(count)
        interval = [mean - reach, mean + reach]
    return {
        "folds": count,
        "mean": mean,
        "standard_deviation": deviation,
        "interval": interval,
    }


def over_folds(folds: Sequence[Accuracy]) -> dict[str, Any]:
    """The spread of all figures over the folds, as plain values."""
    table = folds[0].classes
    return {
        "level": LEVEL,
        "overall_accuracy": spread([fold.overall for fold in folds]),
        "average_accuracy": spread([fold.average for fold in folds]),
        "kappa": spread([fold.kappa for fold in folds]),
        "per_class": [
            {
                "value": item.value,
                "name": item.name,
                "producers_accuracy": spread([float(fold.producers[i]) for fold in folds]),
            }
            for i, item in enumerate(table)
        ],
    }


def pooled(folds: Sequence[Accuracy]) -> Accuracy:
    """The agreement of all folds, in one confusion matrix."""
    return Accuracy(np.sum([fold.matrix for fold in folds], axis=0), folds[0].classes)


def pool_distances(folds: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Accuracy by distance of all folds; bins as of :mod:`mambahsi.spatial_accuracy`."""
    bins: dict[tuple[float, float | None], list[float]] = {}
    for row in (row for fold in folds for row in fold):
        found = bins.setdefault((row["above"], row["up_to"]), [0, 0.0])
        found[0] += row["pixels"]
        found[1] += row["pixels"] * row["accuracy"]
    return [
        {"above": low, "up_to": high, "pixels": int(pixels), "accuracy": correct / pixels}
        for (low, high), (pixels, correct) in sorted(bins.items(), key=lambda item: item[0][0])
    ]


def pool_fields(folds: Sequence[Mapping[str, Any] | None]) -> dict[str, Any] | None:
    """Accuracy by field of all folds, as of :mod:`mambahsi.spatial_accuracy`; None without any."""
    known = [fold for fold in folds if fold]
    if not known:
        return None
    found = {}
    for name in ("trained", "own"):
        pixels = sum(fold[name]["pixels"] for fold in known)
        right = sum(fold[name]["pixels"] * (fold[name]["accuracy"] or 0) for fold in known)
        found[name] = {"pixels": pixels, "accuracy": right / pixels if pixels else None}
    return found


def spread_text(values: Mapping[str, Any]) -> str:
    """A spread for people: ``81.20 % +- 3.10 % (73.50 % to 88.90 %)``."""
    if values["mean"] is None:
        return "not tested"
    text = percent(values["mean"])
    if values["standard_deviation"] is not None:
        text += f" \N{PLUS-MINUS SIGN} {percent(values['standard_deviation'])}"
    if values["interval"]:
        low, high = values["interval"]
        text += f" ({percent(low)} to {percent(high)})"
    return text
