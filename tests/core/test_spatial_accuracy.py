"""Accuracy by distance and block-bootstrap intervals, against plain computations."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import numpy as np
import pytest
from conftest import TinyScene
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_edt
from test_split import label_arrays, label_set

from mambahsi import runs
from mambahsi.feedback import Feedback
from mambahsi.jobs import from_json
from mambahsi.model_file import load_model
from mambahsi.report_spatial import distance_chart, distance_text, field_text, interval_text
from mambahsi.spatial_accuracy import (
    RESAMPLES,
    SEED,
    accuracy_by_distance,
    block_intervals,
    spatial_accuracy,
)
from mambahsi.split import TEST, TRAIN, Sample, split_blocks, split_random, split_spatial
from mambahsi.split.fields import in_fields_of


def checkered(size: int, classes: int = 3) -> np.ndarray:
    return np.add.outer(np.arange(size) // 5, np.arange(size) // 5) % classes


@settings(max_examples=30)
@given(seed=st.integers(0, 1000))
def test_distances_and_shares_are_those_of_a_distance_transform(seed: int) -> None:
    index = checkered(25)
    split = split_random(label_set(index, 3), seed, 4, 2)
    predicted = np.where(np.random.default_rng(seed).random((25, 25)) < 0.3, 0, index)
    told = spatial_accuracy(split, predicted, 8)["by_distance"]
    test = split.parts == TEST
    far = distance_transform_edt(split.parts != TRAIN)[test]
    right = (predicted == index)[test]
    assert split.near == {d: pytest.approx((far <= d).mean()) for d in (1, 3, 5, 10)}
    assert split.to_json()["near"]["3"] == split.near[3]
    assert sum(row["pixels"] for row in told) == test.sum()
    for row in told:
        inside = (far > row["above"]) & (far <= (row["up_to"] or np.inf))
        assert row["pixels"] == inside.sum() > 0
        assert row["accuracy"] == pytest.approx(right[inside].mean())


def reached(index: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Pixels that can be walked to from some pixels without leaving their class."""
    found = start.copy()
    todo = [tuple(at) for at in np.argwhere(start).tolist()]
    while todo:
        row, column = todo.pop()
        for r in range(max(row - 1, 0), min(row + 2, index.shape[0])):
            for c in range(max(column - 1, 0), min(column + 2, index.shape[1])):
                if not found[r, c] and index[r, c] == index[row, column]:
                    found[r, c] = True
                    todo.append((r, c))
    return found


@settings(max_examples=40)
@given(index=label_arrays, seed=st.integers(0, 1000), kind=st.sampled_from(["r", "s", "b", "few"]))
def test_fields_that_train_are_those_that_can_be_walked_to(
    index: np.ndarray, seed: int, kind: str
) -> None:
    labels = label_set(index, 3)
    split = {
        "r": lambda: split_random(labels, seed, 3, 1),
        "s": lambda: split_spatial(labels, seed, 0.2, 0.3, 1),
        "b": lambda: split_blocks(labels, seed, 0.2, 0.3, 1, 4),
        # Here many labeled pixels are not used, but belong to fields all the same.
        "few": lambda: split_blocks(labels, seed, 0.2, 0.3, 1, 4, sample=Sample(2, 1)),
    }[kind]()
    test, train = split.parts == TEST, split.parts == TRAIN
    expected = reached(index, train) & test
    assert split.trained_fields is not None
    np.testing.assert_array_equal(split.trained_fields, expected)
    share = split.to_json()["in_trained_fields"]
    assert share == (expected.sum() / test.sum() if test.any() else None)
    generator = np.random.default_rng(seed)
    predicted = np.where(generator.random(index.shape) < 0.4, 0, index).clip(0)
    told = spatial_accuracy(split, predicted, 4)["by_field"]
    for name, here in (("trained", expected), ("own", test & ~expected)):
        assert told[name]["pixels"] == here.sum()
        right = (predicted == index)[here]
        assert told[name]["accuracy"] == (pytest.approx(right.mean()) if here.any() else None)


def test_no_pixels_lie_in_no_field() -> None:
    nothing = np.zeros((4, 5), dtype=bool)
    assert not in_fields_of(np.full((4, 5), -1), nothing).any()
    assert not in_fields_of(np.zeros((4, 5), dtype=int), nothing).any()


def test_text_tells_what_to_expect_where_nothing_was_trained_on() -> None:
    def told(trained: int, own: int) -> str:
        return field_text(
            {
                "trained": {"pixels": trained, "accuracy": 0.8 if trained else None},
                "own": {"pixels": own, "accuracy": 0.4 if own else None},
            }
        )

    both = told(100, 300)
    assert "25.00 % lie in fields" in both and "80.00 % of these" in both
    assert "fields of their own, 40.00 % are right" in both and "expect the latter" in both
    assert "nothing is known" in told(100, 0) and "40" not in told(100, 0)
    assert "No test pixel lies in a field" in told(0, 300)
    assert told(0, 0) == field_text(None) == ""


def test_last_bin_is_open() -> None:
    told = accuracy_by_distance(np.array([1.0, 1.5, 4000.0]), np.array([True, False, True]))
    assert told == [
        {"above": 0, "up_to": 1, "pixels": 1, "accuracy": 1.0},
        {"above": 1, "up_to": 3, "pixels": 1, "accuracy": 0.0},
        {"above": 100, "up_to": None, "pixels": 1, "accuracy": 1.0},
    ]


