"""The ``torch`` backend, and the self-check that decides between it and the kernels."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from step_by_step import mamba_block
from torch import Tensor

from mambahsi.network.mamba import Mamba
from mambahsi.scan import resolve_backend, selective_scan, self_check
from mambahsi.scan.chunked import selective_scan_chunked
from mambahsi.scan.reference import selective_scan_reference

CHUNK_TOKENS = 256
"""Tokens of 256 channels and 16 states that make a chunk on a CPU."""


def draw(seed: int, batch: int, channels: int, length: int, states: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    return {
        "u": normal(batch, channels, length),
        "delta": normal(batch, channels, length) - 1,
        "A": -torch.exp(normal(channels, states)),
        "B": normal(batch, states, length),
        "C": normal(batch, states, length),
        "D": normal(channels),
        "z": normal(batch, channels, length),
        "delta_bias": normal(channels),
        "initial_state": normal(batch, channels, states),
    }


def scan_and_gradients(
    inputs: dict[str, Tensor], backend: str, dtype: torch.dtype, softplus: bool = True
) -> dict[str, Tensor]:
    leaves = {name: x.to(dtype).requires_grad_() for name, x in inputs.items()}
    y, state = selective_scan(
        **leaves, delta_softplus=softplus, return_last_state=True, backend=backend
    )
    weight = torch.linspace(-1, 1, y.numel(), dtype=dtype).reshape(y.shape)
    gradients = torch.autograd.grad((y * weight).sum() + state.sum(), list(leaves.values()))
    return {"output": y, "state": state, **dict(zip(leaves, gradients, strict=True))}


def relative(got: Tensor, expected: Tensor) -> float:
    # A gradient below 1 is a sum of numbers around 1 that cancel: their rounding stays.
    norm = float(expected.detach().norm())
    return float((got.detach().double() - expected.detach()).norm()) / max(norm, 1.0)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**16),
    # Sequences that are one chunk of many, and those that are cut into chunks and segments.
    shape=st.sampled_from(
        [
            *((1, 5, length) for length in (1, 2, 3, 63, 64, 65, 300, 1023, 1024, 1025)),
            *((1, 256, length) for length in (CHUNK_TOKENS - 1, CHUNK_TOKENS, CHUNK_TOKENS + 1)),
            *((1, 1, 700), (3, 17, 65), (600, 64, 4), (1500, 20, 2), (2, 3, 500), (40, 100, 70)),
        ]
    ),
    states=st.sampled_from([1, 3, 16]),
    leave_out=st.sets(st.sampled_from(["D", "z", "delta_bias", "initial_state"])),
    softplus=st.booleans(),
    precision=st.sampled_from([(torch.float64, 1e-12), (torch.float32, 1e-5)]),
)
def test_equals_the_reference(
    seed: int,
    shape: tuple[int, int, int],
    states: int,
    leave_out: set[str],
    softplus: bool,
    precision: tuple[torch.dtype, float],
) -> None:
    dtype, tolerance = precision
    inputs = draw(seed, *shape, states)
    if not softplus:
        inputs |= {name: inputs[name].abs() for name in ("delta", "delta_bias")}
    for name in leave_out:
        del inputs[name]
    expected = scan_and_gradients(inputs, "reference", torch.float64, softplus)
    got = scan_and_gradients(inputs, "torch", dtype, softplus)
    for name, tensor in expected.items():
        assert got[name].dtype == dtype
        assert relative(got[name], tensor) < tolerance, name


def test_decays_that_vanish_leave_what_comes_after_exact() -> None:
    """Where the product of a segment's decays is 0 in float32, dividing by it gives NaN."""
    inputs = draw(0, 1, 3, 900, 4)
    inputs["A"] *= 50
    inputs["delta"] += 3
    expected = scan_and_gradients(inputs, "reference", torch.float64)
    got = scan_and_gradients(inputs, "torch", torch.float32)
    for name, tensor in expected.items():
        assert relative(got[name], tensor) < 1e-5, name


def test_slow_decays_lose_nothing_over_a_long_sequence() -> None:
    inputs = draw(1, 1, 2, 5_000, 2)
    inputs["A"] /= 1e3
    expected = scan_and_gradients(inputs, "reference", torch.float64)
    got = scan_and_gradients(inputs, "torch", torch.float32)
    for name, tensor in expected.items():
        assert relative(got[name], tensor) < 1e-4, name


def test_half_precision_comes_back_as_it_went_in() -> None:
    inputs = draw(0, 1, 3, 50, 4)
    y, state = selective_scan_chunked(
        **{name: x.bfloat16() for name, x in inputs.items()}, delta_softplus=True
    )
    expected, _ = selective_scan_reference(**inputs, delta_softplus=True)
    assert y.dtype == state.dtype == torch.bfloat16
    assert relative(y, expected) < 0.05


def test_no_tokens_leave_the_state() -> None:
    inputs = draw(0, 2, 3, 0, 4)
    y, state = selective_scan_chunked(**inputs, delta_softplus=True)
    assert y.shape == (2, 3, 0) and torch.equal(state, inputs["initial_state"])


def test_what_is_not_a_number_reaches_what_depends_on_it_alone() -> None:
    inputs = draw(0, 1, 3, 700, 2)
    inputs["delta"][0, 1, 400] = math.nan
    y, _ = selective_scan_chunked(**inputs, delta_softplus=True)
    assert y[0, 1, 400:].isnan().all()
    assert not y[0, [0, 2]].isnan().any() and not y[0, 1, :400].isnan().any()


