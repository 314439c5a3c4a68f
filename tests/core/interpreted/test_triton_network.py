"""The whole network on the GPU's kernels, in the interpreter, against double precision."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from make_small_parity import results
from torch import Tensor
from torch.nn import functional

from mambahsi import cancellation
from mambahsi.errors import Cancelled
from mambahsi.network import MambaHSI, SceneGeometry, gpu_tables
from mambahsi.network.blocks import PixelGroupNorm
from mambahsi.network.gpu_embedding import PART
from mambahsi.scan.gpu import short

SMALL = Path(__file__).parents[1] / "parity_small.json"
BANDS, CLASSES = 5, 3


@pytest.mark.parametrize("case", json.loads(SMALL.read_text()), ids=lambda case: case["name"])
def test_parity_with_the_reference(case: dict[str, Any]) -> None:
    got = results(case["config"], case["rows"], case["columns"], "triton", torch.float32)
    for key in ("logits", "loss", "gradients"):
        expected = np.array(case[key])
        difference = np.linalg.norm(np.array(got[key]) - expected)
        assert difference < 1e-4 * np.linalg.norm(expected), key


@pytest.fixture(autouse=True)
def _large_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """The interpreter takes as long for a large tile as for a small one."""
    monkeypatch.setattr(short, "TILE", 128)
    monkeypatch.setattr(gpu_tables, "STEPS", 2)


def gradients(network: MambaHSI, geometry: SceneGeometry, dtype: torch.dtype) -> dict[str, Tensor]:
    """Logits at some pixels, and the gradient of every parameter and of the pixels."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.rand(geometry.pixels, BANDS, generator=generator).to(dtype).requires_grad_()
    at = torch.randperm(geometry.pixels, generator=generator)[:20]
    logits = network.pixel_logits(pixels, geometry, at)
    functional.cross_entropy(logits, torch.arange(len(at)) % CLASSES).backward()
    found = {name: p.grad for name, p in network.named_parameters() if p.grad is not None}
    assert len(found) == len(list(network.parameters()))
    assert pixels.grad is not None
    return {"logits": logits.detach(), "pixels": pixels.grad} | found


def relative(got: Tensor, expected: Tensor) -> float:
    # Gradients far below the others are differences of much larger sums; some are exactly 0.
    return float((got.double() - expected).norm() / expected.norm().clamp(min=1e-4))


@pytest.mark.parametrize(
    ("rows", "columns", "holes", "arguments"),
    [
        (8, 9, 0.0, {"hidden_dim": 16}),
        (9, 11, 0.5, {"hidden_dim": 12, "token_num": 3, "recompute": True}),
        (8, 14, 0.8, {"hidden_dim": 8, "mamba_type": "spe", "recompute": True}),
        (10, 9, 0.3, {"hidden_dim": 8, "mamba_type": "spa", "use_residual": False}),
        # So many tokens that the spectral branch is one of long sequences.
        (8, 5, 0.2, {"hidden_dim": 12, "token_num": 12, "mamba_type": "spe"}),
    ],
)
def test_any_kind_of_network_and_any_holes(
    rows: int, columns: int, holes: float, arguments: dict[str, Any]
) -> None:
    valid = np.random.default_rng(rows).random((rows, columns)) >= holes
    # A single coarse cell has nothing to be normalized against.
    valid[0, 0] = valid[-(rows % 4) - 1, -(columns % 4) - 1] = True
    geometry = SceneGeometry(valid)
    recompute = arguments.pop("recompute", False)
    torch.manual_seed(1)
    first = MambaHSI(BANDS, num_classes=CLASSES, scan="torch", **arguments).double()
    with torch.no_grad():
        for name, parameter in first.named_parameters():
            # Nothing may hide behind weights that are all one and biases that are all zero.
            if ".proj.0." in name or "patch_embedding.1" in name or name.endswith("weights"):
                parameter += 0.3 * torch.randn_like(parameter)
    second = MambaHSI(BANDS, num_classes=CLASSES, scan="triton", **arguments)
    second.load_state_dict(first.state_dict())
    second.recompute = recompute
    expected = gradients(first, geometry, torch.float64)
    found = gradients(second, geometry, torch.float32)
    for name, value in expected.items():
        assert relative(found[name], value) < 1e-4, name


def test_again_and_without_gradients_the_same_bits() -> None:
    geometry = SceneGeometry(np.ones((4, 10), dtype=bool))
    network = MambaHSI(BANDS, 4, CLASSES, scan="triton")
    results = []
    for recompute in (False, False, True):
        network.zero_grad()
        network.recompute = recompute
        results.append(gradients(network, geometry, torch.float32))
    for again in results[1:]:
        assert all(torch.equal(again[name], value) for name, value in results[0].items())
    pixels = torch.rand(40, BANDS)
    with torch.no_grad():
        alone = network.coarse_logits(pixels, geometry)
    assert torch.equal(alone, network.coarse_logits(pixels, geometry).detach())


@pytest.mark.parametrize("mean", [0.0, 1e4])
@pytest.mark.parametrize("rows", [1, 700])
def test_statistics_of_several_parts(
    rows: int, mean: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_tables, "TILE", 128)
    monkeypatch.setattr(gpu_tables, "STEPS", 3)
    table = torch.randn(rows, 12, generator=torch.Generator().manual_seed(0)) + mean
    moments = gpu_tables.measure(table)
    wide = table.double()
    torch.testing.assert_close(moments.mean, wide.mean(0), rtol=1e-7, atol=1e-6)
    squares = (wide - wide.mean(0)).square().sum(0)
    torch.testing.assert_close(moments.squares, squares, rtol=1e-4, atol=1e-4)
    assert moments.count == rows


def test_embedding_works_part_by_part(monkeypatch: pytest.MonkeyPatch) -> None:
    from mambahsi.network import gpu_embedding

    assert PART % 16 == 0
    monkeypatch.setattr(gpu_embedding, "PART", 10)
    torch.manual_seed(0)
    layers = [torch.nn.Conv2d(3, 8, 1), PixelGroupNorm(4, 8), torch.nn.SiLU()]
    pixels = torch.rand(33, 3, dtype=torch.float64)

    def run(dtype: torch.dtype) -> list[Tensor]:
        own = [layer.to(dtype) for layer in layers]
        leaves = [p for layer in own for p in layer.parameters()]
        table = pixels.to(dtype).requires_grad_()
        if dtype == torch.float64:
            out = own[2](own[1](functional.linear(table, own[0].weight.flatten(1), own[0].bias)))
        else:
            out = gpu_embedding.gpu_embedding(own, table)
        weight = torch.linspace(-1, 1, out.numel(), dtype=dtype).view_as(out)
        found = torch.autograd.grad(out, [table, *leaves], weight)
        return [x.detach().double() for x in (out, *found)]

    for got, expected in zip(run(torch.float32), run(torch.float64), strict=True):
        assert relative(got, expected) < 1e-4


def test_a_cancel_request_stops_it() -> None:
    geometry = SceneGeometry(np.ones((4, 4), dtype=bool))
    network = MambaHSI(BANDS, 8, CLASSES, scan="triton")
    loss = network.coarse_logits(torch.rand(16, BANDS), geometry).sum()
    cancellation.request()
    with pytest.raises(Cancelled):
        network.coarse_logits(torch.rand(16, BANDS), geometry)
    with pytest.raises(Cancelled):
        loss.backward()
