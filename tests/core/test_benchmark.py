"""Benchmark runs: whole runs on a small scene, going on, taking over, refusing."""

from __future__ import annotations

import csv
import dataclasses
import json
import shutil
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import rasterio.features
import shapely.geometry
from benchmark_files import make_cube, make_truth, write_mat5, write_npy

from mambahsi import cancellation, jobs, runs
from mambahsi.benchmark.methods import parse_methods, parse_seeds
from mambahsi.benchmark.protocols import fixed_seeds
from mambahsi.benchmark.scenes import SceneFolder, read_content
from mambahsi.benchmark.seed import do_run
from mambahsi.benchmark.summary import read_groups
from mambahsi.benchmark_scenes import catalog
from mambahsi.checkpoint import checkpoint_path, load_checkpoint
from mambahsi.errors import Cancelled, ModelError, OutputError, ResourceError, SceneError
from mambahsi.feedback import CollectingFeedback, Feedback
from mambahsi.jobs import BenchmarkJob, JobError
from mambahsi.model_file import load_model
from mambahsi.runs.benchmark import make_run
from mambahsi.streaming.locks import FileLock

COLORS = ["#ff0000", "#00ff00", "#0000ff"]


@pytest.fixture
def scene_folder(
    tmp_path: Path, write_scene: Callable[..., Path], write_labels: Callable[..., Path]
) -> Path:
    """A folder ``fields`` with a scene of 24 x 30 pixels and labels of three classes."""
    return make_folder(tmp_path, write_scene, write_labels)


