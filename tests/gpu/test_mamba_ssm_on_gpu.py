"""The ``mamba_ssm`` backend, where that package was built for the card."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from double_precision import in_double, relative
from torch.nn.functional import cross_entropy

from mambahsi.network import MambaHSI, SceneGeometry
from mambahsi.scan import available_backends

pytestmark = pytest.mark.gpu


def test_the_network_gives_the_same(device: torch.device) -> None:
    problem = available_backends()["mamba_ssm"]
    if problem:
        pytest.skip(f"mamba_ssm cannot run here: {problem}")
    geometry = SceneGeometry(np.ones((151, 97), dtype=bool))
    torch.manual_seed(0)
    ours = MambaHSI(30, 64, 5, scan="mamba_ssm").to(device)
    torch.manual_seed(0)
    right = in_double(MambaHSI(30, 64, 5, scan="torch")).to(device)
    pixels = torch.rand(geometry.pixels, 30, device=device)
    truth = torch.randint(5, (geometry.pixels,), device=device)
    found = []
    for network, inputs in ((ours, pixels), (right, pixels.double())):
        logits = network.pixel_logits(inputs, geometry)
        cross_entropy(logits, truth).backward()
        found.append((logits.detach(), [p.grad for p in network.parameters()]))
    assert relative(found[0][0], found[1][0]) < 1e-4
    scale = max(float(g.norm()) for g in found[1][1])
    for got, expected in zip(found[0][1], found[1][1], strict=True):
        difference = float((got.double() - expected).norm())
        assert difference < max(1e-3 * float(expected.norm()), 1e-5 * scale)