def test_resampling_counts_is_resampling_pixels() -> None:
    """The same draws of blocks, with the pixels themselves put together again."""
    generator = np.random.default_rng(1)
    at = generator.integers(0, 50, (400, 2))
    reference, right = generator.integers(0, 3, 400), generator.random(400) < 0.7
    told = block_intervals(at, reference, right, 3, 10)
    members = [
        np.flatnonzero((at // 10 == (row, column)).all(axis=1))
        for row in range(5)
        for column in range(5)
    ]
    members = [own for own in members if len(own)]
    assert told["blocks"] == len(members) == 25
    draws = np.random.RandomState(SEED).multinomial(25, [1 / 25] * 25, RESAMPLES)
    overall, average, first = [], [], []
    for drawn in draws:
        pixels = np.concatenate([np.tile(own, n) for own, n in zip(members, drawn, strict=True)])
        classes = [right[pixels][reference[pixels] == number].mean() for number in range(3)]
        overall.append(right[pixels].mean())
        average.append(np.mean(classes))
        first.append(classes[0])
    for ends, figures in (
        (told["overall_accuracy"], overall),
        (told["average_accuracy"], average),
        (told["per_class"][0]["producers_accuracy"], first),
    ):
        assert ends == pytest.approx(list(np.quantile(figures, [0.025, 0.975])))


def test_intervals_cover_what_depends_on_blocks() -> None:
    """Blocks that are right or wrong as a whole, as fields are, 60 of them."""
    generator = np.random.default_rng(0)
    at = np.argwhere(np.ones((60, 100)))
    block = (at[:, 0] // 10) * 10 + at[:, 1] // 10
    covered, runs = 0, 300
    for _ in range(runs):
        skill = generator.beta(4, 1, 60)
        right = generator.random(6000) < skill[block]
        low, high = block_intervals(at, np.zeros(6000, int), right, 1, 10)["overall_accuracy"]
        covered += low <= 0.8 <= high
        assert high - low > 4 * np.sqrt(0.8 * 0.2 / 6000)
    assert 0.90 <= covered / runs <= 0.98


def test_too_few_blocks_give_no_interval() -> None:
    at = np.argwhere(np.ones((40, 40)))
    reference = ((at[:, 0] < 10) & (at[:, 1] < 10)).astype(int)
    few = block_intervals(at, reference, reference == 0, 2, 10)
    assert few["blocks"] == 16
    assert few["overall_accuracy"] is None and few["average_accuracy"] is None
    assert "too few" in interval_text(few)
    more = block_intervals(at, reference, reference == 0, 2, 5)
    assert more["overall_accuracy"] and not more["average_accuracy"]
    assert [row["blocks"] for row in more["per_class"]] == [60, 4]
    assert more["per_class"][1]["producers_accuracy"] is None
    named = {**more, "per_class": [{**row, "name": "<A>"} for row in more["per_class"]]}
    text = interval_text(named)
    assert "&lt;A&gt;" in text and "<A>" not in text and "too few blocks" in text


def test_no_pixel_that_is_predicted() -> None:
    split = split_random(label_set(checkered(20), 3), 0, 4, 2)
    told = spatial_accuracy(split, np.full((20, 20), -1), 5)
    assert told["by_distance"] == [] and told["intervals"]["blocks"] == 0
    assert distance_chart([]) == ""


def test_chart_shows_every_bin() -> None:
    bins = accuracy_by_distance(np.array([1.0, 2.0, 4000.0]), np.array([True, False, True]))
    svg = ElementTree.fromstring(distance_chart(bins).replace("&gt;", "&#62;"))
    texts = [element.text for element in svg.iter("text")]
    assert {"\u2264 1", "1\u20133", "> 100", "100.0 %", "0.0 %", "1 px"} <= set(texts)
    assert len([e for e in svg.iter("path") if "bar" in e.get("class", "")]) == 3


def test_text_names_distances() -> None:
    text = distance_text({"nearest": 3.0, "near": {"1": 0.0, "3": 0.25}})
    assert "3 pixels apart" in text and "25.00 % within 3" in text
    assert distance_text({"nearest": None, "near": {}}) == ""


def test_training_tells_it_in_model_and_report(tiny: TinyScene) -> None:
    report = tiny.folder / "report.html"
    values = tiny.train_job(
        protocol="blocks", block_size=5, buffer=1, folds=3, fold=1, report=str(report)
    )
    result = runs.run(from_json(values), Feedback())
    model = load_model(values["model"])
    assert result["protocol"] == "blocks"
    assert model.split["nearest"] >= 2
    assert model.accuracy is not None
    assert sum(row["pixels"] for row in model.accuracy["by_distance"]) == result["tested_pixels"]
    assert model.accuracy["intervals"]["block_size"] == 5
    json.dumps(model.accuracy, allow_nan=False)
    text = report.read_text(encoding="utf-8")
    assert "Accuracy in space" in text and "fold 1 tests" in text
    by_field = model.accuracy["by_field"]
    assert sum(row["pixels"] for row in by_field.values()) == result["tested_pixels"]
    share = by_field["trained"]["pixels"] / result["tested_pixels"]
    assert model.split["in_trained_fields"] == pytest.approx(share)
    assert "A field: labeled pixels of one class that touch" in text
