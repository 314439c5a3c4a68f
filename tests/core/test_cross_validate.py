"""Cross-validation over space: every fold trained, pooled figures, and their spread."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from mambahsi import jobs, runs
from mambahsi.accuracy import Accuracy
from mambahsi.feedback import Feedback
from mambahsi.fold_statistics import pool_distances, spread
from mambahsi.model_file import load_model

FOLDS = {"protocol": "blocks", "block_size": 4, "buffer": 1, "folds": 3, "validation_share": 0.2}


class Heard(Feedback):
    """Keeps what is logged."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, message: str) -> None:
        self.lines.append(message)


def values(tiny: Any, **changes: Any) -> dict[str, Any]:
    train = tiny.train_job(**FOLDS, report=str(tiny.folder / "cv.html"))
    del train["job"]
    train.update(changes)
    return {"job": "crossvalidate", "train": train, "table": str(tiny.folder / "cv.json")}


def test_folds_are_trained_and_pooled(tiny: Any) -> None:
    job = jobs.from_json(values(tiny))
    assert jobs.from_json(jobs.to_json(job)) == job
    result = runs.run(job, Feedback())
    assert [Path(name).name for name in result["models"]] == [
        f"model.fold{number}.safetensors" for number in range(3)
    ]
    table = json.loads((tiny.folder / "cv.json").read_text(encoding="utf-8"))
    accuracies = [load_model(name).accuracy for name in result["models"]]
    assert [fold["accuracy"] for fold in table["folds"]] == accuracies
    matrix = np.sum([values["matrix"] for values in accuracies if values], axis=0)
    assert table["pooled"]["matrix"] == matrix.tolist()
    assert result["overall_accuracy"] == pytest.approx(np.trace(matrix) / matrix.sum())
    overall = [values["overall_accuracy"] for values in accuracies if values]
    told = table["over_folds"]["overall_accuracy"]
    assert told["mean"] == pytest.approx(np.mean(overall))
    assert told["standard_deviation"] == pytest.approx(np.std(overall, ddof=1))
    assert sum(row["pixels"] for row in table["by_distance"]) == matrix.sum()
    by_field = [values["by_field"] for values in accuracies if values]
    for name in ("trained", "own"):
        pixels = [fold[name]["pixels"] for fold in by_field]
        right = [fold[name]["pixels"] * (fold[name]["accuracy"] or 0) for fold in by_field]
        assert table["by_field"][name]["pixels"] == sum(pixels)
        if sum(pixels):
            assert table["by_field"][name]["accuracy"] == pytest.approx(sum(right) / sum(pixels))
    text = (tiny.folder / "cv.html").read_text(encoding="utf-8")
    assert "cross-validation over space" in text and "Fold 2" in text
    assert tiny.temporary_files() == []

    # What is there is taken over when asked, and made again when a setting differs.
    heard = Heard()
    again = runs.run(jobs.from_json(values(tiny, resume=True, threads=2)), heard)
    assert again == result
    assert sum(line.startswith("Already trained") for line in heard.lines) == 3
    other = Heard()
    runs.run(jobs.from_json(values(tiny, resume=True, epochs=2)), other)
    assert not any(line.startswith("Already trained") for line in other.lines)


def test_interval_is_that_of_students_t() -> None:
    figures = [0.7, 0.8, 0.75, 0.9, float("nan")]
    told = spread(figures)
    known = stats.ttest_1samp(figures[:4], 0).confidence_interval(0.95)
    assert told["folds"] == 4
    assert told["interval"] == pytest.approx([known.low, known.high])
    assert spread([0.5, 0.6])["interval"] is None
    assert spread([0.5])["standard_deviation"] is None
    assert spread([float("nan")])["mean"] is None


def test_distances_are_pooled_by_pixels() -> None:
    one = {"above": 1, "up_to": 3, "pixels": 10, "accuracy": 1.0}
    two = {"above": 1, "up_to": 3, "pixels": 30, "accuracy": 0.5}
    far = {"above": 100, "up_to": None, "pixels": 1, "accuracy": 0.0}
    assert pool_distances([[far], [one, far], [two]]) == [
        {"above": 1, "up_to": 3, "pixels": 40, "accuracy": 0.625},
        {"above": 100, "up_to": None, "pixels": 2, "accuracy": 0.0},
    ]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"protocol": "spatial", "folds": 0}, "make no folds"),
        ({"folds": 0}, "make no folds"),
        ({"fold": 1}, "names one fold"),
        ({"validation_share": 0.7}, "nothing to train on"),
    ],
)
def test_what_makes_no_folds_is_refused(tiny: Any, changes: dict[str, Any], named: str) -> None:
    with pytest.raises(jobs.JobError, match=named.replace(" to train on", " to")):
        runs.run(jobs.from_json(values(tiny, **changes)), Feedback())
    assert not list(tiny.folder.glob("model*"))


def test_command(tiny: Any, engine_environment: dict[str, str]) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "mambahsi", "crossvalidate", "--scene", "scene.tif"),
            *("--labels", "labels.gpkg", "--class-field", "class", "--model", "m.safetensors"),
            *("--protocol", "blocks", "--folds", "3", "--block-size", "4", "--buffer", "1"),
            *("--preset", "compact", "--epochs", "2", "--threads", "1"),
            *("--table", "t.json", "--json"),
        ],
        cwd=tiny.folder,
        env=engine_environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    table = json.loads((tiny.folder / "t.json").read_text(encoding="utf-8"))
    assert Accuracy.from_json(table["pooled"]).pixels == told["tested_pixels"]
