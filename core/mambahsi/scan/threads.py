"""The threads that the compiled kernels run on.

A pool of plain Python threads: the kernels release the interpreter lock, so the threads do run
at once, and what a thread of the pool leaves to PyTorch it does alone, so the pool and PyTorch's
own threads do not compete.

How they divide work is told in :mod:`mambahsi.scan.pipeline`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from pathlib import Path

import torch

from mambahsi.allocator import give_back_large_blocks
from mambahsi.scan.pipeline import Pipeline, Stopped

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


def work_together(work: Callable[[Pipeline], None]) -> None:
    """Let every thread do the same work, at once, and return when all are done.

    What they share, and divide the work by, is the pipeline.

    Raises:
        Exception: What was raised in one of the threads; the others are stopped where they
            next wait or ask for more.
    """
    with _turn:
        count = thread_count()
        if _pool is None:
            work(Pipeline(1))
        else:
            _divide(_pool, count, work)


def _divide(pool: ThreadPoolExecutor, count: int, work: Callable[[Pipeline], None]) -> None:
    pipeline = Pipeline(count)

    def share() -> None:
        try:
            work(pipeline)
        except BaseException:
            pipeline.stop()
            raise

    # All of them must have ended before an error is raised: they share buffers.
    futures: list[Future[None]] = []
    try:
        for _ in range(count):
            futures.append(pool.submit(share))
        errors = [error for future in futures if (error := future.exception()) is not None]
    except BaseException:
        # An interrupt from the keyboard comes here, maybe before all have begun. Those that
        # have would wait for the others, or go on for long.
        pipeline.stop()
        wait_for(futures)
        raise
    for error in errors:
        if not isinstance(error, Stopped):
            raise error
    if errors:
        raise errors[0]
