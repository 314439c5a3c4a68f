"""Writes ``parity_small.json``: results of our own reference in double precision.

The large reference vectors of the published network are not part of the repository. These
small ones are: weights and image follow from a formula, and only logits, loss and each
gradient's product with a fixed vector are kept. Run this file to write them anew.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from mambahsi.network import MambaHSI, SceneGeometry

CASES = {
    "both": {"in_channels": 5, "hidden_dim": 16, "num_classes": 3},
    "spatial": {"in_channels": 4, "hidden_dim": 8, "num_classes": 3, "mamba_type": "spa"},
    "spectral": {"in_channels": 4, "hidden_dim": 8, "num_classes": 2, "mamba_type": "spe"},
    "sum": {
        "in_channels": 3,
        "hidden_dim": 16,
        "num_classes": 2,
        "token_num": 2,
        "use_att": False,
        "use_residual": False,
    },
}


def _wave(shape: tuple[int, ...], phase: float) -> torch.Tensor:
    count = int(np.prod(shape))
    return torch.sin(torch.arange(count, dtype=torch.float64) * 1.7 + phase).reshape(shape)


def results(
    config: dict[str, Any],
    rows: int,
    columns: int,
    backend: str,
    dtype: torch.dtype,
    device: str = "cpu",
) -> dict[str, Any]:
    """Logits, loss and gradients of the case, with a hole of nodata in the image."""
    net = MambaHSI(**config, scan=backend).to(device, dtype)
    for number, parameter in enumerate(net.parameters()):
        change = 0.1 * _wave(tuple(parameter.shape), number)
        with torch.no_grad():
            if parameter.dim() > 1 and parameter.shape[-1] != 16:
                parameter.copy_(change * 3)
            else:
                parameter.copy_(1 + change)
    valid = np.ones((rows, columns), bool)
    valid[2:5, 3:7] = False
    geometry = SceneGeometry(valid)
    pixels = _wave((geometry.pixels, config["in_channels"]), 0.5).to(device, dtype)
    logits = net.pixel_logits(pixels, geometry)
    labels = torch.arange(geometry.pixels, device=device) % config["num_classes"]
    loss = F.cross_entropy(logits, labels)
    loss.backward()
    gradients = []
    for number, parameter in enumerate(net.parameters()):
        assert parameter.grad is not None
        probe = _wave(tuple(parameter.shape), number + 0.3)
        gradients.append(float((parameter.grad.cpu().double() * probe).sum()))
    return {
        "logits": logits.detach().cpu().double()[::7].tolist(),
        "loss": float(loss.detach()),
        "gradients": gradients,
    }


def main() -> None:
    """Write the file."""
    cases = [
        {
            "name": name,
            "config": config,
            "rows": 11,
            "columns": 13,
            **results(config, 11, 13, "reference", torch.float64),
        }
        for name, config in CASES.items()
    ]
    (Path(__file__).parent / "parity_small.json").write_text(json.dumps(cases) + "\n")


if __name__ == "__main__":
    main()
