"""Peak memory of training, beside what the engine predicts.

A fresh process imports, compiles and loads the scene; its resident size then is taken off the
peak of steps 2 to 5. What the process holds before training, the scene's spectra among it, is
thus not part of the figure, and is taken off the prediction as well.
"""

from __future__ import annotations

import inspect
from typing import Any

from benchmarks.cpu.settings import Settings
from benchmarks.cpu.timing import Result, Row, workers
from mambahsi.network import MambaHSI
from mambahsi.network.memory import training_bytes

STEPS = 5
PLANS = {"fast": False, "recompute": True}


def run(settings: Settings) -> Result:
    """Measure every plan that the engine has, on one thread."""
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
    result = Result()
    for plan, recompute in PLANS.items():
        choice = {"recompute": recompute} if can_recompute() else {}
        if recompute and not choice:
            result.notes.append("This engine has no plan with more recomputation.")
            continue
        with workers({plan: values | choice}) as ready:
            answer = ready[plan].ask(task="memory", steps=STEPS)
            seconds = ready[plan].ask(task="training", runs=settings.rounds)
        used = answer["peak"] - answer["before"]
        expected = predicted(rows * columns, settings, recompute)
        result.figures[plan] = used
        result.figures[f"{plan}_ratio"] = used / expected
        text = f"{used / 1e9:.3f} GB, {used / expected:.2f} times the prediction"
        if not answer["peak_was_reset"]:
            text += "; the first step included"
        wall, cpu = (sorted(seconds[key])[settings.rounds // 2] for key in ("wall", "cpu"))
        result.rows.append(Row(f"training memory, plan {plan}", rows * columns, 1, wall, cpu, text))
    return result


def can_recompute() -> bool:
    """Whether the engine has the plan with more recomputation."""
    return hasattr(MambaHSI(4, 8, 2), "recompute")


def predicted(pixels: int, settings: Settings, recompute: bool) -> int:
    """The engine's prediction in bytes, without the spectra, which are loaded before."""
    arguments: dict[str, Any] = {}
    if "recompute" in inspect.signature(training_bytes).parameters:
        arguments["recompute"] = recompute
    whole = training_bytes(pixels, settings.bands, settings.width, **arguments)
    return whole - 4 * settings.bands * pixels
