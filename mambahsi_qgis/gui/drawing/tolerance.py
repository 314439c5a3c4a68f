"""A slider and a number for the same value.

The slider moves with the square of its position: similar spectra lie close together, so small
tolerances need the finer steps.
"""

from __future__ import annotations

import math
from typing import Optional

from qgis.PyQt.QtCore import QSignalBlocker, Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QAbstractSpinBox, QDoubleSpinBox, QHBoxLayout, QSlider, QWidget

from mambahsi_qgis.translation import tr

_STEPS = 500


class ToleranceControl(QWidget):
    """Slider and number, kept in step."""

    changed = pyqtSignal(float)
    """The user chose another tolerance."""

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setObjectName("mambahsiToleranceSlider")
        self.slider.setRange(0, _STEPS)
        self.slider.setSingleStep(_STEPS // 100)
        self.slider.setPageStep(_STEPS // 20)
        self.number = QDoubleSpinBox()
        self.number.setObjectName("mambahsiTolerance")
        self.number.setKeyboardTracking(False)
        self.number.setStepType(QAbstractSpinBox.StepType.AdaptiveDecimalStepType)
        for control in (self.slider, self.number):
            control.setAccessibleName(tr("Tolerance"))
            control.setToolTip(tr("How far a pixel's spectrum may be from that of the clicked one"))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.slider, 1)
        layout.addWidget(self.number)
        self.setFocusProxy(self.slider)
        self.slider.valueChanged.connect(self._slid)
        self.number.valueChanged.connect(self._numbered)

    def set_range(self, largest: float, suffix: str, decimals: Optional[int] = None) -> None:
        """Let the tolerance go up to a value; decimals follow from that unless they are given."""
        if decimals is None:
            decimals = min(max(3 - math.floor(math.log10(largest)), 0), 9) if largest else 0
        with QSignalBlocker(self.number):
            self.number.setDecimals(decimals)
            self.number.setRange(0.0, largest)
            self.number.setSuffix(suffix)
        self._follow()

    def set_value(self, value: float) -> None:
        """Show a tolerance."""
        with QSignalBlocker(self.number):
            self.number.setValue(value)
        self._follow()

    def _follow(self) -> None:
        largest = self.number.maximum()
        share = self.number.value() / largest if largest else 0.0
        with QSignalBlocker(self.slider):
            self.slider.setValue(round(_STEPS * math.sqrt(share)))

    def _slid(self, position: int) -> None:
        with QSignalBlocker(self.number):
            self.number.setValue(self.number.maximum() * (position / _STEPS) ** 2)
        self.changed.emit(self.number.value())

    def _numbered(self, value: float) -> None:
        self._follow()
        self.changed.emit(value)
