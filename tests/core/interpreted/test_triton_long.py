"""Triton kernels for long sequences: scan, Mamba block and streaming, in the interpreter."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from step_by_step import mamba_block
from torch import Tensor

from mambahsi import cancellation
from mambahsi.errors import Cancelled, ResourceError
from mambahsi.network.mamba import Mamba
from mambahsi.scan import available_backends, resolve_backend, selective_scan
from mambahsi.scan.carry import Carry
from mambahsi.scan.gpu import parts, tuning
from mambahsi.scan.gpu.long import mix_long
from mambahsi.scan.gpu.mixer import mix_rows
from mambahsi.scan.gpu.tuning import Tuning

CHUNK = 8


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Sequences of a few tokens are cut into chunks and parts, as those of scenes are."""
    monkeypatch.setattr(parts, "SEGMENT", 3 * CHUNK)
    with tuning.using(torch.device("cpu"), Tuning(chunk=CHUNK)):
        yield


def draw(seed: int, *shape: int) -> Tensor:
    # Numbers that float32 holds exactly, so that both sides start from the same.
    values = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    return torch.from_numpy(values).double()


def scan_inputs(batch: int, channels: int, length: int, states: int) -> dict[str, Tensor]:
    return {
        "u": draw(1, batch, channels, length),
        "delta": draw(2, batch, channels, length) - 1,
        "A": -torch.exp(draw(3, channels, states)).float().double(),
        "B": draw(4, batch, states, length),
        "C": draw(5, batch, states, length),
        "D": draw(6, channels),
        "z": draw(7, batch, channels, length),
        "delta_bias": draw(8, channels),
        "initial_state": draw(9, batch, channels, states),
    }


def run_scan(
    inputs: dict[str, Tensor], softplus: bool, backend: str, dtype: torch.dtype
) -> dict[str, Tensor]:
    """Output, final state and all gradients."""
    leaves = {name: x.to(dtype).requires_grad_() for name, x in inputs.items()}
    y, state = selective_scan(
        **leaves, delta_softplus=softplus, return_last_state=True, backend=backend
    )
    loss = (y * draw(10, *y.shape).to(dtype)).sum() + (state * draw(11, *state.shape)).sum()
    gradients = torch.autograd.grad(loss, list(leaves.values()))
    return {"y": y, "state": state, **dict(zip(leaves, gradients, strict=True))}


def error(got: Tensor, expected: Tensor, least: float = 0.1) -> float:
    """Norm of the difference, relative; a sum of terms that cancel is as exact as they are."""
    difference = (got.detach().double() - expected.detach()).norm()
    return float(difference / max(float(expected.detach().norm()), least))


@pytest.mark.parametrize(
    ("batch", "channels", "length", "states", "left_out", "softplus"),
    [
        (1, 1, 1, 1, [], True),
        (2, 3, CHUNK - 1, 16, [], True),
        (2, 33, CHUNK, 16, ["z"], True),
        (1, 40, CHUNK + 1, 16, ["initial_state", "D"], True),
        (3, 2, 2 * CHUNK + 3, 5, ["delta_bias"], False),
        (1, 35, 3 * CHUNK + 1, 16, [], True),
        (2, 1, 6 * CHUNK + 5, 2, ["z"], True),
    ],
)
def test_the_scan_equals_the_reference(
    batch: int, channels: int, length: int, states: int, left_out: list[str], softplus: bool
) -> None:
    inputs = scan_inputs(batch, channels, length, states)
    if not softplus:
        inputs["delta"] = inputs["delta"].abs()
        inputs["delta_bias"] = inputs["delta_bias"].abs()
    for name in left_out:
        del inputs[name]
    expected = run_scan(inputs, softplus, "reference", torch.float64)
    got = run_scan(inputs, softplus, "triton", torch.float32)
    for name, values in expected.items():
        assert got[name].dtype == torch.float32
        assert error(got[name], values) < 1e-5, name


def block_leaves(sequences: int, length: int, width: int, dtype: torch.dtype) -> list[Tensor]:
    """Tokens and parameters of a block, moved from their initial values so that all matter."""
    torch.manual_seed(0)
    block = Mamba(width)
    with torch.no_grad():
        for parameter in block.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
        block.dt_proj.bias += 1
        parameters = [x.clone() for x in block.mixer_parameters()]
    tokens = draw(12, sequences, length, width)
    return [x.to(dtype).detach().requires_grad_() for x in (tokens, *parameters)]


@pytest.mark.parametrize(
    ("sequences", "length", "width"),
    [(1, 1, 2), (1, 2, 17), (1, 3 * CHUNK + 1, 24), (1, 7 * CHUNK, 6), (5, 4, 8), (2, 30, 4)],
)
def test_the_block_equals_the_block_step_by_step(sequences: int, length: int, width: int) -> None:
    results = []
    for mixer, dtype in ((mamba_block, torch.float64), (mix_long, torch.float32)):
        leaves = block_leaves(sequences, length, width, dtype)
        out = mixer(*leaves)
        results.append([out, *torch.autograd.grad(out, leaves, draw(13, *out.shape).to(dtype))])
    for number, (expected, got) in enumerate(zip(*results, strict=True)):
        assert error(got, expected, 1e-2) < 1e-5, number


def test_the_network_s_block_takes_the_kernels() -> None:
    torch.manual_seed(0)
    block, tokens = Mamba(6, "triton"), draw(14, 1, 2 * CHUNK, 6)
    got = block(tokens.float())
    expected = block.double()(tokens)
    assert got.dtype == torch.float32
    assert 0 < error(got, expected, 0) < 1e-5


