"""A step of training on a GPU mixes no devices and waits for nothing, seen without a GPU.

PyTorch's ``meta`` device stands in for the card. Its tensors have shapes and no contents: an
operation of theirs and the CPU's together fails as it would on a card, and so does all that
would have to wait for a result, such as ``item()`` or a condition. Kernels of ours are recorded
instead of launched.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

pytest.importorskip("triton", reason="Triton is not installed")

from live_memory import LiveMemory
from triton_aot import recorded

from mambahsi.network import MambaHSI, SceneGeometry, model
from mambahsi.scan.gpu.kernels import blocks, convolution, gradients, scan, short

KERNELS = (blocks, convolution, gradients, scan, short)
CARD = torch.device("meta")


@pytest.fixture(params=["both", "spa", "spe"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def network(kind: str, monkeypatch: pytest.MonkeyPatch) -> MambaHSI:
    # There is no card whose kernels could pass their self-check.
    monkeypatch.setattr(model, "resolve_backend", lambda name, device: "triton")
    return MambaHSI(20, 64, 5, mamba_type=kind, scan="triton").to(CARD)


@pytest.fixture
def geometry() -> SceneGeometry:
    valid = np.ones((41, 38), dtype=bool)
    valid[3:9, 4:20] = False
    valid[20:24, 20:24] = False
    return SceneGeometry(valid)


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("recompute", [False, True])
def test_a_training_step(
    network: MambaHSI,
    kind: str,
    geometry: SceneGeometry,
    recompute: bool,
    precision: torch.dtype,
) -> None:
    network.recompute = recompute
    network.set_precision(precision)
    pixels = torch.rand(geometry.pixels, 20, device=CARD)
    at = torch.arange(30, device=CARD)
    with recorded(*KERNELS) as launches:
        logits = network.pixel_logits(pixels, geometry, at=at)
        logits.sum().backward()
    assert logits.device == CARD and logits.shape == (30, 5)
    assert all(p.grad is not None and p.grad.shape == p.shape for p in network.parameters())
    launched = {launch.name for launch in launches}
    assert {"branch_gradient", "input_gradient"} <= launched
    assert ("mix_short_backward" in launched) == (kind != "spa")
    assert ("gradients" in launched) == (kind != "spe")


@pytest.mark.parametrize("cells", [1, 3, 8])
def test_the_spatial_branch_of_few_pixels_is_too_wide_for_short_sequences(
    kind: str, cells: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its coarsest grid is a sequence of few tokens, which have all channels of the network."""
    monkeypatch.setattr(model, "resolve_backend", lambda name, device: "triton")
    network = MambaHSI(20, 128, 5, mamba_type=kind, scan="triton").to(CARD)
    geometry = SceneGeometry(np.ones((4, 4 * cells), dtype=bool))
    pixels = torch.rand(geometry.pixels, 20, device=CARD)
    with recorded(*KERNELS) as launches:
        network.pixel_logits(pixels, geometry).sum().backward()
    short_ones = [launch for launch in launches if launch.name.startswith("mix_short")]
    assert {dict(launch.constants)["C"] for launch in short_ones} == (
        set() if kind == "spa" else {64}
    )
    assert ("gradients" in {launch.name for launch in launches}) == (kind != "spe")


def test_inference(network: MambaHSI, geometry: SceneGeometry) -> None:
    pixels = torch.rand(geometry.pixels, 20, device=CARD)
    with recorded(*KERNELS) as launches, torch.no_grad():
        logits = network.pixel_logits(pixels, geometry)
    assert logits.device == CARD and logits.shape == (geometry.pixels, 5)
    assert not any("backward" in launch.name for launch in launches)


@pytest.mark.parametrize("recompute", [False, True])
def test_pavia_university_trains_within_two_gigabytes(
    recompute: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """610 x 340 pixels, 103 bands: all tensors of a step, counted; kernels themselves need none."""
    monkeypatch.setattr(model, "resolve_backend", lambda name, device: "triton")
    geometry = SceneGeometry(np.ones((610, 340), dtype=bool))
    with recorded(*KERNELS), LiveMemory() as memory:
        network = MambaHSI(103, 128, 9, scan="triton").to(CARD)
        network.recompute = recompute
        pixels = torch.rand(geometry.pixels, 103, device=CARD)
        at = torch.arange(360, device=CARD)
        network.pixel_logits(pixels, geometry, at=at).sum().backward()
    # Adam keeps two numbers for each parameter.
    adam = 2 * 4 * sum(parameter.numel() for parameter in network.parameters())
    assert 0.5e9 < memory.peak + adam < 2e9


def test_a_tensor_left_on_the_cpu_would_be_noticed(network: MambaHSI) -> None:
    geometry = SceneGeometry(np.ones((8, 8), dtype=bool))
    with pytest.raises(RuntimeError, match="(?i)device"):
        network.pixel_logits(torch.rand(geometry.pixels, 20), geometry)
