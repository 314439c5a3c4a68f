"""The stratified estimators: published examples, invariants, and how often intervals are right."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mambahsi.areas.estimators import Estimates, Sample, Strata, estimate, interval
from mambahsi.areas.few_points import rests_on_few

# Olofsson et al. 2014, section 5: deforestation, forest gain, stable forest, stable non-forest.
COUNTS = np.array([[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]])
PIXELS = np.array([200_000, 150_000, 3_200_000, 6_450_000])
HECTARES = 0.09


def by_map(counts: np.ndarray, pixels: np.ndarray, pixel: float = 1.0) -> Estimates:
    """Estimates where the strata are the map's classes; counts are (map, reference)."""
    mapped, reference = (
        np.repeat(index.ravel(), counts.ravel()) for index in np.indices(counts.shape)
    )
    sample = Sample(mapped, mapped, reference, np.full(len(mapped), pixel))
    own = np.arange(len(pixels))
    return estimate(sample, Strata(pixels, pixels * pixel, own), counts.shape[1])


def half(error: np.ndarray | float) -> np.ndarray:
    return 1.96 * np.asarray(error)


def test_the_worked_example_to_the_printed_digits() -> None:
    found = by_map(COUNTS, PIXELS, HECTARES)
    printed = [
        [0.0176, 0, 0.0013, 0.0011],
        [0, 0.0110, 0.0016, 0.0024],
        [0.0019, 0, 0.2967, 0.0213],
        [0.0040, 0.0020, 0.0179, 0.6212],
    ]
    assert np.round(found.proportions, 4).tolist() == printed
    assert np.round(found.proportions.sum(axis=0), 4).tolist() == [0.0235, 0.0130, 0.3175, 0.6460]
    assert np.round(found.users[0], 2).tolist() == [0.88, 0.73, 0.93, 0.96]
    assert np.round(half(found.users[1]), 2).tolist() == [0.07, 0.10, 0.04, 0.02]
    assert np.round(found.producers[0], 2).tolist() == [0.75, 0.85, 0.93, 0.96]
    assert (round(found.overall[0], 2), np.round(half(found.overall[1]), 2)) == (0.95, 0.02)
    areas = found.shares[0] * found.area
    assert np.round(areas).tolist() == [21_158, 11_686, 285_770, 581_386]
    errors = half(found.shares[1]) * found.area
    assert np.round(errors).tolist() == [6_158, 3_756, 15_510, 16_282]
    # In pixels: S(p) = 0.0035, 235,086 +- 68,418.
    assert round(found.shares[1][0], 4) == 0.0035
    assert round(areas[0] / HECTARES) == 235_086
    assert round(errors[0] / HECTARES) == 68_418


def test_the_worked_example_recomputed_from_the_paper_s_equations() -> None:
    """Equations 4 to 7 and 9 to 11 in exact fractions, sum by sum."""
    n, k = [[Fraction(int(c)) for c in row] for row in COUNTS], range(4)
    big = [Fraction(int(c)) for c in PIXELS]
    total, row = sum(big), [sum(r) for r in n]
    weight = [size / total for size in big]
    p = [[weight[i] * n[i][j] / row[i] for j in k] for i in k]
    users = [p[i][i] / sum(p[i]) for i in k]
    shares = [sum(p[i][j] for i in k) for j in k]
    producers = [p[j][j] / shares[j] for j in k]
    v_users = [users[i] * (1 - users[i]) / (row[i] - 1) for i in k]
    v_overall = sum(weight[i] ** 2 * v_users[i] for i in k)
    v_shares = [sum((weight[i] * p[i][j] - p[i][j] ** 2) / (row[i] - 1) for i in k) for j in k]
    v_producers = []
    for j in k:
        estimated = sum(big[i] / row[i] * n[i][j] for i in k)
        own = big[j] ** 2 * (1 - producers[j]) ** 2 * users[j] * (1 - users[j]) / (row[j] - 1)
        others = sum(
            big[i] ** 2 * n[i][j] / row[i] * (1 - n[i][j] / row[i]) / (row[i] - 1)
            for i in k
            if i != j
        )
        v_producers.append((own + producers[j] ** 2 * others) / estimated**2)

    def root(values: list[Fraction]) -> list[float]:
        return [math.sqrt(value) for value in values]

    found = by_map(COUNTS, PIXELS)
    assert found.overall == pytest.approx((float(sum(p[i][i] for i in k)), math.sqrt(v_overall)))
    for got, values, variances in (
        (found.users, users, v_users),
        (found.producers, producers, v_producers),
        (found.shares, shares, v_shares),
    ):
        assert got[0] == pytest.approx([float(value) for value in values], rel=1e-12)
        assert got[1] == pytest.approx(root(variances), rel=1e-9)


