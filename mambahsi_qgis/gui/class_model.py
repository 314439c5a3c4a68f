"""The classes as a table: color and name, value, polygons, pixels.

The model holds no classes of its own but those of the context, read again whenever it tells of
a change; so that rows keep their place while only a name or a number changes.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Optional

from qgis.PyQt.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt
from qgis.PyQt.QtGui import QColor, QIcon, QPixmap

from mambahsi_qgis.classes.table import TrainingClass
from mambahsi_qgis.gui.context import TrainingContext
from mambahsi_qgis.gui.pixel_counts import PixelCounts
from mambahsi_qgis.translation import tr

NAME, VALUE, POLYGONS, PIXELS = range(4)

_SWATCH = 64
"""Pixels of a color's square, which is shown smaller, sharp on any screen."""

_Role = Qt.ItemDataRole


class ClassModel(QAbstractTableModel):
    """Rows are classes.

    Args:
        context: Whose classes.
        pixels: Their pixels.
        parent: Owner.
    """

    def __init__(
        self, context: TrainingContext, pixels: PixelCounts, parent: Optional[QObject] = None
    ) -> None:
        super().__init__(parent)
        self._context = context
        self._pixels = pixels
        self._classes: list[TrainingClass] = []
        self._polygons: Counter[Optional[int]] = Counter()
        context.classesChanged.connect(self._read)
        pixels.changed.connect(self._counted)
        self._read()

    def class_at(self, row: int) -> TrainingClass:
        """The class in a row."""
        return self._classes[row]

    def row_of(self, value: int) -> int:
        """The row of a class, or -1."""
        values = [c.value for c in self._classes]
        return values.index(value) if value in values else -1

    def summary(self) -> str:
        """What is missing before anything can be drawn, or how much there is."""
        if self._context.layer is None:
            return tr("Choose a training layer above, or make a new one.")
        if not self._context.class_field:
            return tr("The layer has no field for classes yet: see Fields above.")
        if not self._classes:
            return tr("Add a class to draw polygons of.")
        number = sum(self._polygons.values())
        texts = [tr("1 polygon") if number == 1 else tr("{} polygons").format(number)]
        known = [self._pixels.of(c.value) for c in self._classes]
        if self._context.scene is not None and self._pixels.is_current():
            texts.append(tr("{} pixels").format(sum(p.own for p in known if p is not None)))
            disputed = any(p is not None and p.disputed for p in known)
            if disputed:
                texts.append(tr("polygons of different classes overlap"))
        if self._polygons[None]:
            texts.append(tr("{} polygons have no class").format(self._polygons[None]))
        return ", ".join(texts)

    def _read(self) -> None:
        classes = self._context.classes()
        same = [c.value for c in classes] == [c.value for c in self._classes]
        if not same:
            self.beginResetModel()
        self._classes = classes
        self._polygons = Counter(row.value for row in self._context.rows().values())
        if not same:
            self.endResetModel()
        elif classes:
            self.dataChanged.emit(self.index(0, 0), self.index(len(classes) - 1, PIXELS))

    def _counted(self) -> None:
        if self._classes:
            last = self.index(len(self._classes) - 1, PIXELS)
            self.dataChanged.emit(self.index(0, PIXELS), last)

    # What Qt asks -------------------------------------------------------------------------

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008
        """Number of classes."""
        return 0 if parent.isValid() else len(self._classes)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008
        """Number of columns."""
        return 0 if parent.isValid() else 4

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        """Titles of columns, with what they mean."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == _Role.DisplayRole:
            return (tr("Class"), tr("Value"), tr("Polygons"), tr("Pixels"))[section]
        if role == _Role.ToolTipRole:
            return (
                tr("Color and name. Edit the name with F2 or a double click."),
                tr("Value in the class field and in the land-cover map"),
                tr("Polygons of this class, those not saved yet included"),
                tr(
                    "Pixels of the scene whose centers lie in these polygons, each counted once. "
                    "Pixels that several classes hold are left out, as in training."
                ),
            )[section]
        return None

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        """Names can be edited."""
        flags = super().flags(index)
        return flags | Qt.ItemFlag.ItemIsEditable if index.column() == NAME else flags

    def data(self, index: QModelIndex, role: int = 0) -> Any:
        """What a cell shows."""
        if not index.isValid() or index.row() >= len(self._classes):
            return None
        shown = self._classes[index.row()]
        column = index.column()
        if role in (_Role.DisplayRole, _Role.EditRole):
            if column == NAME:
                return shown.name
            if column == VALUE:
                return shown.value
            if column == POLYGONS:
                return self._polygons[shown.value]
            return self._pixel_text(shown.value)
        if role == _Role.DecorationRole and column == NAME:
            return _swatch(shown.color)
        if role == _Role.ToolTipRole:
            return self._explanation(shown, column)
        if role == _Role.AccessibleTextRole and column == NAME:
            return tr("{}, color {}").format(shown.name, shown.color.name())
        if role == _Role.TextAlignmentRole and column != NAME:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return None

    def setData(self, index: QModelIndex, value: Any, role: int = 0) -> bool:
        """Rename a class."""
        if role != _Role.EditRole or index.column() != NAME:
            return False
        chosen = self._classes[index.row()].value
        self._context.edit(lambda edits: edits.rename(chosen, str(value)))
        return True

    def _pixel_text(self, value: int) -> str:
        pixels = self._pixels.of(value)
        if pixels is None:
            known = self._pixels.is_current() and self._context.scene is not None
            return "0" if known else "…"
        return f"{pixels.own:n}" if self._pixels.is_current() else f"{pixels.own:n} …"

    def _explanation(self, shown: TrainingClass, column: int) -> str:
        if column == NAME:
            return f"{shown.name} ({shown.color.name()})"
        if column != PIXELS:
            return ""
        if self._context.scene is None:
            return tr("Choose a scene to count its pixels.")
        pixels = self._pixels.of(shown.value)
        if pixels is None:
            return ""
        parts = [tr("{} pixels").format(pixels.own)]
        if pixels.disputed:
            parts.append(
                tr("{} more belong to other classes too and are left out").format(pixels.disputed)
            )
        if pixels.missed:
            parts.append(tr("{} polygons hold no pixel center").format(pixels.missed))
        return "\n".join(parts)


def _swatch(color: QColor) -> QIcon:
    """A square of a color, which stays that color in a selected row."""
    square = QPixmap(_SWATCH, _SWATCH)
    square.fill(color)
    icon = QIcon(square)
    icon.addPixmap(square, QIcon.Mode.Selected)
    return icon
