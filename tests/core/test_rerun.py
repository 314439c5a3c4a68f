"""Runs repeated from their records: the same weights, or a clear word why not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
import torch

from mambahsi import cancellation, jobs, runs
from mambahsi.errors import Cancelled, DifferentResultError, OutputError, RecordError
from mambahsi.feedback import CollectingFeedback
from mambahsi.model_file import load_model
from mambahsi.records.record import read_record, record_path


def run(values: dict[str, Any]) -> tuple[dict[str, Any], CollectingFeedback]:
    feedback = CollectingFeedback()
    return runs.run(jobs.from_json(values), feedback), feedback


def rerun(record: str | Path, folder: str | Path = "") -> tuple[dict[str, Any], CollectingFeedback]:
    return run({"job": "rerun", "record": str(record), "output_folder": str(folder)})


def both(training: dict[str, Any], target: Path, **maps: str) -> dict[str, Any]:
    """A training and a classification in one run."""
    step = {name: value for name, value in training.items() if name != "job"}
    return {"job": "trainandclassify", "train": step, "classification": str(target), **maps}


def assert_same_weights(one: str | Path, other: str | Path) -> None:
    first, second = load_model(one), load_model(other)
    assert first.weights.keys() == second.weights.keys()
    assert all(torch.equal(first.weights[name], second.weights[name]) for name in first.weights)
    assert first.curves == second.curves
    assert first.accuracy == second.accuracy and first.split == second.split


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"threads": 2, "seed": 5, "class_weights": "balanced"},
        {"protocol": "random", "train_pixels": 20},
        {"protocol": "blocks", "block_size": 6, "buffer": 1, "folds": 3, "fold": 2},
        {"window": 16},
        {"scan": "torch"},
    ],
    ids=["spatial", "threads", "random", "blocks", "windows", "torch"],
)
def test_a_rerun_gives_identical_weights(tiny: Any, changes: dict[str, Any]) -> None:
    values = tiny.train_job(**changes, report=str(tiny.folder / "r.html"))
    run(values)
    before = contents(tiny.folder)
    result, feedback = rerun(record_path(values["model"]))
    assert result["identical"] and result["differences"] == []
    assert result["compared"] == {
        "model": "identical", "split": "identical", "results": "identical"
    }  # fmt: skip
    folder = tiny.folder / "model.safetensors.rerun"
    assert Path(result["output_folder"]) == folder
    assert_same_weights(values["model"], folder / "model.safetensors")
    assert (folder / "r.html").exists()
    assert {path: data for path, data in contents(tiny.folder).items() if path in before} == before
    again = read_record(record_path(folder / "model.safetensors"))
    assert again.repeats == str(record_path(values["model"]))
    assert any("Identical to the first run" in line for line in feedback.logs)


def test_what_the_machine_chose_is_taken_from_the_record(tiny: Any) -> None:
    # Threads, scan and device are left open by the job, and another machine would choose others.
    values = tiny.train_job(threads=0, scan="auto", device="auto")
    run(values)
    path = record_path(values["model"])
    told = json.loads(path.read_text(encoding="utf-8"))
    told["run"]["threads"], told["run"]["backend"] = 3, "reference"
    path.write_text(json.dumps(told), encoding="utf-8")
    with pytest.raises(DifferentResultError):  # which the record of this machine does not tell
        rerun(path)
    training = load_model(tiny.folder / "model.safetensors.rerun" / "model.safetensors").training
    assert (training["threads"], training["backend"], training["device"]) == (3, "reference", "cpu")


def test_a_recomputed_training_is_recomputed_again(tiny: Any) -> None:
    values = tiny.train_job()
    run(values)
    path = record_path(values["model"])
    told = json.loads(path.read_text(encoding="utf-8"))
    told["run"]["plan"] = "recompute"
    path.write_text(json.dumps(told), encoding="utf-8")
    result, _ = rerun(path)
    training = load_model(Path(result["output_folder"]) / "model.safetensors").training
    assert training["plan"] == "recompute"


def test_windows_that_the_memory_made_stay_where_there_is_more_of_it(
    tmp_path: Path, write_scene: Callable[..., Path], write_labels: Callable[..., Path]
) -> None:
    generator = np.random.default_rng(0)
    classes = np.add.outer(np.arange(160) // 40, np.arange(160) // 40) % 2
    cube = generator.random((6, 160, 160)) * 300 + classes * np.linspace(9, 900, 6)[:, None, None]
    scene = write_scene(cube.astype(np.int16))
    boxes, names = [], []
    for row, column in np.ndindex(4, 4):
        west, south = 500_150 + 400 * column, 5_799_750 - 400 * row
        boxes.append(shapely.box(west, south, west + 80, south + 80))
        names.append("ab"[(row + column) % 2])
    labels = write_labels(boxes, **{"class": names})
    values = {"job": "train", "scene": {"path": str(scene)}, "labels": {"path": str(labels)},
              "class_field": "class", "model": str(tmp_path / "m"), "preset": "compact",
              "epochs": 2, "threads": 1, "memory": 0.03}  # fmt: skip
    run(values)
    path = record_path(tmp_path / "m")
    told = json.loads(path.read_text(encoding="utf-8"))
    assert told["run"]["plan"] == "windows" and told["job"]["window"] == 0
    told["job"]["memory"] = 4.0
    path.write_text(json.dumps(told), encoding="utf-8")
    result, _ = rerun(path)
    assert result["identical"] and result["differences"] == []
    assert_same_weights(tmp_path / "m", tmp_path / "m.rerun" / "m")


def test_a_training_that_was_interrupted_is_repeated_in_one_go(tiny: Any) -> None:
    class Interrupting(CollectingFeedback):
        def metric(self, **values: Any) -> None:
            cancellation.request()

    values = tiny.train_job(epochs=4)
    with pytest.raises(Cancelled):
        runs.run(jobs.from_json(values), Interrupting())
    assert not record_path(values["model"]).exists()
    cancellation.reset()
    run({**values, "resume": True})
    result, _ = rerun(record_path(values["model"]))
    assert result["identical"]
    assert result["differences"] == ["resumed was True, now False"]
    assert_same_weights(values["model"], Path(result["output_folder"]) / "model.safetensors")


def test_training_and_maps_of_one_run_are_repeated(tiny: Any) -> None:
    target = tiny.folder / "map.tif"
    values = both(tiny.train_job(), target, confidence=str(tiny.folder / "c.tif"))
    run(values)
    result, _ = rerun(record_path(tiny.train_job()["model"]), tiny.folder / "again")
    assert result["identical"]
    assert set(result["compared"]) == {"model", "split", "classification", "confidence", "results"}
    with rasterio.open(target) as one, rasterio.open(tiny.folder / "again" / "map.tif") as other:
        assert (one.read() == other.read()).all() and one.profile == other.profile
    # And the rerun can be repeated, too.
    result, _ = rerun(record_path(tiny.folder / "again" / "model.safetensors"))
    assert result["identical"]


def test_a_classification_and_an_assessment_are_repeated(tiny: Any) -> None:
    target = tiny.folder / "map.tif"
    run(both(tiny.train_job(), target))
    second = tiny.folder / "second.tif"
    run({"job": "classify", "scene": {"path": str(tiny.scene)}, "threads": 1,
         "model": tiny.train_job()["model"], "classification": str(second)})  # fmt: skip
    result, _ = rerun(record_path(second))
    assert result["compared"] == {"classification": "identical", "results": "identical"}
    table = tiny.folder / "t.json"
    run({"job": "assess", "classification": {"path": str(target)}, "class_field": "class",
         "reference": {"path": str(tiny.labels)}, "table": str(table),
         "report": str(tiny.folder / "a.html")})  # fmt: skip
    result, _ = rerun(record_path(tiny.folder / "a.html"))
    assert result["compared"] == {"table": "identical", "results": "identical"}


def test_a_cross_validation_is_repeated_fold_by_fold(tiny: Any) -> None:
    values = tiny.train_job(protocol="blocks", block_size=6, buffer=1, folds=3, epochs=2)
    train = {name: value for name, value in values.items() if name != "job"}
    table = tiny.folder / "cv.json"
    run({"job": "crossvalidate", "train": train, "table": str(table)})
    before = contents(tiny.folder)
    result, _ = rerun(record_path(table))
    folds = [f"model_fold{number}" for number in range(3)]
    assert result["compared"] == dict.fromkeys(["table", *folds, "results"], "identical")
    assert result["identical"] and result["differences"] == []
    folder = Path(result["output_folder"])
    for number in range(3):
        name = f"model.fold{number}.safetensors"
        assert_same_weights(tiny.folder / name, folder / name)
    assert {path: data for path, data in contents(tiny.folder).items() if path in before} == before
    # A fold has a record of its own besides.
    assert read_record(record_path(tiny.folder / "model.fold1.safetensors")).job["fold"] == 1


def test_a_temporary_reference_is_kept_for_the_rerun(tiny: Any) -> None:
    target, table = tiny.folder / "map.tif", tiny.folder / "t.json"
    run(both(tiny.train_job(), target))
    passing = tiny.folder / "passing.gpkg"
    shutil.copy(tiny.labels, passing)
    values = {"job": "assess", "classification": {"path": str(target)}, "class_field": "class",
              "reference": {"path": str(passing), "temporary": True},
              "table": str(table)}  # fmt: skip
    run(values)
    passing.unlink()
    kept = tiny.folder / "t.json.record.reference.gpkg"
    assert kept.read_bytes() == tiny.labels.read_bytes()
    result, _ = rerun(record_path(table))
    assert result["compared"] == {"table": "identical", "results": "identical"}
    # What is kept goes with its record.
    run({**values, "reference": {"path": str(tiny.labels)}})
    assert not kept.exists() and record_path(table).exists()
    assert rerun(record_path(table), tiny.folder / "again")[0]["identical"]


def test_labels_may_be_gone_or_changed(tiny: Any) -> None:
    values = tiny.train_job()
    run(values)
    tiny.labels.write_bytes(b"something else")
    result, feedback = rerun(record_path(values["model"]), tiny.folder / "a")
    assert result["identical"]
    assert any("labels.gpkg has changed" in text for text in feedback.warnings)
    tiny.labels.unlink()
    result, feedback = rerun(record_path(values["model"]), tiny.folder / "b")
    assert result["identical"]
    assert any("labels.gpkg is gone" in text for text in feedback.logs)
    assert_same_weights(values["model"], tiny.folder / "b" / "model.safetensors")


def test_a_moved_folder_is_repeated_where_it_is(tiny: Any, tmp_path: Path) -> None:
    run(both(tiny.train_job(), tiny.folder / "map.tif"))
    moved = tmp_path / "elsewhere" / "deep"
    moved.parent.mkdir()
    shutil.move(tiny.folder, moved)
    result, _ = rerun(record_path(moved / "model.safetensors"))
    assert result["identical"]
    folder = moved / "model.safetensors.rerun"
    assert Path(result["output_folder"]) == folder and (folder / "map.tif").exists()
    assert_same_weights(moved / "model.safetensors", folder / "model.safetensors")
    assert not tiny.folder.exists()
    again = read_record(record_path(folder / "model.safetensors"))
    assert again.job["train"]["scene"]["path"] == str(moved / "scene.tif")


def test_a_record_apart_from_its_scene_finds_it_where_it_was(tiny: Any, tmp_path: Path) -> None:
    values = tiny.train_job()
    run(values)
    apart = tmp_path / "apart"
    apart.mkdir()
    for name in ("model.safetensors.record.json", "model.safetensors.split.tif"):
        shutil.copy(tiny.folder / name, apart)
    result, _ = rerun(apart / "model.safetensors.record.json")
    assert result["identical"]
    assert_same_weights(values["model"], apart / "model.safetensors.rerun" / "model.safetensors")


@pytest.mark.parametrize("wrong", ["changed", "touched back", "gone"])
def test_a_changed_scene_is_refused_by_name(tiny: Any, wrong: str) -> None:
    values = tiny.train_job(epochs=1)
    run(values)
    status = tiny.scene.stat()
    content = bytearray(tiny.scene.read_bytes())
    content[-1] ^= 1
    tiny.scene.write_bytes(content)
    if wrong == "touched back":
        os.utime(tiny.scene, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    if wrong == "gone":
        tiny.scene.unlink()
    reason = "does not exist any more" if wrong == "gone" else "has changed since the run"
    with pytest.raises(RecordError, match=rf"scene\.tif.*{reason}"):
        rerun(record_path(values["model"]))
    assert not (tiny.folder / "model.safetensors.rerun").exists()


def test_a_changed_header_is_refused_by_name(tiny: Any, write_scene: Callable[..., Path]) -> None:
    scene = write_scene(tiny.cube, "Gelände 1/e.img", driver="ENVI", nodata=-999)
    values = tiny.train_job(scene={"path": str(scene)}, epochs=1)
    run(values)
    header = scene.with_suffix(".hdr")
    header.write_text(header.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    with pytest.raises(RecordError, match=r"e\.hdr has changed"):
        rerun(record_path(values["model"]))


def test_what_qgis_writes_beside_a_scene_is_told_and_no_obstacle(tiny: Any) -> None:
    values = tiny.train_job()
    run(values)
    Path(f"{tiny.scene}.aux.xml").write_text("<PAMDataset></PAMDataset>", encoding="utf-8")
    result, feedback = rerun(record_path(values["model"]))
    assert result["identical"]
    assert any("scene.tif.aux.xml is read now" in text for text in feedback.warnings)


def test_a_changed_split_or_model_is_refused_by_name(tiny: Any) -> None:
    values = tiny.train_job(epochs=1)
    run(both(values, tiny.folder / "map.tif"))
    second = tiny.folder / "second.tif"
    run({"job": "classify", "scene": {"path": str(tiny.scene)}, "model": values["model"],
         "classification": str(second)})  # fmt: skip
    split = tiny.folder / "model.safetensors.split.tif"
    shutil.copy(tiny.scene, split)
    with pytest.raises(RecordError, match=r"split\.tif has changed"):
        rerun(record_path(values["model"]))
    run(tiny.train_job(epochs=1, seed=1))
    with pytest.raises(RecordError, match=r"model\.safetensors has changed"):
        rerun(record_path(second))


def test_other_weights_are_an_error_where_all_else_is_the_same(tiny: Any) -> None:
    values = tiny.train_job()
    run(values)
    path = record_path(values["model"])
    told = json.loads(path.read_text(encoding="utf-8"))
    told["job"]["learning_rate"] = 0.01  # as if the engine had not repeated itself
    path.write_text(json.dumps(told), encoding="utf-8")
    with pytest.raises(DifferentResultError, match="tensors differ, by") as caught:
        rerun(path)
    assert "model.safetensors.rerun" in caught.value.hint
    assert (tiny.folder / "model.safetensors.rerun" / "model.safetensors").exists()


def test_other_versions_are_told_and_excuse_another_result(tiny: Any) -> None:
    values = tiny.train_job()
    run(both(values, tiny.folder / "map.tif"))
    path = record_path(values["model"])
    told = json.loads(path.read_text(encoding="utf-8"))
    told["versions"]["torch"] = "0.0.1"
    told["job"]["train"]["seed"] = 3
    path.write_text(json.dumps(told), encoding="utf-8")
    result, feedback = rerun(path)
    assert not result["identical"]
    assert any("version of torch was 0.0.1" in text for text in result["differences"])
    assert any("Not identical" in text for text in feedback.warnings)
    assert "pixels differ" in result["compared"]["classification"]
    (tiny.folder / "map.tif").unlink()
    result, _ = rerun(path, tiny.folder / "again")
    assert "gone" in result["compared"]["classification"]


def test_nothing_is_ever_replaced(tiny: Any, tmp_path: Path) -> None:
    values = tiny.train_job(epochs=1, report=str(tiny.folder / "r.html"))
    run(values)
    path = record_path(values["model"])
    before = contents(tiny.folder)
    with pytest.raises(OutputError, match="not empty"):
        rerun(path, tiny.folder)
    with pytest.raises(OutputError, match="does not exist"):
        rerun(path, tmp_path / "none" / "deeper")
    # A record that hides an output cannot have it overwritten.
    told = json.loads(path.read_text(encoding="utf-8"))
    told["outputs"] = [file for file in told["outputs"] if file["role"] != "report"]
    forged = tiny.folder / "forged.record.json"
    forged.write_text(json.dumps(told), encoding="utf-8")
    with pytest.raises(OutputError, match=r"r\.html: this job may write into"):
        rerun(forged)
    forged.unlink()
    assert contents(tiny.folder) == before


def test_outputs_of_one_name_do_not_collide(tiny: Any) -> None:
    (tiny.folder / "other").mkdir()
    run(both(tiny.train_job(epochs=1), tiny.folder / "map.tif",
             confidence=str(tiny.folder / "other" / "map.tif")))  # fmt: skip
    result, _ = rerun(record_path(tiny.train_job()["model"]))
    assert result["identical"]
    folder = Path(result["output_folder"])
    assert (folder / "map.tif").exists() and (folder / "confidence_map.tif").exists()


def test_a_record_that_repeats_a_rerun_is_refused(tiny: Any) -> None:
    values = tiny.train_job(epochs=1)
    run(values)
    path = record_path(values["model"])
    told = json.loads(path.read_text(encoding="utf-8"))
    told["job"] = {"job": "rerun", "record": str(path)}
    path.write_text(json.dumps(told), encoding="utf-8")
    with pytest.raises(RecordError, match="none of its own"):
        rerun(path)


def test_labels_of_a_scene_without_georeference(
    tiny: Any, write_scene: Callable[..., Path], write_labels: Callable[..., Path]
) -> None:
    scene = write_scene(tiny.cube, "plain.tif", crs=None, transform=None, nodata=-999)
    boxes = [shapely.box(8 * c + 1, 5 * r + 1, 8 * c + 7, 5 * r + 4) for r in range(4)
             for c in range(3)]  # fmt: skip
    names = [["a", "b", "c"][n % 3] for n in range(12)]
    labels = write_labels(boxes, "plain.gpkg", crs=None, **{"class": names})
    values = tiny.train_job(scene={"path": str(scene)}, labels={"path": str(labels)})
    run(values)
    labels.unlink()
    result, _ = rerun(record_path(values["model"]))
    assert result["identical"]


def test_the_command(tiny: Any, engine_environment: dict[str, str]) -> None:
    def command(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "mambahsi", *arguments],
            cwd=tiny.folder, env=engine_environment, capture_output=True, text=True,
            encoding="utf-8", timeout=120, check=False,
        )  # fmt: skip

    trained = command(
        *("train", "--scene", "scene.tif", "--labels", "labels.gpkg", "--class_field", "class"),
        *("--model", "m.safetensors", "--preset", "compact", "--epochs", "2", "--threads", "2"),
    )
    assert trained.returncode == 0, trained.stderr
    done = command("rerun", "m.safetensors.record.json", "--output-folder", "again", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["identical"] is True
    assert_same_weights(tiny.folder / "m.safetensors", tiny.folder / "again" / "m.safetensors")
    path = tiny.folder / "m.safetensors.record.json"
    told = json.loads(path.read_text(encoding="utf-8"))
    told["job"]["seed"] = 9
    path.write_text(json.dumps(told), encoding="utf-8")
    differing = command("rerun", "m.safetensors.record.json")
    assert differing.returncode == 1 and "another result" in differing.stderr
    missing = command("rerun", "none.record.json")
    assert missing.returncode == 1 and "none.record.json" in missing.stderr
    assert command("rerun").returncode == 2


def test_distances_are_measured(tiny: Any) -> None:
    from mambahsi.records.comparison import _pixels_apart

    one, other = tiny.folder / "1.tif", tiny.folder / "2.tif"
    data = np.zeros((1, 4, 5), np.uint8)
    for path, value in ((one, 0), (other, 3)):
        data[0, 1, 2] = value
        with rasterio.open(path, "w", driver="GTiff", width=5, height=4, count=1,
                           dtype="uint8") as raster:  # fmt: skip
            raster.write(data)
    assert _pixels_apart(one, other) == "1 of 20 pixels differ (5.00%), by 3 at most"
