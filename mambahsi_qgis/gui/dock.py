"""The dock “MambaHSI training”: from an opened scene to a map without leaving the canvas.

On top the scene and the training layer; below, in tabs, what is done with them. The dock holds
no state of its own: pickers and panels show what the context says. Letters that open a menu of
QGIS's window (Alt+S its settings) are no shortcuts here, as neither would work at the first try.
"""

from __future__ import annotations

from typing import Any, Optional

from qgis.core import QgsApplication, QgsMapLayerProxyModel, QgsProject, QgsRasterLayer
from qgis.gui import QgsDockWidget, QgsMapLayerComboBox
from qgis.PyQt.QtWidgets import (
    QFormLayout,
    QHBoxLayout,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from mambahsi_qgis.display.actions import ViewButton
from mambahsi_qgis.gui.class_panel import ClassPanel
from mambahsi_qgis.gui.context import TrainingContext
from mambahsi_qgis.gui.drawing.toolbar import DrawingToolBar
from mambahsi_qgis.gui.field_box import FieldBox
from mambahsi_qgis.gui.map.panel import MapPanel
from mambahsi_qgis.gui.new_layer import ask_and_create
from mambahsi_qgis.gui.samples.panel import SamplesPanel
from mambahsi_qgis.gui.training.panel import TrainPanel
from mambahsi_qgis.gui.widgets import labeled, layer_picker
from mambahsi_qgis.translation import tr

_RENDERED = ["wms", "arcgismapserver", "vectortile", "xyzvectortiles", "mesh"]
"""Providers of pictures, which hold no measurements."""

_SCOPE = "mambahsi"
"""Where the project keeps which layers were picked."""


class TrainingDock(QgsDockWidget):
    """The dock.

    Args:
        iface: QGIS's interface to its window.
        parent: The main window.
    """

    def __init__(self, iface: Any, parent: Optional[QWidget] = None) -> None:
        super().__init__(tr("MambaHSI training"), parent)
        self.setObjectName("mambahsiTrainingDock")
        self.context = TrainingContext(iface, self)
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.addLayout(self._pickers())
        layout.addWidget(FieldBox(self.context))
        self.tabs = QTabWidget()
        self.tabs.setObjectName("mambahsiTabs")
        self._add_panels()
        layout.addWidget(self.tabs, 1)
        self.setWidget(content)
        self.class_panel.set_tab_order(self.drawing)

        self.context.sceneChanged.connect(self._scene_changed)
        self.context.layerChanged.connect(self._layer_changed)
        QgsProject.instance().readProject.connect(self._restore)
        self._restore()

    def _add_panels(self) -> None:
        """Put every panel into its tab."""
        self.class_panel = ClassPanel(self.context)
        self.drawing = DrawingToolBar(self.context)
        self.class_panel.add_tools(self.drawing)
        self.samples_panel = SamplesPanel(self.context)
        self.train_panel = TrainPanel(self.context)
        self.map_panel = MapPanel(self.context)
        for panel, title, explanation in (
            (self.class_panel, tr("Classes"), tr("Classes, and tools to draw polygons of them")),
            (self.samples_panel, tr("Samples"), tr("Whether the polygons are any good")),
            (self.train_panel, tr("Train"), tr("Train on the polygons, and classify the scene")),
            (self.map_panel, tr("Map"), tr("Look at the map, and where it is unsure")),
        ):
            self.tabs.setTabToolTip(self.tabs.addTab(panel, title), explanation)

    def _pickers(self) -> QFormLayout:
        self.scene_picker = layer_picker(
            QgsMapLayerProxyModel.Filter.RasterLayer,
            "mambahsiScenePicker",
            tr("Scene"),
            tr("The raster to be classified: hyperspectral or multispectral, any size"),
        )
        self.scene_picker.setExcludedProviders(_RENDERED)
        self.layer_picker = layer_picker(
            QgsMapLayerProxyModel.Filter.PolygonLayer,
            "mambahsiLayerPicker",
            tr("Training layer"),
            tr("The polygon layer that holds the training samples"),
        )
        self.scene_picker.layerChanged.connect(self.context.set_scene)
        self.layer_picker.layerChanged.connect(self.context.set_layer)
        new = QToolButton()
        new.setObjectName("mambahsiNewLayerButton")
        new.setIcon(QgsApplication.getThemeIcon("/mActionNewGeoPackageLayer.svg"))
        new.setAccessibleName(tr("New training layer"))
        new.setToolTip(tr("Make a training layer in the scene's CRS"))
        new.clicked.connect(lambda: ask_and_create(self.context, self))
        form = QFormLayout()
        for text, picker, beside in (
            (tr("Sce&ne"), self.scene_picker, ViewButton(self._scenes, self.context.iface)),
            (tr("Training la&yer"), self.layer_picker, new),
        ):
            row = QHBoxLayout()
            row.addWidget(picker, 1)
            row.addWidget(beside)
            form.addRow(labeled(text, picker), row)
        return form

    def _scenes(self) -> list[QgsRasterLayer]:
        """The picked scene, for the button that shows it in colors."""
        return [self.context.scene] if self.context.scene is not None else []

    def _scene_changed(self) -> None:
        self._follow(self.scene_picker, self.context.scene, "scene")

    def _layer_changed(self) -> None:
        layer = self.context.layer
        self._follow(self.layer_picker, layer, "layer")
        if layer is not None:
            # QGIS's Undo, Save edits and the attribute table are those of the active layer.
            self.context.iface.setActiveLayer(layer)

    @staticmethod
    def _follow(picker: QgsMapLayerComboBox, layer: Any, key: str) -> None:
        """Show what the context has, and let the project keep it."""
        if picker.currentLayer() is not layer:
            picker.setLayer(layer)
        project = QgsProject.instance()
        identity = layer.id() if layer is not None else ""
        # Writing marks the project as changed.
        if identity and project.readEntry(_SCOPE, key)[0] != identity:
            project.writeEntry(_SCOPE, key, identity)

    def _restore(self) -> None:
        """Pick what the project was saved with."""
        project = QgsProject.instance()
        for picker, key in ((self.scene_picker, "scene"), (self.layer_picker, "layer")):
            layer = project.mapLayer(project.readEntry(_SCOPE, key)[0])
            if layer is not None:
                picker.setLayer(layer)
        active = self.context.iface.activeLayer()
        if self.context.scene is None and isinstance(active, QgsRasterLayer):
            self.scene_picker.setLayer(active)

    def unload(self) -> None:
        """Let go of the project, before the plugin is taken away."""
        QgsProject.instance().readProject.disconnect(self._restore)
        self.drawing.unload()
        self.class_panel.unload()
        self.samples_panel.unload()
        self.train_panel.unload()
        self.map_panel.unload()
        self.context.close()
