"""Trainings on a card: the same bits every time, and on with less memory where it runs out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from mambahsi import cancellation
from mambahsi.errors import Cancelled
from mambahsi.feedback import Feedback
from mambahsi.jobs import RasterSource, TrainJob, VectorSource
from mambahsi.network import MambaHSI, SceneGeometry
from mambahsi.training import TrainingData, train_network
from mambahsi.training_loop import CheckpointPlan, TrainingOutcome

pytestmark = pytest.mark.gpu

CLASSES, BANDS = 5, 60
Weights = dict[str, torch.Tensor]


class Listener(Feedback):
    """Keeps warnings, and stops a training after an epoch."""

    def __init__(self, stop_after: int = 0) -> None:
        self.stop_after = stop_after
        self.warnings: list[str] = []

    def warning(self, message: str) -> None:
        self.warnings.append(message)

    def metric(self, **values: float | int | str | None) -> None:
        if self.stop_after and values.get("epoch") == self.stop_after:
            cancellation.request()


def data_on(device: torch.device, rows: int, columns: int) -> TrainingData:
    geometry = SceneGeometry(np.ones((rows, columns), dtype=bool))
    generator = torch.Generator().manual_seed(0)
    truth = torch.randint(CLASSES, (geometry.pixels,), generator=generator)
    pixels = torch.rand(geometry.pixels, BANDS, generator=generator) + 0.1 * truth[:, None]
    numbers = torch.randperm(geometry.pixels, generator=generator)
    train, validation = numbers[:150].sort().values, numbers[150:200].sort().values
    return TrainingData(
        pixels.to(device),
        geometry,
        train.to(device),
        truth[train].to(device),
        validation.to(device),
        truth[validation].to(device),
    )


def train(
    data: TrainingData,
    folder: Path,
    epochs: int,
    listener: Listener | None = None,
    resume: bool = False,
    scan: str = "triton",
) -> tuple[Weights, TrainingOutcome]:
    torch.manual_seed(0)
    network = MambaHSI(BANDS, 64, CLASSES, scan=scan).to(data.pixels.device)
    job = TrainJob(
        scene=RasterSource("none"),
        labels=VectorSource("none"),
        class_field="none",
        model=str(folder / "model"),
        epochs=epochs,
        resume=resume,
    )
    plan = CheckpointPlan(folder / "training.checkpoint", {}, {"plan": "whole"})
    outcome = train_network(network, data, job, plan, listener or Listener())
    return {name: x.cpu() for name, x in network.state_dict().items()}, outcome


def same(one: Weights, other: Weights) -> bool:
    return all(torch.equal(x, other[name]) for name, x in one.items())


def test_two_trainings_give_the_same_bits(triton: torch.device, tmp_path: Path) -> None:
    data = data_on(triton, 131, 77)
    results = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        results.append(train(data, tmp_path / name, 12))
    assert same(results[0][0], results[1][0])
    assert results[0][1].curves == results[1][1].curves


def test_a_resumed_training_equals_an_uninterrupted_one(
    triton: torch.device, tmp_path: Path
) -> None:
    data = data_on(triton, 131, 77)
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    whole, whole_outcome = train(data, tmp_path / "one", 10)
    try:
        with pytest.raises(Cancelled):
            train(data, tmp_path / "other", 10, Listener(stop_after=4))
    finally:
        cancellation.reset()
    resumed, outcome = train(data, tmp_path / "other", 10, resume=True)
    assert same(whole, resumed)
    assert outcome.curves == whole_outcome.curves


def test_a_training_that_runs_out_of_memory_goes_on_with_recomputation(
    triton: torch.device, tmp_path: Path
) -> None:
    data = data_on(triton, 1200, 900)
    peaks = {}
    for recompute in (False, True):
        torch.manual_seed(0)
        network = MambaHSI(BANDS, 64, CLASSES, scan="triton").to(triton)
        network.recompute = recompute
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(triton)
        network.pixel_logits(data.pixels, data.geometry, at=data.train).sum().backward()
        torch.cuda.synchronize(triton)
        peaks[recompute] = torch.cuda.max_memory_reserved(triton)
        del network
        torch.cuda.empty_cache()
    assert peaks[True] < 0.9 * peaks[False]
    total = torch.cuda.get_device_properties(triton).total_memory
    limit = (2 * peaks[True] + peaks[False]) / 3
    torch.cuda.set_per_process_memory_fraction(limit / total, triton)
    listener = Listener()
    weights, outcome = train(data, tmp_path, 2, listener)
    assert outcome.epochs == 2
    assert all(bool(x.isfinite().all()) for x in weights.values())
    assert any("Memory ran out in epoch 1" in text for text in listener.warnings)


def test_what_no_plan_fits_ends_with_the_error_and_leaves_the_card_usable(
    triton: torch.device, tmp_path: Path
) -> None:
    data = data_on(triton, 1200, 900)
    torch.cuda.empty_cache()
    held = torch.cuda.memory_reserved(triton)
    total = torch.cuda.get_device_properties(triton).total_memory
    torch.cuda.set_per_process_memory_fraction((held + 100_000_000) / total, triton)
    with pytest.raises(torch.OutOfMemoryError):
        train(data, tmp_path, 2)
    torch.cuda.set_per_process_memory_fraction(1.0, triton)
    _, outcome = train(data, tmp_path, 1)
    assert outcome.epochs == 1
