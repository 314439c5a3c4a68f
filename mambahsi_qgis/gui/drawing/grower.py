"""A region that grows from a clicked pixel: what was asked, what was read, what it gives.

Holds the distances of one window, as far as they are read, and the settings. Whatever changes,
the region is found anew from the distances; only another pixel, measure or window reads.
"""

from __future__ import annotations

from typing import Optional

import numpy as np
from osgeo import gdal
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsGeometry,
    QgsPointXY,
    QgsProcessingException,
    QgsProject,
    QgsRasterLayer,
    QgsSettings,
)
from qgis.PyQt.QtCore import QObject, pyqtSignal

from mambahsi_qgis.engine import rasters
from mambahsi_qgis.growing_window import Part
from mambahsi_qgis.gui.context import TrainingContext
from mambahsi_qgis.gui.drawing.reading import Reading, SpectraThread, open_scene
from mambahsi_qgis.pixel_outline import outline
from mambahsi_qgis.region_growing import ANGLE, DISTANCE, MEASURES, Window, region
from mambahsi_qgis.spectra import SpectraError, SpectraReader
from mambahsi_qgis.translation import tr

SIDES = (11, 501)
"""Smallest and largest window."""

_SETTINGS = "mambahsi/growing/"
_ANGLE, _SIDE = 3.0, 201
_FIRST_SHARE = 0.1
"""First tolerance of a distance, as a part of the largest: its units differ by scene."""


