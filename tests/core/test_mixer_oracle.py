"""The fused Mamba block against the float64 oracle, and the oracle against PyTorch."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from oracles import Array, Block, block, block_gradients, scan, scan_gradients
from step_by_step import mamba_block

from mambahsi.network.mamba import Mamba
from mambahsi.scan import available_backends, selective_scan, set_threads
from mambahsi.scan.chunked_mixer import mamba_mixer_chunked

COMPILED = available_backends()["cpu"]
needs_compiler = pytest.mark.skipif(bool(COMPILED), reason=f"no compiled backend: {COMPILED}")

NAMES = [f.name for f in fields(Block)]


def relative(got: Array, expected: Array) -> float:
    return float(np.linalg.norm(got - expected)) / max(float(np.linalg.norm(expected)), 1e-12)


def draw_block(seed: int, width: int) -> Block:
    """A block's initial parameters, moved enough that each of them matters."""
    torch.manual_seed(seed)
    m = Mamba(width)
    with torch.no_grad():
        for parameter in m.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
        m.dt_proj.bias += 1
    assert m.conv1d.bias is not None
    parameters = [
        *(m.in_proj.weight, m.conv1d.weight[:, 0], m.conv1d.bias, m.x_proj.weight),
        *(m.dt_proj.weight, m.dt_proj.bias, -torch.exp(m.A_log), m.D, m.out_proj.weight),
    ]
    return Block(*(p.detach().double().numpy() for p in parameters))


def draw(seed: int, *shape: int) -> Array:
    # Numbers that float32 holds exactly, so that both sides start from the same.
    generator = np.random.default_rng(seed)
    return generator.standard_normal(shape).astype(np.float32).astype(np.float64)


def leaves_of(w: Block, tokens: Array, dtype: torch.dtype) -> list[torch.Tensor]:
    """The tokens and the parameters as tensors that gradients are wanted of."""
    arrays = {name: getattr(w, name) for name in NAMES}
    arrays["conv_weight"] = arrays["conv_weight"][:, None]
    return [torch.tensor(x, dtype=dtype).requires_grad_() for x in (tokens, *arrays.values())]


def test_the_scan_oracle_has_the_gradients_of_automatic_differentiation() -> None:
    sequences, length, channels, states = 2, 9, 3, 4
    arrays = {
        "u": draw(1, sequences, length, channels),
        "delta": np.abs(draw(2, sequences, length, channels)),
        "A": -np.exp(draw(3, channels, states)),
        "B": draw(4, sequences, length, states),
        "C": draw(5, sequences, length, states),
        "state": draw(6, sequences, channels, states),
    }
    dy, dlast = draw(7, sequences, length, channels), draw(8, sequences, channels, states)
    leaves = {k: torch.tensor(v, requires_grad=True) for k, v in arrays.items()}
    rows = {k: leaves[k].transpose(1, 2) for k in ("u", "delta", "B", "C")}
    y, last = selective_scan(
        **rows,
        A=leaves["A"],
        initial_state=leaves["state"],
        return_last_state=True,
        backend="reference",
    )
    loss = (y.transpose(1, 2) * torch.tensor(dy)).sum() + (last * torch.tensor(dlast)).sum()
    loss.backward()
    got, all_states, _ = scan(**arrays)
    np.testing.assert_allclose(got, y.detach().transpose(1, 2).numpy(), rtol=1e-12)
    np.testing.assert_allclose(all_states[-1], last.detach().numpy(), rtol=1e-12)
    gradients = scan_gradients(**arrays, dy=dy, dlast=dlast)
    for name, leaf in leaves.items():
        assert leaf.grad is not None
        assert relative(getattr(gradients, name), leaf.grad.numpy()) < 1e-13, name


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 100])
@pytest.mark.parametrize(("sequences", "length", "width"), [(1, 23, 5), (3, 4, 2), (2, 1, 6)])
def test_the_block_oracle_has_the_gradients_of_automatic_differentiation(
    sequences: int, length: int, width: int, chunk: int
) -> None:
    w, tokens = draw_block(0, width), draw(1, sequences, length, width)
    weight = draw(2, *tokens.shape)
    leaves = leaves_of(w, tokens, torch.float64)
    expected = mamba_block(*leaves)
    wanted = torch.autograd.grad((expected * torch.tensor(weight)).sum(), leaves)
    out, kept = block(w, tokens, chunk)
    np.testing.assert_allclose(out, expected.detach().numpy(), rtol=1e-10, atol=1e-13)
    dtokens, gradients = block_gradients(w, tokens, kept, weight)
    got = [dtokens, *(getattr(gradients, name) for name in NAMES)]
    for name, one, other in zip(["tokens", *NAMES], got, wanted, strict=True):
        assert relative(one, other.numpy().reshape(one.shape)) < 1e-12, name


