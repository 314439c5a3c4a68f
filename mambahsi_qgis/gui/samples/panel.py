"""The tab “Samples”: are the training polygons any good?

The panel shows what its :class:`~mambahsi_qgis.gui.samples.check.SampleCheck` found, and says when
the polygons have changed since. It looks again by itself only where that was asked for, a moment
after the last edit, and only while it is seen.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Optional

from qgis.core import QgsProcessingContext, QgsProcessingException, QgsProject, QgsSettings
from qgis.PyQt.QtCore import QTimer
from qgis.PyQt.QtWidgets import QVBoxLayout, QWidget

from mambahsi_qgis.algorithms.spectralsignatures import SpectralSignatures
from mambahsi_qgis.engine.locate import find_engine
from mambahsi_qgis.gui.context import TrainingContext
from mambahsi_qgis.gui.samples.check import SampleCheck
from mambahsi_qgis.gui.samples.order import prepare
from mambahsi_qgis.gui.samples.view import SamplesView
from mambahsi_qgis.gui.training.order import Subject
from mambahsi_qgis.translation import tr

REFRESH = "mambahsi/samplesRefresh"
"""Setting: whether samples are looked at again by themselves."""

PAUSE = 1500
"""Milliseconds after the last edit until samples are looked at again."""


class SamplesPanel(QWidget):
    """Looks at the dock's polygons.

    Args:
        context: Scene and training layer.
        parent: Qt's parent.
    """

    def __init__(self, context: TrainingContext, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self._context = context
        self._check = SampleCheck(self)
        self._problem = self._about = ""
        self._is_stale = self._again = False
        self._shown: Any = None
        self._view = view = SamplesView(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(view)
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(PAUSE)
        view.refresh.setChecked(QgsSettings().value(REFRESH, False, type=bool))
        for signal, slot in (
            (self._pause.timeout, self._look_again),
            (self._check.changed, self._show),
            (self._check.over, self._over),
            (context.sceneChanged, self._subject_changed),
            (context.layerChanged, self._subject_changed),
            (context.classesChanged, self._classes_changed),
            (view.check.clicked, self._start),
            (view.cancel.clicked, self._cancel),
            (view.refresh.toggled, self._refresh_toggled),
        ):
            signal.connect(slot)
        self._show()

    def unload(self) -> None:
        """Stop everything, because the plugin goes."""
        self._pause.stop()
        self._check.shut_down()

    # What is done -------------------------------------------------------------------------

    def _start(self) -> None:
        self._pause.stop()
        subject, engine = Subject.of(self._context), find_engine()
        if self._check.is_running or subject is None:
            return
        self._problem = engine.problem or _problem(subject)
        self._again = False
        if engine.python is not None and not self._problem:
            self._is_stale = False
            self._view.spectra.get_ready()
            try:
                self._check.start(
                    engine.python,
                    subject.layer.name(),
                    lambda folder: prepare(subject, QgsProject.instance(), folder),
                )
            except QgsProcessingException as error:
                self._problem = str(error)
        self._show()

    def _cancel(self) -> None:
        self._pause.stop()
        self._again = False
        self._check.cancel()

    def _over(self) -> None:
        self._about = datetime.now().strftime("%H:%M")
        if self._again:
            self._start()
        else:
            self._show()

    def _subject_changed(self) -> None:
        """What was found was about another scene or layer."""
        self._pause.stop()
        self._problem, self._is_stale, self._again = "", False, False
        self._check.forget()

    def _classes_changed(self) -> None:
        if self._check.figures is not None or self._check.is_running:
            self._is_stale = True
        if self._view.refresh.isChecked():
            self._pause.start()
        self._show()

    def _refresh_toggled(self, on: bool) -> None:
        QgsSettings().setValue(REFRESH, on)
        if on and self._is_stale:
            self._pause.start()

    def _look_again(self) -> None:
        """Look at polygons that were changed a moment ago."""
        if not self.isVisible():
            return
        if self._check.is_running:
            self._again = True
            self._check.cancel()
        else:
            self._start()

    # What is seen -------------------------------------------------------------------------

    def showEvent(self, event: Any) -> None:
        """Catch up with what was changed while nobody looked."""
        super().showEvent(event)
        if self._is_stale and self._view.refresh.isChecked():
            self._pause.start()
        self._show()

    def _show(self) -> None:
        view, check = self._view, self._check
        view.check.setEnabled(not check.is_running and Subject.is_there(self._context))
        view.cancel.setEnabled(check.is_running)
        view.bar.setVisible(check.is_running)
        view.status.setText(self._status())
        if check.figures is None:
            view.show_nothing()
        elif check.figures is not self._shown:
            view.show_figures(check.figures)
        self._shown = check.figures

    def _status(self) -> str:
        check = self._check
        if check.is_running:
            return f"{check.stage}…"
        if not Subject.is_there(self._context):
            return tr("Choose a scene and a training layer above.")
        if self._problem:
            return self._problem
        if check.failure is not None:
            return " ".join(filter(None, (check.failure.message, check.failure.hint)))
        if check.figures is None:
            return tr("Not checked yet.")
        count = tr("Checked at {}: {} classes, {:,} pixels.").format(
            self._about, len(check.figures.spectra), check.figures.pixels
        )
        changed = tr("Polygons or classes have changed since.") if self._is_stale else ""
        return " ".join(filter(None, (count, changed)))


def _problem(subject: Subject) -> str:
    """What can be known to fail before anything is started, or an empty text."""
    context = QgsProcessingContext()
    context.setProject(QgsProject.instance())
    values = {
        "SCENE": subject.scene.id(),
        "LABELS": subject.layer.id(),
        "CLASS_FIELD": subject.class_field,
    }
    return SpectralSignatures().create().problem(values, context)
