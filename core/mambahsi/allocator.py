"""Giving memory back to the system as soon as a tensor is gone, or keeping it for the next time.

The allocator of Linux's C library keeps freed blocks for later, and from ever larger blocks on
once a program frees large ones. A training step frees and asks for tables of many sizes, whose
remains then lie about between others: a quarter of its peak was such memory.

Memory that was given back comes page by page again, cleared, when it is first written to. On
tables as long as a scene inference lost a fifteenth of its time to that. So what makes one map
after the other, of windows or of the same scene, may keep its tables in between.
"""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

LARGE_BLOCK = 4 * 2**20
"""Bytes from which on a block is a mapping of its own, given back when it is freed."""

LARGEST_SPARE = 2**29
"""Bytes that are kept at most."""

_M_MMAP_THRESHOLD = -3


def give_back_large_blocks() -> None:
    """Fix the size of blocks that are given back at once, where the C library lets itself be
    told; elsewhere nothing changes."""
    if not sys.platform.startswith("linux"):
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(_M_MMAP_THRESHOLD, LARGE_BLOCK)


class SpareTables:
    """Tables that were lent, and wait to be lent again."""

    def __init__(self) -> None:
        self._spare: list[Tensor] = []
        self._change = threading.Lock()

    @contextmanager
    def lending(self) -> Iterator[Callable[[int, int], Tensor]]:
        """Give a function that lends tables to be written, float32 (rows, columns), until the
        end of the ``with`` statement; nothing that shares their memory may be used behind it."""
        lent: list[Tensor] = []

        def lend(rows: int, columns: int) -> Tensor:
            memory = self._fitting(rows * columns)
            if memory is None:
                # What does not fit is gone before more is asked for.
                self.drop()
                memory = torch.empty(rows * columns, dtype=torch.float32)
            lent.append(memory)
            return memory[: rows * columns].view(rows, columns)

        yield lend
        if sum(memory.nbytes for memory in lent) <= LARGEST_SPARE:
            with self._change:
                self._spare = lent

    def drop(self) -> None:
        """Give back what is spare."""
        with self._change:
            self._spare = []

    def _fitting(self, size: int) -> Tensor | None:
        """Spare memory for so many numbers and not for twice as many, which is then spare no
        more."""
        with self._change:
            for place, memory in enumerate(self._spare):
                if size <= memory.numel() < 2 * max(size, 1):
                    return self._spare.pop(place)
        return None


spare_tables = SpareTables()
"""Those of inference. They are dropped before a budget is drawn up, and before a training."""