def test_strata_that_are_not_the_map_s_classes() -> None:
    """The numerical example of Stehman 2014: 40 units in four strata of 10."""
    stratum = np.repeat(np.arange(4), 10)
    mapped = np.array([*"AAAAAAABBB", *"ABBBBBBBBB", *"BBCCCCCCBB", *"DDDDDDDDDD"])
    reference = np.array([*"AAAAACBABC", *"ABBBBBAABB", *"CCCCCDDBBA", *"DDDDDDDCCB"])
    code = {name: i for i, name in enumerate("ABCD")}
    sample = Sample(
        stratum,
        np.array([code[m] for m in mapped]),
        np.array([code[r] for r in reference]),
        np.ones(40),
    )
    pixels = np.array([40_000, 30_000, 20_000, 10_000])
    found = estimate(sample, Strata(pixels, pixels.astype(float)), 4)
    assert found.shares[0][[0, 2]] == pytest.approx([0.35, 0.20])
    assert found.overall[0] == pytest.approx(0.63)
    assert round(found.users[0][1], 3) == 0.574
    assert round(found.producers[0][1], 3) == 0.794
    assert found.proportions[1, 2] == pytest.approx(0.08)
    assert np.round(found.shares[1][[0, 2]], 3).tolist() == [0.082, 0.064]
    assert round(found.overall[1], 3) == 0.085
    assert round(found.users[1][1], 3) == 0.125
    # The variance of a ratio, term by term, with statistics of each stratum's ten units.
    for kind, (value, error) in (
        (mapped, (found.users[0][1], found.users[1][1])),
        (reference, (found.producers[0][1], found.producers[1][1])),
    ):
        variance = whole = 0.0
        for h, size in enumerate(pixels):
            here = stratum == h
            y = ((mapped == "B") & (reference == "B"))[here].astype(float)
            x = (kind == "B")[here].astype(float)
            spread = y.var(ddof=1) + value**2 * x.var(ddof=1) - 2 * value * np.cov(x, y)[0, 1]
            variance += size**2 * spread / 10
            whole += size * x.mean()
        assert error == pytest.approx(math.sqrt(variance) / whole)


def test_the_standard_errors_are_those_of_repeated_sampling() -> None:
    """Against the spread of estimates over 2,000 samples, which needs no formula."""
    rng = np.random.default_rng(5)
    truth, mapped, stratum, sizes = _population(rng)
    members = [np.flatnonzero(stratum == h) for h in range(3)]
    counts = np.array([60, 80, 120])
    drawn = [
        _estimate(rng, truth, mapped, stratum, sizes, counts, members=members) for _ in range(2000)
    ]
    for pick in (
        lambda e: e.overall,
        lambda e: (e.users[0][1], e.users[1][1]),
        lambda e: (e.producers[0][2], e.producers[1][2]),
        lambda e: (e.shares[0][0], e.shares[1][0]),
    ):
        values, errors = np.array([pick(e) for e in drawn]).T
        assert math.sqrt((errors**2).mean()) == pytest.approx(values.std(), rel=0.05)


