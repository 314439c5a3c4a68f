"""How several threads go through the parts of a scene at once.

Parts are handed out in their order, each to whoever is free. So a core that is slower than the
others, or busy with another program, takes fewer, and nobody has to wait for the slowest at
the end of every part.

What a part needs of the one before it, such as the scan's state, is handed over in *turns*:
one stage of the work on a part waits until the same stage is done for the part before.
Everything else runs at once, and soon out of step, so that hardly anybody waits. Because turns
are the parts' order, never the threads', whatever is added up in turns is added in one order:
a result does not depend on who took which part, nor on how many threads there are.

Where threads are many, they would all wait for the stage in turns. So it is divided into groups
of channels, one for every two threads, each with turns of its own. From the CPU time of every
stage on a scene of 610 x 340 pixels, 103 bands and width 128, parts thus gone through by 2, 8 and
16 threads take 1/1.99, 1/7.4 and 1/13.7 of one thread's time or less, the last parts' idle
threads included; what memory, caches and the interpreter's lock cost comes on top.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from mambahsi import cancellation

THREADS_PER_GROUP = 2


class Part(NamedTuple):
    """Some of the items that lie in a row.

    Attributes:
        number: Its place in the order in which parts are handed out, from 0.
        start: First item.
        stop: Item behind the last.
    """

    number: int
    start: int
    stop: int


class Stopped(Exception):
    """Another thread has failed."""


class Pipeline:
    """What the threads that go through something together share.

    Args:
        count: How many there are.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._changed = threading.Condition()
        self._given = 0
        self._done: defaultdict[Hashable, int] = defaultdict(int)
        self._stopped = False

    def parts(self, total: int, size: int, *, backward: bool = False) -> Iterator[Part]:
        """The parts that fall to the thread that asks; all threads ask for the same ones.

        Args:
            total: Number of items.
            size: Items of a part; the last one may have fewer.
            backward: Whether the last part comes first.

        Raises:
            Cancelled: A stop was asked for.
            Stopped: Another thread has failed.
        """
        parts = -(-total // size)
        while True:
            cancellation.raise_if_requested()
            with self._changed:
                self._go_on()
                number = self._given
                self._given += 1
            if number >= parts:
                return
            start = (parts - 1 - number if backward else number) * size
            yield Part(number, start, min(start + size, total))

    @contextmanager
    def turn(self, part: Part, *stage: Hashable) -> Iterator[None]:
        """What is written inside follows the same stage of the part before.

        Raises:
            Stopped: Another thread has failed.
        """
        with self._changed:
            while self._done[stage] < part.number:
                self._go_on()
                self._changed.wait()
            self._go_on()
        yield
        with self._changed:
            self._done[stage] = part.number + 1
            self._changed.notify_all()

    def groups(self, total: int) -> list[tuple[int, int]]:
        """First item, and item behind the last, of the groups that get turns of their own."""
        count = min(total, -(-self.count // THREADS_PER_GROUP))
        return [(total * i // count, total * (i + 1) // count) for i in range(count)]

    def stop(self) -> None:
        """Let all threads end where they next wait or ask for a part."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _go_on(self) -> None:
        if self._stopped:
            raise Stopped
