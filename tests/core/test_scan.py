"""The selective scan: every backend against independent formulas."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from other_users import cannot_run

from mambahsi import cancellation
from mambahsi.errors import Cancelled, ResourceError
from mambahsi.network.mamba import Mamba
from mambahsi.scan import (
    available_backends,
    backends,
    resolve_backend,
    selective_scan,
    set_threads,
    thread_count,
)
from mambahsi.scan.mixer_chunks import CHUNK
from mambahsi.scan.pipeline import Pipeline
from mambahsi.scan.threads import work_together

COMPILED = available_backends()["cpu"]
needs_compiler = pytest.mark.skipif(bool(COMPILED), reason=f"no compiled backend: {COMPILED}")
slow_shapes = settings(max_examples=25, deadline=None)


def draw_inputs(
    seed: int, batch: int, channels: int, length: int, states: int
) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> torch.Tensor:
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


def scan_by_hand(x: dict[str, np.ndarray], softplus: bool) -> tuple[np.ndarray, np.ndarray]:
    """The recurrence, one number after the other."""
    batch, channels, length = x["u"].shape
    out = np.zeros((batch, channels, length))
    state = x["initial_state"].copy()
    for b in range(batch):
        for d in range(channels):
            for t in range(length):
                step = x["delta"][b, d, t] + x["delta_bias"][d]
                if softplus:
                    step = math.log1p(math.exp(step))
                total = x["D"][d] * x["u"][b, d, t]
                for n in range(x["A"].shape[1]):
                    decay = math.exp(step * x["A"][d, n])
                    push = step * x["B"][b, n, t] * x["u"][b, d, t]
                    state[b, d, n] = decay * state[b, d, n] + push
                    total += x["C"][b, n, t] * state[b, d, n]
                gate = x["z"][b, d, t]
                out[b, d, t] = total * gate / (1 + math.exp(-gate))
    return out, state


def relative(got: torch.Tensor, expected: torch.Tensor) -> float:
    norm = float(expected.detach().norm())
    return float((got.detach().double() - expected.detach()).norm()) / max(norm, 1e-12)


@pytest.mark.parametrize("softplus", [False, True])
def test_reference_is_the_recurrence(softplus: bool) -> None:
    inputs = draw_inputs(1, 2, 3, 7, 4)
    if not softplus:
        inputs["delta"], inputs["delta_bias"] = inputs["delta"].abs(), inputs["delta_bias"].abs()
    expected, state = scan_by_hand({k: v.numpy() for k, v in inputs.items()}, softplus)
    y, last = selective_scan(
        **inputs, delta_softplus=softplus, return_last_state=True, backend="reference"
    )
    np.testing.assert_allclose(y.numpy(), expected, rtol=1e-12)
    np.testing.assert_allclose(last.numpy(), state, rtol=1e-12)


def test_double_precision_is_kept_unless_a_backend_is_named() -> None:
    inputs = draw_inputs(3, 1, 5, 80, 4)
    expected = selective_scan(**inputs, delta_softplus=True, backend="reference")
    assert torch.equal(selective_scan(**inputs, delta_softplus=True), expected)


def test_gradients_of_the_reference_are_those_of_finite_differences() -> None:
    inputs = draw_inputs(2, 2, 2, 5, 3)
    names = list(inputs)

    def scan(*tensors: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        result = selective_scan(
            **dict(zip(names, tensors, strict=True)),
            delta_softplus=True,
            return_last_state=True,
            backend="reference",
        )
        assert isinstance(result, tuple)
        return result

    assert torch.autograd.gradcheck(scan, [inputs[n].requires_grad_() for n in names])


@needs_compiler
@slow_shapes
@given(
    seed=st.integers(0, 2**16),
    batch=st.integers(1, 3),
    channels=st.sampled_from([1, 2, 15, 16, 63, 64, 65, 130]),
    length=st.sampled_from([1, 2, 4, 63, 64, 65, 129, 200]),
    states=st.integers(1, 16),
    leave_out=st.sets(st.sampled_from(["D", "z", "delta_bias", "initial_state"])),
    softplus=st.booleans(),
    threads=st.integers(1, 3),
)
def test_compiled_scan_equals_the_reference(
    seed: int,
    batch: int,
    channels: int,
    length: int,
    states: int,
    leave_out: set[str],
    softplus: bool,
    threads: int,
) -> None:
    before = thread_count()
    set_threads(threads)
    try:
        inputs = draw_inputs(seed, batch, channels, length, states)
        if not softplus:
            inputs["delta"], inputs["delta_bias"] = (
                inputs["delta"].abs(),
                inputs["delta_bias"].abs(),
            )
        for name in leave_out:
            del inputs[name]
        weight = torch.linspace(-1, 1, batch * channels * length).reshape(batch, channels, length)
        results = []
        for backend, dtype in (("reference", torch.float64), ("cpu", torch.float32)):
            leaves = {k: v.to(dtype).requires_grad_() for k, v in inputs.items()}
            y, state = selective_scan(
                **leaves, delta_softplus=softplus, return_last_state=True, backend=backend
            )
            loss = (y * weight.to(dtype)).sum() + state.sum()
            results.append([y, state, *torch.autograd.grad(loss, list(leaves.values()))])
    finally:
        set_threads(before)
    for name, expected, got in zip(["y", "state", *inputs], *results, strict=True):
        # A gradient that is a sum of terms which cancel is as exact as the terms, of order 1.
        scale = max(float(expected.detach().norm()), 0.1)
        error = float((got.detach().double() - expected.detach()).norm())
        assert error < 1e-4 * scale, name


@pytest.mark.parametrize(
    "backend", [n for n, why in available_backends().items() if not why and n != "mamba_ssm"]
)
@settings(max_examples=10, deadline=None)
@given(cut=st.integers(1, 98), seed=st.integers(0, 99))
def test_a_sequence_may_be_cut_anywhere(backend: str, cut: int, seed: int) -> None:
    inputs = draw_inputs(seed, 1, 5, 99, 3)
    state = inputs.pop("initial_state")
    fixed = {k: inputs.pop(k) for k in ("A", "D", "delta_bias")}

    def run(part: slice, initial: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        tokens = {k: v[..., part] for k, v in inputs.items()}
        result = selective_scan(
            **tokens,
            **fixed,
            delta_softplus=True,
            return_last_state=True,
            initial_state=initial,
            backend=backend,
        )
        assert isinstance(result, tuple)
        return result

    whole, last = run(slice(None), state)
    first, carried = run(slice(cut), state)
    second, end = run(slice(cut, None), carried)
    torch.testing.assert_close(torch.cat([first, second], 2), whole, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(end, last, rtol=1e-5, atol=1e-6)


@needs_compiler
@slow_shapes
@given(
    seed=st.integers(0, 2**16),
    width=st.sampled_from([8, 32, 64]),
    shape=st.sampled_from(
        [
            *((1, length) for length in (1, 2, 3, 64, 65, CHUNK, CHUNK + 1, CHUNK + 3)),
            *((2, 70), (1, 2 * CHUNK + 65), (7, 4), (600, 4), (130, 8), (3, 1), (515, 2)),
        ]
    ),
    threads=st.integers(1, 3),
)
def test_compiled_block_equals_the_reference(
    seed: int, width: int, shape: tuple[int, int], threads: int
) -> None:
    before = thread_count()
    set_threads(threads)
    try:
        torch.manual_seed(seed)
        block = Mamba(width)
        tokens = torch.randn(*shape, width)
        weight = torch.randn(*shape, width)
        results = []
        for backend, dtype in (("reference", torch.float64), ("cpu", torch.float32)):
            block = block.to(dtype)
            block.backend = backend
            leaf = tokens.to(dtype).requires_grad_()
            out = block(leaf)
            loss = (out * weight.to(dtype)).sum()
            results.append([out, *torch.autograd.grad(loss, [leaf, *block.parameters()])])
    finally:
        set_threads(before)
    names = ["out", "tokens", *dict(block.named_parameters())]
    for name, expected, got in zip(names, *results, strict=True):
        assert relative(got, expected) < 1e-4, name


def test_the_compiled_backend_runs_where_its_compiler_is() -> None:
    """Else a wrong kernel would only make its own tests skip."""
    pytest.importorskip("llvmlite")
    assert available_backends()["cpu"] == ""


@needs_compiler
def test_one_number_of_threads_gives_the_same_bits_every_time() -> None:
    torch.manual_seed(0)
    block = Mamba(32, "cpu")
    tokens = torch.randn(1, 3000, 32)
    gradients = []
    for _ in range(2):
        block.zero_grad()
        block(tokens).square().sum().backward()
        gradients.append([p.grad.clone() for p in block.parameters() if p.grad is not None])
    assert len(gradients[0]) == len(list(block.parameters()))
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


@needs_compiler
def test_gradients_of_parameters_stay_exact_over_long_scenes() -> None:
    """Numbers of one sign, where a sum of float32 one by one drifts away by a percent."""
    length = 400_000
    ones = torch.ones(1, 1, length)
    inputs = {"u": ones * 0.1, "delta": ones * -3, "B": ones, "C": ones}
    leaves = {k: v.requires_grad_() for k, v in inputs.items()}
    D, bias = torch.ones(1, requires_grad=True), torch.zeros(1, requires_grad=True)
    y = selective_scan(
        **leaves, A=-torch.ones(1, 1), D=D, delta_bias=bias, delta_softplus=True, backend="cpu"
    )
    assert isinstance(y, torch.Tensor)
    y.sum().backward()
    assert D.grad is not None and bias.grad is not None
    assert relative(D.grad, inputs["u"].double().sum()) < 1e-4
    assert relative(bias.grad, leaves["delta"].grad.double().sum()) < 1e-4  # type: ignore[union-attr]


@needs_compiler
def test_gradients_of_the_convolution_stay_exact_over_long_scenes() -> None:
    pixels, length, width = 100_000, 4, 4
    torch.manual_seed(0)
    block = Mamba(width, "cpu")
    with torch.no_grad():
        # All tokens alike, so every one adds the same to each gradient.
        tokens = torch.randn(width).expand(pixels, length, width).contiguous()
    few = 1000
    gradients = []
    for part in (tokens, tokens[:few]):
        block.zero_grad()
        block(part).sum().backward()
        gradients.append([p.grad.clone() for p in block.parameters() if p.grad is not None])
    names = dict(block.named_parameters())
    for name, many, less in zip(names, *gradients, strict=True):
        assert relative(many, less.double() * (pixels // few)) < 1e-4, name


@needs_compiler
def test_not_a_number_is_passed_on() -> None:
    inputs = {k: v.float() for k, v in draw_inputs(0, 1, 3, 10, 2).items()}
    inputs["delta"][0, 1, 4] = math.nan
    y = selective_scan(**inputs, delta_softplus=True, backend="cpu")
    assert isinstance(y, torch.Tensor)
    assert y[0, 1, 4:].isnan().all()
    assert not y[0, [0, 2]].isnan().any() and not y[0, 1, :4].isnan().any()


@pytest.mark.parametrize(
    "backend", [n for n, why in available_backends().items() if not why and n != "mamba_ssm"]
)
def test_a_cancel_request_stops_the_scan(backend: str) -> None:
    inputs = {k: v.float() for k, v in draw_inputs(0, 1, 3, 10, 2).items()}
    cancellation.request()
    try:
        with pytest.raises(Cancelled):
            selective_scan(**inputs, backend=backend)
    finally:
        cancellation.reset()


@needs_compiler
def test_a_cancel_during_the_self_check_says_nothing_about_the_backend() -> None:
    backends._cpu_problem.cache_clear()
    cancellation.request()
    try:
        with pytest.raises(Cancelled):
            resolve_backend("cpu")
    finally:
        cancellation.reset()
    assert resolve_backend("auto") == "cpu"


def test_threads_of_the_pool_compute_alone_also_after_pytorch_has_used_them() -> None:
    before = thread_count()
    set_threads(2)
    counts: list[int] = []
    together = threading.Barrier(2)

    def work(pipeline: Pipeline) -> None:
        together.wait()
        # Large enough that PyTorch would divide it among threads.
        torch.zeros(1000, 1000).add_(1)
        counts.append(torch.get_num_threads())

    try:
        work_together(work)
        assert torch.get_num_threads() == 2
    finally:
        set_threads(before)
    assert counts == [1, 1]


def test_an_error_in_one_thread_is_raised_when_all_have_ended() -> None:
    """They share buffers, which whoever catches the error may use again."""
    before = thread_count()
    set_threads(2)
    ended: list[int] = []
    together = threading.Barrier(2)

    def work(pipeline: Pipeline) -> None:
        if together.wait() == 0:
            raise Cancelled
        time.sleep(0.2)
        ended.append(1)

    try:
        with pytest.raises(Cancelled):
            work_together(work)
        assert ended == [1]
    finally:
        set_threads(before)


def test_two_users_of_the_pool_take_turns() -> None:
    """Each could otherwise hold one of its threads and wait for the other's."""
    script = """
import sys, threading, time
from mambahsi.scan import threads

threads.set_threads(2)
submit = threads._pool.submit

def go(pipeline):
    for part in pipeline.parts(20, 1):
        with pipeline.turn(part):
            pass

def slowly(*arguments):
    future = submit(*arguments)
    time.sleep(0.002)  # the other user's turn, as it may come at any time
    return future

threads._pool.submit = slowly
done = []

def use():
    for _ in range(10):
        threads.work_together(go)
    done.append(1)

users = [threading.Thread(target=use, daemon=True) for _ in range(3)]
for user in users:
    user.start()
for user in users:
    user.join(10)
print(len(done), flush=True)
import os; os._exit(0)
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert result.stdout == "3\n", result.stderr


def test_an_interrupt_while_work_is_handed_out_leaves_no_thread_waiting() -> None:
    script = """
