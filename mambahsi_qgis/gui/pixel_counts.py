"""Counts the pixels of the classes beside the window, whenever polygons or scene change.

A task burns polygons that changed and remembers the others by what they look like. It reads a
snapshot of the layer, unsaved edits included, so QGIS stays responsive with large layers.
"""

from __future__ import annotations

import traceback
from typing import ClassVar, Optional

import numpy as np
from qgis.core import (
    QgsApplication,
    QgsCoordinateTransform,
    QgsCsException,
    QgsFeatureRequest,
    QgsProject,
    QgsRasterLayer,
    QgsTask,
    QgsVectorLayerFeatureSource,
)
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal

from mambahsi_qgis.classes.fields import ClassFields
from mambahsi_qgis.classes.pixels import NO_RUNS, ClassPixels, PixelGrid, count, grid_of, runs_of
from mambahsi_qgis.classes.reading import row_of
from mambahsi_qgis.engine import rasters
from mambahsi_qgis.gui.context import TrainingContext
from mambahsi_qgis.spectra import geotransform_of
from mambahsi_qgis.translation import tr

_PAUSE = 100
"""Milliseconds to wait for further changes."""

Known = dict[int, tuple[bytes, np.ndarray]]
"""What a polygon looked like when it was burned, and its runs; by feature id."""


class PixelCounts(QObject):
    """The pixels of each class, as last counted.

    Args:
        context: Scene and layer.
        parent: Owner.
    """

    changed = pyqtSignal()
    """New counts, or none any more."""

    def __init__(self, context: TrainingContext, parent: Optional[QObject] = None) -> None:
        super().__init__(parent)
        self._context = context
        self._counts: dict[int, ClassPixels] = {}
        self._known: Known = {}
        self._grid: Optional[PixelGrid] = None
        self._task: Optional[_Count] = None
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE)
        self._pause.timeout.connect(self._start)
        context.classesChanged.connect(self._restart)
        context.layerChanged.connect(self._forget)
        context.sceneChanged.connect(self._forget)
        self._restart()

    def of(self, value: int) -> Optional[ClassPixels]:
        """The pixels of a class, or None where they are not known."""
        return self._counts.get(value)

    def is_current(self) -> bool:
        """Whether nothing has changed since they were counted."""
        return not self._pause.isActive() and self._task is None

    def close(self) -> None:
        """Count no more."""
        self._pause.stop()
        self._stop()

    def _forget(self) -> None:
        self._known, self._counts, self._grid = {}, {}, None
        self._restart()

    def _restart(self) -> None:
        self._stop()
        self._pause.start()
        self.changed.emit()

    def _stop(self) -> None:
        task, self._task = self._task, None
        if task is not None and not sip.isdeleted(task):
            task.done.disconnect(self._done)
            task.cancel()

    def _start(self) -> None:
        scene, layer = self._context.scene, self._context.layer
        if scene is None or layer is None or not self._context.class_field:
            self._counts = {}
            self.changed.emit()
            return
        transform = QgsCoordinateTransform(layer.crs(), scene.crs(), QgsProject.instance())
        self._grid = self._grid or _grid(scene)
        source = QgsVectorLayerFeatureSource(layer)
        self._task = _Count(source, self._context.fields, transform, self._grid, self._known)
        self._task.done.connect(self._done)
        QgsApplication.taskManager().addTask(self._task)

    def _done(self, counts: dict[int, ClassPixels], known: Known) -> None:
        self._task, self._counts, self._known = None, counts, known
        self.changed.emit()


class _Count(QgsTask):
    """Burns and counts."""

    done = pyqtSignal(object, object)

    _alive: ClassVar[list[_Count]] = []

    def __init__(
        self,
        source: QgsVectorLayerFeatureSource,
        fields: ClassFields,
        transform: QgsCoordinateTransform,
        grid: PixelGrid,
        known: Known,
    ) -> None:
        super().__init__(tr("Count pixels of training polygons"), QgsTask.Flag.CanCancel)
        self._source, self._fields, self._grid = source, fields, grid
        self._transform, self._known = transform, known
        self._counts: dict[int, ClassPixels] = {}
        self._fresh: Known = {}
        # The task manager owns the C++ part alone, also of a task that is cancelled.
        self._alive[:] = [self, *(old for old in self._alive if not sip.isdeleted(old))]

    def run(self) -> bool:
        """In a thread of its own, which no error may leave."""
        try:
            return self._count()
        except Exception:
            traceback.print_exc()
            return False  # so the numbers stay unknown

    def _count(self) -> bool:
        classes: dict[int, list[np.ndarray]] = {}
        for feature in self._source.getFeatures(QgsFeatureRequest()):
            if self.isCanceled():
                return False
            value = row_of(feature, self._fields).value
            if value is None:
                continue
            geometry = feature.geometry()
            looks = bytes(geometry.asWkb())
            before = self._known.get(feature.id())
            if before is not None and before[0] == looks:
                runs = before[1]
            else:
                try:
                    geometry.transform(self._transform)
                    runs = runs_of(geometry, self._grid)
                except QgsCsException:
                    runs = NO_RUNS
            self._fresh[feature.id()] = (looks, runs)
            classes.setdefault(value, []).append(runs)
        self._counts = count(classes)
        return True

    def finished(self, result: bool) -> None:
        """Back in the window's thread."""
        if result:
            self.done.emit(self._counts, self._fresh)


def _grid(scene: QgsRasterLayer) -> PixelGrid:
    """The scene's grid as its file has it: QGIS straightens what is rotated or mirrored."""
    dataset = rasters.open_dataset(scene)
    if dataset is not None:
        return grid_of(geotransform_of(dataset), dataset.RasterXSize, dataset.RasterYSize)
    box, columns, rows = scene.extent(), scene.width(), scene.height()
    across, down = box.width() / columns, -box.height() / rows
    return grid_of((box.xMinimum(), across, 0, box.yMaximum(), 0, down), columns, rows)
