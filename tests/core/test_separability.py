"""Separability against plain formulas, and what must hold of a distance whatever the samples."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.linalg
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.covariance import LedoitWolf

from mambahsi import jobs, runs
from mambahsi.errors import LabelsError
from mambahsi.feedback import CollectingFeedback
from mambahsi.samples.pairs import FEWEST, Pair, jeffries_matusita, worst_first
from mambahsi.samples.separability import bhattacharyya, separability


def plain_distance(one: np.ndarray, other: np.ndarray) -> float:
    """Jeffries-Matusita distance as the textbook writes it, determinants and inverse and all."""
    first, second = np.cov(one.T), np.cov(other.T)
    both = (first + second) / 2
    away = one.mean(axis=0) - other.mean(axis=0)
    squared = away @ scipy.linalg.inv(both) @ away
    determinants = scipy.linalg.det(first) * scipy.linalg.det(second)
    b = squared / 8 + math.log(scipy.linalg.det(both) / math.sqrt(determinants)) / 2
    return 2 * (1 - math.exp(-b))


def samples(seed: int, pixels: int, bands: int, away: float = 1.0) -> np.ndarray:
    """Samples of a class whose bands vary together."""
    generator = np.random.default_rng(seed)
    mixing = np.eye(bands) + 0.5 * generator.normal(size=(bands, bands))
    return generator.normal(size=(pixels, bands)) @ mixing + away * generator.normal(size=bands)


def compare(*classes: np.ndarray, components: int = 0) -> list[Pair]:
    names = [f"class {number}" for number in range(len(classes))]
    return list(separability(classes, names, components).pairs)


seeds = st.integers(0, 10_000)


@given(seeds, seeds, st.integers(1, 5))
@settings(max_examples=40)
def test_with_many_samples_it_is_the_plain_formula(a: int, b: int, bands: int) -> None:
    one, other = samples(a, 80, bands), samples(b, 60, bands)
    (pair,) = compare(one, other)
    assert pair.shrinkage == 0
    assert pair.distance is not None
    # One band needs a matrix of its covariance, too.
    expected = plain_distance(one, other) if bands > 1 else one_band(one[:, 0], other[:, 0])
    assert pair.distance == pytest.approx(expected, abs=1e-8)


def one_band(one: np.ndarray, other: np.ndarray) -> float:
    v, w = one.var(ddof=1), other.var(ddof=1)
    b = (one.mean() - other.mean()) ** 2 / (4 * (v + w)) + math.log(
        (v + w) / math.sqrt(4 * v * w)
    ) / 2
    return 2 * (1 - math.exp(-b))


@given(seeds, st.integers(3, 120), st.integers(3, 120), st.integers(1, 12))
@settings(max_examples=60)
def test_symmetric_and_between_0_and_2(seed: int, few: int, many: int, bands: int) -> None:
    one, other = samples(seed, few, bands), samples(seed + 1, many, bands)
    (pair,), (turned,) = compare(one, other), compare(other, one)
    assert (pair.problem == "") == (turned.problem == "") == (pair.distance is not None)
    if pair.distance is not None and turned.distance is not None:
        assert 0 <= pair.distance <= 2
        assert 0 <= pair.beyond_chance <= pair.distance + 1e-12
        assert pair.distance == pytest.approx(turned.distance, abs=1e-9)


@given(seeds, st.integers(4, 100), st.integers(1, 20))
@settings(max_examples=40)
def test_nothing_between_a_class_and_itself(seed: int, pixels: int, bands: int) -> None:
    one = samples(seed, pixels, bands)
    (pair,) = compare(one, one.copy())
    assert pair.distance == pytest.approx(0, abs=1e-9)
    assert pair.beyond_chance == pytest.approx(0, abs=1e-9)


@given(seeds, st.integers(2, 5))
@settings(max_examples=40)
def test_without_shrinkage_any_affine_change_of_the_bands_leaves_it(seed: int, bands: int) -> None:
    one, other = samples(seed, 80, bands), samples(seed + 1, 80, bands)
    generator = np.random.default_rng(seed)
    mix = generator.normal(size=(bands, bands)) + 3 * np.eye(bands)
    shift = 1000 * generator.normal(size=bands)
    before = compare(one, other)[0].distance
    after = compare(one @ mix + shift, other @ mix + shift)[0].distance
    assert after == pytest.approx(before, abs=1e-6)


@given(seeds, st.integers(4, 30))
@settings(max_examples=40)
def test_with_shrinkage_the_units_of_the_bands_do_not_matter(seed: int, pixels: int) -> None:
    one, other = samples(seed, pixels, 40), samples(seed + 1, 50, 40)
    units = 10.0 ** np.random.default_rng(seed).uniform(-3, 3, 40)
    before, after = compare(one, other)[0], compare(one * units + 7, other * units + 7)[0]
    assert before.shrinkage > 0
    assert after.distance == pytest.approx(before.distance, abs=1e-6)


def test_shrinkage_is_that_of_ledoit_and_wolf_the_same_for_both_classes() -> None:
    one, other = samples(1, 30, 12), samples(2, 50, 12)
    (pair,) = compare(one, other)
    centered = [one - one.mean(axis=0), other - other.mean(axis=0)]
    spread = np.sqrt(sum((c**2).sum(axis=0) for c in centered) / (len(one) + len(other) - 2))
    intensity = max(LedoitWolf().fit(own / spread).shrinkage_ for own in (one, other))
    assert pair.shrinkage == pytest.approx(intensity)
    covariances = []
    for own in centered:
        own = own / spread
        covariance = own.T @ own / (len(own) - 1)
        towards = np.eye(12) * np.trace(covariance) / 12
        covariances.append((1 - intensity) * covariance + intensity * towards)
    first, second = (own.mean(axis=0) / spread for own in (one, other))
    expected = bhattacharyya(first, covariances[0], second, covariances[1])
    assert pair.bhattacharyya == pytest.approx(expected)


def test_few_samples_of_one_class_do_not_look_separable_beyond_chance() -> None:
    """What a plain distance with more bands than samples gets wrong: it says 2."""
    generator = np.random.default_rng(0)
    mixing = generator.normal(size=(60, 60)) * np.geomspace(10, 0.01, 60)
    values = generator.normal(size=(400, 60)) @ mixing
    alike = compare(values[:50], values[50:])[0]
    apart = compare(values[:50] + 3 * values.std(axis=0), values[50:])[0]
    assert alike.chance_distance > 0.3
    assert alike.beyond_chance < 0.3 < 1.5 < apart.beyond_chance


@given(seeds, st.integers(12, 40), st.integers(1, 10))
@settings(max_examples=30)
def test_many_bands_are_compared_in_principal_components(
    seed: int, bands: int, components: int
) -> None:
    """Those of the moments of both classes around the middle of their means, bands scaled."""
    one, other = samples(seed, 150, bands), samples(seed + 1, 400, bands)
    centered = np.concatenate([own - own.mean(axis=0) for own in (one, other)])
    spread = np.sqrt((centered**2).sum(axis=0) / (len(centered) - 2))
    scaled = [own / spread for own in (one, other)]
    middle = (scaled[0].mean(axis=0) + scaled[1].mean(axis=0)) / 2
    moments = sum((own - middle).T @ (own - middle) / len(own) for own in scaled) / 2
    variances, axes = scipy.linalg.eigh(moments)
    expected = compare(*(own @ axes[:, -components:] for own in scaled))[0]
    found = separability([one, other], ["one", "other"], components)
    assert found.dimensions == components
    assert found.share == pytest.approx(variances[-components:].sum() / variances.sum())
    assert found.pairs[0].distance == pytest.approx(expected.distance, abs=1e-9)


def test_bands_that_are_few_enough_are_taken_as_they_are() -> None:
    one, other = samples(1, 100, 6), samples(2, 100, 6)
    found = separability([one, other], ["one", "other"], 6)
    assert (found.dimensions, found.share) == (6, 1.0)
    assert found.pairs == compare(one, other)


def test_a_class_of_no_more_samples_than_bands_is_shrunk_in_components_too() -> None:
    one, many = samples(1, 60, 60), samples(2, 400, 60)
    assert compare(one, many, components=4)[0].shrinkage > 0
    assert compare(np.repeat(one, 2, axis=0), many, components=4)[0].shrinkage == 0


def test_samples_that_are_too_few_or_alike_are_told_by_name() -> None:
    good = samples(0, 40, 3)
    pairs = compare(good, good[:0], good[:1], good[: FEWEST - 1], np.ones((9, 3)), good[:FEWEST])
    told = {(p.first, p.second): p.problem for p in pairs}
    assert told[0, 1] == "class 1 has 0 of the 3 pixels that it takes"
    assert told[0, 2] == told[1, 2].replace("class 1 has 0", "class 2 has 1")
    assert "class 3 has 2" in told[0, 3]
    assert "too much alike" in told[0, 4]
    assert told[0, 5] == ""
    assert {p.distance for p in pairs if p.problem} == {None}
    assert [(p.first, p.second) for p in worst_first(pairs)] == [(0, 5)]


def test_a_band_constant_in_one_class_is_no_failure() -> None:
    one, other = samples(0, 100, 4), samples(1, 100, 4)
    one[:, 2] = 0.0  # reflectance of water, clipped
    (pair,) = compare(one, other)
    assert pair.shrinkage > 0
    assert 0 < pair.distance <= 2


def test_bands_constant_in_every_class_say_nothing() -> None:
    one, other = samples(0, 50, 3), samples(1, 50, 3)
    before = compare(one, other)[0].distance
    more = [np.column_stack([own, np.full(50, level)]) for own, level in ((one, 5), (other, 9))]
    assert compare(*more)[0].distance == pytest.approx(before)


def test_whole_numbers_of_small_types_do_not_wrap() -> None:
    one, other = samples(3, 60, 3), samples(4, 60, 3)
    stored = [(np.clip(own, -5, 5) * 20 + 120).astype(np.uint8) for own in (one, other)]
    found = compare(*stored)[0].distance
    assert found == pytest.approx(plain_distance(*(own.astype(float) for own in stored)), abs=1e-8)


def test_distance_of_the_extremes() -> None:
    assert jeffries_matusita(0.0) == 0
    assert jeffries_matusita(1e3) == 2
    assert jeffries_matusita(1e-20) == pytest.approx(2e-20)


# The job ---------------------------------------------------------------------------------

OUTPUTS = {"report": "html", "csv": "csv", "table": "json"}


def run(tiny: Any, **fields: Any) -> tuple[dict[str, Any], CollectingFeedback]:
    feedback = CollectingFeedback()
    values = {
        "job": "separability",
        "scene": {"path": str(tiny.scene)},
        "labels": {"path": str(tiny.labels)},
        "class_field": "class",
        **fields,
    }
    return runs.run(jobs.from_json(values), feedback), feedback


def test_the_job_names_the_worst_pairs_in_every_output(tiny: Any) -> None:
    paths = {name: str(tiny.folder / f"apart.{end}") for name, end in OUTPUTS.items()}
    result, feedback = run(tiny, **paths)
    figures = json.loads(Path(paths["table"]).read_text(encoding="utf-8"))
    rows = list(csv.DictReader(io.StringIO(Path(paths["csv"]).read_text(encoding="utf-8-sig"))))
    page = Path(paths["report"]).read_text(encoding="utf-8")
    assert len(rows) == len(figures["pairs"]) == 3
    beyond = [pair["beyond_chance"] for pair in figures["pairs"]]
    assert beyond == sorted(beyond)
    for row, pair in zip(rows, figures["pairs"], strict=True):
        assert float(row["jeffries_matusita"]) == pytest.approx(pair["jeffries_matusita"], abs=1e-6)
        assert (row["first_name"], row["second_name"]) == (pair["first_name"], pair["second_name"])
        assert f"{pair['jeffries_matusita']:.3f}" in page
    assert result["least_separable"] == [pair["text"] for pair in figures["pairs"]]
    assert result["least_separable"][0] in "\n".join(feedback.logs)
    assert "Äcker" in page
    assert "Äcker" in "".join(row["first_name"] + row["second_name"] for row in rows)
    (record,) = tiny.folder.glob("*.record.json")
    assert json.loads(record.read_text(encoding="utf-8"))["job"]["job"] == "separability"
    assert not tiny.temporary_files()


def test_the_distances_are_those_of_the_pixels(tiny: Any) -> None:
    """Against samples cut out of the array by hand."""
    table = tiny.folder / "apart.json"
    run(tiny, table=str(table))
    pairs = json.loads(table.read_text(encoding="utf-8"))["pairs"]
    by_name: dict[str, list[np.ndarray]] = {"Wald": [], "Wasser": [], "Äcker": []}
    for row in range(4):
        for column in range(3):
            cut = tiny.cube[:, row * 5 + 1 : row * 5 + 4, column * 8 + 1 : column * 8 + 7]
            pixels = cut.reshape(8, -1).T
            name = list(by_name)[(row + column) % 3]
            by_name[name].append(pixels[(pixels != tiny.nodata).all(axis=1)])
    stacked = {name: np.concatenate(parts) for name, parts in by_name.items()}
    for pair in pairs:
        one, other = stacked[pair["first_name"]], stacked[pair["second_name"]]
        assert pair["shrinkage"] == 0 or min(len(one), len(other)) < 80
        expected = compare(one.astype(float), other.astype(float))[0].distance
        assert pair["jeffries_matusita"] == pytest.approx(expected)


def test_one_class_has_no_distance(tiny: Any, write_labels: Callable[..., Path]) -> None:
    labels = write_labels([shapely.box(500_000, 5_799_900, 500_100, 5_800_000)], code=[4])
    with pytest.raises(LabelsError, match="one class only"):
        run(tiny, labels={"path": str(labels)}, class_field="code")


def test_the_real_scene_confuses_what_is_known_to_be_alike(
    real_scenes: Path, tmp_path: Path
) -> None:
    """Roofs and pavement of Potsdam in 30 m pixels, though water is easily told."""
    folder = real_scenes / "enmap_potsdam"
    values = {
        "job": "separability",
        "scene": {"path": str(folder / "enmap_potsdam.tif")},
        "labels": {"path": str(folder / "landcover_polygons.gpkg")},
        "class_field": "class",
        "table": str(tmp_path / "apart.json"),
    }
    runs.run(jobs.from_json(values), CollectingFeedback())
    pairs = json.loads((tmp_path / "apart.json").read_text(encoding="utf-8"))["pairs"]
    assert {pairs[0]["first_name"], pairs[0]["second_name"]} == {"roof", "pavement"}
    assert pairs[0]["verdict"] == "poor"
    # Nearly the same to the eye of a sensor of 30 m, too; in all bands they come out as apart.
    soil = next(p for p in pairs if {p["first_name"], p["second_name"]} == {"soil", "pavement"})
    assert soil["verdict"] == "moderate"
    water = [p for p in pairs if "water" in (p["first_name"], p["second_name"])]
    assert {p["verdict"] for p in water} == {"good"}
