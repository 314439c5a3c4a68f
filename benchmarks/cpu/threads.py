"""Several threads, beside as many independent processes that run at once.

Independent processes share nothing but memory and cache, so the rate that they reach together
is what the machine can give; threads of one process have to wait for each other besides.
"""

from __future__ import annotations

from typing import Any

from benchmarks.cpu.settings import Settings
from benchmarks.cpu.timing import Result, Row, Timing, Worker, workers

TASKS = {"inference": 4, "training": 1}
"""Runs a round by task: long enough that starting together is all that has to be in step."""


def run(settings: Settings) -> Result:
    """Measure inference and training, arrangements in turn."""
    rows, columns = settings.large
    pixels, count = rows * columns, settings.threads
    result = Result()
    if count < 2:
        result.notes.append("There is one processor only: nothing to compare.")
        return result
    values = {
        "kind": "ours",
        "rows": rows,
        "columns": columns,
        "bands": settings.bands,
        "classes": settings.classes,
        "width": settings.width,
    }
    single = {f"single {number}": values | {"threads": 1} for number in range(count)}
    with workers({"threads": values | {"threads": count}, **single}) as ready:
        threaded = ready.pop("threads")
        processes = list(ready.values())
        for task, runs in TASKS.items():
            for worker in (threaded, *processes):
                worker.ask(task=task)
            timings = {"one": Timing(), "threads": Timing(), "processes": Timing()}
            together = []
            for _ in range(settings.rounds):
                timings["one"].add(processes[0].ask(task=task, runs=runs))
                timings["threads"].add(threaded.ask(task=task, runs=runs))
                answers = _at_once(processes, task, runs)
                together.append(sum(runs / sum(answer["wall"]) for answer in answers))
                for answer in answers:
                    timings["processes"].add(answer)
            together.sort()
            rate = together[len(together) // 2]
            share = 1 / timings["threads"].median / rate
            faster = timings["one"].median / timings["threads"].median
            result.figures[task] = share
            text = f"{share:.2f} of the processes' rate, {faster:.2f} times one thread"
            result.rows += [
                Row.of(f"{task}, one thread", timings["one"], pixels),
                Row.of(f"{task}, threads", timings["threads"], pixels, count, text),
                Row.of(
                    f"{task}, processes at once",
                    timings["processes"],
                    pixels,
                    f"{count} x 1",
                    f"{rate * pixels:,.0f} pixels a second together",
                ),
            ]
    return result


def _at_once(processes: list[Worker], task: str, runs: int) -> list[dict[str, Any]]:
    for worker in processes:
        worker.send(task=task, runs=runs)
    return [worker.wait() for worker in processes]
