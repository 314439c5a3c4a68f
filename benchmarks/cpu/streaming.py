"""A scene larger than its memory budget, through the command line as a user would do it.

Runs of ``mambahsi classify``: a part of the scene in memory, before and after the others; the
same part streamed; the whole scene streamed; and the whole scene once more, killed half way and
started again. The maps of the same pixels are compared. What the engine takes for some rows is
taken off the durations that rates are made of, but not off those of the killed and the resumed
run, which are counted whole. Memory is the peak resident size of the engine's whole process as
the operating system tells it, everything included. The scene comes from the system's file cache
where the machine has the memory for that.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio

from benchmarks.common.folders import FOLDER, ROOT
from benchmarks.common.scenes import patches, real_spectra
from benchmarks.cpu import stream_scene
from benchmarks.cpu.contender import resident
from benchmarks.cpu.settings import Settings
from benchmarks.cpu.timing import Result, Row

PLENTY = 1000.0
"""A memory budget that never ends, GB."""

SOME_ROWS = 8
"""Rows that take the engine no time but that of its start."""

_GLANCE = 0.1
"""Seconds between two looks at a process's memory."""


@dataclass(frozen=True)
class Run:
    """A finished or killed run.

    Attributes:
        wall: Seconds from start to end.
        job: Seconds of the job alone, as the engine reports them; 0 if it was killed.
        cpu: Seconds on all processors.
        peak: Largest resident size in bytes.
    """

    wall: float
    job: float
    cpu: float
    peak: int


def run(settings: Settings) -> Result:
    """Measure, on one thread."""
    rows, columns, bands = settings.stream
    folder = FOLDER / "stream"
    folder.mkdir(parents=True, exist_ok=True)
    scene, model = folder / "scene.tif", folder / "model.safetensors"
    truth = patches(rows, columns, len(real_spectra()))
    try:
        if not scene.exists():
            partial = folder / "partial.tif"
            stream_scene.write_scene(partial, rows, columns, bands)
            partial.replace(scene)
        stream_scene.copy_rows(scene, folder / "part.tif", settings.stream_rows)
        stream_scene.copy_rows(scene, folder / "some.tif", SOME_ROWS)
        stream_scene.write_model(model, scene, truth, settings.width)
        return _measure(settings, scene, model, folder)
    finally:
        if settings.stream_keep:
            for path in folder.glob("*"):
                if path != scene:
                    path.unlink()
        else:
            shutil.rmtree(folder)


def _measure(settings: Settings, scene: Path, model: Path, folder: Path) -> Result:
    budget, part = settings.stream_memory, folder / "part.tif"
    start = classify(folder / "some.tif", model, folder / "some_rows.tif", PLENTY)
    in_memory = classify(part, model, folder / "in_memory.tif", PLENTY)
    part_streamed = classify(part, model, folder / "part_streamed.tif", budget)
    whole = classify(scene, model, folder / "whole.tif", budget)
    target = folder / "resumed.tif"
    half_way = whole.wall - whole.job / 2
    killed = classify(scene, model, target, budget, kill_after=half_way)
    resumed = classify(scene, model, target, budget, resume=True)
    again = classify(part, model, folder / "in_memory.tif", PLENTY)

    few = settings.stream_rows * settings.stream[1]
    many = settings.stream[0] * settings.stream[1]
    agreement = same(folder / "in_memory.tif", folder / "part_streamed.tif")
    reached = few / ((in_memory.job + again.job) / 2 - start.job)
    rate = many / (whole.job - start.job) / reached
    with_kill = many / (killed.wall + resumed.wall) / reached
    runs = (whole, killed, resumed)
    result = Result()
    result.figures = {
        "rate": rate,
        "rate_with_kill": with_kill,
        "peak": max(run.peak for run in runs),
        "resumed_same": float(same(folder / "whole.tif", target) == 1),
        "agreement": agreement,
    }
    for what, one, pixels in (
        ("in memory, some rows", start, SOME_ROWS * settings.stream[1]),
        ("in memory, a part", in_memory, few),
        ("streamed, the same part", part_streamed, few),
        ("streamed, whole", whole, many),
        ("streamed, killed half way", killed, many),
        ("streamed, resumed", resumed, many),
        ("in memory, a part, again", again, few),
    ):
        text = f"peak {one.peak / 1e9:.2f} GB"
        # The job of a run that goes on is not the whole work.
        if one.job > start.job and one is not resumed:
            text += f", {pixels / (one.job - start.job):,.0f} pixels a second"
        result.rows.append(Row(what, pixels, 1, one.wall, one.cpu, text))
    result.notes.append(
        f"Streamed and in-memory maps of the same {few:,} pixels agree in {agreement:.4%} of them."
        f" The run that went on after the kill took {resumed.wall / whole.wall:.2f} of the time of"
        f" one in one go; both runs together reach {with_kill:.2f} of the rate in memory."
    )
    return result


def classify(
    scene: Path,
    model: Path,
    target: Path,
    memory: float,
    kill_after: float | None = None,
    resume: bool = False,
) -> Run:
    """Run the command line once.

    Args:
        scene: The scene.
        model: The model.
        target: The map to write.
        memory: Memory budget, GB.
        kill_after: Seconds after which the process is killed, which has to come before its end.
        resume: Ask to go on where another run ended, if that has to be asked for.

    Raises:
        SystemExit: It failed, or ended before it was killed.
    """
    command = [sys.executable, "-m", "mambahsi", "classify", "--json", "--threads", "1"]
    command += ["--scene", str(scene), "--model", str(model), "--classification", str(target)]
    command += ["--memory", str(memory), "--device", "cpu"]
    if resume and _asks_for_resume():
        command.append("--resume")
    started, peak, killed = time.monotonic(), 0, False
    before = os.times()
    with tempfile.TemporaryFile("w+", dir=target.parent) as answer:
        process = subprocess.Popen(command, cwd=ROOT, stdout=answer)
        try:
            while process.poll() is None:
                peak = max(peak, _peak(process.pid))
                if kill_after is not None and time.monotonic() - started > kill_after:
                    process.send_signal(signal.SIGKILL)
                    killed = True
                time.sleep(_GLANCE)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        wall, after = time.monotonic() - started, os.times()
        answer.seek(0)
        text = answer.read()
    if (kill_after is None and process.returncode) or (kill_after is not None and not killed):
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}.")
    job: dict[str, Any] = {} if killed else json.loads(text)
    cpu = sum(after[2:4]) - sum(before[2:4])
    return Run(wall, float(job.get("seconds", 0)), cpu, peak)


def _asks_for_resume() -> bool:
    """Whether the command line has an option to go on; else it does so by itself."""
    command = [sys.executable, "-m", "mambahsi", "classify", "--help"]
    return "--resume" in subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout


def _peak(process: int) -> int:
    """Peak resident size so far; 0 where the process has just ended."""
    try:
        return resident("VmHWM", process)
    except OSError:
        return 0


def same(one: Path, other: Path) -> float:
    """Share of the pixels in which two maps are the same."""
    with rasterio.open(one) as a, rasterio.open(other) as b:
        return float(np.mean(a.read(1) == b.read(1)))
