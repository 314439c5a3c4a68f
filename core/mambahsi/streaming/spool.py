"""The folder in which a streamed classification keeps what lies between its passes.

Beside the map ``MAP`` lies ``MAP.unfinished`` for as long as the classification runs. In it are
tables of features (:mod:`~mambahsi.streaming.tables`), and ``progress.safetensors``, which says
how far the work has come: it is replaced as a whole every few seconds, and what the tables hold
beyond it counts for nothing. So a process that is killed, or whose machine runs out of memory,
leaves a folder from which the next run of the very same classification goes on. *The very
same* is told by a fingerprint: the model's digest, the scene's files, bands and settings. A
folder with another fingerprint is of no use to anybody any more, and is emptied.

A folder from before the machine was last started is emptied, too: the progress may have
reached the disk and the tables it speaks of not.

However a run ends otherwise (done, failed, cancelled), it removes its folder. As long as it
runs it holds a lock that its death releases, so that a second run for the same map is refused.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from mambahsi import outputs
from mambahsi.errors import OutputError
from mambahsi.feedback import Feedback
from mambahsi.streaming.locks import FileLock
from mambahsi.streaming.tables import FileTable, MemoryTable, Table, spooling

FORMAT_VERSION = 2
SAVE_SECONDS = 3.0
"""Seconds of work that a killed run loses at most, and the strip it was at."""

_KEY = "mambahsi-unfinished"
_STATE = "progress.safetensors"
_LOCK = "lock"
_SUFFIX = ".table"
_CLOCK_TOLERANCE = 30.0
"""Seconds by which the moment of the machine's start may differ between two measurements."""


@dataclass
class Progress:
    """How far a classification has come.

    Attributes:
        stage: Number of the stage that is worked on.
        row: First row of its grid that is not done.
        tensors: What the stage and those to come need of the rows done.
    """

    stage: int = 0
    row: int = 0
    tensors: dict[str, Tensor] = field(default_factory=dict)


