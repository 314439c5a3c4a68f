"""Whole network: inference and a training step, beside the comparators.

The reference scan is timed in inference alone: its backward pass is quadratic in the length.
All networks have the same weights, and their logits are compared before any of them is timed.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.common.folders import FOLDER
from benchmarks.cpu import comparators
from benchmarks.cpu.settings import Settings
from benchmarks.cpu.timing import Result, Row, in_turn, largest_difference, workers

TITLES = {
    "ours": "MambaHSI",
    "reference": "selective_scan_ref of mamba-ssm",
    "mambapy": "mambapy",
    "mambapy_huge": "mambapy, THP_MEM_ALLOC_ENABLE=1",
}
TOLERANCE = 1e-4
"""Largest difference of logits that are the same but for rounding."""


def run(settings: Settings) -> Result:
    """Measure, on one thread."""
    comparators.fetch()
    rows, columns = settings.size
    values = {
        "rows": rows,
        "columns": columns,
        "bands": settings.bands,
        "classes": settings.classes,
        "width": settings.width,
        "threads": 1,
    }
    kinds = {name: name.removesuffix("_huge") for name in TITLES}
    contenders = {name: values | {"kind": kind} for name, kind in kinds.items()}
    one = {"OMP_NUM_THREADS": "1"}
    environments = dict.fromkeys(TITLES, one | {"THP_MEM_ALLOC_ENABLE": "0"})
    environments["mambapy_huge"] = one | {"THP_MEM_ALLOC_ENABLE": "1"}
    result = Result()
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (
        workers(contenders, environments) as ready,
        tempfile.TemporaryDirectory(dir=FOLDER) as folder,
    ):
        files = {name: Path(folder) / f"{name}.npy" for name in ready}
        for name, worker in ready.items():
            worker.ask(task="logits", file=str(files[name]))
        for name in TITLES.keys() - {"ours"}:
            difference = largest_difference(files["ours"], files[name])
            result.figures[f"logits_{name}"] = difference
            if not difference < TOLERANCE:
                raise SystemExit(f"Logits of {TITLES[name]} differ from ours by {difference:.1e}.")
        for task, title in (("inference", "inference"), ("training", "training step")):
            able = {n: w for n, w in ready.items() if (task, n) != ("training", "reference")}
            timings = in_turn(able, task, settings.rounds)
            ours = timings["ours"].median
            for name, timing in timings.items():
                ratio = timing.median / ours
                result.figures[f"{task}_{name}"] = ratio
                peak = able[name].ask(task="peak")["peak"]
                text = "" if name == "ours" else f"{ratio:.1f} times ours, "
                text += f"peak of the process {peak / 1e9:.2f} GB"
                what = f"{TITLES[name]}, {title}"
                result.rows.append(Row.of(what, timing, rows * columns, 1, text))
    worst = max(v for k, v in result.figures.items() if k.startswith("logits_"))
    result.notes.append(f"All networks' logits agree within {worst:.0e}.")
    return result
