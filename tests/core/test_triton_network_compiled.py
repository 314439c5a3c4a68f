"""The network's GPU kernels compile for every GPU that they are meant for."""

from __future__ import annotations

import numpy as np
import pytest
import torch

pytest.importorskip("triton", reason="Triton is not installed")

from live_memory import LiveMemory
from test_chunked_mixer import draw
from triton_aot import CAPABILITIES, Launch, recorded

from mambahsi.network import SceneGeometry
from mambahsi.network.gpu_block import gpu_block
from mambahsi.network.gpu_embedding import gpu_embedding
from mambahsi.network.memory import inference_bytes, training_bytes
from mambahsi.network.model import MambaHSI
from mambahsi.scan import code_cache
from mambahsi.scan.gpu import parts
from mambahsi.scan.gpu.kernels import blocks, convolution, gradients, scan, short
from mambahsi.scan.gpu.short import mix_short

KERNELS = (blocks, convolution, gradients, scan, short)
PAPER = 32
"""Width of the spectral branch's tokens, as published."""


@pytest.fixture(autouse=True)
def _beside_our_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Triton keeps what it compiles where the other kernels are."""
    monkeypatch.setenv("TRITON_CACHE_DIR", str(code_cache.folder() / "triton"))


def step(network: MambaHSI, geometry: SceneGeometry, pixels: torch.Tensor) -> torch.Tensor:
    """A training step's forward pass, as with the backend ``triton``."""
    x = gpu_embedding(network.patch_embedding, pixels)
    for block, pooling in zip(network.mamba.values(), [*geometry.poolings, None], strict=True):
        x = gpu_block(block, x, pooling, network.recompute)
    return gpu_embedding(list(network.cls_head)[:3], x)


def short_launches(length: int, dtype: torch.dtype, backward: bool) -> dict[Launch, None]:
    tokens, *parameters = draw(0, 40, length, PAPER, torch.float32)
    with recorded(short) as launches:
        out = mix_short(tokens.detach().to(dtype).requires_grad_(), *parameters)
        if backward:
            launches.clear()
            out.sum().backward()
    return launches


@pytest.mark.parametrize("capability", CAPABILITIES)
def test_short_sequences_compile_for_every_gpu(capability: int) -> None:
    # Half precision for one kind of GPU. And two tokens instead of four, because what the compiler
    # takes grows faster than they do.
    dtype = torch.bfloat16 if capability == 90 else torch.float32
    length = 4 if capability == min(CAPABILITIES) else 2
    launches = [*short_launches(length, dtype, False), *short_launches(2, dtype, True)]
    assert [launch.name for launch in launches] == ["mix_short_forward", "mix_short_backward"]
    for launch in launches:
        assert launch.compile(capability)[:4] == b"\x7fELF"


def test_what_lies_between_compiles() -> None:
    network = MambaHSI(3, 128, 2, scan="torch")
    geometry = SceneGeometry(np.ones((9, 9), dtype=bool))
    with recorded(*KERNELS) as launches:
        step(network, geometry, torch.zeros(81, 3)).sum().backward()
    own = [launch for launch in launches if hasattr(blocks, launch.name)]
    names = {"moments", "combine", "branch_sums", "branch_gradient", "input_gradient"}
    assert {launch.name for launch in own} == names
    # Each name for every GPU, its variants for the least capable one.
    compiled: set[str] = set()
    for launch in own:
        for capability in CAPABILITIES[: None if launch.name not in compiled else 1]:
            assert launch.compile(capability)[:4] == b"\x7fELF"
        compiled.add(launch.name)


def test_sizes_of_scenes_do_not_make_triton_compile_again() -> None:
    launches = []
    for side in (9, 16):
        network = MambaHSI(3, 16, 2, scan="torch")
        geometry = SceneGeometry(np.ones((side, side), dtype=bool))
        with recorded(*KERNELS) as found:
            step(network, geometry, torch.zeros(side * side, 3)).sum().backward()
        launches.append({launch for launch in found if hasattr(blocks, launch.name)})
    assert launches[0] == launches[1]


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("task", ["training", "recompute", "inference"])
@pytest.mark.parametrize("kind", ["both", "spa", "spe"])
def test_a_step_takes_the_memory_that_is_predicted(
    kind: str, task: str, precision: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the tensors that it makes, without what does not grow with the scene."""
    monkeypatch.setattr(parts, "SEGMENT", 2048)
    side, bands, width = 130, 20, 128
    network = MambaHSI(bands, width, 8, mamba_type=kind, scan="torch")
    network.recompute = task == "recompute"
    network.set_precision(precision)
    geometry = SceneGeometry(np.ones((side, side), dtype=bool))
    assert len(geometry.poolings) == 2
    pixels = torch.zeros(side * side, bands)
    with (
        recorded(*KERNELS),
        LiveMemory() as memory,
        torch.set_grad_enabled(task != "inference"),
    ):
        features = step(network, geometry, pixels)
        if task != "inference":
            features.backward(torch.zeros_like(features))
    counted = memory.peak + 4 * pixels.numel()

    def predicted(rows: int) -> int:
        if task == "inference":
            return inference_bytes(rows, bands, width, kind, scan="triton")
        return training_bytes(
            rows, bands, width, kind, recompute=task == "recompute", scan="triton"
        )

    # There is one prediction: rounded tokens are kept beside the others, and parts take less.
    most = 1.15 if precision == torch.float32 else 1.25
    assert 0.8 * counted < predicted(side * side) - predicted(0) < most * counted


def test_the_size_of_pavia_university_trains_within_two_gigabytes() -> None:
    """By the same count."""
    assert training_bytes(610 * 340, 103, 128, scan="triton") < 2e9
