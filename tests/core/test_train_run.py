"""The training job from files to model file: protocols, layers, provenance."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import shapely
import torch

import mambahsi
from mambahsi import jobs, runs
from mambahsi.errors import LabelsError, OutputError
from mambahsi.feedback import CollectingFeedback
from mambahsi.model_file import load_model
from mambahsi.network import MambaHSI


def train(values: dict[str, Any]) -> tuple[dict[str, Any], CollectingFeedback]:
    feedback = CollectingFeedback()
    return runs.run(jobs.from_json(values), feedback), feedback


def test_the_seed_gives_the_network_s_initial_weights(tiny: Any) -> None:
    # A step this small leaves them where they were.
    train(tiny.train_job(epochs=1, learning_rate=1e-9, seed=7))
    found = load_model(tiny.train_job()["model"]).weights
    torch.manual_seed(7)
    expected = MambaHSI(8, 64, 3).state_dict()
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, rtol=0, atol=1e-7)


def test_the_paper_s_protocol_takes_so_many_pixels_of_each_class(tiny: Any) -> None:
    result, _ = train(tiny.train_job(protocol="random"))
    counts = load_model(result["model"]).split["classes"]
    labeled = {"Wald": 70, "Wasser": 72, "Äcker": 72}
    for row in counts:
        assert (row["train"], row["validation"]) == (30, 10)
        assert row["test"] == labeled[row["name"]] - 40
    assert result["tested_pixels"] == sum(labeled.values()) - 3 * 40
    assert result["protocol"] == "random pixels"


def test_a_test_layer_is_the_only_source_of_accuracy(
    tiny: Any, write_labels: Callable[..., Path]
) -> None:
    box = shapely.box(500_010, 5_799_820, 500_040, 5_799_850)  # inside one of the fields
    layer = write_labels([box], "test.gpkg", **{"class": ["Wald"]})
    result, feedback = train(tiny.train_job(test={"path": str(layer)}))
    assert (result["tested_classes"], result["tested_pixels"]) == (1, 9)
    assert any("removed from training" in text for text in feedback.warnings)
    assert any("Not tested: Wasser, Äcker" in text for text in feedback.warnings)


def test_layers_and_random_pixels_contradict_each_other(tiny: Any) -> None:
    job = tiny.train_job(protocol="random", test={"path": str(tiny.labels)})
    with pytest.raises(jobs.JobError, match="random"):
        train(job)


def test_shares_must_leave_something_to_train_on(tiny: Any) -> None:
    with pytest.raises(jobs.JobError, match="validation_share"):
        train(tiny.train_job(validation_share=0.5, test_share=0.5))


def test_a_model_says_where_it_comes_from(tiny: Any) -> None:
    result, feedback = train(tiny.train_job(report=str(tiny.folder / "r.html")))
    model = load_model(result["model"])
    assert model.scene["name"] == "scene"
    assert (model.scene["grid"]["height"], model.scene["grid"]["width"]) == (20, 24)
    assert model.training["seed"] == 0 and model.training["epochs"] == 3
    assert model.training["backend"] == result["backend"] and model.training["threads"] == 1
    assert model.versions["mambahsi"] == mambahsi.__version__ and "torch" in model.versions
    assert [c["epoch"] for c in model.curves] == [1, 2, 3]
    assert model.accuracy is not None
    assert model.accuracy["overall_accuracy"] == result["overall_accuracy"]
    assert any("Tested 3 of 3 classes" in line for line in feedback.logs)
    report = Path(result["report"]).read_text(encoding="utf-8")
    assert "Äcker" in report and report.count("data:image/png") == 3


def test_the_report_tells_what_was_left_out_and_calls_layers_by_their_names(
    tiny: Any, write_labels: Callable[..., Path]
) -> None:
    boxes = [
        shapely.box(500_010, 5_799_820, 500_040, 5_799_850),
        shapely.box(0, 0, 10, 10),
        shapely.box(500_100, 5_799_820, 500_130, 5_799_850),
    ]
    layer = write_labels(boxes, "labels.gpkg", kind=["a", "a", "b"])
    result, _ = train(
        tiny.train_job(
            labels={"path": str(layer), "name": "Meine Flächen"},
            class_field="kind",
            report=str(tiny.folder / "r.html"),
        )
    )
    report = Path(result["report"]).read_text(encoding="utf-8")
    assert "Meine Flächen: Polygons or points outside the scene, left out: 1." in report
    assert str(layer) not in report
    assert str(tiny.scene) in report


def test_a_class_without_a_valid_pixel_is_refused_by_name(
    tiny: Any, write_scene: Callable[..., Path], write_labels: Callable[..., Path]
) -> None:
    boxes = [
        shapely.box(500_000, 5_799_900, 500_040, 5_800_000),
        shapely.box(500_100, 5_799_900, 500_140, 5_800_000),
        shapely.box(500_052, 5_799_945, 500_068, 5_799_968),  # in the nodata
    ]
    labels = write_labels(boxes, "three.gpkg", id=[1, 2, 9])
    values = tiny.train_job(labels={"path": str(labels)}, class_field="id")
    with pytest.raises(LabelsError, match="value 9"):
        train(values)
    assert not Path(values["model"]).exists() and tiny.temporary_files() == []


@pytest.mark.parametrize(
    ("classification", "report"),
    [
        ("missing/map.tif", ""),
        ("model.safetensors", ""),
        ("Model.safetensors", ""),
        ("model.safetensors.checkpoint", ""),
        ("map.tif", "map.tif"),
        ("map.tif", "map.qml"),
        ("map.tif", "map.tif.aux.xml"),
        ("map.tif", "model.safetensors.checkpoint"),
    ],
)
def test_maps_that_cannot_be_written_are_found_before_the_training(
    tiny: Any, classification: str, report: str
) -> None:
    values = tiny.train_job(report=str(tiny.folder / report) if report else "")
    del values["job"]
    target = str(tiny.folder / classification)
    before = sorted(tiny.folder.iterdir())
    feedback = CollectingFeedback()
    with pytest.raises(OutputError):
        job = {"job": "trainandclassify", "train": values, "classification": target}
        runs.run(jobs.from_json(job), feedback)
    assert feedback.metrics == []
    assert sorted(tiny.folder.iterdir()) == before


def test_a_checkpoint_that_cannot_be_written_is_found_before_the_training(tiny: Any) -> None:
    (tiny.folder / "model.safetensors.checkpoint").mkdir()
    feedback = CollectingFeedback()
    with pytest.raises(OutputError, match="model.safetensors.checkpoint: this is a folder"):
        runs.run(jobs.from_json(tiny.train_job()), feedback)
    assert feedback.metrics == []


def test_what_test_labels_say_does_not_reach_the_weights(
    tiny: Any, write_labels: Callable[..., Path]
) -> None:
    # Two strips of 24 pixels; the upper one crosses four pixels of nodata.
    west, north = 500_000, 5_800_000
    strips = [
        shapely.box(west, north - 10 * (row + 1), west + 240, north - 10 * row) for row in (4, 15)
    ]
    models = []
    for name, classes in (("a", ["Wald", "Wasser"]), ("b", ["Wasser", "Äcker"])):
        layer = write_labels(strips, f"{name}.gpkg", **{"class": classes})
        path = tiny.folder / f"{name}.safetensors"
        values = tiny.train_job(model=str(path), test={"path": str(layer)})
        result, _ = train(values)
        assert result["tested_pixels"] == 48 - 4
        models.append(load_model(path))
    one, other = models
    assert one.accuracy != other.accuracy
    assert one.curves == other.curves
    assert all(torch.equal(one.weights[name], other.weights[name]) for name in one.weights)
