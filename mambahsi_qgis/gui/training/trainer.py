"""The one training of a panel: its state, from the start to its end.

This object knows nothing of what is seen, so a closed dock, a removed layer or another project
do not touch it. One training runs at a time. What it needs to go on after a stop lies in
its :class:`~mambahsi_qgis.gui.training.run_folder.RunFolder`.
"""

from __future__ import annotations

import enum
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Optional

from qgis.core import QgsProject
from qgis.PyQt.QtCore import QObject, pyqtSignal

from mambahsi_qgis.gui.engine_task import EngineTask, Failure, MakeJob
from mambahsi_qgis.gui.training.curve import Curve
from mambahsi_qgis.gui.training.home_project import HomeProject
from mambahsi_qgis.gui.training.run_folder import RunFolder
from mambahsi_qgis.translation import tr

LOG_LINES = 5000
PATIENCE = 8.0
"""Seconds that the end of QGIS waits for the engine's: as long as it takes to kill one."""


class State(enum.Enum):
    """Where a training stands."""

    NONE = enum.auto()
    RUNNING = enum.auto()
    STOPPING = enum.auto()
    STOPPED = enum.auto()
    FAILED = enum.auto()
    DONE = enum.auto()


class Trainer(QObject):
    """Runs a training, and knows how it stands.

    Attributes:
        state: Where it stands.
        folder: Where its files lie; None before the first.
        about: What it is, for people.
        curve: Its epochs.
        stage: What is being done, as the engine says it.
        fraction: How much of it is done, 0 to 1.
        seconds: How long this run took, once it is over.
        failure: Why it failed.
        result: The engine's result.
        home: The project that it belongs to.
        log: Everything that was told.
    """

    changed = pyqtSignal()
    curveChanged = pyqtSignal()
    logged = pyqtSignal(str)
    over = pyqtSignal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.state = State.NONE
        self.folder: Optional[RunFolder] = None
        self.about = ""
        self.curve = Curve(0)
        self.stage = ""
        self.fraction = 0.0
        self.seconds = 0.0
        self.failure: Optional[Failure] = None
        self.result: Optional[Mapping[str, Any]] = None
        self.home: Optional[HomeProject] = None
        self.log: deque[str] = deque(maxlen=LOG_LINES)
        self._task: Optional[EngineTask] = None
        self._lock: Any = None
        self._begun = 0.0

    @property
    def is_running(self) -> bool:
        """Whether the engine is at work."""
        return self._task is not None

    @property
    def elapsed(self) -> float:
        """Seconds since this run began."""
        return time.monotonic() - self._begun if self.is_running else self.seconds

    def start(
        self, python: Path, folder: RunFolder, about: str, epochs: int, make_job: MakeJob
    ) -> bool:
        """Begin a training, or go on with one.

        Args:
            python: The engine's interpreter.
            folder: Where its files lie; exists.
            about: What it is, for people.
            epochs: How many epochs it is to have.
            make_job: Makes the job, in another thread.

        Returns:
            Whether it was begun; not while another one runs, here or in another QGIS.
        """
        if self.is_running:
            return False
        lock = folder.lock()
        if not lock.tryLock(0):
            return False
        self._lock, self.folder, self.about = lock, folder, about
        self.state, self.failure, self.result = State.RUNNING, None, None
        self.stage, self.fraction = tr("Starting the engine"), 0.0
        self.curve = Curve(epochs)
        for figures in folder.curves():
            self.curve.take(figures)
        if self.home is not None:
            self.home.release()
        self.home = HomeProject(QgsProject.instance(), self)
        self._begun = time.monotonic()
        self.note("info", tr("Training in {}").format(folder.path))
        title = tr("MambaHSI: training on {}").format(folder.scene)
        self._task = EngineTask(title, python, folder.unfinished, make_job)
        self._task.told.connect(self._told)
        self._task.metric.connect(self._metric)
        self._task.progressed.connect(self._progress)
        self._task.over.connect(self._over)
        self._task.begin()
        self.curveChanged.emit()
        self.changed.emit()
        return True

    def cancel(self) -> None:
        """Ask the engine to stop; the checkpoint stays."""
        if self._task is not None:
            self._task.cancel()
            self.state = State.STOPPING
            self.changed.emit()

    def shut_down(self) -> None:
        """Stop for good, because the plugin goes; waits for the engine's end."""
        task = self._task
        if task is not None:
            task.over.disconnect(self._over)
            task.cancel()
            task.wait(PATIENCE)
            self._close(done=False)
        if self.home is not None:
            self.home.release()
            self.home = None

    def note(self, kind: str, text: str) -> None:
        """Put a line into the log."""
        line = tr("Warning: {}").format(text) if kind == "warning" else text
        self.log.append(line)
        self.logged.emit(line)

    def _told(self, kind: str, text: str) -> None:
        if kind == "stage":
            self.stage = text
            self.changed.emit()
        else:
            self.note(kind, text)

    def _metric(self, figures: Mapping[str, Any]) -> None:
        self.curve.take(figures)
        self.curveChanged.emit()
        self.changed.emit()

    def _progress(self, percent: float) -> None:
        self.fraction = percent / 100
        self.changed.emit()

    def _over(self) -> None:
        task = self._task
        if task is None:
            return
        self.failure, self.result = task.failure, task.result
        if self.failure is None:
            self.state, self.fraction = State.DONE, 1.0
        else:
            self.state = State.STOPPED if self.failure.cancelled else State.FAILED
            self.note("info", " ".join(filter(None, (self.failure.message, self.failure.hint))))
        self._close(done=self.failure is None)
        self.changed.emit()
        self.over.emit()

    def _close(self, done: bool) -> None:
        self.seconds = time.monotonic() - self._begun
        self._task = None
        self._lock.unlock()
        if self.folder is not None:
            if done:
                self.folder.finish()
            elif not self.folder.can_resume():
                self.folder.discard()
