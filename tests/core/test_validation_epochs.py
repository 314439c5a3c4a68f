"""Scoring without a forward pass of its own chooses what scoring with one would choose.

Training takes the forward pass of epoch e + 1 as the evaluation of the weights that epoch e
left. Here a plain loop does what one would write down first: a step, then a forward pass in
evaluation mode, then a decision. Both must come to the same epoch, the same curve and the
same weights, bit for bit, whatever the seed, the protocol, the patience and the kind of
network.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from mambahsi.feedback import Feedback
from mambahsi.jobs import RasterSource, TrainJob, VectorSource
from mambahsi.network import MambaHSI, SceneGeometry
from mambahsi.training import TrainingData, train_network
from mambahsi.training_loop import CheckpointPlan, TrainingOutcome

BANDS, CLASSES, WIDTH = 5, 3, 8
EPOCHS = 12

Weights = dict[str, Tensor]


class CountingNetwork(MambaHSI):
    """Counts forward passes over the scene."""

    with_gradients = 0
    without = 0

    def coarse_logits(self, *arguments: Any, **named: Any) -> Tensor:
        if torch.is_grad_enabled():
            self.with_gradients += 1
        else:
            self.without += 1
        return super().coarse_logits(*arguments, **named)


def draw_data(seed: int, validation: int) -> TrainingData:
    """A scene of 9 x 10 pixels that is hard enough for accuracies to go up and down."""
    generator = np.random.default_rng(seed)
    classes = np.add.outer(np.arange(9) // 3, np.arange(10) // 4) % CLASSES
    valid = generator.random(classes.shape) > 0.1
    cube = generator.random((*classes.shape, BANDS)) + classes[..., None] * 0.3
    labels = torch.from_numpy(classes[valid])
    order = torch.from_numpy(generator.permutation(len(labels)))
    train, chosen = order[:12], order[12 : 12 + validation]
    return TrainingData(
        torch.from_numpy(cube[valid].astype(np.float32)),
        SceneGeometry(valid),
        train,
        labels[train],
        chosen,
        labels[chosen],
    )


def draw_network(seed: int, mamba_type: str, scan: str) -> CountingNetwork:
    torch.manual_seed(seed)
    return CountingNetwork(BANDS, WIDTH, CLASSES, mamba_type=mamba_type, scan=scan)


@dataclass
class Explicit:
    """What the plain loop did: after each epoch the accuracy and the weights, and its choice."""

    losses: list[float]
    accuracies: list[float]
    weights: list[Weights]
    best_epoch: int


def score(network: MambaHSI, data: TrainingData, protocol: str) -> float:
    """Accuracy on the validation pixels, by a forward pass for nothing else."""
    network.eval()
    with torch.no_grad():
        logits = network.pixel_logits(data.pixels, data.geometry, data.validation)
    network.train()
    correct = (logits.argmax(1) == data.validation_classes).numpy()
    if protocol == "random":
        return int(correct.sum()) / len(correct)
    classes = data.validation_classes.numpy()
    shares = [correct[classes == c].mean() for c in range(CLASSES) if (classes == c).any()]
    return float(np.mean(shares))


def train_explicitly(network: MambaHSI, data: TrainingData, job: TrainJob) -> Explicit:
    done = Explicit([], [], [], 0)
    optimizer = torch.optim.Adam(network.parameters(), lr=job.learning_rate)
    # The pixels that training takes, in its order: gradients are sums, and sums round.
    at = torch.cat([data.train, data.validation])
    best, improved = -1.0, 0
    for epoch in range(1, job.epochs + 1):
        optimizer.zero_grad()
        logits = network.pixel_logits(data.pixels, data.geometry, at)[: len(data.train)]
        loss = functional.cross_entropy(logits, data.train_classes)
        loss.backward()
        optimizer.step()
        accuracy = score(network, data, job.protocol)
        done.losses.append(loss.item())
        done.accuracies.append(accuracy)
        done.weights.append({k: v.clone() for k, v in network.state_dict().items()})
        if accuracy > best:
            improved = epoch
        if accuracy >= best:
            best, done.best_epoch = accuracy, epoch
        if job.patience and epoch - improved >= job.patience:
            break
    return done


def make_job(**changes: Any) -> TrainJob:
    settings = {"epochs": EPOCHS, "learning_rate": 2e-2, **changes}
    return TrainJob(RasterSource("s"), VectorSource("l"), "class", "m", **settings)


def compare(
    folder: Path,
    seed: int,
    job: TrainJob,
    validation: int = 9,
    mamba_type: str = "both",
    scan: str = "auto",
) -> tuple[Explicit, TrainingOutcome]:
    """Train in both ways, and hold one against the other."""
    data = draw_data(seed, validation)
    expected = train_explicitly(draw_network(seed, mamba_type, scan), data, job)
    network = draw_network(seed, mamba_type, scan)
    plan = CheckpointPlan(folder / f"{seed}.checkpoint", {}, {})
    outcome = train_network(network, data, job, plan, Feedback())
    assert [c["loss"] for c in outcome.curves] == expected.losses
    accuracies = [c["validation_accuracy"] for c in outcome.curves]
    assert accuracies == pytest.approx(expected.accuracies, abs=1e-12)
    assert outcome.epochs == len(expected.losses)
    assert outcome.best_epoch == expected.best_epoch
    kept = expected.weights[expected.best_epoch - 1]
    got = network.state_dict()
    assert all(torch.equal(got[name], kept[name]) for name in kept)
    # One forward pass a step, and one more: after the last epoch, or to find that it stalled.
    assert network.with_gradients + network.without == outcome.epochs + 1
    assert network.without <= 1
    return expected, outcome


@pytest.mark.parametrize("protocol", ["spatial", "random"])
@pytest.mark.parametrize("patience", [0, 2, 4])
def test_the_same_epoch_and_the_same_bits(tmp_path: Path, protocol: str, patience: int) -> None:
    bests, lengths, ties = set(), set(), 0
    for seed in range(6):
        job = make_job(protocol=protocol, patience=patience)
        expected, outcome = compare(tmp_path, seed, job)
        bests.add(outcome.best_epoch)
        lengths.add(outcome.epochs)
        ties += expected.accuracies.count(max(expected.accuracies)) > 1
    # Otherwise these seeds would tell nothing.
    assert len(bests) > 2 and ties > 0
    assert (len(lengths) > 1) == (patience > 0)


@pytest.mark.parametrize("mamba_type", ["spa", "spe"])
def test_either_branch_alone(tmp_path: Path, mamba_type: str) -> None:
    compare(tmp_path, 0, make_job(patience=4), mamba_type=mamba_type)


@pytest.mark.parametrize("scan", ["torch", "reference"])
def test_every_scan(tmp_path: Path, scan: str) -> None:
    compare(tmp_path, 1, make_job(epochs=6), scan=scan)


def test_of_epochs_that_score_the_same_the_latest_is_kept(tmp_path: Path) -> None:
    """One validation pixel scores 0 or 1, so that nearly all epochs are ties."""
    expected, outcome = compare(tmp_path, 0, make_job(protocol="random"), validation=1)
    best = max(expected.accuracies)
    tied = [number for number, value in enumerate(expected.accuracies, start=1) if value == best]
    assert len(tied) > 2 and outcome.best_epoch == tied[-1]
    first, last = (expected.weights[number - 1] for number in (tied[0], tied[-1]))
    assert not all(torch.equal(first[name], last[name]) for name in first)


def test_a_tie_does_not_feed_the_patience(tmp_path: Path) -> None:
    """An epoch that only equals the best is kept, but it is no gain."""
    # Steps so small that no prediction changes.
    job = make_job(learning_rate=1e-9, patience=3)
    expected, outcome = compare(tmp_path, 0, job)
    assert len(set(expected.accuracies)) == 1
    assert (outcome.epochs, outcome.best_epoch) == (4, 4)


@pytest.mark.parametrize("epochs", [1, 2, 5])
def test_the_step_of_the_last_epoch_is_scored_too(tmp_path: Path, epochs: int) -> None:
    # Steps so small that all epochs score the same, and the last one wins the tie.
    data = draw_data(3, 9)
    job = make_job(epochs=epochs, learning_rate=1e-9, protocol="random")
    network = draw_network(3, "both", "auto")
    before = {k: v.clone() for k, v in network.state_dict().items()}
    plan = CheckpointPlan(tmp_path / "c", {}, {})
    outcome = train_network(network, data, job, plan, Feedback())
    assert outcome.best_epoch == outcome.epochs == epochs
    assert outcome.curves[-1]["validation_accuracy"] == outcome.best_accuracy
    assert (network.with_gradients, network.without) == (epochs, 1)
    assert not all(torch.equal(before[k], v) for k, v in network.state_dict().items())


def test_without_validation_no_forward_pass_is_spent(tmp_path: Path) -> None:
    network = draw_network(0, "both", "auto")
    plan = CheckpointPlan(tmp_path / "c", {}, {})
    train_network(network, draw_data(0, 0), make_job(epochs=4), plan, Feedback())
    assert (network.with_gradients, network.without) == (4, 0)
