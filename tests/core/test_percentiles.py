"""Percentiles by counting: what numpy gives for the whole list, bit for bit."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays, from_dtype

from mambahsi.percentiles import percentiles

TYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]


@pytest.mark.parametrize("name", TYPES)
@given(data=st.data())
def test_equal_numpy_s_for_every_type(name: str, data: st.DataObject) -> None:
    dtype = np.dtype(name)
    # Far from the largest numbers, whose differences float64 cannot hold.
    numbers = (
        from_dtype(dtype, allow_nan=False, min_value=-(2.0**100), max_value=2.0**100)
        if dtype.kind == "f"
        else from_dtype(dtype)
    )
    lists = data.draw(
        arrays(dtype, st.tuples(st.integers(1, 3), st.integers(1, 60)), elements=numbers)
    )
    cut = data.draw(st.integers(0, lists.shape[1]))
    wanted = data.draw(st.lists(st.sampled_from([0.0, 2.0, 37.5, 98.0, 100.0]), min_size=1))

    def passes() -> Iterator[np.ndarray]:
        yield lists[:, :cut]
        yield lists[:, cut:]

    found = percentiles(passes, *lists.shape, dtype, wanted)
    expected = np.percentile(lists.astype(np.float64), wanted, axis=1)
    np.testing.assert_array_equal(found, expected)


def test_equal_numpy_s_on_many_numbers_of_few_values() -> None:
    numbers = np.random.default_rng(0).gamma(2.0, 300.0, (2, 100_003)).astype(np.int16)
    found = percentiles(lambda: iter([numbers]), *numbers.shape, numbers.dtype, (2.0, 98.0))
    np.testing.assert_array_equal(found, np.percentile(numbers.astype(float), (2.0, 98.0), axis=1))
