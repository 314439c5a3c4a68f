"""The settings of region growing, with what they give: shown while its tool is in use."""

from __future__ import annotations

from typing import Optional

from qgis.PyQt.QtCore import QSignalBlocker
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSpinBox,
    QWidget,
)

from mambahsi_qgis.gui.drawing.grower import SIDES, RegionGrower
from mambahsi_qgis.gui.drawing.tolerance import ToleranceControl
from mambahsi_qgis.gui.widgets import labeled
from mambahsi_qgis.region_growing import ANGLE, DISTANCE
from mambahsi_qgis.translation import tr

_LARGEST_ANGLE = 60.0


class GrowingOptions(QWidget):
    """Measure, tolerance, window, and the buttons that accept a region or give it up.

    Args:
        grower: What they set.
        parent: Owner.
    """

    def __init__(self, grower: RegionGrower, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.grower = grower
        self.measure = QComboBox()
        self.measure.setObjectName("mambahsiMeasure")
        self.measure.setAccessibleName(tr("Measure"))
        self.measure.setToolTip(
            tr(
                "Spectral angle: the shape of the spectrum counts, not its brightness, so shade "
                "matters little. Euclidean distance: brightness counts, too."
            )
        )
        self.measure.addItem(tr("Spectral angle"), ANGLE)
        self.measure.addItem(tr("Euclidean distance"), DISTANCE)
        self.measure.setCurrentIndex(self.measure.findData(grower.measure))
        self.tolerance = ToleranceControl()
        self.side = QSpinBox()
        self.side.setObjectName("mambahsiWindow")
        self.side.setAccessibleName(tr("Window"))
        self.side.setToolTip(
            tr("Side of the window around the clicked pixel that the region is looked for in")
        )
        self.side.setRange(*SIDES)
        self.side.setSingleStep(50)
        self.side.setSuffix(tr(" pixels"))
        self.side.setKeyboardTracking(False)
        self.side.setValue(grower.side)
        self.fill = QCheckBox(tr("&Fill holes"))
        self.fill.setObjectName("mambahsiFillHoles")
        self.fill.setToolTip(tr("Take pixels that the region surrounds into the polygon, too"))
        self.fill.setChecked(grower.fill_holes)
        self.told = QLabel()
        self.told.setObjectName("mambahsiRegion")
        self.told.setWordWrap(True)
        self.add = QPushButton(tr("&Add polygon"))
        self.add.setObjectName("mambahsiAddRegion")
        self.add.setToolTip(
            tr("Make the region a polygon of the selected class (Enter or right click on the map)")
        )
        self.give_up = QPushButton(tr("&Give up"))
        self.give_up.setObjectName("mambahsiGiveUpRegion")
        self.give_up.setToolTip(tr("Forget the region (Escape on the map)"))
        self._lay_out()

        self.measure.currentIndexChanged.connect(
            lambda index: grower.set_measure(self.measure.itemData(index))
        )
        self.tolerance.changed.connect(grower.set_tolerance)
        self.side.valueChanged.connect(grower.set_side)
        self.fill.toggled.connect(grower.set_fill_holes)
        self.add.clicked.connect(grower.accept)
        self.give_up.clicked.connect(grower.clear)
        grower.changed.connect(self._tell)
        grower.rangeChanged.connect(self._range)
        self._range()
        self._tell()

    def _lay_out(self) -> None:
        window = QHBoxLayout()
        window.addWidget(self.side)
        window.addWidget(self.fill)
        window.addStretch(1)
        end = QHBoxLayout()
        end.addWidget(self.told, 1)
        end.addWidget(self.add)
        end.addWidget(self.give_up)
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        for text, buddy, row in (
            (tr("Meas&ure"), self.measure, self.measure),
            (tr("&Tolerance"), self.tolerance, self.tolerance),
            (tr("W&indow"), self.side, window),
        ):
            label = labeled(text, buddy)
            # Some fonts draw the last letter wider than they say.
            letter = label.fontMetrics().averageCharWidth()
            label.setMinimumWidth(label.sizeHint().width() + letter // 2)
            form.addRow(label, row)
        form.addRow(end)

    def _range(self) -> None:
        grower = self.grower
        if grower.measure == ANGLE:
            self.tolerance.set_range(_LARGEST_ANGLE, "°", 2)
        else:
            self.tolerance.set_range(grower.largest_distance, "")
        # Before the first click in a scene nobody knows the size of its distances.
        known = grower.measure == ANGLE or grower.largest_distance > 0
        self.tolerance.setEnabled(known)
        self.tolerance.set_value(grower.tolerance)

    def _tell(self) -> None:
        grower = self.grower
        if grower.busy:
            text = tr("Reading spectra …")
        elif grower.inside is None:
            text = tr("Click a pixel on the map.")
        else:
            text = tr("{} pixels").format(f"{grower.pixels:n}")
            if grower.reaches_edge:
                text += tr("; the window ends the region")
        self.told.setText(text)
        self.add.setEnabled(grower.inside is not None and not grower.busy)
        self.give_up.setEnabled(grower.inside is not None or grower.busy)
        with QSignalBlocker(self.side):
            self.side.setValue(grower.side)
