"""The search behind “Where is it unsure?”: one at a time, its results kept.

A result is kept under everything that it depends on, the files' times of change among it, so
looking again costs nothing until a map is made anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Optional

from qgis.core import QgsApplication, QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import QObject, pyqtSignal

from mambahsi_qgis.engine import rasters
from mambahsi_qgis.gui.map.places import Places, Search, Source
from mambahsi_qgis.gui.map.search_task import SearchTask

_KEPT = 8


class PlaceFinder(QObject):
    """Runs searches.

    Args:
        parent: Qt's parent.
    """

    found = pyqtSignal(object, str)
    """The places, or None, and what went wrong; of the last search that was asked for."""

    def __init__(self, parent: Optional[QObject] = None) -> None:
        super().__init__(parent)
        self._task: Optional[SearchTask] = None
        self._kept: dict[tuple[Any, ...], Places] = {}
        self._key: tuple[Any, ...] = ()

    @property
    def is_busy(self) -> bool:
        """Whether a search runs."""
        return self._task is not None

    def start(
        self, confidence: QgsRasterLayer, land_cover: Optional[QgsRasterLayer], threshold: float
    ) -> None:
        """Look for places; an earlier search is stopped.

        Raises:
            QgsProcessingException: A layer cannot be read.
        """
        self.stop()
        search = Search(
            confidence=_source(confidence),
            classification=_source(land_cover) if land_cover is not None else None,
            threshold=threshold,
            crs=confidence.crs(),
            transforms=QgsProject.instance().transformContext(),
        )
        self._key = _key(search)
        if self._key in self._kept:
            self.found.emit(self._kept[self._key], "")
            return
        self._task = SearchTask(search)
        self._task.done.connect(self._done)
        QgsApplication.taskManager().addTask(self._task)

    def stop(self) -> None:
        """Stop a running search; nothing is told of it any more."""
        if self._task is not None:
            self._task.done.disconnect(self._done)
            self._task.cancel()
            self._task = None

    def _done(self, search: Search, places: Optional[Places], problem: str) -> None:
        self._task = None
        if places is not None:
            self._kept[self._key] = places
            for old in list(self._kept)[:-_KEPT]:
                del self._kept[old]
        self.found.emit(places, problem)


def _source(layer: QgsRasterLayer) -> Source:
    raster = rasters.resolve(layer)
    return Source(raster.source, raster.options, raster.nodata)


def _key(search: Search) -> tuple[Any, ...]:
    sources = (search.confidence, search.classification)
    changed = [_changed(source) for source in sources if source is not None]
    return (*sources, *changed, search.threshold, search.crs.toWkt())


def _changed(source: Source) -> Optional[tuple[int, int]]:
    try:
        status = Path(source.path).stat()
    except (OSError, ValueError):  # not every source is a file
        return None
    return status.st_mtime_ns, status.st_size
