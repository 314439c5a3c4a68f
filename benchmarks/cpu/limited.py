"""Without AVX-512: whether the result is right, and how much slower it is.

The code generator of the kernels, PyTorch and the libraries of its matrix products are each
held to AVX2 by a variable of their own, in a process of its own.
"""

from __future__ import annotations

import platform
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.common.folders import FOLDER
from benchmarks.cpu.settings import Settings
from benchmarks.cpu.timing import Result, Row, in_turn, largest_difference, workers

ENVIRONMENT = {
    "NUMBA_CPU_NAME": "haswell",
    "NUMBA_CPU_FEATURES": "+avx,+avx2,+fma,+f16c,+bmi,+bmi2,+lzcnt,+movbe,+popcnt,+sse4.2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
}


def run(settings: Settings) -> Result:
    """Measure both in turn, on one thread."""
    result = Result()
    if platform.machine().lower() not in ("x86_64", "amd64"):
        result.notes.append("This is no x86 processor: nothing to limit.")
        return result
    rows, columns = settings.large
    values = {
        "kind": "ours",
        "rows": rows,
        "columns": columns,
        "bands": settings.bands,
        "classes": settings.classes,
        "width": settings.width,
        "threads": 1,
    }
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (
        workers({"full": values, "limited": values}, {"limited": ENVIRONMENT}) as ready,
        tempfile.TemporaryDirectory(dir=FOLDER) as folder,
    ):
        files = {name: Path(folder) / f"{name}.npy" for name in ready}
        for name, worker in ready.items():
            worker.ask(task="logits", file=str(files[name]))
        result.figures["difference"] = largest_difference(files["full"], files["limited"])
        classes = [np.load(file).argmax(axis=1) for file in files.values()]
        result.figures["same_classes"] = float((classes[0] == classes[1]).mean())
        for task in ("inference", "training"):
            timings = in_turn(ready, task, settings.rounds)
            speed = timings["full"].median / timings["limited"].median
            result.figures[task] = speed
            result.rows += [
                Row.of(f"{task}, all instructions", timings["full"], rows * columns),
                Row.of(
                    f"{task}, AVX2 at most",
                    timings["limited"],
                    rows * columns,
                    1,
                    f"{speed:.2f} of the speed",
                ),
            ]
    result.notes.append(
        f"Logits differ by {result.figures['difference']:.1e} at most with AVX2;"
        f" {result.figures['same_classes']:.4%} of the classes are the same."
    )
    return result
