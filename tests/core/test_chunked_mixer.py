"""The Mamba block in chunks of plain PyTorch."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from step_by_step import mamba_block
from torch import Tensor

from mambahsi import cancellation
from mambahsi.errors import Cancelled
from mambahsi.scan import self_check
from mambahsi.scan.chunked import selective_scan_chunked
from mambahsi.scan.chunked_mixer import mamba_mixer_chunked

CHUNK = 2048
"""Tokens that make a chunk on a CPU."""


def draw(seed: int, sequences: int, length: int, width: int, dtype: torch.dtype) -> list[Tensor]:
    """Tokens and parameters."""
    generator = torch.Generator().manual_seed(seed)
    c, rank, states, taps = 2 * width, 1 + width // 16, 16, 4

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    drawn = [
        *(normal(sequences, length, width), normal(2 * c, width) / width**0.5),
        *(normal(c, 1, taps) / 2, normal(c), normal(rank + 2 * states, c) / c**0.5),
        *(normal(c, rank), normal(c) - 2, -torch.exp(normal(c, states)), normal(c)),
        normal(width, c) / c**0.5,
    ]
    return [x.to(dtype).requires_grad_() for x in drawn]


def relative(got: Tensor, expected: Tensor) -> float:
    norm = float(expected.detach().norm())
    return float((got.detach().double() - expected.detach()).norm()) / max(norm, 1e-12)


@settings(max_examples=8)
@given(
    seed=st.integers(0, 2**16),
    shape=st.sampled_from(
        [
            *((1, length, 2) for length in (CHUNK - 1, CHUNK, CHUNK + 1, CHUNK + 2, 2 * CHUNK + 5)),
            *((1, 1, 6), (1, 2, 6), (5, 1, 8), (CHUNK // 4 + 1, 4, 6), (700, 3, 2), (3, 900, 2)),
        ]
    ),
    precision=st.sampled_from([(torch.float64, 1e-11), (torch.float32, 1e-4)]),
)
def test_equals_the_block_in_one_piece(
    seed: int, shape: tuple[int, int, int], precision: tuple[torch.dtype, float]
) -> None:
    dtype, tolerance = precision
    results = []
    for mixer, kind in ((mamba_block, torch.float64), (mamba_mixer_chunked, dtype)):
        leaves = draw(seed, *shape, kind)
        out = mixer(*leaves)
        weight = torch.linspace(-1, 1, out.numel(), dtype=kind).reshape(out.shape)
        results.append([out, *torch.autograd.grad(out, leaves, weight)])
    for expected, got in zip(*results, strict=True):
        assert got.dtype == dtype
        assert relative(got, expected) < tolerance


def test_passes_the_test_that_the_kernels_take() -> None:
    assert self_check.problem(selective_scan_chunked, mamba_mixer_chunked) == ""


def test_a_cancel_request_stops_it_in_either_direction() -> None:
    leaves = draw(0, 1, CHUNK + 10, 2, torch.float32)
    out = mamba_mixer_chunked(*leaves)
    cancellation.request()
    with pytest.raises(Cancelled):
        mamba_mixer_chunked(*leaves)
    with pytest.raises(Cancelled):
        out.sum().backward()


MEMORY = """
import resource, sys, torch
from test_chunked_mixer import draw
from mambahsi.scan.chunked_mixer import mamba_mixer_chunked
torch.set_num_threads(1)
def mix(*shape):
    leaves = draw(0, *shape, torch.float32)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    mamba_mixer_chunked(*leaves).sum().backward()
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
mix(1, 3000, 32)
print(mix(*map(int, sys.argv[1:])))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no resource module")
@pytest.mark.parametrize("shape", [(1, 60_000, 32), (15_000, 4, 32)])
def test_only_a_chunk_is_worked_on_at_a_time(
    shape: tuple[int, int, int], engine_environment: dict[str, str], request: pytest.FixtureRequest
) -> None:
    run = subprocess.run(
        [sys.executable, "-c", MEMORY, *map(str, shape)],
        env=engine_environment,
        cwd=request.path.parent,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    table = 4 * 60_000 * 32
    # The output, its gradient and the tokens' gradient; each stage would keep two or four more.
    assert int(run.stdout) < 4 * table + 40e6
