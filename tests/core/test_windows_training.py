"""Training on windows: the loss that it promises, going on after a stop, and what it reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rasterio.windows import Window
from torch.nn import functional

from mambahsi import cancellation, jobs, runs
from mambahsi.checkpoint import checkpoint_path, load_checkpoint
from mambahsi.errors import Cancelled, ModelError
from mambahsi.feedback import CollectingFeedback, Feedback
from mambahsi.jobs import JobError, RasterSource, TrainJob, VectorSource
from mambahsi.model_file import ModelFile, load_model
from mambahsi.network import MambaHSI, SceneGeometry
from mambahsi.normalization import Normalization
from mambahsi.plans import Task
from mambahsi.scene import Scene, survey_bands
from mambahsi.training_loop import CheckpointPlan
from mambahsi.windows.placement import fixed_cover, random_cover
from mambahsi.windows.tiles import TileRaster, WindowReader
from mambahsi.windows.training import LabeledPixels, train_on_windows

WriteScene = Callable[..., Path]
CLASSES = 3


@pytest.fixture
def scene(write_scene: WriteScene) -> Any:
    """An open scene of 40 x 36 pixels with 5 bands and a hole."""
    generator = np.random.default_rng(0)
    classes = np.add.outer(np.arange(40) // 7, np.arange(36) // 6) % CLASSES
    cube = (generator.random((5, 40, 36)) * 600 + 400 * classes).astype(np.int16)
    cube[:, 10:14, 3:20] = -1
    with Scene.open(RasterSource(str(write_scene(cube, nodata=-1)))) as opened:
        yield opened


def open_reader(scene: Scene, limit: int = 10**9) -> WindowReader:
    survey = survey_bands(scene)
    normalization = Normalization.fit(scene, survey.used, survey.valid)
    tiles = TileRaster((40, 36), len(survey.used), 8, 16)
    return WindowReader(scene, survey.used, survey.valid, normalization, tiles, limit)


def labeled(reader: WindowReader, seed: int, count: int) -> LabeledPixels:
    points = np.argwhere(reader.valid)
    chosen = np.sort(np.random.default_rng(seed).choice(len(points), count, replace=False))
    points = points[chosen]
    classes = (points[:, 0] // 7 + points[:, 1] // 6) % CLASSES
    return LabeledPixels(points, torch.from_numpy(classes))


def make_job(**changes: Any) -> TrainJob:
    settings = {"epochs": 3, "learning_rate": 3e-3, "seed": 4, **changes}
    return TrainJob(RasterSource("s"), VectorSource("l"), "class", "m", **settings)


def make_network() -> MambaHSI:
    torch.manual_seed(0)
    return MambaHSI(5, 16, CLASSES)


def window_logits(
    network: MambaHSI, reader: WindowReader, window: Window, points: np.ndarray
) -> torch.Tensor:
    """Logits of some pixels, looked up in the image of a window's logits."""
    pixels, mask = reader.read(window, Feedback())
    logits = network.pixel_logits(pixels, SceneGeometry(mask))
    image = torch.full((*mask.shape, CLASSES), torch.nan)
    image[torch.from_numpy(mask)] = logits
    rows, columns = points.T
    return image[rows - window.row_off, columns - window.col_off]


@pytest.mark.parametrize("weights", ["none", "balanced"])
def test_equals_a_plain_loop(tmp_path: Path, scene: Scene, weights: str) -> None:
    reader, shape = open_reader(scene), (12, 16)
    train, validation = labeled(reader, 1, 60), labeled(reader, 2, 40)
    job = make_job(class_weights=weights)
    network = make_network()
    plan = CheckpointPlan(tmp_path / "c", {}, {})
    outcome = train_on_windows(network, reader, shape, train, validation, job, plan, Feedback())

    plain = make_network()
    optimizer = torch.optim.Adam(plain.parameters(), lr=job.learning_rate)
    counts = torch.bincount(train.classes)
    each = len(train.classes) / (CLASSES * counts) if weights == "balanced" else torch.ones(CLASSES)
    scored = fixed_cover(validation.points, (40, 36), shape)
    losses, accuracies, states = [], [], []
    for epoch in (1, 2, 3):
        total = 0.0
        cover = random_cover(train.points, (40, 36), shape, np.random.default_rng((4, epoch)))
        assert len(cover) > 3
        for item in cover:
            logits = window_logits(plain, reader, item.window, train.points[item.members])
            classes = train.classes[item.members]
            losses_here = functional.cross_entropy(logits, classes, reduction="none")
            loss = (losses_here * each[classes]).sum() / 60
            optimizer.zero_grad()
            (loss * len(cover)).backward()
            optimizer.step()
            total += loss.item()
        right = torch.zeros(40, dtype=torch.bool)
        with torch.no_grad():
            for item in scored:
                logits = window_logits(plain, reader, item.window, validation.points[item.members])
                right[item.members] = logits.argmax(1) == validation.classes[item.members]
        means = [right[validation.classes == c].double().mean().item() for c in range(CLASSES)]
        losses.append(total)
        accuracies.append(sum(means) / CLASSES)
        states.append({name: value.clone() for name, value in plain.state_dict().items()})
    assert [row["loss"] for row in outcome.curves] == pytest.approx(losses, rel=1e-4)
    assert [row["validation_accuracy"] for row in outcome.curves] == pytest.approx(accuracies)
    best = max(range(3), key=lambda number: (accuracies[number], number))
    assert outcome.best_epoch == best + 1
    for name, value in network.state_dict().items():
        torch.testing.assert_close(value, states[best][name], rtol=0, atol=2e-3)