# Around the lengths that kernels cut sequences at.
EDGES = [16, 32, 64, 128, 512, 1024]
LONG = [(1, n) for n in (1, 2, 3, 4, 5, 200, 1600)]
LONG += [(1, edge + offset) for edge in EDGES for offset in (-1, 0, 1, 3)]
SHORT = [(n, 4) for n in (1, 2, 3, 15, 16, 17, 255, 256, 257, 600)]
OTHERS = [(7, 1), (515, 2), (40, 3), (33, 8), (2, 70), (3, 65), (2, 1100)]
# Width of the tokens. The spatial branch has the network's, the spectral a quarter of it.
WIDTHS = [2, 6, 8, 16, 24, 32, 64, 128]


def mixer(backend: str) -> Callable[..., torch.Tensor]:
    if backend == "torch":
        return mamba_mixer_chunked
    from mambahsi.scan.mixer import mamba_mixer

    return mamba_mixer


@pytest.mark.parametrize("backend", [pytest.param("cpu", marks=needs_compiler), "torch"])
@settings(max_examples=60)
@example(seed=0, shape=(1, 1), width=2, threads=3)
@example(seed=0, shape=(1, 1025), width=24, threads=3)
@example(seed=0, shape=(1, 65), width=128, threads=2)
@example(seed=0, shape=(257, 4), width=6, threads=3)
@given(
    seed=st.integers(0, 2**16),
    shape=st.sampled_from(LONG + SHORT + OTHERS),
    width=st.sampled_from(WIDTHS),
    threads=st.integers(1, 3),
)
def test_the_fused_block_equals_the_oracle(
    backend: str, seed: int, shape: tuple[int, int], width: int, threads: int
) -> None:
    if math.prod(shape) * width > 2**15:
        # Enough for every way through the kernels, and quick.
        width = WIDTHS[seed % 4]
    set_threads(threads)
    w, tokens = draw_block(seed, width), draw(seed, *shape, width)
    weight = draw(seed + 1, *tokens.shape)
    expected, kept = block(w, tokens)
    dtokens, gradients = block_gradients(w, tokens, kept, weight)

    leaves = leaves_of(w, tokens, torch.float32)
    out = mixer(backend)(*leaves)
    got = torch.autograd.grad((out * torch.tensor(weight).float()).sum(), leaves)
    # The two numbers of a single token may cancel to nearly nothing.
    error = np.linalg.norm(out.detach().double().numpy() - expected)
    assert error < 1e-5 * max(np.linalg.norm(expected), 1e-2)
    wanted = [dtokens, *(getattr(gradients, name) for name in NAMES)]
    for name, one, other in zip(["tokens", *NAMES], got, wanted, strict=True):
        assert relative(one.double().numpy().reshape(other.shape), other) < 1e-4, name


@needs_compiler
@settings(max_examples=20)
@given(shape=st.sampled_from(LONG + SHORT + OTHERS), threads=st.integers(1, 3))
def test_without_gradients_the_fused_block_gives_the_same_bits(
    shape: tuple[int, int], threads: int
) -> None:
    set_threads(threads)
    torch.manual_seed(0)
    m = Mamba(8, "cpu")
    tokens = torch.randn(*shape, 8)
    with torch.no_grad():
        alone = m(tokens)
    assert torch.equal(m(tokens), alone)
