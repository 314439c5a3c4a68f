"""``mambahsi:trainandclassify``: from labeled polygons to a land-cover map in one run."""

from __future__ import annotations

from typing import Any, Optional

from qgis.core import QgsProcessingContext, QgsProcessingFeedback

from mambahsi_qgis.algorithms.maps import MapAlgorithm
from mambahsi_qgis.algorithms.training import TrainingAlgorithm
from mambahsi_qgis.engine.jobs import jobs
from mambahsi_qgis.translation import tr


class TrainAndClassify(TrainingAlgorithm, MapAlgorithm):
    """Trains a model and classifies the same scene with it."""

    ID = "trainandclassify"
    TAGS = ("train", "classify", "supervised", "map", "neural network", "polygons")

    def displayName(self) -> str:
        """Name in the toolbox."""
        return tr("Train and classify")

    def shortDescription(self) -> str:
        """One line about it."""
        return tr("Makes a land-cover map and a model from a scene with labeled polygons.")

    def about(self) -> str:
        """Beginning of the help."""
        return tr(
            "<p>Trains a MambaHSI network on a scene and areas whose land cover you know, and "
            "classifies the whole scene with it: polygons in, a land-cover map out.</p>"
            "<p>Some labeled areas are kept apart from training; the accuracy is measured on "
            "them alone. Three or more polygons per class make that possible.</p>"
        )

    def initAlgorithm(self, configuration: Optional[dict[str, Any]] = None) -> None:
        """Describe parameters and outputs."""
        self.add_training_inputs()
        self.add_maps()
        self.add_training_outputs()

    def processAlgorithm(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Train and classify."""
        paths = self.map_paths(parameters, context)
        with self.workspace() as folder:
            train = self.train_job(parameters, folder, context, feedback)
            job = jobs.TrainAndClassifyJob(train=train, **paths)
            result = self.run_engine(job, folder, feedback)
        return {**self.training_outputs(result), **self.map_outputs(paths, context)}
