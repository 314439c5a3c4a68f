"""What all algorithms share that take a scene and labels on it: parameters, checks, layers."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterRasterLayer,
)

from mambahsi_qgis.algorithms import checks
from mambahsi_qgis.algorithms.base import EngineAlgorithm
from mambahsi_qgis.engine.vectors import Vector
from mambahsi_qgis.translation import tr

VECTORS = [
    QgsProcessing.SourceType.TypeVectorPolygon,
    QgsProcessing.SourceType.TypeVectorPoint,
]

FIELDS = ("CLASS_FIELD", "NAME_FIELD", "COLOR_FIELD")


class LabeledAlgorithm(EngineAlgorithm):
    """An algorithm on a scene and labeled polygons or points."""

    def add_scene_and_labels(self) -> None:
        """Add scene, labels and the fields of these."""
        self.add(
            QgsProcessingParameterRasterLayer("SCENE", tr("Scene")),
            tr(
                "Raster with the measured bands: anything that GDAL opens. Nodata pixels are left "
                "out; bands without information are dropped."
            ),
        )
        self.add(
            QgsProcessingParameterFeatureSource(
                "LABELS", tr("Labeled polygons or points"), VECTORS
            ),
            tr(
                "Areas whose land cover is known. Any layer will do, in any CRS, and so will the "
                "selected features of one. A pixel belongs to a polygon when its center does."
            ),
        )
        self.add(
            QgsProcessingParameterField("CLASS_FIELD", tr("Class field"), None, "LABELS"),
            tr("Field of whole numbers or text that tells the class."),
        )
        for name, label, explanation in (
            ("NAME_FIELD", tr("Class name field"), tr("Field with the classes' names.")),
            (
                "COLOR_FIELD",
                tr("Class color field"),
                tr("Field with the classes' colors, such as #1a6b3c; else colors are chosen."),
            ),
        ):
            self.add(
                QgsProcessingParameterField(name, label, None, "LABELS", optional=True), explanation
            )

    def labels_problem(self, parameters: dict[str, Any], context: QgsProcessingContext) -> str:
        """What is wrong with scene and labels, or an empty text."""
        fields = [self.parameterAsString(parameters, name, context) for name in FIELDS]
        problem = checks.raster(self, parameters, "SCENE", context) or checks.vector(
            self, parameters, "LABELS", fields, context
        )
        if problem:
            return problem
        scene = self.parameterAsRasterLayer(parameters, "SCENE", context)
        labels = self.parameterAsSource(parameters, "LABELS", context)
        return checks.scene_size(scene) or checks.overlap(scene, labels, context)

    def resolve_labels(self, parameters: dict[str, Any], context: QgsProcessingContext) -> Vector:
        """Resolve the scene and the names of the fields, and return the labels."""
        self._scene = self.raster(parameters, "SCENE", context)
        self._fields = {
            name.lower(): self.parameterAsString(parameters, name, context) for name in FIELDS
        }
        return self.vector(parameters, "LABELS", [*self._fields.values()], context)
