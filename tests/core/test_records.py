"""Records: what a run leaves behind, and what becomes of a damaged one."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
from hypothesis import given
from hypothesis import strategies as st

from mambahsi import cancellation, jobs, runs
from mambahsi.classes import ClassTable, LandCoverClass
from mambahsi.errors import Cancelled, OutputError, RecordError
from mambahsi.feedback import CollectingFeedback
from mambahsi.grid import Grid
from mambahsi.model_file import load_model
from mambahsi.outputs import OutputFiles, confined_to
from mambahsi.records.digests import file_digest, pixels_digest, tensors_digest
from mambahsi.records.record import (
    RecordedFile,
    RunRecord,
    parse_record,
    read_record,
    record_path,
)
from mambahsi.records.sources import absolute_source, existing_files
from mambahsi.records.split_raster import describe_split, read_split, split_path, write_split
from mambahsi.split.parts import make_split

texts = st.text(max_size=20)
numbers = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts
anything = st.recursive(
    numbers, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=8
)
files = st.builds(
    RecordedFile,
    role=texts,
    path=texts.filter(lambda text: text and "\0" not in text),
    relative=texts.filter(lambda text: "\0" not in text),
    size=st.integers(min_value=0),
    sha256=texts,
    content=texts,
)
records = st.builds(
    RunRecord,
    job=st.builds(
        lambda path, seed: jobs.to_json(
            jobs.TrainJob(
                jobs.RasterSource(path), jobs.VectorSource(path), "class", path, seed=seed
            )
        ),
        texts,
        st.integers(0, 2**32 - 1),
    ),
    inputs=st.lists(files, max_size=3),
    outputs=st.lists(files, max_size=3),
    split=st.none() | st.dictionaries(texts, anything, max_size=3),
    run=st.dictionaries(texts, anything, max_size=3),
    machine=st.dictionaries(texts, anything, max_size=3),
    versions=st.dictionaries(texts, texts, max_size=3),
    results=st.dictionaries(texts, anything, max_size=3),
    written=texts,
    repeats=texts,
)


def finite(value: Any) -> Any:
    """What JSON can say: figures that are not finite are none."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


@given(records)
def test_a_record_comes_back_as_it_was_written(record: RunRecord) -> None:
    back = parse_record(record.to_text())
    assert vars(back) == finite(vars(record))


@given(records, st.data())
def test_a_damaged_record_is_refused_and_never_a_defect(record: RunRecord, data: Any) -> None:
    text = record.to_text()
    start = data.draw(st.integers(0, len(text)))
    stop = data.draw(st.integers(start, len(text)))
    damaged = text[:start] + data.draw(st.text(max_size=3)) + text[stop:]
    try:
        parse_record(damaged)
    except RecordError as error:
        assert error.message


@given(records, st.data())
def test_a_field_of_another_kind_is_named(record: RunRecord, data: Any) -> None:
    values = json.loads(record.to_text())
    name = data.draw(st.sampled_from(sorted(set(values) - {"format", "format_version", "split"})))
    values[name] = data.draw(st.sampled_from([None, 1, True]))
    with pytest.raises(RecordError, match=f"field {name} of the record"):
        parse_record(json.dumps(values))
    del values[name]
    with pytest.raises(RecordError, match=f"field {name} of the record is missing"):
        parse_record(json.dumps(values))


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"", "not JSON"),
        (b"[1, 2]", "not the record"),
        (b'{"format": "other"}', "not the record"),
        (b"\xff\xfe\0", "no text"),
        (b'{"format": "mambahsi-record", "format_version": 2}', "Update the engine"),
        (b'{"format": "mambahsi-record", "format_version": "1"}', "format version '1'"),
        (b"[" * 100_000, "not JSON"),
    ],
)
def test_what_is_no_record_is_refused_by_name(tmp_path: Path, content: bytes, named: str) -> None:
    path = tmp_path / "x.record.json"
    path.write_bytes(content)
    with pytest.raises(RecordError, match=named) as caught:
        read_record(path)
    assert str(path) in caught.value.message and caught.value.hint


def test_a_record_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"gone\.record\.json: the record does not exist"):
        read_record(tmp_path / "gone.record.json")
    with pytest.raises(RecordError, match="folder"):
        read_record(tmp_path)


# What a run leaves ----------------------------------------------------------------------


def train(values: dict[str, Any]) -> dict[str, Any]:
    return runs.run(jobs.from_json(values), CollectingFeedback())


