"""``mambahsi:createtraininglayer``: a scene and a list of classes in, a layer to draw in out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Optional

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFile,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
    QgsProcessingParameterVectorDestination,
)

from mambahsi_qgis.algorithms import checks
from mambahsi_qgis.algorithms.base import EngineAlgorithm
from mambahsi_qgis.classes.files import ClassFileError, classes_named, read_class_list
from mambahsi_qgis.classes.layer import TrainingLayerError, create_training_layer
from mambahsi_qgis.classes.table import TrainingClass
from mambahsi_qgis.styling import StoredStyle
from mambahsi_qgis.translation import tr


class CreateTrainingLayer(EngineAlgorithm):
    """Makes an empty, styled layer of polygons; works without an engine."""

    ID = "createtraininglayer"
    TAGS = ("training", "samples", "polygons", "digitize", "labels", "GeoPackage", "classes")

    def displayName(self) -> str:
        """Name in the toolbox."""
        return tr("Create training layer")

    def shortDescription(self) -> str:
        """One line about it."""
        return tr(
            "Makes an empty polygon layer with classes, colors and a form to draw samples in."
        )

    def about(self) -> str:
        """Beginning of the help."""
        return tr(
            "<p>Makes a GeoPackage for training polygons in the scene's CRS, with the fields "
            "class_id, class_name and color. Its style, which is in the file, draws each class in "
            "its color, and its form offers the classes by name; name and color follow from the "
            "class. The dock <i>MambaHSI training</i> does the same, and more.</p>"
        )

    def canExecute(self) -> tuple[bool, str]:
        """Always: no engine is needed."""
        return True, ""

    def initAlgorithm(self, configuration: Optional[dict[str, Any]] = None) -> None:
        """Describe parameters and outputs."""
        self.add(
            QgsProcessingParameterRasterLayer("SCENE", tr("Scene")),
            tr("The raster that polygons will be drawn on; the layer gets its CRS."),
        )
        self.add(
            QgsProcessingParameterFile(
                "CLASS_LIST",
                tr("List of classes"),
                optional=True,
                fileFilter=tr("Lists of classes (*.csv *.qml)"),
            ),
            tr(
                "CSV with the columns class_id, class_name and color, or a QML, such as the one "
                "beside a land-cover map."
            ),
        )
        self.add(
            QgsProcessingParameterString(
                "CLASS_NAMES", tr("Or names of classes"), multiLine=True, optional=True
            ),
            tr("Separated by commas, semicolons or lines; numbered from 1, in default colors."),
        )
        self.add(
            QgsProcessingParameterVectorDestination(
                "LABELS", tr("Training layer"), QgsProcessing.SourceType.TypeVectorPolygon
            ),
            tr("GeoPackage of polygons, empty as yet."),
        )
        self.addOutput(QgsProcessingOutputNumber("CLASSES", tr("Number of classes")))

    def problem(self, parameters: dict[str, Any], context: QgsProcessingContext) -> str:
        """What is wrong with scene, classes, or the output's name."""
        path = self.parameterAsOutputLayer(parameters, "LABELS", context)
        if Path(path).suffix.lower() != ".gpkg":
            return tr("Training layer (LABELS): {} is not a GeoPackage. Name it .gpkg.").format(
                path
            )
        if self.parameterAsRasterLayer(parameters, "SCENE", context) is None:
            return self.invalidRasterError(parameters, "SCENE")
        if checks.given(parameters, "CLASS_LIST") and checks.given(parameters, "CLASS_NAMES"):
            return tr("Give a list of classes (CLASS_LIST) or names (CLASS_NAMES), not both.")
        try:
            self._classes(parameters, context)
        except ClassFileError as error:
            return str(error)
        return ""

    def prepareAlgorithm(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> bool:
        """Take the CRS while the layer may be touched."""
        scene = self.parameterAsRasterLayer(parameters, "SCENE", context)
        if scene is None:
            raise QgsProcessingException(self.invalidRasterError(parameters, "SCENE"))
        self._crs = QgsCoordinateReferenceSystem(scene.crs())
        return True

    def processAlgorithm(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Make the layer."""
        path = self.parameterAsOutputLayer(parameters, "LABELS", context)
        try:
            classes = self._classes(parameters, context)
            create_training_layer(path, self._crs, classes)
        except (ClassFileError, TrainingLayerError) as error:
            raise QgsProcessingException(str(error)) from error
        for c in classes:
            feedback.pushInfo(f"{c.value}  {c.name}  {c.color.name()}")
        self.show(path, StoredStyle, context)
        return {"LABELS": path, "CLASSES": len(classes)}

    def _classes(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> list[TrainingClass]:
        if checks.given(parameters, "CLASS_LIST"):
            return read_class_list(self.parameterAsFile(parameters, "CLASS_LIST", context))
        names = self.parameterAsString(parameters, "CLASS_NAMES", context)
        return classes_named(re.split(r"[,;\n]", names)) if names.strip() else []
