"""Counts of work, comparisons of means, pictures, and the paper's sampling, done anew."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio.features
import scipy.io
import shapely.geometry
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from mambahsi.benchmark.protocols import protocol_fields
from mambahsi.benchmark.published import Figure, Published
from mambahsi.benchmark.scenes import SceneFolder, read_content
from mambahsi.benchmark.summary import (
    Comparison,
    Group,
    Spread,
    compare_protocols,
    compare_published,
)
from mambahsi.benchmark.tables import markdown, seeds_text
from mambahsi.benchmark.work import count_forward, count_parameters, count_scene
from mambahsi.classes import ClassTable
from mambahsi.feedback import Feedback
from mambahsi.jobs import BenchmarkJob, RasterSource
from mambahsi.network import MambaHSI
from mambahsi.runs.benchmark import make_run
from mambahsi.runs.division import divide_labels
from mambahsi.runs.setup import network_arguments
from mambahsi.scene import Scene
from mambahsi.split import TEST, TRAIN, VALIDATION
from mambahsi.streaming.grids import Grids

# --- work


def test_products_at_the_size_of_pavia_university() -> None:
    arguments = network_arguments(103, 128, 9, "both")
    work = count_scene(arguments, np.ones((610, 340), dtype=bool))
    assert round(work.products / 1e9, 1) == 84.5


@pytest.mark.parametrize("kind", ["both", "spa", "spe"])
@pytest.mark.parametrize(("rows", "columns"), [(8, 12), (11, 9)])
def test_operations_are_those_that_pytorch_counts(kind: str, rows: int, columns: int) -> None:
    arguments = network_arguments(7, 16, 3, kind)
    network = MambaHSI(**arguments, scan="reference").double()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(torch.rand(1, 7, rows, columns, dtype=torch.float64))
    counts = {str(name): n for name, n in counter.get_flop_counts()["Global"].items()}
    convolutions = sum(n for name, n in counts.items() if "convolution" in name)
    cells = Grids(np.ones((rows, columns), dtype=bool)).counts
    work = count_forward(arguments, cells)
    assert work.products == sum(counts.values()) - convolutions
    # PyTorch counts the three places after the end of each sequence, too, which are cut off.
    sequences = [(1, n, 32) for n in cells] if kind != "spe" else []
    sequences += [(n, 4, 8) for n in cells] if kind != "spa" else []
    beyond = sum(2 * 3 * number * channels * 4 for number, _, channels in sequences)
    assert work.convolutions == convolutions - beyond
    tokens = sum(number * length * channels for number, length, channels in sequences)
    assert work.scan == tokens * (7 * 16 + 4)


def test_parameters_are_those_of_the_network() -> None:
    for kind in ("both", "spa", "spe"):
        arguments = network_arguments(9, 32, 5, kind)
        network = MambaHSI(**arguments)
        counted = sum(p.numel() for p in network.parameters() if isinstance(p, nn.Parameter))
        assert count_parameters(arguments) == counted


def test_work_counts_valid_pixels_only_and_adds_up() -> None:
    arguments = network_arguments(9, 32, 5, "both")
    valid = np.ones((16, 20), dtype=bool)
    whole = count_scene(arguments, valid)
    valid[4:8, :] = False
    less = count_scene(arguments, valid)
    # A whole row of the coarsest cells is gone: everything is a quarter less.
    for part in ("products", "convolutions", "scan"):
        assert getattr(less, part) * 4 == getattr(whole, part) * 3
    assert less.total == less.products + less.convolutions + less.scan


# --- means

percentages = st.lists(st.floats(0, 100), min_size=0, max_size=12)


@given(percentages, percentages)
def test_spreads_and_the_error_of_a_difference(first: list[float], second: list[float]) -> None:
    spreads = [Spread.of([*values, None]) for values in (first, second)]
    for values, spread in zip((first, second), spreads, strict=True):
        assert spread.runs == len(values)
        if values:
            assert spread.mean == pytest.approx(np.mean(values))
        if len(values) > 1:
            assert spread.deviation == pytest.approx(np.std(values, ddof=1), abs=1e-9)
        else:
            assert math.isnan(spread.deviation)
    compared = Comparison("kappa", *spreads)
    if min(len(first), len(second)) < 2:
        assert compared.within_two_errors is None
        return
    variances = [np.var(v, ddof=1) / len(v) for v in (first, second)]
    error = math.sqrt(sum(variances))
    assert compared.error == pytest.approx(error, abs=1e-9)
    distance = abs(np.mean(first) - np.mean(second))
    if abs(distance - 2 * error) > 1e-9:
        assert compared.within_two_errors == (distance < 2 * error)


def group(protocol: str, overall: dict[int, float]) -> Group:
    results = [
        {"seed": seed, "accuracy": {"overall_accuracy": value / 100, "per_class": []}}
        for seed, value in overall.items()
    ]
    return Group(protocol, "paper", "", results)


def test_published_means_are_compared_on_their_seeds() -> None:
    ours = group("random", {0: 90.0, 1: 92.0, 2: 94.0, 7: 10.0})
    other = Published(
        "s", "random", "paper", "t", "f", 3, {"overall_accuracy": Figure(93.0, 1.5)}, (0, 1, 2)
    )
    (compared,) = compare_published(ours, other)
    assert (compared.first.mean, compared.first.runs) == (pytest.approx(92.0), 3)
    assert compared.error == pytest.approx(math.sqrt(4 / 3 + 2.25 / 3))
    assert compared.within_two_errors is True
    far = dataclasses.replace(other, figures={"overall_accuracy": Figure(97.0, 1.5)})
    assert compare_published(ours, far)[0].within_two_errors is False
    assert compare_published(ours, dataclasses.replace(other, seeds=(0, 1, 5))) == []
    plain = dataclasses.replace(other, figures={"overall_accuracy": Figure(93.0)}, seeds=None)
    (compared,) = compare_published(ours, plain)
    assert (compared.first.runs, compared.within_two_errors) == (4, None)


@pytest.mark.parametrize(
    ("scene", "overall"),
    [
        ("pavia_university", "95.74"),
        ("houston_2013", "94.46"),
        ("whu_hi_hanchuan", "90.21"),
        ("whu_hi_honghu", "94.58"),
        ("salinas", "98.54"),
        ("botswana", "99.64"),
    ],
)
def test_published_figures_stand_beside_ours_in_the_papers_protocol(
    scene: str, overall: str, tmp_path: Path
) -> None:
    place = SceneFolder(scene, scene, tmp_path)
    facts = {
        "training": {"device": "cpu", "backend": "cpu", "threads": 1},
        "split": {"nearest": 1.0, "untested": []},
    }
    for protocol in ("random", "buffered"):
        ours = group(protocol, {0: 90.0, 1: 91.0})
        for result in ours.results:
            result.update(facts)
        page = markdown(place, [ours], ClassTable(()))
        rows = [line for line in page.splitlines() if f"| {overall} |" in line]
        assert len(rows) == (protocol == "random")
        # Without seeds and a spread, nobody can say whether the figures agree.
        assert "two standard errors of it" not in page


def test_protocols_are_compared_method_by_method() -> None:
    ours = [group("random", {0: 95.0, 1: 97.0}), group("buffered", {0: 60.0, 1: 70.0})]
    ((first, second, compared),) = compare_protocols(ours)
    assert (first.protocol, second.protocol) == ("random", "buffered")
    assert compared[0].difference == pytest.approx(31.0)
    assert compare_protocols([ours[0], dataclasses.replace(ours[1], method="spatial")]) == []


@given(st.sets(st.integers(0, 30), min_size=1))
def test_seeds_are_written_so_that_they_are_read_back(seeds: set[int]) -> None:
    from mambahsi.benchmark.methods import parse_seeds

    assert parse_seeds(seeds_text(sorted(seeds))) == sorted(seeds)


# --- the paper's pixels


def papers_parts(truth: np.ndarray, seed: int) -> np.ndarray:
    """The paper's division of a ground truth: 1 trains, 2 validates, 3 tests."""
    parts = np.zeros(truth.size, dtype=int)
    np.random.seed(seed)
    for value in range(1, int(truth.max()) + 1):
        (places,) = np.nonzero(truth.reshape(-1) == value)
        np.random.shuffle(places)
        count = 15 if len(places) <= 30 else 30
        for place in places[:count]:
            parts[place] = 1
        for place in places[count : count + 10]:
            parts[place] = 2
        for place in places[count + 10 :]:
            parts[place] = 3
    return parts.reshape(truth.shape)


