"""Training on halves of a scene: the published loop, done anew on images."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import torch
from hypothesis import given
from hypothesis import strategies as st
from test_plans import make_task
from torch import Tensor
from torch.nn import functional

from mambahsi import cancellation, jobs, runs
from mambahsi.checkpoint import checkpoint_path, load_checkpoint
from mambahsi.devices import MemoryBudget
from mambahsi.errors import Cancelled, ModelError, ResourceError, SceneError
from mambahsi.feedback import CollectingFeedback, Feedback
from mambahsi.jobs import JobError, RasterSource, TrainJob, VectorSource
from mambahsi.model_file import ModelFile, load_model
from mambahsi.network import MambaHSI, SceneGeometry
from mambahsi.pixels import pixel_numbers
from mambahsi.plans import choose_plan
from mambahsi.runs.setup import Place, restore_network
from mambahsi.training import TrainingData
from mambahsi.training_halves import half_rows, split_in_halves, train_in_halves
from mambahsi.training_loop import CheckpointPlan

WriteScene = Callable[..., Path]
CLASSES, BANDS = 3, 5
ROWS, COLUMNS = 37, 30


class Ground:
    """A scene of 37 x 30 pixels with 5 bands, a hole around its middle, and labels."""

    def __init__(self, train_rows: slice = slice(None)) -> None:
        generator = np.random.default_rng(0)
        self.classes = np.add.outer(np.arange(ROWS) // 7, np.arange(COLUMNS) // 6) % CLASSES
        self.image = (generator.random((BANDS, ROWS, COLUMNS)) + self.classes).astype(np.float32)
        self.valid = np.ones((ROWS, COLUMNS), dtype=bool)
        self.valid[15:20, 3:20] = False
        drawn = generator.permutation(np.flatnonzero(self.valid))
        allowed = np.zeros((ROWS, COLUMNS), dtype=bool)
        allowed[train_rows] = True
        drawn = drawn[np.isin(drawn, np.flatnonzero(allowed))]
        self.train, self.validation = (np.zeros((ROWS, COLUMNS), dtype=bool) for _ in range(2))
        self.train.ravel()[drawn[:60]] = True
        self.validation.ravel()[drawn[60:100]] = True

    def data(self) -> TrainingData:
        pixels = torch.from_numpy(np.ascontiguousarray(self.image[:, self.valid].T))
        return TrainingData(
            pixels,
            SceneGeometry(self.valid),
            pixel_numbers(self.valid, self.train),
            torch.from_numpy(self.classes[self.train]),
            pixel_numbers(self.valid, self.validation),
            torch.from_numpy(self.classes[self.validation]),
        )

    def logits(self, network: MambaHSI, rows: slice = slice(None)) -> Tensor:
        """Logits of some rows on their own, as an image; NaN where nothing is valid."""
        mask = self.valid[rows]
        table = torch.from_numpy(np.ascontiguousarray(self.image[:, rows][:, mask].T))
        image = torch.full((*mask.shape, CLASSES), torch.nan)
        image[torch.from_numpy(mask)] = network.pixel_logits(table, SceneGeometry(mask))
        return image


def make_network() -> MambaHSI:
    torch.manual_seed(0)
    return MambaHSI(BANDS, 16, CLASSES)


def make_job(**changes: Any) -> TrainJob:
    settings = {"epochs": 4, "learning_rate": 3e-3, "protocol": "random", **changes}
    return TrainJob(RasterSource("s"), VectorSource("l"), "class", "m", **settings)


@pytest.mark.parametrize("weights", ["none", "balanced"])
def test_equals_the_published_loop(tmp_path: Path, weights: str) -> None:
    ground, job = Ground(), make_job(class_weights=weights)
    data, network = ground.data(), make_network()
    plan = CheckpointPlan(tmp_path / "c", {}, {})
    halves = split_in_halves(data, ground.valid)
    outcome = train_in_halves(network, data, halves, job, plan, Feedback())

    truth = torch.from_numpy(np.where(ground.train, ground.classes, -1))
    wanted = torch.from_numpy(np.where(ground.validation, ground.classes, -1))
    counts = torch.bincount(truth[truth >= 0])
    each = 60 / (CLASSES * counts) if weights == "balanced" else None
    plain = make_network()
    optimizer = torch.optim.Adam(plain.parameters(), lr=job.learning_rate)
    accuracies, losses, states = [], [], []
    for _ in range(4):
        total, pixels = 0.0, 0
        for rows in (slice(0, ROWS // 2 + 5), slice(ROWS // 2 - 5, ROWS)):
            logits = ground.logits(plain, rows).permute(2, 0, 1)[None]
            loss = functional.cross_entropy(
                logits.nan_to_num(), truth[rows][None], weight=each, ignore_index=-1
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            count = int((truth[rows] >= 0).sum())
            total += loss.item() * count
            pixels += count
        # Training pixels in the rows that both halves see take part twice.
        assert pixels > 60
        losses.append(total / pixels)
        with torch.no_grad():
            found = ground.logits(plain).argmax(2)
        accuracies.append((found == wanted)[wanted >= 0].double().mean().item())
        states.append({name: value.clone() for name, value in plain.state_dict().items()})
    assert [row["loss"] for row in outcome.curves] == pytest.approx(losses, rel=1e-4)
    assert [row["validation_accuracy"] for row in outcome.curves] == pytest.approx(accuracies)
    best = max(range(4), key=lambda number: (accuracies[number], number))
    assert outcome.best_epoch == best + 1
    for name, value in network.state_dict().items():
        torch.testing.assert_close(value, states[best][name], rtol=0, atol=2e-3)


def test_a_half_without_training_pixels_makes_no_step(tmp_path: Path) -> None:
    ground, job, feedback = Ground(slice(0, 10)), make_job(epochs=2), CollectingFeedback()
    data, network, alone = ground.data(), make_network(), make_network()
    none = torch.zeros(0, dtype=torch.int64)
    data = dataclasses.replace(data, validation=none, validation_classes=none)
    plan = CheckpointPlan(tmp_path / "c", {}, {})
    halves = split_in_halves(data, ground.valid)
    assert len(halves) == 1
    outcome = train_in_halves(network, data, halves, job, plan, feedback)
    assert any("one half" in text for text in feedback.warnings)
    assert (outcome.best_epoch, outcome.best_accuracy) == (2, None)
    optimizer = torch.optim.Adam(alone.parameters(), lr=job.learning_rate)
    truth = torch.from_numpy(np.where(ground.train, ground.classes, -1))
    for _ in range(2):
        rows = slice(0, ROWS // 2 + 5)
        logits = ground.logits(alone, rows)
        known = truth[rows] >= 0
        loss = functional.cross_entropy(logits[known], truth[rows][known])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for name, value in network.state_dict().items():
        torch.testing.assert_close(value, alone.state_dict()[name], rtol=0, atol=2e-3)


def test_patience_ends_a_training_on_halves(tmp_path: Path) -> None:
    ground, job, feedback = (
        Ground(),
        make_job(epochs=50, patience=2, learning_rate=1e-9),
        Feedback(),
    )
    data = ground.data()
    plan = CheckpointPlan(tmp_path / "c", {}, {})
    halves = split_in_halves(data, ground.valid)
    assert train_in_halves(make_network(), data, halves, job, plan, feedback).epochs == 3


@given(st.integers(10, 3000))
def test_halves_are_the_published_rows(height: int) -> None:
    numbers = np.arange(height)
    upper, lower = half_rows(height)
    np.testing.assert_array_equal(numbers[upper], numbers[: height // 2 + 5])
    np.testing.assert_array_equal(numbers[lower], numbers[height // 2 - 5 :])


@pytest.mark.parametrize("height", [4, 9])
def test_too_few_rows_are_refused(height: int) -> None:
    with pytest.raises(SceneError, match=f"{height} rows"):
        half_rows(height)


# --- whole runs


def train(values: dict[str, Any]) -> tuple[ModelFile, CollectingFeedback]:
    feedback = CollectingFeedback()
    result = runs.run(jobs.from_json(values), feedback)
    return load_model(result["model"]), feedback


def test_a_model_trained_on_halves_classifies_in_one_piece(tiny: Any) -> None:
    values = tiny.train_job(row_halves=True, report=str(tiny.folder / "r.html"))
    model, feedback = train(values)
    assert (model.mode, model.window) == ("whole", None)
    assert model.training["row_halves"] is True
    assert any("two halves of the scene" in line for line in feedback.logs)
    report = (tiny.folder / "r.html").read_text(encoding="utf-8")
    assert "in training in two halves of its rows" in report
    whole, _ = train(tiny.train_job(model=str(tiny.folder / "w.safetensors")))
    assert not all(torch.equal(model.weights[k], whole.weights[k]) for k in model.weights)
    target = str(tiny.folder / "map.tif")
    job = {
        "job": "classify",
        "scene": {"path": str(tiny.scene)},
        "model": values["model"],
        "classification": target,
        "threads": 1,
    }
    assert runs.run(jobs.from_json(job), Feedback())["way"] == "memory"
    with rasterio.open(target) as source:
        mapped = source.read(1)
    valid = (tiny.cube != tiny.nodata).all(axis=0)
    place = Place(torch.device("cpu"), "cpu", 1)
    network = restore_network("m", model.network, model.weights, place)
    pixels = model.normalization.apply(tiny.cube)[:, valid].T
    with torch.no_grad():
        logits = network.pixel_logits(
            torch.from_numpy(np.ascontiguousarray(pixels)), SceneGeometry(valid)
        )
    np.testing.assert_array_equal(mapped[valid], model.classes.values[logits.argmax(1).numpy()])
    # What the training tested is what the map shows.
    with rasterio.open(f"{values['model']}.split.tif") as source:
        parts, classes = source.read()
    test = parts == 3
    accuracy = model.accuracy or {}
    assert accuracy["tested_pixels"] == test.sum() > 0
    assert accuracy["overall_accuracy"] == pytest.approx((mapped == classes)[test].mean())


class CancelAt(Feedback):
    """Cancels when an epoch is told of so often: after each step, and at its end."""

    def __init__(self, number: int) -> None:
        self.left = number

    def progress(self, fraction: float, message: str = "") -> None:
        if message.startswith("Training: epoch"):
            self.left -= 1
            if not self.left:
                cancellation.request()


@pytest.mark.parametrize(("told", "position"), [(1, (0, 1)), (2, (1, 0)), (4, (1, 1))])
def test_goes_on_bit_for_bit(tiny: Any, told: int, position: tuple[int, int]) -> None:
    values = tiny.train_job(row_halves=True)
    straight, _ = train(values)
    values["model"] = str(tiny.folder / "b.safetensors")
    with pytest.raises(Cancelled):
        runs.run(jobs.from_json(values), CancelAt(told))
    cancellation.reset()
    assert load_checkpoint(checkpoint_path(values["model"])).progress.position == position
    with pytest.raises(ModelError, match="row_halves was True, now False"):
        train({**values, "row_halves": False, "resume": True})
    resumed, _ = train({**values, "resume": True})
    assert all(torch.equal(resumed.weights[k], straight.weights[k]) for k in straight.weights)
    assert resumed.curves == straight.curves


def test_a_rerun_is_identical(tiny: Any) -> None:
    values = tiny.train_job(row_halves=True)
    train(values)
    again = {"job": "rerun", "record": f"{values['model']}.record.json"}
    result = runs.run(jobs.from_json(again), Feedback())
    assert set(result["compared"].values()) == {"identical"}


def test_recomputed_halves_are_the_same_to_rounding(tiny: Any) -> None:
    values = tiny.train_job(row_halves=True)
    kept, _ = train(values)
    # On so small a scene both plans need about the same, so the plan is changed in the record.
    record = Path(f"{values['model']}.record.json")
    text = record.read_text(encoding="utf-8")
    assert '"plan": "halves"' in text
    record.write_text(text.replace('"plan": "halves"', '"plan": "halves recompute"'), "utf-8")
    runs.run(jobs.from_json({"job": "rerun", "record": str(record)}), Feedback())
    again = load_model(next(Path(f"{values['model']}.rerun").glob("*.safetensors")))
    assert again.training["plan"] == "halves recompute"
    for name, weight in kept.weights.items():
        torch.testing.assert_close(weight, again.weights[name], rtol=0, atol=1e-4)


def test_halves_and_windows_contradict_each_other(tiny: Any) -> None:
    with pytest.raises(JobError, match="row_halves"):
        train(tiny.train_job(row_halves=True, window=16))


def test_what_does_not_fit_is_refused_with_its_needs(tiny: Any) -> None:
    with pytest.raises(ResourceError, match="two halves of the scene"):
        train(tiny.train_job(row_halves=True, memory=0.02))


def test_a_scene_of_few_rows_is_refused(tiny: Any, write_scene: WriteScene) -> None:
    path = write_scene(tiny.cube[:, :9], "low.tif", nodata=tiny.nodata)
    with pytest.raises(SceneError, match="9 rows"):
        train(tiny.train_job(row_halves=True, scene={"path": str(path)}))


# --- memory


def test_halves_take_less_and_never_become_windows() -> None:
    task = make_task()
    task = dataclasses.replace(task, half=task.pixels // 2 + 5 * task.scene[1])
    plain, recompute = task.in_halves(), task.in_halves(recompute=True)
    assert recompute.bytes <= plain.bytes < task.whole().bytes

    def choose(budget: int, begun: str = "") -> Any:
        return choose_plan(task, MemoryBudget(budget, "a test"), begun, 0, CollectingFeedback())

    assert choose(plain.bytes).name == "halves"
    again = choose(plain.bytes, "halves recompute")
    assert (again.name, again.recomputes) == ("halves recompute", True)
    with pytest.raises(ResourceError, match="two halves"):
        choose(recompute.bytes - 1)


MEASURE = """
import dataclasses, json, sys
from pathlib import Path
from mambahsi import jobs, runs
from mambahsi.feedback import Feedback

