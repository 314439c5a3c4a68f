"""How a land-cover map looks in the canvas.

The engine writes a QML style beside the map, with the color and name of every class. QGIS
applies such a file to layers that the user adds, but not to those that Processing loads;
this post-processor does.
"""

from __future__ import annotations

from pathlib import Path

from qgis.core import (
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
