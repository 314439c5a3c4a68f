"""Test accuracy on real scenes, beside a random forest on the very same pixels.

    python benchmarks/accuracy_real_scenes.py [--scenes NAME ...] [--seeds N ...] [--epochs N]

Each scene is divided by the default, spatial split, once per seed. MambaHSI trains as
``mambahsi train`` does, with every setting at its default (the number of epochs can be lowered
for large scenes, and is then stated). The random forest of scikit-learn
(500 trees, everything else at its default) gets the same normalized bands of the same
training pixels; because it has no use for validation pixels otherwise, a second forest gets
these for training, too. All are tested on the same test pixels. Nothing is tuned on them.

The scenes lie below the folder that MAMBAHSI_TEST_DATA names. Results are kept in
``build/benchmarks/``, one file for each scene and seed, so that an interrupted run goes on
where it was; the table of all of them goes into BENCHMARKS.md.
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
from sklearn.ensemble import RandomForestClassifier

from mambahsi.accuracy import Accuracy, confusion_matrix
from mambahsi.feedback import Feedback
from mambahsi.jobs import RasterSource, TrainJob, VectorSource
from mambahsi.labels import read_labels, restrict
from mambahsi.model_file import load_model
from mambahsi.normalization import Normalization
from mambahsi.pixels import pixel_numbers, read_pixels
from mambahsi.runs.train import train
from mambahsi.scene import Scene, survey_bands
from mambahsi.split import TEST, TRAIN, VALIDATION, Split, split_spatial

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("MAMBAHSI_TEST_DATA", ROOT.parent / "shared")) / "data"
RESULTS = ROOT / "build" / "benchmarks"
PAGE = ROOT / "BENCHMARKS.md"
START, END = "<!-- accuracy_real_scenes -->", "<!-- end accuracy_real_scenes -->"

METHODS = {
    "mambahsi": "MambaHSI",
    "forest": "random forest",
    "forest_with_validation": "random forest, trained on validation pixels, too",
}
TREES = 500


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


def run(benchmark: Benchmark, seed: int, epochs: int, model: Path) -> dict[str, Any]:
    """Train and test all methods on one scene with one seed."""
    job = TrainJob(
        scene=RasterSource(str(DATA / benchmark.scene)),
        labels=VectorSource(str(DATA / benchmark.labels)),
        class_field=benchmark.class_field,
        name_field=benchmark.name_field,
        model=str(model),
        seed=seed,
        epochs=epochs,
        resume=model.with_name(f"{model.name}.checkpoint").exists(),
    )
    train(job, Console())
    trained = load_model(model)
    if trained.accuracy is None:
        raise SystemExit(f"{benchmark.title}: nothing was tested with seed {seed}.")

    pixels, numbers, split = divide(job)
    if json.loads(json.dumps(split.to_json())) != trained.split:
        raise SystemExit(f"{benchmark.title}: the forest's split is not the network's.")
    results = {"mambahsi": summary(Accuracy.from_json(trained.accuracy))}
    for method, parts in (
        ("forest", (TRAIN,)),
        ("forest_with_validation", (TRAIN, VALIDATION)),
    ):
        learned = np.isin(split.parts, parts)
        tested = split.parts == TEST
        forest = RandomForestClassifier(TREES, random_state=seed, n_jobs=-1)
        forest.fit(pixels[numbers(learned)], split.index[learned])
        predicted = forest.predict(pixels[numbers(tested)])
        matrix = confusion_matrix(split.index[tested], predicted, len(split.table))
        results[method] = summary(Accuracy(matrix, split.table))
    training = trained.training
    where = {key: training[key] for key in ("device", "backend", "threads", "best_epoch")}
    return {
        "seed": seed,
        "epochs": epochs,
        "versions": trained.versions,
        "where": where,
        "methods": results,
    }


def divide(job: TrainJob) -> tuple[np.ndarray, Any, Split]:
    """Normalized pixels (pixels, bands), a function from mask to their numbers, the split."""
    quiet = Feedback()
    with Scene.open(job.scene) as scene:
        survey = survey_bands(scene, quiet)
        labels = read_labels(
            job.labels, scene.grid, job.class_field, job.name_field, job.color_field, quiet
        )
        labels = restrict(labels, survey.valid, quiet)
        split = split_spatial(labels, job.seed, job.validation_share, job.test_share, job.buffer)
        normalization = Normalization.fit(scene, survey.used, survey.valid, quiet)
        pixels = read_pixels(scene, survey.used, survey.valid, normalization, quiet).numpy()
    return pixels, lambda mask: pixel_numbers(survey.valid, mask).numpy(), split


def summary(accuracy: Accuracy) -> dict[str, Any]:
    """The figures that go into the table."""
    return {
        "overall": accuracy.overall,
        "average": accuracy.average,
        "kappa": accuracy.kappa,
        "tested_classes": accuracy.tested_classes,
        "classes": len(accuracy.classes),
        "tested_pixels": accuracy.pixels,
    }


def table() -> str:
    """All results so far, as a Markdown table."""
    rows = [
        "| scene | method | overall accuracy | average accuracy | kappa | test pixels |"
        " tested classes |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, benchmark in BENCHMARKS.items():
        files = sorted(RESULTS.glob(f"{name}_seed*.json"))
        runs = [json.loads(path.read_text(encoding="utf-8")) for path in files]
        for method, title in METHODS.items() if runs else ():
            figures = [run["methods"][method] for run in runs]
            rows.append(
                f"| {benchmark.title}, {runs[0]['epochs']} epochs, "
                f"seeds {', '.join(str(run['seed']) for run in runs)} "
                f"| {title} | {spread(figures, 'overall', 100, '.2f')} % "
                f"| {spread(figures, 'average', 100, '.2f')} % "
                f"| {spread(figures, 'kappa', 1, '.4f')} "
                f"| {spread(figures, 'tested_pixels', 1, ',.0f')} "
                f"| {spread(figures, 'tested_classes', 1, '.3g')} of {figures[0]['classes']} |"
            )
    return "\n".join(rows)


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
    RESULTS.mkdir(parents=True, exist_ok=True)
    for name in arguments.scenes:
        for seed in arguments.seeds:
            result = RESULTS / f"{name}_seed{seed}.json"
            if result.exists():
                continue
            print(f"{BENCHMARKS[name].title}, seed {seed}", file=sys.stderr)
            model = result.with_suffix(".safetensors")
            figures = run(BENCHMARKS[name], seed, arguments.epochs, model)
            result.write_text(json.dumps(figures, indent=1), encoding="utf-8")
    made = f"{table()}\n\nMade on {machine()}."
    print(made)
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(START)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{START}\n{made}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