@pytest.mark.parametrize("limit", [0, 7000, 10**9])
def test_what_is_kept_changes_nothing_that_is_read(scene: Scene, limit: int) -> None:
    reader = open_reader(scene, limit)
    survey = survey_bands(scene)
    normalization = Normalization.fit(scene, survey.used, survey.valid)
    whole = normalization.apply(scene.read(survey.used))
    generator = np.random.default_rng(1)
    for _ in range(30):
        height, width = generator.integers(1, 40), generator.integers(1, 36)
        top, left = generator.integers(0, 41 - height), generator.integers(0, 37 - width)
        window = Window(left, top, width, height)
        pixels, mask = reader.read(window, Feedback())
        rows, columns = window.toslices()
        np.testing.assert_array_equal(mask, survey.valid[rows, columns])
        np.testing.assert_array_equal(pixels.numpy(), whole[:, rows, columns][:, mask].T)


def test_scores_every_other_epoch_where_validation_takes_more_windows(
    tmp_path: Path, scene: Scene
) -> None:
    reader = open_reader(scene)
    train = labeled(reader, 1, 1)
    validation = labeled(reader, 2, 30)
    feedback = CollectingFeedback()
    job = make_job(epochs=5, learning_rate=1e-4)
    steps = len(fixed_cover(validation.points, (40, 36), (24, 24)))
    assert steps == 4  # so every fourth epoch, and the last
    plan = CheckpointPlan(tmp_path / "c", {}, {})
    outcome = train_on_windows(
        make_network(), reader, (24, 24), train, validation, job, plan, feedback
    )
    scored = [row["epoch"] for row in outcome.curves if row["validation_accuracy"] is not None]
    assert scored == [4, 5]
    assert [metric["epoch"] for metric in feedback.metrics] == [1, 2, 3, 4, 5]
    assert feedback.fractions == sorted(feedback.fractions)


def test_patience_waits_for_a_score(tmp_path: Path, scene: Scene) -> None:
    reader = open_reader(scene)
    job = make_job(epochs=50, learning_rate=1e-9, patience=1)
    plan = CheckpointPlan(tmp_path / "c", {}, {})
    outcome = train_on_windows(
        make_network(),
        reader,
        (24, 24),
        labeled(reader, 1, 1),
        labeled(reader, 2, 30),
        job,
        plan,
        Feedback(),
    )
    # Scored in epochs 4 and 8; steps this small change nothing, so the second is no gain.
    assert (outcome.epochs, outcome.best_epoch) == (8, 8)


def train(values: dict[str, Any]) -> tuple[ModelFile, CollectingFeedback]:
    cancellation.reset()
    feedback = CollectingFeedback()
    runs.run(jobs.from_json(values), feedback)
    return load_model(values["model"]), feedback


