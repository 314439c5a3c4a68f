"""Splits: disjoint parts, whole polygons, buffers, the paper's pixels, separate layers."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import label
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist
from scipy.stats import ks_2samp

from mambahsi.classes import ClassTable, LandCoverClass
from mambahsi.errors import LabelsError
from mambahsi.jobs import RasterSource, VectorSource
from mambahsi.labels import LabelSet, read_labels, restrict
from mambahsi.scene import Scene, survey_bands
from mambahsi.split import (
    BUFFER,
    PART_UNUSED,
    TEST,
    TRAIN,
    VALIDATION,
    Sample,
    Split,
    split_blocks,
    split_random,
    split_spatial,
    split_with_layers,
)
from mambahsi.split.whole import assign_whole_polygons

PARTS = (TRAIN, VALIDATION, TEST)


def label_set(index: np.ndarray, classes: int, polygon: np.ndarray | None = None) -> LabelSet:
    """Labels with each connected region of a class as a polygon, where none are given."""
    if polygon is None:
        polygon = np.full(index.shape, -1, dtype=np.int32)
        found = 0
        for number in range(classes):
            regions, count = label(index == number)
            polygon[regions > 0] = regions[regions > 0] - 1 + found
            found += count
    table = [LandCoverClass(i, f"Class {i}", "#000000", str(i)) for i in range(1, classes + 1)]
    return LabelSet(index.astype(np.int32), polygon.astype(np.int32), ClassTable(tuple(table)))


def spatial(labels: LabelSet, seed: int = 0, buffer: int = 2, **more: object) -> Split:
    return split_spatial(labels, seed, 0.2, 0.3, buffer, **more)  # type: ignore[arg-type]


label_arrays = arrays(
    np.int32, st.tuples(st.integers(4, 16), st.integers(4, 16)), elements=st.integers(-1, 2)
)


def check_consistency(split: Split, labels: LabelSet) -> None:
    """What every split of one label set must fulfil."""
    labeled = labels.index >= 0
    assert set(np.unique(split.parts)) <= {PART_UNUSED, TRAIN, VALIDATION, TEST, BUFFER}
    np.testing.assert_array_equal(split.parts != PART_UNUSED, labeled)
    np.testing.assert_array_equal(split.index, labels.index)
    for number in range(len(labels.table)):
        of_class = split.parts[labels.index == number]
        np.testing.assert_array_equal(split.counts[number], np.bincount(of_class, minlength=5))
        if of_class.size:
            assert (of_class == TRAIN).any()
    assert split.untested == [
        c.name for i, c in enumerate(labels.table) if not split.counts[i, TEST]
    ]
    train, test = np.argwhere(split.parts == TRAIN), np.argwhere(split.parts == TEST)
    if len(train) and len(test):
        assert split.nearest == pytest.approx(cdist(train, test).min())
    else:
        assert split.nearest is None


def check_buffer(split: Split, buffer: int) -> None:
    """No two pixels of different parts are nearer than the buffer, whatever their class."""
    at = {part: np.argwhere(split.parts == part) for part in PARTS}
    for one, other in ((TRAIN, VALIDATION), (VALIDATION, TEST), (TRAIN, TEST)):
        if len(at[one]) and len(at[other]):
            nearest = cKDTree(at[one]).query(at[other])[0].min()
            assert nearest >= buffer + 1


# --- spatial


@given(index=label_arrays, seed=st.integers(0, 2**32 - 1), buffer=st.integers(0, 4))
def test_spatial_split_keeps_its_promises(index: np.ndarray, seed: int, buffer: int) -> None:
    labels = label_set(index, 3)
    split = spatial(labels, seed, buffer)
    check_consistency(split, labels)
    check_buffer(split, buffer)
    for number in range(3):
        of_class = labels.index == number
        polygons, sizes = np.unique(labels.polygon[of_class], return_counts=True)
        if len(polygons) >= 3:
            for polygon, size in zip(polygons, sizes, strict=True):
                parts = set(split.parts[labels.polygon == polygon].tolist())
                # A polygon is divided only where no two others are a quarter as large.
                peers = (4 * sizes >= size).sum()
                assert len(parts - {BUFFER}) <= 1 or (peers < 3 and 5 * size > sizes.sum())


@given(index=label_arrays, seed=st.integers(0, 100))
def test_same_seed_same_split(index: np.ndarray, seed: int) -> None:
    labels = label_set(index, 3)
    np.testing.assert_array_equal(spatial(labels, seed).parts, spatial(labels, seed).parts)


def test_seeds_choose_different_polygons() -> None:
    index = np.full((40, 40), -1)
    index[::2, ::2] = 0
    labels = label_set(index, 1)
    splits = {spatial(labels, seed).parts.tobytes() for seed in range(5)}
    assert len(splits) == 5


sizes_of_polygons = st.lists(st.integers(1, 60), min_size=12, max_size=40)


def polygons_of(sizes: list[int]) -> LabelSet:
    """One class, each polygon a line, with more than the buffer between them."""
    index = np.full((4 * len(sizes), max(sizes)), -1)
    for i, size in enumerate(sizes):
        index[4 * i, :size] = 0
    return label_set(index, 1)


def sizes_by_part(split: Split, labels: LabelSet) -> dict[int, np.ndarray]:
    """Pixels of each polygon by part."""
    return {
        part: np.unique(labels.polygon[split.parts == part], return_counts=True)[1]
        for part in PARTS
    }


@given(sizes=sizes_of_polygons, seed=st.integers(0, 1000))
def test_many_polygons_come_near_the_asked_shares(sizes: list[int], seed: int) -> None:
    """Off by no more than the largest polygon, whatever the sizes."""
    assume(not_alone(sizes))
    split = spatial(polygons_of(sizes), seed)
    total = sum(sizes)
    for part, share in zip(PARTS, (0.5, 0.2, 0.3), strict=True):
        assert abs(split.counts[0, part] - share * total) < max(sizes)


def not_alone(sizes: list[int]) -> bool:
    """Whether every large polygon has two others a quarter as large."""
    third = sorted(sizes)[-3]
    return 4 * third >= max(sizes)


@given(sizes=sizes_of_polygons, seed=st.integers(0, 1000))
def test_parts_hold_large_and_small_polygons_alike(sizes: list[int], seed: int) -> None:
    """Of the polygons of any size or larger, every part holds its share, give or take one."""
    assume(not_alone(sizes))
    labels = polygons_of(sizes)
    by_part = sizes_by_part(spatial(labels, seed), labels)
    assert sorted(np.concatenate(list(by_part.values()))) == sorted(sizes)
    for smallest in set(sizes):
        larger = sum(size >= smallest for size in sizes)
        for part, share in zip(PARTS, (0.5, 0.2, 0.3), strict=True):
            assert abs((by_part[part] >= smallest).sum() - share * larger) < 1


@given(
    sizes=st.lists(st.integers(1, 10**6), min_size=8, max_size=300),
    validation=st.floats(0.01, 0.45),
    test=st.floats(0.01, 0.45),
    two=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_polygons_are_dealt_alike_whatever_the_shares(
    sizes: list[int], validation: float, test: float, two: bool, seed: int
) -> None:
    """Pixels among the larger polygons, too; and no part is without a polygon."""
    asked = [1 - validation, validation] if two else [1 - validation - test, validation, test]
    given_sizes, shares = np.array(sizes), np.array(asked)
    parts = assign_whole_polygons(given_sizes, shares, np.random.default_rng(seed))
    again = assign_whole_polygons(given_sizes, shares, np.random.default_rng(seed))
    np.testing.assert_array_equal(parts, again)
    assert set(parts.tolist()) == set(range(len(shares)))
    if (shares * len(sizes) < 1).any():
        return  # One polygon may be more than such a part should have.
    for smallest in set(sizes):
        larger = given_sizes >= smallest
        for part, share in enumerate(shares):
            got = larger & (parts == part)
            assert abs(got.sum() - share * larger.sum()) < 1 + 1e-6
            missed = given_sizes[got].sum() - share * given_sizes[larger].sum()
            assert abs(missed) < max(sizes) * (1 + 1e-6)


@given(sizes=st.lists(st.integers(1, 60), min_size=3, max_size=6))
def test_few_polygons_come_as_near_as_any_division(sizes: list[int]) -> None:
    """Within a fiftieth of the pixels."""
    shares = np.array([0.5, 0.2, 0.3])
    parts = assign_whole_polygons(np.array(sizes), shares, np.random.default_rng(0))
    wanted = shares * sum(sizes)

    def best(polygon: int, got: tuple[int, int, int], used: tuple[int, int, int]) -> float:
        if polygon == len(sizes):
            return float(np.abs(got - wanted).sum()) if all(used) else np.inf
        return min(
            best(
                polygon + 1,
                tuple(g + sizes[polygon] * (p == part) for p, g in enumerate(got)),  # type: ignore[arg-type]
                tuple(u + (p == part) for p, u in enumerate(used)),  # type: ignore[arg-type]
            )
            for part in range(3)
        )

    got = np.bincount(parts, sizes, minlength=3)
    nearest = best(0, (0, 0, 0), (0, 0, 0))
    assert np.abs(got - wanted).sum() <= nearest + 0.02 * sum(sizes) + 1e-6


def test_of_equally_near_divisions_of_few_polygons_the_one_of_like_sizes_is_taken() -> None:
    # 60 and 60 against all others is exact, too, but then no size is in both halves.
    shares = np.array([0.5, 0.5])
    for seed in range(40):
        generator = np.random.default_rng(seed)
        parts = assign_whole_polygons(np.array([60, 60, 40, 40, 20, 20]), shares, generator)
        assert {frozenset(parts[at : at + 2]) for at in (0, 2, 4)} == {frozenset((0, 1))}


def test_a_polygon_far_larger_than_the_others_is_cut() -> None:
    """Else one part would hold nothing but small ones."""
    index = np.full((60, 90), -1)
    index[0:30, 0:60] = 0
    index[40:60:4, 0:90:4] = 0
    labels = label_set(index, 1)
    split = spatial(labels)
    check_buffer(split, 2)
    (large,) = np.flatnonzero(np.bincount(labels.polygon[labels.polygon >= 0]) == 1800)
    inside = split.parts[labels.polygon == large]
    got = np.bincount(inside, minlength=5)[list(PARTS)]
    np.testing.assert_allclose(got / got.sum(), [0.5, 0.2, 0.3], atol=0.03)
    small = split.parts[(labels.polygon >= 0) & (labels.polygon != large)]
    assert (np.bincount(small, minlength=5)[list(PARTS)] > 0).all()
    assert "cut into blocks: 1" in split.description


@pytest.mark.parametrize("buffer", [2, 20])
def test_a_large_polygon_stays_whole_where_it_has_peers_or_cannot_be_cut(buffer: int) -> None:
    index = np.full((60, 90), -1)
    index[0:30, 0:30] = 0
    index[52:60:4, 0:90:4] = 0
    if buffer == 2:
        index[0:20, 40:60] = 0
        index[0:20, 70:90] = 0
    labels = label_set(index, 1)
    split = spatial(labels, buffer=buffer)
    parts = set(np.unique(split.parts[0:30, 0:30]).tolist())
    assert len(parts & set(PARTS)) == 1
    assert "far larger" not in split.description


@pytest.mark.parametrize("polygons", [3, 12])
def test_every_part_gets_a_polygon_however_small_its_share(polygons: int) -> None:
    index = np.full((5, 4 * polygons), -1)
    for number in range(polygons):
        index[1:4, 4 * number : 4 * number + 3] = 0
    split = split_spatial(label_set(index, 1), 0, 0.01, 0.3, 0)
    assert (split.counts[0, list(PARTS)] >= 9).all()


def test_one_polygon_is_cut_into_compact_blocks() -> None:
    index = np.full((20, 60), -1)
    index[5:15, 5:55] = 0
    index[0, 0] = 1
    split = spatial(label_set(index, 2), buffer=3)
    counts = split.counts[0]
    # Across the long side: two strips of three columns are lost, no more.
    assert counts[BUFFER] == 2 * 3 * 10
    kept = counts[[TRAIN, VALIDATION, TEST]] / counts[[TRAIN, VALIDATION, TEST]].sum()
    np.testing.assert_allclose(kept, [0.5, 0.2, 0.3], atol=0.03)
    columns = {part: np.unique(np.argwhere(split.parts == part)[:, 1]) for part in PARTS}
    columns[TRAIN] = columns[TRAIN][columns[TRAIN] >= 5]
    ends = sorted(columns.values(), key=lambda c: c[0])
    assert ends[1] is columns[VALIDATION]
    assert all(after[0] - before[-1] == 4 for before, after in pairwise(ends))
    assert split.untested == ["Class 2"]
    assert "Not tested: Class 2." in split.notes


def test_seed_chooses_the_end_where_training_lies() -> None:
    index = np.full((10, 60), -1)
    index[2:8] = 0
    labels = label_set(index, 1)
    sides = {
        bool(np.argwhere(spatial(labels, seed).parts == TRAIN)[:, 1].mean() < 30)
        for seed in range(10)
    }
    assert sides == {True, False}


def test_slanted_polygon_keeps_its_buffer() -> None:
    rows, columns = np.mgrid[:60, :60]
    index = np.where(np.abs(rows - columns) < 4, 0, -1)
    split = spatial(label_set(index, 1), buffer=5)
    assert split.nearest is not None and split.nearest > 12
    assert (split.counts[0, [TRAIN, VALIDATION, TEST]] > 30).all()


def test_class_that_cannot_be_cut_trains_only() -> None:
    index = np.full((12, 12), -1)
    index[0:3, 0:3] = 0
    index[6:12] = 1
    split = spatial(label_set(index, 2), buffer=4)
    assert split.counts[0].tolist() == [0, 9, 0, 0, 0]
    assert split.untested[0] == "Class 1"


def test_many_untested_classes_are_counted_in_the_warning() -> None:
    labels = label_set(np.arange(300).reshape(15, 20), 300)
    split = spatial(labels)
    assert len(split.untested) == 300
    (warning,) = [note for note in split.notes if note.startswith("Not tested")]
    assert warning.endswith("and 280 more classes.") and len(warning) < 500


def test_two_parts_need_two_polygons_only() -> None:
    index = np.full((4, 30), -1)
    index[1, 0:10] = 0
    index[3, 15:30] = 0
    labels = label_set(index, 1)
    split = spatial(labels, parts=("train", "test"))
    assert split.counts[0].tolist() == [0, 15, 0, 10, 0]
    split = spatial(labels, parts=("train", "validation"))
    assert split.counts[0].tolist() == [0, 15, 10, 0, 0]


def test_shares_that_leave_no_training_are_refused() -> None:
    with pytest.raises(ValueError, match="nothing to train on"):
        split_spatial(label_set(np.zeros((4, 4)), 1), 0, 0.5, 0.5, 0)


# --- the paper's random pixels


@given(
    index=arrays(
        np.int32, st.tuples(st.integers(4, 25), st.integers(4, 25)), elements=st.integers(-1, 3)
    ),
    seed=st.integers(0, 2**32 - 1),
)
def test_random_pixels_are_the_papers(index: np.ndarray, seed: int) -> None:
    labels = label_set(index, 4)
    state = np.random.get_state(legacy=False)["state"]["key"].copy()
    split = split_random(labels, seed, 30, 10)
    np.testing.assert_array_equal(np.random.get_state(legacy=False)["state"]["key"], state)
    check_consistency(split, labels)

    expected = np.zeros(index.size, dtype=int)
    np.random.seed(seed)
    for number in range(4):
        pixels = np.where(index.ravel() == number)[0]
        np.random.shuffle(pixels)
        train = 30 if len(pixels) > 30 else 15
        expected[pixels[:train]] = TRAIN
        expected[pixels[train : train + 10]] = VALIDATION
        expected[pixels[train + 10 :]] = TEST
    np.testing.assert_array_equal(split.parts.ravel(), expected)


@pytest.mark.parametrize(
    ("pixels", "counts"), [(1, (1, 0, 0)), (20, (10, 5, 5)), (21, (20, 1, 0)), (40, (20, 5, 15))]
)
def test_other_numbers_of_random_pixels(pixels: int, counts: tuple[int, ...]) -> None:
    index = np.full((10, 10), -1)
    index.ravel()[:pixels] = 0
    split = split_random(label_set(index, 1), 3, 20, 5)
    assert tuple(split.counts[0, [TRAIN, VALIDATION, TEST]]) == counts
    assert split.untested == ([] if counts[2] else ["Class 1"])


# --- separate layers


def three_layers() -> tuple[LabelSet, LabelSet, LabelSet]:
    labels, validation, test = (np.full((20, 30), -1) for _ in range(3))
    for number in range(2):
        labels[10 * number : 10 * number + 8] = number
        validation[10 * number : 10 * number + 4, 0:6] = number
        test[10 * number + 2 : 10 * number + 6, 3:12] = number
    return label_set(labels, 2), label_set(validation, 2), label_set(test, 2)


@pytest.mark.parametrize(
    ("with_validation", "with_test"), [(True, True), (True, False), (False, True)]
)
def test_layers_are_disjoint_and_come_first(with_validation: bool, with_test: bool) -> None:
    labels, validation, test = three_layers()
    split = split_with_layers(
        labels, validation if with_validation else None, test if with_test else None, 0, 0.2, 0.3, 2
    )
    in_test = (test.index >= 0) & with_test
    in_validation = (validation.index >= 0) & with_validation & ~in_test
    if with_test:
        np.testing.assert_array_equal(split.parts == TEST, in_test)
    if with_validation:
        np.testing.assert_array_equal(split.parts == VALIDATION, in_validation)
    rest = (labels.index >= 0) & ~in_test & ~in_validation
    if with_test and with_validation:
        np.testing.assert_array_equal(split.parts == TRAIN, rest)
    assert not split.untested
    assert all(split.count(part) > 0 for part in PARTS)
    np.testing.assert_array_equal(split.index[rest], labels.index[rest])
    removed = int(((labels.index >= 0) & (in_test | in_validation)).sum())
    assert any(f"removed from training: {removed}." in note for note in split.notes)
    shared = any("test and the validation layer" in note for note in split.notes)
    assert shared == (with_test and with_validation)


@pytest.mark.parametrize("given_part", [VALIDATION, TEST])
def test_a_layer_is_used_however_near_and_that_is_said(given_part: int) -> None:
    """The buffer lies between what is taken from the labels; a layer is the user's own."""
    labels = np.full((40, 40), -1)
    labels[:, ::4] = 0
    beside = label_set(np.where(np.roll(labels, 1, axis=1) == 0, 0, -1), 1)
    layers = (beside, None) if given_part == VALIDATION else (None, beside)
    split = split_with_layers(label_set(labels, 1), *layers, 0, 0.2, 0.3, 2)
    at = {part: np.argwhere(split.parts == part) for part in PARTS}
    taken = TEST if given_part == VALIDATION else VALIDATION
    assert len(at[given_part]) == (beside.index >= 0).sum()
    assert cKDTree(at[TRAIN]).query(at[taken])[0].min() >= 3
    assert cKDTree(at[given_part]).query(at[taken])[0].min() == 1
    assert "3 pixels apart" in split.description
    assert "layer's own pixels are used as they were drawn, however near" in split.description


