"""``mambahsi:exportlandcover``: a land-cover map in; polygons and areas out."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Optional

from qgis.core import (
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterVectorDestination,
)

from mambahsi_qgis.algorithms import checks
from mambahsi_qgis.algorithms.base import EngineAlgorithm
from mambahsi_qgis.algorithms.parameters import read_setting, setting
from mambahsi_qgis.engine.jobs import jobs
from mambahsi_qgis.styling import HiddenClassStyle, StoredStyle
from mambahsi_qgis.translation import tr

SETTINGS = ("minimum_area", "unit", "connectivity", "dissolve")


class ExportLandCover(EngineAlgorithm):
    """Turns a map into polygons."""

    ID = "exportlandcover"
    TAGS = ("vectorize", "polygonize", "sieve", "minimum mapping unit", "dissolve", "area")

    def displayName(self) -> str:
        """Name in the toolbox."""
        return tr("Export land cover")

    def shortDescription(self) -> str:
        """One line about it."""
        return tr("Turns a land-cover map into styled polygons, with the area of every class.")

    def about(self) -> str:
        """Beginning of the help."""
        return tr(
            "<p>Turns a land-cover map into polygons with class names, colors and areas. Regions "
            "below a minimum mapping unit are given to their largest neighbor, the smallest "
            "first, until none is left but those that nodata surrounds; nodata itself never "
            "changes.</p>"
            "<p>Areas are hectares on the ellipsoid of the map's CRS, whatever its projection. "
            "They are what the map shows, mistakes included; for areas of classes with "
            "confidence intervals, see <i>Design sample</i>.</p>"
        )

    def initAlgorithm(self, configuration: Optional[dict[str, Any]] = None) -> None:
        """Describe parameters and outputs."""
        self.add(
            QgsProcessingParameterRasterLayer("CLASSIFICATION", tr("Land-cover map")),
            tr(
                "Raster of one band with class values; 0 and nodata are no class. Names and colors "
                "come from a map that was made here; of others, colors from their palette."
            ),
        )
        labels = {
            "minimum_area": (
                tr("Minimum mapping unit"),
                tr("Smaller regions are given to their neighbors; 0 leaves the map as it is."),
            ),
            "unit": (
                tr("Unit of it"),
                tr("Pixels, or hectares on the ellipsoid, which needs a CRS."),
            ),
            "connectivity": (
                tr("Connectivity"),
                tr("4: pixels of a class are one region across edges; 8: across corners, too."),
            ),
            "dissolve": (
                tr("Dissolve by class"),
                tr("One feature for each class, instead of one for each region."),
            ),
        }
        for field in SETTINGS:
            label, explanation = labels[field]
            self.add(setting(jobs.ExportLandCoverJob, field, label), explanation)
        self.add(
            QgsProcessingParameterVectorDestination(
                "POLYGONS", tr("Land-cover polygons"), QgsProcessing.SourceType.TypeVectorPolygon
            ),
            tr(
                "GeoPackage with class, name, color, pixels and hectares of every feature, and "
                "with its style inside."
            ),
        )
        self.add(
            QgsProcessingParameterFileDestination(
                "AREAS",
                tr("Areas"),
                tr("CSV files (*.csv)"),
                optional=True,
                createByDefault=False,
            ),
            tr(
                "Polygons, pixels, share and hectares of every class, with and without the minimum "
                "mapping unit, for spreadsheets."
            ),
        )
        self.add(
            QgsProcessingParameterRasterDestination(
                "SIEVED", tr("Sieved map"), optional=True, createByDefault=False
            ),
            tr("GeoTIFF of the map as the polygons show it, with the same classes."),
        )
        self.addOutput(QgsProcessingOutputNumber("FEATURES", tr("Number of features")))
        self.addOutput(
            QgsProcessingOutputNumber("CHANGED_PIXELS", tr("Pixels that changed their class"))
        )

    def problem(self, parameters: dict[str, Any], context: QgsProcessingContext) -> str:
        """What is wrong with the map or the output's name."""
        path = self.parameterAsOutputLayer(parameters, "POLYGONS", context)
        if Path(path).suffix.lower() != ".gpkg":
            return tr(
                "Land-cover polygons (POLYGONS): {} is not a GeoPackage. Name it .gpkg."
            ).format(path)
        return checks.raster(self, parameters, "CLASSIFICATION", context)

    def resolve(self, parameters: dict[str, Any], context: QgsProcessingContext) -> None:
        """Resolve the map."""
        self._map = self.raster(parameters, "CLASSIFICATION", context)

    def processAlgorithm(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Export."""
        files = {
            "POLYGONS": self.parameterAsOutputLayer(parameters, "POLYGONS", context),
            "AREAS": self.parameterAsFileOutput(parameters, "AREAS", context),
            "SIEVED": self.parameterAsOutputLayer(parameters, "SIEVED", context),
        }
        with self.workspace() as folder:
            job = jobs.ExportLandCoverJob(
                classification=jobs.RasterSource(**self._map.hand_over(folder, feedback)),
                **{name.lower(): path for name, path in files.items()},
                **{
                    field: read_setting(self, jobs.ExportLandCoverJob, field, parameters, context)
                    for field in SETTINGS
                },
            )
            result = self.run_engine(job, folder, feedback)
        self.show(files["POLYGONS"], StoredStyle, context)
        self.show(files["SIEVED"], HiddenClassStyle, context)
        return {
            **{name: path for name, path in files.items() if path},
            "FEATURES": result["features"],
            "CHANGED_PIXELS": result["changed_pixels"],
        }
