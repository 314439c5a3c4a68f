"""Forest and support vector machine through the jobs: the same parts, files and maps."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import safetensors
import safetensors.torch
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from mambahsi import cancellation, jobs, runs
from mambahsi.errors import Cancelled, ModelError, ResourceError, SceneError
from mambahsi.feedback import CollectingFeedback
from mambahsi.labels import read_labels, restrict
from mambahsi.model_file import load_model
from mambahsi.runs import classify_pixelwise
from mambahsi.scene import Scene, survey_bands
from mambahsi.split import TEST, TRAIN, split_spatial

PIXELWISE = ("forest", "svm")


def run(values: dict[str, Any]) -> tuple[dict[str, Any], CollectingFeedback]:
    feedback = CollectingFeedback()
    return runs.run(jobs.from_json(values), feedback), feedback


def both(tiny: Any, **changes: Any) -> dict[str, Any]:
    """Training and classification of the tiny scene, with all maps."""
    train = tiny.train_job(**changes)
    del train["job"]
    maps = {
        name: str(tiny.folder / f"{name}.tif")
        for name in ("classification", "confidence", "probabilities")
    }
    return {"job": "trainandclassify", "train": train, **maps}


def read(path: str) -> np.ndarray:
    with rasterio.open(path) as dataset:
        values: np.ndarray = dataset.read()
    return values


def by_hand(tiny: Any) -> tuple[np.ndarray, Any, np.ndarray]:
    """Normalized bands of all pixels, the default split and the valid pixels, another way."""
    with Scene.open(jobs.RasterSource(str(tiny.scene))) as scene:
        survey = survey_bands(scene)
        labels = read_labels(jobs.VectorSource(str(tiny.labels)), scene.grid, "class")
    job = jobs.from_json(tiny.train_job())
    split = split_spatial(
        restrict(labels, survey.valid), 0, job.validation_share, job.test_share, job.buffer
    )
    cube = tiny.cube.reshape(8, -1).astype(np.float64)
    valid = survey.valid.ravel()
    low, high = np.percentile(cube[:, valid], (2, 98), axis=1)
    shares = (np.clip(cube.T, low, high) - low) / (high - low)
    pixels = (shares * 255).astype(np.uint8).astype(np.float32) / np.float32(255)
    return pixels, split, survey.valid


@pytest.mark.parametrize("name", PIXELWISE)
def test_the_map_is_that_of_scikit_learn(tiny: Any, name: str) -> None:
    result, _ = run(both(tiny, classifier=name))
    pixels, split, valid = by_hand(tiny)
    settings = dict(result["chosen"])
    train = (split.parts == TRAIN).ravel()
    classes = split.index.ravel()
    if name == "forest":
        forest = RandomForestClassifier(settings.pop("trees"), random_state=0, **settings)
        forest.fit(pixels[train], classes[train])
        expected = np.maximum(forest.predict_proba(pixels), 1e-5) ** (1 / result["temperature"])
        expected /= expected.sum(axis=1, keepdims=True)
    else:
        scaler = StandardScaler().fit(pixels[train].astype(np.float64))
        machine = SVC(C=settings["C"], gamma=settings["gamma"], break_ties=True)
        machine.fit(scaler.transform(pixels[train].astype(np.float64)), classes[train])
        scores = machine.decision_function(scaler.transform(pixels.astype(np.float64)))
        scores = scores / result["temperature"]
        expected = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    found = read(result["probabilities"]).reshape(3, -1).T
    np.testing.assert_allclose(found[valid.ravel()], expected[valid.ravel()], atol=1e-4)
    ordered = np.sort(expected, axis=1)
    clear = valid.ravel() & (ordered[:, -1] - ordered[:, -2] > 1e-4)
    values = split.table.values[expected.argmax(axis=1)]
    land_cover = read(result["classification"]).ravel()
    assert clear.sum() > 400
    assert (land_cover == values)[clear].all()
    confidence = read(result["confidence"]).ravel()
    np.testing.assert_allclose(confidence[clear], ordered[clear, -1], atol=1e-4)
    # Nodata, as always.
    assert (land_cover[~valid.ravel()] == 0).all() and (~valid).sum() == 12
    assert (confidence[~valid.ravel()] == -9999).all()
    # The accuracy is that of the map on the test pixels.
    test = (split.parts == TEST).ravel()
    right = land_cover[test] == split.table.values[classes[test]]
    assert result["overall_accuracy"] == pytest.approx(right.mean())
    assert result["tested_pixels"] == test.sum()


@pytest.mark.parametrize("name", PIXELWISE)
def test_the_model_file_holds_everything_and_gives_the_same_map(tiny: Any, name: str) -> None:
    result, feedback = run(both(tiny, classifier=name, report=str(tiny.folder / "r.html")))
    model = load_model(result["model"])
    assert (model.classifier, model.mode, result["mode"]) == (name, "pixels", "pixels")
    assert model.training["backend"] == result["backend"] == "scikit-learn"
    assert model.choice["settings"] == result["chosen"]
    assert model.choice["fitted_again_with_validation_pixels"] is False
    assert "scikit-learn" in model.versions
    assert any("is kept: accuracy" in line for line in feedback.logs)
    report = Path(result["report"]).read_text(encoding="utf-8")
    assert "Choice of settings" in report and "Learning curves" not in report
    assert "MambaHSI model" not in report and "pixel by pixel" in report
    again, _ = run(
        {
            "job": "classify",
            "scene": {"path": str(tiny.scene)},
            "model": result["model"],
            "classification": str(tiny.folder / "again.tif"),
            "probabilities": str(tiny.folder / "again_p.tif"),
            "threads": 2,
        }
    )
    assert (read(again["classification"]) == read(result["classification"])).all()
    assert (read(again["probabilities"]) == read(result["probabilities"])).all()
    with rasterio.open(again["classification"]) as dataset:
        assert dataset.tags()["MAMBAHSI_BACKEND"] == "scikit-learn"
    described = runs.run(jobs.InfoJob(result["model"]), CollectingFeedback())
    assert described["classifier"] == name and described["choice"] == model.choice
    assert tiny.temporary_files() == []


@pytest.mark.parametrize("name", PIXELWISE)
def test_the_same_job_gives_the_same_file_whatever_the_threads(tiny: Any, name: str) -> None:
    weights = []
    for threads in (1, 3):
        path = str(tiny.folder / f"{threads}.safetensors")
        run(tiny.train_job(classifier=name, model=path, threads=threads))
        weights.append(load_model(path).weights)
    assert weights[0].keys() == weights[1].keys()
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])


def test_large_scenes_are_classified_part_by_part(
    tiny: Any, write_scene: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """More rows and columns than a tile of the map, at once and tile by tile."""
    result, _ = run(tiny.train_job(classifier="svm"))
    cube = np.tile(tiny.cube, (1, 16, 25))
    cube[:, :260] = tiny.nodata
    large = write_scene(cube, "large.tif", nodata=tiny.nodata)
    values = {"job": "classify", "scene": {"path": str(large)}, "model": result["model"]}
    told = []
    for name in ("whole", "tiles"):
        if name == "tiles":
            monkeypatch.setattr(classify_pixelwise, "columns_at_once", lambda *_: 256)
            monkeypatch.setattr(classify_pixelwise, "_STRIP_BYTES", 10_000)
        path = str(tiny.folder / f"{name}.tif")
        classified, _ = run({**values, "classification": path, "threads": 2})
        assert classified["pixels"] == (cube[0] != tiny.nodata).sum()
        told.append(read(path)[0])
    assert (told[0] == told[1]).all()
    assert (told[0][:260] == 0).all()
    assert (told[0][260:] == np.tile(told[0][260:280, :24], (3, 25))).all()


def test_columns_follow_the_tiles_of_the_map() -> None:
    assert classify_pixelwise.columns_at_once(10**6, 100, 9000) == 9000
    assert classify_pixelwise.columns_at_once(10**5, 100, 9000) == 768
    assert classify_pixelwise.columns_at_once(25_500, 100, 9000) == 0
    assert classify_pixelwise.columns_at_once(25_500, 100, 200) == 200
    assert classify_pixelwise.columns_at_once(-5, 100, 200) == 0


def test_too_little_memory_is_refused(tiny: Any) -> None:
    result, _ = run(tiny.train_job(classifier="svm"))
    values = {"job": "classify", "scene": {"path": str(tiny.scene)}, "model": result["model"]}
    with pytest.raises(ResourceError, match="memory"):
        run({**values, "classification": str(tiny.folder / "none.tif"), "memory": 0.01})
    with pytest.raises(ResourceError, match="labeled pixels"):
        run(tiny.train_job(classifier="svm", memory=1e-6))
    assert not (tiny.folder / "none.tif").exists()


def test_a_network_takes_rows_of_tiles_without_a_valid_pixel(
    tiny: Any, write_scene: Callable[..., Path]
) -> None:
    result, _ = run(tiny.train_job())
    cube = np.tile(tiny.cube, (1, 15, 1))
    cube[:, :260] = tiny.nodata
    tall = write_scene(cube, "tall.tif", nodata=tiny.nodata)
    values = {"job": "classify", "scene": {"path": str(tall)}, "model": result["model"]}
    maps = {name: str(tiny.folder / f"{name}.tif") for name in ("classification", "confidence")}
    run({**values, **maps})
    assert ((read(maps["classification"])[0] > 0) == (cube[0] != tiny.nodata)).all()


def test_a_scene_without_a_valid_pixel_is_refused(
    tiny: Any, write_scene: Callable[..., Path]
) -> None:
    result, _ = run(tiny.train_job(classifier="svm"))
    empty = write_scene(np.full_like(tiny.cube, tiny.nodata), "empty.tif", nodata=tiny.nodata)
    values = {"job": "classify", "scene": {"path": str(empty)}, "model": result["model"]}
    with pytest.raises(SceneError, match="no valid pixel"):
        run({**values, "classification": str(tiny.folder / "none.tif")})
    assert not (tiny.folder / "none.tif").exists()


def test_what_only_the_network_reads_is_told_or_refused(tiny: Any) -> None:
    _, feedback = run(tiny.train_job(classifier="svm", window=32, patience=5))
    told = next(line for line in feedback.logs if line.startswith("Not used"))
    for part in ("svm", "preset compact", "epochs 3", "window 32", "patience 5"):
        assert part in told
    assert "seed" not in told and "device" not in told
    with pytest.raises(jobs.JobError, match="resume"):
        run(tiny.train_job(classifier="forest", resume=True))


def test_a_cancel_leaves_nothing(tiny: Any) -> None:
    before = sorted(tiny.folder.iterdir())

    class Cancelling(CollectingFeedback):
        def log(self, message: str) -> None:
            if message.startswith("Fitting"):
                cancellation.request()

    with pytest.raises(Cancelled):
        runs.run(jobs.from_json(both(tiny, classifier="forest")), Cancelling())
    assert sorted(tiny.folder.iterdir()) == before


# Comparison ------------------------------------------------------------------------------------


def test_a_comparison_tests_all_on_the_same_pixels(tiny: Any) -> None:
    alone, _ = run(tiny.train_job())
    kept = load_model(alone["model"]).weights
    result, feedback = run(tiny.train_job(compare=True, report=str(tiny.folder / "r.html")))
    # The network is not another one because it is compared.
    model = load_model(result["model"])
    assert all(torch.equal(kept[name], tensor) for name, tensor in model.weights.items())
    assert model.comparison == result["comparison"]
    rows = {row["classifier"]: row for row in result["comparison"]}
    assert list(rows) == ["mambahsi", "forest", "svm"]
    assert rows["mambahsi"]["overall_accuracy"] == result["overall_accuracy"]
    for name in PIXELWISE:
        other, _ = run(tiny.train_job(classifier=name, model=str(tiny.folder / f"{name}.st")))
        for figure in ("overall_accuracy", "average_accuracy", "kappa"):
            assert rows[name][figure] == other[figure]
        assert rows[name]["settings"] == other["chosen"]
    # Three epochs of the network are no match for a forest here, and the report says so.
    assert rows["forest"]["overall_accuracy"] > rows["mambahsi"]["overall_accuracy"]
    report = Path(result["report"]).read_text(encoding="utf-8")
    warned = next(line for line in feedback.warnings if "On the same test pixels" in line)
    assert "has the higher overall accuracy" in warned
    assert warned in report.replace("&#x27;", "'")
    assert "Comparison of classifiers" in report and "Support vector machine" in report


def test_a_forest_is_compared_with_a_machine_alone(tiny: Any) -> None:
    result, _ = run(tiny.train_job(classifier="forest", compare=True))
    assert [row["classifier"] for row in result["comparison"]] == ["forest", "svm"]


# Files of other engines, and bad ones -----------------------------------------------------------


def changed(path: str, facts: dict[str, Any], **tensors: Any) -> str:
    """Write the file anew with other facts and tensors (None leaves one out)."""
    with safetensors.safe_open(path, "pt") as file:
        text = json.loads(file.metadata()["mambahsi"])
        held = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    held.update(tensors)
    kept = {name: tensor for name, tensor in held.items() if tensor is not None}
    safetensors.torch.save_file(kept, path, {"mambahsi": json.dumps({**text, **facts})})
    return path


def version(path: str) -> int:
    with safetensors.safe_open(path, "pt") as file:
        number: int = json.loads(file.metadata()["mambahsi"])["format_version"]
    return number


def test_networks_stay_readable_for_older_engines_and_others_are_not(tiny: Any) -> None:
    network, _ = run(tiny.train_job())
    assert version(network["model"]) == 1
    forest, _ = run(tiny.train_job(classifier="forest", model=str(tiny.folder / "f.st")))
    # An engine that reads up to version 1 refuses it by its number.
    assert version(forest["model"]) == 2
    with safetensors.safe_open(network["model"], "pt") as file:
        facts = json.loads(file.metadata()["mambahsi"])
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    for name in ("classifier", "choice", "comparison"):
        del facts[name]
    old = tiny.folder / "old.st"
    safetensors.torch.save_file(weights, old, {"mambahsi": json.dumps(facts)})
    assert load_model(old).classifier == "mambahsi"


def classify(tiny: Any, path: str) -> None:
    run(
        {
            "job": "classify",
            "scene": {"path": str(tiny.scene)},
            "model": path,
            "classification": str(tiny.folder / "map.tif"),
        }
    )


@pytest.mark.parametrize("name", PIXELWISE)
def test_damaged_files_are_refused_by_name(tiny: Any, name: str) -> None:
    original = Path(run(tiny.train_job(classifier=name))[0]["model"]).read_bytes()
    path = str(tiny.folder / "bad.safetensors")
    cases: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"classifier": "boosting"}, {}),
        ({"classifier": "svm" if name == "forest" else "forest"}, {}),
        ({"classifier": "mambahsi"}, {}),
        ({"classifier": None}, {}),
        ({"choice": 5}, {}),
        ({"network": {}}, {}),
        ({}, {"present": None}),
        ({}, {"present": torch.zeros(3, dtype=torch.uint16)}),
        ({}, {"present": torch.zeros(3, dtype=torch.float8_e4m3fn)}),
        ({}, {"present": torch.zeros((2**40, 0), dtype=torch.int64)}),
        ({}, {"present": torch.full((3,), torch.nan, dtype=torch.float64)}),
    ]
    for facts, tensors in cases:
        Path(path).write_bytes(original)
        with pytest.raises(ModelError, match="bad.safetensors"):
            classify(tiny, changed(path, facts, **tensors))
        assert not (tiny.folder / "map.tif").exists()


def test_a_network_does_not_wait_for_scikit_learn(
    tiny: Any, engine_environment: dict[str, str]
) -> None:
    result, _ = run(tiny.train_job())
    values = {
        "job": "classify",
        "scene": {"path": str(tiny.scene)},
        "model": result["model"],
        "classification": str(tiny.folder / "map.tif"),
        "threads": 1,
    }
    program = f"""
