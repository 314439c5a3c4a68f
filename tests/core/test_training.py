"""Training: the paper's protocol, checked against a plain loop that shares no code with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from mambahsi import training_loop
from mambahsi.errors import TrainingError
from mambahsi.feedback import CollectingFeedback, Feedback
from mambahsi.jobs import RasterSource, TrainJob, VectorSource
from mambahsi.network import MambaHSI, SceneGeometry
from mambahsi.training import TrainingData, train_network
from mambahsi.training_loop import CheckpointPlan, TrainingOutcome, validation_accuracy

BANDS, CLASSES = 6, 3


def make_data(validation: int = 40) -> TrainingData:
    generator = np.random.default_rng(1)
    classes = np.add.outer(np.arange(12) // 4, np.arange(14) // 5) % CLASSES
    valid = np.ones(classes.shape, dtype=bool)
    valid[2:4, 3:8] = False
    cube = generator.random((*classes.shape, BANDS)) * 0.6 + classes[..., None] * 0.2
    labels = torch.from_numpy(classes[valid])
    order = torch.from_numpy(generator.permutation(len(labels)))
    train, chosen = order[:30], order[30 : 30 + validation]
    return TrainingData(
        torch.from_numpy(cube[valid].astype(np.float32)),
        SceneGeometry(valid),
        train,
        labels[train],
        chosen,
        labels[chosen],
    )


def make_job(**changes: object) -> TrainJob:
    settings = {"epochs": 6, "learning_rate": 3e-3, **changes}
    return TrainJob(RasterSource("s"), VectorSource("l"), "class", "m", **settings)


def make_network(seed: int = 0) -> MambaHSI:
    torch.manual_seed(seed)
    return MambaHSI(BANDS, 16, CLASSES)


def run(
    folder: Path, job: TrainJob, data: TrainingData, seed: int = 0, feedback: Feedback | None = None
) -> tuple[MambaHSI, TrainingOutcome]:
    network = make_network(seed)
    plan = CheckpointPlan(folder / "model.checkpoint", {}, {})
    return network, train_network(network, data, job, plan, feedback or Feedback())


def same_weights(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def plain_loop(
    data: TrainingData, epochs: int, learning_rate: float, protocol: str = "spatial"
) -> tuple[list[float], list[float], list[dict[str, torch.Tensor]]]:
    """Loss before, accuracy and weights after each step, scored by a forward of its own."""
    network = make_network()
    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
    losses, accuracies, weights = [], [], []
    # The same pixels in the same order as in training, so that sums round alike: Adam makes
    # steps of full size out of gradients that are nothing but rounding.
    at = torch.cat([data.train, data.validation])
    for _ in range(epochs):
        optimizer.zero_grad()
        logits = network.pixel_logits(data.pixels, data.geometry, at)
        loss = functional.cross_entropy(logits[: len(data.train)], data.train_classes)
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            scored = network.pixel_logits(data.pixels, data.geometry, at)[len(data.train) :]
        losses.append(loss.item())
        correct = (scored.argmax(1) == data.validation_classes).numpy()
        groups = [data.validation_classes.numpy() == number for number in range(CLASSES)]
        if protocol == "random":
            groups = [np.ones(len(correct), dtype=bool)]
        means = [correct[group].mean() for group in groups if group.any()]
        accuracies.append(float(np.mean(means)) if means else 0.0)
        weights.append({k: v.clone() for k, v in network.state_dict().items()})
    return losses, accuracies, weights


# With the larger steps the best epoch is not the last, whose weights must then be gone.
@pytest.mark.parametrize(("epochs", "learning_rate", "last"), [(12, 3e-3, True), (20, 3e-2, False)])
@pytest.mark.parametrize("protocol", ["spatial", "random"])
def test_equals_a_plain_loop_that_scores_after_every_step(
    tmp_path: Path, protocol: str, epochs: int, learning_rate: float, last: bool
) -> None:
    data = make_data()
    job = make_job(epochs=epochs, learning_rate=learning_rate, protocol=protocol)
    losses, accuracies, weights = plain_loop(data, job.epochs, job.learning_rate, protocol)
    network, outcome = run(tmp_path, job, data)
    assert [c["epoch"] for c in outcome.curves] == list(range(1, epochs + 1))
    assert [c["loss"] for c in outcome.curves] == losses
    assert [c["validation_accuracy"] for c in outcome.curves] == pytest.approx(accuracies)
    # The best, and the later one of equals.
    best = max(range(job.epochs), key=lambda epoch: (accuracies[epoch], epoch))
    assert (best + 1 == epochs) == last, "this scene tells nothing about other epochs than these"
    assert outcome.best_epoch == best + 1
    assert outcome.best_accuracy == pytest.approx(accuracies[best])
    assert same_weights(network.state_dict(), weights[best])
    assert len({round(a, 6) for a in accuracies}) > 2, "the scene is too easy to tell epochs apart"


def test_polygons_choose_by_the_mean_over_classes_and_the_paper_by_all_pixels() -> None:
    classes = torch.tensor([0] * 8 + [2] * 2)
    large = torch.tensor([True] * 8 + [False] * 2)
    assert validation_accuracy(large, classes, "random") == 0.8
    # Class 1 has no validation pixel and does not count.
    assert validation_accuracy(large, classes, "spatial") == 0.5
    assert validation_accuracy(~large, classes, "spatial") == 0.5


def test_the_later_epoch_wins_a_tie(tmp_path: Path) -> None:
    # Steps this small change no prediction, so all epochs score the same.
    job = make_job(epochs=4, learning_rate=1e-9)
    _, outcome = run(tmp_path, job, make_data())
    assert len({c["validation_accuracy"] for c in outcome.curves}) == 1
    assert outcome.best_epoch == 4


def test_the_best_weights_are_kept_although_memory_ran_out_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy, copies, short = training_loop._copy, [0], [0]

    def copy_if_there_is_room(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        copies[0] += 1
        if copies[0] == short[0]:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 MiB.")
        return copy(weights)

    monkeypatch.setattr(training_loop, "_copy", copy_if_there_is_room)
    job = make_job(epochs=8)
    network, expected = run(tmp_path, job, make_data())
    # The copy that is the last, of the weights that stay the best.
    assert copies[0] > 1
    short[0], copies[0] = copies[0], 0
    feedback = CollectingFeedback()
    other, outcome = run(tmp_path, job, make_data(), feedback=feedback)
    assert sum("Memory ran out" in told for told in feedback.warnings) == 1
    assert outcome.best_epoch == expected.best_epoch
    assert outcome.best_accuracy == expected.best_accuracy
    for name, weights in network.state_dict().items():
        torch.testing.assert_close(other.state_dict()[name], weights, rtol=1e-3, atol=1e-5)
    # Every epoch is told once.
    assert [told["epoch"] for told in feedback.metrics] == list(range(1, 9))


def test_a_seed_gives_the_same_weights(tmp_path: Path) -> None:
    first, _ = run(tmp_path, make_job(), make_data())
    again, _ = run(tmp_path, make_job(), make_data())
    other, _ = run(tmp_path, make_job(), make_data(), seed=1)
    assert same_weights(first.state_dict(), again.state_dict())
    assert not same_weights(first.state_dict(), other.state_dict())


def test_without_validation_the_last_epoch_is_kept(tmp_path: Path) -> None:
    data = make_data(validation=0)
    _, _, weights = plain_loop(data, 3, 3e-3)
    feedback = CollectingFeedback()
    network, outcome = run(tmp_path, make_job(epochs=3), data, feedback=feedback)
    assert (outcome.best_epoch, outcome.best_accuracy) == (3, None)
    assert same_weights(network.state_dict(), weights[-1])
    assert [m["epoch"] for m in feedback.metrics] == [1, 2, 3]


def test_patience_stops_after_epochs_without_gain(tmp_path: Path) -> None:
    job = make_job(epochs=50, learning_rate=1e-9, patience=3)
    _, outcome = run(tmp_path, job, make_data())
    # Epoch 1 is the first and only gain.
    assert outcome.epochs == 4


def test_balanced_weights_make_classes_count_alike(tmp_path: Path) -> None:
    data = make_data()
    _, plain = run(tmp_path, make_job(epochs=1), data)
    _, balanced = run(tmp_path, make_job(epochs=1, class_weights="balanced"), data)
    with torch.no_grad():
        logits = make_network().pixel_logits(data.pixels, data.geometry, data.train)
        each = functional.cross_entropy(logits, data.train_classes, reduction="none")
    means = [each[data.train_classes == c].mean() for c in range(CLASSES)]
    assert plain.curves[0]["loss"] == pytest.approx(each.mean().item(), rel=1e-5)
    assert balanced.curves[0]["loss"] == pytest.approx(float(sum(means)) / CLASSES, rel=1e-5)


def test_a_loss_that_is_not_finite_names_the_epoch(tmp_path: Path) -> None:
    data = make_data()
    data.pixels[0, 0] = float("nan")
    with pytest.raises(TrainingError, match=r"epoch 1 .*learning rate"):
        run(tmp_path, make_job(), data)


def test_every_epoch_is_told_once_with_its_own_accuracy(tmp_path: Path) -> None:
    feedback = CollectingFeedback()
    _, outcome = run(tmp_path, make_job(epochs=5), make_data(), feedback=feedback)
    told = [(m["epoch"], m["loss"], m["validation_accuracy"]) for m in feedback.metrics]
    assert told == [(c["epoch"], c["loss"], c["validation_accuracy"]) for c in outcome.curves]
    assert all(m["pixels_per_second"] > 0 and m["epochs"] == 5 for m in feedback.metrics)
    assert feedback.metrics[-1]["seconds_left"] == 0
    assert feedback.fractions == sorted(feedback.fractions)
