"""Which map is looked at, what tells how sure it is, and how much of the scene it hides."""

from __future__ import annotations

from typing import Optional

from qgis.core import QgsMapLayerProxyModel, QgsProject, QgsRasterLayer
from qgis.gui import QgsOpacityWidget
from qgis.PyQt.QtWidgets import QCheckBox, QFormLayout, QHBoxLayout, QWidget

from mambahsi_qgis.gui.map import layers
from mambahsi_qgis.gui.widgets import labeled, layer_picker
from mambahsi_qgis.translation import tr

_RASTERS = QgsMapLayerProxyModel.Filter.RasterLayer


class ShownMap(QWidget):
    """The widgets for it; what they do is the panel's.

    Args:
        parent: Qt's parent.
    """

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.map_picker = layer_picker(
            _RASTERS, "mambahsiMapPicker", tr("Map"), tr("The land-cover map to look at")
        )
        self.confidence_picker = layer_picker(
            _RASTERS,
            "mambahsiConfidencePicker",
            tr("Confidence"),
            tr("The raster that tells how sure the map is, from 0 to 1"),
        )
        self.opacity = QgsOpacityWidget()
        self.opacity.setObjectName("mambahsiMapOpacity")
        self.opacity.setAccessibleName(tr("Opacity of the map"))
        self.opacity.setToolTip(tr("How much of the scene the map hides"))
        self.shown = QCheckBox(tr("Show"))
        self.shown.setObjectName("mambahsiMapShown")
        self.shown.setToolTip(tr("Show or hide the map, to compare it with the scene"))
        row = QHBoxLayout()
        row.addWidget(self.map_picker, 1)
        row.addWidget(self.shown)
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        for text, buddy, field in (
            (tr("M&ap"), self.map_picker, row),
            (tr("Con&fidence"), self.confidence_picker, self.confidence_picker),
            (tr("Opaci&ty"), self.opacity, self.opacity),
        ):
            form.addRow(labeled(text, buddy), field)

    def set_usable(self, on: bool) -> None:
        """Whether there is a map whose look can be changed."""
        self.opacity.setEnabled(on)
        self.shown.setEnabled(on)

    def offer(self, project: QgsProject) -> None:
        """Offer the project's maps and confidences; choose a map if none is chosen."""
        known = [
            layer for layer in project.mapLayers().values() if isinstance(layer, QgsRasterLayer)
        ]
        for picker, fits in (
            (self.map_picker, layers.is_map),
            (self.confidence_picker, layers.is_confidence),
        ):
            picker.setExceptedLayerList([layer for layer in known if not fits(layer)])
        if self.map_picker.currentLayer() is None:
            maps = [layer for layer in known if layers.is_map(layer)]
            self.map_picker.setLayer(maps[-1] if maps else None)
