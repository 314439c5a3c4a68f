"""How well a map agrees with the reference, and what that figure rests on.

All figures come from one *confusion matrix*: rows are the reference, columns the map, and
each cell counts pixels. A class is *tested* if the reference holds at least one pixel of it.
A figure without its basis misleads, so every summary here says how many of the classes were
tested, and on how many pixels each. A figure that is 0/0 is NaN, never 0 or 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambahsi.classes import ClassTable

Figures = NDArray[np.float64]

_UNDEFINED = "\N{EN DASH}"


def confusion_matrix(
    reference: NDArray[np.integer[Any]], predicted: NDArray[np.integer[Any]], classes: int
) -> NDArray[np.int64]:
    """Count pixels by reference class and mapped class.

    Args:
        reference: Class indices, any shape; negative ones are left out (unlabeled, nodata).
        predicted: Class indices, same shape; negative ones are left out too.
        classes: Number of classes.

    Returns:
        int64 (classes, classes); rows are the reference, columns the map.

    Raises:
        ValueError: The shapes differ, or an index is not below ``classes``.
    """
    if reference.shape != predicted.shape:
        raise ValueError(f"Shapes differ: {reference.shape} and {predicted.shape}.")
    counted = (reference >= 0) & (predicted >= 0)
    rows = reference[counted].astype(np.int64)
    columns = predicted[counted].astype(np.int64)
    if rows.size and max(rows.max(), columns.max()) >= classes:
        raise ValueError(f"A class index is not below {classes}.")
    counts = np.bincount(rows * classes + columns, minlength=classes * classes)
    return counts.reshape(classes, classes)


@dataclass(frozen=True)
class Accuracy:
    """The agreement of a map with the reference.

    Formulas follow Congalton and Green, *Assessing the Accuracy of Remotely Sensed Data*
    (producer's, user's and overall accuracy, kappa); kappa is Cohen's (1960).

    Attributes:
        matrix: Confusion matrix, int64 (classes, classes); rows are the reference.
        classes: The classes by index.
    """

    matrix: NDArray[np.int64]
    classes: ClassTable

    def __post_init__(self) -> None:
        n = len(self.classes)
        if self.matrix.shape != (n, n):
            raise ValueError(f"The matrix is {self.matrix.shape}, but there are {n} classes.")

    @property
    def pixels(self) -> int:
        """Number of pixels that were compared."""
        return int(self.matrix.sum())

    @property
    def support(self) -> NDArray[np.int64]:
        """Reference pixels by class; shape (classes,)."""
        return self.matrix.sum(axis=1)

    @property
    def mapped(self) -> NDArray[np.int64]:
        """Pixels by mapped class; shape (classes,)."""
        return self.matrix.sum(axis=0)

    @property
    def tested(self) -> NDArray[np.bool_]:
        """Which classes the reference has pixels of; shape (classes,)."""
        return self.support > 0

    @property
    def tested_classes(self) -> int:
        """Number of classes that the reference has pixels of."""
        return int(self.tested.sum())

    @property
    def untested(self) -> list[str]:
        """Names of the classes that nothing is known about."""
        return [c.name for c, tested in zip(self.classes, self.tested, strict=True) if not tested]

    @cached_property
    def overall(self) -> float:
        """Overall accuracy: share of pixels mapped as the reference says; NaN without pixels."""
        return _ratio(float(np.trace(self.matrix)), float(self.pixels))

    @cached_property
    def average(self) -> float:
        """Average accuracy: mean producer's accuracy over the tested classes; NaN if none."""
        producers = self.producers[self.tested]
        return float(producers.mean()) if producers.size else math.nan

    @cached_property
    def kappa(self) -> float:
        """Cohen's kappa: agreement beyond that of independent row and column sums.

        (po - pe) / (1 - pe), with po the overall accuracy and pe the agreement to expect by
        chance. NaN where pe is 1, which means that reference and map are one single class.
        """
        total = self.pixels
        # In Python's integers: the product of two sums of a large scene exceeds 64 bits.
        chance = sum(int(r) * int(c) for r, c in zip(self.support, self.mapped, strict=True))
        agreed = int(np.trace(self.matrix))
        return _ratio(agreed * total - chance, total * total - chance)

    @cached_property
    def producers(self) -> Figures:
        """Producer's accuracy (recall): of the reference's pixels, the share found."""
        return _ratios(self._agreed, self.support)

    @cached_property
    def users(self) -> Figures:
        """User's accuracy (precision): of the pixels mapped as the class, the share right."""
        return _ratios(self._agreed, self.mapped)

    @cached_property
    def f1(self) -> Figures:
        """F1: harmonic mean of producer's and user's accuracy, as 2 TP / (2 TP + FP + FN)."""
        return _ratios(2 * self._agreed, self.support + self.mapped)

    @cached_property
    def iou(self) -> Figures:
        """Intersection over union, TP / (TP + FP + FN)."""
        return _ratios(self._agreed, self.support + self.mapped - self._agreed)

    @property
    def _agreed(self) -> NDArray[np.int64]:
        return np.diagonal(self.matrix)

    def to_json(self) -> dict[str, Any]:
        """All figures as plain values; what is undefined is None."""
        per_class = zip(
            self.classes.to_json(),
            self.support.tolist(),
            self.mapped.tolist(),
            self.producers,
            self.users,
            self.f1,
            self.iou,
            strict=True,
        )
        return {
            "overall_accuracy": _plain(self.overall),
            "average_accuracy": _plain(self.average),
            "kappa": _plain(self.kappa),
            "tested_classes": self.tested_classes,
            "classes": len(self.classes),
            "tested_pixels": self.pixels,
            "untested": self.untested,
            "per_class": [
                {
                    **row,
                    "reference_pixels": support,
                    "mapped_pixels": mapped,
                    "producers_accuracy": _plain(producers),
                    "users_accuracy": _plain(users),
                    "f1": _plain(f1),
                    "iou": _plain(iou),
                }
                for row, support, mapped, producers, users, f1, iou in per_class
            ],
            "matrix": self.matrix.tolist(),
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Accuracy:
        """The accuracy from what :meth:`to_json` gave; figures are computed again."""
        table = ClassTable.from_json(values["per_class"])
        matrix = np.array(values["matrix"], dtype=np.int64).reshape(len(table), len(table))
        return cls(matrix, table)

    def text(self) -> str:
        """A summary for the console: the figures, and what they rest on."""
        width = max([len("class"), *(len(name) for name in self.classes.names)])
        lines = [
            f"Overall accuracy {percent(self.overall)}, "
            f"average accuracy {percent(self.average)}, kappa {decimal(self.kappa)}",
            f"{self.basis()}:",
            f"  {'class':<{width}}  {'pixels':>8}  producer's    user's        F1       IoU",
        ]
        for i, item in enumerate(self.classes):
            figures = (self.producers[i], self.users[i], self.f1[i], self.iou[i])
            cells = "  ".join(f"{percent(f):>8}" for f in figures)
            note = "" if self.tested[i] else "  not tested"
            lines.append(f"  {item.name:<{width}}  {self.support[i]:>8}    {cells}{note}")
        return "\n".join(lines)

    def basis(self) -> str:
        """What the figures rest on, in one sentence without its period."""
        return (
            f"Tested {self.tested_classes} of {len(self.classes)} classes on {self.pixels:,} pixels"
        )


def percent(value: float) -> str:
    """A share for people: ``92.85 %``, or a dash where it is undefined."""
    return _UNDEFINED if math.isnan(value) else f"{100 * value:.2f} %"


def decimal(value: float) -> str:
    """Kappa and the like for people: ``0.9184``, or a dash where it is undefined."""
    return _UNDEFINED if math.isnan(value) else f"{value:.4f}"


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan


def _ratios(part: NDArray[np.int64], whole: NDArray[np.int64]) -> Figures:
    undefined = np.full(part.shape, math.nan)
    return np.divide(part, whole, out=undefined, where=whole > 0)


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
