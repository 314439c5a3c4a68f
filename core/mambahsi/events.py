"""The engine's side of the conversation with QGIS: one JSON object a line.

Every line has an ``event``: ``progress``, ``metric``, ``log``, ``warning``, ``result`` or
``error``. The last line of a job is its ``result`` or its ``error``. The stream is written
from several threads, so a line is always written whole and at once. A reader that has gone
away means that nobody wants the result any more: the job is cancelled.
"""

from __future__ import annotations

import json
import math
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any, TextIO

from mambahsi import cancellation
from mambahsi.errors import Cancelled
from mambahsi.feedback import Feedback

PROGRESS_INTERVAL = 0.1
"""Seconds between two ``progress`` events; the ones between are dropped."""


class EventFeedback(Feedback):
    """Writes what running work tells as JSON lines.

    Args:
        stream: Text stream that receives the lines; UTF-8.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._told = -math.inf

    def progress(self, fraction: float, message: str = "") -> None:
        now = time.monotonic()
        if now - self._told < PROGRESS_INTERVAL and fraction < 1.0:
            return
        self._told = now
        fraction = min(max(fraction, 0.0), 1.0)
        self._write({"event": "progress", "fraction": fraction, "message": message})

    def metric(self, **values: float | int | str | None) -> None:
        self._write({"event": "metric", **values})

    def log(self, message: str) -> None:
        self._write({"event": "log", "message": message})

    def warning(self, message: str) -> None:
        self._write({"event": "warning", "message": message})

    def result(self, values: Mapping[str, Any]) -> None:
        """Tell that the job is done, and what came of it."""
        self._write({"event": "result", **values})

    def error(self, code: str, message: str, hint: str) -> None:
        """Tell that the job failed, and why."""
        self._write({"event": "error", "code": code, "message": message, "hint": hint})

    def _write(self, event: Mapping[str, Any]) -> None:
        line = json.dumps(plain(event), ensure_ascii=False, allow_nan=False) + "\n"
        with self._lock:
            try:
                self._stream.write(line)
                self._stream.flush()
            except (OSError, ValueError):
                # The pipe is broken or closed: nobody listens any more.
                cancellation.request()


def plain(value: Any) -> Any:
    """The value with what JSON cannot say replaced: figures that are not finite by None.

    Accepts NumPy's scalars and paths, too.
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if hasattr(value, "item"):
        return plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value)


def describe_failure(error: BaseException) -> tuple[str, str, str, int]:
    """What to tell about an exception that ended a job.

    Returns:
        Stable code, message, hint, and exit status of the process. Code ``internal`` marks
        a defect of the engine.
    """
    if isinstance(error, KeyboardInterrupt):
        error = Cancelled()
    if isinstance(getattr(error, "code", None), str) and hasattr(error, "exit_status"):
        return error.code, error.message, error.hint, error.exit_status  # type: ignore[attr-defined]
    if _out_of_memory(error):
        return (
            "resource",
            f"The memory ran out: {_first_line(error)}",
            "Close other programs, take preset 'compact' or another device, or use a smaller "
            "part of the scene.",
            1,
        )
    if isinstance(error, ModuleNotFoundError):
        return (
            "engine",
            f"The engine's Python {sys.executable} lacks the package {error.name}.",
            "Install the engine's packages there, or choose another Python for the engine.",
            1,
        )
    return (
        "internal",
        f"{type(error).__name__}: {_first_line(error)}",
        "This is a defect of the engine; the log holds the details. Please report it.",
        70,
    )


def _out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    # PyTorch's CPU allocator raises a plain RuntimeError.
    return isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)


def _first_line(error: BaseException) -> str:
    return (str(error) or "no further detail").splitlines()[0]
