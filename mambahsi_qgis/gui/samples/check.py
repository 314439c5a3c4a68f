"""One look at the samples at a time, in the background: its state, from the start to its end."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Optional

from qgis.core import QgsProcessingFeedback
from qgis.PyQt.QtCore import QObject, pyqtSignal

from mambahsi_qgis.gui.engine_task import EngineTask, Failure
from mambahsi_qgis.gui.samples.figures import Figures, read_figures
from mambahsi_qgis.translation import tr

PATIENCE = 8.0
"""Seconds that unloading waits for the engine's end: as long as it takes to kill one."""


class SampleCheck(QObject):
    """Looks at samples.

    Attributes:
        figures: What was found last; None before the first look, and after :meth:`forget`.
        failure: Why the last look failed; None where it did not.
        stage: What is being done.
    """

    changed = pyqtSignal()
    over = pyqtSignal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.figures: Optional[Figures] = None
        self.failure: Optional[Failure] = None
        self.stage = ""
        self._task: Optional[EngineTask] = None
        self._folder: Optional[Path] = None
        self._is_dropped = False

    @property
    def is_running(self) -> bool:
        """Whether the engine is at work."""
        return self._task is not None

    def start(
        self,
        python: Path,
        name: str,
        prepare: Callable[[Path], Callable[[QgsProcessingFeedback], Any]],
    ) -> None:
        """Begin to look; nothing happens while another look is under way.

        Args:
            python: The engine's interpreter.
            name: Name of the layer.
            prepare: Is given a temporary folder, and returns what makes the job.

        Raises:
            QgsProcessingException: What ``prepare`` raised.
        """
        if self._task is not None:
            return
        self._folder = Path(tempfile.mkdtemp(prefix="mambahsi_samples_"))
        try:
            make_job = prepare(self._folder)
        except BaseException:
            self._clear()
            raise
        self.failure, self.stage, self._is_dropped = None, tr("Starting the engine"), False
        title = tr("MambaHSI: checking samples of “{}”").format(name)
        # Hidden, because it may be begun again with every edit, and the tab shows it anyway.
        self._task = EngineTask(title, python, self._folder, make_job, hidden=True)
        self._task.told.connect(self._told)
        self._task.over.connect(self._over)
        self._task.begin()
        self.changed.emit()

    def cancel(self) -> None:
        """Ask the engine to stop."""
        if self._task is not None:
            self._task.cancel()

    def forget(self) -> None:
        """Stop, and drop what was found: it was about something else."""
        self.cancel()
        self._is_dropped = True
        self.figures = self.failure = None
        self.changed.emit()

    def shut_down(self) -> None:
        """Stop for good, because the plugin goes; waits for the engine's end."""
        task = self._task
        if task is not None:
            task.over.disconnect(self._over)
            task.cancel()
            task.wait(PATIENCE)
            self._clear()

    def _told(self, kind: str, text: str) -> None:
        if kind == "stage":
            self.stage = text
            self.changed.emit()

    def _over(self) -> None:
        task = self._task
        if task is None:
            return
        if not self._is_dropped:
            self._take(task)
        self._clear()
        self.changed.emit()
        self.over.emit()

    def _take(self, task: EngineTask) -> None:
        """Take over what came of a task."""
        self.failure = task.failure
        if task.result is not None and task.failure is None:
            try:
                self.figures = read_figures(Path(task.result["table"]))
            except (OSError, ValueError, KeyError) as error:
                self.failure = Failure(tr("What the engine wrote cannot be read: {}").format(error))

    def _clear(self) -> None:
        self._task = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
