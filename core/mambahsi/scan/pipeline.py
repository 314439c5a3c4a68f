"""How several threads go through the parts of a scene at once.

Parts are handed out in their order, each to whoever is free. So a core that is slower than the
others, or busy with another program, takes fewer, and nobody has to wait for the slowest at
the end of every part.

What a part needs of the one before it, such as the scan's state, is handed over in *turns*:
one stage of the work on a part waits until the same stage is done for the part before.
Everything else runs at once, and soon out of step, so that hardly anybody waits. Because turns
are the parts' order, never the threads', whatever is added up in turns is added in one order:
a result does not depend on who took which part, nor on how many threads there are.

With as many threads that the stage in turns becomes the slowest one, they would all wait for
it. So it is divided, too: into groups of channels, each with turns of its own. With g groups,
whose stage takes a share s of the time for a part, up to g / s threads find something to do.
The scan's share is a sixth to a third, and there is a group for every two threads.
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
