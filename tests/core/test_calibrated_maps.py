"""A temperature from training to rasters: it scales all probabilities, and never the map."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import torch
from streaming_scenes import make_cube, punch, write, write_model

from mambahsi import jobs, runs
from mambahsi.calibration import Calibration, negative_log_likelihood
from mambahsi.certainty import to_probabilities
from mambahsi.classes import ClassTable, LandCoverClass
from mambahsi.feedback import CollectingFeedback, Feedback
from mambahsi.labels import read_labels
from mambahsi.model_file import load_model, save_model
from mambahsi.network import MambaHSI, SceneGeometry
from mambahsi.pixels import pixel_numbers, read_pixels
from mambahsi.runs.calibrate import (
    MOST_PIXELS,
    calibrate_model,
    number_fields,
    pixels_to_score,
)
from mambahsi.scene import Scene
from mambahsi.split import TEST, TRAIN, VALIDATION, split_random
from mambahsi.split.parts import Split, make_split

NAMES = ("classification", "confidence", "probabilities", "margin", "entropy")
STREAMED_BUDGET = 0.08


def set_temperature(path: Path, temperature: float) -> None:
    model = load_model(path)
    model.calibration = Calibration(temperature, "")
    save_model(path, model)


def classify(scene: Path, model: Path, folder: Path, **changes: Any) -> dict[str, np.ndarray]:
    """All rasters of a classification, (bands, rows, columns), masked where nodata."""
    folder.mkdir(exist_ok=True)
    targets = {name: str(folder / f"{name}.tif") for name in NAMES}
    values = {"scene": {"path": str(scene)}, "model": str(model), "threads": 1, **targets}
    feedback = CollectingFeedback()
    result = runs.run(jobs.from_json({"job": "classify", **values, **changes}), feedback)
    assert {name: result[name] for name in NAMES} == targets
    streamed = any("in strips of" in line for line in feedback.logs)
    assert streamed == (changes.get("memory") == STREAMED_BUDGET)
    found = {}
    for name, path in targets.items():
        with rasterio.open(path) as dataset:
            found[name] = dataset.read(masked=True)
            temperature = float(dataset.tags()["MAMBAHSI_TEMPERATURE"])
            if name in ("confidence", "margin", "entropy"):
                assert dataset.descriptions == (name,)
    assert temperature == result["temperature"]
    return found


def scene_and_model(tiny: Any, kind: str) -> tuple[Path, Path, dict[str, Any]]:
    if kind == "windows":
        values = tiny.train_job(window=16, epochs=2)
        runs.run(jobs.from_json(values), Feedback())
        return tiny.scene, Path(values["model"]), {}
    shape = (331, 301)
    holes = np.random.default_rng(1).random(shape) < 0.05
    scene = write(tiny.folder / "large.tif", punch(make_cube(8, *shape), holes))
    model = write_model(tiny.folder / "large.safetensors", 8, 64)
    return scene, model, {"memory": STREAMED_BUDGET if kind == "strips" else 8.0}


@pytest.mark.parametrize("kind", ["memory", "strips", "windows"])
def test_a_temperature_scales_every_raster_but_the_map(tiny: Any, kind: str) -> None:
    scene, model, changes = scene_and_model(tiny, kind)
    set_temperature(model, 1.0)
    plain = classify(scene, model, tiny.folder / "plain", **changes)
    mask = plain["classification"].mask[0]
    shares = plain["probabilities"].data[:, ~mask].astype(np.float64)
    assert mask.any() and shares.max(axis=0).std() > 0.003
    for temperature in (0.4, 2.5):
        set_temperature(model, temperature)
        folder = tiny.folder / str(temperature)
        found = classify(scene, model, folder, **changes)
        np.testing.assert_array_equal(found["classification"], plain["classification"])
        # What the temperature is defined by: odds to the power of 1 / T.
        powers = shares ** (1 / temperature)
        expected = powers / powers.sum(axis=0)
        for name in NAMES:
            np.testing.assert_array_equal(
                found[name].mask, np.broadcast_to(mask, found[name].shape), err_msg=name
            )
        values = {name: found[name].data[:, ~mask] for name in NAMES}
        np.testing.assert_allclose(values["probabilities"], expected, atol=2e-6)
        assert np.abs(expected - shares).max() > 0.01
        ranked = np.sort(values["probabilities"], axis=0)
        np.testing.assert_array_equal(values["confidence"][0], ranked[-1])
        np.testing.assert_array_equal(values["margin"][0], ranked[-1] - ranked[-2])
        bits = -(expected * np.log(expected)).sum(axis=0) / np.log(len(expected))
        np.testing.assert_allclose(values["entropy"][0], bits, atol=1e-5)


def test_strips_and_memory_are_scaled_alike(tiny: Any) -> None:
    scene, model, _ = scene_and_model(tiny, "memory")
    set_temperature(model, 1.7)
    one = classify(scene, model, tiny.folder / "one", memory=8.0)
    other = classify(scene, model, tiny.folder / "other", memory=STREAMED_BUDGET)
    for name in NAMES[1:]:
        np.testing.assert_allclose(other[name], one[name], atol=2e-4, err_msg=name)


def paper_job(tiny: Any, **changes: Any) -> dict[str, Any]:
    """A training of the tiny scene that leaves enough validation pixels."""
    more = {"protocol": "random", "train_pixels": 20, "validation_pixels": 20, "seed": 3}
    return tiny.train_job(epochs=12, learning_rate=3e-3, **more, **changes)  # type: ignore[no-any-return]


def test_the_temperature_of_a_training_is_the_best_for_its_kept_weights(tiny: Any) -> None:
    values = paper_job(tiny, report=str(tiny.folder / "r.html"))
    feedback = CollectingFeedback()
    result = runs.run(jobs.from_json(values), feedback)
    model = load_model(values["model"])
    found = model.calibration
    # The same pixels, worked out anew, and the weights of the file.
    job = jobs.from_json(values)
    with Scene.open(job.scene) as scene:
        bands = model.bands["used"]
        valid = scene.valid(bands)
        labels = read_labels(job.labels, scene.grid, job.class_field, feedback=Feedback())
        split = split_random(labels.where(valid), 3, 20, 20)
        pixels = read_pixels(scene, bands, valid, model.normalization, Feedback())
    network = MambaHSI(**model.network)
    network.load_state_dict(model.weights)
    geometry = SceneGeometry(valid)
    with torch.no_grad():
        logits = network.pixel_logits(pixels, geometry).double().numpy()

    def part(number: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = split.parts == number
        return logits[pixel_numbers(valid, chosen).numpy()], split.index[chosen]

    scores, classes = part(VALIDATION)
    assert found.pixels == len(classes) == 60
    assert found.nll_before == pytest.approx(negative_log_likelihood(scores, classes), abs=1e-5)
    grid = np.geomspace(0.06, 18, 2000)
    losses = [negative_log_likelihood(scores, classes, t) for t in grid]
    assert found.fitted == pytest.approx(grid[int(np.argmin(losses))], rel=5e-3)
    assert found.nll_after is not None and min(losses) - 1e-5 <= found.nll_after
    assert found.nll_after == pytest.approx(
        negative_log_likelihood(scores, classes, found.temperature), abs=1e-5
    )
    assert found.nll_after <= found.nll_before
    assert found.test is not None and model.accuracy is not None
    assert found.test["pixels"] == result["tested_pixels"] == len(part(TEST)[1])
    assert found.test["accuracy"] == pytest.approx(model.accuracy["overall_accuracy"])
    assert result["temperature"] == found.temperature
    assert result["calibration_error"] == found.test["error_after"]
    assert found.text() in feedback.logs
    described = runs.run(jobs.InfoJob(values["model"]), Feedback())["calibration"]
    assert described == found.to_json()
    page = (tiny.folder / "r.html").read_text(encoding="utf-8")
    assert "Reliability diagram" in page and "A pixel is unsure where" in page


def test_windows_are_calibrated_on_what_their_map_shows(tiny: Any) -> None:
    values = paper_job(tiny, window=16)
    runs.run(jobs.from_json(values), Feedback())
    model = load_model(values["model"])
    assert model.calibration.pixels == 60 and model.calibration.test is not None
    assert model.accuracy is not None
    assert model.calibration.test["accuracy"] == pytest.approx(model.accuracy["overall_accuracy"])
    # The log likelihood is that of the rasters.
    set_temperature(Path(values["model"]), 1.0)
    shares = classify(tiny.scene, Path(values["model"]), tiny.folder / "maps")["probabilities"]
    job = jobs.from_json(values)
    with Scene.open(job.scene) as scene:
        labels = read_labels(job.labels, scene.grid, job.class_field, feedback=Feedback())
        split = split_random(labels.where(scene.valid(model.bands["used"])), 3, 20, 20)
    chosen = split.parts == VALIDATION
    right = np.take_along_axis(shares.data[:, chosen], split.index[chosen][None].astype(int), 0)
    assert model.calibration.nll_before == pytest.approx(-np.log(right).mean(), abs=1e-4)


def test_too_few_validation_pixels_are_told_in_model_and_report(tiny: Any) -> None:
    values = tiny.train_job(
        protocol="random", validation_pixels=3, report=str(tiny.folder / "r.html")
    )
    result = runs.run(jobs.from_json(values), Feedback())
    found = load_model(values["model"]).calibration
    assert result["temperature"] == found.temperature == 1.0
    assert "9 validation pixels would not be worth much" in found.reason
    assert found.reason in Path(values["report"]).read_text(encoding="utf-8")


def test_of_very_many_pixels_every_so_manieth_is_scored() -> None:
    parts = np.zeros((1100, 1000), dtype=np.uint8)
    parts[:600] = TEST
    parts[600:610] = VALIDATION
    index = np.zeros(parts.shape, np.int32)
    split = Split(parts, index, None, "", "", np.zeros((1, 5)), [], None, {}, index)  # type: ignore[arg-type]
    scored = pixels_to_score(split)
    assert (scored & (parts == VALIDATION)).sum() == 10_000
    assert not scored[parts == 0].any()
    kept = int((scored & (parts == TEST)).sum())
    assert MOST_PIXELS[TEST] // 2 < kept <= MOST_PIXELS[TEST]
    whole = dataclasses.replace(split, parts=np.where(parts == TEST, 0, parts))
    assert (pixels_to_score(whole) == (parts == VALIDATION)).all()


def test_a_field_is_what_touches_of_one_class() -> None:
    drawn = ["aab.", "..ba", "c..a", "c.c."]
    letters = np.array([list(row) for row in drawn])
    index = np.select([letters == one for one in "abc"], [0, 1, 2], default=-1)
    parts = np.where(index >= 0, VALIDATION, 0)
    parts[2, 3] = TEST
    split = Split(parts, index, None, "", "", np.zeros((3, 5)), [], None, {}, index)  # type: ignore[arg-type]
    fields = number_fields(split, VALIDATION)
    groups = {tuple(map(tuple, np.argwhere(fields == n).tolist())) for n in range(1, 6)}
    assert groups == {
        ((0, 0), (0, 1)), ((0, 2), (1, 2)), ((1, 3),), ((2, 0), (3, 0)), ((3, 2),),
    }  # fmt: skip
    assert fields.max() == 5 and not fields[parts != VALIDATION].any()


def test_pixels_drawn_from_one_field_are_of_one_field() -> None:
    """What is not used, or used otherwise, still holds the field together."""
    index = np.full((9, 9), -1, np.int32)
    index[1:4] = 0
    index[5:8] = 1
    parts = np.zeros(index.shape, np.uint8)
    parts[1:4:2, ::2] = VALIDATION
    parts[2, ::2] = TRAIN
    parts[6, ::4] = VALIDATION
    table = ClassTable(
        (LandCoverClass(1, "a", "#000000", "a"), LandCoverClass(2, "b", "#ffffff", "b"))
    )
    split = make_split(parts, index, table, "sampled", "")
    fields = number_fields(split, VALIDATION)
    assert len(np.unique(fields)) == 3  # two fields, and nothing
    assert fields[1, 0] == fields[3, 8] != fields[6, 0] == fields[6, 8]
    assert (fields > 0).sum() == (parts == VALIDATION).sum()


def test_test_pixels_that_contradict_are_warned_of_but_have_no_say() -> None:
    generator = np.random.default_rng(0)
    parts = np.full((40, 100), TEST)
    parts[::2] = VALIDATION
    scores = generator.normal(0, 4, (4000, 3)).astype(np.float32)
    # Validation pixels ask for a temperature of 4, test pixels for none.
    wanted = np.where(parts.ravel() == VALIDATION, 4.0, 1.0)[:, None]
    shares = to_probabilities(scores / wanted).cumsum(axis=1)
    index = np.minimum((generator.random((4000, 1)) > shares).sum(axis=1), 2).reshape(parts.shape)
    # Fields of their own for the two parts.
    labels = np.where(parts == VALIDATION, index, -1)
    split = Split(parts, index, None, "", "", np.zeros((3, 5)), [], None, {}, labels)  # type: ignore[arg-type]
    feedback = CollectingFeedback()
    found = calibrate_model(split, scores, feedback)
    assert found.used and found.temperature > 3 and found.test is not None
    assert found.test["error_after"] > found.test["error_before"]
    (warning,) = feedback.warnings
    assert f"to {found.test['error_after']:.2%}" in warning
    # Other test pixels, the same temperature, and no warning.
    feedback = CollectingFeedback()
    index[parts == TEST] = generator.integers(0, 3, int((parts == TEST).sum()))
    again = calibrate_model(split, scores, feedback)
    assert again.temperature == found.temperature and feedback.warnings == []
