"""Forest and support vector machine: ours says what scikit-learn's says, and comes back safely."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from mambahsi import cancellation
from mambahsi.certainty import to_probabilities
from mambahsi.classifiers import forest_fitting, svm_fitting
from mambahsi.classifiers.fitting import fit
from mambahsi.classifiers.forest import FLOOR, Forest
from mambahsi.classifiers.interface import Damaged, Samples
from mambahsi.classifiers.prediction import Predictor
from mambahsi.classifiers.restoring import tensors_of
from mambahsi.classifiers.svm import SupportVectorMachine
from mambahsi.errors import Cancelled, LabelsError, ModelError
from mambahsi.feedback import CollectingFeedback, Feedback
from mambahsi.jobs import RasterSource, TrainJob, VectorSource


def samples(classes: int, bands: int, pixels: int, noise: float = 0.4, seed: int = 0) -> Samples:
    """Overlapping classes; bands in steps of 1/255, as the engine normalizes them."""
    centers = np.random.default_rng(99).random((classes, bands))
    generator = np.random.default_rng(seed)
    index = np.concatenate([np.arange(classes), generator.integers(0, classes, pixels - classes)])
    values = np.clip(centers[index] + generator.normal(0, noise, (pixels, bands)), 0, 1)
    levels = (values * 255).astype(np.uint8).astype(np.float32)
    return Samples(levels / np.float32(255), index.astype(np.int64))


def job(**changes: Any) -> TrainJob:
    return TrainJob(RasterSource("s"), VectorSource("l"), "class", "m", **changes)


@functools.cache
def fitted_forest(classes: int, trees: int = 40, **options: Any) -> tuple[Any, Forest]:
    train = samples(classes, 6, 150)
    estimator = RandomForestClassifier(trees, random_state=1, n_jobs=1, **options)
    estimator.fit(train.pixels, train.classes)
    return estimator, Forest.of(estimator, 6, classes)


@functools.cache
def fitted_svm(classes: int, penalty: float = 10) -> tuple[Any, Any, SupportVectorMachine]:
    train = samples(classes, 6, 150)
    scaler = StandardScaler().fit(train.pixels.astype(np.float64))
    estimator = SVC(C=penalty, gamma=0.3, break_ties=True)
    estimator.fit(scaler.transform(train.pixels.astype(np.float64)), train.classes)
    return scaler, estimator, SupportVectorMachine.of(scaler, estimator, 0.3, classes)


UNSEEN = samples(4, 6, 3000, noise=0.6, seed=5).pixels


@pytest.mark.parametrize("classes", [2, 3, 4, 9])
@pytest.mark.parametrize("leaf", [1, 4])
def test_a_forest_says_what_scikit_learns_says(classes: int, leaf: int) -> None:
    estimator, forest = fitted_forest(classes, min_samples_leaf=leaf)
    expected = estimator.predict_proba(UNSEEN)
    scores = forest.scores(UNSEEN)
    np.testing.assert_allclose(np.exp(scores), np.maximum(expected, FLOOR), rtol=0, atol=2**-24)
    np.testing.assert_allclose(to_probabilities(scores), expected, rtol=0, atol=2 * classes * FLOOR)
    ordered = np.sort(expected, axis=1)
    clear = ordered[:, -1] - ordered[:, -2] > 1e-6
    assert clear.mean() > 0.9
    assert (scores.argmax(axis=1) == estimator.predict(UNSEEN))[clear].all()
    # Where trees are divided equally, the first of the classes wins, whatever the rounding.
    tied = np.isclose(expected, ordered[:, -1:], rtol=0, atol=1e-9)
    assert leaf > 1 or (~clear).any()
    assert (scores.argmax(axis=1) == tied.argmax(axis=1)).all()
    # What a map takes is the same class.
    assert (to_probabilities(scores).argmax(axis=1) == scores.argmax(axis=1)).all()


@pytest.mark.parametrize("classes", [2, 3, 4, 9])
@pytest.mark.parametrize("penalty", [0.1, 1000])
def test_a_machine_says_what_scikit_learns_says(classes: int, penalty: float) -> None:
    scaler, estimator, machine = fitted_svm(classes, penalty)
    pixels = scaler.transform(UNSEEN.astype(np.float64))
    scores = machine.scores(UNSEEN)
    expected = estimator.decision_function(pixels)
    if classes == 2:
        expected = np.stack([-expected, expected], axis=1)
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-9)
    assert (scores.argmax(axis=1) == estimator.predict(pixels)).all()
    assert (to_probabilities(scores).argmax(axis=1) == estimator.predict(pixels)).all()


def test_equal_votes_are_decided_by_the_sums_of_decisions() -> None:
    """Else the first class would win them, as it does without ``break_ties``."""
    scaler, estimator, machine = fitted_svm(4, 1000)
    pixels = scaler.transform(UNSEEN.astype(np.float64))
    estimator.set_params(break_ties=False)
    by_votes = estimator.predict(pixels)
    estimator.set_params(break_ties=True)
    differs = by_votes != estimator.predict(pixels)
    assert differs.any()
    assert (machine.scores(UNSEEN).argmax(axis=1) == estimator.predict(pixels)).all()


@pytest.mark.parametrize("name", ["forest", "svm"])
def test_a_class_without_training_pixels_is_never_predicted(name: str) -> None:
    train = samples(4, 6, 120)
    kept = train.classes != 1
    known = Samples(train.pixels[kept], train.classes[kept])
    fitted = fit(name, known, samples(4, 6, 40, seed=3), 5, job(), 1, Feedback())
    scores = fitted.classifier.scores(UNSEEN)
    assert scores.shape == (len(UNSEEN), 5)
    assert set(scores.argmax(axis=1)) == {0, 2, 3}
    assert to_probabilities(scores)[:, [1, 4]].max() < 2 * FLOOR


@pytest.mark.parametrize("weights", ["none", "balanced"])
def test_the_chosen_forest_is_the_one_that_scikit_learn_fits_at_once(weights: str) -> None:
    train, validation = samples(3, 6, 90), samples(3, 6, 60, seed=2)
    feedback = CollectingFeedback()
    fitted = fit("forest", train, validation, 3, job(seed=7, class_weights=weights), 2, feedback)
    settings = dict(fitted.choice.settings)
    assert settings.pop("trees") == forest_fitting.TREES
    best = max(accuracy for _, accuracy in fitted.choice.candidates)
    assert fitted.choice.accuracy == best
    # The first one of the best is taken.
    assert settings == next(s for s, a in fitted.choice.candidates if a == best)
    assert len(fitted.choice.candidates) == len(forest_fitting.GRID)
    by_hand = RandomForestClassifier(
        forest_fitting.TREES,
        random_state=7,
        class_weight=None if weights == "none" else "balanced",
        **settings,
    ).fit(train.pixels, train.classes)
    np.testing.assert_allclose(
        np.exp(fitted.classifier.scores(UNSEEN)),
        np.maximum(by_hand.predict_proba(UNSEEN), FLOOR),
        rtol=0,
        atol=2**-24,
    )
    assert any("settings of the random forest" in line for line in feedback.logs)


def test_the_chosen_machine_is_the_best_on_validation_pixels() -> None:
    train, validation = samples(3, 6, 90), samples(3, 6, 60, seed=2)
    fitted = fit("svm", train, validation, 3, job(protocol="random"), 2, Feedback())
    scaler = StandardScaler().fit(train.pixels.astype(np.float64))
    shares = []
    for tried, accuracy in fitted.choice.candidates:
        estimator = SVC(C=tried["C"], gamma=tried["gamma"], break_ties=True)
        estimator.fit(scaler.transform(train.pixels.astype(np.float64)), train.classes)
        pixels = scaler.transform(validation.pixels.astype(np.float64))
        shares.append((estimator.predict(pixels) == validation.classes).mean())
        assert accuracy == pytest.approx(shares[-1])
    assert fitted.choice.settings == fitted.choice.candidates[int(np.argmax(shares))][0]
    assert len(shares) == len(svm_fitting.PENALTIES) * len(svm_fitting.WIDTHS)


@pytest.mark.parametrize("name", ["forest", "svm"])
def test_the_number_of_threads_changes_nothing(name: str) -> None:
    train, validation = samples(3, 6, 90), samples(3, 6, 60, seed=2)
    one, three = (fit(name, train, validation, 3, job(), n, Feedback()) for n in (1, 3))
    assert one.choice == three.choice
    for key, array in one.classifier.arrays().items():
        np.testing.assert_array_equal(array, three.classifier.arrays()[key])
    many = np.concatenate([UNSEEN] * 4)
    with Predictor(one.classifier, 1) as alone, Predictor(one.classifier, 3) as together:
        np.testing.assert_array_equal(alone.scores(many), together.scores(many))


@pytest.mark.parametrize("name", ["forest", "svm"])
def test_without_validation_pixels_the_default_is_taken(name: str) -> None:
    nothing = Samples(np.empty((0, 6), dtype=np.float32), np.empty(0, dtype=np.int64))
    feedback = CollectingFeedback()
    fitted = fit(name, samples(3, 6, 60), nothing, 3, job(), 1, feedback)
    assert fitted.choice.accuracy is None and fitted.choice.candidates == []
    assert any("no validation pixels" in line for line in feedback.logs)


def test_a_machine_needs_two_classes() -> None:
    train = samples(1, 6, 30)
    with pytest.raises(LabelsError, match="all training pixels are of one"):
        fit("svm", train, train, 3, job(), 1, Feedback())


def test_of_many_pixels_a_machine_takes_a_share_of_every_class() -> None:
    index = np.repeat(np.arange(3), [9000, 990, 10])
    pixels = np.random.default_rng(0).random((len(index), 2)).astype(np.float32)
    drawn = svm_fitting.draw(Samples(pixels, index), 100, 4)
    assert np.bincount(drawn.classes).tolist() == [90, 9, 1]
    again, other = (svm_fitting.draw(Samples(pixels, index), 100, seed) for seed in (4, 5))
    np.testing.assert_array_equal(drawn.pixels, again.pixels)
    assert not np.array_equal(drawn.pixels, other.pixels)
    rows = {row.tobytes() for row in pixels}
    assert {row.tobytes() for row in drawn.pixels} <= rows
    assert svm_fitting.draw(Samples(pixels, index), 10_000, 4).pixels is pixels


def test_a_cut_of_the_pixels_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(svm_fitting, "MOST_PIXELS", 50)
    feedback = CollectingFeedback()
    fitted = fit("svm", samples(3, 6, 90), samples(3, 6, 40), 3, job(), 1, feedback)
    assert any("50 of 90 training pixels" in line for line in feedback.warnings)
    assert fitted.choice.training_pixels <= 50


@pytest.mark.parametrize("name", ["forest", "svm"])
def test_a_cancel_is_heard(name: str) -> None:
    train = samples(3, 6, 90)
    classifier = fit(name, train, train, 3, job(), 1, Feedback()).classifier
    cancellation.request()
    with pytest.raises(Cancelled):
        fit(name, train, train, 3, job(), 2, Feedback())
    with Predictor(classifier, 2) as predictor, pytest.raises(Cancelled):
        predictor.scores(UNSEEN)


# What a model file may hold --------------------------------------------------------------------


@pytest.mark.parametrize("classes", [2, 4])
def test_arrays_come_back_as_the_same_classifier(classes: int) -> None:
    for classifier in (fitted_forest(classes)[1], fitted_svm(classes)[2]):
        again = type(classifier).restore(tensors_of(classifier), 6, classes)
        np.testing.assert_array_equal(again.scores(UNSEEN), classifier.scores(UNSEEN))


def damaged(name: str, change: Any, kind: str = "forest") -> None:
    """Restore a classifier after one of its arrays was changed in place or replaced."""
    classifier = fitted_forest(3)[1] if kind == "forest" else fitted_svm(3)[2]
    tensors = {key: tensor.clone() for key, tensor in tensors_of(classifier).items()}
    replaced = change(tensors[name])
    if replaced is not None:
        tensors[name] = replaced
    with pytest.raises(Damaged, match="damaged"):
        type(classifier).restore(tensors, 6, 3)


def put(index: int, value: float) -> Any:
    def change(tensor: torch.Tensor) -> None:
        tensor.view(-1)[index] = value

    return change


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("left", put(0, 0)),  # the root is its own child
        ("right", put(0, 0)),
        ("left", put(0, -1)),  # one child
        ("left", put(0, -2)),
        ("right", put(0, 10**6)),
        ("right", put(0, 2**31 - 1)),
        ("feature", put(0, 6)),
        ("feature", put(0, -1)),
        ("row", put(1, 10**6)),
        ("row", put(1, -1)),
        ("threshold", put(0, math.nan)),
        ("threshold", put(0, math.inf)),
        ("distributions", put(0, -0.5)),
        ("distributions", put(0, 0.5)),
        ("distributions", put(0, math.nan)),
        ("roots", put(0, 1)),
        ("roots", put(1, 0)),
        ("roots", put(1, -5)),
        ("roots", put(-1, 10**12)),
        # Differences that are positive because they wrap around.
        ("roots", lambda t: torch.tensor([0, 2**63 - 1, -2, int(t[-1])])),
        ("present", put(0, -1)),
        ("present", put(-1, 3)),
        ("present", put(1, 0)),
        ("present", lambda t: torch.tensor([0, 2**63 - 1, -2, 2])),
        ("left", lambda t: t.long()),
        ("threshold", lambda t: t.float()),
        ("threshold", lambda t: t[:-1]),
        ("threshold", lambda t: t.view(-1, 1)),
        ("distributions", lambda t: t[:0]),
        ("roots", lambda t: t[:1]),
        ("roots", lambda t: torch.zeros((0, 2**40), dtype=torch.int64)),
    ],
)
def test_a_damaged_forest_is_refused(name: str, change: Any) -> None:
    damaged(name, change)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("counts", put(0, -1)),
        ("counts", put(0, 2**62)),
        ("counts", put(0, 1)),
        ("gamma", put(0, 0.0)),
        ("gamma", put(0, math.nan)),
        ("scale", put(0, 0.0)),
        ("scale", put(0, -1.0)),
        ("mean", put(0, math.inf)),
        ("support_vectors", put(3, math.nan)),
        ("support_vectors", lambda t: t[:, :-1]),
        ("support_vectors", lambda t: t[:0]),
        ("coefficients", lambda t: t[:1]),
        ("intercepts", lambda t: t[:2]),
        ("present", lambda t: t[:1]),
        ("mean", lambda t: t.to(torch.bfloat16)),
        ("gamma", lambda t: t.to(torch.complex64)),
    ],
)
def test_a_damaged_machine_is_refused(name: str, change: Any) -> None:
    damaged(name, change, "svm")


def test_missing_and_unknown_arrays_are_refused() -> None:
    tensors = tensors_of(fitted_forest(3)[1])
    for wrong in ({**tensors, "more": tensors["left"]}, {"left": tensors["left"]}, {}):
        with pytest.raises(Damaged, match="missing or unknown"):
            Forest.restore(wrong, 6, 3)


NUMBERS = st.one_of(
    st.sampled_from([-(2**63), -(2**31), -2, -1, 0, 1, 2, 5, 6, 10**6, 2**31 - 1, 2**63 - 1]),
    st.floats(allow_nan=True, allow_infinity=True),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), kind=st.sampled_from(["forest", "svm"]))
def test_whatever_the_arrays_hold_at_worst_an_error_is_raised(data: Any, kind: str) -> None:
    """Numbers, lengths and types are changed at random; what is accepted can be used."""
    classifier = fitted_forest(3, trees=4)[1] if kind == "forest" else fitted_svm(3)[2]
    tensors = {name: tensor.clone() for name, tensor in tensors_of(classifier).items()}
    for _ in range(data.draw(st.integers(1, 4))):
        name = data.draw(st.sampled_from(sorted(tensors)))
        tensor = tensors[name]
        what = data.draw(st.sampled_from(["number", "number", "number", "length", "type"]))
        if what == "number" and tensor.numel():
            value = data.draw(NUMBERS)
            at = data.draw(st.integers(0, tensor.numel() - 1))
            if not tensor.dtype.is_floating_point:
                limits = torch.iinfo(tensor.dtype)
                assume(math.isfinite(value) and limits.min <= int(value) <= limits.max)
                value = int(value)
            tensor.view(-1)[at] = value
        elif what == "length":
            tensors[name] = tensor[: data.draw(st.integers(0, len(tensor)))].contiguous()
        elif what == "type":
            tensors[name] = tensor.to(
                data.draw(st.sampled_from([torch.int8, torch.int64, torch.float16, torch.float64]))
            )
    try:
        scores = type(classifier).restore(tensors, 6, 3).scores(UNSEEN[:50])
    except ModelError:
        return
    assert scores.shape == (50, 3) and np.isfinite(scores).all()
