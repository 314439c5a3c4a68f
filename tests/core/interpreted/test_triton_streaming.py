"""Streaming and rounded products with the GPU's kernels, in the interpreter."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from streaming_scenes import (
    Strips,
    assert_same,
    in_memory,
    make_cube,
    make_network,
    punch,
    stream,
    write,
)

from mambahsi.network import MambaHSI, SceneGeometry
from mambahsi.scan import resolve_backend
from mambahsi.streaming import stages, work
from mambahsi.streaming.transfer import Transfer


@pytest.mark.parametrize("kind", ["both", "spa", "spe"])
def test_streamed_is_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    holes = np.random.default_rng(2).random((13, 9)) < 0.2
    path = write(tmp_path / "scene.tif", punch(make_cube(4, 13, 9), holes))
    network = make_network(4, 8, mamba_type=kind, scan="triton")
    assert resolve_backend("triton", "cpu") == "triton"
    assert stages.stages_for(network) is stages
    monkeypatch.setattr(work, "Transfer", functools.partial(Transfer, staged=True))
    got = stream(path, network, Strips(), tmp_path / "map.tif")
    assert_same(got, in_memory(path, network))
    # And what the kernels of the processor give.
    assert_same(got, in_memory(path, make_network(4, 8, mamba_type=kind, scan="torch")))


def results(scan: str, precision: torch.dtype, **options: Any) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    network = MambaHSI(5, 16, 3, scan=scan)
    network.set_precision(precision)
    network.recompute = options.get("recompute", False)
    logits = network.pixel_logits(torch.rand(72, 5), SceneGeometry(np.ones((9, 8), bool)))
    torch.nn.functional.cross_entropy(logits, torch.arange(72) % 3).backward()
    parameters = list(network.parameters())
    assert {p.grad.dtype for p in parameters if p.grad is not None} == {torch.float32}
    return logits.detach(), torch.cat([p.grad.flatten() for p in parameters if p.grad is not None])


def test_rounded_products_are_near() -> None:
    logits, gradients = results("torch", torch.float32)
    for recompute in (False, True):
        rounded, others = results("triton", torch.bfloat16, recompute=recompute)
        assert rounded.dtype == torch.float32
        assert 1e-4 < float((rounded - logits).norm() / logits.norm()) < 2e-2
        assert float((others - gradients).norm() / gradients.norm()) < 6e-2
