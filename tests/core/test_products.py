"""The compiled matrix products, against the same in double precision."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mambahsi.scan import available_backends, products
from mambahsi.scan.products import Projection, add_weight_gradient, padded, product

COMPILED = available_backends()["cpu"]
pytestmark = pytest.mark.skipif(bool(COMPILED), reason=f"no compiled backend: {COMPILED}")

sizes = st.integers(1, 70)


def close(got: Tensor, expected: Tensor) -> bool:
    # Sums of at most seventy products of numbers around 1.
    return bool((got.double() - expected).abs().max() < 1e-4)


def drawn(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


@settings(max_examples=60, deadline=None)
@given(rows=sizes, inputs=sizes, outputs=sizes, add=st.booleans())
def test_a_projection_and_its_gradients(rows: int, inputs: int, outputs: int, add: bool) -> None:
    weight, table, dout = drawn(outputs, inputs), drawn(rows, inputs), drawn(rows, outputs)
    projection = Projection(weight)
    out = torch.full((rows, outputs), torch.nan)
    projection.apply(table, out)
    assert close(out, table.double() @ weight.double().t())

    before = drawn(rows, inputs) if add else torch.full((rows, inputs), torch.nan)
    drows = before.clone()
    projection.gradient(dout, drows, add=add)
    expected = dout.double() @ weight.double()
    assert close(drows, expected + before if add else expected)

    dweight = weight.clone()
    add_weight_gradient(dout, table, dweight)
    assert close(dweight, weight.double() + dout.double().t() @ table.double())


@settings(max_examples=20, deadline=None)
@given(rows=sizes, inputs=sizes, panels=st.integers(1, 3), height=st.sampled_from([6, 16]))
def test_tiles_of_every_processor(rows: int, inputs: int, panels: int, height: int) -> None:
    """Also those that the processor at hand would not choose; nothing else is written."""
    weight, table = drawn(16 * panels, inputs), drawn(rows, inputs)
    whole = torch.full((rows + 2, 16 * panels), torch.nan)
    run = product(height, turned=False, add=False, half=False)
    packed = products._panels(weight.t())
    run(table, packed, whole[1:-1], rows, inputs, panels, inputs, 0)
    assert close(whole[1:-1], table.double() @ weight.double().t())
    assert whole[[0, -1]].isnan().all()


@settings(max_examples=30, deadline=None)
@given(rows=sizes, inputs=sizes, data=st.data())
def test_a_row_has_the_same_bits_wherever_it_stands(
    rows: int, inputs: int, data: st.DataObject
) -> None:
    first = data.draw(st.integers(0, rows - 1))
    last = data.draw(st.integers(first + 1, rows))
    projection, table = Projection(drawn(40, inputs)), drawn(rows, inputs)
    whole, part = torch.empty(rows, 40), torch.empty(last - first, 40)
    projection.apply(table, whole)
    projection.apply(table[first:last], part)
    assert torch.equal(whole[first:last], part)


@settings(max_examples=30, deadline=None)
@given(rows=sizes, inputs=sizes, wanted=st.integers(1, 48))
def test_only_the_outputs_that_are_wanted_count(rows: int, inputs: int, wanted: int) -> None:
    weight, table = torch.zeros(padded(wanted), inputs), drawn(rows, inputs)
    weight[:wanted] = drawn(wanted, inputs)
    out, whole = torch.empty(2, rows, padded(wanted))
    Projection(weight, wanted).apply(table, out)
    Projection(weight).apply(table, whole)
    assert torch.equal(out[:, :wanted], whole[:, :wanted])


def test_columns_are_filled_up_to_whole_vectors() -> None:
    assert [padded(count) for count in (1, 16, 17, 40)] == [16, 16, 32, 48]
