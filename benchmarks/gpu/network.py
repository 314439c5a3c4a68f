"""The whole network at the size of every scene: forward, a step of training, and memory.

Memory is taken first, of each contender alone on the card; then they are timed in turn. Before
that their logits are compared. The prediction beside the memory is the engine's own.
"""

from __future__ import annotations

import torch
from torch import Tensor

from benchmarks.common.work import work
from benchmarks.gpu.clock import Clock, Failure, Work
from benchmarks.gpu.contenders import Contender, makers
from benchmarks.gpu.floor import Need, Rates, measure
from benchmarks.gpu.results import Result, Row
from benchmarks.gpu.settings import Settings, Size
from mambahsi.network.memory import inference_bytes, training_bytes

TOLERANCE = 1e-3
"""Largest difference of logits in float32 that are the same but for rounding; they are some
units large."""

TASKS = {"forward": "forward", "train": "training step"}
BACKWARD = 3
"""A step needs so many times the work of a forward pass: each product once forward, and once for
either factor's gradient."""


def run(settings: Settings, result: Result) -> None:
    """Measure every size."""
    clock = Clock(torch.device(settings.device))
    rates = measure(settings, clock)
    result.figures |= {f"rate_{name}": value for name, value in vars(rates).items()}
    for name, size in settings.sizes.items():
        _measure(name, size, settings, rates, result, clock)
    if not settings.upstream:
        why = f"not built, because {settings.why_not}"
        result.add(Row("upstream", 0, figure=why))


def _measure(
    name: str, size: Size, settings: Settings, rates: Rates, result: Result, clock: Clock
) -> None:
    makes = makers(settings, size)
    pixels = size[0] * size[1]
    peaks: dict[str, dict[str, int | Failure]] = {task: {} for task in TASKS}
    for contender, make in makes.items():
        for task in TASKS:
            peaks[task][contender] = clock.peak(lambda m=make, t=task: getattr(m(), t))  # type: ignore[misc]
    ready: dict[str, Contender] = {}
    failures: dict[str, float | Failure] = {}
    for contender, make in makes.items():
        try:
            ready[contender] = make()
        except Exception as error:
            failures[contender] = clock.failure(error)
    for contender, difference in _differences(ready, clock).items():
        if isinstance(difference, float):
            result.figures[f"logits_{contender}_{name}"] = difference
            if "bfloat16" not in contender and not difference <= TOLERANCE:
                failures[contender] = Failure(f"its logits differ from ours by {difference:.1e}")
                del ready[contender]
    needed = work(size[0], size[1], size[2], settings.width, settings.classes)
    forward = Need(needed.traffic, needed.operations, needed.exponentials)
    step = Need(
        *(BACKWARD * x for x in (forward.traffic, forward.operations, forward.exponentials))
    )
    for task, need in (("forward", forward), ("train", step)):
        works: dict[str, Work] = {n: getattr(c, task) for n, c in ready.items()}
        found = failures | clock.in_turn(works, settings.rounds, settings.warm_up)
        del works
        for contender in makes:
            seconds, peak = found[contender], peaks[task][contender]
            half = contender.endswith("bfloat16")
            dtype = torch.bfloat16 if half else torch.float32
            floors = rates.floors(need.halved() if half else need, dtype)
            text = _compare(f"{task}_{name}", contender, found, peaks[task], result)
            if contender == "ours":
                predict = training_bytes if task == "train" else inference_bytes
                expected = predict(pixels, size[2], settings.width, scan=settings.scan)
                if isinstance(peak, int):
                    result.figures[f"{task}_prediction_{name}"] = peak / expected
                    text = f"{peak / expected:.2f} times its prediction"
            title = f"{name}, {TASKS[task]}: {contender}"
            result.add(Row.of(title, pixels, seconds, floors, peak, text))
    ready.clear()
    clock.clear()


def _compare(
    key: str,
    contender: str,
    seconds: dict[str, float | Failure],
    peaks: dict[str, int | Failure],
    result: Result,
) -> str:
    """Keep a contender's figures, and tell how it compares with ours."""
    mine, ours = seconds[contender], seconds["ours"]
    memory, our_memory = peaks[contender], peaks["ours"]
    if contender == "ours":
        if isinstance(mine, float):
            result.figures[f"{key}_seconds"] = mine
        if isinstance(memory, int):
            result.figures[f"{key}_memory"] = memory
        return ""
    texts = []
    if isinstance(mine, float) and isinstance(ours, float):
        result.figures[f"{key}_{contender}"] = mine / ours
        texts.append(f"{mine / ours:.2f} times our time")
    if isinstance(memory, int) and isinstance(our_memory, int):
        result.figures[f"{key}_memory_{contender}"] = memory / our_memory
        texts.append(f"{memory / our_memory:.2f} times our memory")
    return ", ".join(texts)


def _differences(ready: dict[str, Contender], clock: Clock) -> dict[str, float | Failure]:
    """Largest difference of the logits of each from ours."""
    found: dict[str, float | Failure] = {}
    right: Tensor | None = None
    with torch.no_grad():
        for contender, network in ready.items():
            try:
                logits = network.all_logits().float()
                if contender == "ours":
                    right = logits
                elif right is not None:
                    found[contender] = float((logits - right).abs().max())
            except Exception as error:
                found[contender] = clock.failure(error)
    return found
