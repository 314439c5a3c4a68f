"""The threads that the compiled kernels run on.

A pool of plain Python threads: the kernels and PyTorch's matrix products release the
interpreter lock, so the threads do run at once, and each thread of the
pool does its matrix products alone, so the pool and PyTorch's own threads do not compete.

Work is always divided by position, never by who is free first: for one number of threads
the sums are added in one order, and a training repeats bit for bit.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from pathlib import Path

import torch

from mambahsi import cancellation
from mambahsi.allocator import give_back_large_blocks

_pool: ThreadPoolExecutor | None = None
_count = 0

# One piece of work at a time: of two, each could hold a part of the pool and wait for the other.
_turn = threading.RLock()


def physical_cores() -> int:
    """Number of physical cores that this process may use; at least 1."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    logical = usable or 1
    siblings = _threads_per_core()
    return max(1, logical // siblings)


def _threads_per_core() -> int:
    """Hardware threads per core where Linux tells; 1 elsewhere (using all is then safe)."""
    try:
        path = Path("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list")
        text = path.read_text().strip()
    except OSError:
        return 1
    count = 0
    for part in text.split(","):
        first, _, last = part.partition("-")
        count += int(last or first) - int(first) + 1
    return max(1, count)


def set_threads(count: int = 0) -> int:
    """Set how many threads kernels and PyTorch use; 0 takes the physical cores.

    Returns:
        The number that is now in force.
    """
    global _pool, _count
    give_back_large_blocks()
    count = count or physical_cores()
    with _turn:
        if count != _count:
            if _pool is not None:
                _pool.shutdown()
            _pool = None
            if count > 1:
                _pool = ThreadPoolExecutor(count, "mambahsi-scan", initializer=_compute_alone)
                # Start every thread now: a thread that starts later would set PyTorch's
                # default number again.
                together = threading.Barrier(count)
                for future in [_pool.submit(together.wait) for _ in range(count)]:
                    future.result()
            _count = count
        torch.set_num_threads(count)
    return count


def _compute_alone() -> None:
    """Keep PyTorch's operations in this thread of the pool."""
    # PyTorch gives each thread the default number when it first needs one. Asking for it lets
    # that happen now; later, it would undo what is set here.
    torch.get_num_threads()
    torch.set_num_threads(1)


def thread_count() -> int:
    """How many threads kernels use now."""
    return _count or set_threads()


class Member:
    """One of the threads that work on something together.

    Attributes:
        number: Its number, from 0.
        count: How many there are.
    """

    def __init__(self, number: int, count: int, barrier: threading.Barrier | None) -> None:
        self.number = number
        self.count = count
        self._barrier = barrier

    def wait(self) -> None:
        """Go on when all members have come here; a place to look at the cancel flag, too.

        Raises:
            Cancelled: A stop was asked for.
        """
        cancellation.raise_if_requested()
        if self._barrier is not None:
            self._barrier.wait()

    def share(self, total: int, unit: int = 1) -> tuple[int, int]:
        """Start and end of this member's part of ``total`` items, in whole units."""
        units = -(-total // unit)
        start = units * self.number // self.count * unit
        stop = units * (self.number + 1) // self.count * unit
        return min(start, total), min(stop, total)


SOLO = Member(0, 1, None)
"""Who works alone."""


def work_together(work: Callable[[Member], None]) -> None:
    """Let every thread do its part of some work, at once, and return when all are done.

    Raises:
        Exception: What was raised in one of the threads; the others are stopped where they
            next wait.
    """
    with _turn:
        count = thread_count()
        if _pool is None:
            work(SOLO)
        else:
            _divide(_pool, count, work)


def _divide(pool: ThreadPoolExecutor, count: int, work: Callable[[Member], None]) -> None:
    barrier = threading.Barrier(count)

    def part(number: int) -> None:
        try:
            work(Member(number, count, barrier))
        except BaseException:
            barrier.abort()
            raise

    # All of them must have ended before an error is raised: they share buffers.
    futures: list[Future[None]] = []
    try:
        for number in range(count):
            futures.append(pool.submit(part, number))
        errors = [error for future in futures if (error := future.exception()) is not None]
    except BaseException:
        # An interrupt from the keyboard comes here, maybe before all parts have begun. Those
        # that have would wait for the others for ever.
        barrier.abort()
        wait_for(futures)
        raise
    for error in errors:
        if not isinstance(error, threading.BrokenBarrierError):
            raise error
    if errors:
        raise errors[0]
