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
    MINIMUM_PIXELS,
    Calibration,
    calibrate,
    fit_temperature,
    negative_log_likelihood,
)


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
    found = calibrate(scores.astype(np.float32), classes)
    # About four standard errors of the fit with so many pixels.
    assert found.temperature == pytest.approx(temperature, rel=0.05)
    assert found.used and found.pixels == 20_000 and found.fitted == found.temperature
    assert found.nll_before is not None and found.nll_after is not None
    assert found.nll_after < found.nll_before
    expected = -log_softmax(scores, axis=1)[np.arange(20_000), classes].mean()
    assert found.nll_before == pytest.approx(expected, rel=1e-5)


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
    found = calibrate(scores, classes)
    if found.used:
        assert found.nll_after is not None and found.nll_before is not None
        assert found.nll_after < found.nll_before
        assert found.held_out is not None
        assert found.held_out["nll_after"] <= found.held_out["nll_before"] + 1e-8
        assert found.held_out["error_after"] <= found.held_out["error_before"] + 1e-8
    else:
        assert found.temperature == 1.0 and found.reason.endswith(".")


def test_the_same_pixels_give_the_same_temperature_to_the_last_bit() -> None:
    scores, classes = draw(300, 5, 2.0)
    assert calibrate(scores, classes) == calibrate(scores.copy(), classes.copy())


def test_no_pixels_and_few_pixels_are_not_fitted_on() -> None:
    scores, classes = draw(MINIMUM_PIXELS, 3, 3.0)
    assert "no validation pixels" in calibrate(scores[:0], classes[:0]).reason
    few = calibrate(scores[:-1], classes[:-1])
    assert "29 validation pixels" in few.reason and "30" in few.reason
    assert (few.temperature, few.pixels, few.fitted) == (1.0, 29, None)
    assert "1 validation pixel " in calibrate(scores[:1], classes[:1]).reason
    assert calibrate(scores, classes).fitted is not None


def test_a_fit_without_a_minimum_is_not_used() -> None:
    scores, _ = draw(100, 4, 1.0)
    right = calibrate(scores, scores.argmax(axis=1))
    assert "all validation pixels are classified rightly" in right.reason
    wrong = calibrate(scores, scores.argmin(axis=1))
    assert "no minimum" in wrong.reason and "rightly" not in wrong.reason
    flat = calibrate(np.zeros((100, 4)), np.arange(100) % 4)
    assert "better than 1" in flat.reason
    assert {c.temperature for c in (right, wrong, flat)} == {1.0}


def test_scores_that_are_not_finite_are_not_fitted_on() -> None:
    scores, classes = draw(100, 4, 2.0)
    scores[7, 1] = -math.inf
    assert "not finite" in calibrate(scores, classes).reason


def test_a_gain_that_some_pixels_have_at_the_cost_of_others_is_not_used() -> None:
    # Each of five runs wants a temperature of its own, the last one another direction than all
    # others together: what four of them say does not hold for the fifth.
    parts = [draw(40, 2, t, seed) for seed, t in enumerate([0.7, 0.7, 1.0, 1.0, 4.0])]
    scores = np.concatenate(
        [one / t * 2 for (one, _), t in zip(parts, [0.7, 0.7, 1, 1, 0.2], strict=True)]
    )
    classes = np.concatenate([labels for _, labels in parts])
    order = np.argsort(classes, kind="stable")
    found = calibrate(scores[order], classes[order])
    assert not found.used and "left out of the fit" in found.reason
    assert found.fitted is not None and found.fitted != 1.0


def test_a_calibration_comes_back_from_json() -> None:
    scores, classes = draw(500, 4, 2.0)
    for found in (calibrate(scores, classes), calibrate(scores[:5], classes[:5]), Calibration()):
        values = json.loads(json.dumps(found.to_json(), allow_nan=False))
        assert values["used"] == found.used
        assert Calibration.from_json(values) == found
    assert Calibration.from_json(None) == Calibration()


def test_it_is_told_which_way_scaling_goes() -> None:
    assert "less sure" in calibrate(*draw(3000, 4, 2.0)).text()
    assert "more sure" in calibrate(*draw(3000, 4, 0.5)).text()
    assert Calibration().text().startswith("Probabilities are not calibrated. ")
