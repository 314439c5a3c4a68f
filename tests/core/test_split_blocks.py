"""Blocks of the scene, folds, samples, and the buffer that all spatial splits keep."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_edt
from test_split import check_buffer, check_consistency, label_arrays, label_set

from mambahsi.jobs import JobError, RasterSource, TrainJob, VectorSource
from mambahsi.runs.division import refuse_contradictions
from mambahsi.split import (
    BUFFER,
    PART_UNUSED,
    TEST,
    TRAIN,
    VALIDATION,
    Folds,
    Sample,
    Split,
    split_blocks,
    split_spatial,
)


def blocks(index: np.ndarray, classes: int, seed: int = 0, size: int = 6, **more: object) -> Split:
    more.setdefault("buffer", 2)
    labels = label_set(index, classes)
    return split_blocks(labels, seed, 0.2, 0.3, block_size=size, **more)  # type: ignore[arg-type]


def fields() -> np.ndarray:
    """Three classes in fields of 10 x 10 pixels, 60 x 60 in all."""
    number = np.add.outer(np.arange(60) // 10, np.arange(60) // 10)
    return (number % 3).astype(np.int32)


@settings(max_examples=50)
@given(
    index=label_arrays,
    seed=st.integers(0, 2**32 - 1),
    buffer=st.integers(0, 4),
    size=st.integers(1, 9),
)
def test_blocks_keep_their_promises(index: np.ndarray, seed: int, buffer: int, size: int) -> None:
    split = blocks(index, 3, seed, size, buffer=buffer)
    check_consistency(split, label_set(index, 3))
    check_buffer(split, buffer)
    again = blocks(index, 3, seed, size, buffer=buffer)
    np.testing.assert_array_equal(split.parts, again.parts)


@settings(max_examples=50)
@given(
    index=label_arrays,
    seed=st.integers(0, 2**32 - 1),
    buffer=st.integers(0, 4),
    train=st.integers(1, 9),
    validation=st.integers(1, 4),
    by_blocks=st.booleans(),
)
def test_samples_keep_the_buffer_and_their_size(
    index: np.ndarray, seed: int, buffer: int, train: int, validation: int, by_blocks: bool
) -> None:
    labels, sample = label_set(index, 3), Sample(train, validation)
    if by_blocks:
        split = blocks(index, 3, seed, 4, buffer=buffer, sample=sample)
    else:
        split = split_spatial(labels, seed, 0.2, 0.3, buffer, sample=sample)
    check_buffer(split, buffer)
    for number in range(3):
        has = int((labels.index == number).sum())
        asked = train if has > train else max(1, train // 2)
        assert split.counts[number, TRAIN] <= asked
        assert split.counts[number, TRAIN] > 0 or not has
        assert split.counts[number, VALIDATION] <= validation


def test_blocks_are_squares_with_shares_and_all_classes() -> None:
    split = blocks(fields(), 3, seed=4, buffer=0)
    shares = split.counts[:, [TRAIN, VALIDATION, TEST]] / 1200
    np.testing.assert_allclose(shares, [[0.5, 0.2, 0.3]] * 3, atol=0.02)
    # Some offset makes every block uniform.
    uniform = []
    for down in range(6):
        for right in range(6):
            squares = (
                split.parts[row : row + 6, column : column + 6]
                for row in range(down - 6, 60, 6)
                for column in range(right - 6, 60, 6)
                if row >= 0 and column >= 0
            )
            uniform.append(all(len(np.unique(square)) == 1 for square in squares))
    assert any(uniform)
    assert not split.untested and not split.notes


def test_offset_and_deal_follow_the_seed() -> None:
    parts = {blocks(fields(), 3, seed).parts.tobytes() for seed in range(5)}
    assert len(parts) == 5


def test_buffer_is_taken_from_test_and_validation_first() -> None:
    whole = blocks(fields(), 3, buffer=0)
    kept = blocks(fields(), 3, buffer=2)
    np.testing.assert_array_equal(kept.parts == TRAIN, whole.parts == TRAIN)
    assert (kept.counts[:, TEST] >= whole.counts[:, TEST] / 4).all()
    given_up = (whole.parts == TEST) & (kept.parts == BUFFER)
    assert given_up.any()
    # Only pixels that are too near to the others are given up.
    other = (kept.parts == TRAIN) | (kept.parts == VALIDATION)
    assert (distance_transform_edt(~other)[given_up] < 3).all()


def test_training_pixels_make_room_for_a_class_that_would_be_lost() -> None:
    """Class 2 is a line through a field of class 1, in several polygons."""
    index = np.zeros((30, 40), dtype=np.int32)
    index[15, 3:38:4] = 1
    split = split_spatial(label_set(index, 2), 0, 0.2, 0.3, 2)
    check_buffer(split, 2)
    assert split.untested == []
    assert (split.counts[:, TRAIN] >= 1).all()


def test_class_in_one_block_trains_only() -> None:
    index = fields()
    index[30:33, 30:33] = -1
    index[31, 31] = 3
    for folds in (None, Folds(3, 0), Folds(3, 1), Folds(3, 2)):
        split = blocks(index, 4, folds=folds)
        assert split.counts[3].tolist() == [0, 1, 0, 0, 0]
        assert split.untested == ["Class 4"]


@settings(max_examples=15)
@given(seed=st.integers(0, 1000), count=st.integers(2, 5))
def test_folds_test_everything_once(seed: int, count: int) -> None:
    splits = [
        blocks(fields(), 3, seed, buffer=0, folds=Folds(count, number)) for number in range(count)
    ]
    tested = np.sum([split.parts == TEST for split in splits], axis=0)
    assert (tested == 1).all()
    for split in splits:
        assert not split.untested
        share = split.count(TEST) / 3600
        assert abs(share - 1 / count) < 0.03
        assert abs(split.count(VALIDATION) / 3600 - 0.2) < 0.06


def test_sample_leaves_the_rest_unused() -> None:
    split = blocks(fields(), 3, sample=Sample(30, 10))
    assert split.counts[:, TRAIN].tolist() == [30] * 3
    assert split.counts[:, VALIDATION].tolist() == [10] * 3
    assert (split.parts == PART_UNUSED).any()
    assert (split.index[split.parts == PART_UNUSED] == -1).all()
    # Few pixels are used, so few test pixels are near one of them.
    assert split.count(TEST) > blocks(fields(), 3).count(TEST)


def test_test_pixels_given_up_for_the_most_part_are_a_warning() -> None:
    split = blocks(fields(), 3, size=5, buffer=2)
    assert any("test pixels lie too near" in note for note in split.notes)


@pytest.mark.parametrize(
    ("fields_", "named"),
    [
        ({"folds": 3}, "protocol 'blocks'"),
        ({"fold": 1}, "protocol 'blocks'"),
        ({"protocol": "blocks", "folds": 1}, "folds: 1"),
        ({"protocol": "blocks", "folds": 3, "fold": 3}, "no fold 3 of 3"),
        ({"protocol": "blocks", "fold": 1}, "no fold 1 of 0"),
        ({"protocol": "blocks", "folds": 2, "validation_share": 0.5}, "1 of 2"),
        ({"protocol": "blocks", "block_size": 4}, "block_size: in a block of 4"),
        ({"protocol": "blocks", "test": VectorSource("t")}, "'blocks' takes validation"),
        ({"protocol": "random", "sampled": True}, "sampled"),
        ({"sampled": True, "test": VectorSource("t")}, "sampled"),
        ({"validation_share": 0.6, "test_share": 0.4}, "test_share"),
    ],
)
def test_contradictions_are_refused(fields_: dict[str, object], named: str) -> None:
    job = TrainJob(RasterSource("s"), VectorSource("l"), "c", "m", **fields_)  # type: ignore[arg-type]
    with pytest.raises(JobError, match=named) as refused:
        refuse_contradictions(job)
    assert refused.value.hint


@pytest.mark.parametrize(
    "fields_",
    [
        {},
        {"protocol": "random"},
        {"protocol": "blocks"},
        {"protocol": "blocks", "folds": 5, "fold": 4, "sampled": True},
        {"sampled": True},
        {"protocol": "blocks", "test_share": 0.85, "folds": 4},
    ],
)
def test_what_goes_together_is_accepted(fields_: dict[str, object]) -> None:
    refuse_contradictions(
        TrainJob(RasterSource("s"), VectorSource("l"), "c", "m", **fields_)  # type: ignore[arg-type]
    )
