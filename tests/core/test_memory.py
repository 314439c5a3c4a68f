"""Predicted memory against what the operating system counts."""

from __future__ import annotations

import subprocess
import sys

import pytest

MEASURE = """
import sys
import numpy as np
import torch
from pathlib import Path
from mambahsi.network import MambaHSI, SceneGeometry
from mambahsi.scan import set_threads

side, bands, width, kind, task, scan = sys.argv[1:]
set_threads(2)


def resident(key):
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(key)).split()[1]) * 1024


def run(side):
    net = MambaHSI(int(bands), int(width), 8, mamba_type=kind, scan=scan)
    net.recompute = task == "recompute"
    geometry = SceneGeometry(np.ones((side, side), bool))
    pixels = torch.rand(side * side, int(bands))
    at = torch.arange(0, side * side, 10)
    optimizer = torch.optim.Adam(net.parameters())
    for _ in range(2):
        with torch.set_grad_enabled(task != "inference"):
            logits = net.pixel_logits(pixels, geometry, at)
        if task != "inference":
            optimizer.zero_grad()
            logits.square().mean().backward()
            optimizer.step()


run(20)  # loads and compiles everything
before = resident("VmRSS")
Path("/proc/self/clear_refs").write_text("5")
run(int(side))
print(resident("VmHWM") - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
@pytest.mark.parametrize(
    ("side", "bands", "width", "kind", "task", "scan"),
    [
        (200, 100, 128, "both", "training", "cpu"),
        (250, 100, 128, "both", "recompute", "cpu"),
        (220, 20, 128, "spa", "training", "cpu"),
        (300, 100, 128, "both", "inference", "cpu"),
        (160, 100, 128, "both", "recompute", "torch"),
    ],
)
def test_prediction_is_near_the_measured_peak(
    side: int, bands: int, width: int, kind: str, task: str, scan: str
) -> None:
    from mambahsi.network.memory import inference_bytes, training_bytes

    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *map(str, (side, bands, width, kind, task, scan))],
        capture_output=True,
        text=True,
        check=True,
    )
    measured = int(done.stdout)
    predicted = (
        inference_bytes(side * side, bands, width, kind, scan=scan)
        if task == "inference"
        else training_bytes(
            side * side, bands, width, kind, recompute=task == "recompute", scan=scan
        )
    )
    assert 0.7 * predicted < measured < 1.4 * predicted
