"""Probabilities, margin and entropy: bounds, extremes, and what a temperature leaves alone."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from scipy.special import softmax
from scipy.stats import entropy as shannon

from mambahsi.certainty import entropy, margin, to_probabilities, to_scores

scores = st_numpy.arrays(
    np.float32,
    st.tuples(st.integers(1, 20), st.integers(2, 12)),
    elements=st.floats(-200, 200, width=32),
)
temperatures = st.floats(0.05, 20)


@given(scores, temperatures)
def test_a_temperature_keeps_the_order_of_classes(table: np.ndarray, temperature: float) -> None:
    found = to_probabilities(table, temperature)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)
    order = np.argsort(table, axis=1)
    assert (np.diff(np.take_along_axis(found, order, axis=1), axis=1) >= 0).all()
    # The class on the map is one of those with the largest probability.
    largest = np.take_along_axis(found, table.argmax(axis=1)[:, None], axis=1)[:, 0]
    np.testing.assert_array_equal(largest, found.max(axis=1))


@given(scores, temperatures)
def test_probabilities_are_the_softmax_of_scaled_scores(
    table: np.ndarray, temperature: float
) -> None:
    expected = softmax(table.astype(np.float64) / temperature, axis=1)
    exact = to_probabilities(table.astype(np.float64), temperature)
    np.testing.assert_allclose(exact, expected, atol=1e-12)
    # A score of 4000 after scaling has steps of 0.0002 as a float of 32 bits.
    np.testing.assert_allclose(to_probabilities(table, temperature), expected, atol=1e-3)


@given(scores, temperatures)
def test_margin_and_entropy_stay_within_their_bounds(table: np.ndarray, temperature: float) -> None:
    shares = to_probabilities(table, temperature)
    one, other = margin(shares), entropy(shares)
    assert one.dtype == other.dtype == np.float32 and one.shape == other.shape == (len(table),)
    assert (one >= 0).all() and (one <= 1).all()
    assert (other >= 0).all() and (other <= 1).all()
    ranked = np.sort(shares, axis=1)
    np.testing.assert_array_equal(one, ranked[:, -1] - ranked[:, -2])
    bits = shannon(shares.astype(np.float64), axis=1) / np.log(shares.shape[1])
    np.testing.assert_allclose(other, bits, atol=1e-5)


def test_certain_pixels_and_ties() -> None:
    shares = np.array([[1, 0, 0], [1 / 3, 1 / 3, 1 / 3], [0.5, 0.5, 0]], dtype=np.float32)
    np.testing.assert_allclose(margin(shares), [1, 0, 0], atol=1e-7)
    np.testing.assert_allclose(entropy(shares), [0, 1, np.log(2) / np.log(3)], atol=1e-6)


def test_scores_of_probabilities_give_them_back_and_are_finite() -> None:
    shares = np.array([[0.7, 0.3, 0.0], [1.0, 0.0, 0.0], [1e-20, 1e-30, 1.0]], dtype=np.float32)
    found = to_scores(shares)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(to_probabilities(found), shares, rtol=1e-5, atol=1e-30)
