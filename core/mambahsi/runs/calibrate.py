"""The calibration of a trained model: fitted on validation pixels, judged on test pixels.

Both take the scores that the kept weights give in the very way in which the map is made: in
one forward pass of the whole scene, the one that classifies the test pixels, too; or in the
windows of the map, whose probabilities are blended. (Training scores validation pixels in
windows of their own. Blended probabilities are less sure than those, so a temperature fitted
there would not fit the map.) Nothing of it enters a checkpoint.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from mambahsi.calibration import Calibration, calibrate
from mambahsi.feedback import Feedback
from mambahsi.reliability import judge
from mambahsi.split import TEST, VALIDATION, Split, fields

MOST_PIXELS = {VALIDATION: 2**16, TEST: 2**18}
"""Of so many pixels of a part scores are kept; of more, every second, third and so on."""


def pixels_to_score(split: Split) -> np.ndarray:
    """Validation and test pixels whose scores a calibration needs; bool (rows, columns)."""
    scored = np.zeros(split.parts.size, dtype=bool)
    for part, most in MOST_PIXELS.items():
        members = np.flatnonzero(split.parts == part)
        scored[members[:: max(1, -(-len(members) // most))]] = True
    return scored.reshape(split.parts.shape)


def number_fields(split: Split, part: int) -> np.ndarray:
    """Number the fields that a part lies in: pixels of one class that touch, be it at corners.

    Pixels of other parts, and unused ones, hold a field together: of a field from which single
    pixels were drawn, all are of one field.

    Returns:
        int32 (rows, columns), positive; 0 elsewhere.
    """
    return np.where(split.parts == part, fields.number_fields(split.labels), 0)


def calibrate_model(split: Split, scores: np.ndarray, feedback: Feedback) -> Calibration:
    """Fit and judge the calibration of a model; tells how it went.

    Args:
        split: The labels.
        scores: Of the pixels that :func:`pixels_to_score` names, row by row; float32 (pixels,
            classes).
        feedback: Told about it; warned where test pixels contradict it.
    """
    scored = pixels_to_score(split)
    parts, classes = split.parts[scored], split.index[scored]
    validation, test = parts == VALIDATION, parts == TEST
    numbers = number_fields(split, VALIDATION)[scored][validation]
    found = calibrate(scores[validation], classes[validation], numbers)
    judged = judge(scores[test], classes[test], found.temperature)
    found = dataclasses.replace(found, test=judged)
    feedback.log(found.text())
    if judged:
        feedback.log(
            f"Calibration error on {judged['pixels']:,} test pixels: {judged['error_before']:.2%}"
            + (f" before scaling, {judged['error_after']:.2%} after." if found.used else ".")
        )
        if judged["error_after"] > judged["error_before"]:
            feedback.warning(
                "The confidence of this model is to be taken with care: scaling was fitted on "
                "validation pixels, but on test pixels it raises the calibration error from "
                f"{judged['error_before']:.2%} to {judged['error_after']:.2%}."
            )
    return found
