"""``mambahsi:importbenchmark``: files of a benchmark scene in, layers to work with out."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Optional

from qgis.core import (
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputString,
    QgsProcessingParameterFile,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterString,
    QgsProcessingParameterVectorDestination,
)

from mambahsi_qgis.algorithms import checks
from mambahsi_qgis.algorithms.base import EngineAlgorithm
from mambahsi_qgis.algorithms.parameters import read_setting, setting
from mambahsi_qgis.engine.jobs import jobs
from mambahsi_qgis.styling import ClassStyle, FieldStyle, HiddenClassStyle
from mambahsi_qgis.translation import tr


class ImportBenchmark(EngineAlgorithm):
    """Imports a benchmark scene."""

    ID = "importbenchmark"
    TAGS = (
        *("benchmark", "dataset", "matlab", "import", "ground truth", "Pavia", "Salinas"),
        *("Botswana", "KSC", "Houston", "WHU-Hi", "Indian Pines"),
    )

    def displayName(self) -> str:
        """Name in the toolbox."""
        return tr("Import benchmark scene")

    def shortDescription(self) -> str:
        """One line about it."""
        return tr("Opens a hyperspectral benchmark scene of the literature with its ground truth.")

    def about(self) -> str:
        """Beginning of the help."""
        return tr(
            "<p>Turns the files of a hyperspectral benchmark scene into layers to work with: a "
            "GeoTIFF of the scene, polygons to train on, and a raster of the ground truth, with "
            "class names and colors. The scenes are Pavia University and Centre, Salinas, "
            "Salinas-A, Botswana, Kennedy Space Center, Houston 2013, WHU-Hi HanChuan, HongHu "
            "and LongKou, and Indian Pines.</p>"
            "<p>The files have to be there already; they may be of MATLAB (.mat, any version), "
            "NumPy (.npy), ENVI or GeoTIFF. Which scene it is, and where cube and ground truth "
            "are, is found from sizes and names.</p>"
            "<p>Most of these files hold no position. Such a scene is put down near the place "
            "where it was flown, possibly kilometers off, and its metadata says so.</p>"
        )

    def initAlgorithm(self, configuration: Optional[dict[str, Any]] = None) -> None:
        """Describe parameters and outputs."""
        self.add(
            QgsProcessingParameterFile("INPUT", tr("File of the scene"), fileFilter=_filter()),
            tr(
                "File with the cube, such as PaviaU.mat. The ground truth beside it is found by "
                "itself. A folder that holds both may be named, too."
            ),
        )
        self.add(
            QgsProcessingParameterFile(
                "GROUND_TRUTH", tr("Ground truth"), optional=True, fileFilter=_filter()
            ),
            tr("File with the label map, where it is not found beside the cube."),
        )
        self.add(
            QgsProcessingParameterFile(
                "TEST_GROUND_TRUTH", tr("Test part"), optional=True, fileFilter=_filter()
            ),
            tr(
                "File with the test pixels, where the labels are two maps, as those of Houston "
                "2013. The ground truth above is the training part then, and a field of the "
                "polygons keeps the split."
            ),
            advanced=True,
        )
        self.add(
            setting(jobs.ImportBenchmarkJob, "dataset", tr("Benchmark scene")),
            tr(
                "Which scene it is. “recognize” finds out; name it where that fails, for "
                "example because bands are missing."
            ),
        )
        for name, label in (
            ("VARIABLE", tr("Variable of the cube")),
            ("GROUND_TRUTH_VARIABLE", tr("Variable of the ground truth")),
        ):
            self.add(
                QgsProcessingParameterString(name, label, optional=True),
                tr("Its name in a MATLAB file, where several arrays there would fit."),
                advanced=True,
            )
        self.add(
            QgsProcessingParameterRasterDestination("SCENE", tr("Scene")),
            tr("GeoTIFF of the cube, every value unchanged."),
        )
        self.add(
            QgsProcessingParameterVectorDestination(
                "LABELS",
                tr("Training polygons"),
                QgsProcessing.SourceType.TypeVectorPolygon,
                optional=True,
            ),
            tr(
                "GeoPackage of the labeled areas with the fields class_id, class_name and color. "
                "By pixel centers they are exactly the ground truth."
            ),
        )
        self.add(
            QgsProcessingParameterRasterDestination(
                "REFERENCE_RASTER", tr("Ground truth raster"), optional=True
            ),
            tr("GeoTIFF of class values with names and colors; 0 is unlabeled."),
        )
        self.addOutput(QgsProcessingOutputString("RECOGNIZED", tr("Recognized scene")))

    def problem(self, parameters: dict[str, Any], context: QgsProcessingContext) -> str:
        """A file that is missing, or polygons that are to go elsewhere than to a GeoPackage."""
        for name in ("INPUT", "GROUND_TRUTH", "TEST_GROUND_TRUTH"):
            path = self.parameterAsFile(parameters, name, context)
            if path and not Path(path).exists():
                title = checks.title(self.parameterDefinition(name))
                return tr("{}: {} does not exist.").format(title, path)
        labels = self._labels(parameters, context)
        if labels and Path(labels).suffix.lower() != ".gpkg":
            title = checks.title(self.parameterDefinition("LABELS"))
            return tr("{}: {} is no file of a GeoPackage, the only format written.").format(
                title, labels
            )
        return ""

    def resolve(self, parameters: dict[str, Any], context: QgsProcessingContext) -> None:
        """There are no layers."""

    def processAlgorithm(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Import."""
        written = {
            "SCENE": self.parameterAsOutputLayer(parameters, "SCENE", context),
            "LABELS": self._labels(parameters, context),
            "REFERENCE_RASTER": self.parameterAsOutputLayer(
                parameters, "REFERENCE_RASTER", context
            ),
        }
        files = ("INPUT", "GROUND_TRUTH", "TEST_GROUND_TRUTH")
        variables = ("VARIABLE", "GROUND_TRUTH_VARIABLE")
        with self.workspace() as folder:
            job = jobs.ImportBenchmarkJob(
                dataset=read_setting(self, jobs.ImportBenchmarkJob, "dataset", parameters, context),
                **{name.lower(): self.parameterAsFile(parameters, name, context) for name in files},
                **{
                    name.lower(): self.parameterAsString(parameters, name, context)
                    for name in variables
                },
                **{name.lower(): path for name, path in written.items()},
            )
            result = self.run_engine(job, folder, feedback)
        self.show(written["SCENE"], ClassStyle, context)
        self.show(written["LABELS"], FieldStyle, context)
        self.show(written["REFERENCE_RASTER"], HiddenClassStyle, context)
        outputs = {name: path for name, path in written.items() if path}
        return {**outputs, "RECOGNIZED": result["dataset"]}

    def _labels(self, parameters: dict[str, Any], context: QgsProcessingContext) -> str:
        return str(self.parameterAsOutputLayer(parameters, "LABELS", context) or "")


def _filter() -> str:
    return tr("MATLAB, NumPy, ENVI, GeoTIFF (*.mat *.npy *.hdr *.tif *.tiff *.txt);;All files (*)")
