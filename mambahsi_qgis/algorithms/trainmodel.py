"""``mambahsi:trainmodel``: a scene and labeled polygons in, a model file out."""

from __future__ import annotations

from typing import Any, Optional

from qgis.core import QgsProcessingContext, QgsProcessingFeedback

from mambahsi_qgis.algorithms.training import TrainingAlgorithm
from mambahsi_qgis.translation import tr


class TrainModel(TrainingAlgorithm):
    """Trains a model."""

    ID = "trainmodel"
    TAGS = ("train", "supervised", "model", "neural network", "polygons")

    def displayName(self) -> str:
        """Name in the toolbox."""
        return tr("Train model")

    def shortDescription(self) -> str:
        """One line about it."""
        return tr("Trains a MambaHSI model on a scene with labeled polygons or points.")

    def about(self) -> str:
        """Beginning of the help."""
        return tr(
            "<p>Trains a MambaHSI network on a scene and areas whose land cover you know. The "
            "model file can then classify this scene and others with the same bands.</p>"
            "<p>Some labeled areas are kept apart from training; the accuracy is measured on "
            "them alone. Three or more polygons per class make that possible.</p>"
        )

    def initAlgorithm(self, configuration: Optional[dict[str, Any]] = None) -> None:
        """Describe parameters and outputs."""
        self.add_training_inputs()
        self.add_training_outputs()

    def processAlgorithm(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Train."""
        with self.workspace() as folder:
            job = self.train_job(parameters, folder, context, feedback)
            return self.training_outputs(self.run_engine(job, folder, feedback))
