"""The training layer as it is at one moment, edits not saved included, for another thread.

QGIS makes such snapshots for drawing maps in the background: they hold what is needed to read a
layer's features, and outlive the layer.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeatureIterator,
    QgsFeatureRequest,
    QgsFields,
    QgsProcessingFeatureSource,
    QgsProcessingFeedback,
    QgsProject,
    QgsVectorLayer,
    QgsVectorLayerFeatureSource,
    QgsWkbTypes,
)

from mambahsi_qgis.engine import rasters
from mambahsi_qgis.engine.jobs import jobs
from mambahsi_qgis.engine.vectors import Vector
from mambahsi_qgis.gui.training.order import COLOR, NAME, Subject, name_classes


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


def prepare(
    subject: Subject, project: QgsProject, folder: Path
) -> Callable[[QgsProcessingFeedback], Any]:
    """Look at the layers, and return what makes the job in another thread.

    Args:
        subject: Scene, polygons and classes.
        project: Knows how to transform between CRS.
        folder: Folder for what is handed to the engine.

    Raises:
        QgsProcessingException: The scene cannot be used.
    """
    scene = rasters.resolve(subject.scene)
    vector = Vector(Snapshot(subject.layer), (subject.class_field,))
    transforms = project.transformContext()
    field, classes = subject.class_field, tuple(subject.classes)

    def make(feedback: QgsProcessingFeedback) -> Any:
        labels = vector.hand_over(folder / "labels", scene, transforms, feedback)
        name_classes(labels["path"], field, classes)
        return jobs.CheckSamplesJob(
            scene=jobs.RasterSource(**scene.hand_over(folder, feedback)),
            labels=jobs.VectorSource(**labels),
            class_field=field,
            name_field=NAME,
            color_field=COLOR,
            table=str(folder / "samples.json"),
        )

    return make