class Spool:
    """The folder of one running classification. Use it as a context manager.

    Args:
        target: Path of the map.
        fingerprint: What must be the same to go on with what lies there; plain values.
        feedback: Is told what is found.
        in_memory: Whether the tables are kept in main memory, so that nothing is left to go on
            with.

    Raises:
        OutputError: Another run works on the same map.
        ResourceError: The folder cannot be made.
    """

    def __init__(
        self,
        target: Path,
        fingerprint: Mapping[str, Any],
        feedback: Feedback,
        in_memory: bool = False,
    ) -> None:
        self.folder = spool_path(target)
        self.progress = Progress()
        self._fingerprint = json.loads(json.dumps(fingerprint))
        self._tables: dict[str, Table] = {}
        self._in_memory = in_memory
        self._saved = time.monotonic()
        self._removing = threading.RLock()
        self._removed = False
        if self.folder.is_symlink() or (self.folder.exists() and not self.folder.is_dir()):
            raise OutputError(
                f"{self.folder}: this is a file, where a folder for temporary files is needed.",
                "Rename it, or choose another file for the map.",
            )
        with spooling(self.folder):
            self.folder.mkdir(exist_ok=True)
            self._lock = FileLock(self.folder / _LOCK)
            if not self._lock.acquire():
                raise OutputError(
                    f"{target}: another run is writing this map at the moment.",
                    "Wait for its end, or choose another file.",
                )
        outputs.watch(self)
        try:
            self._take_over(feedback)
        except BaseException:
            self.remove_all()
            raise

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove_all()

    def table(self, name: str, rows: int, width: int, dtype: torch.dtype = torch.float32) -> Table:
        """A table, new or as it was left.

        Args:
            name: Tells it from the others.
            rows: How many there will be.
            width: Numbers in a row.
            dtype: Their type.
        """
        if name not in self._tables:
            self._tables[name] = (
                MemoryTable(name, rows, width, dtype)
                if self._in_memory
                else FileTable(self._table_path(name), width, dtype)
            )
        return self._tables[name]

    def drop(self, *names: str) -> None:
        """Remove tables that are needed no more, and give their space free."""
        for name in names:
            if name in self._tables:
                self._tables.pop(name).close()
            with suppress(OSError):
                self._table_path(name).unlink(missing_ok=True)

    def is_save_due(self) -> bool:
        """Whether the last time that the progress was saved is some seconds ago."""
        return not self._in_memory and time.monotonic() - self._saved >= SAVE_SECONDS

    def save(self) -> None:
        """Write the progress.

        Raises:
            ResourceError: The disk is full, or fails.
        """
        if self._in_memory:
            return
        header = {
            "version": FORMAT_VERSION,
            "fingerprint": self._fingerprint,
            "started": _machine_start(),
            "stage": self.progress.stage,
            "row": self.progress.row,
        }
        tensors = {name: value.contiguous() for name, value in self.progress.tensors.items()}
        content = safetensors.torch.save(tensors, metadata={_KEY: json.dumps(header)})
        with spooling(self.folder):
            new = self.folder / f"{_STATE}.new"
            new.write_bytes(content)
            new.replace(self.folder / _STATE)
        self._saved = time.monotonic()

    def size(self) -> int:
        """Bytes that its files take on the disk."""
        return sum(path.stat().st_size for path in self.folder.glob(f"*{_SUFFIX}"))

    def remove_all(self) -> None:
        """Remove the folder; may be called from any thread, at any time, again."""
        outputs.unwatch(self)
        with self._removing:
            if self._removed:
                return
            self._removed = True
            for table in self._tables.values():
                table.close()
            self._empty()
            # Windows does not remove an open file; elsewhere, whoever opens it now finds out
            # that it is not in its place any more.
            self._lock.remove()
            with suppress(OSError):
                self.folder.rmdir()

    def _table_path(self, name: str) -> Path:
        return self.folder / f"{name}{_SUFFIX}"

    def _empty(self) -> None:
        """Remove our files; whatever else somebody put there stays."""
        for path in [*self.folder.glob(f"{_STATE}*"), *self.folder.glob(f"*{_SUFFIX}")]:
            with suppress(OSError):
                path.unlink()

    def _take_over(self, feedback: Feedback) -> None:
        """Go on from what lies in the folder, or empty it."""
        if not any(self.folder.glob(f"*{_SUFFIX}")) and not (self.folder / _STATE).exists():
            return
        reason = (
            "this run keeps its features in main memory"
            if self._in_memory
            else self._read_progress(feedback)
        )
        if not reason:
            return
        feedback.log(
            f"Removed {self.folder}, left by a run that was killed and of no use here: {reason}."
        )
        self._empty()

    def _read_progress(self, feedback: Feedback) -> str:
        """Read what is there; empty if it fits this run, else why it does not."""
        try:
            with safe_open(self.folder / _STATE, framework="pt") as file:
                header = json.loads((file.metadata() or {})[_KEY])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError, KeyError, ValueError):
            return "it had not come far enough"
        if header["version"] != FORMAT_VERSION:
            return "it is of another version of the engine"
        differences = [
            name for name, value in self._fingerprint.items()
            if header["fingerprint"].get(name) != value
        ]  # fmt: skip
        if differences:
            return f"it had another {', '.join(differences)}"
        if abs(header["started"] - _machine_start()) > _CLOCK_TOLERANCE:
            return "the computer was restarted since"
        self.progress = Progress(header["stage"], header["row"], tensors)
        feedback.log(
            f"Going on with {self.folder}, left by a run that was killed: passes done: "
            f"{header['stage']}, rows of the next: {header['row']}."
        )
        return ""


def spool_path(target: Path) -> Path:
    """The folder that belongs to a map."""
    return Path(f"{os.fspath(target)}.unfinished")


def _machine_start() -> float:
    """When the machine was started, in seconds since 1970."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    running = time.monotonic() if clock is None else time.clock_gettime(clock)
    return time.time() - running
