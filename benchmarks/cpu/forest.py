"""Inference beside scikit-learn's random forest, on the same pixels of real spectra.

The forest has 100 trees and everything else at its default, learned from 30 pixels a class.
Its speed depends on what it learned; the network's does not, so the network has random weights.
"""

from __future__ import annotations

from benchmarks.cpu.settings import Settings
from benchmarks.cpu.timing import Result, Row, in_turn, workers

CLASSES = 16
"""Of the scene with real spectra."""


def run(settings: Settings) -> Result:
    """Measure both at every number of bands, with one thread and with all."""
    rows, columns = settings.large
    pixels = rows * columns
    result = Result()
    for bands in settings.forest_bands:
        for count in sorted({1, settings.threads}):
            values = {
                "rows": rows,
                "columns": columns,
                "bands": bands,
                "classes": CLASSES,
                "width": settings.width,
                "threads": count,
                "real": True,
            }
            contenders = {kind: values | {"kind": kind} for kind in ("ours", "forest")}
            with workers(contenders) as ready:
                timings = in_turn(ready, "inference", settings.rounds)
            ratio = timings["ours"].median / timings["forest"].median
            result.figures[f"{bands}_{count}"] = ratio
            for kind, title in (("ours", "MambaHSI"), ("forest", "random forest")):
                text = f"{timings[kind].median / pixels * 1e6:.2f} us a pixel"
                if kind == "ours":
                    text += f", {ratio:.2f} times the forest's"
                what = f"{title}, {bands} bands"
                result.rows.append(Row.of(what, timings[kind], pixels, count, text))
    return result
