"""What the two algorithms share that look at samples before anything is trained on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingParameterFileDestination,
)

from mambahsi_qgis.algorithms.labeled import LabeledAlgorithm
from mambahsi_qgis.engine.jobs import jobs
from mambahsi_qgis.translation import tr


class SamplesAlgorithm(LabeledAlgorithm):
    """An algorithm that tells something about samples, in HTML and CSV."""

    TAGS: Sequence[str] = ("samples", "training data", "spectra", "quality", "check")
    JOB: type
    """Dataclass of the job."""

    def add_outputs(self, report: str, csv: str) -> None:
        """Add the two files, with their help."""
        self.add(
            QgsProcessingParameterFileDestination(
                "REPORT", tr("Report"), tr("HTML files (*.html)"), optional=True
            ),
            report,
        )
        self.add(
            QgsProcessingParameterFileDestination(
                "CSV", tr("Table"), tr("CSV files (*.csv)"), optional=True, createByDefault=False
            ),
            csv,
        )

    def problem(self, parameters: dict[str, Any], context: QgsProcessingContext) -> str:
        """What is wrong with scene and labels."""
        return self.labels_problem(parameters, context)

    def resolve(self, parameters: dict[str, Any], context: QgsProcessingContext) -> None:
        """Resolve scene and labels."""
        self._labels = self.resolve_labels(parameters, context)

    def processAlgorithm(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Look at the samples."""
        files = {
            name: self.parameterAsFileOutput(parameters, name, context)
            for name in ("REPORT", "CSV")
        }
        with self.workspace() as folder:
            labels = self._labels.hand_over(
                folder / "labels", self._scene, context.transformContext(), feedback
            )
            job = self.JOB(
                scene=jobs.RasterSource(**self._scene.hand_over(folder, feedback)),
                labels=jobs.VectorSource(**labels),
                **self._fields,
                **self.settings(parameters, context),
                **{name.lower(): path for name, path in files.items()},
            )
            result = self.run_engine(job, folder, feedback)
        return {**self.figures(result), **{name: path for name, path in files.items() if path}}

    def settings(self, parameters: dict[str, Any], context: QgsProcessingContext) -> dict[str, Any]:
        """Further fields of the job."""
        return {}

    def figures(self, result: dict[str, Any]) -> dict[str, Any]:
        """Outputs that are numbers."""
        return {}
