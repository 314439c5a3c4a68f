"""Figures of accuracy, against scikit-learn and against what they mean."""

from __future__ import annotations

import json
import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from sklearn import metrics

from mambahsi.accuracy import Accuracy, confusion_matrix
from mambahsi.classes import ClassTable, LandCoverClass

MATRICES = st.integers(1, 6).flatmap(
    lambda n: st_numpy.arrays(np.int64, (n, n), elements=st.integers(0, 50))
)


def table(classes: int) -> ClassTable:
    return ClassTable(
        tuple(LandCoverClass(i + 1, f"Class {i + 1}", "#112233", str(i)) for i in range(classes))
    )


def accuracy_of(matrix: np.ndarray) -> Accuracy:
    return Accuracy(matrix, table(len(matrix)))


def pixels_of(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Reference and map that give a matrix."""
    rows, columns = np.indices(matrix.shape)
    return np.repeat(rows, matrix.ravel()), np.repeat(columns, matrix.ravel())


def same(ours: float, theirs: float) -> bool:
    return math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-12) or (
        math.isnan(ours) and math.isnan(theirs)
    )


@settings(deadline=None)
@given(MATRICES)
def test_figures_are_those_of_scikit_learn(matrix: np.ndarray) -> None:
    reference, predicted = pixels_of(matrix)
    ours = accuracy_of(confusion_matrix(reference, predicted, len(matrix)))
    assert (ours.matrix == matrix).all()
    if not matrix.sum():
        assert math.isnan(ours.overall)
        return
    labels = list(range(len(matrix)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert same(ours.overall, metrics.accuracy_score(reference, predicted))
        assert same(ours.kappa, metrics.cohen_kappa_score(reference, predicted, labels=labels))
        assert same(ours.average, metrics.balanced_accuracy_score(reference, predicted))
        options = {"labels": labels, "average": None, "zero_division": np.nan}
        users, producers, f1, support = metrics.precision_recall_fscore_support(
            reference, predicted, **options
        )
        iou = metrics.jaccard_score(reference, predicted, labels=labels, average=None)
    assert (ours.support == support).all()
    for mine, theirs in ((ours.users, users), (ours.producers, producers), (ours.f1, f1)):
        assert all(same(a, b) for a, b in zip(mine, theirs, strict=True))
    # scikit-learn has no NaN for this one: it says 0 for a class that is nowhere.
    assert all(same(a, b) for a, b in zip(np.nan_to_num(ours.iou), iou, strict=True))


@given(MATRICES)
def test_kappa_never_exceeds_overall_accuracy(matrix: np.ndarray) -> None:
    accuracy = accuracy_of(matrix)
    if not math.isnan(accuracy.kappa):
        assert accuracy.kappa <= accuracy.overall + 1e-12
        assert -1 <= accuracy.kappa <= 1


@given(MATRICES, st.randoms(use_true_random=False))
def test_the_order_of_classes_does_not_matter(matrix: np.ndarray, random: object) -> None:
    order = list(range(len(matrix)))
    random.shuffle(order)  # type: ignore[attr-defined]
    first, second = accuracy_of(matrix), accuracy_of(matrix[np.ix_(order, order)])
    assert same(first.overall, second.overall)
    assert same(first.average, second.average)
    assert same(first.kappa, second.kappa)
    assert np.array_equal(first.f1[order], second.f1, equal_nan=True)
    assert np.array_equal(first.iou[order], second.iou, equal_nan=True)


@given(MATRICES)
def test_exchanging_map_and_reference_exchanges_the_two_accuracies(matrix: np.ndarray) -> None:
    first, second = accuracy_of(matrix), accuracy_of(matrix.T)
    assert np.array_equal(first.producers, second.users, equal_nan=True)
    assert np.array_equal(first.f1, second.f1, equal_nan=True)
    assert same(first.kappa, second.kappa)


@given(MATRICES)
def test_figures_per_class_keep_their_order(matrix: np.ndarray) -> None:
    """IoU <= F1, and F1 lies between producer's and user's accuracy."""
    a = accuracy_of(matrix)
    defined = ~(np.isnan(a.producers) | np.isnan(a.users))
    low = np.minimum(a.producers, a.users)[defined]
    high = np.maximum(a.producers, a.users)[defined]
    assert (a.iou[defined] <= a.f1[defined] + 1e-12).all()
    assert (low - 1e-12 <= a.f1[defined]).all()
    assert (a.f1[defined] <= high + 1e-12).all()


@given(MATRICES)
def test_json_and_back(matrix: np.ndarray) -> None:
    accuracy = accuracy_of(matrix)
    text = json.dumps(accuracy.to_json(), allow_nan=False)
    again = Accuracy.from_json(json.loads(text))
    assert (again.matrix == matrix).all()
    assert again.classes == accuracy.classes
    assert again.to_json() == accuracy.to_json()


def test_average_accuracy_leaves_untested_classes_out() -> None:
    accuracy = accuracy_of(np.array([[8, 2, 0], [0, 5, 5], [0, 0, 0]]))
    assert accuracy.average == pytest.approx((0.8 + 0.5) / 2)
    assert accuracy.tested_classes == 2
    assert accuracy.untested == ["Class 3"]
    assert math.isnan(accuracy.producers[2])
    assert accuracy.users[2] == 0


def test_kappa_of_a_textbook_example() -> None:
    """Cohen's definition by hand: po = 0.7, pe = 0.5 * 0.6 + 0.5 * 0.4 = 0.5."""
    assert accuracy_of(np.array([[20, 5], [10, 15]])).kappa == pytest.approx(0.4)


def test_kappa_is_undefined_for_a_single_class() -> None:
    accuracy = accuracy_of(np.array([[7, 0], [0, 0]]))
    assert accuracy.overall == 1
    assert math.isnan(accuracy.kappa)
    assert accuracy.to_json()["kappa"] is None


def test_kappa_of_a_scene_of_billions_of_pixels() -> None:
    large = np.array([[20, 5], [10, 15]], dtype=np.int64) * 10**9
    assert accuracy_of(large).kappa == pytest.approx(0.4)


def test_unlabeled_pixels_and_nodata_are_left_out() -> None:
    reference = np.array([[0, 1, -1], [1, 0, 1]], dtype=np.int32)
    predicted = np.array([[0, 1, 1], [0, -1, 1]], dtype=np.int16)
    assert confusion_matrix(reference, predicted, 2).tolist() == [[1, 0], [1, 2]]


def test_indices_beyond_the_table_are_a_defect() -> None:
    with pytest.raises(ValueError, match="not below 2"):
        confusion_matrix(np.array([0, 2]), np.array([0, 0]), 2)
    with pytest.raises(ValueError, match="Shapes differ"):
        confusion_matrix(np.zeros(3, int), np.zeros(4, int), 2)
    with pytest.raises(ValueError, match="there are 3 classes"):
        Accuracy(np.zeros((2, 2), np.int64), table(3))


def test_the_text_says_what_the_figures_rest_on() -> None:
    text = accuracy_of(np.array([[1200, 34, 0], [0, 500, 5], [0, 0, 0]])).text()
    assert "Tested 2 of 3 classes on 1,739 pixels" in text
    lines = {line.strip().split("  ")[0]: line for line in text.splitlines()}
    assert "1234" in lines["Class 1"]
    assert "505" in lines["Class 2"]
    assert "not tested" in lines["Class 3"]
    assert "not tested" not in lines["Class 2"]
    assert "nan" not in text


def test_no_pixel_at_all_is_said_too() -> None:
    accuracy = accuracy_of(np.zeros((2, 2), dtype=np.int64))
    assert "Tested 0 of 2 classes on 0 pixels" in accuracy.text()
    assert accuracy.to_json()["overall_accuracy"] is None
