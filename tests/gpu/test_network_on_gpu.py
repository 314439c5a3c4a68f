"""The network on a CUDA device gives what our reference gives in double precision."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from make_small_parity import results

SMALL = Path(__file__).parents[1] / "core" / "parity_small.json"


@pytest.mark.gpu
@pytest.mark.parametrize("case", json.loads(SMALL.read_text()), ids=lambda case: case["name"])
def test_parity_on_the_gpu(case: dict[str, Any], device: torch.device) -> None:
    got = results(
        case["config"], case["rows"], case["columns"], "reference", torch.float64, str(device)
    )
    for key in ("logits", "loss", "gradients"):
        expected = np.array(case[key])
        difference = np.linalg.norm(np.array(got[key]) - expected)
        assert difference < 1e-9 * np.linalg.norm(expected), key
