"""The command line: the same jobs, the same fields, the same exit status."""

from __future__ import annotations

import argparse
import dataclasses
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import rasterio

from mambahsi import jobs
from mambahsi.checkpoint import load_checkpoint
from mambahsi.options import add_options, values_of

Run = Any


@pytest.fixture
def run(engine_environment: dict[str, str], tiny: Any) -> Run:
    """Run ``mambahsi`` in the tiny scene's folder."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "mambahsi", *arguments],
            cwd=tiny.folder,
            env=engine_environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )

    return run


QUICK = ("--preset", "compact", "--epochs", "2", "--threads", "1")


def parse(job: type, *arguments: str) -> Any:
    """The job that options give."""
    parser = argparse.ArgumentParser()
    add_options(parser, job)
    kind = next(name for name, cls in jobs.KINDS.items() if cls is job)
    return jobs.from_json({"job": kind, **values_of(parser.parse_args(arguments), job)})


def test_train_classify_and_assess(run: Run, tiny: Any) -> None:
    trained = run(
        *("train", "--scene", "scene.tif", "--labels", "labels.gpkg|layername=labels"),
        *("--class-field", "class", "--model", "m.safetensors", *QUICK),
        *("--classification", "both.tif", "--report", "r.html", "--json"),
    )
    assert trained.returncode == 0, trained.stderr
    result = json.loads(trained.stdout)
    assert result["model"] == "m.safetensors" and result["tested_classes"] == 3
    assert "Overall accuracy" in trained.stderr and "Tested 3 of 3 classes" in trained.stderr
    assert "Epoch 1 of 2" in trained.stderr

    classified = run(
        *("classify", "--scene", "scene.tif", "--model", "m.safetensors"),
        *("--classification", "map.tif", "--threads", "1"),
    )
    assert classified.returncode == 0, classified.stderr
    assert "classification: map.tif" in classified.stdout
    with (
        rasterio.open(tiny.folder / "both.tif") as one,
        rasterio.open(tiny.folder / "map.tif") as other,
    ):
        assert (one.read() == other.read()).all()

    assessed = run(
        *("assess", "--classification", "map.tif", "--reference", "labels.gpkg"),
        *("--class_field", "class", "--table", "figures.json", "--report", "a.html"),
    )
    assert assessed.returncode == 0, assessed.stderr
    figures = json.loads((tiny.folder / "figures.json").read_text(encoding="utf-8"))
    assert f"overall_accuracy: {figures['overall_accuracy']}" in assessed.stdout
    assert figures["tested_pixels"] == 214

    described = run("info", "--model", "m.safetensors", "--json")
    assert json.loads(described.stdout)["classes"][2]["name"] == "Äcker"


def test_ctrl_c_keeps_a_checkpoint(run: Run, tiny: Any, engine_environment: dict[str, str]) -> None:
    arguments = ("train", "--scene", "scene.tif", "--labels", "labels.gpkg", "--class_field")
    rest = ("class", "--model", "m.safetensors", "--preset", "compact", "--epochs", "5000")
    process = subprocess.Popen(
        [sys.executable, "-m", "mambahsi", *arguments, *rest],
        cwd=tiny.folder,
        env=engine_environment,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "Epoch" in line:
            break
    asked = time.monotonic()
    process.send_signal(signal.SIGINT)
    rest_of_it = process.stderr.read()
    assert process.wait(10) == 130
    process.stderr.close()
    assert time.monotonic() - asked < 5
    assert "Cancelled." in rest_of_it and "Traceback" not in rest_of_it
    checkpoint = tiny.folder / "m.safetensors.checkpoint"
    epoch = load_checkpoint(checkpoint).progress.epoch
    assert epoch >= 1 and not (tiny.folder / "m.safetensors").exists()
    resumed = run(*arguments, *rest[:-1], str(epoch + 1), "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert f"after epoch {epoch}." in resumed.stderr
    assert not checkpoint.exists()


@pytest.mark.parametrize(
    ("arguments", "status", "named"),
    [
        (("train", "--scene", "scene.tif"), 2, "--labels"),
        (("classify", "--scene", "x", "--model", "m", "--classification", "c", "--epochs", "1"),
         2, "--epochs"),
        (("assess", "--classification", "scene.tif"), 2, "reference"),
        (("train", "--scene", "s.tif", "--labels", "l", "--class_field", "c", "--model", "m",
          "--confidence", "c.tif"), 2, "--classification"),
        (("train", "--scene", "s.tif", "--labels", "l", "--class_field", "c", "--model", "m",
          "--learning_rate", "-1"), 2, "learning_rate"),
        (("info", "--model", "missing.safetensors"), 1, "missing.safetensors"),
        (("train", "--scene", "missing.tif", "--labels", "labels.gpkg", "--class_field",
          "class", "--model", "m.safetensors"), 1, "missing.tif"),
    ],
)  # fmt: skip
def test_failures_are_named(run: Run, arguments: tuple[str, ...], status: int, named: str) -> None:
    done = run(*arguments)
    assert done.returncode == status
    assert named in done.stderr and "Traceback" not in done.stderr
    assert done.stdout == ""


def test_devices(run: Run) -> None:
    done = run("devices", "--json")
    assert done.returncode == 0
    devices = json.loads(done.stdout)["devices"]
    assert devices[0]["name"] == "cpu" and 0 < devices[0]["free"] <= devices[0]["memory"]


@pytest.mark.parametrize(
    "kind", ["train", "classify", "assess", "sampledesign", "importbenchmark", "info"]
)
def test_every_field_is_an_option_with_an_explanation(kind: str) -> None:
    parser = argparse.ArgumentParser()
    add_options(parser, jobs.KINDS[kind])
    actions = {action.dest: action for action in parser._actions}
    for field in dataclasses.fields(jobs.KINDS[kind]):
        assert f"--{field.name}" in actions[field.name].option_strings
        assert f"--{field.name.replace('_', '-')}" in actions[field.name].option_strings
    undocumented = [name for name, action in actions.items() if not (action.help or "").strip(" .")]
    assert undocumented == []
    parser.format_help()  # a stray % in an explanation would fail here


def test_what_is_not_given_takes_the_job_s_default() -> None:
    given = ("--scene", "s", "--labels", "l", "--class_field", "c", "--model", "m")
    job = parse(jobs.TrainJob, *given)
    expected = jobs.TrainJob(jobs.RasterSource("s"), jobs.VectorSource("l"), "c", "m")
    assert job == expected


def test_sources_may_say_what_the_file_does_not() -> None:
    job = parse(
        jobs.TrainJob,
        *("--scene", "s", "--scene-nodata", "-9999", "--scene_crs", "EPSG:4326"),
        *("--labels", "l.gpkg|layername=Felder 2", "--validation", "v", "--validation_layer", "x"),
        *("--class_field", "c", "--model", "m", "--resume"),
    )
    assert job.scene == jobs.RasterSource("s", "EPSG:4326", -9999.0)
    assert job.labels == jobs.VectorSource("l.gpkg", "Felder 2")
    assert job.validation == jobs.VectorSource("v", "x")
    assert job.test is None and job.resume is True


def test_a_layer_named_in_two_ways_is_refused() -> None:
    with pytest.raises(jobs.JobError, match=r"'a'.*'b'"):
        parse(
            jobs.TrainJob,
            *("--scene", "s", "--labels", "l.gpkg|layername=a", "--labels_layer", "b"),
            *("--class_field", "c", "--model", "m"),
        )


def test_the_entry_point_is_declared() -> None:
    project = Path(__file__).resolve().parents[2] / "pyproject.toml"
    assert 'mambahsi = "mambahsi.cli:main"' in project.read_text(encoding="utf-8")