job = jobs.from_json(json.loads(sys.argv[1]))
small = dataclasses.replace(
    job, scene=jobs.RasterSource(sys.argv[2]), model=job.model + "0", epochs=1
)


def resident(key):
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(key)).split()[1]) * 1024


class Told(Feedback):
    def log(self, message):
        if message.startswith("Training takes"):
            print(message)


runs.run(small, Feedback())
before = resident("VmRSS")
Path("/proc/self/clear_refs").write_text("5")
runs.run(job, Told())
print(resident("VmHWM") - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_the_prediction_is_near_the_measured_peak(
    tiny: Any, write_scene: WriteScene, engine_environment: dict[str, str]
) -> None:
    large = write_scene(np.tile(tiny.cube, (5, 12, 9)), "large.tif", nodata=tiny.nodata)
    values = tiny.train_job(
        row_halves=True, scene={"path": str(large)}, epochs=2, preset="paper", memory=3
    )
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, json.dumps(values), str(tiny.scene)],
        capture_output=True,
        text=True,
        check=False,
        env=engine_environment,
    )
    assert done.returncode == 0, done.stderr
    line, peak = done.stdout.strip().splitlines()
    found = re.search(r"about ([\d.]+) (MB|GB) of memory", line)
    assert found, line
    predicted = float(found[1]) * {"MB": 1e6, "GB": 1e9}[found[2]]
    assert 0.7 * predicted < float(peak) < 1.4 * predicted
