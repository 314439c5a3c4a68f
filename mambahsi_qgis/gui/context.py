"""What all parts of the dock share: the scene, the training layer, its classes.

The context keeps references, never copies: classes are read from the layer, and what was read
is forgotten as soon as the layer says that anything changed, whoever changed it. Scene and
layer become None before QGIS deletes them.
"""

from __future__ import annotations

from typing import Any, Optional

from qgis.core import (
    Qgis,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsGeometry,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
    QgsVectorLayerUtils,
    QgsWkbTypes,
)
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal

from mambahsi_qgis.classes.fields import ClassFields, fields_of, remember
from mambahsi_qgis.classes.style import entries_of_form, entries_of_renderer
from mambahsi_qgis.classes.table import Row, TrainingClass, combine, entries_of_rows, rows_of
from mambahsi_qgis.translation import tr

__all__ = ["TrainingClass", "TrainingContext"]


class TrainingContext(QObject):
    """The scene and the training layer that the dock works with.

    Args:
        iface: QGIS's interface to its window.
        parent: Owner.
    """

    sceneChanged = pyqtSignal()
    """Another scene was picked, or it was removed."""
    layerChanged = pyqtSignal()
    """Another training layer or other fields of it were picked, or it was removed."""
    classesChanged = pyqtSignal()
    """Polygons or classes of the layer changed; emitted once after several changes."""
    selectedClassChanged = pyqtSignal()
    """Another class was selected, or the selected one changed or vanished."""
    mapMade = pyqtSignal(object)
    """A map was made."""

    def __init__(self, iface: Any, parent: Optional[QObject] = None) -> None:
        super().__init__(parent)
        self.iface = iface
        self._scene: Optional[QgsRasterLayer] = None
        self._layer: Optional[QgsVectorLayer] = None
        self._fields = ClassFields()
        self._rows: Optional[dict[int, Row]] = None
        self._selected: Optional[int] = None
        self._shown: Optional[TrainingClass] = None
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(0)
        self._settle.timeout.connect(self._settled)

    # Scene and layer ---------------------------------------------------------------------

    @property
    def scene(self) -> Optional[QgsRasterLayer]:
        """The scene, or None."""
        return self._scene

    @property
    def layer(self) -> Optional[QgsVectorLayer]:
        """The training layer, or None."""
        return self._layer

    def set_scene(self, scene: Optional[QgsRasterLayer]) -> None:
        """Pick a scene, or none."""
        if scene is self._scene:
            return
        if self._scene is not None and not sip.isdeleted(self._scene):
            self._scene.willBeDeleted.disconnect(self._forget_scene)
        self._scene = scene
        if scene is not None:
            scene.willBeDeleted.connect(self._forget_scene)
        self.sceneChanged.emit()

    def set_layer(self, layer: Optional[QgsVectorLayer]) -> None:
        """Pick a training layer, or none."""
        if layer is self._layer:
            return
        self._connect(False)
        self._layer = layer
        self._fields = fields_of(layer) if layer is not None else ClassFields()
        self._connect(True)
        self._layer_is_other()

    def set_fields(self, fields: ClassFields) -> None:
        """Choose the fields of the layer that hold its classes."""
        if self._layer is not None and fields != self._fields:
            remember(self._layer, fields)
            self._fields = fields_of(self._layer)
            self._layer_is_other()

    @property
    def fields(self) -> ClassFields:
        """The fields of the layer that hold its classes."""
        return self._fields

    @property
    def class_field(self) -> str:
        """The field of class values; empty where the layer has none."""
        return self._fields.value

    @property
    def name_field(self) -> Optional[str]:
        """The field of class names, or None."""
        return self._fields.name

    @property
    def color_field(self) -> Optional[str]:
        """The field of class colors, or None."""
        return self._fields.color

    def close(self) -> None:
        """Let go of everything; nothing is told any more."""
        self._settle.stop()
        self.blockSignals(True)
        self.set_scene(None)
        self.set_layer(None)

    # Classes -----------------------------------------------------------------------------

    def rows(self) -> dict[int, Row]:
        """What every polygon says of its class, by feature id."""
        if self._layer is None or not self.class_field:
            return {}
        if self._rows is None:
            self._rows = rows_of(self._layer, self._fields)
        return self._rows

    def classes(self) -> list[TrainingClass]:
        """The classes of the layer as it is now, ordered by value."""
        if self._layer is None or not self.class_field:
            return []
        style = entries_of_renderer(self._layer, self._fields)
        form = entries_of_form(self._layer, self._fields)
        return combine([entries_of_rows(self.rows()), style, form])

    @property
    def selected_class(self) -> Optional[TrainingClass]:
        """The class that new polygons get, or None."""
        return next((c for c in self.classes() if c.value == self._selected), None)

    def select_class(self, value: Optional[int]) -> None:
        """Select the class that new polygons get."""
        if value != self._selected:
            self._selected = value
            self._shown = self.selected_class
            self.selectedClassChanged.emit()

    # Polygons ----------------------------------------------------------------------------

    def add_polygon(self, geometry: QgsGeometry, crs: QgsCoordinateReferenceSystem) -> bool:
        """Add a polygon of the selected class to the layer's edit buffer, as one undo step.

        Args:
            geometry: A polygon; an invalid one is repaired.
            crs: Its CRS.

        Returns:
            Whether it was added; if not, the message bar says why.
        """
        layer, chosen = self._layer, self.selected_class
        if layer is None:
            return self._refuse(tr("Choose or create a training layer first."))
        if chosen is None:
            return self._refuse(tr("Select a class first."))
        geometry = QgsGeometry(geometry)
        try:
            geometry.transform(QgsCoordinateTransform(crs, layer.crs(), QgsProject.instance()))
        except QgsCsException:
            return self._refuse(
                tr("The polygon cannot be transformed to the CRS of “{}”.").format(layer.name())
            )
        parts = _polygons(geometry, layer.wkbType())
        if not parts:
            return self._refuse(tr("The polygon has no area."))
        if not layer.isEditable() and not layer.startEditing():
            return self._refuse(tr("“{}” cannot be edited.").format(layer.name()))
        said = (
            (self.class_field, chosen.value),
            (self.name_field, chosen.name),
            (self.color_field, chosen.color.name()),
        )
        values = {layer.fields().lookupField(field): value for field, value in said if field}
        layer.beginEditCommand(tr("Add polygon of class “{}”").format(chosen.name))
        added = all(
            layer.addFeature(QgsVectorLayerUtils.createFeature(layer, part, values))
            for part in parts
        )
        if not added:
            layer.destroyEditCommand()
            return self._refuse(tr("“{}” does not take the polygon.").format(layer.name()))
        layer.endEditCommand()
        layer.triggerRepaint()
        return True

    def tell(self, text: str, level: Qgis.MessageLevel = Qgis.MessageLevel.Info) -> None:
        """Say something on QGIS's message bar."""
        self.iface.messageBar().pushMessage("MambaHSI", text, level)

    def _refuse(self, text: str) -> bool:
        self.tell(text, Qgis.MessageLevel.Warning)
        return False

    # Changes by anybody --------------------------------------------------------------------

    def _connect(self, on: bool) -> None:
        layer = self._layer
        if layer is None or sip.isdeleted(layer):
            return
        for signal, slot in (
            (layer.willBeDeleted, self._forget_layer),
            (layer.featureAdded, self._changed),
            (layer.featureDeleted, self._changed),
            (layer.attributeValueChanged, self._changed),
            (layer.geometryChanged, self._changed),
            (layer.afterRollBack, self._changed),
            (layer.afterCommitChanges, self._changed),
            (layer.dataChanged, self._changed),
            (layer.subsetStringChanged, self._changed),
            (layer.styleChanged, self._changed),
            (layer.rendererChanged, self._changed),
            (layer.editFormConfigChanged, self._changed),
            (layer.updatedFields, self._fields_updated),
        ):
            signal.connect(slot) if on else signal.disconnect(slot)

    def _changed(self, *what: Any) -> None:
        self._rows = None
        self._settle.start()

    def _fields_updated(self) -> None:
        if self._layer is not None:
            fields = fields_of(self._layer)
            self._changed()
            if fields != self._fields:
                self._fields = fields
                self._layer_is_other()

    def _settled(self) -> None:
        """Tell of changes, once for many."""
        self.classesChanged.emit()
        selected = self.selected_class
        if selected != self._shown:
            self._shown = selected
            self.selectedClassChanged.emit()

    def _layer_is_other(self) -> None:
        self._rows = None
        self._settle.stop()
        self.layerChanged.emit()
        self.classesChanged.emit()
        classes = self.classes()
        self._selected = self._shown = None
        if classes:
            self.select_class(classes[0].value)
        else:
            self.selectedClassChanged.emit()

    def _forget_scene(self) -> None:
        self.set_scene(None)

    def _forget_layer(self) -> None:
        self.set_layer(None)


def _polygons(geometry: QgsGeometry, kind: QgsWkbTypes.Type) -> list[QgsGeometry]:
    """The polygons of a geometry, made valid, as a layer of this type takes them."""
    if not geometry.isGeosValid():
        geometry = geometry.makeValid()
    polygons = [
        part
        for part in geometry.asGeometryCollection()
        if part.type() == QgsWkbTypes.GeometryType.PolygonGeometry and part.area() > 0
    ]
    if not polygons:
        return []
    return list(QgsGeometry.collectGeometry(polygons).coerceToType(kind))
