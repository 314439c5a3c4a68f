"""What a fresh process takes before its first result, with and without kept machine code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.common.folders import FOLDER, ROOT
from benchmarks.cpu.settings import Settings
from benchmarks.cpu.timing import Result, Row, Timing

PROGRAM = """
import json, time
stages = {}
def stage(name, since):
    stages[name] = [time.perf_counter() - since[0], time.process_time() - since[1]]
    return time.perf_counter(), time.process_time()
now = time.perf_counter(), time.process_time()
import torch
now = stage("import of PyTorch", now)
import numpy
from mambahsi.network import MambaHSI, SceneGeometry
from mambahsi.scan import set_threads
now = stage("import of the network", now)
set_threads(1)
network = MambaHSI(4, 16, 3, scan="cpu")
geometry = SceneGeometry(numpy.ones((8, 8), bool))
pixels = torch.rand(64, 4)
with torch.no_grad():
    network.pixel_logits(pixels, geometry)
now = stage("first inference", now)
network.pixel_logits(pixels, geometry).sum().backward()
now = stage("first training step", now)
print(json.dumps(stages))
"""

WHOLE = "whole process"


def run(settings: Settings) -> Result:
    """Measure a cold start, then warm ones; the system's own file cache is warm in all."""
    result = Result()
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        # Reads the libraries' files once, so that the cold start does not pay for the disk.
        _start(Path(folder) / "spare")
        runs = [_start(Path(folder) / "kept") for _ in range(settings.rounds + 1)]
    for title, some in (("cold", runs[:1]), ("warm", runs[1:])):
        for stage in runs[0]:
            timing = Timing()
            for values in some:
                timing.add({"wall": [values[stage][0]], "cpu": [values[stage][1]]})
            result.rows.append(Row.of(f"start, {title}: {stage}", timing, 0))
            result.figures[f"{title} {stage}"] = timing.median
    return result


def _start(cache: Path) -> dict[str, Any]:
    """Stages of one start, seconds by the clock and on the processor."""
    environment = os.environ | {"MAMBAHSI_CACHE_DIR": str(cache)}
    started, used = time.perf_counter(), os.times()
    command = [sys.executable, "-c", PROGRAM]
    text = subprocess.run(
        command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    done = os.times()
    spent = done.children_user + done.children_system - used.children_user - used.children_system
    return json.loads(text) | {WHOLE: [time.perf_counter() - started, spent]}
