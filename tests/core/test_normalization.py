"""The stretch: the paper's formula, valid pixels only, finite whatever comes in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mambahsi import normalization as normalization_module
from mambahsi.jobs import RasterSource
from mambahsi.normalization import Normalization
from mambahsi.scene import Scene, survey_bands

WriteScene = Callable[..., Path]


def paper(band: np.ndarray) -> np.ndarray:
    """The stretch of one band as the paper describes it, over all its pixels."""
    band = band.astype(np.float64)
    low, high = np.percentile(band, 2), np.percentile(band, 98)
    clipped = np.clip(band, low, high)
    return ((clipped - low) / (high - low) * 255).astype(np.uint8) / 255


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "float32", "float64"])
def test_is_the_papers_stretch_on_scenes_without_nodata(
    write_scene: WriteScene, dtype: str
) -> None:
    data = np.random.default_rng(0).gamma(3.0, 20.0, (3, 30, 31)).clip(0, 255).astype(dtype)
    with Scene.open(RasterSource(str(write_scene(data)))) as scene:
        fitted = Normalization.fit(scene, [1, 2, 3], np.ones((30, 31), dtype=bool))
    result = fitted.apply(data)
    assert result.dtype == np.float32
    for band, got in zip(data, result, strict=True):
        np.testing.assert_array_equal(got, paper(band).astype(np.float32))


@pytest.mark.parametrize("memory", [1, 10_000, 2**28])
def test_only_valid_pixels_count_and_groups_of_bands_do_not_matter(
    write_scene: WriteScene, monkeypatch: pytest.MonkeyPatch, memory: int
) -> None:
    generator = np.random.default_rng(0)
    data = generator.integers(1, 5000, (5, 20, 21)).astype("int16")
    data[:, 5:9, 3:] = -7
    data[2, 12, 12] = -7
    monkeypatch.setattr(normalization_module, "_FIT_BYTES", memory)
    with Scene.open(RasterSource(str(write_scene(data, nodata=-7)))) as scene:
        survey = survey_bands(scene)
        fitted = Normalization.fit(scene, [5, 3], survey.valid)
    values = data[[4, 2]][:, survey.valid].astype(np.float64)
    np.testing.assert_array_equal(fitted.low, np.percentile(values, 2, axis=1))
    np.testing.assert_array_equal(fitted.high, np.percentile(values, 98, axis=1))


@given(
    data=arrays(
        np.float64,
        st.tuples(st.just(2), st.integers(1, 6), st.integers(1, 6)),
        elements=st.floats(width=64),
    ),
    limits=st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)).map(sorted),
)
def test_result_is_always_one_of_256_levels(data: np.ndarray, limits: list[float]) -> None:
    low, high = limits
    normalization = Normalization(np.array([low, low]), np.array([high, high]))
    result = normalization.apply(data)
    steps = result * 255
    assert np.isfinite(result).all()
    assert (result >= 0).all() and (result <= 1).all()
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-4)
    if high > low:
        assert (result[data >= high] == 1).all()
        assert (result[data <= low] == 0).all()
    else:
        assert not result.any()
    assert not result[np.isnan(data)].any()


def test_flat_list_of_pixels_and_given_output() -> None:
    normalization = Normalization(np.array([0.0, 10.0]), np.array([255.0, 20.0]))
    data = np.array([[0, 51, 255, 300], [10, 15, 20, 5]], dtype=np.int16)
    out = np.full((2, 4), np.nan, dtype=np.float32)
    assert normalization.apply(data, out) is out
    np.testing.assert_allclose(out, [[0, 0.2, 1, 1], [0, 127 / 255, 1, 0]], rtol=1e-6)


def test_survives_json_exactly() -> None:
    generator = np.random.default_rng(0)
    fitted = Normalization(generator.normal(size=7), generator.normal(size=7) + 9)
    again = Normalization.from_json(fitted.to_json())
    np.testing.assert_array_equal(again.low, fitted.low)
    np.testing.assert_array_equal(again.high, fitted.high)
