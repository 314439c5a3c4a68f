"""Listens to the training layer, whoever changes it, and keeps its style in step.

Reading all polygons at every change would freeze QGIS with large layers. So what the polygons
say is read once; after that only those that the layer reports as changed are read again, and
all of them where the layer says no more than that something happened.

The style follows the polygons. Where somebody changes names or colors of classes in the
style, with QGIS's own dialogs, the polygons follow the style instead, as one undo step.
A class that came into the style only because a polygon got its value leaves it again with its
last polygon, until edits are saved: so undoing leaves nothing behind.
"""

from __future__ import annotations

from typing import Any, Optional

from qgis.core import QgsFeatureRequest, QgsVectorLayer
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal

from mambahsi_qgis.classes import style
from mambahsi_qgis.classes.edits import ClassEdits
from mambahsi_qgis.classes.fields import ClassFields
from mambahsi_qgis.classes.layer import keeps_style, save_style
from mambahsi_qgis.classes.reading import (
    class_places,
    entries_of_rows,
    read_classes,
    row_of,
    rows_of,
)
from mambahsi_qgis.classes.table import Entry, Row, TrainingClass
from mambahsi_qgis.classes.undo import ClassEditError

_SINGLE = 200
"""Up to so many changed polygons are read one by one; more, and all are read."""

_STYLE_PAUSE = 300
"""Milliseconds without a change of the style, such as while a color is being dragged."""