MEMORY = """
import resource, sys, torch
from mambahsi.scan.chunked import selective_scan_chunked
torch.set_num_threads(1)
def scan(batch, channels, length):
    x = [torch.randn(batch, length, channels).transpose(1, 2).requires_grad_() for _ in range(3)]
    drive = [torch.randn(batch, length, 16).transpose(1, 2).requires_grad_() for _ in range(2)]
    A = -torch.rand(channels, 16)
    y, _ = selective_scan_chunked(x[0], x[1], A, *drive, None, x[2], None, True, None)
    y.sum().backward()
scan(1, 4, 70)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
scan(*map(int, sys.argv[1:]))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no resource module")
@pytest.mark.parametrize("shape", [(1, 64, 40_000), (10_000, 64, 4)])
def test_states_of_a_whole_scene_are_never_there_at_once(
    shape: tuple[int, int, int], engine_environment: dict[str, str]
) -> None:
    run = subprocess.run(
        [sys.executable, "-c", MEMORY, *map(str, shape)],
        env=engine_environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    table = 4 * math.prod(shape)
    # Three inputs and the output, their gradients and a copy or two on the way; what autograd
    # would keep is several times 16 tables.
    assert int(run.stdout) < 10 * table + 60e6


WITHOUT_KERNELS = """
import json, sys
sys.modules["llvmlite"] = None
from mambahsi import jobs, runs
from mambahsi.feedback import CollectingFeedback
from mambahsi.scan import available_backends
feedback = CollectingFeedback()
result = runs.run(jobs.from_json(json.loads(sys.argv[1])), feedback)
print(json.dumps([available_backends()["cpu"], result["backend"], feedback.logs]))
"""


def test_where_kernels_cannot_run_a_training_takes_this_one(
    tiny: Any, engine_environment: dict[str, str]
) -> None:
    """A package that the kernels need is missing, as far as Python can tell."""
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT_KERNELS, json.dumps(tiny.train_job())],
        env=engine_environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    problem, backend, logs = json.loads(run.stdout)
    assert problem.startswith("its compiler cannot be loaded (ModuleNotFoundError")
    assert backend == "torch"
    assert any("scan torch" in line for line in logs)


def test_a_gpu_takes_it_too() -> None:
    assert resolve_backend("auto", "cuda") in ("triton", "mamba_ssm", "torch")
    assert resolve_backend("torch", "cuda") == "torch"


def test_the_answers_of_the_self_check_are_right() -> None:
    double, length = torch.float64, self_check.LENGTH
    for answers, known in (
        (self_check.scan_answers(selective_scan_reference, double), self_check.SCAN),
        (self_check.block_answers(mamba_block, 1, length, double), self_check.LONG_BLOCK),
        (self_check.block_answers(mamba_block, 33, 4, double), self_check.SHORT_BLOCK),
    ):
        assert {name: number for name, (number, _) in answers.items()} == pytest.approx(
            known, abs=1e-7
        )


def test_the_self_check_accepts_what_is_right() -> None:
    assert self_check.problem(selective_scan_chunked, mamba_block) == ""


def spoiled(function: Callable[..., Any], spoil: Callable[[Tensor], Tensor], place: int) -> Any:
    """The function, with one of its tensors spoiled on the way in: value and gradient."""

    def run(*tensors: Any) -> Any:
        changed = list(tensors)
        changed[place] = spoil(changed[place])
        return function(*changed)

    return run


def last_channel_off(tensor: Tensor) -> Tensor:
    """As a kernel would have it that forgets what its vectors do not fill."""
    factor = torch.ones(tensor.shape[1])
    factor[-1] = 1.01
    return tensor * factor[:, None]


def one_token_off(tensor: Tensor) -> Tensor:
    change = torch.zeros_like(tensor)
    change[..., 64] = 0.01
    return tensor + change


class GradientOff(torch.autograd.Function):
    """Right forward, a little wrong backward."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        return tensor.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient * 1.01


@pytest.mark.parametrize(
    ("scan", "block", "named"),
    [
        (spoiled(selective_scan_reference, last_channel_off, 0), mamba_block, "scan"),
        (spoiled(selective_scan_reference, one_token_off, 0), mamba_block, "scan"),
        (spoiled(selective_scan_reference, GradientOff.apply, 4), mamba_block, "of C"),
        (spoiled(selective_scan_reference, GradientOff.apply, 9), mamba_block, "initial_state"),
        (selective_scan_reference, spoiled(mamba_block, GradientOff.apply, 7), "long sequence"),
        (
            selective_scan_reference,
            lambda *x: mamba_block(*x) if len(x[0]) == 1 else mamba_block(x[0] * 1.01, *x[1:]),
            "short sequences",
        ),
        (
            selective_scan_reference,
            lambda *x: mamba_block(*x) * math.nan,
            "long sequence (output)",
        ),
    ],
)
def test_the_self_check_finds_what_is_wrong(
    scan: Callable[..., Any], block: Callable[..., Any], named: str
) -> None:
    assert named in self_check.problem(scan, block)


def test_a_block_through_it_has_the_gradients_of_double_precision() -> None:
    torch.manual_seed(0)
    tokens = torch.randn(1, 700, 8)
    results = []
    for backend, dtype in (("reference", torch.float64), ("torch", torch.float32)):
        torch.manual_seed(1)
        block = Mamba(8, backend).to(dtype)
        out = block(tokens.to(dtype))
        results.append([out, *torch.autograd.grad(out.square().sum(), list(block.parameters()))])
    assert all(relative(b, a) < 1e-5 for a, b in zip(*results, strict=True))
