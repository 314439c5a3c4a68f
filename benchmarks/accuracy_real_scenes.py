"""Test accuracy and calibration on real scenes, beside random forest and SVM on the same pixels.

    python benchmarks/accuracy_real_scenes.py [--scenes NAME ...] [--seeds N ...] [--epochs N]

Each scene is divided by the default, spatial split, once per seed. Every classifier of the
engine is trained as ``mambahsi train`` does it, with every setting at its default (the number of
epochs can be lowered for large scenes, and is then stated): the network, and the random forest
and the support vector machine on single pixels, whose settings are chosen on the validation
pixels that choose the network's epoch. All are tested on the same test pixels. Nothing is tuned
on them.

The scenes lie below the folder that MAMBAHSI_TEST_DATA names. Models and results are kept in
``build/benchmarks/real_scenes``, a folder for each scene and seed, so that an interrupted run goes
on where it was; the tables of all of them go into BENCHMARKS.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio

from mambahsi.accuracy import Accuracy
from mambahsi.checkpoint import checkpoint_path
from mambahsi.classifiers import TITLES
from mambahsi.feedback import Feedback
from mambahsi.jobs import CLASSIFIERS, NETWORK, RasterSource, TrainJob, VectorSource
from mambahsi.model_file import ModelFile, load_model
from mambahsi.records.split_raster import split_path
from mambahsi.runs.train import train

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("MAMBAHSI_TEST_DATA", ROOT.parent / "shared")) / "data"
RESULTS = ROOT / "build" / "benchmarks" / "real_scenes"
PAGE = ROOT / "BENCHMARKS.md"
START, END = "<!-- accuracy_real_scenes -->", "<!-- end accuracy_real_scenes -->"


@dataclass(frozen=True)
class Benchmark:
    """A scene, its labels and their fields."""

    title: str
    scene: str
    labels: str
    class_field: str
    name_field: str = ""


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
    "landsat7_north_carolina": Benchmark(
        "Landsat 7, North Carolina",
        "landsat7_north_carolina/landsat_multiband.tif",
        "landsat7_north_carolina/landsat96_polygons.shp",
        "id",
        "label",
    ),
}


class Console(Feedback):
    """Shows epochs on one line, and warnings."""

    def metric(self, **values: float | int | str | None) -> None:
        print(f"\r  epoch {values['epoch']}/{values['epochs']}  ", end="", file=sys.stderr)

    def warning(self, message: str) -> None:
        print(f"\r  {message}", file=sys.stderr)


def run(benchmark: Benchmark, classifier: str, seed: int, epochs: int, path: Path) -> ModelFile:
    """Train and test one classifier on one scene with one seed, unless that was done before."""
    resumes = classifier == NETWORK and checkpoint_path(path).exists()
    if resumes or not path.exists():
        job = TrainJob(
            scene=RasterSource(str(DATA / benchmark.scene)),
            labels=VectorSource(str(DATA / benchmark.labels)),
            class_field=benchmark.class_field,
            name_field=benchmark.name_field,
            model=str(path),
            classifier=classifier,
            seed=seed,
            epochs=epochs,
            resume=resumes,
        )
        train(job, Console())
    model = load_model(path)
    if model.accuracy is None:
        raise SystemExit(f"{benchmark.title}: nothing was tested with seed {seed}.")
    if (model.training["seed"], model.training["epochs"]) != (seed, epochs):
        raise SystemExit(f"{path} is of another run: remove it.")
    return model


def summary(model: ModelFile) -> dict[str, Any]:
    """The figures of a model that go into the tables."""
    assert model.accuracy is not None
    accuracy = Accuracy.from_json(model.accuracy)
    training, calibration = model.training, model.calibration
    assert calibration.test is not None
    return {
        "overall": accuracy.overall,
        "average": accuracy.average,
        "kappa": accuracy.kappa,
        "tested_classes": accuracy.tested_classes,
        "classes": len(accuracy.classes),
        "tested_pixels": accuracy.pixels,
        "best_epoch": training.get("best_epoch"),
        "validation_average": training["best_validation_accuracy"],
        "temperature": calibration.temperature,
        "scaled": calibration.used,
        "reason": calibration.reason,
        "error_before": calibration.test["error_before"],
        "error_after": calibration.test["error_after"],
        "where": {key: training.get(key) for key in ("device", "backend", "threads")},
        "versions": model.versions,
    }


def measure(name: str, seed: int, epochs: int, folder: Path) -> dict[str, Any]:
    """Figures of all classifiers on one scene with one seed."""
    found: dict[str, Any] = {"seed": seed, "epochs": epochs, "methods": {}}
    divided: np.ndarray | None = None
    for classifier in CLASSIFIERS:
        print(f"{BENCHMARKS[name].title}, seed {seed}, {classifier}", file=sys.stderr)
        path = folder / f"{classifier}.safetensors"
        model = run(BENCHMARKS[name], classifier, seed, epochs, path)
        with rasterio.open(split_path(path)) as raster:
            parts = raster.read()
        if divided is not None and not np.array_equal(parts, divided):
            raise SystemExit(f"{path} was trained with another division: remove it.")
        divided = parts
        found["methods"][classifier] = summary(model)
    return found


def results(name: str) -> list[dict[str, Any]]:
    """What was measured of a scene, by seed."""
    files = RESULTS.glob(f"{name}_seed*/result.json")
    found = [json.loads(path.read_text(encoding="utf-8")) for path in files]
    return sorted(found, key=lambda run: int(run["seed"]))


def accuracy_table() -> str:
    """Accuracy of all classifiers, as a Markdown table."""
    rows = [
        "| scene | classifier | overall accuracy | average accuracy | kappa | test pixels |"
        " tested classes |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, benchmark in BENCHMARKS.items():
        runs = results(name)
        for method in CLASSIFIERS if runs else ():
            figures = [run["methods"][method] for run in runs]
            rows.append(
                f"| {benchmark.title}, {runs[0]['epochs']} epochs, "
                f"seeds {', '.join(str(run['seed']) for run in runs)} "
                f"| {TITLES[method]} | {spread(figures, 'overall', 100, '.2f')} % "
                f"| {spread(figures, 'average', 100, '.2f')} % "
                f"| {spread(figures, 'kappa', 1, '.4f')} "
                f"| {spread(figures, 'tested_pixels', 1, ',.0f')} "
                f"| {spread(figures, 'tested_classes', 1, '.3g')} of {figures[0]['classes']} |"
            )
    return "\n".join(rows)


def calibration_table() -> str:
    """Calibration of every run, and how far validation foretold the test."""
    rows = [
        "| scene | seed | classifier | epoch kept | average accuracy, validation | the same, test |"
        " calibration error without scaling | with scaling |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, benchmark in BENCHMARKS.items():
        for run in results(name):
            for method, found in run["methods"].items():
                after = f"{found['error_after']:.1%} (T {found['temperature']:.2f})"
                rows.append(
                    f"| {benchmark.title} | {run['seed']} | {TITLES[method]} "
                    f"| {found['best_epoch'] or ''} | {found['validation_average']:.1%} "
                    f"| {found['average']:.1%} | {found['error_before']:.1%} "
                    f"| {after if found['scaled'] else 'not used'} |"
                )
    return "\n".join(rows).replace("%", " %")


def spread(figures: list[dict[str, Any]], key: str, scale: float, form: str) -> str:
    """Mean and, with several seeds that differ, standard deviation."""
    values = [scale * figure[key] for figure in figures]
    text = format(statistics.mean(values), form)
    if len(set(values)) > 1:
        text += f" ± {format(statistics.stdev(values), form)}"
    return text


def machine() -> str:
    """The processor and what runs on it, for the line below the table."""
    name = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            name = line.split(":", 1)[1].strip()
            break
    return f"{name}, {os.cpu_count()} logical processors"


def main() -> None:
    """Run what is not there yet, and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--scenes", nargs="+", choices=BENCHMARKS, default=list(BENCHMARKS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=TrainJob.epochs)
    arguments = parser.parse_args()
    for name in arguments.scenes:
        for seed in arguments.seeds:
            folder = RESULTS / f"{name}_seed{seed}"
            folder.mkdir(parents=True, exist_ok=True)
            result = folder / "result.json"
            if not result.exists():
                figures = measure(name, seed, arguments.epochs, folder)
                result.write_text(json.dumps(figures, indent=1), encoding="utf-8")
    made = f"{accuracy_table()}\n\n{calibration_table()}\n\nMade on {machine()}."
    print(made)
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(START)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{START}\n{made}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
