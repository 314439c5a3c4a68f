"""The training of the paper: 200 epochs on a scene of Pavia University's size.

The engine's own training loop, validation, checkpoints and all; only reading the scene is not in
it. Upstream makes as many bare steps. The first step, with which kernels are compiled or loaded,
comes before and is told alone.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks.gpu.clock import Clock, Failure
from benchmarks.gpu.contenders import Contender, Ours, makers
from benchmarks.gpu.results import Result, Row
from benchmarks.gpu.settings import Settings
from mambahsi.feedback import Feedback
from mambahsi.jobs import RasterSource, TrainJob, VectorSource
from mambahsi.training import TrainingData, train_network
from mambahsi.training_loop import CheckpointPlan

VALIDATION_PER_CLASS = 10


def run(settings: Settings, result: Result) -> None:
    """Measure at the size of the first scene."""
    name, size = settings.first, settings.sizes[settings.first]
    pixels = size[0] * size[1]
    clock = Clock(torch.device(settings.device))
    title = f"{name}, {settings.epochs} epochs"
    for contender, make in makers(settings, size).items():
        if contender == "torch":
            # Says nothing that its step does not say.
            continue
        try:
            ready = make()
            started = time.perf_counter()
            ready.train().item()
            first = time.perf_counter()
            if isinstance(ready, Ours):
                _train(ready, settings)
            else:
                _steps(ready, settings.epochs)
            seconds: float | Failure = time.perf_counter() - first
            result.add(Row(f"{name}, first step: {contender}", pixels, first - started))
            del ready
        except Exception as error:
            seconds = clock.failure(error)
        clock.clear()
        if isinstance(seconds, float):
            result.figures[contender] = seconds
        result.add(Row.of(f"{title}: {contender}", pixels, seconds))


def _steps(contender: Contender, epochs: int) -> None:
    for _ in range(epochs):
        contender.train().item()


def _train(ours: Ours, settings: Settings) -> None:
    """Train as a job does."""
    device, pixels = torch.device(settings.device), ours.geometry.pixels
    random = np.random.default_rng(0)
    count = min(VALIDATION_PER_CLASS * settings.classes, pixels)
    numbers = random.choice(pixels, count, replace=False)
    data = TrainingData(
        ours.pixels,
        ours.geometry,
        ours.at,
        ours.truth,
        torch.from_numpy(np.sort(numbers)).to(device),
        torch.from_numpy(random.integers(settings.classes, size=count)).to(device),
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "training.checkpoint"
        job = TrainJob(
            scene=RasterSource("none"),
            labels=VectorSource("none"),
            class_field="none",
            model=str(Path(folder) / "model.safetensors"),
            epochs=settings.epochs,
        )
        train_network(ours.ours, data, job, CheckpointPlan(path, {}, {}), Feedback())
