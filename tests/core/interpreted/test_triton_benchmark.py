"""What the benchmark of a graphics card measures there is what it compares with: the same step."""

from __future__ import annotations

import dataclasses

import torch

from benchmarks.gpu.contenders import Ours
from benchmarks.gpu.settings import SMALL

SIZE = (5, 4, 3)


def test_a_step_of_the_contender_is_that_of_plain_pytorch() -> None:
    settings = dataclasses.replace(SMALL, device="cpu", width=16)
    ours, right = (Ours(settings, SIZE, scan) for scan in ("triton", "torch"))
    assert abs(float(ours.train()) - float(right.train())) < 1e-5
    weights = [list(contender.network.parameters()) for contender in (ours, right)]
    for got, expected in zip(*weights, strict=True):
        # Adam's first step is as long for the smallest gradient as for the largest.
        moved = (got - expected).abs() > 1e-4
        assert float(moved.double().mean()) < 0.05
    assert torch.isfinite(ours.all_logits()).all()
