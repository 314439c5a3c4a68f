"""The two halves of a scene: the published training, done anew with plain tensors."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_plans import make_task
from torch import Tensor
from torch.nn import functional

from mambahsi import cancellation, jobs, runs
from mambahsi.certainty import to_probabilities
from mambahsi.checkpoint import checkpoint_path, load_checkpoint
from mambahsi.devices import MemoryBudget
from mambahsi.errors import Cancelled, ModelError, ResourceError, SceneError
from mambahsi.feedback import CollectingFeedback, Feedback
from mambahsi.jobs import JobError, RasterSource, TrainJob, VectorSource
from mambahsi.model_file import ModelFile, load_model
from mambahsi.network import MambaHSI, SceneGeometry
from mambahsi.normalization import Normalization
from mambahsi.plans import choose_plan
from mambahsi.runs.setup import Place, restore_network
from mambahsi.scene import Scene, survey_bands
from mambahsi.training_loop import CheckpointPlan
from mambahsi.windows.halves import halves, predict_halves
from mambahsi.windows.tiles import TileRaster, WindowReader
from mambahsi.windows.training import LabeledPixels, train_on_halves

WriteScene = Callable[..., Path]
CLASSES, BANDS = 3, 5
ROWS, COLUMNS = 37, 30


@pytest.fixture
def scene(write_scene: WriteScene) -> Any:
    """An open scene of 37 x 30 pixels with 5 bands and a hole around its middle."""
    generator = np.random.default_rng(0)
    classes = np.add.outer(np.arange(ROWS) // 7, np.arange(COLUMNS) // 6) % CLASSES
    cube = (generator.random((BANDS, ROWS, COLUMNS)) * 600 + 400 * classes).astype(np.int16)
    cube[:, 15:20, 3:20] = -1
    with Scene.open(RasterSource(str(write_scene(cube, nodata=-1)))) as opened:
        yield opened


def open_reader(scene: Scene) -> WindowReader:
    survey = survey_bands(scene)
    normalization = Normalization.fit(scene, survey.used, survey.valid)
    tiles = TileRaster((ROWS, COLUMNS), len(survey.used), 8, 16)
    return WindowReader(scene, survey.used, survey.valid, normalization, tiles, 10**9)


def image_of(reader: WindowReader) -> np.ndarray:
    """Normalized bands of the whole scene; float32 (bands, rows, columns)."""
    scene = reader.scene
    normalization = Normalization.fit(scene, reader.bands, reader.valid)
    return normalization.apply(scene.read(reader.bands))


def labeled(reader: WindowReader, seed: int, count: int, rows: slice = slice(None)) -> Any:
    points = np.argwhere(reader.valid)
    points = points[np.isin(points[:, 0], np.arange(ROWS)[rows])]
    chosen = np.sort(np.random.default_rng(seed).choice(len(points), count, replace=False))
    points = points[chosen]
    classes = (points[:, 0] // 7 + points[:, 1] // 6) % CLASSES
    return LabeledPixels(points, torch.from_numpy(classes))


def make_network() -> MambaHSI:
    torch.manual_seed(0)
    return MambaHSI(BANDS, 16, CLASSES)


def image_logits(network: MambaHSI, image: np.ndarray, valid: np.ndarray, rows: slice) -> Tensor:
    """Logits of some rows on their own, as an image; NaN where nothing is valid."""
    mask = valid[rows]
    table = torch.from_numpy(np.ascontiguousarray(image[:, rows][:, mask].T))
    logits = network.pixel_logits(table, SceneGeometry(mask))
    whole = torch.full((*mask.shape, CLASSES), torch.nan)
    whole[torch.from_numpy(mask)] = logits
    return whole


def published_map(network: MambaHSI, image: np.ndarray, valid: np.ndarray) -> Tensor:
    """Logits (rows, columns, classes) of both halves, put together in the middle."""
    height = valid.shape[0]
    with torch.no_grad():
        upper = image_logits(network, image, valid, slice(0, height // 2 + 5))
        lower = image_logits(network, image, valid, slice(height // 2 - 5, height))
    return torch.cat([upper[: height // 2], lower[5:]])


@pytest.mark.parametrize("weights", ["none", "balanced"])
def test_equals_the_published_loop(tmp_path: Path, scene: Scene, weights: str) -> None:
    reader = open_reader(scene)
    train, validation = labeled(reader, 1, 60), labeled(reader, 2, 40)
    job = TrainJob(
        *(RasterSource("s"), VectorSource("l"), "class", "m"),
        **{"epochs": 4, "learning_rate": 3e-3, "class_weights": weights, "protocol": "random"},
    )
    network = make_network()
    plan = CheckpointPlan(tmp_path / "c", {}, {})
    outcome = train_on_halves(network, reader, train, validation, job, plan, Feedback())

    image, valid = image_of(reader), reader.valid
    truth = torch.full((ROWS, COLUMNS), -100)
    truth[tuple(train.points.T)] = train.classes
    wanted = torch.full((ROWS, COLUMNS), -100)
    wanted[tuple(validation.points.T)] = validation.classes
    counts = torch.bincount(train.classes)
    each = 60 / (CLASSES * counts) if weights == "balanced" else None
    plain = make_network()
    optimizer = torch.optim.Adam(plain.parameters(), lr=job.learning_rate)
    accuracies, losses, states = [], [], []
    for _ in range(4):
        sums, pixels = 0.0, 0
        for rows in (slice(0, ROWS // 2 + 5), slice(ROWS // 2 - 5, ROWS)):
            logits = image_logits(plain, image, valid, rows).flatten(0, 1)
            there = truth[rows].flatten()
            known = there >= 0
            loss = functional.cross_entropy(logits[known], there[known], weight=each)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            sums += functional.cross_entropy(
                logits[known], there[known], weight=each, reduction="sum"
            ).item()
            pixels += int(known.sum())
        # Pixels of the rows that both halves see count twice.
        assert pixels > 60
        losses.append(sums / pixels)
        found = published_map(plain, image, valid).argmax(2)
        accuracies.append((found == wanted)[wanted >= 0].double().mean().item())
        states.append({name: value.clone() for name, value in plain.state_dict().items()})
    assert [row["loss"] for row in outcome.curves] == pytest.approx(losses, rel=1e-4)
    assert [row["validation_accuracy"] for row in outcome.curves] == pytest.approx(accuracies)
    best = max(range(4), key=lambda number: (accuracies[number], number))
    assert outcome.best_epoch == best + 1
    for name, value in network.state_dict().items():
        torch.testing.assert_close(value, states[best][name], rtol=0, atol=2e-3)


def test_a_half_without_training_pixels_makes_no_step(tmp_path: Path, scene: Scene) -> None:
    reader = open_reader(scene)
    train = labeled(reader, 1, 30, slice(0, 10))
    validation = labeled(reader, 2, 40)
    job = TrainJob(RasterSource("s"), VectorSource("l"), "class", "m", epochs=2)
    feedback = CollectingFeedback()
    network, alone = make_network(), make_network()
    plan = CheckpointPlan(tmp_path / "c", {}, {})
    none = LabeledPixels(np.zeros((0, 2), dtype=np.int64), torch.zeros(0, dtype=torch.int64))
    train_on_halves(network, reader, train, none, job, plan, feedback)
    assert any("one half" in text for text in feedback.warnings)
    optimizer = torch.optim.Adam(alone.parameters(), lr=job.learning_rate)
    rows, columns = train.points.T
    for _ in range(2):
        logits = image_logits(alone, image_of(reader), reader.valid, slice(0, ROWS // 2 + 5))
        loss = functional.cross_entropy(logits[rows, columns], train.classes)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for name, value in network.state_dict().items():
        torch.testing.assert_close(value, alone.state_dict()[name], rtol=0, atol=2e-3)
    outcome = train_on_halves(make_network(), reader, train, validation, job, plan, feedback)
    assert all(row["validation_accuracy"] is not None for row in outcome.curves)


@given(st.integers(10, 3000))
def test_halves_are_the_published_rows(height: int) -> None:
    upper, lower = halves(height)
    numbers = np.arange(height)
    np.testing.assert_array_equal(numbers[upper.rows], numbers[: height // 2 + 5])
    np.testing.assert_array_equal(numbers[lower.rows], numbers[height // 2 - 5 :])
    both = np.concatenate([numbers[upper.decided], numbers[lower.decided]])
    np.testing.assert_array_equal(both, numbers)
    for half in (upper, lower):
        assert set(numbers[half.decided]) <= set(numbers[half.rows])


@pytest.mark.parametrize("height", [4, 9])
def test_too_few_rows_are_refused(height: int) -> None:
    with pytest.raises(SceneError, match=f"{height} rows"):
        halves(height)


@given(data=st.data())
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_valid_pixel_is_decided_by_its_half(
    write_scene: WriteScene, data: st.DataObject
) -> None:
    height, width = data.draw(st.integers(10, 40)), data.draw(st.integers(4, 20))
    generator = np.random.default_rng(data.draw(st.integers(0, 99)))
    valid = generator.random((height, width)) < data.draw(st.sampled_from([0.4, 1.0]))
    # An upper half without a valid pixel; what is left below is enough for the network.
    first = data.draw(st.sampled_from([0, height // 2 + 5])) if height >= 30 else 0
    valid[:first] = False
    cube = generator.integers(0, 256, (BANDS, height, width)).astype(np.uint8)
    bands = list(range(1, BANDS + 1))
    network = make_network().eval()
    with Scene.open(RasterSource(str(write_scene(cube)))) as scene:
        normalization = Normalization(np.zeros(BANDS), np.full(BANDS, 255.0))
        tiles = TileRaster((height, width), BANDS, 8, 16)
        reader = WindowReader(scene, bands, valid, normalization, tiles, 20_000)
        cuts = sorted(data.draw(st.sets(st.integers(1, max(1, int(valid.sum()) - 1)))))
        boundaries = [0, *(cut for cut in cuts if cut < valid.sum()), int(valid.sum())]
        parts = list(predict_halves(network, reader, boundaries, Feedback()))
    assert [(part.start, part.stop) for part in parts] == list(pairwise(boundaries))
    scores = np.concatenate([part.scores for part in parts])
    if first:
        with torch.no_grad():
            rows = slice(height // 2 - 5, height)
            logits = image_logits(network, cube.astype(np.float32) / 255, valid, rows)
        wanted = logits.numpy()[valid[rows]]
    else:
        wanted = published_map(network, cube.astype(np.float32) / 255, valid).numpy()[valid]
    np.testing.assert_allclose(scores, wanted, atol=1e-4)


# --- whole runs


def train(values: dict[str, Any]) -> tuple[ModelFile, CollectingFeedback]:
    feedback = CollectingFeedback()
    result = runs.run(jobs.from_json(values), feedback)
    return load_model(result["model"]), feedback


def test_a_model_knows_its_halves_and_classifies_in_them(tiny: Any) -> None:
    values = tiny.train_job(row_halves=True, report=str(tiny.folder / "r.html"))
    model, feedback = train(values)
    assert (model.mode, model.window) == ("halves", None)
    assert any("the two halves of the scene" in line for line in feedback.logs)
    report = (tiny.folder / "r.html").read_text(encoding="utf-8")
    assert "in two halves of its rows" in report
    targets = {name: str(tiny.folder / f"{name}.tif") for name in ("map", "probabilities")}
    feedback = CollectingFeedback()
    job = {
        "job": "classify",
        "scene": {"path": str(tiny.scene)},
        "model": values["model"],
        "classification": targets["map"],
        "probabilities": targets["probabilities"],
        "threads": 1,
    }
    assert runs.run(jobs.from_json(job), feedback)["way"] == "halves"
    assert any("halves of 15 x 24 pixels" in line for line in feedback.logs)
    with rasterio.open(targets["map"]) as source:
        mapped = source.read(1)
    with rasterio.open(targets["probabilities"]) as source:
        probabilities = source.read()
    valid = (tiny.cube != tiny.nodata).all(axis=0)
    place = Place(torch.device("cpu"), "cpu", 1)
    network = restore_network("m", model.network, model.weights, place)
    logits = published_map(network, model.normalization.apply(tiny.cube), valid).numpy()
    np.testing.assert_array_equal(mapped[valid], model.classes.values[logits[valid].argmax(axis=1)])
    assert (mapped[~valid] == 0).all()
    expected = to_probabilities(logits[valid], model.calibration.temperature)
    np.testing.assert_allclose(probabilities[:, valid].T, expected, atol=1e-4)
    # What the training tested is what the map shows.
    with rasterio.open(f"{values['model']}.split.tif") as source:
        parts, classes = source.read()
    test = parts == 3
    accuracy = model.accuracy or {}
    assert accuracy["tested_pixels"] == test.sum() > 0
    assert accuracy["overall_accuracy"] == pytest.approx((mapped == classes)[test].mean())


class CancelAtStep(Feedback):
    """Cancels once so many steps are done, in the middle of an epoch, too."""

    def __init__(self, steps: float) -> None:
        self.steps = steps

    def progress(self, fraction: float, message: str = "") -> None:
        if message.startswith("Training: epoch"):
            self.steps -= 1
            if self.steps <= 0:
                cancellation.request()


def test_goes_on_bit_for_bit_in_the_middle_of_an_epoch(tiny: Any) -> None:
    values = tiny.train_job(row_halves=True)
    straight, _ = train(values)
    values["model"] = str(tiny.folder / "b.safetensors")
    with pytest.raises(Cancelled):
        runs.run(jobs.from_json(values), CancelAtStep(4))
    cancellation.reset()
    assert load_checkpoint(checkpoint_path(values["model"])).progress.position == (1, 1)
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
    # On so small a scene both plans need about the same: the plan is chosen by hand.
    record = Path(f"{values['model']}.record.json")
    text = record.read_text(encoding="utf-8")
    assert '"plan": "halves"' in text
    record.write_text(text.replace('"plan": "halves"', '"plan": "halves recompute"'), "utf-8")
    runs.run(jobs.from_json({"job": "rerun", "record": str(record)}), Feedback())
    folder = Path(f"{values['model']}.rerun")
    again = load_model(next(folder.glob("*.safetensors")))
    assert again.training["plan"] == "halves recompute"
    for name, weight in kept.weights.items():
        torch.testing.assert_close(weight, again.weights[name], rtol=0, atol=1e-4)


def test_halves_and_windows_contradict_each_other(tiny: Any) -> None:
    with pytest.raises(JobError, match="row_halves"):
        train(tiny.train_job(row_halves=True, window=16))


def test_what_does_not_fit_is_refused_with_its_needs(tiny: Any) -> None:
    values = tiny.train_job(row_halves=True)
    with pytest.raises(ResourceError, match="the two halves of the scene"):
        train({**values, "memory": 0.02})
    train(values)
    job = {
        "job": "classify",
        "scene": {"path": str(tiny.scene)},
        "model": values["model"],
        "classification": str(tiny.folder / "map.tif"),
        "memory": 0.02,
    }
    with pytest.raises(ResourceError, match="in halves of 15 x 24 pixels"):
        runs.run(jobs.from_json(job), Feedback())
    assert not (tiny.folder / "map.tif").exists()


def test_a_scene_of_few_rows_is_refused_before_it_is_trained_on(
    tiny: Any, write_scene: WriteScene
) -> None:
    path = write_scene(tiny.cube[:, :9], "low.tif", nodata=tiny.nodata)
    with pytest.raises(SceneError, match="9 rows"):
        train(tiny.train_job(row_halves=True, scene={"path": str(path)}))


# --- memory


def test_halves_take_about_half_and_never_become_windows() -> None:
    task = dataclasses.replace(make_task(), halves=True)
    plain, recompute = task.in_halves(10**10), task.in_halves(10**10, recompute=True)
    assert recompute.bytes < plain.bytes < 0.75 * task.whole().bytes

    def choose(budget: int, begun: str = "") -> Any:
        return choose_plan(task, MemoryBudget(budget, "a test"), begun, 0, CollectingFeedback())

    assert choose(10**11).name == "halves"
    assert choose(10**11).mode == "halves"
    assert choose(10**11, "halves recompute").recomputes
    least = task.in_halves(0).bytes
    assert choose(least).name == "halves"
    below = choose(least - 1)
    assert (below.name, below.mode) == ("halves recompute", "halves")
    with pytest.raises(ResourceError, match="two halves"):
        choose(task.in_halves(0, recompute=True).bytes - 1)


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
runs.run(small, Feedback())
before = resident("VmRSS")
Path("/proc/self/clear_refs").write_text("5")
class Told(Feedback):
    def log(self, message):
        if message.startswith("Training takes"):
            print(message)
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
    number, unit = re.search(r"about ([\d.]+) (MB|GB) of memory", line).groups()  # type: ignore[union-attr]
    predicted = float(number) * {"MB": 1e6, "GB": 1e9}[unit]
    assert 0.6 * predicted < float(peak) < 1.4 * predicted
