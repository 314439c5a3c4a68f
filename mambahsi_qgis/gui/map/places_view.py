"""“Where is it unsure?”: a threshold, the list of places, and the way through them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Optional

from qgis.core import QgsSettings
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QDoubleSpinBox,
    QGroupBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from mambahsi_qgis.engine.jobs import jobs
from mambahsi_qgis.gui.map.places import Place, Places
from mambahsi_qgis.gui.widgets import labeled
from mambahsi_qgis.translation import tr

_THRESHOLD = "mambahsi/unsureBelow"
_SIZE, _CONFIDENCE, _POLYGONS, _CLASSES = range(4)
"""Columns of the list."""

_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class PlacesView(QGroupBox):
    """Shows places and lets a person go through them.

    Knows neither layers nor the canvas.

    Args:
        parent: Qt's parent.
    """

    searched = pyqtSignal(float)
    """Look for places below this confidence."""
    stopped = pyqtSignal()
    """Look no longer."""
    chosen = pyqtSignal(int)
    """Go to the place of this index."""

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(tr("Where is it unsure?"), parent)
        self.setObjectName("mambahsiMapPlaces")
        self._places: Sequence[Place] = ()
        self._samples: Sequence[int] = ()
        self._is_searching = False
        layout = QVBoxLayout(self)
        layout.addLayout(self._search_row())
        self.list = self._make_list()
        layout.addWidget(self.list, 1)
        self.skips = QCheckBox(tr("S&kip places with training polygons"))
        self.skips.setObjectName("mambahsiMapSkip")
        self.skips.setToolTip(
            tr("Next and Previous go to places only in which no training polygon lies yet")
        )
        self.skips.setChecked(True)
        layout.addWidget(self.skips)
        layout.addLayout(self._way())
        self.status = QLabel()
        self.status.setObjectName("mambahsiMapStatus")
        self.status.setWordWrap(True)
        layout.addWidget(self.status)
        self.skips.toggled.connect(self._update)
        self._update()

    # Parts ---------------------------------------------------------------------------------

    def _search_row(self) -> QHBoxLayout:
        self.threshold = QDoubleSpinBox()
        self.threshold.setObjectName("mambahsiMapThreshold")
        self.threshold.setAccessibleName(tr("Unsure below"))
        self.threshold.setToolTip(
            tr(
                "Confidence below which a pixel is unsure. Below {:g}, its class is more likely "
                "wrong than right."
            ).format(jobs.UNSURE_BELOW)
        )
        self.threshold.setRange(0.05, 1.0)
        self.threshold.setSingleStep(0.05)
        kept = QgsSettings().value(_THRESHOLD, jobs.UNSURE_BELOW, type=float)
        self.threshold.setValue(kept)
        label = labeled(tr("Unsure &below"), self.threshold)
        self.find_button = QPushButton()
        self.find_button.setObjectName("mambahsiMapFind")
        self.find_button.clicked.connect(self._find)
        row = QHBoxLayout()
        row.addWidget(label)
        row.addWidget(self.threshold)
        row.addWidget(self.find_button, 1)
        return row

    def _make_list(self) -> QTreeWidget:
        tree = QTreeWidget()
        tree.setObjectName("mambahsiMapList")
        tree.setAccessibleName(tr("Unsure places, the largest first"))
        tree.setToolTip(
            tr(
                "Places of low confidence, the largest first. Choose one to go there. Regions "
                "much wider than the others are listed in parts."
            )
        )
        tree.setHeaderLabels([tr("Size"), tr("Confidence"), tr("Polygons"), tr("The map shows")])
        tree.headerItem().setToolTip(_POLYGONS, tr("Training polygons that lie there already"))
        tree.setRootIsDecorated(False)
        tree.setUniformRowHeights(True)
        tree.setAlternatingRowColors(True)
        tree.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        tree.header().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        tree.header().setSectionResizeMode(_CLASSES, QHeaderView.ResizeMode.Stretch)
        tree.currentItemChanged.connect(self._chosen)
        return tree

    def _way(self) -> QHBoxLayout:
        self.previous = QPushButton(tr("Previo&us"))
        self.previous.setObjectName("mambahsiMapPrevious")
        self.previous.setToolTip(tr("Go to the next larger place"))
        self.next = QPushButton(tr("Ne&xt"))
        self.next.setObjectName("mambahsiMapNext")
        self.next.setToolTip(tr("Go to the next smaller place"))
        self.previous.clicked.connect(lambda: self.go(-1))
        self.next.clicked.connect(lambda: self.go(1))
        row = QHBoxLayout()
        row.addWidget(self.previous)
        row.addWidget(self.next)
        return row

    # State ---------------------------------------------------------------------------------

    def set_searchable(self, problem: str) -> None:
        """Say why nothing can be looked for, or nothing."""
        self._problem = problem
        self.find_button.setToolTip(
            problem or tr("List the largest places of low confidence, and go to the first")
        )
        self._update()

    def set_searching(self, on: bool) -> None:
        """Show that the search runs, or does not."""
        self._is_searching = on
        self._update()

    def show_places(
        self, found: Optional[Places], names: Mapping[int, str], samples: Sequence[int]
    ) -> None:
        """List places, none of them chosen.

        Args:
            found: The places, or None.
            names: Names of the map's classes.
            samples: How many training polygons lie in each place.
        """
        self._places = found.places if found is not None else ()
        about = "" if found is None or found.exact else "\N{ALMOST EQUAL TO} "
        self.list.blockSignals(True)
        self.list.clear()
        for place in self._places:
            item = QTreeWidgetItem(
                [about + _size(place), f"{place.confidence:.2f}", "", _classes(place, names)]
            )
            item.setToolTip(_CLASSES, item.text(_CLASSES))
            for column in (_SIZE, _CONFIDENCE, _POLYGONS):
                item.setTextAlignment(column, _RIGHT)
            item.setToolTip(_SIZE, tr("{:,} pixels").format(place.pixels))
            self.list.addTopLevelItem(item)
        self.list.blockSignals(False)
        self._share = found.share if found is not None else None
        self.set_samples(samples)

    def set_samples(self, samples: Sequence[int]) -> None:
        """Mark the places in which training polygons lie."""
        self._samples = samples
        for index, number in enumerate(samples):
            self.list.topLevelItem(index).setText(_POLYGONS, str(number) if number else "")
        self._update()

    def tell(self, text: str) -> None:
        """Say something below the list."""
        self.status.setText(text)

    # What a person does --------------------------------------------------------------------

    @property
    def index(self) -> int:
        """Index of the chosen place, or -1."""
        item = self.list.currentItem()
        return self.list.indexOfTopLevelItem(item) if item is not None else -1

    def go(self, step: int) -> None:
        """Choose the next place in a direction."""
        index = self._following(step)
        if index is not None:
            self.list.setCurrentItem(self.list.topLevelItem(index))

    def _following(self, step: int) -> Optional[int]:
        index = self.index + step
        while 0 <= index < len(self._places):
            if not (self.skips.isChecked() and self._samples[index]):
                return index
            index += step
        return None

    def _find(self) -> None:
        if self._is_searching:
            self.stopped.emit()
        else:
            QgsSettings().setValue(_THRESHOLD, self.threshold.value())
            self.searched.emit(self.threshold.value())

    def _chosen(self) -> None:
        if self.index >= 0:
            self.chosen.emit(self.index)
        self._update()

    def _update(self) -> None:
        self.find_button.setText(tr("Stop") if self._is_searching else tr("F&ind places"))
        self.find_button.setEnabled(self._is_searching or not self._problem)
        self.next.setEnabled(self._following(1) is not None)
        self.previous.setEnabled(self._following(-1) is not None)
        self.tell(self._summary())

    def _summary(self) -> str:
        if self._is_searching:
            return tr("Looking for unsure places…")
        if self._share is None:
            return self._problem
        if not self._places:
            return tr("No unsure place: {:.1%} of the map is unsure, in single pixels.").format(
                self._share
            )
        said = tr("{:.1%} of the map is unsure.").format(self._share)
        if self.index >= 0:
            place = tr("Place {} of {}").format(self.index + 1, len(self._places))
            shows = self.list.currentItem().text(_CLASSES)
            return f"{place}: {shows}. {said}" if shows else f"{place}. {said}"
        if self._following(1) is None:
            said += " " + tr("All listed places hold training polygons.")
        return said

    _problem = ""
    _share: Optional[float] = None


def _size(place: Place) -> str:
    if place.hectares is None:
        return tr("{:,} pixels").format(place.pixels)
    digits = 0 if place.hectares >= 100 else 1 if place.hectares >= 1 else 2
    return tr("{} ha").format(f"{place.hectares:,.{digits}f}")


def _classes(place: Place, names: Mapping[int, str]) -> str:
    return ", ".join(
        f"{names.get(value, str(value))} {share:.0%}" for value, share in place.classes
    )
