"""A job of the engine among QGIS's background tasks, or beside them.

QGIS shows such a task in its own task bar, where it can be cancelled, too, and asks before it
ends while one runs. For what nobody waits for that would be too much: its message bar tells every
end, and before 3.26 no task can be hidden. So such a job gets a thread of its own. Either way,
whatever the engine tells comes out as signals, whose receivers live in the main thread. Nothing
here knows a layer or a widget.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from qgis.core import (
    QgsApplication,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsTask,
)
from qgis.PyQt.QtCore import pyqtSignal

from mambahsi_qgis.engine.events import EventReader
from mambahsi_qgis.engine.jobs import jobs
from mambahsi_qgis.engine.process import run_job
from mambahsi_qgis.translation import tr

Tell = Callable[[str, str], None]
"""Receives a kind (``detail``, ``info``, ``warning``, ``stage``) and a text."""

MakeJob = Callable[[QgsProcessingFeedback], Any]
"""Makes the job, in the task's thread; may take its time."""


_hidden_ones: set[EngineTask] = set()
"""Keeps what runs without QGIS's task manager until its end has come to the main thread."""


@dataclass(frozen=True)
class Failure:
    """Why a job did not end well.

    Attributes:
        message: What went wrong.
        hint: What to do about it; may be empty.
        cancelled: Whether somebody wanted it.
    """

    message: str
    hint: str = ""
    cancelled: bool = False


class TellingFeedback(QgsProcessingFeedback):
    """Feedback that hands every word on.

    Args:
        tell: Receives the words, in the thread that they are said in.
    """

    def __init__(self, tell: Tell) -> None:
        super().__init__(False)
        self._tell = tell

    def pushInfo(self, info: str) -> None:
        """A fact."""
        self._tell("info", info)

    def pushDebugInfo(self, info: str) -> None:
        """A fact for those who look closely."""
        self._tell("detail", info)

    def pushWarning(self, warning: str) -> None:
        """Something to know."""
        self._tell("warning", warning)

    def reportError(self, error: str, fatalError: bool = False) -> None:
        """Something that went wrong."""
        self._tell("warning", error)

    def setProgressText(self, text: str) -> None:
        """What is being done now."""
        self._tell("stage", text)


class _Reader(EventReader):
    """Passes the figures of an epoch on as they are."""

    def __init__(self, feedback: QgsProcessingFeedback, metric: Callable[[dict], None]) -> None:
        super().__init__(feedback)
        self._metric = metric

    def metric(self, values: Mapping[str, Any]) -> None:
        super().metric(values)
        self._metric(dict(values))


class EngineTask(QgsTask):
    """Runs one job.

    Args:
        title: What QGIS's task bar shows.
        python: The engine's interpreter.
        folder: The engine's working folder, which the job's file is written to; None takes a
            temporary one, which goes when the job ends.
        make_job: Makes the job.
        hidden: Whether QGIS's task bar and message bar are to say nothing of it.

    Attributes:
        result: The engine's result, after a job that went well.
        failure: Why it did not.
    """

    told = pyqtSignal(str, str)
    metric = pyqtSignal(dict)
    progressed = pyqtSignal(float)
    """Percent, as the engine says it; QGIS takes a task that was cancelled to 100."""
    over = pyqtSignal()
    _ran = pyqtSignal(bool)

    def __init__(
        self,
        title: str,
        python: Path,
        folder: Optional[Path],
        make_job: MakeJob,
        hidden: bool = False,
    ) -> None:
        super().__init__(title, QgsTask.Flag.CanCancel)
        self._title, self._hidden = title, hidden
        self._ran.connect(self.finished)
        self._python, self._folder, self._make_job = python, folder, make_job
        self._feedback = TellingFeedback(self.told.emit)
        self._feedback.progressChanged.connect(self.setProgress)
        self._feedback.progressChanged.connect(self.progressed)
        self._is_begun = False
        self._ended = threading.Event()
        self.result: Optional[dict[str, Any]] = None
        self.failure: Optional[Failure] = None

    def begin(self) -> None:
        """Begin to run, in another thread."""
        if self._hidden:
            _hidden_ones.add(self)
            # The engine ends with our end of its pipe, so that QGIS need not wait for this thread.
            thread = threading.Thread(target=lambda: self._ran.emit(self.run()), daemon=True)
            thread.start()
        else:
            QgsApplication.taskManager().addTask(self)

    def run(self) -> bool:
        """Run the job; called in a thread of its own."""
        reader = _Reader(self._feedback, self.metric.emit)
        self._is_begun = True
        folder = self._folder
        try:
            folder = folder or Path(tempfile.mkdtemp(prefix="mambahsi_"))
            values = jobs.to_json(self._make_job(self._feedback))
            self.result = run_job(self._python, values, folder, self._feedback, reader)
        except QgsProcessingException as error:
            told = reader.error or {}
            message, hint = told.get("message") or str(error), told.get("hint") or ""
            self.failure = Failure(message, hint, self._feedback.isCanceled())
        except Exception as error:
            # Whatever it is, it must not leave this thread: QGIS would end.
            self.told.emit("detail", traceback.format_exc())
            self.failure = Failure(f"{type(error).__name__}: {error}", tr("The log tells more."))
        finally:
            if self._folder is None and folder is not None:
                shutil.rmtree(folder, ignore_errors=True)
            self._ended.set()
        # To QGIS a task that was cancelled has failed, and it would say so.
        return self.failure is None or self.failure.cancelled

    def finished(self, result: bool) -> None:
        """Say that it is over; called in the main thread."""
        _hidden_ones.discard(self)
        self._ended.set()
        if not result and self.failure is None:  # cancelled before it was begun
            self.failure = Failure(tr("Cancelled."), cancelled=True)
        self.over.emit()

    def cancel(self) -> None:
        """Ask the engine to stop, which takes it seconds at most; called in the main thread."""
        self.setDescription(tr("{}, cancelled").format(self._title))
        self._feedback.cancel()
        super().cancel()

    def wait(self, seconds: float) -> None:
        """Wait for the end of a task that was cancelled.

        Not ``waitForFinished``, which would keep Python from working in the task's thread.
        """
        # One that still queues behind other tasks will not end while this thread is held.
        if self._is_begun:
            self._ended.wait(seconds)
