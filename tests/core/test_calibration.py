"""Temperature scaling: a known temperature comes back, and bad fits are not used."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax, softmax

from mambahsi.calibration import (
    HIGHEST,
    LOWEST,
    MINIMUM_FIELDS,
    MINIMUM_PIXELS,
    Calibration,
    calibrate,
    fit_temperature,
    negative_log_likelihood,
)
from mambahsi.held_out import hold_out


def draw(
    pixels: int, classes: int, temperature: float, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Scores, and classes drawn with the probabilities that they have at a temperature."""
    generator = np.random.default_rng(seed)
    scores = generator.normal(0, 2 * temperature, (pixels, classes))
    shares = softmax(scores / temperature, axis=1).cumsum(axis=1)
    drawn = (generator.random((pixels, 1)) > shares).sum(axis=1)
    return scores, np.minimum(drawn, classes - 1)


@pytest.mark.parametrize("temperature", [0.3, 0.7, 1.5, 4.0])
def test_a_known_temperature_is_recovered(temperature: float) -> None:
    scores, classes = draw(20_000, 6, temperature)
    found = calibrate(scores.astype(np.float32), classes, alone(classes))
    # About four standard errors of the fit with so many pixels.
    assert found.fitted == pytest.approx(temperature, rel=0.05)
    assert found.used and found.pixels == found.fields == 20_000
    assert found.interval is not None
    low, high = found.interval
    assert low <= found.fitted <= high and high / low < 1.1
    assert found.temperature == (low if temperature > 1 else high)
    assert found.nll_before is not None and found.nll_after is not None
    assert found.nll_after < found.nll_before
    expected = -log_softmax(scores, axis=1)[np.arange(20_000), classes].mean()
    assert found.nll_before == pytest.approx(expected, rel=1e-5)


def alone(classes: np.ndarray) -> np.ndarray:
    """Every pixel in a field of its own."""
    return np.arange(len(classes))


@given(
    st.integers(1, 200),
    st.integers(2, 9),
    st.floats(0.02, 50),
    st.integers(0, 10**6),
    st.floats(0, 1),
)
@settings(max_examples=60)
def test_the_fit_is_the_best_of_all_temperatures(
    pixels: int, count: int, scale: float, seed: int, wrong: float
) -> None:
    generator = np.random.default_rng(seed)
    scores = generator.normal(0, scale, (pixels, count))
    others = generator.integers(0, count, pixels)
    classes = np.where(generator.random(pixels) < wrong, others, scores.argmax(axis=1))
    fitted = fit_temperature(scores, classes)
    assert LOWEST <= fitted <= HIGHEST
    least = negative_log_likelihood(scores, classes, fitted)
    for other in np.geomspace(LOWEST * 1.001, HIGHEST / 1.001, 41):
        assert least <= negative_log_likelihood(scores, classes, other) + 1e-6 * (1 + least)
    found = calibrate(scores, classes, generator.integers(0, 12, pixels))
    if found.used:
        assert found.nll_after is not None and found.nll_before is not None
        assert found.nll_after < found.nll_before
        assert found.interval is not None and not found.interval[0] <= 1 <= found.interval[1]
        # Between 1 and the best, whatever side that is on.
        assert abs(math.log(found.temperature)) <= abs(math.log(fitted))
        assert (found.temperature > 1) == (fitted > 1)
    else:
        assert found.temperature == 1.0 and found.reason.endswith(".")
        assert found.nll_after == found.nll_before


def test_the_same_pixels_give_the_same_temperature_to_the_last_bit() -> None:
    scores, classes = draw(300, 5, 2.0)
    assert calibrate(scores, classes, alone(classes)) == calibrate(
        scores.copy(), classes.copy(), alone(classes)
    )


def test_no_pixels_and_few_pixels_are_not_fitted_on() -> None:
    scores, classes = draw(MINIMUM_PIXELS, 3, 3.0)
    assert "no validation pixels" in calibrate(scores[:0], classes[:0], classes[:0]).reason
    few = calibrate(scores[:-1], classes[:-1], alone(classes)[:-1])
    assert "29 validation pixels" in few.reason and "30" in few.reason
    assert (few.temperature, few.pixels, few.fitted) == (1.0, 29, None)
    assert "1 validation pixel " in calibrate(scores[:1], classes[:1], classes[:1]).reason
    assert calibrate(scores, classes, alone(classes)).fitted is not None
    fields = alone(classes) % (MINIMUM_FIELDS - 1)
    assert "lie in 4 fields" in calibrate(scores, classes, fields).reason
    assert calibrate(scores, classes, alone(classes) % MINIMUM_FIELDS).fitted is not None


def test_a_fit_without_a_minimum_is_not_used() -> None:
    scores, _ = draw(100, 4, 1.0)
    right = calibrate(scores, scores.argmax(axis=1), np.arange(100))
    assert "all validation pixels are classified rightly" in right.reason
    wrong = calibrate(scores, scores.argmin(axis=1), np.arange(100))
    assert "no minimum" in wrong.reason and "rightly" not in wrong.reason
    flat = calibrate(np.zeros((100, 4)), np.arange(100) % 4, np.arange(100))
    assert "better than 1" in flat.reason
    assert {c.temperature for c in (right, wrong, flat)} == {1.0}


