"""Stopping in time, whether or not the job listens.

A stop is asked for by a line on standard input, by its end (the parent has died), or by a
signal. Running work looks at the flag of :mod:`mambahsi.cancellation` and raises
:class:`~mambahsi.errors.Cancelled`. Where it does not come to that within
:data:`GRACE` seconds, because a library is busy in one long call, the process is ended from
outside of the work: its temporary files are removed, the end is told, and it exits at once.
What is on disk is whole at every moment, since outputs and checkpoints come into being by a
rename, and nobody ends the process during one.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable

from mambahsi import cancellation
from mambahsi.errors import Cancelled

GRACE = 2.0
"""Seconds that a job has to stop by itself."""

FAREWELL_TIMEOUT = 10.0
"""Seconds that a forced end takes at most for renames under way, removals and telling."""


class Supervisor:
    """Watches over one job of this process.

    Cancels at SIGINT and SIGTERM, and ends the process by force at the second of them. Must
    be made in the main thread, before any other thread runs.

    Args:
        tell: Called once before a forced end, to tell that the job was cancelled.
    """

    def __init__(self, tell: Callable[[], None]) -> None:
        self._tell = tell
        self._ending = threading.Lock()
        self._watch_signals()
        self._start(self._watch_grace)

    def watch_stream(self, descriptor: int) -> None:
        """Cancel at a line ``cancel`` in this stream, and at its end."""

        def watch() -> None:
            # Unbuffered and not through sys.stdin, whose lock, held here while waiting, would
            # abort the interpreter at exit.
            with contextlib.suppress(OSError), open(descriptor, "rb", buffering=0) as stream:
                for line in stream:
                    if line.strip() == b"cancel":
                        break
            cancellation.request()

        self._start(watch)

    def finish(self) -> None:
        """Take over the end of the process: from now on, it is not ended by force."""
        self._ending.acquire()

    def _watch_signals(self) -> None:
        def received() -> None:
            if cancellation.requested():
                self._end()
            cancellation.request()

        if sys.platform == "win32":
            signal.signal(signal.SIGINT, lambda *_: received())
            return
        # A handler would wait for the main thread to leave its library call. A thread that
        # waits for the signals hears them at once. Everywhere else they are blocked: threads
        # inherit that from the one that starts them, hence before all others.
        signals = {signal.SIGINT, signal.SIGTERM}
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)

        def watch() -> None:
            while True:
                signal.sigwait(signals)
                received()

        self._start(watch)

    def _watch_grace(self) -> None:
        cancellation.wait()
        time.sleep(GRACE)
        self._end()

    def _end(self) -> None:
        self._ending.acquire()
        # In a thread, because a hanging network drive or a reader that does not read must not
        # keep the process alive.
        farewell = self._start(self._farewell)
        farewell.join(FAREWELL_TIMEOUT)
        os._exit(Cancelled.exit_status)

    def _farewell(self) -> None:
        outputs = sys.modules.get("mambahsi.outputs")  # absent: nothing was written yet
        if outputs is not None:
            outputs.remove_all()
        self._tell()

    @staticmethod
    def _start(work: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        return thread
