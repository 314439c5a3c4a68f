"""What all parts of the dock share: the scene, the training layer, its classes.

The context keeps references, never copies: classes are read from the layer, and what was read
is forgotten as soon as the layer says that anything changed, whoever changed it. Scene and
layer become None before QGIS deletes them.
"""

from __future__ import annotations

from collections.abc import Callable
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
from qgis.PyQt.QtCore import QObject, pyqtSignal

from mambahsi_qgis.classes.edits import ClassEdits
from mambahsi_qgis.classes.fields import ClassFields, fields_of, remember
from mambahsi_qgis.classes.table import Row, TrainingClass
from mambahsi_qgis.classes.undo import ClassEditError, step
from mambahsi_qgis.gui.layer_watch import LayerWatch
from mambahsi_qgis.translation import tr

__all__ = ["TrainingClass", "TrainingContext"]


class TrainingContext(QObject):
    """The scene and the training layer that the dock works with.

    Args:
        iface: QGIS's interface to its window.
        parent: Owner.
    """

    sceneChanged = pyqtSignal()
    """Another scene was picked, or it was removed, or has another CRS or source."""
    layerChanged = pyqtSignal()
    """Another training layer or other fields of it were picked, or it was removed."""
    classesChanged = pyqtSignal()
    """Polygons or classes of the layer changed; emitted once after several changes."""
    layerEdited = pyqtSignal()
    """The layer has something to undo, to redo or to save that it had not, or the reverse."""
    selectedClassChanged = pyqtSignal()
    """Another class was selected, or the selected one changed or vanished."""
    mapMade = pyqtSignal(object)
    """A map was made."""

    def __init__(self, iface: Any, parent: Optional[QObject] = None) -> None:
        super().__init__(parent)
        self.iface = iface
        self._scene: Optional[QgsRasterLayer] = None
        self._watch: Optional[LayerWatch] = None
        self._selected: Optional[int] = None
        self._shown: Optional[TrainingClass] = None

    # Scene and layer ---------------------------------------------------------------------

    @property
    def scene(self) -> Optional[QgsRasterLayer]:
        """The scene, or None."""
        return self._scene

    @property
    def layer(self) -> Optional[QgsVectorLayer]:
        """The training layer, or None."""
        return self._watch.layer if self._watch is not None else None

    def set_scene(self, scene: Optional[QgsRasterLayer]) -> None:
        """Pick a scene, or none."""
        if scene is self._scene:
            return
        if self._scene is not None and not sip.isdeleted(self._scene):
            self._scene.willBeDeleted.disconnect(self._forget_scene)
            for signal in (self._scene.crsChanged, self._scene.dataSourceChanged):
                signal.disconnect(self.sceneChanged)
        self._scene = scene
        if scene is not None:
            scene.willBeDeleted.connect(self._forget_scene)
            # What was found of it is no longer true, as of another scene.
            for signal in (scene.crsChanged, scene.dataSourceChanged):
                signal.connect(self.sceneChanged)
        self.sceneChanged.emit()

    def set_layer(self, layer: Optional[QgsVectorLayer]) -> None:
        """Pick a training layer, or none."""
        if layer is not self.layer:
            self._watch_layer(layer)

    def set_fields(self, fields: ClassFields) -> None:
        """Choose the fields of the layer that hold its classes."""
        if self.layer is not None and fields != self.fields:
            remember(self.layer, fields)
            self._watch_layer(self.layer)

    @property
    def fields(self) -> ClassFields:
        """The fields of the layer that hold its classes."""
        return self._watch.fields if self._watch is not None else ClassFields()

    @property
    def class_field(self) -> str:
        """The field of class values; empty where the layer has none."""
        return self.fields.value

    @property
    def name_field(self) -> Optional[str]:
        """The field of class names, or None."""
        return self.fields.name

    @property
    def color_field(self) -> Optional[str]:
        """The field of class colors, or None."""
        return self.fields.color

    def close(self) -> None:
        """Let go of everything; nothing is told any more."""
        self.blockSignals(True)
        self.set_scene(None)
        self.set_layer(None)

    # Classes -----------------------------------------------------------------------------

    def rows(self) -> dict[int, Row]:
        """What every polygon says of its class, by feature id."""
        return self._watch.rows() if self._watch is not None else {}

    def classes(self) -> list[TrainingClass]:
        """The classes of the layer as it is now, ordered by value."""
        return self._watch.classes() if self._watch is not None else []

    def edit(self, change: Callable[[ClassEdits], Any]) -> Any:
        """Change classes, as one undo step; the message bar says why not.

        Args:
            change: What to do, such as ``lambda edits: edits.rename(3, "Forest")``.

        Returns:
            What ``change`` returns, or None where it failed.
        """
        if self._watch is None:
            self.warn(tr("Choose or create a training layer first."))
            return None
        try:
            result = change(self._watch.edits())
        except ClassEditError as error:
            self.warn(str(error))
            return None
        if self._watch is not None:
            self._watch.settle()
        return result

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
        layer, chosen = self.layer, self.selected_class
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
        said = (
            (self.class_field, chosen.value),
            (self.name_field, chosen.name),
            (self.color_field, chosen.color.name()),
        )
        values = {layer.fields().lookupField(field): value for field, value in said if field}
        try:
            with step(layer, tr("Add polygon of class “{}”").format(chosen.name)):
                for part in parts:
                    feature = QgsVectorLayerUtils.createFeature(layer, part, values)
                    if not layer.addFeature(feature):
                        raise ClassEditError(
                            tr("“{}” does not take the polygon.").format(layer.name())
                        )
        except ClassEditError as error:
            return self._refuse(str(error))
        return True

    def tell(self, text: str, level: Qgis.MessageLevel = Qgis.MessageLevel.Info) -> None:
        """Say something on QGIS's message bar."""
        self.iface.messageBar().pushMessage("MambaHSI", text, level)

    def warn(self, text: str) -> None:
        """Say on QGIS's message bar what cannot be done."""
        self.tell(text, Qgis.MessageLevel.Warning)

    def _refuse(self, text: str) -> bool:
        self.warn(text)
        return False

    # Changes by anybody --------------------------------------------------------------------

    def _watch_layer(self, layer: Optional[QgsVectorLayer]) -> None:
        if self._watch is not None:
            self._watch.close()
            self._watch = None
        if layer is not None:
            self._watch = LayerWatch(layer, fields_of(layer), self)
            self._watch.changed.connect(self._classes_changed)
            self._watch.edited.connect(self.layerEdited)
            self._watch.fieldsUpdated.connect(self._fields_updated)
            self._watch.replaced.connect(lambda: self._watch_layer(self.layer))
            self._watch.removed.connect(self._forget_layer)
            self._watch.refused.connect(self.warn)
        classes = self.classes()
        self._selected = classes[0].value if classes else None
        self._shown = self.selected_class
        self.layerChanged.emit()
        self.classesChanged.emit()
        self.selectedClassChanged.emit()

    def _fields_updated(self) -> None:
        if self.layer is not None and fields_of(self.layer) != self.fields:
            self._watch_layer(self.layer)

    def _classes_changed(self) -> None:
        self.classesChanged.emit()
        selected = self.selected_class
        if selected is None:
            # Of a class that vanished, the one after it, or the last.
            classes = self.classes()
            after = [c for c in classes if self._selected is None or c.value > self._selected]
            selected = next(iter(after or classes[-1:]), None)
            self._selected = selected.value if selected is not None else None
        if selected != self._shown:
            self._shown = selected
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
