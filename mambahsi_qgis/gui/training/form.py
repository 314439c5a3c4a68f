"""What a person chooses before a training: as little as possible, remembered for the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Optional

from qgis.core import QgsSettings
from qgis.gui import QgsFileWidget
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QLabel,
    QSpinBox,
    QWidget,
)

from mambahsi_qgis.algorithms.training import preset_help
from mambahsi_qgis.engine.jobs import jobs
from mambahsi_qgis.gui.training.devices import describe, device_for
from mambahsi_qgis.gui.training.order import Choices, epoch_limits
from mambahsi_qgis.translation import plain, tr, tr_engine

SETTINGS = "mambahsi/training"


class SetupForm(QWidget):
    """Preset, epochs, device, folder, and what is done at the end.

    Args:
        parent: Qt's parent.
    """

    changed = pyqtSignal()
    """Another device or folder was chosen."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        rows = QFormLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)

        self._preset = QComboBox()
        for name, preset in jobs.PRESETS.items():
            self._preset.addItem(name, name)
            last = self._preset.count() - 1
            self._preset.setItemData(
                last, tr_engine(preset.description), Qt.ItemDataRole.ToolTipRole
            )
        self._add(rows, tr("Networ&k:"), self._preset, "mambahsiTrainPreset", preset_help())

        least, most, default = epoch_limits()
        self._epochs = QSpinBox()
        self._epochs.setRange(least, most)
        self._epochs.setGroupSeparatorShown(True)
        tip = tr(
            "Passes over the training pixels. A first look takes 20 to 50; a map to keep takes {}."
        )
        self._add(rows, tr("Epochs:"), self._epochs, "mambahsiTrainEpochs", tip.format(default))

        self._device = QComboBox()
        for name in jobs.DEVICES:
            # Of several GPUs of a kind the engine tells, once it was asked.
            if ":" not in name:
                self._device.addItem(name, name)
        tip = tr("Where the network runs. “auto” takes a CUDA GPU where there is one.")
        self._add(rows, tr("Dev&ice:"), self._device, "mambahsiTrainDevice", tip)
        self.will_run = QLabel()
        self.will_run.setObjectName("mambahsiTrainWillRun")
        self.will_run.setWordWrap(True)
        self.will_run.setToolTip(tr("Where the network will run, as the engine says."))
        rows.addRow("", self.will_run)

        self._base = QgsFileWidget()
        self._base.setStorageMode(QgsFileWidget.StorageMode.GetDirectory)
        self._base.setDialogTitle(tr("Folder for the outputs"))
        tip = tr(
            "Every training makes a folder of its own in here, named by scene and time, for the "
            "map, the model and the report. Nothing is overwritten."
        )
        self._add(rows, tr("&Folder:"), self._base, "mambahsiTrainFolder", tip)
        self._base.lineEdit().setAccessibleName(tr("Folder for the outputs"))

        self._confidence = QCheckBox(tr("Confidence &as a layer, too"))
        self._confidence.setObjectName("mambahsiTrainConfidence")
        self._confidence.setToolTip(
            tr("Also writes how probable the class of every pixel is. Added below the map.")
        )
        rows.addRow(self._confidence)
        self._report = QCheckBox(tr("Open the report at the end"))
        self._report.setObjectName("mambahsiTrainOpensReport")
        self._report.setToolTip(tr("Opens it in your browser. It is written in any case."))
        rows.addRow(self._report)

        self._devices: Optional[Sequence[Mapping[str, Any]]] = None
        self._default_base = ""
        self._restore(default)
        self._device.currentIndexChanged.connect(self._device_changed)
        self._base.fileChanged.connect(lambda path: self.changed.emit())

    def choices(self) -> Choices:
        """What is chosen now."""
        return Choices(
            preset=self._preset.currentData(),
            epochs=self._epochs.value(),
            device=self._device.currentData(),
            base=self.base,
            confidence=self._confidence.isChecked(),
            opens_report=self._report.isChecked(),
        )

    @property
    def base(self) -> Path:
        """The folder that is chosen."""
        return Path(self._base.filePath() or self._default_base).expanduser()

    def suggest_base(self, folder: Path) -> None:
        """Set the folder, unless somebody chose another one than was suggested last."""
        untouched = self._base.filePath() in ("", self._default_base)
        self._default_base = str(folder)
        if untouched:
            self._base.setFilePath(str(folder))

    def set_devices(self, devices: Optional[Sequence[Mapping[str, Any]]]) -> None:
        """Show where the network will run; None while that is not known."""
        self._devices = devices
        graphics = [d["name"] for d in devices or () if str(d.get("name", "")).startswith("cuda:")]
        for name in graphics if len(graphics) > 1 else ():
            if name in jobs.DEVICES and self._device.findData(name) < 0:
                self._device.addItem(name, name)
        self._tell_device()

    def has_device(self) -> bool:
        """Whether the chosen device is there, as far as known."""
        chosen = self._device.currentData()
        return self._devices is None or device_for(chosen, self._devices) is not None

    def remember(self) -> None:
        """Keep the choices for the next time."""
        chosen = self.choices()
        settings = QgsSettings()
        for name in ("preset", "epochs", "device", "confidence", "opens_report"):
            settings.setValue(f"{SETTINGS}/{name}", getattr(chosen, name))

    def _restore(self, epochs: int) -> None:
        settings = QgsSettings()
        defaults = jobs.TrainJob
        # One of several GPUs, chosen last time: the list has it once the engine was asked.
        last = settings.value(f"{SETTINGS}/device", "")
        if last in jobs.DEVICES and self._device.findData(last) < 0:
            self._device.addItem(last, last)
        for name, box, default in (
            ("preset", self._preset, defaults.preset),
            ("device", self._device, defaults.device),
        ):
            found = box.findData(settings.value(f"{SETTINGS}/{name}", default))
            box.setCurrentIndex(found if found >= 0 else box.findData(default))
        self._epochs.setValue(settings.value(f"{SETTINGS}/epochs", epochs, type=int))
        for name, check in (("confidence", self._confidence), ("opens_report", self._report)):
            check.setChecked(settings.value(f"{SETTINGS}/{name}", True, type=bool))

    def _device_changed(self) -> None:
        self._tell_device()
        self.changed.emit()

    def _tell_device(self) -> None:
        if self._devices is None:
            self.will_run.setText("")
            return
        device = device_for(self._device.currentData(), self._devices)
        self.will_run.setText(
            tr("Will run on: {}.").format(describe(device))
            if device is not None
            else tr("The engine sees no such device here. Choose “auto” or “cpu”.")
        )

    @staticmethod
    def _add(rows: QFormLayout, label: str, field: QWidget, name: str, tip: str) -> None:
        field.setObjectName(name)
        field.setToolTip(tip)
        field.setAccessibleName(plain(label))
        rows.addRow(label, field)  # which makes the field the label's buddy