class LayerWatch(QObject):
    """What a layer's polygons and style say of its classes, always up to date.

    Args:
        layer: The layer.
        fields: Its fields.
        parent: Owner.
    """

    changed = pyqtSignal()
    """Polygons or classes changed; once after several changes."""
    edited = pyqtSignal()
    """The layer's edit buffer or undo stack changed."""
    fieldsUpdated = pyqtSignal()
    """The layer has other fields."""
    replaced = pyqtSignal()
    """The layer has another CRS or source."""
    removed = pyqtSignal()
    """The layer is about to be deleted."""
    refused = pyqtSignal(str)
    """The polygons or the file cannot follow the style, for this reason."""

    def __init__(
        self, layer: QgsVectorLayer, fields: ClassFields, parent: Optional[QObject] = None
    ) -> None:
        super().__init__(parent)
        self.layer = layer
        self.fields = fields
        self._rows: Optional[dict[int, Row]] = None
        self._polygons: Optional[dict[int, Entry]] = None
        self._places = class_places(layer, fields)
        self._dirty: set[int] = set()
        self._provisional: set[int] = set()
        self._style_touched = False
        self._style_to_save = False
        self._settle = self._timer(0, self._settled)
        self._edit_rest = self._timer(0, self.edited.emit)
        self._style_rest = self._timer(_STYLE_PAUSE, self._take_from_style)
        self._signals = (
            (layer.willBeDeleted, self.removed),
            (layer.crsChanged, self.replaced),
            (layer.dataSourceChanged, self.replaced),
            (layer.layerModified, self._layer_edited),
            (layer.editingStarted, self._layer_edited),
            (layer.editingStopped, self._layer_edited),
            (layer.featureAdded, self._feature_changed),
            (layer.featureDeleted, self._feature_deleted),
            (layer.attributeValueChanged, self._attribute_changed),
            (layer.geometryChanged, self._geometry_changed),
            (layer.afterRollBack, self._anything_changed),
            (layer.afterCommitChanges, self._committed),
            (layer.dataChanged, self._anything_changed),
            (layer.subsetStringChanged, self._anything_changed),
            (layer.styleChanged, self._style_changed),
            (layer.rendererChanged, self._style_changed),
            (layer.updatedFields, self._fields_updated),
        )
        for signal, slot in self._signals:
            signal.connect(slot)
        self._seen = self._style()

    def _timer(self, milliseconds: int, slot: Any) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(milliseconds)
        timer.timeout.connect(slot)
        return timer

    def close(self) -> None:
        """Listen no more."""
        for timer in (self._settle, self._edit_rest, self._style_rest):
            timer.stop()
        if not sip.isdeleted(self.layer):
            for signal, slot in self._signals:
                signal.disconnect(slot)
        self.deleteLater()

    # What there is ------------------------------------------------------------------------

    def rows(self) -> dict[int, Row]:
        """What every polygon says of its class, by feature id."""
        if self._rows is None or self._dirty:
            self._polygons = None
        if self._rows is None or len(self._dirty) > _SINGLE:
            self._rows = rows_of(self.layer, self.fields)
        elif self._dirty:
            request = QgsFeatureRequest().setFilterFids(list(self._dirty))
            request.setFlags(QgsFeatureRequest.Flag.NoGeometry)
            for feature in self.layer.getFeatures(request):
                self._rows[feature.id()] = row_of(feature, self.fields)
        self._dirty.clear()
        return self._rows

    def polygons(self) -> dict[int, Entry]:
        """What the polygons say of each class."""
        rows = self.rows()
        if self._polygons is None:
            self._polygons = entries_of_rows(rows)
        return self._polygons

    def classes(self) -> list[TrainingClass]:
        """The classes of the layer as it is now, ordered by value."""
        return read_classes(self.layer, self.fields, self.polygons(), self._newer_in_style())

    def edits(self) -> ClassEdits:
        """What changes the classes."""
        return ClassEdits(self.layer, self.fields, self.rows(), self._provisional)

    def _style(self) -> dict[int, Entry]:
        return style.entries_of_style(self.layer, self.fields, self.polygons())

    def _newer_in_style(self) -> set[int]:
        """Values of classes that somebody else just changed in the style."""
        if not self._style_touched:
            return set()
        return {v for v, entry in self._style().items() if entry != self._seen.get(v)}

    # What the layer says ------------------------------------------------------------------

    def _layer_edited(self) -> None:
        self._edit_rest.start()

    def _feature_changed(self, feature: int) -> None:
        self._dirty.add(feature)
        self._settle.start()

    def _feature_deleted(self, feature: int) -> None:
        self._dirty.discard(feature)
        if self._rows is not None:
            self._rows.pop(feature, None)
            self._polygons = None
        self._settle.start()

    def _attribute_changed(self, feature: int, place: int, value: Any) -> None:
        if place in self._places:
            self._feature_changed(feature)

    def _geometry_changed(self, feature: int, geometry: Any) -> None:
        self._settle.start()

    def _anything_changed(self) -> None:
        self._rows = self._polygons = None
        self._places = class_places(self.layer, self.fields)
        self._dirty.clear()
        self._settle.start()

    def _committed(self) -> None:
        self._provisional.clear()
        self._style_to_save = keeps_style(self.layer)
        self._anything_changed()

    def _style_changed(self) -> None:
        if not style.is_written(self.layer):
            self._style_touched = True
            self._style_rest.start()
        self._settle.start()

    def _fields_updated(self) -> None:
        # A default value that the style's writer sets is reported, too.
        if not style.is_written(self.layer):
            self._anything_changed()
            self.fieldsUpdated.emit()

    # What follows -------------------------------------------------------------------------

    def settle(self) -> None:
        """Let everything follow now that changes call for."""
        if self._settle.isActive():
            self._settle.stop()
            self._settled()

    def _settled(self) -> None:
        """Let the style follow the polygons, then tell."""
        if not self._style_touched:
            self._follow()
            self._save_style()
        self.changed.emit()

    def _follow(self) -> None:
        held = {row.value for row in self.rows().values()}
        gone = {value for value in self._provisional if value not in held}
        classes = [c for c in self.classes() if c.value not in gone]
        before = set(self._style())
        changes = style.differences(self.layer, self.fields, classes) if self.fields.value else {}
        if changes:
            style.write(self.layer, self.fields, changes)
        self._provisional -= gone
        self._provisional |= set(self._style()) - before
        self._seen = self._style()

    def _take_from_style(self) -> None:
        """Let the polygons follow what somebody changed in the style."""
        newer = self._newer_in_style()
        polygons = self.polygons()
        changed = [
            c
            for c in self.classes()
            if c.value in newer
            and c.value in polygons
            and (
                (self.fields.name and c.name != polygons[c.value].name)
                or (self.fields.color and c.color.name() != polygons[c.value].color)
            )
        ]
        try:
            if changed:
                self.edits().follow_style(changed)
        except ClassEditError as error:
            self.refused.emit(str(error))
        self._style_touched = False
        self._seen = self._style()
        self._settle.start()

    def _save_style(self) -> None:
        """Keep the style in the layer's file, where classes without polygons would be lost."""
        if self._style_to_save:
            self._style_to_save = False
            problem = save_style(self.layer)
            if problem:
                self.refused.emit(problem)
