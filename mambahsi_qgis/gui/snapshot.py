"""A layer as it is at one moment, edits not saved included, for another thread.

QGIS makes such snapshots for drawing maps in the background: they hold what is needed to read a
layer's features, and outlive the layer.
"""

from __future__ import annotations

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeatureIterator,
    QgsFeatureRequest,
    QgsFields,
    QgsProcessingFeatureSource,
    QgsVectorLayer,
    QgsVectorLayerFeatureSource,
    QgsWkbTypes,
)


class Snapshot:
    """Features of a layer, with as much of a Processing source as handing them over takes.

    Args:
        layer: The layer; not touched any more afterwards.
    """

    def __init__(self, layer: QgsVectorLayer) -> None:
        self._name, self._kind = layer.name(), layer.wkbType()
        self._source = QgsVectorLayerFeatureSource(layer)

    def sourceName(self) -> str:
        """Name of the layer."""
        return self._name

    def sourceCrs(self) -> QgsCoordinateReferenceSystem:
        """CRS of the layer."""
        return self._source.crs()

    def fields(self) -> QgsFields:
        """Fields of the layer."""
        return self._source.fields()

    def wkbType(self) -> QgsWkbTypes.Type:
        """Type of the layer's geometries."""
        return self._kind

    def getFeatures(
        self, request: QgsFeatureRequest, flags: QgsProcessingFeatureSource.Flag
    ) -> QgsFeatureIterator:
        """The features; their geometries are not checked, as the flag wants it."""
        return self._source.getFeatures(request)
