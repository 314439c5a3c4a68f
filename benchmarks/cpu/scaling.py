"""Time with the size of the scene and the number of threads."""

from __future__ import annotations

from benchmarks.cpu.settings import Settings
from benchmarks.cpu.timing import Result, Row, in_turn, workers


def run(settings: Settings) -> Result:
    """Measure every size with one thread and with all."""
    result = Result()
    for rows, columns in settings.scaling:
        pixels = rows * columns
        values = {
            "kind": "ours",
            "rows": rows,
            "columns": columns,
            "bands": settings.bands,
            "classes": settings.classes,
            "width": settings.width,
        }
        counts = sorted({1, settings.threads})
        with workers({str(count): values | {"threads": count} for count in counts}) as ready:
            for task in ("inference", "training"):
                for name, timing in in_turn(ready, task, settings.rounds).items():
                    each = timing.median / pixels * 1e6
                    result.figures[f"{task}_{pixels}_{name}"] = each
                    text = f"{each:.2f} us a pixel"
                    result.rows.append(Row.of(task, timing, pixels, int(name), text))
    return result
