"""One command of an installation: started, listened to, and stopped when the user cancels.

Its words go to the log line by line, without passwords, and are kept for finding the cause if
it fails. The command inherits the lock of the installation (see
:mod:`mambahsi.installer.folders`): where the installer is killed and its command lives on,
nobody else starts to install into the same folder.
"""

from __future__ import annotations

import contextlib
import os
import queue
import re
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from mambahsi import cancellation

_PASSWORD = re.compile(r"(?<=://)[^/\s]+(?=@)")
"""Up to the last ``@``: a password may hold one, too."""
_KEPT = 400
"""Lines that are kept for finding the cause."""

_POLL = 0.2
_GRACE = 1.0
"""Seconds that a command has to end by itself; the installer itself has two."""


def without_passwords(text: str) -> str:
    """The text with what stands before the ``@`` of addresses taken out."""
    return _PASSWORD.sub("***", text)


def run(
    command: Sequence[str],
    environment: Mapping[str, str],
    inherited: Sequence[int] = (),
    told: Callable[[str], None] = lambda line: None,
    each: Callable[[], None] = lambda: None,
) -> tuple[int, str]:
    """Run a command to its end.

    Args:
        command: Program and arguments.
        environment: Its whole environment.
        inherited: File descriptors that it keeps open.
        told: Called with every line that it prints.
        each: Called several times a second.

    Returns:
        Exit status, and the end of what it printed.

    Raises:
        Cancelled: The user asked to stop; the command has ended.
        OSError: It cannot be started.
    """
    options = {"pass_fds": tuple(inherited)} if sys.platform != "win32" else {}
    # A list of arguments, no shell; the programs are our own choice.
    process = subprocess.Popen(  # nosec B603
        list(command),
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        **options,  # type: ignore[call-overload]
    )
    lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    threading.Thread(target=_pump, args=(process, lines), daemon=True).start()
    kept: deque[str] = deque(maxlen=_KEPT)
    try:
        while True:
            cancellation.raise_if_requested()
            each()
            try:
                line = lines.get(timeout=_POLL)
            except queue.Empty:
                continue
            if line is None:
                break
            text = without_passwords(line.decode("utf-8", "replace").rstrip())
            kept.append(text)
            print(text, file=sys.stderr, flush=True)
            told(text)
    finally:
        _end(process)
    return process.returncode, "\n".join(kept)


def _pump(process: subprocess.Popen[bytes], lines: queue.SimpleQueue[bytes | None]) -> None:
    assert process.stdout is not None
    with process.stdout as stream, contextlib.suppress(OSError):
        for line in stream:
            lines.put(line)
    lines.put(None)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leave no command behind."""
    try:
        # One that has told its last line is about to end; one that is cancelled is not.
        if not cancellation.requested():
            process.wait(60)
            return
        # Compilers that pip has set to work would go on without it.
        others = list(_descendants(process.pid))
        process.terminate()
        for other in others:
            with contextlib.suppress(OSError):
                os.kill(other, signal.SIGTERM)
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _descendants(parent: int) -> Iterator[int]:
    """Processes that a process has started, and those that they have; on Linux alone."""
    children: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, IndexError, ValueError):
            # The name, in parentheses, may hold anything.
            words = status.read_text(errors="replace").rpartition(")")[2].split()
            children.setdefault(int(words[1]), []).append(int(status.parent.name))
    waiting = children.get(parent, [])
    while waiting:
        found = waiting.pop()
        yield found
        waiting += children.get(found, [])


def environment(base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment for Python and pip: the user's own, less what would lead them elsewhere.

    What of the user's settings of pip counts is put in by
    :func:`mambahsi.installer.pip_settings.variables`.
    """
    kept = {
        name: value
        for name, value in base.items()
        if not name.upper().startswith(("PYTHON", "PIP_")) and name.upper() != "VIRTUAL_ENV"
    }
    return {
        **kept,
        "PIP_NO_INPUT": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PYTHONUTF8": "1",
        "PYTHONNOUSERSITE": "1",
        "PYTHONUNBUFFERED": "1",
    }