class CancelsWithin(CollectingFeedback):
    """Cancels once so much of the job is done."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def progress(self, fraction: float, message: str = "") -> None:
        super().progress(fraction, message)
        if fraction >= self.share:
            cancellation.request()


def test_stops_within_an_epoch_change_nothing(tiny: Any) -> None:
    straight, _ = train(tiny.train_job(window=16, epochs=4))
    model = tiny.folder / "cancelled.safetensors"
    values = tiny.train_job(window=16, epochs=4, model=str(model), resume=True)
    positions = set()
    for share in np.linspace(0.1, 0.95, 12):
        cancellation.reset()
        with pytest.raises(Cancelled):
            runs.run(jobs.from_json(values), CancelsWithin(share))
        if checkpoint_path(model).exists():
            positions.add(load_checkpoint(checkpoint_path(model)).progress.position)
        assert not model.exists() and tiny.temporary_files() == []
    assert any(windows for _, windows in positions), "no stop came within an epoch"
    assert len(positions) > 4
    resumed, _ = train(values)
    assert all(torch.equal(resumed.weights[k], straight.weights[k]) for k in straight.weights)
    assert resumed.curves == straight.curves
    assert resumed.accuracy == straight.accuracy


def test_a_training_goes_on_with_the_windows_it_began_with(tiny: Any) -> None:
    values = tiny.train_job(window=16, epochs=3)
    straight, _ = train(values)
    values["model"] = str(tiny.folder / "b.safetensors")
    cancellation.reset()
    with pytest.raises(Cancelled):
        runs.run(jobs.from_json(values), CancelsWithin(0.6))
    # Left to itself, the engine would take the whole scene, which fits.
    resumed, feedback = train({**values, "window": 0, "resume": True})
    assert any("windows of 16 x 16" in line for line in feedback.logs)
    assert resumed.window == (16, 16)
    assert all(torch.equal(resumed.weights[k], straight.weights[k]) for k in straight.weights)


def test_other_windows_are_refused_on_resume(tiny: Any) -> None:
    values = tiny.train_job(window=16)
    with pytest.raises(Cancelled):
        runs.run(jobs.from_json(values), CancelsWithin(0.6))
    with pytest.raises(ModelError, match="window was 16, now 20"):
        train({**values, "window": 20, "resume": True})


def test_a_changed_pixel_is_noticed_on_resume(tiny: Any, write_scene: WriteScene) -> None:
    values = tiny.train_job(window=16)
    with pytest.raises(Cancelled):
        runs.run(jobs.from_json(values), CancelsWithin(0.6))
    cube = tiny.cube.copy()
    cube[2, 10, 10] += 1
    other = write_scene(cube, "other.tif", nodata=tiny.nodata)
    with pytest.raises(ModelError, match="content of the scene"):
        train({**values, "scene": {"path": str(other)}, "resume": True})
    # The same pixels in another layout are the same scene.
    same = write_scene(tiny.cube, "same.tif", nodata=tiny.nodata, interleave="pixel", tiled=True)
    train({**values, "scene": {"path": str(same)}, "resume": True})


def test_a_model_says_that_it_was_trained_on_windows(tiny: Any) -> None:
    model, feedback = train(tiny.train_job(window=16, report=str(tiny.folder / "r.html")))
    assert (model.mode, model.window) == ("windows", (16, 16))
    assert model.accuracy is not None and model.accuracy["tested_pixels"] > 0
    assert any("16 x 16" in line and "about" in line for line in feedback.logs)
    report = (tiny.folder / "r.html").read_text(encoding="utf-8")
    assert "Map around validation and test pixels" in report
    assert "in windows of 16 x 16 pixels" in report
    whole, _ = train(tiny.train_job(model=str(tiny.folder / "w.safetensors")))
    assert (whole.mode, whole.window) == ("whole", None)


@pytest.fixture
def large(tiny: Any, write_scene: WriteScene) -> tuple[dict[str, Any], float, float]:
    """A job on a larger scene, and the GB that it takes to train whole and with recomputation."""
    cube = np.tile(tiny.cube, (1, 8, 7))
    path = str(write_scene(cube, "large.tif", nodata=tiny.nodata))
    network = {"num_classes": 3, "hidden_dim": 64, "mamba_type": "both"}
    with Scene.open(RasterSource(path)) as scene:
        survey = survey_bands(scene)
        unlabeled = np.zeros(scene.grid.shape, dtype=bool)
        task = Task.of(scene, survey, unlabeled, network, "cpu", 2**24, None)
    whole, recompute = (task.whole(again).bytes / 1e9 for again in (False, True))
    return tiny.train_job(scene={"path": path}, epochs=1), whole, recompute


def test_a_scene_that_does_not_fit_whole_is_trained_in_windows_and_says_so(
    large: tuple[dict[str, Any], float, float],
) -> None:
    values, whole, recompute = large
    enough, _ = train({**values, "memory": whole + 0.01})
    again, feedback = train({**values, "memory": (whole + recompute) / 2})
    assert any("computing features again" in line for line in feedback.logs)
    assert enough.mode == again.mode == "whole"
    for name, weight in enough.weights.items():
        torch.testing.assert_close(weight, again.weights[name], rtol=0, atol=1e-5)
    model, feedback = train({**values, "memory": recompute - 0.01})
    assert model.mode == "windows"
    assert model.window is not None and max(model.window) < 168
    assert any("trained on windows, and classifies in windows" in t for t in feedback.warnings)


def test_a_training_goes_on_with_the_recomputation_it_began_with(
    large: tuple[dict[str, Any], float, float],
) -> None:
    values, whole, recompute = large
    values |= {"epochs": 3, "memory": (whole + recompute) / 2}
    straight, _ = train(values)
    with pytest.raises(Cancelled):
        runs.run(jobs.from_json(values), CancelsWithin(0.5))
    # Only now there is enough memory for the quicker way, which rounds otherwise.
    resumed, feedback = train({**values, "memory": whole + 1, "resume": True})
    assert any("computing features again" in line for line in feedback.logs)
    assert all(torch.equal(resumed.weights[k], straight.weights[k]) for k in straight.weights)


@pytest.mark.parametrize("window", [2, 12, 18])
def test_sizes_that_no_window_can_have_are_refused(tiny: Any, window: int) -> None:
    with pytest.raises(JobError, match=f"window: {window}"):
        train(tiny.train_job(window=window))
