"""The fixed benchmark protocols: known scenes, honest buffers, the very divisions."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from test_split import check_buffer, label_set

from mambahsi.benchmark.protocols import (
    division_differs,
    fixed_hash,
    fixed_seeds,
    parts_hash,
    protocol_fields,
)
from mambahsi.benchmark_scenes.catalog import catalog
from mambahsi.jobs import (
    BENCHMARK_PROTOCOLS,
    JobError,
    RasterSource,
    TrainJob,
    VectorSource,
    from_json,
    to_json,
)
from mambahsi.runs.division import refuse_contradictions, split_labels
from mambahsi.split import TEST, TRAIN, VALIDATION


def job(scene: str, protocol: str, seed: int) -> TrainJob:
    given = protocol_fields(scene, protocol, seed)
    return TrainJob(RasterSource("s"), VectorSource("l"), "c", "m", **given)


@pytest.mark.parametrize("protocol", BENCHMARK_PROTOCOLS)
def test_every_scene_has_every_protocol_with_the_same_sample(protocol: str) -> None:
    for scene in catalog:
        made = job(scene, protocol, 3)
        assert from_json(to_json(made)) == made
        refuse_contradictions(made)
        assert (made.train_pixels, made.validation_pixels, made.seed) == (30, 10, 3)
        assert made.sampled == (protocol != "random")


def test_seeds_are_the_papers() -> None:
    assert fixed_seeds() == list(range(10))


def test_unknown_names_are_refused() -> None:
    with pytest.raises(JobError, match="'atlantis'"):
        protocol_fields("atlantis", "buffered", 0)
    with pytest.raises(JobError, match="'honest'"):
        protocol_fields("salinas", "honest", 0)


def test_hash_is_of_shape_and_bytes() -> None:
    parts = np.arange(6, dtype=np.uint8).reshape(2, 3)
    expected = hashlib.sha256(b"2x3:" + bytes(range(6))).hexdigest()
    assert parts_hash(parts) == expected
    assert parts_hash(np.asfortranarray(parts)) == expected
    assert parts_hash(parts.reshape(3, 2)) != expected


def check_scene(scene: str, truth: np.ndarray) -> None:
    """Each seed gives the fixed division, which keeps its buffer and tests every class."""
    labels = label_set(truth.astype(np.int32) - 1, int(truth.max()))
    for seed in fixed_seeds():
        made = job(scene, "buffered", seed)
        split = split_labels(made, labels)
        assert parts_hash(split.parts) == fixed_hash(scene, seed)
        assert not division_differs(scene, "buffered", seed, split.parts)
        assert division_differs(scene, "buffered", seed, split.parts.T)
        assert not division_differs(scene, "random", seed, split.parts.T)
        check_buffer(split, made.buffer)
        assert not split.untested
    for_polygons = job(scene, "polygons", 0)
    split = split_labels(for_polygons, labels)
    check_buffer(split, for_polygons.buffer)
    assert split.counts[:, TRAIN].max() == 30
    assert split.counts[:, VALIDATION].max() == 10
    assert split.count(TEST)


@pytest.mark.parametrize(
    ("scene", "file"),
    [("pavia_university", "PaviaU"), ("salinas", "Salinas"), ("botswana", "Botswana")],
)
def test_divisions_are_the_fixed_ones(real_scenes: Path, scene: str, file: str) -> None:
    io = pytest.importorskip("scipy.io")
    content = io.loadmat(real_scenes / "benchmark_ground_truth" / f"{file}_gt.mat")
    check_scene(scene, next(v for k, v in content.items() if not k.startswith("__")))


def test_divisions_of_indian_pines_are_the_fixed_ones(
    indian_pines: tuple[np.ndarray, np.ndarray],
) -> None:
    check_scene("indian_pines", indian_pines[1])
