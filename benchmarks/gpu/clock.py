"""Durations and peaks of memory on a device, and contenders that run in turn."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from mambahsi.devices import is_out_of_memory, release_memory

Work = Callable[[], object]

LEAST = 0.005
"""Seconds that a timed run lasts at least; shorter work is repeated, so that starting it does
not count."""

MOST_REPEATS = 50

ENOUGH = 3.0
"""Seconds of timed runs after which a contender gets no more rounds than :data:`FEWEST`."""

FEWEST = 3


class Clock:
    """Times work on one device."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def seconds(self, work: Work, repeats: int = 1) -> float:
        """Duration of one run, by the card's events where there is a card."""
        if self.device.type != "cuda":
            started = time.perf_counter()
            for _ in range(repeats):
                work()
            return (time.perf_counter() - started) / repeats
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        torch.cuda.synchronize(self.device)
        stream = torch.cuda.current_stream(self.device)
        start.record(stream)
        for _ in range(repeats):
            work()
        end.record(stream)
        end.synchronize()
        return float(start.elapsed_time(end)) / 1000 / repeats

    def in_turn(
        self, contenders: Mapping[str, Work], rounds: int, warm_up: int
    ) -> dict[str, float | Failure]:
        """Median duration of each, run in turn; or why there is none."""
        found: dict[str, float | Failure] = {}
        repeats: dict[str, int] = {}
        for name, work in contenders.items():
            try:
                for _ in range(warm_up):
                    work()
                once = self.seconds(work)
                repeats[name] = max(1, min(MOST_REPEATS, math.ceil(LEAST / max(once, 1e-9))))
            except Exception as error:
                found[name] = self.failure(error)
        times: dict[str, list[float]] = {name: [] for name in repeats}
        for number in range(rounds):
            for name in list(times):
                if number >= FEWEST and sum(times[name]) * repeats[name] > ENOUGH:
                    continue
                try:
                    times[name].append(self.seconds(contenders[name], repeats[name]))
                except Exception as error:
                    found[name] = self.failure(error)
                    del times[name]
        return found | {name: statistics.median(some) for name, some in times.items()}

    def peak(self, make: Callable[[], Work]) -> int | Failure:
        """Bytes that work has taken at its peak, its inputs and weights included.

        Args:
            make: Makes it, with everything that it needs and nothing else does.
        """
        if self.device.type != "cuda":
            return Failure("there is no card")
        self.clear()
        before = torch.cuda.memory_allocated(self.device)
        try:
            work = make()
            # What is compiled or tuned in the first run is not part of the second.
            work()
            torch.cuda.synchronize(self.device)
            torch.cuda.reset_peak_memory_stats(self.device)
            work()
            torch.cuda.synchronize(self.device)
            return torch.cuda.max_memory_allocated(self.device) - before
        except Exception as error:
            return self.failure(error)

    def failure(self, error: Exception) -> Failure:
        """What is told of an error, with the memory given back that it held.

        Raises:
            RuntimeError: The card's context is broken, so that nothing after this would count.
        """
        text = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        self.clear()
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return Failure("out of memory" if is_out_of_memory(error) else text)

    def clear(self) -> None:
        """Give back what nobody holds."""
        release_memory(self.device)


@dataclass(frozen=True)
class Failure:
    """Why there is no figure.

    Attributes:
        why: In words.
    """

    why: str