def test_a_sequence_that_comes_in_pieces_gives_the_same() -> None:
    tokens, *parameters = block_leaves(1, 50, 12, torch.float32)
    with torch.no_grad():
        whole = mix_long(tokens, *parameters)[0]
    carry = Carry.start(3, 24, 16)
    pieces, start = [], 0
    for size in (1, 1, 27, 2, 19):
        pieces.append(mix_rows(tuple(parameters), tokens[0, start : start + size], carry))
        start += size
    assert start == 50
    torch.testing.assert_close(torch.cat(pieces), whole, rtol=1e-5, atol=1e-6)


@settings(max_examples=4)
@given(sizes=st.lists(st.integers(1, 2 * CHUNK), min_size=2, max_size=3), seed=st.integers(0, 99))
def test_a_sequence_may_be_cut_anywhere(sizes: list[int], seed: int) -> None:
    """Values and gradients do not depend on how a scan's tokens are dealt to calls."""
    inputs = {k: v.float() for k, v in scan_inputs(1, 3, sum(sizes), 2).items()}
    fixed = {k: inputs.pop(k) for k in ("A", "D", "delta_bias")}
    first = inputs.pop("initial_state")
    results = []
    for cuts in (sizes, [sum(sizes)]):
        leaves = {k: v.clone().requires_grad_() for k, v in {**inputs, **fixed}.items()}
        state = start = first.clone().requires_grad_()
        pieces = []
        for tokens in zip(*(leaves[k].split(cuts, 2) for k in inputs), strict=True):
            y, state = selective_scan(
                **dict(zip(inputs, tokens, strict=True)),
                **{k: leaves[k] for k in fixed},
                delta_softplus=True,
                return_last_state=True,
                initial_state=state,
                backend="triton",
            )
            pieces.append(y)
        whole = torch.cat(pieces, 2)
        weight = draw(seed, *whole.shape).float()
        results.append(
            [whole, state, *torch.autograd.grad((whole * weight).sum(), [*leaves.values(), start])]
        )
    for cut, whole in zip(*results, strict=True):
        assert error(cut, whole.double()) < 1e-5


def test_the_same_input_gives_the_same_bits() -> None:
    results = []
    for _ in range(2):
        leaves = block_leaves(1, 20, 6, torch.float32)
        out = mix_long(*leaves)
        results.append([out, *torch.autograd.grad(out.square().sum(), leaves)])
    assert all(torch.equal(one, other) for one, other in zip(*results, strict=True))


@pytest.mark.filterwarnings("ignore:overflow")  # exp(-z) may be infinite: its quotient is 0
def test_steps_of_any_size_give_numbers() -> None:
    """Decays underflow to nothing, and steps vanish, without 0 * inf anywhere."""
    inputs = {k: v.float() for k, v in scan_inputs(1, 2, 20, 2).items()}
    inputs["delta"][0, 0] = torch.linspace(-200, 200, 20)
    inputs["z"][0, 1] = torch.linspace(-200, 200, 20)
    expected = run_scan(
        {k: v.double() for k, v in inputs.items()}, True, "reference", torch.float64
    )
    got = run_scan(inputs, True, "triton", torch.float32)
    for name, values in expected.items():
        assert error(got[name], values) < 1e-5, name


def test_a_block_in_half_precision_has_errors_of_half_precision() -> None:
    results = []
    for dtype in (torch.float64, torch.bfloat16):
        tokens, *parameters = block_leaves(1, 20, 8, dtype)
        if dtype == torch.bfloat16:
            # As with mixed precision: tokens are rounded, parameters are not.
            parameters = [x.detach() for x in block_leaves(1, 20, 8, torch.float32)[1:]]
        leaves = [x.detach().requires_grad_() for x in (tokens, *parameters)]
        out = (mamba_block if dtype == torch.float64 else mix_long)(*leaves)
        gradients = torch.autograd.grad(out.float().square().sum(), leaves)
        assert all(g.dtype == x.dtype for g, x in zip(gradients, leaves, strict=True))
        results.append([out, *gradients])
    for expected, got in zip(*results, strict=True):
        assert error(got, expected) < 0.05


def test_half_precision_keeps_the_state_in_single_precision() -> None:
    """Errors are those of rounding the inputs, however long the sequence."""
    results = []
    for dtype in (torch.float64, torch.bfloat16):
        inputs = {k: v.bfloat16().double() for k, v in scan_inputs(1, 4, 60, 16).items()}
        fixed = {k: inputs.pop(k).float() for k in ("A", "D", "delta_bias", "initial_state")}
        leaves = {k: v.to(dtype).requires_grad_() for k, v in inputs.items()}
        kept = {k: v if dtype == torch.bfloat16 else v.double() for k, v in fixed.items()}
        backend = "triton" if dtype == torch.bfloat16 else "reference"
        y = selective_scan(**leaves, **kept, delta_softplus=True, backend=backend)
        assert isinstance(y, Tensor) and y.dtype == dtype
        gradients = torch.autograd.grad((y * draw(10, *y.shape).to(dtype)).sum(), leaves.values())
        results.append([y, *gradients])
    for expected, got in zip(*results, strict=True):
        assert error(got, expected) < 2 * 2**-8


def test_the_backend_passes_its_self_check_and_is_named() -> None:
    assert available_backends()["triton"] == ""
    assert resolve_backend("triton", "cpu") == "triton"
    with pytest.raises(ResourceError, match="not on cuda"):
        resolve_backend("triton", "cuda")


@pytest.fixture
def _asked_to_stop() -> Iterator[None]:
    cancellation.request()
    yield
    cancellation.reset()


@pytest.mark.usefixtures("_asked_to_stop")
def test_a_cancel_request_stops_it() -> None:
    with pytest.raises(Cancelled):
        mix_long(*block_leaves(1, 3, 2, torch.float32))
