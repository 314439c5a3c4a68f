"""The way of rows between tables, which the main memory or the disk holds, and the device.

On the CPU a row is where it is read to. To and from a GPU it goes through page-locked memory,
from which the GPU fetches it while the processor does something else:

- What is read is copied up in the order of the kernels, so nothing waits for it but the reading
  of the next strip but one, which takes the same memory.
- What a strip gives is copied down behind its kernels, and written to its table when the next
  strip is on its way, so the GPU computes while the processor writes.

All copies are in the one stream of the kernels: beside the scan they take little, and so nothing
can be read before it is there. :meth:`Transfer.finish` comes before whoever relies on the tables.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import torch
from torch import Tensor

from mambahsi.devices import release_locked_memory
from mambahsi.streaming.tables import Buffers, Table

WAITING = 3
"""Tables' parts that wait to be written: what one strip gives."""


@dataclass(frozen=True, eq=False)
class _Write:
    table: Table
    start: int
    rows: Tensor
    room: Tensor
    copied: torch.cuda.Event | None


class Transfer:
    """Moves rows.

    Args:
        device: Where the network runs.
        staged: Whether rows take the way through other memory; only a test asks for it on the CPU.
    """

    def __init__(self, device: torch.device, staged: bool = False) -> None:
        self.device = device
        self._locked = device.type == "cuda"
        self._staged = staged or device.type != "cpu"
        self._read = Buffers(locked=self._locked)
        self._copied: dict[str, torch.cuda.Event | None] = {}
        self._rooms: list[Tensor] = []
        self._waiting: deque[_Write] = deque()

    def up(self, rows: Tensor) -> Tensor:
        """Rows of ordinary memory, on the device."""
        return rows.to(self.device)

    def read(self, table: Table, start: int, stop: int) -> Tensor:
        """Rows of a table on the device; valid until the next are read of the same table.

        Raises:
            ResourceError: They are not there any more, or the disk fails.
        """
        if not self._staged:
            return table.read(start, stop, self._read)
        before = self._copied.get(table.name)
        if before is not None:
            before.synchronize()
        rows = table.read(start, stop, self._read)
        found = torch.empty_like(rows, device=self.device, pin_memory=False)
        found.copy_(rows, non_blocking=True)
        self._copied[table.name] = self._mark()
        return found

    def write(self, table: Table, start: int, rows: Tensor) -> None:
        """Write rows of the device from row ``start`` of a table on, soon.

        Raises:
            ResourceError: The disk is full, or fails.
        """
        if not self._staged:
            table.write(start, rows)
            return
        rows = rows.detach().contiguous()
        room = self._room(rows.numel() * rows.element_size())
        target = room[: rows.numel() * rows.element_size()].view(rows.dtype).view(rows.shape)
        target.copy_(rows, non_blocking=True)
        self._waiting.append(_Write(table, start, target, room, self._mark()))
        while len(self._waiting) > WAITING:
            self._write_oldest()

    def finish(self) -> None:
        """Write all that waits.

        Raises:
            ResourceError: The disk is full, or fails.
        """
        while self._waiting:
            self._write_oldest()

    def clear(self) -> None:
        """Give all memory back; nothing may wait."""
        assert not self._waiting
        for copied in self._copied.values():
            if copied is not None:
                copied.synchronize()
        self._copied.clear()
        self._read.clear()
        self._rooms.clear()
        if self._locked:
            release_locked_memory()

    def _write_oldest(self) -> None:
        write = self._waiting.popleft()
        if write.copied is not None:
            write.copied.synchronize()
        write.table.write(write.start, write.rows)
        self._rooms.append(write.room)

    def _room(self, size: int) -> Tensor:
        """Page-locked memory of so many bytes, used before if there is any."""
        for number, room in enumerate(self._rooms):
            if len(room) >= size:
                return self._rooms.pop(number)
        # What is too small now stays so while strips grow, and would add up.
        self._rooms.clear()
        return torch.empty(size, dtype=torch.uint8, pin_memory=self._locked)

    def _mark(self) -> torch.cuda.Event | None:
        if not self._locked:
            return None
        event = torch.cuda.Event()
        event.record()
        return event
