"""The machine's floor: what the network's arithmetic costs at least, here, on one thread.

Three things that no implementation of a forward pass gets around are timed with the fastest
thing that PyTorch has for each, and summed:

- the matrix products, through ``torch.mm`` into tensors that exist already;
- the exponentials, through ``torch.exp`` on a buffer that stays in cache: one for each channel,
  state and token of the scans, and one for each SiLU (those of the softplus are not counted);
- the traffic, as a copy of 256 MB, read and write both counted (512 MB moved). Per level and
  pixel it is eleven tables of the network's width: each branch reads its input, writes what
  its block gives, reads that again to normalize it and writes it (four, twice), the fusion reads
  both and writes one (three). The scene is read once and the logits are written once.

At 610 x 340 pixels, 103 bands, 9 classes and width 128: 84.5 GFLOP, 2.6 G exponentials,
1.63 GB.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from benchmarks.common.work import Work, work
from benchmarks.cpu.settings import Settings
from benchmarks.cpu.timing import Result, Row, in_turn, workers
from mambahsi.scan import set_threads

COPIED = 256_000_000
"""Bytes of the copy."""
CACHED = 2**15
"""Floats of the exponentials' buffer: with the result 256 KB, and large enough for the calls
themselves to cost nothing."""


@dataclass(frozen=True)
class Floor:
    """Best seconds of each kind of work."""

    products: float
    exponentials: float
    traffic: float

    @property
    def total(self) -> float:
        """Their sum."""
        return self.products + self.exponentials + self.traffic


def measure(needed: Work, rounds: int) -> Floor:
    """Time the work on one thread, the best of so many rounds."""
    set_threads(1)
    inputs = max(m * k for m, k, _ in needed.products)
    outputs = max(m * n for m, _, n in needed.products)
    table, target = torch.rand(inputs), torch.empty(outputs)
    products = [
        (table[: m * k].view(m, k), torch.rand(k, n), target[: m * n].view(m, n))
        for m, k, n in needed.products
    ]

    def multiply() -> None:
        for left, right, out in products:
            torch.mm(left, right, out=out)

    buffer, result = torch.rand(CACHED), torch.empty(CACHED)

    def exponentiate() -> None:
        for _ in range(needed.exponentials // CACHED):
            torch.exp(buffer, out=result)
        rest = needed.exponentials % CACHED
        torch.exp(buffer[:rest], out=result[:rest])

    source = torch.zeros(COPIED // 4)
    copy = torch.zeros(COPIED // 4)
    times: list[list[float]] = [[], [], []]
    for _ in range(rounds):
        times[0].append(_seconds(multiply))
        times[1].append(_seconds(exponentiate))
        times[2].append(_seconds(lambda: copy.copy_(source)))
    best = [min(some) for some in times]
    return Floor(best[0], best[1], best[2] * needed.traffic / (2 * COPIED))


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def run(settings: Settings) -> Result:
    """Measure the floor and the network beside it, at both sizes."""
    result = Result()
    for name, (rows, columns) in {"size": settings.size, "large": settings.large}.items():
        size = {"rows": rows, "columns": columns, "bands": settings.bands}
        size |= {"width": settings.width, "classes": settings.classes}
        needed = work(**size)
        pixels = rows * columns
        with workers({"ours": size | {"kind": "ours", "threads": 1}}) as ready:
            inference = in_turn(ready, "inference", settings.rounds)["ours"]
            training = in_turn(ready, "training", settings.rounds)["ours"]
        floor = measure(needed, settings.floor_rounds)
        parts = (
            (f"products, {needed.operations / 1e9:.1f} GFLOP", floor.products),
            (f"exponentials, {needed.exponentials / 1e9:.2f} G", floor.exponentials),
            (f"traffic, {needed.traffic / 1e9:.2f} GB", floor.traffic),
        )
        for what, seconds in parts:
            result.rows.append(Row(f"floor: {what}", pixels, 1, seconds))
        result.rows.append(Row("floor: sum", pixels, 1, floor.total))
        for task, timing, floors in (("inference", inference, 1), ("training", training, 4)):
            ratio = timing.median / (floors * floor.total)
            result.figures[f"{task}_{name}"] = ratio
            text = f"{ratio:.2f} times {'the floor' if floors == 1 else 'four floors'}"
            result.rows.append(Row.of(f"MambaHSI, {task}", timing, pixels, 1, text))
    return result
