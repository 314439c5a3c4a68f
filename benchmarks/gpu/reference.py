"""The network with the reference scan, one token after the other, at a size that it can do."""

from __future__ import annotations

import torch

from benchmarks.gpu.clock import Clock
from benchmarks.gpu.contenders import Ours
from benchmarks.gpu.results import Result, Row
from benchmarks.gpu.settings import Settings

TASKS = {"forward": "forward", "train": "training step"}


def run(settings: Settings, result: Result) -> None:
    """Measure both in turn; the reference takes seconds, so few rounds do."""
    clock = Clock(torch.device(settings.device))
    size = settings.reference
    pixels = size[0] * size[1]
    contenders = {
        "ours": Ours(settings, size, settings.scan),
        "reference": Ours(settings, size, "reference"),
    }
    for task, title in TASKS.items():
        works = {name: getattr(contender, task) for name, contender in contenders.items()}
        found = clock.in_turn(works, 1, 1)
        ours, theirs = found["ours"], found["reference"]
        for name, seconds in found.items():
            text = ""
            if name == "reference" and isinstance(ours, float) and isinstance(theirs, float):
                result.figures[task] = theirs / ours
                text = f"{theirs / ours:.1f} times our time"
            result.add(Row.of(f"{title}: {name}", pixels, seconds, figure=text))
