"""``mambahsi:assessaccuracy``: a land-cover map and a reference in, its accuracy out."""

from __future__ import annotations

from typing import Any, Optional

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterRasterLayer,
)

from mambahsi_qgis.algorithms import checks
from mambahsi_qgis.algorithms.base import EngineAlgorithm
from mambahsi_qgis.algorithms.labeled import VECTORS
from mambahsi_qgis.algorithms.parameters import read_setting, setting
from mambahsi_qgis.engine.jobs import jobs
from mambahsi_qgis.translation import tr


class AssessAccuracy(EngineAlgorithm):
    """Compares a land-cover map with a reference."""

    ID = "assessaccuracy"
    TAGS = ("accuracy", "confusion matrix", "kappa", "validation", "reference")

    def displayName(self) -> str:
        """Name in the toolbox."""
        return tr("Assess accuracy")

    def shortDescription(self) -> str:
        """One line about it."""
        return tr("Compares a land-cover map with reference polygons, points or a raster.")

    def about(self) -> str:
        """Beginning of the help."""
        return tr(
            "<p>Compares a land-cover map with a reference: polygons, points or a raster of "
            "class values. Gives the confusion matrix, overall and average accuracy, kappa, and "
            "for each class producer's and user's accuracy, F1 and IoU.</p>"
            "<p>A reference that the model was trained on tells nothing about its accuracy.</p>"
            "<p>Points that were drawn at random, such as those of <i>Design sample</i>, tell "
            "more: accuracy by area and the area of every class, with standard errors and 95 % "
            "intervals (Olofsson et al. 2014; for samples drawn from another map Stehman 2014). "
            "Polygons are no random sample, so nothing can be said of the whole map.</p>"
        )

    def initAlgorithm(self, configuration: Optional[dict[str, Any]] = None) -> None:
        """Describe parameters and outputs."""
        self.add(
            QgsProcessingParameterRasterLayer("CLASSIFICATION", tr("Land-cover map")),
            tr("Raster of class values, such as the result of a classification."),
        )
        self.add(
            QgsProcessingParameterFeatureSource(
                "REFERENCE", tr("Reference polygons or points"), VECTORS, optional=True
            ),
            tr("Areas whose land cover is known. Give these or a reference raster."),
        )
        self.add(
            QgsProcessingParameterField(
                "CLASS_FIELD", tr("Class field"), None, "REFERENCE", optional=True
            ),
            tr("Field of the reference polygons that tells the class: its value or its name."),
        )
        self.add(
            QgsProcessingParameterRasterLayer(
                "REFERENCE_RASTER", tr("Reference raster"), optional=True
            ),
            tr("Raster of class values on the same grid as the map."),
        )
        self.add(
            setting(jobs.AssessJob, "design", tr("Sampling design of the points")),
            tr(
                "How the reference points were chosen. auto: a sample that Design sample drew is "
                "recognized, anything else is not taken for random; none: not at random; simple: "
                "at random from the whole map; stratified: at random from each class of the map."
            ),
        )
        self.add(
            QgsProcessingParameterFileDestination(
                "REPORT", tr("Report"), tr("HTML files (*.html)"), optional=True
            ),
            tr("All figures and the confusion matrix, in one HTML file."),
        )
        self.add(
            QgsProcessingParameterFileDestination(
                "TABLE",
                tr("Figures"),
                tr("JSON files (*.json)"),
                optional=True,
                createByDefault=False,
            ),
            tr("All figures and the confusion matrix, for programs."),
        )
        self.add(
            QgsProcessingParameterFileDestination(
                "AREAS",
                tr("Areas"),
                tr("CSV files (*.csv)"),
                optional=True,
                createByDefault=False,
            ),
            tr("Class areas and accuracy by area, for spreadsheets. Needs a random sample."),
        )
        self.add_accuracy_outputs()
        self.addOutput(
            QgsProcessingOutputNumber("AREA_WEIGHTED_ACCURACY", tr("Overall accuracy by area"))
        )
        self.addOutput(QgsProcessingOutputNumber("STANDARD_ERROR", tr("Standard error of it")))

    def problem(self, parameters: dict[str, Any], context: QgsProcessingContext) -> str:
        """What is wrong with map and reference."""
        has_layer = checks.given(parameters, "REFERENCE")
        has_raster = checks.given(parameters, "REFERENCE_RASTER")
        if has_layer == has_raster:
            return tr("Give one reference: either polygons or points, or a raster.")
        problem = checks.raster(self, parameters, "CLASSIFICATION", context)
        if problem:
            return problem
        if has_raster:
            return checks.raster(self, parameters, "REFERENCE_RASTER", context)
        field = self.parameterAsString(parameters, "CLASS_FIELD", context)
        if not field:
            return tr("Choose the class field of the reference.")
        return checks.vector(self, parameters, "REFERENCE", [field], context) or checks.overlap(
            self.parameterAsRasterLayer(parameters, "CLASSIFICATION", context),
            self.parameterAsSource(parameters, "REFERENCE", context),
            context,
        )

    def resolve(self, parameters: dict[str, Any], context: QgsProcessingContext) -> None:
        """Resolve map and reference."""
        self._map = self.raster(parameters, "CLASSIFICATION", context)
        self._field = self.parameterAsString(parameters, "CLASS_FIELD", context)
        self._raster = self._vector = None
        if checks.given(parameters, "REFERENCE"):
            known = self.parameterAsSource(parameters, "REFERENCE", context).fields().names()
            design = [name for name in jobs.SAMPLE_FIELDS if name in known]
            self._vector = self.vector(parameters, "REFERENCE", [self._field, *design], context)
        else:
            self._raster = self.raster(parameters, "REFERENCE_RASTER", context)

    def processAlgorithm(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Assess."""
        files = {
            name: self.parameterAsFileOutput(parameters, name, context)
            for name in ("REPORT", "TABLE", "AREAS")
        }
        with self.workspace() as folder:
            reference: dict[str, Any] = {}
            if self._vector is not None:
                values = self._vector.hand_over(
                    folder / "reference", self._map, context.transformContext(), feedback
                )
                reference["reference"] = jobs.VectorSource(**values)
            if self._raster is not None:
                reference["reference_raster"] = jobs.RasterSource(
                    **self._raster.hand_over(folder, feedback)
                )
            job = jobs.AssessJob(
                classification=jobs.RasterSource(**self._map.hand_over(folder, feedback)),
                class_field=self._field,
                design=read_setting(self, jobs.AssessJob, "design", parameters, context),
                report=files["REPORT"],
                table=files["TABLE"],
                areas=files["AREAS"],
                **reference,
            )
            result = self.run_engine(job, folder, feedback)
        sampled = ("area_weighted_accuracy", "standard_error")
        return {
            **self.accuracy_outputs(result),
            **{name.upper(): result[name] for name in sampled if result[name] is not None},
            **{name: path for name, path in files.items() if path},
        }