def test_classes_of_layers_are_their_own() -> None:
    """Where a test polygon says something else than a training polygon, it is what counts."""
    labels, _, test = three_layers()
    turned = label_set(np.where(test.index >= 0, 1 - test.index, -1), 2)
    split = split_with_layers(labels, None, turned, 0, 0.2, 0.3, 2)
    at = split.parts == TEST
    np.testing.assert_array_equal(split.index[at], turned.index[at])
    assert (split.index[at] != labels.index[at]).all()


def test_test_layer_without_a_class_leaves_it_untested() -> None:
    labels, _, test = three_layers()
    half = label_set(np.where(test.index == 0, 0, -1), 2)
    split = split_with_layers(labels, None, half, 0, 0.2, 0.3, 2)
    assert split.untested == ["Class 2"]


def test_empty_layer_is_refused() -> None:
    labels, _, _ = three_layers()
    empty = label_set(np.full((20, 30), -1), 2)
    with pytest.raises(LabelsError, match="The test layer has no labeled pixel"):
        split_with_layers(labels, None, empty, 0, 0.2, 0.3, 2)


def test_layer_that_takes_all_training_pixels_of_a_class_is_refused() -> None:
    labels, _, _ = three_layers()
    whole = label_set(np.where(labels.index == 1, 1, -1), 2)
    with pytest.raises(LabelsError, match="without a training pixel: Class 2"):
        split_with_layers(labels, None, whole, 0, 0.2, 0.3, 2)


