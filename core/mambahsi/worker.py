"""The engine as a child process: a job in, JSON lines out.

``python -m mambahsi.worker JOB.json [--log FILE]`` runs the job that the file describes
(see :mod:`mambahsi.jobs`) and tells its events on standard output (see
:mod:`mambahsi.events`). A line ``cancel`` on standard input, or its end, cancels the job.
Whatever else is printed, by any library at any level, goes to the log file, or to standard
error where none is given.

Exit status: 0 done, 1 an error that the user can put right, 2 not a job, 70 a defect of the
engine, 130 cancelled.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import os
import platform
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn, TextIO

import mambahsi
from mambahsi import jobs
from mambahsi.errors import Cancelled
from mambahsi.events import EventFeedback, describe_failure
from mambahsi.supervision import Supervisor


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the job that the command line names, and exit."""
    options = _parse(arguments)
    control = _take_over_input()
    feedback = EventFeedback(_take_over_output(options.log))
    cancelled = Cancelled()
    supervisor = Supervisor(lambda: feedback.error(cancelled.code, cancelled.message, ""))
    supervisor.watch_stream(control)
    feedback.log(
        f"MambaHSI engine {mambahsi.__version__}, Python {platform.python_version()}, "
        f"process {os.getpid()}"
    )
    status = 0
    try:
        job = read_job(options.job)
        # Imported late: PyTorch takes seconds, and until then nothing would be heard of us.
        from mambahsi import runs

        result = runs.run(job, feedback)
        supervisor.finish()
        feedback.result(result)
    except BaseException as error:
        supervisor.finish()
        traceback.print_exc()
        code, message, hint, status = describe_failure(error)
        feedback.error(code, message, hint)
    # Everything is written and told. Threads of libraries, and the one that waits for
    # input, must not hold up the end.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def read_job(path: Path) -> Any:
    """The job that a JSON file describes.

    Raises:
        JobError: The file cannot be read, is not JSON or not a job.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise jobs.JobError(f"Job file {path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise jobs.JobError(f"Job file {path} is not JSON: {error}.") from error
    if not isinstance(values, dict):
        raise jobs.JobError(f"Job file {path} holds no JSON object.")
    return jobs.from_json(values)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m mambahsi.worker", description="Run one job and tell its events."
    )
    parser.add_argument("job", type=Path, metavar="JOB.json", help="job to run")
    parser.add_argument("--log", type=Path, help="file that receives everything else printed")
    return parser.parse_args(arguments)


def _take_over_input() -> int:
    """A private copy of standard input, in whose place nothing is left to read.

    So no library can swallow a ``cancel``; and on Windows a pending read on a pipe blocks
    every other look at the same handle, such as libraries take at standard input when they
    are loaded.
    """
    try:
        control = os.dup(0)
    except OSError:  # started without standard input, which is as good as its end
        return os.open(os.devnull, os.O_RDONLY)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return control


def _take_over_output(log: Path | None) -> TextIO:
    """The event stream: a private copy of standard output, whose place the log takes.

    The descriptors themselves are replaced, so that compiled libraries are caught, too.
    """
    events = os.dup(1)
    if log is not None:
        target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(target, 2)
        os.close(target)
    os.dup2(2, 1)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)  # type: ignore[union-attr]
    faulthandler.enable()
    return os.fdopen(events, "w", encoding="utf-8", errors="backslashreplace", newline="\n")


if __name__ == "__main__":
    main()
