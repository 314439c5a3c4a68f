"""Handing a vector layer to the engine.

QGIS alone knows what a layer is to its user: its filter, its selection, edits not saved
yet, a source in memory or in a database, and the transformation that the project prefers
between two CRS. So the features are written as QGIS gives them, in the scene's CRS, with
the fields that the job names, into a temporary GeoPackage. Nothing is judged here: features
without a class or with an invalid geometry are the engine's to count.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsCoordinateTransformContext,
    QgsFeature,
    QgsFeatureRequest,
    QgsFields,
    QgsGeometry,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsProcessingFeedback,
    QgsVectorFileWriter,
    QgsWkbTypes,
)

from mambahsi_qgis.engine.rasters import Raster
from mambahsi_qgis.translation import tr

_OPTIONS = ["FID=mambahsi_fid", "GEOMETRY_NAME=mambahsi_geometry"]
"""Names that no field of the user has, so that a class field may be called ``fid``."""


@dataclass(frozen=True)
class Vector:
    """A vector layer, resolved while QGIS's layers may be touched.

    Attributes:
        source: Its features.
        fields: Names of the fields that the engine needs.
    """

    source: QgsProcessingFeatureSource
    fields: tuple[str, ...]

    def hand_over(
        self,
        folder: Path,
        scene: Raster,
        context: QgsCoordinateTransformContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Write the features and return the layer as a job's plain values.

        Args:
            folder: Folder to write a GeoPackage into.
            scene: Raster in whose CRS the features are written.
            context: The project's choice of transformations.
            feedback: Receives warnings, and says when to stop.

        Raises:
            QgsProcessingException: There is no feature, or the file cannot be written.
        """
        name = self.source.sourceName()
        indices = [self.source.fields().lookupField(field) for field in self.fields]
        request = QgsFeatureRequest().setSubsetOfAttributes(indices)
        self._place(request, scene, context, feedback)
        fields = QgsFields()
        for index in indices:
            fields.append(self.source.fields().at(index))
        options = QgsVectorFileWriter.SaveVectorOptions()
        options.driverName = "GPKG"
        options.layerName = "labels"
        options.layerOptions = _OPTIONS
        folder.mkdir()
        path = folder / "labels.gpkg"
        writer = QgsVectorFileWriter.create(
            str(path), fields, self._geometry_type(), scene.crs, context, options
        )
        written = misplaced = 0
        # The engine repairs invalid geometries; Processing would stop at the first of them.
        unchecked = QgsProcessingFeatureSource.Flag.FlagSkipGeometryValidityChecks
        for feature in self.source.getFeatures(request, unchecked):
            if feedback.isCanceled():
                raise QgsProcessingException(tr("Cancelled."))
            if feature.geometry().isEmpty():
                misplaced += 1
                continue
            copy = QgsFeature(fields)
            copy.setAttributes([feature.attribute(index) for index in indices])
            copy.setGeometry(_simple(feature.geometry()))
            writer.addFeature(copy)
            written += 1
        failure = writer.errorMessage()
        del writer  # closes the file
        if failure:
            raise QgsProcessingException(
                tr("Layer “{}” cannot be handed to the engine: {}").format(name, failure)
            )
        if misplaced:
            feedback.pushWarning(
                tr("“{}”: {} features without a geometry in the scene's CRS are left out.").format(
                    name, misplaced
                )
            )
        if not written:
            raise QgsProcessingException(
                tr(
                    "“{}” has no feature to use. If “Selected features only” is checked, select "
                    "some."
                ).format(name)
            )
        return {
            "path": str(path),
            "layer": "",
            "crs": scene.crs_text,
            "name": name,
            "temporary": True,
        }

    def _place(
        self,
        request: QgsFeatureRequest,
        scene: Raster,
        context: QgsCoordinateTransformContext,
        feedback: QgsProcessingFeedback,
    ) -> None:
        """Ask for geometries in the scene's CRS; where one is unknown, take them as they are."""
        own = self.source.sourceCrs()
        if own.isValid() and scene.crs.isValid():
            request.setDestinationCrs(scene.crs, context)
            # With a callback, a geometry that cannot be transformed is left empty.
            request.setTransformErrorCallback(lambda feature: None)
        elif own.isValid() != scene.crs.isValid():
            without, other = self.source.sourceName(), scene.name
            if own.isValid():
                without, other = other, without
            feedback.pushWarning(
                tr("“{}” has no CRS; that of “{}” is assumed.").format(without, other)
            )

    def _geometry_type(self) -> QgsWkbTypes.Type:
        kind = QgsWkbTypes.linearType(QgsWkbTypes.flatType(self.source.wkbType()))
        return QgsWkbTypes.multiType(kind)


def _simple(geometry: QgsGeometry) -> QgsGeometry:
    """The geometry without arcs, heights and measures, as a multi-part one."""
    simple = QgsGeometry(geometry.constGet().segmentize())
    simple.get().dropZValue()
    simple.get().dropMValue()
    simple.convertToMultiType()
    return simple
