"""The calibration error: without bias on simulated pixels, and bins that hold every pixel."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mambahsi.reliability import (
    THRESHOLDS,
    UNSURE_BELOW,
    calibration_error,
    judge,
    make_bins,
    squared_error,
)

DRAWS = 1500


def simulate(
    pixels: int, excess: float, kind: str, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Confidences that exceed the probability of being right by ``excess``, and what was right.

    Returns:
        Estimates of the squared error, debiased and plain, of :data:`DRAWS` draws; and the
        numbers of bins.
    """
    generator = np.random.default_rng(seed)
    debiased, plain, numbers = [], [], []
    for _ in range(DRAWS):
        if kind == "spread":
            confidence = generator.uniform(0.4, 1.0, pixels)
        elif kind == "saturated":
            confidence = np.minimum(generator.uniform(0.7, 1.6, pixels), 1.0)
        else:
            confidence = np.full(pixels, 0.8)
        right = generator.random(pixels) < confidence - excess
        bins = make_bins(confidence, right)
        debiased.append(squared_error(bins))
        plain.append(sum(b.pixels * (b.confidence - b.accuracy) ** 2 for b in bins) / pixels)
        numbers.append(len(bins))
    return np.array(debiased), np.array(plain), np.array(numbers)


@pytest.mark.parametrize("kind", ["spread", "saturated", "equal"])
@pytest.mark.parametrize("pixels", [30, 300, 1500])
@pytest.mark.parametrize("excess", [0.0, 0.1])
def test_the_squared_error_is_estimated_without_bias(kind: str, pixels: int, excess: float) -> None:
    debiased, plain, numbers = simulate(pixels, excess, kind, seed=pixels)
    tolerance = 4 * debiased.std() / math.sqrt(DRAWS)
    assert abs(debiased.mean() - excess**2) <= tolerance
    # Something that a plain estimate gets wrong.
    if kind == "spread" and pixels >= 300:
        assert plain.mean() > excess**2 + 4 * plain.std() / math.sqrt(DRAWS)
    assert set(numbers) == {1} if kind == "equal" else numbers.max() > 1 or pixels == 30


@given(
    st.lists(st.sampled_from([0.1, 0.3, 0.5, 0.7, 0.9, 1.0]) | st.floats(0, 1), max_size=400),
    st.integers(0, 99),
)
def test_bins_hold_every_pixel_once_and_equal_confidences_together(
    values: list[float], seed: int
) -> None:
    confidence = np.array(values)
    right = np.random.default_rng(seed).random(len(values)) < 0.5
    bins = make_bins(confidence, right)
    assert (len(bins) == 0) == (len(values) < 2)
    assert len(bins) <= 15
    if not bins:
        return
    assert sum(b.pixels for b in bins) == len(values)
    assert sum(b.pixels * b.accuracy for b in bins) == pytest.approx(right.sum())
    assert sum(b.pixels * b.confidence for b in bins) == pytest.approx(confidence.sum())
    assert min(b.pixels for b in bins) >= 2
    start = 0
    ordered = np.sort(confidence)
    for one in bins[:-1]:
        start += one.pixels
        assert ordered[start - 1] < ordered[start]
    # The order in which pixels come changes nothing.
    turned = make_bins(confidence[::-1], right[::-1])
    assert [b.pixels for b in turned] == [b.pixels for b in bins]
    assert calibration_error(turned) == pytest.approx(calibration_error(bins), abs=1e-7)


def test_by_hand() -> None:
    # Differences 0.1 - 1, 0.1, 0.1, 0.1: mean -0.15, variance 0.25.
    (one,) = make_bins(np.full(4, 0.1), np.array([True, False, False, False]))
    assert (one.pixels, one.confidence, one.accuracy) == (4, pytest.approx(0.1), 0.25)
    assert one.error == pytest.approx(0.15**2 - 0.25 / 4)
    assert calibration_error([one]) == 0.0
    # Always sure, half of the time wrong.
    bins = make_bins(np.ones(1000), np.arange(1000) % 2 == 0)
    assert calibration_error(bins) == pytest.approx(0.5, abs=1e-3)
    assert math.isnan(calibration_error([]))


def judged(temperature: float = 2.0) -> dict[str, Any]:
    generator = np.random.default_rng(0)
    scores = generator.normal(0, 3, (500, 4)).astype(np.float32)
    classes = generator.integers(0, 4, 500)
    found = judge(scores, classes, temperature)
    assert found is not None
    return found


def test_what_is_told_of_test_pixels_fits_together() -> None:
    found = judged()
    assert found["pixels"] == 500
    for name in ("before", "after"):
        assert sum(found[f"columns_{name}"]) == 500
        assert sum(b["pixels"] for b in found[f"bins_{name}"]) == 500
    # Random classes: a cooler head errs less.
    assert found["error_after"] < found["error_before"]
    assert [row["confidence"] for row in found["thresholds"]] == list(THRESHOLDS)
    assert THRESHOLDS[0] == UNSURE_BELOW
    for row in found["thresholds"]:
        below = row["share_below"]
        above = row["accuracy_above"] or 0.0
        mean = below * (row["accuracy_below"] or 0.0) + (1 - below) * above
        assert mean == pytest.approx(found["accuracy"])
    shares = [row["share_below"] for row in found["thresholds"]]
    assert shares == sorted(shares) and shares[-1] > shares[0]


def test_without_scaling_before_is_after_and_without_pixels_there_is_nothing() -> None:
    found = judged(1.0)
    assert found["bins_before"] == found["bins_after"]
    assert judge(np.zeros((1, 3), np.float32), np.zeros(1, np.int64), 1.0) is None
