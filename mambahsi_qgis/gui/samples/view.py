"""What the tab “Samples” looks like: its widgets and their order, and nothing that they do."""

from __future__ import annotations

from collections.abc import Sequence

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QSize, Qt
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from mambahsi_qgis.gui.samples.figures import Figures
from mambahsi_qgis.gui.samples.matrix import SeparabilityMatrix
from mambahsi_qgis.gui.samples.spectra import SpectraView
from mambahsi_qgis.translation import tr

NAMED_PAIRS = 5


class SamplesView(QScrollArea):
    """The widgets of the tab.

    Args:
        parent: Qt's parent.

    Attributes:
        check, cancel, refresh: What is done.
        bar: Moves while something is done.
        status: How it stands.
        warnings: What a colleague would point at.
        spectra: Spectra of the classes.
        worst: The least separable pairs in words.
        matrix: Distances of all pairs.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        content = QWidget()
        self.check = QPushButton(tr("Chec&k samples"))
        self.check.setObjectName("mambahsiSamplesButton")
        self.check.setToolTip(
            tr("Look at the pixels of the polygons as they are now, saved or not.")
        )
        self.cancel = QPushButton(tr("C&ancel"))
        self.cancel.setObjectName("mambahsiSamplesCancel")
        self.cancel.setToolTip(tr("Stop looking."))
        self.refresh = QCheckBox(tr("Re&fresh after edits"))
        self.refresh.setObjectName("mambahsiSamplesRefresh")
        self.refresh.setToolTip(
            tr("Look again by itself, a moment after polygons or classes were changed.")
        )
        self.bar = QProgressBar()
        self.bar.setObjectName("mambahsiSamplesProgress")
        self.bar.setAccessibleName(tr("Progress of the check"))
        self.bar.setToolTip(tr("The engine is looking at the samples."))
        self.bar.setRange(0, 0)
        self.status = _text("mambahsiSamplesStatus", tr("How the check stands."))
        self.warnings = QWidget()
        self.warnings.setObjectName("mambahsiSamplesWarnings")
        self.warnings.setAccessibleName(tr("Warnings"))
        self._warning_rows = QGridLayout(self.warnings)
        self._warning_rows.setContentsMargins(0, 0, 0, 0)
        self._warning_rows.setColumnStretch(1, 1)
        self.spectra = SpectraView(content)
        self.title = _text("mambahsiSamplesTitle", "")
        self.title.setText("<b>{}</b>".format(tr("Separability (Jeffries-Matusita, 0 to 2)")))
        self.title.setToolTip(
            tr(
                "0: two classes are alike; 2: they are apart. Where there are many bands, they are "
                "compared in principal components. Colors and words tell what is found beyond "
                "chance: few samples look separable whatever they are."
            )
        )
        self.worst = _text("mambahsiSamplesWorst", tr("The least separable pairs of classes."))
        self.matrix = SeparabilityMatrix(content)
        self.found = (self.warnings, self.spectra, self.title, self.worst, self.matrix)
        """What shows figures, and is hidden without."""
        column = QVBoxLayout(content)
        # Beside the box, so that nothing below moves when the bar comes and goes.
        for widgets in ((self.check, self.cancel), (self.refresh, self.bar)):
            row = QHBoxLayout()
            for widget in widgets:
                row.addWidget(widget)
            column.addLayout(row)
        for widget in (self.status, *self.found):
            column.addWidget(widget, 1 if widget is self.spectra else 0)
        column.addStretch()
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(content)

    def minimumSizeHint(self) -> QSize:
        """Wide enough for everything, since it scrolls up and down only."""
        width = self.widget().minimumSizeHint().width()
        width += self.verticalScrollBar().sizeHint().width()
        return QSize(width, super().minimumSizeHint().height())

    def show_figures(self, figures: Figures) -> None:
        """Show what was found."""
        self._warn(figures.warnings)
        self.spectra.show_figures(figures)
        worst = figures.worst(NAMED_PAIRS)
        separable = any(pair.distance is not None for pair in figures.pairs.values())
        if not worst and separable:
            worst = [tr("All pairs of classes are well separable.")]
        elif not figures.pairs:
            worst = [tr("Separability takes at least two classes.")]
        self.worst.setText("\n".join(worst))
        self.matrix.show_figures(figures)
        for widget in self.found:
            widget.setVisible(True)
        self.matrix.setVisible(bool(figures.pairs))
        self.warnings.setVisible(bool(figures.warnings))

    def show_nothing(self) -> None:
        """Show that nothing was found yet."""
        for widget in self.found:
            widget.setVisible(False)

    def _warn(self, texts: Sequence[str]) -> None:
        rows = self._warning_rows
        while rows.count():
            rows.takeAt(0).widget().deleteLater()
        size = self.fontMetrics().height()
        icon = QgsApplication.getThemeIcon("/mIconWarning.svg").pixmap(size, size)
        for number, text in enumerate(texts):
            mark = QLabel()
            mark.setPixmap(icon)
            mark.setAlignment(Qt.AlignmentFlag.AlignTop)
            label = _text(f"mambahsiSamplesWarning{number}", tr("What to look at."))
            label.setText(text)
            rows.addWidget(mark, number, 0)
            rows.addWidget(label, number, 1)


def _text(name: str, tip: str) -> QLabel:
    label = QLabel()
    label.setObjectName(name)
    label.setToolTip(tip)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    # Else a long name would make the whole dock as wide.
    label.setMinimumWidth(1)
    return label
