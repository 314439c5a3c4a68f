"""What the tab “Train” looks like: its widgets and their order, and nothing that they do."""

from __future__ import annotations

from qgis.PyQt.QtCore import QEvent, QObject, QSize, Qt
from qgis.PyQt.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from mambahsi_qgis.gui.training.curve_view import CurveView
from mambahsi_qgis.gui.training.form import SetupForm
from mambahsi_qgis.translation import tr

BAR_STEPS = 1000


class TrainView(QScrollArea):
    """The widgets of the tab.

    Args:
        parent: Qt's parent.

    Attributes:
        form: What is chosen; gives its room to the curve while a training runs.
        about: What the training that runs, or ran last, is.
        engine: What there is to say of the engine.
        install, look: Install an engine; look for it again.
        hint: Warns of too few polygons.
        train, cancel, resume: What is done.
        bar: How much of it is done.
        status: The same in words; in the end, how it went.
        curve: Loss and validation accuracy by epoch.
        add_map, report, log, more: What can be done besides.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        content = QWidget()
        self.form = SetupForm(content)
        self.about = _text("mambahsiTrainAbout", tr("The training below."))
        self.engine = _text("mambahsiTrainEngine", tr("What there is to say of the engine."))
        self.install = _button(
            tr("Install the engine…"),
            "mambahsiTrainInstall",
            tr("Open “Install the engine” of the Processing toolbox."),
        )
        self.look = _button(
            tr("Look again"),
            "mambahsiTrainLook",
            tr("After an engine was set up, look for it again."),
        )
        self.hint = _text("mambahsiTrainHint", tr("What may go wrong with these polygons."))
        self.train = _button(
            tr("&Train"),
            "mambahsiTrainButton",
            tr("Train on the polygons as they are now, then classify the scene."),
        )
        self.cancel = _button(
            tr("Cancel"),
            "mambahsiTrainCancel",
            tr("Stop. All that was done is kept, and Resume goes on from there."),
        )
        self.resume = _button(tr("Res&ume"), "mambahsiTrainResume", "")
        self.bar = QProgressBar()
        self.bar.setObjectName("mambahsiTrainProgress")
        self.bar.setRange(0, BAR_STEPS)
        self.bar.setAccessibleName(tr("Progress of the training"))
        self.bar.setToolTip(tr("How much of training and classification is done."))
        self.status = _text("mambahsiTrainStatus", tr("How the training stands."))
        self.curve = CurveView(content)
        self.add_map = _button(
            tr("Add map"), "mambahsiTrainAddMap", tr("Add the map to this project.")
        )
        self.report = _button(
            tr("Open report"),
            "mambahsiTrainReport",
            tr("Open the report of the last training in your browser."),
        )
        self.log = _button(
            tr("Show lo&g"),
            "mambahsiTrainShowLog",
            tr("Show what the engine has told, and where its log file lies."),
        )
        self.more = _button(
            tr("More options…"),
            "mambahsiTrainMore",
            tr("Open “Train and classify” of the Processing toolbox with these choices."),
        )
        column = QVBoxLayout(content)
        for part in (
            *(self.form, self.engine, (self.install, self.look), self.hint),
            *((self.train, self.cancel, self.resume), self.about, self.bar, self.status),
            *((self.add_map, self.report), self.curve, (self.log, self.more)),
        ):
            if isinstance(part, tuple):
                row = QHBoxLayout()
                for widget in part:
                    row.addWidget(widget)
                column.addLayout(row)
            else:
                column.addWidget(part, 1 if part is self.curve else 0)
        column.addStretch()
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(content)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Ask for another width when the widgets need another one."""
        if event.type() == QEvent.Type.LayoutRequest and watched is self.widget():
            self.updateGeometry()
        return super().eventFilter(watched, event)

    def minimumSizeHint(self) -> QSize:
        """Wide enough for everything, since it scrolls up and down only."""
        width = self.widget().minimumSizeHint().width()
        width += self.verticalScrollBar().sizeHint().width()
        return QSize(width, super().minimumSizeHint().height())

    def say_of_engine(self, text: str, is_missing: bool) -> None:
        """Say something of the engine, or nothing, and offer help where it is missing."""
        self.engine.setText(text)
        self.engine.setVisible(bool(text))
        self.install.setVisible(is_missing)
        self.look.setVisible(is_missing)

    def warn(self, text: str) -> None:
        """Warn of something, or of nothing."""
        self.hint.setText(text)
        self.hint.setVisible(bool(text))


def _text(name: str, tip: str) -> QLabel:
    label = QLabel()
    label.setObjectName(name)
    label.setToolTip(tip)
    label.setWordWrap(True)
    label.setTextInteractionFlags(
        Qt.TextInteractionFlag.TextSelectableByMouse
        | Qt.TextInteractionFlag.LinksAccessibleByMouse
        | Qt.TextInteractionFlag.LinksAccessibleByKeyboard
    )
    # Else a long file name would make the whole dock as wide.
    label.setMinimumWidth(1)
    return label


def _button(text: str, name: str, tip: str) -> QPushButton:
    button = QPushButton(text)
    button.setObjectName(name)
    button.setToolTip(tip)
    return button
