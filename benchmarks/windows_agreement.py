"""How far maps agree that were made of a whole scene and of windows.

    python benchmarks/windows_agreement.py [--scene NAME] [--windows N ...] [--seeds N ...]
                                           [--epochs N]

A scene that can be trained whole is trained whole, and in windows of each size, with the same
split and the same initial weights, every other setting at its default. Each model classifies
the scene in its own way: as a whole, or in windows that overlap and are blended. Compared are

- the accuracy of each map on the same test pixels;
- the share of all valid pixels that two maps give the same class, kappa of one map against the
  other, and per class the share of the whole-scene map's pixels that the other one has, too;
- as a yardstick, the agreement of two whole-scene maps of different seeds, where there are
  several: what a training's own chance changes.

EnMAP Potsdam and the other scenes lie below the folder that MAMBAHSI_TEST_DATA names. Models
and maps are kept in ``build/benchmarks/windows/``, so that an interrupted run goes on where it
was; the table is printed, and all figures are written to ``build/benchmarks/windows.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio

from mambahsi.accuracy import Accuracy, confusion_matrix
from mambahsi.classes import ClassTable
from mambahsi.feedback import Feedback
from mambahsi.jobs import RasterSource, TrainAndClassifyJob, TrainJob, VectorSource
from mambahsi.model_file import ModelFile, load_model
from mambahsi.runs.train_and_classify import train_and_classify

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("MAMBAHSI_TEST_DATA", ROOT.parent / "shared")) / "data"
FOLDER = ROOT / "build" / "benchmarks" / "windows"
RESULT = ROOT / "build" / "benchmarks" / "windows.json"

WHOLE = 0
"""The size of windows that stands for the whole scene, as in a job."""


@dataclass(frozen=True)
class Benchmark:
    """A scene, its labels and their fields."""

    title: str
    scene: str
    labels: str
    class_field: str
    name_field: str


BENCHMARKS = {
    "enmap_potsdam": Benchmark(
        "EnMAP, Potsdam",
        "enmap_potsdam/enmap_potsdam.tif",
        "enmap_potsdam/landcover_polygons.gpkg",
        "class_id",
        "class",
    ),
    "sentinel2_aberystwyth": Benchmark(
        "Sentinel-2, Aberystwyth",
        "sentinel2_aberystwyth/sentinel2_aberystwyth.tif",
        "sentinel2_aberystwyth/training_polygons.gpkg",
        "class_id",
        "class",
    ),
}


class Console(Feedback):
    """Shows epochs on one line, and warnings."""

    def metric(self, **values: float | int | str | None) -> None:
        print(f"\r  epoch {values['epoch']}/{values['epochs']}  ", end="", file=sys.stderr)

    def warning(self, message: str) -> None:
        print(f"\r  {message}", file=sys.stderr)


@dataclass(frozen=True, eq=False)
class Run:
    """A model and its map.

    Attributes:
        model: The model.
        index: Class index by pixel, -1 nodata; (rows, columns).
    """

    model: ModelFile
    index: np.ndarray

    @property
    def accuracy(self) -> Accuracy:
        """On the test pixels."""
        if self.model.accuracy is None:
            raise SystemExit("Nothing was tested: the split left no test pixels.")
        return Accuracy.from_json(self.model.accuracy)


def run(name: str, window: int, seed: int, epochs: int) -> Run:
    """Train and classify, unless that was done before."""
    benchmark = BENCHMARKS[name]
    way = f"window{window}" if window else "whole"
    model = FOLDER / f"{name}_{way}_seed{seed}_epochs{epochs}.safetensors"
    land_cover = model.with_suffix(".tif")
    if not land_cover.exists():
        print(f"{benchmark.title}, {way}, seed {seed}", file=sys.stderr)
        job = TrainJob(
            scene=RasterSource(str(DATA / benchmark.scene)),
            labels=VectorSource(str(DATA / benchmark.labels)),
            class_field=benchmark.class_field,
            name_field=benchmark.name_field,
            model=str(model),
            seed=seed,
            epochs=epochs,
            window=window,
            resume=model.with_name(f"{model.name}.checkpoint").exists(),
        )
        train_and_classify(TrainAndClassifyJob(job, str(land_cover)), Console())
        print(file=sys.stderr)
    trained = load_model(model)
    if trained.mode != ("windows" if window else "whole"):
        raise SystemExit(f"{model.name} was trained in mode {trained.mode}: memory is short.")
    with rasterio.open(land_cover) as dataset:
        values = dataset.read(1)
    index = np.full(values.shape, -1)
    for number, value in enumerate(trained.classes.values):
        index[values == value] = number
    return Run(trained, index)


def figures(run: Run) -> dict[str, Any]:
    """Accuracy of a map, and how it came about."""
    accuracy, training = run.accuracy, run.model.training
    return {
        "overall": accuracy.overall,
        "average": accuracy.average,
        "kappa": accuracy.kappa,
        "tested_pixels": accuracy.pixels,
        "best_epoch": training["best_epoch"],
        "seconds": training["seconds"],
    }


def agreement(one: Run, other: Run) -> dict[str, Any]:
    """How far two maps of a scene agree."""
    table: ClassTable = one.model.classes
    matrix = confusion_matrix(one.index, other.index, len(table))
    both = Accuracy(matrix, table)
    return {
        "pixels": both.pixels,
        "same_class": both.overall,
        "kappa": both.kappa,
        "per_class": {
            item.name: {
                "pixels": int(both.support[i]),
                "pixels_of_other": int(both.mapped[i]),
                "share_that_agrees": both.producers[i] if both.support[i] else None,
            }
            for i, item in enumerate(table)
        },
        "matrix": matrix.tolist(),
    }


def measure(name: str, windows: list[int], seeds: list[int], epochs: int) -> dict[str, Any]:
    """All figures of a scene."""
    ways: dict[str, Any] = {}
    wholes = [run(name, WHOLE, seed, epochs) for seed in seeds]
    ways["whole"] = {"runs": [figures(whole) for whole in wholes]}
    for window in windows:
        runs = [run(name, window, seed, epochs) for seed in seeds]
        for whole, windowed in zip(wholes, runs, strict=True):
            if whole.model.split != windowed.model.split:
                raise SystemExit("The two trainings have not divided the labels alike.")
        ways[f"windows of {window}"] = {
            "runs": [figures(windowed) for windowed in runs],
            "agreement": [
                agreement(whole, windowed) for whole, windowed in zip(wholes, runs, strict=True)
            ],
        }
    return {
        "scene": name,
        "seeds": seeds,
        "epochs": epochs,
        "versions": wholes[0].model.versions,
        "where": {key: wholes[0].model.training[key] for key in ("device", "backend", "threads")},
        "ways": ways,
        "seeds_agree": [agreement(wholes[0], other) for other in wholes[1:]],
    }


def table(result: dict[str, Any]) -> str:
    """The figures as a Markdown table."""
    rows = [
        f"{BENCHMARKS[result['scene']].title}, {result['epochs']} epochs, seeds "
        f"{', '.join(map(str, result['seeds']))}",
        "",
        "| way | overall accuracy | average accuracy | kappa | same class as whole |"
        " kappa against whole | training |",
        "|---|---|---|---|---|---|---|",
    ]
    for way, found in result["ways"].items():
        runs, agree = found["runs"], found.get("agreement", [])
        rows.append(
            f"| {way} | {percent(runs, 'overall')} | {percent(runs, 'average')}"
            f" | {spread(runs, 'kappa', '.3f')} | {percent(agree, 'same_class')}"
            f" | {spread(agree, 'kappa', '.3f')} | {spread(runs, 'seconds', '.0f')} s |"
        )
    if result["seeds_agree"]:
        rows.append(
            f"| whole, another seed | | | | {percent(result['seeds_agree'], 'same_class')}"
            f" | {spread(result['seeds_agree'], 'kappa', '.3f')} | |"
        )
    for way, found in result["ways"].items():
        if "agreement" not in found:
            continue
        rows += [
            "",
            f"By class, {way}, seed {result['seeds'][0]}:",
            "",
            "| class | pixels, whole | pixels, windows | agree |",
            "|---|---|---|---|",
        ]
        for name, row in found["agreement"][0]["per_class"].items():
            share = row["share_that_agrees"]
            rows.append(
                f"| {name} | {row['pixels']:,} | {row['pixels_of_other']:,}"
                f" | {'' if share is None else f'{share:.1%}'} |"
            )
    return "\n".join(rows)


def percent(found: list[dict[str, Any]], key: str) -> str:
    """A share as :func:`spread` gives it, in percent."""
    return f"{spread([{key: 100 * item[key]} for item in found], key, '.2f')} %" if found else ""


def spread(found: list[dict[str, Any]], key: str, form: str) -> str:
    """Mean and, with several seeds, standard deviation; nothing without any."""
    values = [item[key] for item in found]
    if not values:
        return ""
    text = format(statistics.mean(values), form)
    return f"{text} ± {format(statistics.stdev(values), form)}" if len(values) > 1 else text


def main() -> None:
    """Run what is not there yet, print the table and write all figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--scene", choices=BENCHMARKS, default="enmap_potsdam")
    parser.add_argument("--windows", nargs="+", type=int, default=[64, 96])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=TrainJob.epochs)
    arguments = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    result = measure(arguments.scene, arguments.windows, arguments.seeds, arguments.epochs)
    RESULT.write_text(json.dumps(result, indent=1), encoding="utf-8")
    print(table(result))


if __name__ == "__main__":
    main()
