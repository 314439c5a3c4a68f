"""One flag, seen by every thread, that says the user wants to stop.

Long work asks for it often: training between the chunks of a kernel, reading and writing
between windows. It is process-wide because the engine runs one job per process.
"""

from __future__ import annotations

import threading

from mambahsi.errors import Cancelled

_requested = threading.Event()


def request() -> None:
    """Ask everything that runs in this process to stop."""
    _requested.set()


def reset() -> None:
    """Forget an earlier request, before another job starts in the same process."""
    _requested.clear()


def requested() -> bool:
    """Whether a stop was asked for."""
    return _requested.is_set()


def wait() -> None:
    """Sleep until a stop is asked for."""
    _requested.wait()


def raise_if_requested() -> None:
    """Stop here if the user asked for it.

    Raises:
        Cancelled: A stop was asked for.
    """
    if _requested.is_set():
        raise Cancelled
