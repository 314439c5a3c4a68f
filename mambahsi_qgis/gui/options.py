"""The page “MambaHSI” among QGIS's options: which engine is used, whether it works, getting one.

Installing and removing open the dialog of the algorithm ``installengine``, which shows progress and
log and can be cancelled while QGIS is used on. Examining runs the engine's ``doctor`` in the
background; its report holds no passwords and can be copied into a question.
"""

from __future__ import annotations

from typing import Any, Optional

from processing.core.ProcessingConfig import ProcessingConfig
from qgis.core import QgsApplication, QgsSettings
from qgis.gui import QgsFileWidget, QgsOptionsPageWidget, QgsOptionsWidgetFactory
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import (
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from mambahsi_qgis import paths
from mambahsi_qgis.engine.facts import facts
from mambahsi_qgis.engine.jobs import jobs
from mambahsi_qgis.engine.locate import SETTING, Engine, engine_named, find_engine
from mambahsi_qgis.engine.network import INDEX_SETTING, index_problem, index_setting
from mambahsi_qgis.gui.algorithm_dialog import open_dialog
from mambahsi_qgis.gui.engine_task import EngineTask
from mambahsi_qgis.gui.kernels_box import KernelsBox
from mambahsi_qgis.translation import tr


def open_install_dialog(action: str = "install", kernels: bool = False) -> Any:
    """Open the dialog that installs or removes the engine; gives the dialog.

    Args:
        action: What it is to do.
        kernels: Whether the kernels of mamba-ssm are to be built, too.
    """
    return open_dialog("mambahsi:installengine", {"ACTION": action, "MAMBA_SSM": kernels})


class EngineOptionsFactory(QgsOptionsWidgetFactory):
    """Makes the page whenever QGIS's options are opened."""

    def __init__(self) -> None:
        super().__init__()
        self.setTitle("MambaHSI")

    def icon(self) -> QIcon:
        """The plugin's icon."""
        return QIcon(paths.icon())

    def createWidget(self, parent: Optional[QWidget] = None) -> QgsOptionsPageWidget:
        """A fresh page."""
        return EngineOptions(parent)


class EngineOptions(QgsOptionsPageWidget):
    """The page.

    Args:
        parent: QGIS's dialog.
    """

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.setObjectName("mambahsiOptions")
        self._task: Optional[EngineTask] = None
        self._facts: list[str] = []
        layout = QVBoxLayout(self)
        self.status = QLabel()
        self.status.setObjectName("mambahsiEngineStatus")
        self.status.setWordWrap(True)
        self.status.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.status.setToolTip(tr("The engine that jobs run in now"))
        layout.addWidget(self.status)
        layout.addLayout(self._fields())
        layout.addLayout(self._buttons())
        self.kernels = KernelsBox()
        layout.addWidget(self.kernels)
        self.report = QPlainTextEdit()
        self.report.setObjectName("mambahsiEngineReport")
        self.report.setReadOnly(True)
        self.report.setAccessibleName(tr("Report on the engine"))
        self.report.setToolTip(tr("What the engine is and whether it works; without passwords"))
        self.report.setPlaceholderText(tr("“Examine” tells here whether the engine works."))
        layout.addWidget(self.report, 1)
        self._show_status()

    def _fields(self) -> QFormLayout:
        form = QFormLayout()
        self.python = QgsFileWidget()
        self.python.setObjectName("mambahsiEnginePython")
        self.python.setStorageMode(QgsFileWidget.StorageMode.GetFile)
        self.python.setFilePath(str(QgsSettings().value(SETTING, "") or ""))
        self.python.setToolTip(
            tr(
                "Folder of an environment of your own (conda, a cluster's module), or its Python. "
                "Empty takes the engine that the plugin installed."
            )
        )
        self.index = QLineEdit(index_setting())
        self.index.setObjectName("mambahsiPackageIndex")
        self.index.setToolTip(
            tr("Address of a package index to install from, for example a company's. Empty: PyPI.")
        )
        self.index.setPlaceholderText(tr("PyPI"))
        for text, widget in (
            (tr("Engine of your &own"), self.python),
            (tr("Package in&dex"), self.index),
        ):
            form.addRow(text, widget)  # which makes it the label's buddy
        self.index_problem = QLabel()
        self.index_problem.setObjectName("mambahsiIndexProblem")
        self.index_problem.setWordWrap(True)
        self.index.textChanged.connect(self._check_index)
        form.addRow(self.index_problem)
        self._check_index(self.index.text())
        return form

    def _check_index(self, address: str) -> None:
        problem = index_problem(address)
        self.index_problem.setText(problem)
        self.index_problem.setVisible(bool(problem))

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        self.examine = QPushButton(tr("&Examine"))
        for name, button, tip, slot in (
            (
                "mambahsiExamine",
                self.examine,
                tr("Try everything that a job needs in the engine named above"),
                self._examine,
            ),
            (
                "mambahsiCopyReport",
                QPushButton(tr("&Copy report")),
                tr("Copy the report, for a question or a bug report"),
                self._copy,
            ),
            (
                "mambahsiInstall",
                QPushButton(tr("&Install the engine…")),
                tr("Tells size and place first, and installs after your yes"),
                lambda: self._open("install"),
            ),
            (
                "mambahsiRemove",
                QPushButton(tr("&Remove engines…")),
                tr("Tells how much room it frees, and removes after your yes"),
                lambda: self._open("uninstall"),
            ),
        ):
            button.setObjectName(name)
            button.setToolTip(tip)
            button.clicked.connect(slot)
            row.addWidget(button)
        row.addStretch(1)
        return row

    def _open(self, action: str) -> None:
        self.make_way()
        open_install_dialog(action, self.kernels.is_wanted() and action == "install")

    def make_way(self) -> None:
        """Close QGIS's options, as OK does, for another window.

        They hold all other windows while they are open, and what is installed from is among what
        they have not kept yet.
        """
        window = self.window()
        if isinstance(window, QDialog) and window.isModal():
            self.apply()
            window.accept()

    def apply(self) -> None:
        """Keep the settings; called by QGIS."""
        chosen = self.python.filePath().strip()
        # Processing shows the same setting among its own, and remembers what it read.
        if SETTING in ProcessingConfig.settings:
            ProcessingConfig.settings[SETTING].setValue(chosen)
        QgsSettings().setValue(SETTING, chosen)
        if not self.index_problem.text():
            QgsSettings().setValue(INDEX_SETTING, self.index.text().strip())
        self._show_status()

    def _show_status(self) -> None:
        engine = find_engine()
        if engine.python is None:
            self.status.setText(engine.problem)
        else:
            self.status.setText(tr("Engine: {} ({})").format(engine.python, engine.origin))

    def _engine(self) -> Engine:
        """The engine that the fields name now, applied or not."""
        chosen = self.python.filePath().strip()
        return engine_named(chosen, tr("this page")) if chosen else find_engine()

    def _examine(self) -> None:
        engine = self._engine()
        self._facts = facts(engine)
        if engine.python is None:
            self.report.setPlainText("\n".join([engine.problem, "", *self._facts]))
            return
        self._end()
        self.report.setPlainText(tr("Examining {} …").format(engine.python))
        self.examine.setEnabled(False)
        self._task = EngineTask(
            tr("MambaHSI: examining the engine"),
            engine.python,
            None,
            lambda feedback: jobs.DoctorJob(),
            hidden=True,
        )
        self._lines: list[str] = []
        self._task.told.connect(self._hear)
        self._task.over.connect(self._examined)
        self._task.begin()

    def _hear(self, kind: str, text: str) -> None:
        if kind == "info":
            self._lines.append(text)

    def _examined(self) -> None:
        task = self._task
        if task is None:
            return
        if task.result is not None:
            verdict = tr("The engine works.")
            lines = str(task.result.get("report", "")).splitlines()
        else:
            failure = task.failure
            verdict = f"{failure.message} {failure.hint}".strip() if failure else ""
            lines = self._lines
        self.report.setPlainText("\n".join([verdict, "", *self._facts, *lines]))
        self._end()

    def _copy(self) -> None:
        QgsApplication.clipboard().setText(self.report.toPlainText())

    def _end(self) -> None:
        if self._task is not None:
            self._task.told.disconnect(self._hear)
            self._task.over.disconnect(self._examined)
            if self._task.result is None and self._task.failure is None:
                self._task.cancel()
            self._task = None
        self.examine.setEnabled(True)

    def hideEvent(self, event: Any) -> None:
        """Ask no longer when the dialog is closed; called by Qt."""
        if not event.spontaneous() and not self.window().isVisible():
            self._end()
        super().hideEvent(event)