def make_folder(
    tmp_path: Path,
    write_scene: Callable[..., Path],
    write_labels: Callable[..., Path],
    name: str = "data/fields",
    seed: int = 0,
) -> Path:
    generator = np.random.default_rng(seed)
    truth = np.add.outer(np.arange(24) // 6, np.arange(30) // 6) % 4
    slopes = np.linspace(100, 2000, 6)[:, None, None]
    cube = (generator.random((6, 24, 30)) * 300 + truth * slopes).astype(np.int16)
    scene = write_scene(cube, f"{name}/scene.tif")
    with rasterio.open(scene) as dataset:
        transform = dataset.transform
    outlines = list(
        rasterio.features.shapes(
            truth.astype(np.uint8), truth > 0, connectivity=4, transform=transform
        )
    )
    values = [int(value) for _, value in outlines]
    write_labels(
        [shapely.geometry.shape(outline) for outline, _ in outlines],
        f"{name}/labels.gpkg",
        class_id=values,
        class_name=[f"Kind {value}" for value in values],
        color=[COLORS[value - 1] for value in values],
    )
    return scene.parent


def make_job(folder: Path, output: Path, **changes: Any) -> BenchmarkJob:
    output.mkdir(exist_ok=True)
    settings: dict[str, Any] = {"methods": "compact", "seeds": "0", "epochs": 3, "threads": 1}
    return BenchmarkJob(str(folder), str(output), **(settings | changes))


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_whole_runs_and_their_table(scene_folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    job = make_job(scene_folder, output, methods="compact, spectral", seeds="0-1")
    result = runs.run(job, Feedback())
    assert (result["scene"], result["done"]) == ("fields", 4)
    table = read(output / "fields" / "table.json")
    rows = list(csv.DictReader((output / "fields" / "table.csv").open(encoding="utf-8")))
    page = (output / "fields" / "table.md").read_text(encoding="utf-8")
    assert [(g["method"], g["seeds"]) for g in table["groups"]] == [
        ("compact", [0, 1]),
        ("spectral", [0, 1]),
    ]
    for group in table["groups"]:
        folder = output / "fields" / "random" / group["method"]
        kept = [load_model(folder / f"seed_{seed}" / "model.safetensors") for seed in (0, 1)]
        for seed, model in enumerate(kept):
            assert model.training["seed"] == seed
            assert model.training["protocol"] == "random"
            assert model.mode == "whole"
        assert all(model.accuracy for model in kept)
        overall = [100 * (model.accuracy or {})["overall_accuracy"] for model in kept]
        assert group["overall_accuracy"]["mean"] == pytest.approx(statistics.mean(overall))
        assert group["overall_accuracy"]["deviation"] == pytest.approx(statistics.stdev(overall))
        in_csv = next(
            row
            for row in rows
            if (row["method"], row["figure"]) == (group["method"], "overall_accuracy")
        )
        assert float(in_csv["mean"]) == pytest.approx(statistics.mean(overall), rel=1e-5)
        text = f"{statistics.mean(overall):.2f} ± {statistics.stdev(overall):.2f}"
        assert text in page
        for item in group["producers_accuracy"]:
            found = [
                100 * row["producers_accuracy"]
                for model in kept
                for row in (model.accuracy or {})["per_class"]
                if row["value"] == item["value"]
            ]
            assert item["mean"] == pytest.approx(statistics.mean(found))
    assert "| Kind 2 |" in page


def test_a_result_holds_what_it_depends_on(scene_folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    runs.run(make_job(scene_folder, output), Feedback())
    folder = output / "fields" / "random" / "compact" / "seed_0"
    result, model = read(folder / "result.json"), load_model(folder / "model.safetensors")
    assert result["accuracy"] == model.accuracy
    assert result["accuracy"]["tested_pixels"] == sum(
        row["test"] for row in result["split"]["classes"]
    )
    assert result["split"]["nearest"] == model.split["nearest"]
    parameters = sum(weight.numel() for weight in model.weights.values())
    assert result["network"]["parameters"] == parameters
    assert result["training"]["seconds"] > 0
    assert result["training"]["cpu_seconds"] > 0
    assert result["classification"]["test_pixels_unlike_training"] == 0
    assert result["classification"]["pixels"] == 24 * 30
    assert result["training"]["backend"] == model.training["backend"]
    assert result["settings"]["epochs"] == 3
    assert len(result["fingerprint"]["scene"]) == 64
    # The map on the labels, counted here, is the confusion matrix on all labeled pixels.
    with rasterio.open(folder / "map.tif") as source:
        mapped = source.read(1)
    with rasterio.open(folder / "map.png") as source:
        picture = source.read()
    assert picture.shape == (3, 24, 3 * 30 + 2 * 10)
    palette = np.array([[255] * 3, *([int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in COLORS)])
    truth = np.add.outer(np.arange(24) // 6, np.arange(30) // 6) % 4
    for panel, wanted in enumerate((truth, np.where(truth > 0, mapped, 0), mapped)):
        start = panel * 40
        shown = np.moveaxis(picture[:, :, start : start + 30], 0, 2)
        np.testing.assert_array_equal(shown, palette[wanted])
    drawing = (folder / "map.svg").read_text(encoding="utf-8")
    assert all(f">Kind {value}<" in drawing for value in (1, 2, 3))


def test_what_is_done_is_not_done_again(scene_folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    runs.run(make_job(scene_folder, output), Feedback())
    folder = output / "fields" / "random" / "compact" / "seed_0"
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    result = runs.run(make_job(scene_folder, output, seeds="0-1", threads=2), Feedback())
    assert (result["done"], result["already_done"]) == (1, 1)
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_accuracy_in_fields_of_their_own_is_told_and_added_to_older_results(
    scene_folder: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    job = make_job(scene_folder, output, epochs=1)
    runs.run(job, Feedback())
    folder = output / "fields" / "random" / "compact" / "seed_0"
    result, model = read(folder / "result.json"), load_model(folder / "model.safetensors")
    assert result["by_field"] == (model.accuracy or {})["by_field"]
    # Thirty pixels of a class lie in most of its few fields.
    assert result["by_field"]["trained"]["pixels"] > 0
    share = 100 * (result["by_field"]["trained"]["accuracy"] or 0)
    assert f"others train, {share:.2f} % of these" in (output / "fields" / "table.md").read_text(
        encoding="utf-8"
    )
    (group,) = read(output / "fields" / "table.json")["groups"]
    assert group["accuracy_in_trained_fields"]["mean"] == pytest.approx(share)
    del result["by_field"]
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")
    told = runs.run(job, Feedback())
    assert told["already_done"] == 1
    completed = read(folder / "result.json")
    assert completed.pop("by_field") == (model.accuracy or {})["by_field"]
    assert completed == result


def test_what_was_made_otherwise_is_refused_or_replaced(scene_folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    runs.run(make_job(scene_folder, output), Feedback())
    with pytest.raises(ModelError, match="epochs was 3, now 2"):
        runs.run(make_job(scene_folder, output, epochs=2), Feedback())
    folder = output / "fields" / "random" / "compact" / "seed_0"
    assert read(folder / "result.json")["settings"]["epochs"] == 3
    (folder / "result.json").unlink()
    with pytest.raises(ModelError, match=r"model.safetensors belongs .*epochs was 3, now 2"):
        runs.run(make_job(scene_folder, output, epochs=2), Feedback())
    feedback = CollectingFeedback()
    runs.run(make_job(scene_folder, output, epochs=2, redo=True), feedback)
    assert any("Replaced" in text and "epochs was 3" in text for text in feedback.warnings)
    assert load_model(folder / "model.safetensors").training["epochs"] == 2
    assert read(output / "fields" / "table.json")["groups"][0]["title"].endswith("(epochs 2)")


def test_a_model_of_the_same_training_is_taken_over(scene_folder: Path, tmp_path: Path) -> None:
    """As `mambahsi train` leaves it, under other names, with other threads."""
    output = tmp_path / "out"
    job = make_job(scene_folder, output)
    place = SceneFolder("fields", "Fields", output / "fields")
    train = make_run(job, place, "compact", 0).job
    elsewhere = tmp_path / "elsewhere.safetensors"
    train = dataclasses.replace(
        train,
        scene=jobs.RasterSource(str(scene_folder / "scene.tif")),
        labels=jobs.VectorSource(str(scene_folder / "labels.gpkg")),
        model=str(elsewhere),
        report="",
        threads=2,
    )
    runs.run(train, Feedback())
    folder = output / "fields" / "random" / "compact" / "seed_0"
    folder.mkdir(parents=True)
    shutil.copy(elsewhere, folder / "model.safetensors")
    assert runs.run(job, Feedback())["done"] == 1
    assert (folder / "model.safetensors").read_bytes() == elsewhere.read_bytes()
    result = read(folder / "result.json")
    assert result["training"]["taken_over"] is True
    assert (result["training"]["threads"], result["classification"]["threads"]) == (2, 1)


def test_a_model_of_another_scene_is_not_taken_over(
    scene_folder: Path,
    tmp_path: Path,
    write_scene: Callable[..., Path],
    write_labels: Callable[..., Path],
) -> None:
    output = tmp_path / "out"
    runs.run(make_job(scene_folder, output), Feedback())
    other = make_folder(tmp_path, write_scene, write_labels, "other/fields", seed=1)
    second = tmp_path / "second"
    folder = second / "fields" / "random" / "compact" / "seed_0"
    folder.mkdir(parents=True)
    model = output / "fields" / "random" / "compact" / "seed_0" / "model.safetensors"
    shutil.copy(model, folder / "model.safetensors")
    with pytest.raises(ModelError, match="bands had other values"):
        runs.run(make_job(other, second), Feedback())


def test_pixels_in_another_order_are_noticed_on_the_map(
    scene_folder: Path,
    tmp_path: Path,
    write_scene: Callable[..., Path],
) -> None:
    """Every band keeps its values, so all that the model file states still fits."""
    output = tmp_path / "out"
    runs.run(make_job(scene_folder, output, epochs=40), Feedback())
    with rasterio.open(scene_folder / "scene.tif") as source:
        cube = source.read()
    other = tmp_path / "other" / "fields"
    write_scene(np.ascontiguousarray(cube[:, ::-1, ::-1]), "other/fields/scene.tif")
    shutil.copy(scene_folder / "labels.gpkg", other / "labels.gpkg")
    second = tmp_path / "second"
    folder = second / "fields" / "random" / "compact" / "seed_0"
    folder.mkdir(parents=True)
    model = output / "fields" / "random" / "compact" / "seed_0" / "model.safetensors"
    shutil.copy(model, folder / "model.safetensors")
    with pytest.raises(ModelError, match="not trained on this scene"):
        runs.run(make_job(other, second, epochs=40), Feedback())


class CancelAfter(Feedback):
    """Cancels after the first epoch that is told."""

    def metric(self, **values: Any) -> None:
        cancellation.request()


def test_a_cancelled_run_goes_on_bit_for_bit(scene_folder: Path, tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    runs.run(make_job(scene_folder, whole, epochs=5), Feedback())
    job = make_job(scene_folder, parts, epochs=5)
    with pytest.raises(Cancelled):
        runs.run(job, CancelAfter())
    cancellation.reset()
    inside = Path("fields") / "random" / "compact" / "seed_0" / "model.safetensors"
    progress = load_checkpoint(checkpoint_path(str(parts / inside))).progress
    assert 0 < progress.epoch < 5
    runs.run(job, Feedback())
    first, second = load_model(whole / inside), load_model(parts / inside)
    for name, weight in first.weights.items():
        assert weight.equal(second.weights[name]), name
    assert first.accuracy == second.accuracy
    # Both runs together.
    assert second.training["seconds"] > progress.seconds > 0
    assert second.training["cpu_seconds"] > progress.cpu_seconds > 0


def test_a_checkpoint_of_another_run_is_refused_or_replaced(
    scene_folder: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    with pytest.raises(Cancelled):
        runs.run(make_job(scene_folder, output, seeds="1"), CancelAfter())
    cancellation.reset()
    folder = output / "fields" / "random" / "compact"
    (folder / "seed_1").rename(folder / "seed_0")
    job = make_job(scene_folder, output)
    with pytest.raises(ModelError, match="seed was 1, now 0") as caught:
        runs.run(job, Feedback())
    assert "redo" in caught.value.hint
    runs.run(dataclasses.replace(job, redo=True), Feedback())
    assert load_model(folder / "seed_0" / "model.safetensors").training["seed"] == 0


def test_a_seed_that_another_process_works_on_is_left_alone(
    scene_folder: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    folder = output / "fields" / "random" / "compact" / "seed_0"
    folder.mkdir(parents=True)
    lock = FileLock(folder / ".lock")
    assert lock.acquire()
    result = runs.run(make_job(scene_folder, output, seeds="0,1"), Feedback())
    assert (result["done"], result["left_to_others"]) == (1, 1)
    assert [path.name for path in folder.iterdir()] == [".lock"]
    lock.remove()
    assert runs.run(make_job(scene_folder, output, seeds="0,1"), Feedback())["done"] == 1


def test_a_scene_too_large_for_the_memory_is_not_trained_on_in_windows(
    scene_folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(ResourceError, match="the whole scene in one piece"):
        runs.run(make_job(scene_folder, tmp_path / "out", memory=0.02), Feedback())


def test_runs_of_other_labels_stay_out_of_the_table(scene_folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    job = make_job(scene_folder, output)
    runs.run(job, Feedback())
    place = SceneFolder("fields", "Fields", output / "fields")
    content = read_content(place, Feedback())
    assert len(read_groups(place, content, Feedback())) == 1
    feedback = CollectingFeedback()
    other = dataclasses.replace(content, labels_digest="another")
    assert read_groups(place, other, feedback) == []
    assert "other labels" in feedback.warnings[0]


def test_runs_of_an_engine_that_knew_fewer_settings_stand_beside_newer_ones(
    scene_folder: Path, tmp_path: Path
) -> None:
    """The field did not exist, so what it does by default was done: not another method."""
    output = tmp_path / "out"
    runs.run(make_job(scene_folder, output, seeds="0-1", epochs=1), Feedback())
    old = output / "fields" / "random" / "compact" / "seed_0" / "result.json"
    values = read(old)
    for name in ("row_halves", "patience"):
        del values["fingerprint"]["settings"][name]
    old.write_text(json.dumps(values), encoding="utf-8")
    place = SceneFolder("fields", "Fields", output / "fields")
    (group,) = read_groups(place, read_content(place, Feedback()), Feedback())
    assert (group.seeds, group.note) == ([0, 1], "epochs 1")


def test_tables_keep_protocols_together(scene_folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    runs.run(make_job(scene_folder, output, epochs=1), Feedback())
    folder = output / "fields"
    values = read(folder / "random" / "compact" / "seed_0" / "result.json")
    for protocol in ("polygons", "buffered", "invented"):
        for method in ("svm", "compact"):
            copy = folder / protocol / method / "seed_0"
            copy.mkdir(parents=True)
            text = json.dumps({**values, "protocol": protocol, "method": method})
            (copy / "result.json").write_text(text, encoding="utf-8")
    place = SceneFolder("fields", "Fields", folder)
    groups = read_groups(place, read_content(place, Feedback()), Feedback())
    assert [(group.protocol, group.method) for group in groups] == [
        ("random", "compact"),
        ("buffered", "compact"),
        ("buffered", "svm"),
        ("polygons", "compact"),
        ("polygons", "svm"),
    ]


def test_a_damaged_result_is_named(scene_folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    job = make_job(scene_folder, output)
    runs.run(job, Feedback())
    path = output / "fields" / "random" / "compact" / "seed_0" / "result.json"
    path.write_text(path.read_text(encoding="utf-8")[:100], encoding="utf-8")
    with pytest.raises(ModelError, match="result.json"):
        runs.run(job, Feedback())
    path.write_text('{"format_version": 99}', encoding="utf-8")
    with pytest.raises(ModelError, match="format version 99"):
        runs.run(job, Feedback())


def test_a_folder_without_a_scene_is_named(tmp_path: Path) -> None:
    with pytest.raises(SceneError, match="nowhere"):
        runs.run(make_job(tmp_path / "nowhere", tmp_path / "out"), Feedback())


def test_a_run_says_how_it_ended(scene_folder: Path, tmp_path: Path) -> None:
    job = make_job(scene_folder, tmp_path / "out")
    runs.run(job, Feedback())
    place = SceneFolder("fields", "Fields", tmp_path / "out" / "fields")
    run = make_run(job, place, "compact", 0)
    content = read_content(place, Feedback())
    assert do_run(run, content, redo=False, feedback=Feedback()) == "already done"


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("0-9", list(range(10))), ("3", [3]), ("4, 0-1,1", [0, 1, 4]), ("4294967295", [2**32 - 1])],
)
def test_seeds(text: str, seeds: list[int]) -> None:
    assert parse_seeds(text) == seeds


def test_the_seeds_of_a_benchmark_are_those_of_the_fixed_protocol() -> None:
    assert parse_seeds(BenchmarkJob("", "").seeds) == fixed_seeds()


@pytest.mark.parametrize("text", ["", "a", "1-", "-1", "3-1", "1;2", "4294967296", "0-4294967295"])
def test_texts_that_are_no_seeds(text: str) -> None:
    with pytest.raises(JobError, match="seeds"):
        parse_seeds(text)


def test_methods() -> None:
    assert parse_methods(" spatial,paper,spatial ") == ["spatial", "paper"]
    for text in ("", "paper;spatial", "svn"):
        with pytest.raises(JobError, match="methods"):
            parse_methods(text)


# --- scenes


@pytest.fixture
def salinas_a(tmp_path: Path) -> Path:
    """A folder with an invented Salinas-A of the true size and number of bands."""
    folder = tmp_path / "as it goes around"
    folder.mkdir()
    scene = catalog["salinas_a"]
    truth = make_truth(scene)
    slopes = np.linspace(0, 3000, scene.bands[0])
    cube = make_cube(scene, scene.bands[0]) // 20 + (truth[..., None] * slopes).astype(np.uint16)
    write_mat5(folder / "SalinasA_corrected.mat", "salinasA_corrected", cube.astype(np.uint16))
    write_mat5(folder / "SalinasA_gt.mat", "salinasA_gt", truth)
    return folder


def test_a_scene_of_the_literature_in_its_true_size(salinas_a: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    job = make_job(salinas_a, output, epochs=2)
    assert runs.run(job, Feedback())["scene"] == "salinas_a"
    folder = output / "salinas_a"
    result = read(folder / "random" / "compact" / "seed_0" / "result.json")
    scene = result["scene"]
    assert (scene["title"], scene["rows"], scene["columns"], scene["bands"]) == (
        "Salinas-A",
        83,
        86,
        204,
    )
    truth = make_truth(catalog["salinas_a"])
    sizes = {row["value"]: row for row in result["split"]["classes"]}
    for value in sizes:
        assert (sizes[value]["train"], sizes[value]["validation"]) == (30, 10)
        assert sizes[value]["test"] == (truth == value).sum() - 40
    before = (folder / "scene.tif").stat().st_mtime_ns
    assert runs.run(job, Feedback())["already_done"] == 1
    assert (folder / "scene.tif").stat().st_mtime_ns == before


def test_a_scene_that_lies_there_is_kept_if_it_holds_the_same(
    scene_folder: Path,
    tmp_path: Path,
    write_scene: Callable[..., Path],
    write_labels: Callable[..., Path],
) -> None:
    output = tmp_path / "out"
    runs.run(make_job(scene_folder, output), Feedback())
    kept = output / "fields" / "scene.tif"
    before = kept.stat().st_mtime_ns
    with rasterio.open(scene_folder / "scene.tif", "r+") as dataset:
        dataset.update_tags(note="other bytes, the same pixels")
    assert runs.run(make_job(scene_folder, output), Feedback())["already_done"] == 1
    assert kept.stat().st_mtime_ns == before
    other = make_folder(tmp_path, write_scene, write_labels, "other/fields", seed=1)
    with pytest.raises(OutputError, match=r"scene.tif holds something else"):
        runs.run(make_job(other, output), Feedback())
    assert sorted(path.name for path in (output / "fields").iterdir()) == [
        *("labels.gpkg", "random", "scene.tif", "table.csv", "table.json", "table.md"),
    ]
    # What was trained on the old scene is not passed off as trained on the new one.
    assert runs.run(make_job(other, output, redo=True), Feedback())["done"] == 1


# --- protocols


@pytest.fixture
def indian_pines(tmp_path: Path) -> Path:
    """A folder with an invented Indian Pines of the true size, with large fields."""
    folder = tmp_path / "invented"
    folder.mkdir()
    scene = catalog["indian_pines"]
    generator = np.random.default_rng(0)
    patches = generator.permutation(np.arange(36) % 16 + 1).reshape(6, 6)
    places = np.arange(145) * 6 // 145
    truth = patches[places][:, places].astype(np.uint8)
    cube = generator.integers(0, 300, (145, 145, scene.bands[0])) + truth[..., None] * 40
    write_npy(folder / "Indian_pines_corrected.npy", "", cube.astype(np.uint16))
    write_npy(folder / "Indian_pines_gt.npy", "", truth)
    return folder


def test_protocols_stand_beside_each_other(indian_pines: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    feedback = CollectingFeedback()
    for protocol in ("random", "buffered", "polygons"):
        job = make_job(indian_pines, output, epochs=1, protocol=protocol, seeds="0-1")
        runs.run(job, feedback)
    # The labels are invented, so they are not divided as the real ones.
    assert any("not the one fixed for the scene" in text for text in feedback.warnings)
    folder = output / "indian_pines"
    nearest = {}
    for protocol in ("random", "buffered", "polygons"):
        result = read(folder / protocol / "compact" / "seed_0" / "result.json")
        nearest[protocol] = result["split"]["nearest"]
        assert result["split"]["is_fixed_one"] is (False if protocol == "buffered" else None)
        assert all(row["train"] <= 30 for row in result["split"]["classes"])
    assert nearest["random"] < 3 < nearest["buffered"]
    assert nearest["polygons"] > 3
    table = read(folder / "table.json")
    groups = {group["protocol"]: group for group in table["groups"]}
    assert list(groups) == ["random", "buffered", "polygons"]
    means = {name: group["overall_accuracy"]["mean"] for name, group in groups.items()}
    (sentence,) = (text for text in table["statements"] if "above protocol buffered" in text)
    assert f"OA {means['random'] - means['buffered']:+.2f}" in sentence
    assert "not the fixed division: seeds 0-1" in " ".join(table["statements"])


def test_other_classifiers_stand_beside_the_network(scene_folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    runs.run(make_job(scene_folder, output, methods="compact,forest,svm", epochs=2), Feedback())
    folder = output / "fields" / "random"
    models = {}
    for name in ("compact", "forest", "svm"):
        models[name] = load_model(folder / name / "seed_0" / "model.safetensors")
        result = read(folder / name / "seed_0" / "result.json")
        assert result["accuracy"] == models[name].accuracy
        assert (result["network"]["parameters"] is None) == (name != "compact")
    assert [models[name].classifier for name in models] == ["mambahsi", "forest", "svm"]
    # All saw the same pixels.
    assert len({json.dumps(model.split["classes"]) for model in models.values()}) == 1
    # What they are does not depend on the epochs of the network, so they are not made again.
    job = make_job(scene_folder, output, methods="forest,svm", epochs=7)
    assert runs.run(job, Feedback())["already_done"] == 2
    (folder / "forest" / "seed_0" / "result.json").unlink()
    assert runs.run(job, Feedback())["done"] == 1
    assert read(folder / "forest" / "seed_0" / "result.json")["training"]["taken_over"] is True
    page = (output / "fields" / "table.md").read_text(encoding="utf-8")
    assert "| random | random forest | 0 |" in page and "SVM" in page


def test_scenes_that_were_published_in_halves_are_trained_on_in_halves(tmp_path: Path) -> None:
    job = BenchmarkJob("data", str(tmp_path))
    for key in catalog:
        place = SceneFolder(key, key, tmp_path / key)
        train = make_run(job, place, "paper", 0).job
        assert train.row_halves == (key in ("houston_2013", "whu_hi_hanchuan"))
        assert not make_run(job, place, "svm", 0).job.row_halves