def parts_of_a_run(
    folder: Path, truth: np.ndarray, seed: int, write_scene: Any, write_labels: Any
) -> np.ndarray:
    """The division of a benchmark's run, from polygons on disk."""
    generator = np.random.default_rng(0)
    name = folder.name
    scene = write_scene(
        generator.integers(1, 99, (2, *truth.shape)).astype(np.uint8), f"{name}/scene.tif"
    )
    with rasterio.open(scene) as dataset:
        transform = dataset.transform
    outlines = list(rasterio.features.shapes(truth, truth > 0, connectivity=4, transform=transform))
    values = [int(value) for _, value in outlines]
    write_labels(
        [shapely.geometry.shape(outline) for outline, _ in outlines],
        f"{name}/labels.gpkg",
        class_id=values,
        class_name=[f"Kind {value}" for value in values],
        color=[f"#0000{value:02x}" for value in values],
    )
    place = SceneFolder(name, name, scene.parent)
    return divided(place, seed)


def divided(place: SceneFolder, seed: int) -> np.ndarray:
    job = make_run(BenchmarkJob("", ""), place, "paper", seed).job
    content = read_content(place, Feedback())
    with Scene.open(RasterSource(str(place.scene))) as scene:
        split = divide_labels(job, scene, content.survey, Feedback())
    parts = np.zeros(split.parts.shape, dtype=int)
    for number, part in enumerate((TRAIN, VALIDATION, TEST), start=1):
        parts[split.parts == part] = number
    return parts