# --- what is said about a split


def test_json_holds_counts_and_distance() -> None:
    index = np.full((20, 60), -1)
    index[5:15, 5:55] = 0
    split = spatial(label_set(index, 1))
    values = split.to_json()
    assert values["protocol"] == "spatial"
    assert values["nearest"] == split.nearest
    assert values["classes"] == [
        {
            "value": 1,
            "name": "Class 1",
            "train": split.counts[0, TRAIN],
            "validation": split.counts[0, VALIDATION],
            "test": split.counts[0, TEST],
            "buffer": split.counts[0, BUFFER],
        }
    ]


# --- real scenes


@pytest.mark.parametrize(
    ("scene", "layer", "field"),
    [
        ("enmap_potsdam/enmap_potsdam.tif", "enmap_potsdam/landcover_polygons.gpkg", "class_id"),
        (
            "sentinel2_aberystwyth/sentinel2_aberystwyth.tif",
            "sentinel2_aberystwyth/training_polygons.gpkg",
            "class",
        ),
        (
            "landsat7_north_carolina/landsat_multiband.tif",
            "landsat7_north_carolina/landsat96_polygons.shp",
            "id",
        ),
    ],
)
def test_every_class_of_the_real_scenes_is_tested(
    real_scenes: Path, scene: str, layer: str, field: str
) -> None:
    with Scene.open(RasterSource(str(real_scenes / scene))) as opened:
        labels = read_labels(VectorSource(str(real_scenes / layer)), opened.grid, field)
        labels = restrict(labels, survey_bands(opened).valid)
    for seed in range(3):
        split = spatial(labels, seed)
        assert not split.untested
        assert (split.counts[:, list(PARTS)] > 0).all()
        check_buffer(split, 2)
        # Where polygons touch everywhere, too, enough is left to test.
        assert split.count(TEST) >= 0.1 * labels.counts.sum()
        assert_alike(split, labels)
        blocks = split_blocks(labels, seed, 0.2, 0.3, 2, 32)
        check_buffer(blocks, 2)
        assert (blocks.counts[:, TRAIN] > 0).all()
        sampled = split_blocks(labels, seed, 0.2, 0.3, 5, 32, sample=Sample(30, 10))
        check_buffer(sampled, 5)


