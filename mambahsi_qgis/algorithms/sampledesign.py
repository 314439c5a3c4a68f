"""``mambahsi:sampledesign``: a land-cover map in, sample points to interpret out."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Optional

from qgis.core import (
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
    QgsProcessingParameterVectorDestination,
)

from mambahsi_qgis.algorithms import checks
from mambahsi_qgis.algorithms.base import EngineAlgorithm
from mambahsi_qgis.algorithms.parameters import read_setting, setting
from mambahsi_qgis.engine.jobs import jobs
from mambahsi_qgis.styling import StoredStyle
from mambahsi_qgis.translation import tr

SETTINGS = ("size", "standard_error", "accuracy", "allocation", "minimum", "seed")


class SampleDesign(EngineAlgorithm):
    """Draws a stratified random sample of a map."""

    ID = "sampledesign"
    TAGS = ("sample", "stratified", "random points", "reference", "validation", "area estimation")

    def displayName(self) -> str:
        """Name in the toolbox."""
        return tr("Design sample")

    def shortDescription(self) -> str:
        """One line about it."""
        return tr("Draws stratified random points from a land-cover map, ready to interpret.")

    def about(self) -> str:
        """Beginning of the help."""
        return tr(
            "<p>Draws pixels of a land-cover map at random, a number from each class, after the "
            "recommendations of Olofsson et al. (2014). Interpret the points on imagery or in the "
            "field: their form asks for the reference class, and hides what the map says there. "
            "Then give them to <i>Assess accuracy</i>.</p>"
            "<p>The points are in random order. Who interprets them in that order may stop early; "
            "skipping difficult ones biases the result.</p>"
        )

    def initAlgorithm(self, configuration: Optional[dict[str, Any]] = None) -> None:
        """Describe parameters and outputs."""
        self.add(
            QgsProcessingParameterRasterLayer("CLASSIFICATION", tr("Land-cover map")),
            tr("Raster of class values, whose classes are the strata. It may be of any size."),
        )
        labels = {
            "size": (
                tr("Number of points"),
                tr("0 takes as many as the standard error below needs."),
            ),
            "standard_error": (
                tr("Standard error of overall accuracy"),
                tr("What it is to be. 0.01 gives an interval of about 2 percent to each side."),
            ),
            "accuracy": (
                tr("Expected user's accuracy"),
                tr("Of every class. It decides how many points are needed; a guess will do."),
            ),
            "allocation": (
                tr("Allocation"),
                tr(
                    "rare: rare classes get the number below, the others share the rest by area; "
                    "proportional: all by area; equal: the same number each."
                ),
            ),
            "minimum": (tr("Points of a rare class"), tr("50 to 100 are usual.")),
            "seed": (tr("Seed"), tr("The same seed draws the same points.")),
        }
        for field in SETTINGS:
            label, explanation = labels[field]
            self.add(
                setting(jobs.SampleDesignJob, field, label),
                explanation,
                advanced=field in ("seed", "minimum"),
            )
        self.add(
            QgsProcessingParameterString(
                "ACCURACIES", tr("Other expected user's accuracies"), optional=True
            ),
            tr("Of single classes, by value or name, such as: 3=0.6, 7=0.75"),
            advanced=True,
        )
        self.add(
            QgsProcessingParameterVectorDestination(
                "SAMPLE", tr("Sample points"), QgsProcessing.SourceType.TypeVectorPoint
            ),
            tr("GeoPackage of points with a form for their interpretation."),
        )
        self.addOutput(QgsProcessingOutputNumber("POINTS", tr("Number of points")))

    def problem(self, parameters: dict[str, Any], context: QgsProcessingContext) -> str:
        """What is wrong with the map or the output's name."""
        path = self.parameterAsOutputLayer(parameters, "SAMPLE", context)
        if Path(path).suffix.lower() != ".gpkg":
            return tr("Sample points (SAMPLE): {} is not a GeoPackage. Name it .gpkg.").format(path)
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
        """Draw the points."""
        path = self.parameterAsOutputLayer(parameters, "SAMPLE", context)
        with self.workspace() as folder:
            job = jobs.SampleDesignJob(
                classification=jobs.RasterSource(**self._map.hand_over(folder, feedback)),
                sample=path,
                accuracies=self.parameterAsString(parameters, "ACCURACIES", context),
                **{
                    field: read_setting(self, jobs.SampleDesignJob, field, parameters, context)
                    for field in SETTINGS
                },
            )
            result = self.run_engine(job, folder, feedback)
        self.show(path, StoredStyle, context)
        return {"SAMPLE": path, "POINTS": result["points"]}
