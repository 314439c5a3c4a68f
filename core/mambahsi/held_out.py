"""Whether scaling helps on fields that it was not fitted on.

A temperature fitted on some pixels lowers their likelihood loss by construction. Whether it makes
confidence mean what it says is another question: the loss is about the probability of the right
class, the calibration error about that of the class on the map, and other fields may be other.
So the fields of the validation pixels are divided into up to ten groups, and each group's pixels
are scaled by what all other groups would have been scaled by (cross-validation: Stone 1974,
doi:10.1111/j.2517-6161.1974.tb00994.x; by groups, because neighbors are alike: Roberts et al.
2017, doi:10.1111/ecog.02881). In how many draws of fields with
replacement (see :mod:`mambahsi.calibration`) loss and calibration error are both lower with
scaling than without, says how clear that is.

The errors compared within a draw are not debiased: chance makes both too large, by about the
same, because they are of the same pixels in as many bins.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambahsi.certainty import to_probabilities
from mambahsi.reliability import calibration_error, make_bins, number_bins

_GROUPS = 10

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class HeldOut:
    """What scaling does to fields that it was not fitted on.

    Attributes:
        error_before: Debiased calibration error of all fields without scaling, 0 to 1.
        error_after: The same, each field scaled by what others say.
        agreeing: Share of the draws of fields in which error and loss both fall.
    """

    error_before: float
    error_after: float
    agreeing: float


def hold_out(
    scores: NDArray[np.float64],
    classes: NDArray[np.integer[Any]],
    fields: NDArray[np.integer[Any]],
    drawn: NDArray[np.float64],
    temperature_of: Callable[[Mask], float],
) -> HeldOut:
    """Scale every field by what other fields say, and compare.

    Args:
        scores: float64 (pixels, classes), finite.
        classes: The right ones; int (pixels,).
        fields: Number of each pixel's field, from 0 on without gaps; int (pixels,).
        drawn: How often each draw of fields holds each field; float64 (draws, fields).
        temperature_of: The temperature that some of the fields give; takes bool (fields,).
    """
    count = drawn.shape[1]
    group = np.random.default_rng(0).permutation(count) % min(_GROUPS, count)
    others = np.array([temperature_of(group != number) for number in range(group.max() + 1)])
    scaled = scores / others[group[fields]][:, np.newaxis]

    correct = scores.argmax(axis=1) == classes
    losses, squares, errors = [], [], []
    for table in (scores, scaled):
        probabilities = to_probabilities(table)
        right = np.take_along_axis(probabilities, classes[:, np.newaxis].astype(np.intp), axis=1)
        loss = -np.log(np.maximum(right[:, 0], np.finfo(np.float64).tiny))
        losses.append(drawn @ np.bincount(fields, loss, minlength=count))
        confidence = probabilities.max(axis=1)
        squares.append(_squared_errors(confidence, correct, fields, drawn))
        errors.append(calibration_error(make_bins(confidence, correct)))
    agreeing = (losses[1] < losses[0]) & (squares[1] < squares[0])
    return HeldOut(errors[0], errors[1], float(agreeing.mean()))


def _squared_errors(
    confidence: NDArray[np.float64],
    correct: Mask,
    fields: NDArray[np.integer[Any]],
    drawn: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Square of the calibration error times pixels, for each draw of fields; (draws,)."""
    bins = number_bins(confidence)
    shape = (drawn.shape[1], int(bins.max()) + 1)
    pixels, differences = np.zeros(shape), np.zeros(shape)
    np.add.at(pixels, (fields, bins), 1)
    np.add.at(differences, (fields, bins), confidence - correct)
    got = drawn @ pixels
    squares: NDArray[np.float64] = np.divide(
        (drawn @ differences) ** 2, got, out=np.zeros_like(got), where=got > 0
    ).sum(axis=1)
    return squares
