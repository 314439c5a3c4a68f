"""Tables in files, or in main memory: rows of numbers, written and read in parts.

Files are read and written plainly, not mapped: pages of a map count as the process's memory for
as long as it exists, and a disk that is full would end the process by a signal, not an error.
"""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from mambahsi.devices import gigabytes_text
from mambahsi.errors import ResourceError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Buffers:
    """Memory that one strip after the other uses.

    Large tensors come from the operating system and go back to it; to touch such memory for the
    first time costs more than to compute with it.

    Args:
        device: Where it is.
        locked: Whether it is page-locked, so that a GPU copies from it by itself.
    """

    def __init__(self, device: torch.device | None = None, locked: bool = False) -> None:
        self._kept: dict[str, Tensor] = {}
        self._device = device
        self._locked = locked

    def take(self, name: str, rows: int, width: int, dtype: torch.dtype = torch.float32) -> Tensor:
        """A table (rows, width) of anything, valid until the next of this name is taken."""
        kept = self._kept.get(name)
        if kept is None or kept.numel() < rows * width:
            self._kept.pop(name, None)
            kept = self._kept[name] = torch.empty(
                rows * width, dtype=dtype, device=self._device, pin_memory=self._locked
            )
        return kept[: rows * width].view(rows, width)

    def clear(self) -> None:
        """Give all of it back."""
        self._kept.clear()


class Table(Protocol):
    """Rows of numbers, wherever they are kept.

    Attributes:
        name: Tells it from the others.
    """

    name: str

    def write(self, start: int, rows: Tensor) -> None:
        """Write rows from row ``start`` on."""

    def read(self, start: int, stop: int, buffers: Buffers | None = None) -> Tensor:
        """Rows from ``start`` up to ``stop``, in a buffer of the table's name if there are any."""

    def pick(self, numbers: np.ndarray) -> Tensor:
        """The rows of these numbers, int64 (n,), ascending."""

    def close(self) -> None:
        """Give back what it takes; a second time is harmless."""


class MemoryTable:
    """Rows in main memory.

    Args:
        name: Tells it from the others.
        rows: How many there will be.
        width: Numbers in a row.
        dtype: Their type.
    """

    def __init__(self, name: str, rows: int, width: int, dtype: torch.dtype) -> None:
        self.name = name
        self._rows = torch.empty(rows, width, dtype=dtype)

    def write(self, start: int, rows: Tensor) -> None:
        """Write rows from row ``start`` on."""
        self._rows[start : start + len(rows)] = rows

    def read(self, start: int, stop: int, buffers: Buffers | None = None) -> Tensor:
        """Rows from ``start`` up to ``stop``, in a buffer of the table's name if there are any."""
        rows = self._rows[start:stop]
        shape = rows.shape[0], rows.shape[1]
        return (buffers or Buffers()).take(self.name, *shape, rows.dtype).copy_(rows)

    def pick(self, numbers: np.ndarray) -> Tensor:
        """The rows of these numbers, int64 (n,), ascending."""
        return self._rows[torch.from_numpy(numbers)]

    def close(self) -> None:
        """Give back the memory."""
        self._rows = self._rows[:0].clone()


class FileTable:
    """A file of rows, open for reading and writing.

    Args:
        path: The file; made where it is missing, kept where it exists.
        width: Numbers in a row.
        dtype: Their type.

    Raises:
        ResourceError: It cannot be made.
    """

    def __init__(self, path: Path, width: int, dtype: torch.dtype) -> None:
        self.name = path.name
        self._path = path
        self._width = width
        self._dtype = dtype
        self._row_bytes = width * dtype.itemsize
        with spooling(path.parent):
            path.touch()
            self._file = path.open("r+b", buffering=0)

    def write(self, start: int, rows: Tensor) -> None:
        """Write rows from row ``start`` on.

        Raises:
            ResourceError: The disk is full, or fails.
        """
        data = rows.detach().contiguous().view(-1).numpy().view(np.uint8).data
        with spooling(self._path.parent):
            self._file.seek(start * self._row_bytes)
            while len(data):
                data = data[self._file.write(data) :]

    def read(self, start: int, stop: int, buffers: Buffers | None = None) -> Tensor:
        """Rows from ``start`` up to ``stop``, in a buffer of the table's name if there are any.

        Raises:
            ResourceError: They are not there any more, or the disk fails.
        """
        rows = (buffers or Buffers()).take(self.name, stop - start, self._width, self._dtype)
        data = rows.view(-1).numpy().view(np.uint8).data
        with spooling(self._path.parent):
            self._file.seek(start * self._row_bytes)
            while len(data):
                count = self._file.readinto(data)
                if not count:
                    raise OSError(errno.EIO, f"{self.name} is too short")
                data = data[count:]
        return rows

    def pick(self, numbers: np.ndarray) -> Tensor:
        """The rows of these numbers, which lie close together in most cases.

        Args:
            numbers: int64 (n,), ascending.
        """
        if not len(numbers):
            return torch.empty(0, self._width, dtype=self._dtype)
        found = torch.empty(len(numbers), self._width, dtype=self._dtype)
        # Runs without large gaps are read in one go; what lies in a gap is read for nothing.
        ends = np.flatnonzero(np.diff(numbers) > _GAP) + 1
        filled = 0
        for run in np.split(numbers, ends):
            rows = self.read(int(run[0]), int(run[-1]) + 1)
            found[filled : filled + len(run)] = rows[torch.from_numpy(run - run[0])]
            filled += len(run)
        return found

    def close(self) -> None:
        """Close the file; closing twice is harmless."""
        self._file.close()


_GAP = 256
"""Rows that are read for nothing rather than skipped."""


@contextmanager
def spooling(folder: Path) -> Iterator[None]:
    """Turn failures of the file system below ``folder`` into named errors.

    Raises:
        ResourceError: An ``OSError`` was raised inside.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno not in _FULL:
            raise ResourceError(
                f"{folder}: temporary files cannot be kept there ({reason}).",
                "Choose another folder for the map, or raise the memory budget.",
            ) from error
        free = shutil.disk_usage(folder.parent).free
        raise ResourceError(
            f"{folder}: the disk is full ({reason}); {gigabytes_text(free)} are free.",
            "Free some space, choose a folder on another disk for the map, or raise the memory "
            "budget. What was there for now is removed.",
        ) from error
