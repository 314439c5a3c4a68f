"""What the algorithms that write maps share: their outputs."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsProcessingContext, QgsProcessingParameterRasterDestination

from mambahsi_qgis.algorithms.base import EngineAlgorithm
from mambahsi_qgis.translation import tr

OUTPUTS = ("CLASSIFICATION", "CONFIDENCE", "PROBABILITIES", "MARGIN", "ENTROPY")


class MapAlgorithm(EngineAlgorithm):
    """An algorithm that writes a land-cover map."""

    def add_maps(self) -> None:
        """Add the map and the rasters that are written on request."""
        self.add(
            QgsProcessingParameterRasterDestination("CLASSIFICATION", tr("Land-cover map")),
            tr(
                "GeoTIFF of class values on the scene's grid, with colors and class names; 0 is "
                "nodata. A QGIS style is written beside it."
            ),
        )
        for name, label, explanation in (
            (
                "CONFIDENCE",
                tr("Confidence"),
                tr(
                    "GeoTIFF of the probability of the class that the map shows, calibrated as the "
                    "model file says. Where it is below 0.5, the class is more likely wrong than "
                    "right: take such pixels as unsure."
                ),
            ),
            (
                "PROBABILITIES",
                tr("Class probabilities"),
                tr("GeoTIFF of all class probabilities, calibrated, one band a class."),
            ),
            (
                "MARGIN",
                tr("Margin"),
                tr(
                    "GeoTIFF of the largest less the second largest probability: 0 where two "
                    "classes are equally likely, 1 where one is certain."
                ),
            ),
            (
                "ENTROPY",
                tr("Entropy"),
                tr(
                    "GeoTIFF of the entropy of the probabilities: 0 where one class is certain, 1 "
                    "where all are equally likely."
                ),
            ),
        ):
            self.add(
                QgsProcessingParameterRasterDestination(
                    name, label, optional=True, createByDefault=False
                ),
                explanation,
            )

    def map_paths(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> dict[str, str]:
        """Files to write, by field of the job; empty where not asked for."""
        return {
            name.lower(): self.parameterAsOutputLayer(parameters, name, context) for name in OUTPUTS
        }

    def map_outputs(self, paths: dict[str, str], context: QgsProcessingContext) -> dict[str, Any]:
        """Outputs for the files that were written, the map to be shown with its classes."""
        written = {name.upper(): path for name, path in paths.items() if path}
        beside = [path for name, path in written.items() if name != "CLASSIFICATION"]
        self.show_map(written["CLASSIFICATION"], beside, context)
        return written
