"""How many epochs a training really takes, measured on the test pixels of real scenes.

    python benchmarks/epochs.py [--scenes NAME ...] [--seeds N ...] [--epochs N]

Each training runs as ``mambahsi train`` does, with every setting at its default but those
named in the table. One run of the full length gives all shorter ones: it is cancelled where a
shorter schedule ends, a copy of its checkpoint is finished there (scored, tested, its model
written), and the training goes on from the checkpoint. A cancelled and resumed training equals
an uninterrupted one bit for bit, so each line of the table is what that schedule gives.

*Patience* N ends a training when the validation accuracy has not risen for N epochs. The fast
schedule takes half the epochs at about three times the learning rate.

Indian Pines is downloaded (see ``scripts/indian_pines.py``); EnMAP Potsdam lies below the folder
that MAMBAHSI_TEST_DATA names. Results are kept in ``build/benchmarks/epochs/``, a folder for
each scene, seed and learning rate, with the curve of loss and validation accuracy; an
interrupted run goes on where it was.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import shutil
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mambahsi import cancellation
from mambahsi.checkpoint import checkpoint_path, load_checkpoint
from mambahsi.errors import Cancelled
from mambahsi.feedback import Feedback
from mambahsi.jobs import RasterSource, TrainJob, VectorSource
from mambahsi.model_file import load_model
from mambahsi.runs.train import train

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("MAMBAHSI_TEST_DATA", ROOT.parent / "shared")) / "data"
RESULTS = ROOT / "build" / "benchmarks" / "epochs"

SHARES = (0.25, 0.5, 0.75)
"""Parts of the full length at which a schedule of fixed length ends."""

PATIENCES = (20, 30, 50)
FAST_RATE = 1e-3
FAST_SHARE = 0.5


@dataclass(frozen=True)
class Benchmark:
    """A scene with labels, and how they are divided."""

    title: str
    files: Callable[[], tuple[Path, Path]]
    protocol: str


def indian_pines() -> tuple[Path, Path]:
    """Scene and labels, downloaded at first."""
    sys.path.insert(0, str(ROOT / "scripts"))
    from indian_pines import prepare

    return prepare(RESULTS.parent / "indian_pines")


def enmap_potsdam() -> tuple[Path, Path]:
    """Scene and labels, where the folder of test scenes is."""
    folder = DATA / "enmap_potsdam"
    if not folder.is_dir():
        raise SystemExit(f"{folder} is not there; set MAMBAHSI_TEST_DATA.")
    return folder / "enmap_potsdam.tif", folder / "landcover_polygons.gpkg"


BENCHMARKS = {
    "indian_pines_random": Benchmark("Indian Pines, random", indian_pines, "random"),
    "indian_pines_spatial": Benchmark("Indian Pines, spatial", indian_pines, "spatial"),
    "enmap_potsdam": Benchmark("EnMAP Potsdam, spatial", enmap_potsdam, "spatial"),
}


def ends(epochs: int, curve: list[dict[str, Any]]) -> list[str]:
    """Schedules shorter than the full one that end with the last epoch of a curve."""
    found = [f"{number} epochs" for number in shorter(epochs) if number == len(curve)]
    for patience in PATIENCES:
        stop = stalled(curve, patience)
        if stop == len(curve) < epochs:
            found.append(f"patience {patience}")
    return found


def shorter(epochs: int) -> list[int]:
    """Fixed lengths below the full one."""
    return sorted({round(epochs * share) for share in SHARES} - {0, epochs})


def stalled(curve: list[dict[str, Any]], patience: int) -> int:
    """The epoch that a patience ends with, 0 if none."""
    best, improved = -1.0, 0
    for entry in curve:
        accuracy = entry["validation_accuracy"]
        if accuracy > best:
            best, improved = accuracy, entry["epoch"]
        if entry["epoch"] - improved >= patience:
            return int(entry["epoch"])
    return 0


class Watch(Feedback):
    """Cancels where a shorter schedule ends that is not measured yet."""

    def __init__(self, job: TrainJob, curve: list[dict[str, Any]], measured: set[str]) -> None:
        self.job = job
        self.curve = curve
        self.measured = measured
        self.due: list[str] = []

    def metric(self, **values: float | int | str | None) -> None:
        print(f"\r  epoch {values['epoch']}/{values['epochs']}  ", end="", file=sys.stderr)
        entry = {name: values[name] for name in ("epoch", "loss", "validation_accuracy")}
        # After a resume, the last epoch is told once more.
        self.curve = [*self.curve[: int(values["epoch"] or 0) - 1], entry]
        self.due = [name for name in ends(self.job.epochs, self.curve) if name not in self.measured]
        if self.due:
            cancellation.request()

    def warning(self, message: str) -> None:
        print(f"\r  {message}", file=sys.stderr)


def measure(job: TrainJob, folder: Path) -> dict[str, Any]:
    """Train at full length, and finish every shorter schedule on the way."""
    kept = folder / "result.json"
    figures: dict[str, Any] = {}
    if kept.exists():
        figures = json.loads(kept.read_text(encoding="utf-8"))
    schedules = figures.setdefault("schedules", {})
    full = f"{job.epochs} epochs"
    checkpoint = checkpoint_path(job.model)
    while full not in schedules:
        curve = load_checkpoint(checkpoint).progress.curves if checkpoint.exists() else []
        watch = Watch(job, curve, set(schedules))
        try:
            schedules[full] = train(dataclasses.replace(job, resume=bool(curve)), watch)
        except Cancelled:
            if not watch.due:
                raise
            cancellation.reset()
            done = finish(job, len(watch.curve), folder / "shorter.safetensors")
            schedules.update(dict.fromkeys(watch.due, done))
        else:
            # Where the patience lasted, it gives what the full length gives.
            for patience in PATIENCES:
                schedules.setdefault(f"patience {patience}", schedules[full])
            trained = load_model(job.model)
            figures |= {"curve": trained.curves, "versions": trained.versions}
        write(kept, figures)
    return figures


def finish(job: TrainJob, epochs: int, model: Path) -> dict[str, Any]:
    """End a copy of a cancelled training after so many epochs."""
    checkpoint = checkpoint_path(job.model)
    done = load_checkpoint(checkpoint).progress.epoch
    if done != epochs:
        raise SystemExit(f"The training was cancelled after epoch {done}, not {epochs}.")
    shutil.copyfile(checkpoint, checkpoint_path(str(model)))
    shortened = dataclasses.replace(job, epochs=epochs, model=str(model), resume=True)
    return train(shortened, Feedback())


def write(path: Path, figures: dict[str, Any]) -> None:
    """Replace a file of figures, so that it is whole at any time."""
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(figures, indent=1, default=str), encoding="utf-8")
    partial.replace(path)


def table(epochs: int, seeds: list[int], found: dict[tuple[str, float, int], Any]) -> str:
    """All results as a Markdown table, means over the seeds with standard deviations."""
    rows = [
        "| scene | schedule | epochs done | epoch kept | overall accuracy | average accuracy |"
        " kappa |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, benchmark in BENCHMARKS.items():
        for rate, length in rates(epochs):
            runs = [found[key] for seed in seeds if (key := (name, rate, seed)) in found]
            if not runs:
                continue
            names = [f"{n} epochs" for n in (*shorter(length), length)]
            names += [f"patience {n}" for n in PATIENCES]
            for schedule in names:
                got = [run["schedules"][schedule] for run in runs]
                rows.append(
                    f"| {benchmark.title} | {schedule}, learning rate {rate:g} "
                    f"| {spread(got, 'epochs', 1, '.0f')} | {spread(got, 'best_epoch', 1, '.0f')} "
                    f"| {spread(got, 'overall_accuracy', 100, '.2f')} % "
                    f"| {spread(got, 'average_accuracy', 100, '.2f')} % "
                    f"| {spread(got, 'kappa', 1, '.4f')} |"
                )
    return "\n".join(rows)


def rates(epochs: int) -> list[tuple[float, int]]:
    """Learning rates, each with its full number of epochs."""
    return [(TrainJob.learning_rate, epochs), (FAST_RATE, round(epochs * FAST_SHARE))]


def spread(results: list[dict[str, Any]], key: str, scale: float, form: str) -> str:
    """Mean and, with several seeds that differ, standard deviation."""
    values = [scale * result[key] for result in results]
    text = format(statistics.mean(values), form)
    if len(set(values)) > 1:
        text += f" ± {format(statistics.stdev(values), form)}"
    return text


def main() -> None:
    """Run what is not there yet, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--scenes", nargs="+", choices=BENCHMARKS, default=list(BENCHMARKS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=TrainJob.epochs)
    arguments = parser.parse_args()
    found = {}
    for name in arguments.scenes:
        benchmark = BENCHMARKS[name]
        try:
            scene, labels = benchmark.files()
        except SystemExit as reason:
            print(f"{benchmark.title} is left out: {reason}", file=sys.stderr)
            continue
        for rate, epochs in rates(arguments.epochs):
            for seed in arguments.seeds:
                folder = RESULTS / f"{name}_{epochs}_epochs_at_{rate:g}_seed{seed}"
                folder.mkdir(parents=True, exist_ok=True)
                print(f"\r{folder.name}", file=sys.stderr)
                job = TrainJob(
                    scene=RasterSource(str(scene)),
                    labels=VectorSource(str(labels)),
                    class_field="class_id",
                    model=str(folder / "model.safetensors"),
                    protocol=benchmark.protocol,
                    seed=seed,
                    epochs=epochs,
                    learning_rate=rate,
                )
                found[name, rate, seed] = measure(job, folder)
    made = table(arguments.epochs, arguments.seeds, found)
    (RESULTS / f"table_{arguments.epochs}_epochs.md").write_text(f"{made}\n", encoding="utf-8")
    print(made)


if __name__ == "__main__":
    main()
