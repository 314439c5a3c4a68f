"""How a land-cover map, and what is written with it, look in the canvas.

The engine writes a QML style beside the map, with the color and name of every class. QGIS
applies such a file to layers that the user adds, but not to those that Processing loads;
this post-processor does, and so for the ramps of confidence and the like. Those are loaded
switched off: Processing loads layers in no certain order, and they would hide the map. Polygons
that name their classes and colors are drawn by them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Optional

from qgis.core import (
    QgsCategorizedSymbolRenderer,
    QgsFeatureRequest,
    QgsFillSymbol,
    QgsLayerTreeLayer,
    QgsMapLayer,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingLayerPostProcessorInterface,
    QgsRendererCategory,
    QgsVectorLayer,
)

CLASS_FIELDS = ("class_id", "class_name", "color")
"""Fields of the polygons that the engine writes."""


class ClassStyle(QgsProcessingLayerPostProcessorInterface):
    """Applies the style that lies beside the layer's file. Keeps no state."""

    def postProcessLayer(
        self,
        layer: QgsMapLayer,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> None:
        """Style one loaded layer."""
        style = Path(layer.source()).with_suffix(".qml")
        if style.is_file():
            layer.loadNamedStyle(str(style))
            layer.triggerRepaint()
        node = _node(layer, context)
        if node is not None:
            node.setExpanded(True)  # the legend


class HiddenClassStyle(ClassStyle):
    """Applies the style that lies beside the layer's file, and leaves the layer not shown."""

    def postProcessLayer(
        self,
        layer: QgsMapLayer,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> None:
        """Style one loaded layer."""
        super().postProcessLayer(layer, context, feedback)
        node = _node(layer, context)
        if node is not None:
            node.setItemVisibilityChecked(False)


class SwitchedOff(HiddenClassStyle):
    """Applies the style that lies beside the layer's file, and leaves the layer folded, too."""

    def postProcessLayer(
        self,
        layer: QgsMapLayer,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> None:
        """Style one loaded layer."""
        super().postProcessLayer(layer, context, feedback)
        node = _node(layer, context)
        if node is not None:
            node.setExpanded(False)


class FieldStyle(QgsProcessingLayerPostProcessorInterface):
    """Outlines polygons in the colors of their classes. Keeps no state."""

    def postProcessLayer(
        self,
        layer: QgsMapLayer,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> None:
        """Style one loaded layer."""
        if isinstance(layer, QgsVectorLayer):
            layer.setRenderer(_categories(layer))
            layer.triggerRepaint()


def _categories(layer: QgsVectorLayer) -> QgsCategorizedSymbolRenderer:
    places = [layer.fields().lookupField(name) for name in CLASS_FIELDS]
    request = QgsFeatureRequest().setSubsetOfAttributes(places)
    request.setFlags(QgsFeatureRequest.Flag.NoGeometry)
    classes = {tuple(f.attributes()[place] for place in places) for f in layer.getFeatures(request)}
    categories = []
    for value, name, color in sorted(classes):
        # Without filling, so that the scene below is seen.
        look = {"style": "no", "outline_color": color, "outline_width": "0.5"}
        symbol = QgsFillSymbol.createSimple(look)
        categories.append(QgsRendererCategory(value, symbol, name))
    return QgsCategorizedSymbolRenderer(CLASS_FIELDS[0], categories)


class StoredStyle(QgsProcessingLayerPostProcessorInterface):
    """Applies the style that is stored in the layer's database, form included. Keeps no state."""

    def postProcessLayer(
        self,
        layer: QgsMapLayer,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> None:
        """Style one loaded layer."""
        layer.loadDefaultStyle()
        layer.triggerRepaint()


def _node(layer: QgsMapLayer, context: QgsProcessingContext) -> Optional[QgsLayerTreeLayer]:
    """The layer's entry in the panel of layers, if it has one."""
    project = context.project()
    return project.layerTreeRoot().findLayer(layer.id()) if project is not None else None
