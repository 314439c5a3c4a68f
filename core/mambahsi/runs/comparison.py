"""Other classifiers on the same pixels: is the chosen one worth its time?

Each comparison has one row for a classifier: ``classifier``, ``overall_accuracy``,
``average_accuracy``, ``kappa`` (None where undefined), ``seconds`` to train and ``settings``. The
first row is the model's own.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mambahsi.accuracy import Accuracy, percent
from mambahsi.classifiers import PIXELWISE, TITLES
from mambahsi.classifiers.interface import Samples
from mambahsi.errors import LabelsError, ResourceError
from mambahsi.feedback import Feedback
from mambahsi.runs.pixelwise import Ground, fit_and_test, read_samples
from mambahsi.runs.testing import tested_accuracy

Row = dict[str, Any]


def figures(
    classifier: str, accuracy: Accuracy | None, seconds: float, settings: dict[str, Any]
) -> Row:
    """A classifier's row."""
    found = {"overall_accuracy": None, "average_accuracy": None, "kappa": None}
    if accuracy:
        told = accuracy.to_json()
        found = {name: told[name] for name in found}
    return {"classifier": classifier, **found, "seconds": seconds, "settings": settings}


def compare(
    own: Row,
    ground: Ground,
    train: Samples | None,
    validation: Samples | None,
    feedback: Feedback,
) -> list[Row]:
    """Fit and test the other classifiers of single pixels, and tell how they do.

    Args:
        own: The row of the classifier that the job asks for.
        ground: Scene and labels.
        train: Training pixels; None reads them.
        validation: Validation pixels; None reads them.
        feedback: Told about progress and the outcome; warned if another one does better.

    Returns:
        All rows; none where nothing can be tested.

    Raises:
        SceneError: The file is truncated or corrupt.
        Cancelled: The user asked to stop.
    """
    if own["overall_accuracy"] is None:
        feedback.warning("No classifiers are compared: no pixel was left for testing.")
        return []
    if train is None or validation is None:
        try:
            train, validation = read_samples(ground, feedback.part(0.0, 0.1))
        except ResourceError as error:
            # The model that the job asks for is there and must not be lost.
            feedback.warning(f"No classifiers are compared. {error}")
            return []
    rows = [own]
    none = np.zeros(ground.split.parts.shape, dtype=bool)
    others = [name for name in PIXELWISE if name != own["classifier"]]
    for number, name in enumerate(others):
        part = feedback.part(
            0.1 + 0.9 * number / len(others), 0.1 + 0.9 * (number + 1) / len(others)
        )
        try:
            tested = fit_and_test(name, ground, train, validation, none, part)
        except LabelsError as error:
            feedback.warning(f"Left out of the comparison: {error}")
            continue
        accuracy = tested_accuracy(ground.split, tested.predicted)
        rows.append(figures(name, accuracy, tested.seconds, tested.fitted.choice.settings))
    for row in rows:
        feedback.log(_line(row))
    better = headline(rows)
    if better:
        feedback.warning(better)
    return rows


def headline(rows: list[Row]) -> str:
    """Who does better than the first one in overall or in average accuracy; may be empty."""
    own, *others = rows
    parts = []
    for name, title in (("overall_accuracy", "overall"), ("average_accuracy", "average")):
        best = max(others, key=lambda row: _number(row[name]), default=own)
        if _number(best[name]) > _number(own[name]):
            parts.append(
                f"the {TITLES[best['classifier']]} has the higher {title} accuracy, "
                f"{percent(best[name])} against {percent(own[name])}"
            )
    if not parts:
        return ""
    return (
        f"On the same test pixels, {' and '.join(parts)} of {_title(own)}. How many pixels and "
        "polygons were tested says how much weight the difference bears."
    )


def _title(row: Row) -> str:
    title = TITLES[row["classifier"]]
    return title if row["classifier"] not in PIXELWISE else f"the {title}"


def _line(row: Row) -> str:
    return (
        f"Compared: {TITLES[row['classifier']]}, overall accuracy "
        f"{percent(_number(row['overall_accuracy']))}, average accuracy "
        f"{percent(_number(row['average_accuracy']))}, {row['seconds']:.1f} s."
    )


def _number(value: float | None) -> float:
    return math.nan if value is None else value
