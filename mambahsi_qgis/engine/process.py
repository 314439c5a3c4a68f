"""Runs one job in the engine's process, from start to a certain end.

The engine is a child in a process group of its own, so that Ctrl-C in a terminal reaches
QGIS alone and the engine is told in order. Two threads read what it tells and what it
prints; the caller's thread looks at QGIS's Cancel button ten times a second, however
silent the engine is. Cancel is first asked for by a line on the engine's standard input;
an engine that does not heed it is terminated, then killed. An engine whose parent has died
finds its standard input at an end and stops by itself. An engine that ends in order removes
its temporary files; after one that was killed, here or by the system, they are removed here.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Optional

from qgis.core import QgsProcessingException, QgsProcessingFeedback
from qgis.PyQt.QtCore import QCoreApplication, QThread

from mambahsi_qgis import paths
from mambahsi_qgis.engine.environment import engine_environment
from mambahsi_qgis.engine.events import EventReader
from mambahsi_qgis.engine.jobs import install_texts
from mambahsi_qgis.translation import tr, tr_engine

CANCEL_GRACE = 4.0
"""Seconds that the engine has to stop by itself after a cancel; it takes two at most."""

TERMINATE_GRACE = 2.0
"""Seconds between the request to terminate and the kill."""

LAST_WORDS = 2.0
"""Seconds without a word after the engine's end until its output is believed to be empty: on a busy
machine the thread that reads it may be late."""

POLL = 0.1
"""Seconds between two looks at the Cancel button."""

OUTPUTS = (
    *("model", "report", "classification", "confidence", "probabilities", "margin", "entropy"),
    *("table", "areas", "sample", "polygons", "sieved", "csv"),
)
"""Fields of jobs that name a file to write. (One that names an input instead does no harm.)"""

LOGS_KEPT = 20
LOG_TAIL = 15
"""Lines of the log that a message about a broken engine quotes."""


def run_job(
    python: Path,
    job: dict[str, Any],
    folder: Path,
    feedback: QgsProcessingFeedback,
    reader: Optional[EventReader] = None,
    surroundings: Optional[Mapping[str, str]] = None,
) -> dict[str, Any]:
    """Run a job and return its result.

    Args:
        python: The engine's interpreter.
        job: The job as plain values.
        folder: Temporary folder for the job's file; the engine's working folder.
        feedback: Receives progress and messages, and says when to stop.
        reader: Takes the engine's events in, for who wants more of them than ``feedback`` is
            told; holds the error after a failure.
        surroundings: Variables for the engine's environment, beside its own.

    Raises:
        QgsProcessingException: The job failed or was cancelled, or the engine broke.
    """
    job_file = folder / "job.json"
    job_file.write_text(json.dumps(job, ensure_ascii=False), encoding="utf-8")
    log = _new_log()
    feedback.pushDebugInfo(tr("Engine: {python}; its log: {log}").format(python=python, log=log))
    reader = EventReader(feedback) if reader is None else reader
    with log.open("ab") as printed:
        process = _start(python, job_file, folder, printed, surroundings or {})
        try:
            _follow(process, reader, feedback)
        finally:
            _end(process)
            if reader.result is None and reader.error is None:
                _remove_leftovers(process.pid, job)
    if feedback.isCanceled():
        raise QgsProcessingException(_cancel_message(reader))
    if process.returncode == 0 and reader.result is not None:
        return reader.result
    if reader.error is not None:
        raise QgsProcessingException(_error_message(reader.error, log))
    raise QgsProcessingException(_broken_message(process.returncode, log))


def _start(
    python: Path,
    job_file: Path,
    folder: Path,
    printed: IO[bytes],
    surroundings: Mapping[str, str],
) -> subprocess.Popen:
    options: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        options = {
            "creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        }
    try:
        # A list of arguments, no shell; the interpreter is the one that the user set up.
        return subprocess.Popen(  # nosec B603
            [str(python), "-m", "mambahsi.worker", str(job_file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=printed,
            cwd=str(folder),
            env={**engine_environment(), **surroundings},
            **options,
        )
    except OSError as error:
        raise QgsProcessingException(
            tr("The engine's Python {} cannot be started: {}.").format(python, error.strerror)
        ) from error


def _follow(
    process: subprocess.Popen, reader: EventReader, feedback: QgsProcessingFeedback
) -> None:
    """Pass events on until the engine ends, and end it when the user cancels."""
    lines: queue.SimpleQueue[Optional[bytes]] = queue.SimpleQueue()
    threading.Thread(target=_pump, args=(process.stdout, lines), daemon=True).start()
    cancelled_at: Optional[float] = None
    ended_at: Optional[float] = None
    terminated = False
    # Batch mode and qgis_process run algorithms in the main thread, whose event loop has to
    # turn meanwhile: it hears the Cancel button, Ctrl-C, and keeps the window alive.
    in_main_thread = QThread.currentThread() == QCoreApplication.instance().thread()
    while True:
        try:
            line = lines.get(timeout=POLL)
            if line is None:
                break
            reader.read(line)
            ended_at = None
        except queue.Empty:
            if process.poll() is not None:
                ended_at = ended_at or time.monotonic()
                if time.monotonic() - ended_at > LAST_WORDS:
                    # Its output is open still: a grandchild holds it. Nothing more comes.
                    break
        if in_main_thread:
            QCoreApplication.processEvents()
        if cancelled_at is None and feedback.isCanceled():
            cancelled_at = time.monotonic()
            feedback.pushInfo(tr("Stopping the engine…"))
            _ask_to_stop(process)
        elif cancelled_at is not None:
            waited = time.monotonic() - cancelled_at
            if waited > CANCEL_GRACE + TERMINATE_GRACE:
                _signal(process, kill=True)
                break
            if waited > CANCEL_GRACE and not terminated:
                terminated = True
                _signal(process, kill=False)


def _pump(stream: IO[bytes], lines: queue.SimpleQueue[Optional[bytes]]) -> None:
    with stream:
        for line in stream:
            lines.put(line)
    lines.put(None)


def _ask_to_stop(process: subprocess.Popen) -> None:
    with contextlib.suppress(OSError):  # it has ended already
        if process.stdin is not None:
            process.stdin.write(b"cancel\n")
            process.stdin.flush()


def _end(process: subprocess.Popen) -> None:
    """Leave no process behind, whatever happened before."""
    with contextlib.suppress(OSError):
        if process.stdin is not None:
            process.stdin.close()  # the engine takes the end of its input for a cancel
    try:
        # After its last event the engine exits at once.
        process.wait(CANCEL_GRACE)
    except subprocess.TimeoutExpired:
        _signal(process, kill=True)
        process.wait()


def _remove_leftovers(pid: int, job: Mapping[str, Any]) -> None:
    """Remove the temporary files of an engine that ended without a word.

    Its names for them are ``.mambahsi-PID-TOKEN-NAME``. An old file on its way to being
    replaced is called ``.mambahsi-PID-TOKEN.old-NAME``; it may be the only copy, and stays.
    """
    temporary = re.compile(rf"\.mambahsi-{pid}-[0-9a-f]{{8}}-.+", re.DOTALL)
    for folder in {Path(path).absolute().parent for path in _output_files(job)}:
        with contextlib.suppress(OSError):
            for path in folder.iterdir():
                if temporary.fullmatch(path.name):
                    path.unlink()


def _output_files(job: Mapping[str, Any]) -> Iterator[str]:
    for name, value in job.items():
        if name in OUTPUTS and isinstance(value, str) and value:
            yield value
        elif isinstance(value, Mapping):
            yield from _output_files(value)


def _signal(process: subprocess.Popen, kill: bool) -> None:
    if sys.platform == "win32":
        process.terminate()
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL if kill else signal.SIGTERM)


def _cancel_message(reader: EventReader) -> str:
    hint = reader.error.get("hint") if reader.error else ""
    return " ".join(filter(None, (tr("Cancelled."), hint)))


def _error_message(error: dict[str, Any], log: Path) -> str:
    lines = [str(error.get("message") or tr("The engine failed.")), str(error.get("hint") or "")]
    cause = str(error.get("code") or "").partition("install-")[2]
    known = install_texts.CAUSES.get(cause, ())
    if known and tr_engine(known[0]) != known[0]:
        # What the engine says names files and figures, but in English: it comes last.
        # So does advice that is not the cause's own, but about this very case.
        own = lines[1] if lines[1] != known[1] else ""
        lines = [*map(tr_engine, known), lines[0], own]
    if error.get("code") == "internal":
        lines.append(tr("Log: {}").format(log))
    return "\n".join(filter(None, lines))


def _broken_message(status: int, log: Path) -> str:
    """What to say of an engine that ended without a word."""
    if sys.platform != "win32" and status == -signal.SIGKILL:
        reason = tr(
            "The engine was killed by the system, most likely because the memory ran out. "
            "Set a smaller memory budget, or take the preset “compact”. Run the same job again: a "
            "training goes on with Resume, and a classification by itself where a folder "
            "“….unfinished” lies beside the map, which may also be deleted."
        )
    elif sys.platform != "win32" and status < 0:
        reason = tr("The engine broke down ({}).").format(signal.Signals(-status).name)
    else:
        code = f"0x{status:08X}" if status > 255 else str(status)
        reason = tr("The engine ended without a result (exit status {}).").format(code)
    return "\n".join([reason, tr("Log: {}").format(log), *_tail(log)])


def _tail(log: Path) -> list[str]:
    try:
        return log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_TAIL:]
    except OSError:
        return []


def _new_log() -> Path:
    folder = paths.cache("logs")
    for old in sorted(folder.glob("engine-*.log"))[: -LOGS_KEPT + 1]:
        with contextlib.suppress(OSError):  # another QGIS is writing it
            old.unlink()
    started = datetime.now().strftime("%Y%m%d-%H%M%S-%f")
    return folder / f"engine-{started}-{os.getpid()}.log"
