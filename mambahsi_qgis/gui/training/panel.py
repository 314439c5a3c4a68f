"""The tab “Train”: a button, a curve, and then a map in the canvas.

The panel shows what its :class:`~mambahsi_qgis.gui.training.trainer.Trainer` and
:class:`~mambahsi_qgis.gui.training.devices.EngineProbe` say, and hands clicks on to them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Optional

from qgis.core import Qgis, QgsProcessingException, QgsProject
from qgis.PyQt.QtCore import QTimer
from qgis.PyQt.QtWidgets import QVBoxLayout, QWidget

from mambahsi_qgis.gui.algorithm_dialog import open_dialog
from mambahsi_qgis.gui.context import TrainingContext
from mambahsi_qgis.gui.engine_task import MakeJob
from mambahsi_qgis.gui.made_map import MadeMap
from mambahsi_qgis.gui.training import order, results, status
from mambahsi_qgis.gui.training.devices import EngineProbe
from mambahsi_qgis.gui.training.log_window import LogWindow
from mambahsi_qgis.gui.training.messages import Announcer
from mambahsi_qgis.gui.training.order import Subject
from mambahsi_qgis.gui.training.run_folder import RunFolder, latest_run
from mambahsi_qgis.gui.training.trainer import LOG_LINES, State, Trainer
from mambahsi_qgis.gui.training.view import BAR_STEPS, TrainView
from mambahsi_qgis.translation import tr

TICK = 1000
"""Milliseconds between two looks at the clock while a training runs."""


class TrainPanel(QWidget):
    """Trains on the dock's scene and layer, and shows the map.

    Args:
        context: Scene and training layer.
        parent: Qt's parent.
    """

    def __init__(self, context: TrainingContext, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self._context = context
        self._trainer = Trainer(self)
        self._probe = EngineProbe(self)
        self._announcer = Announcer(context.iface)
        self._made: Optional[MadeMap] = None
        self._is_added = False
        self._log: Optional[LogWindow] = None
        self._view = view = TrainView(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(view)
        self._clock = QTimer(self)
        self._clock.setInterval(TICK)
        for signal, slot in (
            (self._clock.timeout, self._show_status),
            (self._trainer.changed, self._show),
            (self._trainer.curveChanged, self._show_curve),
            (self._trainer.logged, self._add_log_line),
            (self._trainer.over, self._over),
            (self._probe.changed, self._show),
            (context.sceneChanged, self._subject_changed),
            (context.layerChanged, self._subject_changed),
            (context.classesChanged, self._show_hint),
            (view.form.changed, self._show),
            (view.install.clicked, self._install),
            (view.look.clicked, self._look_again),
            (view.train.clicked, self._start),
            (view.cancel.clicked, self._trainer.cancel),
            (view.resume.clicked, self._go_on),
            (view.add_map.clicked, self._add_map),
            (view.report.clicked, self._open_report),
            (view.status.linkActivated, results.open_url),
            (view.log.clicked, self._show_log),
            (view.more.clicked, self._more),
        ):
            signal.connect(slot)
        self._subject_changed()

    def unload(self) -> None:
        """Stop everything, because the plugin goes."""
        self._clock.stop()
        self._probe.stop()
        self._trainer.shut_down()
        self._announcer.withdraw()

    # What is seen -------------------------------------------------------------------------

    def showEvent(self, event: Any) -> None:
        """Look for the engine whenever the panel is seen again: it may be another one."""
        super().showEvent(event)
        self._probe.look()
        self._show()

    def _show(self) -> None:
        view, trainer, probe = self._view, self._trainer, self._probe
        running = trainer.is_running
        view.form.set_devices(probe.devices)
        view.form.setVisible(not running)
        asking = tr("Asking the engine where it can run…")
        view.say_of_engine(
            asking if probe.is_asking else probe.problem,
            is_missing=bool(probe.problem) and not probe.is_asking,
        )
        ready = probe.engine.python is not None and not probe.problem and not running
        has_subject = Subject.is_there(self._context)
        view.train.setEnabled(ready and has_subject and view.form.has_device())
        view.cancel.setEnabled(running and trainer.state is not State.STOPPING)
        unfinished = None if running else self._unfinished()
        view.resume.setEnabled(ready and unfinished is not None)
        view.resume.setToolTip(
            status.resume_text(unfinished)
            if unfinished is not None
            else tr("Go on with a training that was cancelled or broke off.")
        )
        view.add_map.setVisible(self._made is not None and not self._is_added)
        view.report.setVisible(self._made is not None)
        view.about.setText(trainer.about)
        for widget in (view.about, view.bar):
            widget.setVisible(trainer.state is not State.NONE)
        view.bar.setValue(round(BAR_STEPS * trainer.fraction))
        view.curve.setVisible(trainer.curve.epochs > 0)
        if running != self._clock.isActive():
            self._clock.start() if running else self._clock.stop()
        self._show_status()

    def _show_status(self) -> None:
        trainer = self._trainer
        if trainer.is_running:
            text = status.progress_text(trainer)
        elif trainer.state is not State.NONE:
            text = status.outcome_text(trainer)
        elif not Subject.is_there(self._context):
            text = tr("Choose a scene and a training layer above.")
        else:
            text = ""
        self._view.status.setText(text)

    def _show_curve(self) -> None:
        self._view.curve.show_curve(self._trainer.curve)

    def _show_hint(self) -> None:
        values = (row.value for row in self._context.rows().values())
        self._view.warn(order.few_polygons(values, self._context.classes()))

    def _subject_changed(self) -> None:
        context = self._context
        if context.layer is not None or context.scene is not None:
            project = QgsProject.instance()
            self._view.form.suggest_base(order.default_base(context.layer, context.scene, project))
        self._show_hint()
        self._show()

    # A run --------------------------------------------------------------------------------

    def _start(self) -> None:
        subject = Subject.of(self._context)
        if subject is None:
            return
        choices, project = self._view.form.choices(), QgsProject.instance()
        try:
            folder = RunFolder.create(choices.base, subject.scene.name(), datetime.now())
        except OSError as error:
            reason = tr("Folder {} cannot be written to: {}. Choose another one.")
            self._refuse(reason.format(choices.base, error.strerror))
            return
        problem = order.problem(subject, choices, folder, project)
        make: Optional[MakeJob] = None
        try:
            if not problem:
                make = order.prepare(subject, choices, folder, project)
        except QgsProcessingException as error:
            problem = str(error)
        if make is None:
            folder.discard()
            self._refuse(problem)
            return
        self._view.form.remember()
        self._run(folder, choices, make)

    def _go_on(self) -> None:
        folder = self._unfinished()
        if folder is None:
            return
        try:
            job = folder.kept()
        except QgsProcessingException as error:
            self._refuse(str(error))
            return
        self._run(folder, job.train, lambda feedback: folder.next_job())

    def _run(self, folder: RunFolder, chosen: Any, make: MakeJob) -> None:
        python = self._probe.engine.python
        if python is None:
            return
        self._made = None
        about = status.about(folder.scene, chosen)
        if not self._trainer.start(python, folder, about, chosen.epochs, make):
            self._refuse(tr("This training runs in another QGIS."))
            return
        self._view.cancel.setFocus()

    def _unfinished(self) -> Optional[RunFolder]:
        """The run to resume: the last one, if it is not finished."""
        own = self._trainer.folder
        if own is not None and own.can_resume():
            return own
        last = latest_run(self._view.form.base)
        return last if last is not None and last.can_resume() else None

    def _over(self) -> None:
        trainer, folder = self._trainer, self._trainer.folder
        if trainer.state is State.FAILED and trainer.failure is not None:
            text = " ".join(filter(None, (trainer.failure.message, trainer.failure.hint)))
            level = Qgis.MessageLevel.Critical
            self._announcer.tell(text, level, tr("Show log"), self._show_log)
        elif trainer.state is State.DONE and folder is not None:
            self._made = results.made_in(folder)
            self._is_added = False
            if trainer.home is not None and trainer.home.is_open():
                self._add_map()
                if self._view.form.choices().opens_report:
                    self._open_report()
            else:
                text = tr("The training on {}, begun in another project, is done.")
                level = Qgis.MessageLevel.Success
                said, made = text.format(folder.scene), self._made
                self._announcer.tell(said, level, tr("Add map"), lambda: self._add(made, folder))
        self._show()

    # What came of it ------------------------------------------------------------------------

    def _add_map(self) -> None:
        made, folder = self._made, self._trainer.folder
        if made is not None and folder is not None:
            self._add(made, folder)

    def _add(self, made: MadeMap, folder: RunFolder) -> None:
        if results.add_map(QgsProject.instance(), made, folder) is None:
            self._refuse(tr("The map {} cannot be read.").format(made.classification))
            return
        if made is self._made:
            self._is_added = True
        self._show()
        self._context.mapMade.emit(made)

    def _open_report(self) -> None:
        report = self._made.report if self._made is not None else None
        if report is None or not results.open_file(report):
            self._refuse(tr("The report {} cannot be opened.").format(report or ""))

    def _show_log(self) -> None:
        if self._log is None:
            self._log = LogWindow(self, LOG_LINES)
            self._log.show_lines(self._trainer.log)
        self._log.show()
        self._log.raise_()

    def _add_log_line(self, line: str) -> None:
        if self._log is not None:
            self._log.add_line(line)

    def _more(self) -> None:
        subject = Subject.of(self._context)
        choices = self._view.form.choices()
        chosen = order.parameters(subject, choices, None) if subject is not None else {}
        open_dialog("mambahsi:trainandclassify", chosen)

    def _install(self) -> None:
        dialog = open_dialog("mambahsi:installengine", {})
        if dialog is not None:
            dialog.algorithmFinished.connect(self._look_again)

    def _look_again(self, *result: Any) -> None:
        self._probe.look(again=True)

    def _refuse(self, text: str) -> None:
        """Say why something is not done, in both places that people look at."""
        self._view.status.setText(text)
        self._announcer.tell(text, Qgis.MessageLevel.Warning)
