"""Triton kernels for many short sequences, in the interpreter."""

from __future__ import annotations

import pytest
import torch
import triton
import triton.language as tl
from step_by_step import mamba_block
from torch import Tensor

from mambahsi.scan import self_check
from mambahsi.scan.chunked import selective_scan_chunked
from mambahsi.scan.chunked_mixer import mamba_mixer_chunked
from mambahsi.scan.gpu.kernels.short import leading, one_minus_exp
from mambahsi.scan.gpu.short import LONGEST, TILE, mix_short

NAMES = ["tokens", "in_proj", "conv_weight", "conv_bias", "x_proj"]
NAMES += ["dt_proj", "dt_bias", "A", "D", "out_proj"]


def draw(
    sequences: int, length: int, width: int, rank: int = 2, states: int = 16, taps: int = 4
) -> list[Tensor]:
    """Tokens and parameters, which float32 holds exactly."""
    generator = torch.Generator().manual_seed(sequences + 10 * length)
    c = 2 * width

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator).double()

    return [
        *(normal(sequences, length, width), normal(2 * c, width) / width**0.5),
        *(normal(c, 1, taps) / 2, normal(c), normal(rank + 2 * states, c) / c**0.5),
        *(normal(c, rank), normal(c) - 4, -torch.exp(normal(c, states)), normal(c)),
        normal(width, c) / c**0.5,
    ]


def run(mixer, leaves: list[Tensor], dtypes: list[torch.dtype]) -> list[Tensor]:
    """The output, and the gradients of all leaves."""
    leaves = [x.to(kind).requires_grad_() for x, kind in zip(leaves, dtypes, strict=True)]
    out = mixer(*leaves)
    weight = torch.linspace(-1, 1, out.numel(), dtype=torch.float64).reshape(out.shape)
    return [out, *torch.autograd.grad(out, leaves, weight.to(out.dtype))]


def relative(got: Tensor, expected: Tensor) -> float:
    norm = float(expected.detach().norm())
    return float((got.detach().double() - expected.detach()).norm()) / max(norm, 1e-12)


@pytest.mark.parametrize(
    ("sequences", "length", "width", "sizes"),
    [
        # The published network, and the one of width 64; a program takes several tiles.
        (2 * TILE + 1, 4, 32, {}),
        (TILE, 4, 16, {"rank": 1}),
        (TILE - 1, 1, 5, {"rank": 1}),
        (1, 2, 1, {"rank": 1, "states": 1}),
        (3, 3, 10, {"states": 5, "rank": 3}),
        (TILE + 1, 5, 4, {"taps": 3}),
        (2, LONGEST, 8, {"states": 17}),
    ],
)
def test_equals_the_block_in_double_precision(
    sequences: int, length: int, width: int, sizes: dict[str, int]
) -> None:
    leaves = draw(sequences, length, width, **sizes)
    expected = run(mamba_block, leaves, [torch.float64] * 10)
    got = run(mix_short, leaves, [torch.float32] * 10)
    for name, a, b in zip(["output", *NAMES], expected, got, strict=True):
        assert relative(b, a) < 1e-4, name


def test_bfloat16_tokens_lose_what_their_digits_lose() -> None:
    leaves = draw(TILE + 3, 4, 8)
    leaves[0] = leaves[0].bfloat16().double()
    expected = run(mamba_block, leaves, [torch.float64] * 10)
    got = run(mix_short, leaves, [torch.bfloat16, *[torch.float32] * 9])
    assert [x.dtype for x in got[:3]] == [torch.bfloat16, torch.bfloat16, torch.float32]
    for name, a, b in zip(["output", *NAMES], expected, got, strict=True):
        assert relative(b, a) < 1e-2, name


def test_same_bits_again() -> None:
    results = [run(mix_short, draw(3 * TILE, 1, 4), [torch.float32] * 10) for _ in range(2)]
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def test_takes_the_test_that_other_kernels_take() -> None:
    def mixer(tokens: Tensor, *parameters: Tensor) -> Tensor:
        short = tokens.shape[1] <= LONGEST
        return (mix_short if short else mamba_mixer_chunked)(tokens, *parameters)

    assert self_check.problem(selective_scan_chunked, mixer) == ""


def test_no_sequence_at_all() -> None:
    got = run(mix_short, draw(0, 4, 8), [torch.float32] * 10)
    assert got[0].shape == (0, 4, 8)
    assert not any(x.any() for x in got)


def test_long_sequences_are_refused() -> None:
    with pytest.raises(ValueError, match="9 tokens"):
        mix_short(*draw(1, LONGEST + 1, 4))


@triton.jit
def _functions(x, lead, complement, N: tl.constexpr):
    at = tl.arange(0, N)
    values = tl.load(x + at)
    tl.store(lead + at, leading(values))
    tl.store(complement + at, one_minus_exp(tl.abs(values)))


def test_numbers_are_split_into_two_that_tensor_cores_take() -> None:
    x = torch.logspace(-30, 30, 1024, base=2) * (1 - 2 * (torch.arange(1024) % 2))
    lead, complement = torch.empty(2, 1024)
    _functions[(1,)](x, lead, complement, N=1024)
    assert not (lead.view(torch.int32) & 0x1FFF).any()
    assert bool(((x - lead).abs() < x.abs() * 2**-10).all())
    wanted = -torch.expm1(-x.double().abs())
    assert bool(((complement - wanted).abs() < 1e-6 * wanted).all())