@pytest.mark.parametrize("seed", [0, 7])
@pytest.mark.parametrize("name", ["PaviaU", "Salinas", "Botswana"])
def test_the_papers_pixels_of_real_scenes(
    name: str,
    seed: int,
    tmp_path: Path,
    real_scenes: Path,
    write_scene: Callable[..., Path],
    write_labels: Callable[..., Path],
) -> None:
    content = scipy.io.loadmat(real_scenes / "benchmark_ground_truth" / f"{name}_gt.mat")
    truth = next(v for k, v in content.items() if not k.startswith("__")).astype(np.uint8)
    found = parts_of_a_run(tmp_path / "scene", truth, seed, write_scene, write_labels)
    np.testing.assert_array_equal(found, papers_parts(truth, seed))
    for value in range(1, truth.max() + 1):
        sizes = np.bincount(found[truth == value], minlength=4)
        assert sizes[0] == 0
        assert list(sizes[1:3]) == [30, 10]
        assert sizes[3] == (truth == value).sum() - 40


@pytest.mark.parametrize("seed", [0, 4])
def test_the_papers_pixels_of_indian_pines(
    indian_pines: tuple[np.ndarray, np.ndarray],
    seed: int,
    tmp_path: Path,
    write_scene: Callable[..., Path],
    write_labels: Callable[..., Path],
) -> None:
    truth = indian_pines[1].astype(np.uint8)
    counts = np.bincount(truth.ravel())[1:]
    assert counts.sum() == 10249
    assert counts[8] == 20  # Oats
    found = parts_of_a_run(tmp_path / "scene", truth, seed, write_scene, write_labels)
    np.testing.assert_array_equal(found, papers_parts(truth, seed))
    for value, count in enumerate(counts, start=1):
        sizes = list(np.bincount(found[truth == value], minlength=4)[1:])
        train = 15 if count <= 30 else 30
        assert sizes == [train, min(10, count - train), max(0, count - train - 10)]


def test_the_random_protocol_is_the_papers_whatever_the_defaults_are() -> None:
    fields = protocol_fields("any", "random", 3)
    assert fields == {
        "protocol": "random",
        "seed": 3,
        "train_pixels": 30,
        "validation_pixels": 10,
    }
