"""How a land-cover map, and what is written with it, look in the canvas.

The engine writes a QML style beside the map, with the color and name of every class. QGIS
applies such a file to layers that the user adds, but not to those that Processing loads;
this post-processor does. Confidence and probabilities are loaded switched off: Processing
loads layers in no certain order, and they would hide the map.
"""

from __future__ import annotations

from pathlib import Path
from typing import Optional

from qgis.core import (
    QgsLayerTreeLayer,
    QgsMapLayer,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingLayerPostProcessorInterface,
)


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


class SwitchedOff(QgsProcessingLayerPostProcessorInterface):
    """Leaves a loaded layer folded and not shown. Keeps no state."""

    def postProcessLayer(
        self,
        layer: QgsMapLayer,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> None:
        """Switch one loaded layer off."""
        node = _node(layer, context)
        if node is not None:
            node.setItemVisibilityChecked(False)
            node.setExpanded(False)


def _node(layer: QgsMapLayer, context: QgsProcessingContext) -> Optional[QgsLayerTreeLayer]:
    """The layer's entry in the panel of layers, if it has one."""
    project = context.project()
    return project.layerTreeRoot().findLayer(layer.id()) if project is not None else None
