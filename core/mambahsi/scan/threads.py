"""The threads that the compiled kernels run on.

A pool of plain Python threads: the kernels and PyTorch's matrix products release the
interpreter lock, so the threads do run at once, and nothing depends on the threading
layers of Numba (one of which aborts the process on concurrent calls). Each thread of the
pool does its matrix products alone, so the pool and PyTorch's own threads do not compete.

Work is always divided by position, never by who is free first: for one number of threads
the sums are added in one order, and a training repeats bit for bit.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch

_pool: ThreadPoolExecutor | None = None
_count = 0


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
    count = count or physical_cores()
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


def run_slots(work: Callable[[int], None]) -> None:
    """Call ``work(slot)`` for every slot from 0 to ``thread_count() - 1``, at once.

    Returns when all are done; the first exception is raised then.
    """
    count = thread_count()
    if _pool is None:
        work(0)
        return
    slots = [_pool.submit(work, slot) for slot in range(count)]
    # All of them must have ended before an error is raised: they share buffers.
    for future in slots:
        future.exception()
    for future in slots:
        future.result()


def share(total: int, slot: int, unit: int = 1) -> tuple[int, int]:
    """Start and end of a slot's part of ``total`` items, in whole units."""
    units = -(-total // unit)
    count = thread_count()
    start = units * slot // count * unit
    stop = units * (slot + 1) // count * unit
    return min(start, total), min(stop, total)