def sha256(path: str | Path) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def test_a_training_records_what_it_read_wrote_and_decided(tiny: Any) -> None:
    values = tiny.train_job(report=str(tiny.folder / "r.html"))
    result = train(values)
    record = read_record(record_path(values["model"]))
    assert jobs.from_json(record.job) == jobs.from_json(values)
    assert {(f.role, f.path, f.relative, f.sha256) for f in record.inputs} == {
        ("scene", str(tiny.scene), "scene.tif", sha256(tiny.scene)),
        ("labels", str(tiny.labels), "labels.gpkg", sha256(tiny.labels)),
    }
    assert {(f.role, f.path, f.sha256, f.size) for f in record.outputs} == {
        (role, str(path), sha256(path), path.stat().st_size)
        for role, path in (
            ("model", tiny.folder / "model.safetensors"),
            ("report", tiny.folder / "r.html"),
            ("split", tiny.folder / "model.safetensors.split.tif"),
        )
    }
    model = load_model(values["model"])
    assert record.versions == model.versions
    assert record.run == {
        "device": "cpu", "backend": result["backend"], "threads": 1, "precision": "float32",
        "plan": "whole", "plan_window": 0, "resumed": False,
    }  # fmt: skip
    assert record.results["overall_accuracy"] == result["overall_accuracy"]
    assert record.machine["processors"] >= 1 and record.machine["processor"]
    assert tiny.temporary_files() == []


def test_both_steps_of_one_run_share_a_record(tiny: Any) -> None:
    training = tiny.train_job()
    del training["job"]
    values = {
        "job": "trainandclassify",
        "train": training,
        "classification": str(tiny.folder / "map.tif"),
        "probabilities": str(tiny.folder / "p.tif"),
    }
    result = train(values)
    assert sorted(path.name for path in tiny.folder.glob("*.record.json")) == [
        "model.safetensors.record.json"
    ]
    record = read_record(record_path(training["model"]))
    assert jobs.from_json(record.job) == jobs.from_json(values)
    found = {file.role: file for file in record.outputs}
    assert set(found) == {"model", "split", "classification", "probabilities"}
    assert found["classification"].sha256 == sha256(result["classification"])
    assert found["classification"].content == pixels_digest(Path(result["classification"]))
    assert record.run["way"] == "memory"


def test_a_classification_records_its_model(tiny: Any) -> None:
    model = train(tiny.train_job())["model"]
    target = tiny.folder / "map.tif"
    values = {"job": "classify", "scene": {"path": str(tiny.scene)}, "model": model,
              "classification": str(target), "threads": 1}  # fmt: skip
    runs.run(jobs.from_json(values), CollectingFeedback())
    record = read_record(record_path(target))
    assert ("model", sha256(model)) in {(file.role, file.sha256) for file in record.inputs}
    assert record.split is None and record.run["threads"] == 1


def test_an_assessment_without_files_leaves_nothing(tiny: Any) -> None:
    training = tiny.train_job()
    del training["job"]
    target = tiny.folder / "map.tif"
    train({"job": "trainandclassify", "train": training, "classification": str(target)})
    before = set(tiny.folder.iterdir())
    values = {"job": "assess", "classification": {"path": str(target)},
              "reference": {"path": str(tiny.labels)}, "class_field": "class"}  # fmt: skip
    train(values)
    assert set(tiny.folder.iterdir()) == before
    train({**values, "table": str(tiny.folder / "t.json")})
    assert {path.name for path in set(tiny.folder.iterdir()) - before} == {
        "t.json",
        "t.json.record.json",
    }


def test_a_new_model_gets_a_new_record(tiny: Any) -> None:
    train(tiny.train_job(epochs=1))
    first = read_record(record_path(tiny.train_job()["model"]))
    train(tiny.train_job(epochs=2, seed=1))
    second = read_record(record_path(tiny.train_job()["model"]))
    assert (first.job["epochs"], second.job["epochs"]) == (1, 2)
    assert second.output("model").sha256 == sha256(tiny.train_job()["model"])
    assert first.output("model").content != second.output("model").content


def test_relative_paths_are_recorded_as_absolute_ones(
    tiny: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tiny.folder)
    train(tiny.train_job(scene={"path": "scene.tif"}, labels={"path": "labels.gpkg"}, model="m"))
    record = read_record("m.record.json")
    assert record.job["scene"]["path"] == str(tiny.scene)
    assert record.job["labels"]["path"] == str(tiny.labels)
    assert record.job["model"] == str(tiny.folder / "m")
    assert record.job["class_field"] == "class"


def test_every_file_of_a_source_is_recorded(
    tiny: Any, write_scene: Callable[..., Path], write_labels: Callable[..., Path]
) -> None:
    scene = write_scene(tiny.cube, "envi/scene.img", driver="ENVI", nodata=-999)
    box = [shapely.box(500_010 + 80 * n, 5_799_820, 500_050 + 80 * n, 5_799_850) for n in range(2)]
    labels = write_labels(box, "shapes/labels.shp", kind=["a", "b"])
    values = tiny.train_job(
        scene={"path": str(scene)}, labels={"path": str(labels)}, class_field="kind", epochs=1
    )
    train(values)
    names = {Path(file.path).name for file in read_record(record_path(values["model"])).inputs}
    assert names >= {"scene.img", "scene.hdr", "labels.shp", "labels.dbf", "labels.shx"}