def test_scores_that_are_not_finite_are_not_fitted_on() -> None:
    scores, classes = draw(100, 4, 2.0)
    scores[7, 1] = -math.inf
    assert "not finite" in calibrate(scores, classes, alone(classes)).reason


def draw_fields(temperatures: list[float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores, classes and fields of 200 pixels, each field with a temperature of its own."""
    parts = [draw(200, 4, 1.0, seed) for seed in range(len(temperatures))]
    scores = [table * t for (table, _), t in zip(parts, temperatures, strict=True)]
    classes = [labels for _, labels in parts]
    fields = np.repeat(np.arange(len(temperatures)), 200)
    return np.concatenate(scores), np.concatenate(classes), fields


def test_scaling_goes_no_further_than_fields_agree() -> None:
    # The same pixels, but whoever takes them for independent is too sure.
    scores, classes, fields = draw_fields([0.5, 0.7, 0.7, 0.9, 1.2, 2.0, 3.0, 3.5])
    apart = calibrate(scores, classes, np.arange(len(fields)))
    together = calibrate(scores, classes, fields)
    assert apart.fitted == together.fitted
    assert apart.interval is not None and together.interval is not None
    assert apart.interval[0] > 1
    widths = [math.log(high / low) for low, high in (apart.interval, together.interval)]
    assert widths[1] > 2 * widths[0]
    assert not together.used and "do not agree" in together.reason
    # Where they do agree, it is used.
    alike = calibrate(*draw_fields([1.5] * 8))
    assert alike.used and 1.2 < alike.temperature < 1.6


def test_scaling_that_lowers_the_loss_but_not_the_error_is_not_used() -> None:
    # 1,900 pixels of two classes are as sure as they should be, 0.9. For 100 more only one class
    # is thinkable, and every second is of the other: the loss hangs on these few.
    scores = np.zeros((2000, 2))
    scores[:1900, 0], scores[1900:, 0] = math.log(9), 30
    classes = np.zeros(2000, dtype=int)
    classes[:1900:10] = classes[1900::2] = 1
    found = calibrate(scores, classes, alone(classes))
    assert found.interval is not None and found.interval[0] > 1
    assert found.held_out is not None
    assert found.held_out.error_after > found.held_out.error_before
    assert not found.used and "does not clearly help" in found.reason
    # Where everybody is too sure, both fall.
    alike = calibrate(*draw(2000, 2, 2.0), np.arange(2000))
    assert alike.used and alike.held_out is not None and alike.held_out.agreeing > 0.95
    assert alike.held_out.error_after < alike.held_out.error_before


@given(st.integers(5, 40), st.integers(0, 1000))
@settings(max_examples=30)
def test_a_field_is_scaled_by_others_alone(count: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    fields = np.concatenate([np.arange(count), generator.integers(0, count, 200)])
    scores, classes = draw(len(fields), 3, 1.0, seed)
    drawn = generator.multinomial(count, np.full(count, 1 / count), size=50).astype(float)
    asked: list[np.ndarray] = []

    def temperature_of(some: np.ndarray) -> float:
        asked.append(some)
        return 1.0

    found = hold_out(scores, classes, fields, drawn, temperature_of)
    # Every field is left out once, and with it a tenth of the fields at most, or one.
    np.testing.assert_array_equal((~np.array(asked)).sum(axis=0), np.ones(count))
    assert max((~some).sum() for some in asked) <= max(1, math.ceil(count / 10))
    # Nothing is scaled, so nothing gets better.
    assert found.error_after == found.error_before and found.agreeing == 0


def test_the_interval_covers_the_temperature_as_often_as_it_says() -> None:
    covered = 0
    for seed in range(100):
        scores, classes = draw(150, 4, 1.8, seed)
        found = calibrate(scores, classes, np.arange(150))
        assert found.interval is not None
        covered += found.interval[0] <= 1.8 <= found.interval[1]
    # 95 % of 100, give or take four standard errors of such a count.
    assert 86 <= covered <= 100


def test_a_calibration_comes_back_from_json() -> None:
    scores, classes = draw(500, 4, 2.0)
    fields = alone(classes)
    for found in (
        calibrate(scores, classes, fields),
        calibrate(scores[:5], classes[:5], fields[:5]),
        Calibration(),
    ):
        values = json.loads(json.dumps(found.to_json(), allow_nan=False))
        assert values["used"] == found.used
        assert Calibration.from_json(values) == found
    assert Calibration.from_json(None) == Calibration()


def test_it_is_told_which_way_scaling_goes() -> None:
    fields = np.arange(3000)
    assert "less sure" in calibrate(*draw(3000, 4, 2.0), fields).text()
    assert "more sure" in calibrate(*draw(3000, 4, 0.5), fields).text()
    assert Calibration().text().startswith("Probabilities are not calibrated. ")
