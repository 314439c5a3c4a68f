"""What is left of a state after a step, against double precision."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from mambahsi.scan import available_backends
from mambahsi.scan.decays import decay_of
from mambahsi.scan.machine_code import has_wide_registers, kernel
from mambahsi.scan.vector_code import LANES, Kernel

COMPILED = available_backends()["cpu"]
pytestmark = pytest.mark.skipif(bool(COMPILED), reason=f"no compiled backend: {COMPILED}")


@kernel
def decays(*, wide: bool) -> Kernel:
    """``out`` gets the decays of ``step`` and ``rate``, all of them (rows, lanes)."""
    k = Kernel("step rate out", "rows")
    step, rate, out = k.tables()
    (rows,) = k.numbers()
    with k.loop(0, rows) as t:
        out[t, 0] = decay_of(step[t, 0], rate[t, 0], wide=wide)
    return k


@pytest.fixture(params=[False, True], ids=["polynomial", "table"])
def decays_of(request: pytest.FixtureRequest) -> Callable[[Tensor, Tensor], Tensor]:
    wide: bool = request.param
    if wide and not has_wide_registers():
        pytest.skip("this processor has no AVX-512")

    def compute(step: Tensor, rate: Tensor) -> Tensor:
        out = torch.empty(step.shape)
        decays(wide=wide)(step, rate, out, len(step))
        return out

    return compute


def test_decays_of_all_sizes(decays_of: Callable[[Tensor, Tensor], Tensor]) -> None:
    torch.manual_seed(0)
    rate = -20 * torch.rand(40_000, LANES)
    step = torch.exp(12 * torch.rand(rate.shape) - 9)
    x = step.double() * rate.double()
    error = decays_of(step, rate).double() - torch.exp2(x)
    # What a float32 product of step and rate rounds away grows with the exponent.
    assert bool((error.abs() <= torch.exp2(x) * (7e-7 + 6e-8 * x.abs()) + 1e-30).all())


def test_small_decays_keep_their_rate(decays_of: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Else long memory would be longer or shorter than the weights say."""
    step = torch.full((40_000, LANES), 1.0)
    rate = -torch.linspace(1e-3, 3e-2, step.numel()).view(step.shape)
    got = 1 - decays_of(step, rate).double()
    expected = -torch.expm1(rate.double() * torch.log(torch.tensor(2.0).double()))
    assert float(((got - expected) / expected).mean().abs()) < 5e-5


def test_the_ends_of_the_range(decays_of: Callable[[Tensor, Tensor], Tensor]) -> None:
    step = torch.full((1, LANES), 1.0)
    rate = torch.zeros(1, LANES)
    rate[0, :6] = torch.tensor([0.0, -1e-30, -127.0, -1e4, -1e12, torch.nan])
    got = decays_of(step, rate)[0]
    assert got[:2].tolist() == [1.0, 1.0]
    assert bool((got[2:5] >= 0).all()) and bool((got[2:5] < 1e-10).all())
    assert bool(got[5].isnan())