class RegionGrower(QObject):
    """Grows regions in the context's scene.

    Args:
        context: Scene and layer.
        parent: Owner.
    """

    changed = pyqtSignal()
    """The region, or whether it is still being read, changed."""
    rangeChanged = pyqtSignal()
    """Another measure, or distances of another size: the tolerance has another range."""
    failed = pyqtSignal(str)
    """Nothing can grow at the clicked place; the text says why."""

    def __init__(self, context: TrainingContext, parent: Optional[QObject] = None) -> None:
        super().__init__(parent)
        self.context = context
        self.crs = QgsCoordinateReferenceSystem()
        self.inside: Optional[np.ndarray] = None
        self.busy = False
        settings = QgsSettings()
        measure = settings.value(_SETTINGS + "measure", ANGLE)
        self._measure = measure if measure in MEASURES else ANGLE
        side = settings.value(_SETTINGS + "side", _SIDE, type=int)
        self._side = min(max(side, SIDES[0]), SIDES[1])
        self._fill_holes = settings.value(_SETTINGS + "fillHoles", False, type=bool)
        self._tolerances = {ANGLE: settings.value(_SETTINGS + "angle", _ANGLE, type=float)}
        self._largest = 0.0
        self._reader: Optional[SpectraReader] = None
        self._source: Optional[rasters.Raster] = None
        self._pixel: Optional[tuple[int, int]] = None
        self._window = Window(0, 0, 0, 0)
        self._distances = np.empty(self._window.shape)
        self._number = 0
        self._thread = SpectraThread()
        self._thread.part.connect(self._read)
        self._thread.done.connect(self._complete)
        self._thread.failed.connect(self._fail)
        context.sceneChanged.connect(self._scene_changed)

    # Settings ------------------------------------------------------------------------------

    @property
    def measure(self) -> str:
        """How spectra are compared."""
        return self._measure

    def set_measure(self, measure: str) -> None:
        """Compare spectra in another way."""
        if measure != self._measure:
            self._measure = measure
            self._keep("measure", measure)
            self.rangeChanged.emit()
            self._again()

    @property
    def tolerance(self) -> float:
        """Largest distance of a pixel in the region: degrees, or units of the scene."""
        return self._tolerances.get(self._measure, 0.0)

    def set_tolerance(self, tolerance: float) -> None:
        """Take pixels up to another distance."""
        if tolerance != self.tolerance:
            self._tolerances[self._measure] = tolerance
            if self._measure == ANGLE:
                self._keep("angle", tolerance)
            self._grow()

    @property
    def largest_distance(self) -> float:
        """Largest Euclidean distance seen in the present scene; 0 before the first."""
        return self._largest

    @property
    def side(self) -> int:
        """Side of the window in pixels."""
        return self._side

    def set_side(self, side: int) -> None:
        """Look at a window of another size."""
        if side != self._side:
            self._side = side
            self._keep("side", side)
            self._again()

    @property
    def fill_holes(self) -> bool:
        """Whether holes of the region belong to its polygon."""
        return self._fill_holes

    def set_fill_holes(self, fill: bool) -> None:
        """Keep or fill holes."""
        self._fill_holes = fill
        self._keep("fillHoles", fill)
        self.changed.emit()

    # Growing ---------------------------------------------------------------------------------

    def start(self, point: QgsPointXY, crs: QgsCoordinateReferenceSystem) -> None:
        """Grow from the pixel at a point."""
        self.clear()
        scene = self.context.scene
        if scene is None:
            self.failed.emit(tr("Choose a scene first."))
            return
        try:
            reader = self._reader_of(scene)
            self.crs = scene.crs()
            transform = QgsCoordinateTransform(crs, self.crs, QgsProject.instance())
            place = transform.transform(point)
        except (SpectraError, QgsProcessingException) as error:
            self.failed.emit(str(error))
            return
        except QgsCsException:
            place = QgsPointXY(np.nan, np.nan)
        x, y = gdal.ApplyGeoTransform(gdal.InvGeoTransform(reader.transform), place.x(), place.y())
        if not (0 <= x < reader.width and 0 <= y < reader.height):
            self.failed.emit(tr("This place lies outside the scene “{}”.").format(scene.name()))
            return
        self._pixel = int(y), int(x)
        self._again()

    def polygon(self, every_corner: bool = False) -> QgsGeometry:
        """The region's polygon in :attr:`crs`; null where there is none.

        Args:
            every_corner: With a vertex at every pixel, for a transformation to another CRS.
        """
        polygon = QgsGeometry()
        if self.inside is not None and self._reader is not None:
            polygon.fromWkb(
                outline(
                    self.inside,
                    self._window.top,
                    self._window.left,
                    self._reader.transform,
                    self._fill_holes,
                    every_corner,
                )
            )
        return polygon

    def accept(self) -> bool:
        """Hand the region over to the layer; whether it took it."""
        layer = self.context.layer
        if self.inside is None or self.busy:
            return False
        other = layer is not None and layer.crs() != self.crs
        if not self.context.add_polygon(self.polygon(every_corner=other), self.crs):
            return False
        self.clear()
        return True

    def clear(self) -> None:
        """Forget the region."""
        self._thread.stop()
        self._number = 0
        self._pixel = self.inside = None
        self.busy = False
        self.changed.emit()

    def close(self) -> None:
        """End the thread, for good."""
        self.blockSignals(True)
        self._thread.close()
        self._reader = None

    @property
    def pixels(self) -> int:
        """How many pixels the polygon has."""
        if self.inside is None or self._reader is None:
            return 0
        if not self._fill_holes:
            return int(self.inside.sum())
        _, dx_column, dx_row, _, dy_column, dy_row = self._reader.transform
        return round(self.polygon().area() / abs(dx_column * dy_row - dx_row * dy_column))

    @property
    def reaches_edge(self) -> bool:
        """Whether the region ends at the window's edge inside the scene."""
        if self.inside is None or self._reader is None:
            return False
        window, inside = self._window, self.inside
        return bool(
            (window.top > 0 and inside[0].any())
            or (window.left > 0 and inside[:, 0].any())
            or (window.bottom < self._reader.height and inside[-1].any())
            or (window.right < self._reader.width and inside[:, -1].any())
        )

    def _again(self) -> None:
        """Read the window around the pixel, if there is one."""
        if self._pixel is None or self._reader is None:
            return
        reader = self._reader
        self._window = Window.around(*self._pixel, self._side, reader.height, reader.width)
        self._distances = np.full(self._window.shape, np.inf)
        self.inside = None
        self.busy = True
        reading = Reading(reader, *self._pixel, self._side, self._measure)
        self._number = self._thread.start(reading)
        self.changed.emit()

    def _read(self, number: int, part: Part) -> None:
        if number != self._number:
            return
        self._distances[part.window.within(self._window)] = part.distances
        if self._measure == DISTANCE:
            self._widen(part.distances)
        self._grow()

    def _complete(self, number: int) -> None:
        if number == self._number:
            self.busy = False
            self.changed.emit()

    def _fail(self, number: int, reason: str) -> None:
        if number == self._number:
            self.clear()
            self.failed.emit(reason)

    def _grow(self) -> None:
        if self._pixel is not None:
            row, column = self._pixel
            row, column = row - self._window.top, column - self._window.left
            self.inside = region(self._distances, row, column, self.tolerance)
            self.changed.emit()

    def _widen(self, distances: np.ndarray) -> None:
        """Follow the data with the range of the Euclidean distance."""
        largest = distances[np.isfinite(distances)].max(initial=0.0)
        if largest > self._largest:
            self._largest = float(largest)
            self._tolerances.setdefault(DISTANCE, _FIRST_SHARE * self._largest)
            self.rangeChanged.emit()

    def _reader_of(self, scene: QgsRasterLayer) -> SpectraReader:
        """The scene's reader, the present one where nothing about its source changed."""
        source = rasters.resolve(scene)
        if self._reader is None or source != self._source:
            self._reader = open_scene(scene, source)
            self._source = source
        return self._reader

    def _scene_changed(self) -> None:
        self.clear()
        self._reader = self._source = None
        self._largest = 0.0
        self._tolerances.pop(DISTANCE, None)
        self.rangeChanged.emit()

    @staticmethod
    def _keep(key: str, value: object) -> None:
        QgsSettings().setValue(_SETTINGS + key, value)
