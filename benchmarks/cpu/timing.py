"""Contenders started and told to run in turn, and the medians of what they took."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmarks.common.folders import ROOT


class Worker:
    """A contender's process. Use it in a ``with`` statement, which ends it."""

    def __init__(self, values: Mapping[str, Any], environment: Mapping[str, str] | None = None):
        """Start it; :meth:`wait` for it before its first task.

        Args:
            values: What :func:`benchmarks.cpu.contender.build` takes.
            environment: Variables set beside the present ones.
        """
        command = [sys.executable, "-m", "benchmarks.cpu.contender", json.dumps(values)]
        self.name = str(values["kind"])
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | dict(environment or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def wait(self) -> dict[str, Any]:
        """The answer to what was sent, or the sign that it is ready.

        Raises:
            SystemExit: It ended; what it wrote says why.
        """
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"Contender {self.name} ended with {self._process.wait()}.")
        return json.loads(line)

    def send(self, **request: Any) -> None:
        """Tell it to do something, and do not wait."""
        assert self._process.stdin is not None
        print(json.dumps(request), file=self._process.stdin, flush=True)

    def ask(self, **request: Any) -> dict[str, Any]:
        """Tell it to do something, and wait for the answer."""
        self.send(**request)
        return self.wait()

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind:
            self._process.kill()
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


@contextmanager
def workers(
    contenders: Mapping[str, Mapping[str, Any]],
    environments: Mapping[str, Mapping[str, str]] | None = None,
) -> Iterator[dict[str, Worker]]:
    """Contenders by name, started one after the other and ready."""
    with ExitStack() as stack:
        started = {}
        for name, values in contenders.items():
            environment = (environments or {}).get(name)
            started[name] = stack.enter_context(Worker(values, environment))
            started[name].wait()
        yield started


@dataclass
class Timing:
    """Durations of the same thing, run several times; seconds.

    Attributes:
        wall: By the clock.
        cpu: Of the process on all processors.
    """

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def add(self, answer: Mapping[str, list[float]]) -> None:
        """Take over what a contender measured."""
        self.wall += answer["wall"]
        self.cpu += answer["cpu"]

    @property
    def median(self) -> float:
        """By the clock."""
        return statistics.median(self.wall)

    @property
    def cpu_median(self) -> float:
        """On all processors."""
        return statistics.median(self.cpu)


def in_turn(contenders: Mapping[str, Worker], task: str, rounds: int) -> dict[str, Timing]:
    """Run all contenders in turn, so many rounds, after one run of each that does not count."""
    timings = {name: Timing() for name in contenders}
    for worker in contenders.values():
        worker.ask(task=task)
    for _ in range(rounds):
        for name, worker in contenders.items():
            timings[name].add(worker.ask(task=task))
    return timings


def largest_difference(file: Path, other: Path) -> float:
    """Largest difference of two arrays in files."""
    import numpy as np

    return float(np.abs(np.load(file) - np.load(other)).max())


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes:
        what: What ran.
        pixels: Pixels of the scene; 0 where that means nothing.
        threads: Threads, or processes times threads as text.
        wall: Median seconds by the clock, or None.
        cpu: Median seconds on all processors, or None.
        figure: What follows, in words.
    """

    what: str
    pixels: int = 0
    threads: int | str = 1
    wall: float | None = None
    cpu: float | None = None
    figure: str = ""

    @classmethod
    def of(
        cls, what: str, timing: Timing, pixels: int, threads: int | str = 1, figure: str = ""
    ) -> Row:
        """The line of a timing."""
        return cls(what, pixels, threads, timing.median, timing.cpu_median, figure)


@dataclass
class Result:
    """What a part found.

    Attributes:
        rows: Lines of the table.
        figures: Values that the bar is about, by name.
        notes: What has to be said beside.
    """

    rows: list[Row] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
