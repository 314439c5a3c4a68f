"""The tab “Map”: which map, how it is shown, where it is unsure, and what becomes of it.

The tab keeps no layer: it remembers ids, and asks the project for them when it needs them.
"""

from __future__ import annotations

from typing import Any, Optional

from qgis.core import (
    Qgis,
    QgsCoordinateReferenceSystem,
    QgsProcessingException,
    QgsProject,
    QgsRasterLayer,
)
from qgis.PyQt.QtCore import QUrl
from qgis.PyQt.QtGui import QDesktopServices
from qgis.PyQt.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from mambahsi_qgis.gui.algorithm_dialog import open_dialog
from mambahsi_qgis.gui.context import TrainingContext
from mambahsi_qgis.gui.map import layers
from mambahsi_qgis.gui.map.finder import PlaceFinder
from mambahsi_qgis.gui.map.marker import PlaceMarker
from mambahsi_qgis.gui.map.places import Places
from mambahsi_qgis.gui.map.places_view import PlacesView
from mambahsi_qgis.gui.map.samples import polygons_in
from mambahsi_qgis.gui.map.shown_map import ShownMap
from mambahsi_qgis.translation import tr


class MapPanel(QWidget):
    """The tab.

    Args:
        context: What all tabs share.
        parent: Qt's parent.
    """

    def __init__(self, context: TrainingContext, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.setObjectName("mambahsiMapPanel")
        self._context = context
        self._marker = PlaceMarker(context.iface.mapCanvas())
        self._finder = PlaceFinder(self)
        self._places: Optional[Places] = None
        self._crs = QgsCoordinateReferenceSystem()
        self._lay_out()
        self._connect()
        self._sort_layers()
        self._map_changed()

    def _lay_out(self) -> None:
        content = QWidget()
        layout = QVBoxLayout(content)
        self.shown_map = ShownMap()
        self.map_picker = self.shown_map.map_picker
        self.confidence_picker = self.shown_map.confidence_picker
        layout.addWidget(self.shown_map)
        self.places = PlacesView()
        layout.addWidget(self.places, 1)
        layout.addLayout(self._buttons())
        # On small screens, and in large letters.
        scrolled = QScrollArea()
        scrolled.setWidgetResizable(True)
        scrolled.setFrameShape(QFrame.Shape.NoFrame)
        scrolled.setWidget(content)
        # Two borders less, so that it fits a narrow dock.
        layout.setContentsMargins(0, 0, 0, 0)
        self.places.layout().setContentsMargins(0, 0, 0, 0)
        whole = QVBoxLayout(self)
        whole.addWidget(scrolled)

    def _buttons(self) -> QHBoxLayout:
        self.export = QPushButton(tr("Export land cover…"))
        self.export.setObjectName("mambahsiMapExport")
        self.export.setToolTip(tr("Turn the map into polygons, with the area of every class"))
        self.report = QPushButton(tr("Open report"))
        self.report.setObjectName("mambahsiMapReport")
        self.report.setToolTip(tr("Open the report of the training that made the map"))
        row = QHBoxLayout()
        row.addWidget(self.export)
        row.addWidget(self.report)
        return row

    def _connect(self) -> None:
        project = QgsProject.instance()
        project.layersAdded.connect(self._sort_layers)
        project.layersRemoved.connect(self._sort_layers)
        project.layerTreeRoot().visibilityChanged.connect(self._show_state)
        project.layerTreeRoot().addedChildren.connect(self._show_state)
        self._context.mapMade.connect(self._map_made)
        self._context.classesChanged.connect(self._mark_samples)
        self.map_picker.layerChanged.connect(self._map_changed)
        self.confidence_picker.layerChanged.connect(self._confidence_changed)
        self.shown_map.opacity.opacityChanged.connect(self._set_opacity)
        self.shown_map.shown.clicked.connect(self._set_shown)
        self.places.searched.connect(self._search)
        self.places.stopped.connect(self._stop)
        self.places.chosen.connect(self._go)
        self._finder.found.connect(self._found)
        self.export.clicked.connect(self._export)
        self.report.clicked.connect(self._open_report)

    def unload(self) -> None:
        """Let go of project and canvas, before the plugin is taken away."""
        project = QgsProject.instance()
        project.layersAdded.disconnect(self._sort_layers)
        project.layersRemoved.disconnect(self._sort_layers)
        project.layerTreeRoot().visibilityChanged.disconnect(self._show_state)
        project.layerTreeRoot().addedChildren.disconnect(self._show_state)
        self._context.mapMade.disconnect(self._map_made)
        self._context.classesChanged.disconnect(self._mark_samples)
        self._finder.stop()
        self._marker.clear()

    # Map and confidence --------------------------------------------------------------------

    @property
    def land_cover(self) -> Optional[QgsRasterLayer]:
        """The map, or None."""
        return self.map_picker.currentLayer()

    @property
    def confidence(self) -> Optional[QgsRasterLayer]:
        """The raster that tells how sure the map is, or None."""
        return self.confidence_picker.currentLayer()

    def _sort_layers(self, *_: Any) -> None:
        """Offer what there is now; with nothing chosen, choose."""
        self.shown_map.offer(QgsProject.instance())
        if self.land_cover is not None and self.confidence is None:
            self.confidence_picker.setLayer(layers.confidence_of(self.land_cover))

    def _map_made(self, made: Any) -> None:
        layer = layers.layer_of(made.classification)
        if layer is None:
            return
        layers.keep_together(layer, made.confidence, made.report)
        self._sort_layers()
        if layer is self.land_cover:
            self._map_changed()
        self.map_picker.setLayer(layer)

    def _map_changed(self, *_: Any) -> None:
        layer = self.land_cover
        self.shown_map.set_usable(layer is not None)
        self.export.setEnabled(layer is not None)
        self.report.setEnabled(layer is not None and bool(layers.report_of(layer)))
        if layer is not None:
            self.shown_map.opacity.setOpacity(layer.opacity())
            self.confidence_picker.setLayer(layers.confidence_of(layer))
        self._show_state()
        self._confidence_changed()

    def _confidence_changed(self, *_: Any) -> None:
        self._finder.stop()
        self.places.set_searching(False)
        self._list(None)
        problem = ""
        if self.confidence is None:
            problem = tr("Choose a confidence raster, which a classification gives on request.")
        self.places.set_searchable(problem)

    def _show_state(self, *_: Any) -> None:
        node = self._node()
        self.shown_map.shown.setChecked(node is not None and node.itemVisibilityChecked())

    def _node(self) -> Any:
        root = QgsProject.instance().layerTreeRoot()
        return root.findLayer(self.land_cover) if self.land_cover is not None else None

    def _set_opacity(self, opacity: float) -> None:
        layer = self.land_cover
        if layer is not None and layer.opacity() != opacity:
            layer.setOpacity(opacity)
            layer.triggerRepaint()

    def _set_shown(self, on: bool) -> None:
        node = self._node()
        if node is not None:
            node.setItemVisibilityCheckedParentRecursive(on) if on else (
                node.setItemVisibilityChecked(False)
            )

    # Places --------------------------------------------------------------------------------

    def _search(self, threshold: float) -> None:
        if self.confidence is None:
            return
        self._crs = self.confidence.crs()
        self._list(None)
        self.places.set_searching(True)
        try:
            self._finder.start(self.confidence, self.land_cover, threshold)
        except QgsProcessingException as error:
            self._found(None, str(error))

    def _stop(self) -> None:
        self._finder.stop()
        self.places.set_searching(False)

    def _found(self, found: Optional[Places], problem: str) -> None:
        self.places.set_searching(False)
        self._list(found)
        if problem:
            self.places.tell(problem)
            self._context.tell(problem, Qgis.MessageLevel.Warning)
        self.places.go(1)

    def _list(self, found: Optional[Places]) -> None:
        self._places = found
        self._marker.clear()
        names = layers.class_names(self.land_cover) if self.land_cover is not None else {}
        self.places.show_places(found, names, self._samples())

    def _samples(self) -> list[int]:
        if self._places is None:
            return []
        outlines = [place.outline for place in self._places.places]
        layer = self._context.layer
        return polygons_in(layer, outlines, self._crs) if layer is not None else [0] * len(outlines)

    def _mark_samples(self) -> None:
        if self._places is None:
            return
        samples = self._samples()
        self.places.set_samples(samples)
        if self.places.index >= 0 and samples[self.places.index]:
            self._marker.clear()  # what the mark asked for is done

    def _go(self, index: int) -> None:
        if self._places is None:
            return
        if not self._marker.show(self._places.places[index].outline, self._crs):
            self._context.tell(
                tr("The place cannot be shown in the project's CRS."), Qgis.MessageLevel.Warning
            )

    # What becomes of the map ---------------------------------------------------------------

    def _export(self) -> None:
        if self.land_cover is not None:
            open_dialog("mambahsi:exportlandcover", {"CLASSIFICATION": self.land_cover.id()})

    def _open_report(self) -> None:
        layer = self.land_cover
        path = layers.report_of(layer) if layer is not None else ""
        if not path or not QDesktopServices.openUrl(QUrl.fromLocalFile(path)):
            self._context.tell(tr("The report cannot be opened."), Qgis.MessageLevel.Warning)
