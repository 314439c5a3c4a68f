"""``mambahsi:classseparability``: scene and labels in, distances between the classes out."""

from __future__ import annotations

from typing import Any, Optional

from qgis.core import QgsProcessingContext, QgsProcessingOutputNumber

from mambahsi_qgis.algorithms import checks
from mambahsi_qgis.algorithms.samples import SamplesAlgorithm
from mambahsi_qgis.engine.jobs import jobs
from mambahsi_qgis.translation import tr


def _settings() -> list[tuple[str, str, str]]:
    """Advanced settings: field of the job, label, help."""
    return [
        (
            "components",
            tr("Principal components"),
            tr(
                "What classes are compared in where there are more bands. 0 takes all bands, in "
                "which nearly all classes look apart."
            ),
        )
    ]


class ClassSeparability(SamplesAlgorithm):
    """Tells how far apart the classes of labeled pixels are."""

    ID = "classseparability"
    TAGS = (*SamplesAlgorithm.TAGS, "jeffries-matusita", "bhattacharyya", "confusion")
    JOB = jobs.SeparabilityJob

    def displayName(self) -> str:
        """Name in the toolbox."""
        return tr("Class separability")

    def shortDescription(self) -> str:
        """One line about it."""
        return tr("Jeffries-Matusita distances between all classes, the worst pairs named.")

    def about(self) -> str:
        """Beginning of the help."""
        return tr(
            "<p>Computes the Jeffries-Matusita distance between all pairs of classes from their "
            "labeled pixels: 0 where two classes are alike, 2 where they are apart. Below 1 they "
            "are hardly separable, from 1.9 on well separable.</p>"
            "<p>Where there are many bands, classes are compared in the principal components of "
            "their samples. Few samples look separable whatever they are: so the distance that as "
            "many samples of classes without a difference have is told beside each, and pairs are "
            "judged by what is found beyond it. Where samples are few, covariances are shrunk "
            "(Ledoit and Wolf 2004).</p>"
        )

    def initAlgorithm(self, configuration: Optional[dict[str, Any]] = None) -> None:
        """Describe parameters and outputs."""
        self.add_scene_and_labels()
        self.add_settings(jobs.SeparabilityJob, _settings())
        self.add_outputs(
            tr("Warnings, worst pairs, matrix and formulas with their sources, in one HTML file."),
            tr("One row for each pair of classes, the least separable first."),
        )
        self.addOutput(
            QgsProcessingOutputNumber("SMALLEST_DISTANCE", tr("Smallest distance of two classes"))
        )

    def problem(self, parameters: dict[str, Any], context: QgsProcessingContext) -> str:
        """What is wrong with scene and labels; a distance takes two classes."""
        problem = super().problem(parameters, context)
        if problem:
            return problem
        labels = self.parameterAsSource(parameters, "LABELS", context)
        return checks.classes(labels, self.parameterAsString(parameters, "CLASS_FIELD", context))

    def settings(self, parameters: dict[str, Any], context: QgsProcessingContext) -> dict[str, Any]:
        """In what classes are compared."""
        return self.read_settings(jobs.SeparabilityJob, _settings(), parameters, context)

    def figures(self, result: dict[str, Any]) -> dict[str, Any]:
        """The smallest distance, unless none could be computed."""
        smallest = result["smallest_distance"]
        return {} if smallest is None else {"SMALLEST_DISTANCE": smallest}
