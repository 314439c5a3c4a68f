"""``mambahsi:classifyscene``: a scene and a model file in, a land-cover map out."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Optional

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingParameterFile,
    QgsProcessingParameterRasterLayer,
)

from mambahsi_qgis.algorithms import checks
from mambahsi_qgis.algorithms.maps import MapAlgorithm
from mambahsi_qgis.algorithms.training import device_settings
from mambahsi_qgis.engine.jobs import jobs
from mambahsi_qgis.translation import tr


class ClassifyScene(MapAlgorithm):
    """Classifies a scene with a model."""

    ID = "classifyscene"
    TAGS = ("classify", "predict", "map", "apply model", "inference")

    def displayName(self) -> str:
        """Name in the toolbox."""
        return tr("Classify scene")

    def shortDescription(self) -> str:
        """One line about it."""
        return tr("Makes a land-cover map of a scene with a trained MambaHSI model.")

    def about(self) -> str:
        """Beginning of the help."""
        return tr(
            "<p>Makes a land-cover map of a whole scene with a trained model.</p>"
            "<p>The scene's bands must be those that the model was trained on; where both know "
            "their wavelengths, bands are matched by wavelength.</p>"
        )

    def initAlgorithm(self, configuration: Optional[dict[str, Any]] = None) -> None:
        """Describe parameters and outputs."""
        self.add(
            QgsProcessingParameterRasterLayer("SCENE", tr("Scene")),
            tr("Raster with the bands that the model was trained on. Nodata stays nodata."),
        )
        self.add(
            QgsProcessingParameterFile(
                "MODEL", tr("Model"), fileFilter=tr("MambaHSI model (*.safetensors);;All files (*)")
            ),
            tr("Model file that the training wrote."),
        )
        self.add_settings(jobs.ClassifyJob, device_settings())
        self.add_maps()

    def problem(self, parameters: dict[str, Any], context: QgsProcessingContext) -> str:
        """What is wrong with scene and model."""
        problem = checks.raster(self, parameters, "SCENE", context)
        if problem:
            return problem
        model = self.parameterAsFile(parameters, "MODEL", context)
        if not Path(model).is_file():
            return tr("Model file {} does not exist.").format(model)
        return checks.scene_size(self.parameterAsRasterLayer(parameters, "SCENE", context))

    def resolve(self, parameters: dict[str, Any], context: QgsProcessingContext) -> None:
        """Resolve the scene."""
        self._scene = self.raster(parameters, "SCENE", context)

    def processAlgorithm(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Classify."""
        paths = self.map_paths(parameters, context)
        with self.workspace() as folder:
            job = jobs.ClassifyJob(
                scene=jobs.RasterSource(**self._scene.hand_over(folder, feedback)),
                model=self.parameterAsFile(parameters, "MODEL", context),
                **paths,
                **self.read_settings(jobs.ClassifyJob, device_settings(), parameters, context),
            )
            self.run_engine(job, folder, feedback)
        return self.map_outputs(paths, context)