from mambahsi.scan import threads
from mambahsi.scan.pipeline import Part

threads.set_threads(2)
submit = threads._pool.submit
handed_out = []

def interrupted(share):
    if handed_out:
        raise KeyboardInterrupt
    handed_out.append(share)
    return submit(share)

def wait_for_the_other(pipeline):
    with pipeline.turn(Part(1, 0, 1)):
        print("never")

threads._pool.submit = interrupted
try:
    threads.work_together(wait_for_the_other)
except KeyboardInterrupt:
    print("ended")
"""
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60
    )
    assert result.stdout == "ended\n", result.stderr


@needs_compiler
@pytest.mark.skipif(
    not hasattr(os, "setuid") or os.getuid() != 0, reason="takes a user without a home"
)
def test_the_kernels_run_for_a_user_without_a_home() -> None:
    if cannot_run():
        pytest.skip(cannot_run())
    script = """
import os
os.setuid(54321)
from mambahsi.scan import available_backends, code_cache
print(repr(available_backends()["cpu"]), code_cache.is_cold())
"""
    hidden = ("HOME", "XDG_CACHE_HOME", "MAMBAHSI_CACHE_DIR")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment
    )
    assert result.stdout == "'' True\n", result.stderr


@needs_compiler
@pytest.mark.parametrize("channels", [16, 20])
def test_gradient_of_the_final_state_is_the_references(channels: int) -> None:
    """With weights that differ: equal ones hide what is out of order."""
    inputs = draw_inputs(3, 2, channels, 70, 16)
    weight = draw_inputs(4, 2, channels, 1, 16)["initial_state"]
    found = []
    for backend, dtype in (("reference", torch.float64), ("cpu", torch.float32)):
        leaves = {k: v.to(dtype).requires_grad_() for k, v in inputs.items()}
        _, state = selective_scan(
            **leaves, delta_softplus=True, return_last_state=True, backend=backend
        )
        u = leaves["u"]
        found.append(torch.autograd.grad((state * weight.to(dtype)).sum(), u)[0].double())
    assert float((found[0] - found[1]).norm()) < 1e-4 * float(found[0].norm())


@needs_compiler
def test_the_compiled_scan_keeps_float32_whatever_pytorchs_default_is() -> None:
    inputs = {k: v.float() for k, v in draw_inputs(5, 1, 16, 70, 16).items()}
    found = []
    try:
        for default in (torch.float32, torch.float64):
            torch.set_default_dtype(default)
            leaves = {k: v.clone().requires_grad_() for k, v in inputs.items()}
            out = selective_scan(**leaves, delta_softplus=True, backend="cpu")
            assert isinstance(out, torch.Tensor)
            found.append(torch.autograd.grad(out.sum(), list(leaves.values())))
    finally:
        torch.set_default_dtype(torch.float32)
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


def test_wrong_shapes_and_unknown_backends_are_named() -> None:
    inputs = draw_inputs(0, 1, 3, 10, 2)
    with pytest.raises(ValueError, match=r"B must have shape \(1, 2, 10\)"):
        selective_scan(**{**inputs, "B": inputs["B"][..., :9]})
    with pytest.raises(ResourceError, match="'fast'"):
        resolve_backend("fast")
    with pytest.raises(ResourceError, match="cuda"):
        resolve_backend("cpu", "cuda")
