"""The GPU kernels compile for every GPU that they are meant for, without one being there."""

from __future__ import annotations

import pytest
import torch

pytest.importorskip("triton", reason="Triton is not installed")

from live_memory import LiveMemory
from triton_aot import CAPABILITIES, Launch, recorded

from mambahsi.network.mamba import Mamba
from mambahsi.scan import code_cache
from mambahsi.scan.gpu import parts
from mambahsi.scan.gpu.kernels import convolution, gradients, scan
from mambahsi.scan.gpu.long import mix_long
from mambahsi.scan.gpu.selective import selective_scan_triton

KERNELS = (convolution, gradients, scan)
PAPER, COMPACT = 128, 64
"""Width of the spatial branch's tokens, by preset."""


def block_launches(width: int, dtype: torch.dtype) -> dict[Launch, None]:
    """What a training step launches, of a long sequence in several parts."""
    parameters = Mamba(width).mixer_parameters()
    tokens = torch.zeros(1, 500, width, dtype=dtype, requires_grad=True)
    with recorded(*KERNELS) as launches:
        mix_long(tokens, *parameters).sum().backward()
    return launches


def scan_launches(length: int, states: int, gated: bool) -> dict[Launch, None]:
    """What the scan alone launches."""

    def zeros(*shape: int) -> torch.Tensor:
        return torch.zeros(shape, requires_grad=True)

    wide, narrow = (1, 40, length), (1, states, length)
    with recorded(*KERNELS) as launches:
        y, _ = selective_scan_triton(
            zeros(*wide), zeros(*wide), zeros(40, states), zeros(*narrow), zeros(*narrow),
            None, zeros(*wide) if gated else None, None, gated, None,
        )  # fmt: skip
        y.sum().backward()
    return launches


@pytest.fixture(autouse=True)
def _beside_our_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Triton keeps what it compiles where the other kernels are."""
    monkeypatch.setenv("TRITON_CACHE_DIR", str(code_cache.for_triton()))
    monkeypatch.setattr(parts, "SEGMENT", 300)


@pytest.mark.parametrize("capability", CAPABILITIES)
def test_a_training_step_compiles_for_every_gpu(capability: int) -> None:
    launches = block_launches(PAPER, torch.float32)
    names = {launch.name for launch in launches}
    assert names == {
        *("convolve", "chunk_ends", "carry_states", "outputs"),
        *("chunk_starts", "gradients", "back_through_silu", "back_through_convolution"),
    }
    for launch in launches:
        assert launch.compile(capability)[:4] == b"\x7fELF"


# The least capable of the GPUs stands for all.
@pytest.mark.parametrize(("width", "dtype"), [(COMPACT, torch.float32), (PAPER, torch.bfloat16)])
def test_other_widths_and_precisions_compile(width: int, dtype: torch.dtype) -> None:
    for launch in block_launches(width, dtype):
        assert launch.compile(min(CAPABILITIES))[:4] == b"\x7fELF"


@pytest.mark.parametrize(("length", "states", "gated"), [(5, 16, True), (100, 1, False)])
def test_the_scan_alone_compiles(length: int, states: int, gated: bool) -> None:
    for launch in scan_launches(length, states, gated):
        assert launch.compile(min(CAPABILITIES))[:4] == b"\x7fELF"


def test_a_block_takes_the_memory_that_is_predicted(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the tensors that it makes; kernels themselves need none."""
    monkeypatch.setattr(parts, "SEGMENT", 4096)
    rows, channels, states = 9000, 2 * PAPER, 16
    leaves = [x.detach().requires_grad_() for x in Mamba(PAPER).mixer_parameters()]
    tokens = torch.zeros(1, rows, PAPER, requires_grad=True)
    given = 4 * tokens.numel()
    gradient = torch.zeros(1, rows, PAPER)
    with recorded(*KERNELS), LiveMemory() as memory:
        out = mix_long(tokens, *leaves)
        kept = parts.kept_bytes(rows, channels, states)
        assert kept < memory.now - given < 1.1 * kept + 1e6
        working = parts.working_bytes(rows, channels, backward=False)
        assert 0.8 * working < memory.peak - given - kept < 1.1 * working
        before = memory.peak = memory.now
        out.backward(gradient)
        working = parts.working_bytes(rows, channels, backward=True)
        assert 0.8 * working < memory.peak - before - given < 1.1 * working


def test_lengths_do_not_make_triton_compile_again() -> None:
    """Scenes differ by their number of pixels, and the last part of each is a rest."""
    assert scan_launches(101, 16, True) == scan_launches(160, 16, True)