def assert_alike(split: Split, labels: LabelSet) -> None:
    """Validation and test pixels of a class lie in polygons of similar size, buffer or not.

    That is: where a class has dozens of polygons, the sizes of those in which validation and
    test pixels lie have distributions that differ (Kolmogorov) by 0.4 at most, on average over
    such classes. 1 would be: all of one part's polygons are smaller than all of the other's.
    """
    sizes = np.bincount(labels.polygon[labels.polygon >= 0])
    differences = []
    for number in range(len(labels.table)):
        if len(np.unique(labels.polygon[labels.index == number])) < 50:
            continue
        of = [
            sizes[labels.polygon[(labels.index == number) & (split.parts == part)]]
            for part in (VALIDATION, TEST)
        ]
        differences.append(ks_2samp(*of).statistic)
    assert not differences or np.mean(differences) <= 0.4


@pytest.mark.parametrize("name", ["PaviaU", "Salinas", "Botswana"])
def test_benchmark_maps_by_the_papers_protocol(real_scenes: Path, name: str) -> None:
    io = pytest.importorskip("scipy.io")
    content = io.loadmat(real_scenes / "benchmark_ground_truth" / f"{name}_gt.mat")
    truth = next(v for k, v in content.items() if not k.startswith("__")).astype(np.int32)
    classes = int(truth.max())
    split = split_random(label_set(truth - 1, classes), 0, 30, 10)
    assert (split.counts[:, TRAIN] == 30).all()
    assert (split.counts[:, VALIDATION] == 10).all()
    assert split.count(TEST) == (truth > 0).sum() - 40 * classes
    assert not spatial(label_set(truth - 1, classes)).untested