def test_source_strings_are_seen_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.nc").touch()
    (tmp_path / "a.zip").touch()
    (tmp_path / "b.gdb").mkdir()
    (tmp_path / "b.gdb" / "inner").touch()
    names = ['NETCDF:"a.nc":band', f"/vsizip/{tmp_path}/a.zip/x.tif", "b.gdb", "none.tif"]
    assert existing_files(names) == [
        tmp_path / "a.nc", tmp_path / "a.zip", tmp_path / "b.gdb" / "inner"
    ]  # fmt: skip
    assert absolute_source(names[0]) == f'NETCDF:"{tmp_path}/a.nc":band'
    assert absolute_source(names[1]) == names[1]
    assert absolute_source("none.tif") == "none.tif"


def test_a_digest_can_be_cancelled_and_follows_the_file(tmp_path: Path) -> None:
    path = tmp_path / "large.bin"
    path.write_bytes(b"x" * (20 * 2**20))
    cancellation.request()
    with pytest.raises(Cancelled):
        file_digest(path)
    cancellation.reset()
    feedback = CollectingFeedback()
    assert file_digest(path, feedback) == sha256(path)
    assert len(feedback.fractions) >= 2
    path.write_bytes(b"y" * (20 * 2**20))
    assert file_digest(path) == sha256(path)


def test_the_digest_of_tensors_is_that_of_the_weights(tiny: Any) -> None:
    first, second = str(tiny.folder / "a"), str(tiny.folder / "b")
    train(tiny.train_job(model=first, epochs=1))
    train(tiny.train_job(model=second, epochs=1))
    assert sha256(first) != sha256(second)  # they tell their names and durations
    assert tensors_digest(Path(first)) == tensors_digest(Path(second))


def test_a_confined_job_writes_nowhere_else(tmp_path: Path) -> None:
    inside = tmp_path / "in"
    inside.mkdir()
    with confined_to(inside), OutputFiles() as outputs:
        with pytest.raises(OutputError, match="only"):
            outputs.add(inside / ".." / "x.tif")
        outputs.add(inside / "x.tif").touch()
    with OutputFiles() as outputs:
        outputs.add(tmp_path / "x.tif").touch()


# The split --------------------------------------------------------------------------------

GRID = Grid(7, 5, (10.0, 2.0, 500_000.0, 1.0, -10.0, 5_800_000.0), "EPSG:32633")


@st.composite
def splits(draw: st.DrawFn) -> Any:
    """A split of 5 x 7 pixels; class values of one byte or of two."""
    values = sorted(draw(st.sets(st.integers(1, 65535), min_size=2, max_size=6)))
    table = ClassTable(
        tuple(LandCoverClass(v, f"Äcker {v}", f"#{v:06x}", draw(texts)) for v in values)
    )
    pixels = draw(
        st.lists(
            st.tuples(st.integers(0, 4), st.integers(0, len(values) - 1)), min_size=35, max_size=35
        )
    )
    parts, index = np.array(pixels).T.reshape(2, 5, 7)
    return make_split(parts, index, table, "spatial", "whole polygons", ["a note"])


@given(splits())
def test_a_split_comes_back_pixel_for_pixel(
    tmp_path_factory: pytest.TempPathFactory, split: Any
) -> None:
    path = split_path(tmp_path_factory.mktemp("split") / "m")
    write_split(path, split, GRID)
    described = json.loads(json.dumps(describe_split(split)))
    back = read_split(path, described)
    arrays = {"parts", "index", "counts", "labels", "trained_fields"}
    for name in arrays:
        one, other = getattr(split, name), getattr(back, name)
        assert one.dtype == other.dtype and np.array_equal(one, other)
    rest = set(vars(split)) - arrays
    assert {name: getattr(back, name) for name in rest} == {
        name: getattr(split, name) for name in rest
    }


def test_the_split_of_a_training_is_on_the_scene_s_grid(tiny: Any) -> None:
    values = tiny.train_job()
    train(values)
    counts = {row["name"]: row for row in load_model(values["model"]).split["classes"]}
    with rasterio.open(split_path(values["model"])) as raster, rasterio.open(tiny.scene) as scene:
        assert (raster.transform, raster.crs, raster.shape) == (
            scene.transform, scene.crs, scene.shape
        )  # fmt: skip
        assert raster.nodata == 0 and raster.descriptions == ("part", "class")
        parts, classes = raster.read()
    table = load_model(values["model"]).classes
    for land_cover in table:
        for part, name in ((1, "train"), (2, "validation"), (3, "test"), (4, "buffer")):
            found = ((parts == part) & (classes == land_cover.value)).sum()
            assert found == counts[land_cover.name][name]


@pytest.mark.parametrize("damage", ["missing", "truncated", "one band", "unknown class"])
def test_a_damaged_split_is_refused_by_name(tiny: Any, damage: str) -> None:
    values = tiny.train_job(epochs=1)
    train(values)
    record = read_record(record_path(values["model"]))
    path = split_path(values["model"])
    if damage == "missing":
        path.unlink()
    elif damage == "truncated":
        path.write_bytes(path.read_bytes()[:100])
    elif damage == "one band":
        shutil.copy(tiny.scene, path)
    else:
        record.split["table"] = record.split["table"][:1]
    with pytest.raises(RecordError, match=r"model\.safetensors\.split\.tif"):
        read_split(path, record.split)
    with pytest.raises(RecordError, match="Field split"):
        read_split(path, {"table": "none"})