import sys
from mambahsi import jobs, runs
from mambahsi.feedback import Feedback
runs.run(jobs.from_json({values!r}), Feedback())
assert "mambahsi.classifiers" in sys.modules
assert not [name for name in sys.modules if name.split(".")[0] == "sklearn"]
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=engine_environment
    )
    assert ran.returncode == 0, ran.stderr


def test_through_the_command_line(tiny: Any, engine_environment: dict[str, str]) -> None:
    def command(*arguments: str) -> dict[str, Any]:
        ran = subprocess.run(
            [sys.executable, "-m", "mambahsi", *arguments, "--json", "--threads", "1"],
            cwd=tiny.folder,
            env=engine_environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert ran.returncode == 0, ran.stderr
        found: dict[str, Any] = json.loads(ran.stdout)
        return found

    trained = command(
        *("train", "--scene", "scene.tif", "--labels", "labels.gpkg", "--class_field", "class"),
        *("--model", "m.safetensors", "--classifier", "forest", "--compare"),
        *("--classification", "both.tif"),
    )
    assert trained["classifier"] == "forest"
    assert [row["classifier"] for row in trained["comparison"]] == ["forest", "svm"]
    command(
        *("classify", "--scene", "scene.tif", "--model", "m.safetensors"),
        *("--classification", "map.tif"),
    )
    both = [read(str(tiny.folder / name)) for name in ("both.tif", "map.tif")]
    assert (both[0] == both[1]).all() and (both[0] > 0).any()


@pytest.mark.parametrize("name", PIXELWISE)
def test_a_recorded_run_is_repeated(tiny: Any, name: str) -> None:
    result, _ = run(tiny.train_job(classifier=name))
    record = next(path for path in tiny.folder.iterdir() if path.name.endswith(".record.json"))
    repeated, _ = run(
        {"job": "rerun", "record": str(record), "output_folder": str(tiny.folder / "again")}
    )
    models = list((tiny.folder / "again").glob("*.safetensors"))
    assert len(models) == 1, repeated
    one, other = load_model(result["model"]).weights, load_model(models[0]).weights
    assert all(torch.equal(one[key], other[key]) for key in one)


# Real scenes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PIXELWISE)
def test_a_real_scene(real_scenes: Path, tmp_path: Path, name: str) -> None:
    folder = real_scenes / "landsat7_north_carolina"
    if not folder.is_dir():
        pytest.skip(f"the scene of North Carolina is not in {os.fspath(folder)}")
    result, feedback = run(
        {
            "job": "train",
            "scene": {"path": str(folder / "landsat_multiband.tif")},
            "labels": {"path": str(folder / "landsat96_polygons.shp")},
            "class_field": "id",
            "name_field": "label",
            "model": str(tmp_path / "m.safetensors"),
            "classifier": name,
        }
    )
    # Far better than the largest class alone, and measured on pixels of other polygons.
    counts = [row["test"] for row in load_model(result["model"]).split["classes"]]
    assert result["overall_accuracy"] > 1.5 * max(counts) / sum(counts)
    assert any("is kept: accuracy" in line for line in feedback.logs)
