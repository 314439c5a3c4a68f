"""The backend of mamba-ssm's kernels: what is around them, and how it tells what is missing.

The kernels themselves need a GPU (see ``tests/gpu``). Here the reference scan stands in their
place, held to what the published function takes: no double precision, no initial state, float32
weights, one dtype for all inputs, no gradient through the final state.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mambahsi.errors import ResourceError
from mambahsi.scan import available_backends, resolve_backend
from mambahsi.scan.mamba_ssm import selective_scan_mamba_ssm, self_check
from mambahsi.scan.reference import selective_scan_reference

CPU = torch.device("cpu")


def stand_in(
    u: torch.Tensor,
    delta: torch.Tensor,
    A: torch.Tensor,
    B: torch.Tensor,
    C: torch.Tensor,
    D: Any = None,
    z: Any = None,
    delta_bias: Any = None,
    delta_softplus: bool = False,
    return_last_state: bool = False,
) -> Any:
    assert u.dtype in (torch.float32, torch.bfloat16)
    assert {x.dtype for x in (u, delta, B, C, z) if x is not None} == {u.dtype}
    assert {x.dtype for x in (A, D, delta_bias) if x is not None} == {torch.float32}
    # As long a way as the kernel's: everything in float32 but what comes in and goes out.
    wide = [None if x is None else x.float() for x in (u, delta, A, B, C, D, z, delta_bias)]
    y, last = selective_scan_reference(*wide, delta_softplus, None)
    y = y.to(u.dtype)
    return (y, last.detach()) if return_last_state else y


def draw(seed: int, batch: int, channels: int, length: int, states: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    inputs = normal(batch, channels, length), normal(batch, channels, length) - 1
    weights = normal(batch, states, length), normal(batch, states, length)
    return [
        *inputs, -torch.exp(normal(channels, states)), *weights, normal(channels),
        normal(batch, channels, length), normal(channels), normal(batch, channels, states),
    ]  # fmt: skip


@settings(max_examples=25)
@given(
    seed=st.integers(0, 10**6),
    batch=st.integers(1, 3),
    channels=st.integers(1, 5),
    length=st.integers(1, 40),
    states=st.integers(1, 16),
    softplus=st.booleans(),
    gated=st.booleans(),
    stateful=st.booleans(),
)
def test_values_and_states_are_those_of_the_reference(
    seed: int, batch: int, channels: int, length: int, states: int, softplus: bool, gated: bool,
    stateful: bool,
) -> None:  # fmt: skip
    tensors = draw(seed, batch, channels, length, states)
    # A step size is positive; softplus sees to it, or whoever does without.
    if not softplus:
        tensors[1], tensors[7] = tensors[1].abs(), tensors[7].abs()
    inputs: list[Any] = [x if gated or n != 6 else None for n, x in enumerate(tensors[:8])]
    state = tensors[8] if stateful else None
    expected = selective_scan_reference(*inputs, softplus, state)
    single = [None if x is None else x.float() for x in (*inputs, state)]
    got = selective_scan_mamba_ssm(*single[:8], softplus, single[8], True, stand_in)
    for found, right in zip(got, expected, strict=True):
        assert found.dtype == torch.float32
        torch.testing.assert_close(found.double(), right, rtol=1e-4, atol=1e-4)


def test_the_self_check_accepts_what_is_right_and_names_what_is_wrong() -> None:
    assert self_check(stand_in, CPU) == ""

    def spoiled(*arguments: Any) -> Any:
        y, last = stand_in(*arguments)
        return y, last * 1.001

    assert "the final state" in self_check(spoiled, CPU)

    def half(*arguments: Any) -> Any:
        y, last = stand_in(*arguments)
        # Right values, wrong gradients.
        return y.detach() + (y - y.detach()) / 2, last

    assert "the gradient of u" in self_check(half, CPU)

    def nothing(*arguments: Any) -> Any:
        y, last = stand_in(*arguments)
        return y * float("nan"), last

    assert "the output" in self_check(nothing, CPU)


def test_the_gradient_of_the_final_state_is_not_lost() -> None:
    leaves = [x.float().requires_grad_() for x in draw(1, 2, 3, 9, 4)]
    wide = [x.detach().double().requires_grad_() for x in leaves]
    _, last = selective_scan_mamba_ssm(*leaves[:8], True, leaves[8], True, stand_in)
    _, right = selective_scan_reference(*wide[:8], True, wide[8])
    used = [0, 1, 2, 3, 7, 8]  # C, D and z do not reach the state
    got = torch.autograd.grad(last.square().sum(), [leaves[n] for n in used])
    expected = torch.autograd.grad(right.square().sum(), [wide[n] for n in used])
    for one, other in zip(got, expected, strict=True):
        torch.testing.assert_close(one.double(), other, rtol=1e-4, atol=1e-4)


def test_an_initial_state_keeps_its_digits_beside_rounded_inputs() -> None:
    *inputs, state = (x.float() for x in draw(2, 1, 4, 6, 16))
    state = state * 100
    for number in (0, 1, 3, 4, 6):
        inputs[number] = inputs[number].bfloat16()
    y, last = selective_scan_mamba_ssm(*inputs, True, state, False, stand_in)
    assert y.dtype == torch.bfloat16
    wide = [x.double() for x in inputs]
    expected, right = selective_scan_reference(*wide, True, state.double())
    # The output is rounded to 8 bits; the state is as good as in float32 up to its own rounding.
    torch.testing.assert_close(y.double(), expected, rtol=2**-7, atol=1e-2)
    torch.testing.assert_close(last.double(), right, rtol=2**-7, atol=1e-2)


def test_double_precision_is_kept() -> None:
    *inputs, state = draw(3, 2, 3, 5, 4)
    y, last = selective_scan_mamba_ssm(*inputs, True, state, True, stand_in)
    expected, right = selective_scan_reference(*inputs, True, state)
    torch.testing.assert_close(y, expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(last, right, rtol=1e-12, atol=1e-12)


def test_it_runs_on_a_cuda_device_only() -> None:
    with pytest.raises(ResourceError, match="mamba_ssm"):
        resolve_backend("mamba_ssm", "cpu")


ASK = """
import torch
torch.cuda.is_available = lambda: True
from mambahsi.scan.mamba_ssm import problem
print(problem())
"""


@pytest.mark.skipif(
    available_backends()["mamba_ssm"] == "", reason="a working mamba-ssm is installed"
)
@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "not installed"),
        ("import selective_scan_cuda", "MAMBA_KEEP_CUDA_BUILD=TRUE"),
        ("import einops_that_is_missing", "needs the package einops_that_is_missing"),
        ("raise ImportError('undefined symbol: _ZN3c10')", "another PyTorch or CUDA"),
        ("raise OSError('libcudart.so.11.0: cannot open')", "another PyTorch or CUDA"),
        ("raise AttributeError('no such thing')", "cannot be loaded (AttributeError"),
        ("def selective_scan_fn(*a): raise RuntimeError('no kernel image')", "self-check failed"),
    ],
)
def test_every_way_of_failing_is_named(tmp_path: Path, content: str | None, told: str) -> None:
    """Packages of the name in question, each broken in another way."""
    if content is not None:
        package = tmp_path / "mamba_ssm" / "ops"
        package.mkdir(parents=True)
        (tmp_path / "mamba_ssm" / "__init__.py").touch()
        (package / "__init__.py").touch()
        (package / "selective_scan_interface.py").write_text(content, encoding="utf-8")
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told in done.stdout