def _population(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """A map of 120,000 pixels with errors, and strata that are not its classes."""
    truth = rng.choice(3, size=120_000, p=[0.2, 0.3, 0.5])
    wrong = rng.random(truth.size) < 0.2
    mapped = np.where(wrong, rng.choice(3, size=truth.size), truth)
    moved = rng.random(truth.size) < 0.15
    stratum = np.where(moved, rng.choice(3, size=truth.size), mapped)
    return truth, mapped, stratum, np.bincount(stratum)


def _estimate(
    rng: np.random.Generator,
    truth: np.ndarray,
    mapped: np.ndarray,
    stratum: np.ndarray,
    sizes: np.ndarray,
    counts: np.ndarray,
    own: np.ndarray | None = None,
    *,
    members: list[np.ndarray],
) -> Estimates:
    chosen = np.concatenate(
        [m[rng.choice(len(m), size=c, replace=False)] for m, c in zip(members, counts, strict=True)]
    )
    sample = Sample(stratum[chosen], mapped[chosen], truth[chosen], np.ones(len(chosen)))
    classes = int(max(truth.max(), mapped.max())) + 1
    return estimate(sample, Strata(sizes, sizes.astype(float), own), classes)


@pytest.mark.parametrize("strata", ["map classes", "others"])
def test_intervals_cover_the_truth_in_95_of_100_draws(strata: str) -> None:
    rng = np.random.default_rng(2014)
    truth, mapped, other, _ = _population(rng)
    stratum = mapped if strata == "map classes" else other
    sizes = np.bincount(stratum)
    members = [np.flatnonzero(stratum == h) for h in range(3)]
    own = np.arange(3) if strata == "map classes" else None
    right = (truth == mapped).mean()
    shares = np.bincount(truth) / truth.size
    covered = np.zeros(4)
    draws = 2000
    for _ in range(draws):
        found = _estimate(
            rng, truth, mapped, stratum, sizes, np.array([50, 75, 150]), own, members=members
        )
        low, high = interval(*found.overall)
        covered[0] += low <= right <= high
        low, high = interval(*found.shares)
        covered[1:] += (low <= shares) & (shares <= high)
    assert ((covered / draws >= 0.93) & (covered / draws <= 0.97)).all(), covered / draws


def test_intervals_that_miss_too_often_are_told() -> None:
    """The worked example as truth: its rarest class is missed by a quarter of the intervals."""
    rng = np.random.default_rng(7)
    strata = Strata(PIXELS, PIXELS.astype(float), np.arange(4))
    truth = PIXELS / PIXELS.sum() @ (COUNTS / COUNTS.sum(axis=1, keepdims=True))
    draws = 1000
    told, covered = np.zeros((draws, 4), dtype=bool), np.zeros((draws, 4), dtype=bool)
    for draw in range(draws):
        counts = np.array([rng.multinomial(row.sum(), row / row.sum()) for row in COUNTS])
        found = by_map(counts, PIXELS)
        low, high = interval(*found.shares)
        covered[draw] = (low <= truth) & (truth <= high)
        told[draw] = rests_on_few(strata, found)
    assert covered[:, 1].mean() < 0.80
    assert told[:, 1].mean() > 0.95
    # Where nothing is told, intervals are as good as they claim, and seldom is more told than need.
    assert 0.93 <= covered[~told].mean() <= 0.97
    assert covered[told].mean() < 0.85
    assert not told[:, 2:].any()


def test_one_further_point_is_measured_by_the_standard_error() -> None:
    counts = np.array([[40, 10], [0, 50]])
    for pixels, told in (((1000, 1000), False), ((1000, 100_000), True)):
        strata = Strata(np.array(pixels), np.array(pixels, dtype=float), np.arange(2))
        found = by_map(counts, np.array(pixels))
        # A point of the second stratum stands for its share of the area, by 50 points.
        moved = pixels[1] / sum(pixels) / 50
        assert rests_on_few(strata, found)[0] == (moved > 0.5 * found.shares[1][0]) == told
    # What was sampled wholly holds no further point, and what is not known is not told.
    whole = Strata(np.array([1000, 50]), np.array([1000.0, 50.0]), np.arange(2))
    assert not rests_on_few(whole, by_map(counts, np.array([1000, 50])))[0]
    single = np.array([[1, 0], [0, 50]])
    strata = Strata(np.array([1000, 1000]), np.array([1000.0, 1000.0]), np.arange(2))
    assert not rests_on_few(strata, by_map(single, np.array([1000, 1000]))).any()


@st.composite
def populations(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Truth, map, stratum and pixel area of every pixel of a small map."""
    n = draw(st.integers(1, 60))
    classes = st.integers(0, 4)
    truth, mapped, stratum = (draw(hnp.arrays(np.int64, n, elements=classes)) for _ in range(3))
    areas = draw(hnp.arrays(np.float64, n, elements=st.floats(0.5, 2.0)))
    return truth, mapped, stratum, areas


@given(populations())
def test_a_sample_of_everything_is_the_truth_without_doubt(
    population: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
) -> None:
    truth, mapped, stratum, areas = population
    sizes = np.bincount(stratum, minlength=5)
    covered = np.bincount(stratum, weights=areas, minlength=5)
    found = estimate(Sample(stratum, mapped, truth, areas), Strata(sizes, covered), 5)
    total = areas.sum()
    assert found.proportions.sum() == pytest.approx(1)
    for i in range(5):
        for j in range(5):
            here = areas[(mapped == i) & (truth == j)].sum()
            assert found.proportions[i, j] == pytest.approx(here / total, abs=1e-12)
        is_i = truth == i
        assert found.shares[0][i] == pytest.approx(areas[is_i].sum() / total, abs=1e-12)
        if is_i.any():
            right = areas[is_i & (mapped == i)].sum() / areas[is_i].sum()
            assert found.producers[0][i] == pytest.approx(right)
        else:
            assert math.isnan(found.producers[0][i])
    assert found.overall == pytest.approx((areas[truth == mapped].sum() / total, 0), abs=1e-12)
    assert found.shares[1] == pytest.approx(np.zeros(5), abs=1e-12)
    assert found.covered == pytest.approx(1)


@given(populations(), st.integers(0, 2**32 - 1))
def test_proportions_sum_to_one_and_errors_are_no_less_than_zero(
    population: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray], seed: int
) -> None:
    truth, mapped, stratum, areas = population
    chosen = np.random.default_rng(seed).random(len(truth)) < 0.5
    chosen[0] = True
    sizes = np.bincount(stratum, minlength=5)
    covered = np.bincount(stratum, weights=areas, minlength=5)
    sample = Sample(stratum[chosen], mapped[chosen], truth[chosen], areas[chosen])
    found = estimate(sample, Strata(sizes, covered), 5)
    assert found.proportions.sum() == pytest.approx(1)
    assert (found.proportions >= 0).all()
    sampled = np.unique(stratum[chosen])
    assert found.covered == pytest.approx(covered[sampled].sum() / covered.sum())
    for values, errors in (found.users, found.producers, found.shares):
        known = values[~np.isnan(values)]
        assert ((known >= -1e-12) & (known <= 1 + 1e-12)).all()
        assert not (errors < 0).any()


def test_pixels_of_different_size_count_by_their_area() -> None:
    # Two strata of equal area; in the first the large pixel is right and the small one wrong.
    sample = Sample(
        np.array([0, 0, 1, 1]), np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]),
        np.array([3.0, 1.0, 2.0, 2.0]),
    )  # fmt: skip
    strata = Strata(np.array([100, 100]), np.array([200.0, 200.0]), np.arange(2))
    found = estimate(sample, strata, 2)
    assert found.users[0].tolist() == [0.75, 1]
    assert found.overall[0] == pytest.approx(0.875)


def test_a_stratum_without_a_point_is_left_out() -> None:
    counts = COUNTS.copy()
    counts[1] = 0
    found = by_map(counts, PIXELS)
    rest = PIXELS[[0, 2, 3]]
    assert found.covered == pytest.approx(rest.sum() / PIXELS.sum())
    assert found.area == rest.sum()
    assert math.isnan(found.users[0][1])
    users = by_map(COUNTS, PIXELS).users[0][[0, 2, 3]]
    assert found.overall[0] == pytest.approx((rest * users).sum() / rest.sum())


def test_a_single_point_leaves_standard_errors_unknown_but_not_those_of_other_classes() -> None:
    counts = COUNTS.copy()
    counts[1] = [0, 1, 0, 0]
    found = by_map(counts, PIXELS)
    assert math.isnan(found.overall[1]) and math.isnan(found.users[1][1])
    assert found.users[1][[0, 2, 3]] == pytest.approx(by_map(COUNTS, PIXELS).users[1][[0, 2, 3]])
    # One point that is all that there is of its stratum leaves nothing unknown.
    whole = by_map(counts, np.array([200_000, 1, 3_200_000, 6_450_000]))
    assert whole.users[1][1] == 0 and whole.overall[1] > 0


def test_a_class_that_only_the_reference_has() -> None:
    found = by_map(np.array([[8, 0, 2], [0, 9, 1]]), np.array([1000, 1000]))
    assert found.shares[0][2] == pytest.approx(0.15)
    assert math.isnan(found.users[0][2]) and found.producers[0][2] == 0


def test_an_empty_sample_is_refused() -> None:
    none = np.array([], dtype=np.int64)
    with pytest.raises(ValueError, match="empty"):
        estimate(Sample(none, none, none, none.astype(float)), Strata(PIXELS, PIXELS * 1.0), 4)
