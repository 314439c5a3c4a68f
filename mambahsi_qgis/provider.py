"""The Processing provider ``mambahsi``."""

from __future__ import annotations

from qgis.core import QgsProcessingProvider
from qgis.PyQt.QtGui import QIcon

from mambahsi_qgis import paths, settings
from mambahsi_qgis.algorithms.assessaccuracy import AssessAccuracy
from mambahsi_qgis.algorithms.checks import RASTER_EXTENSIONS
from mambahsi_qgis.algorithms.classifyscene import ClassifyScene
from mambahsi_qgis.algorithms.classseparability import ClassSeparability
from mambahsi_qgis.algorithms.createtraininglayer import CreateTrainingLayer
from mambahsi_qgis.algorithms.engineinfo import EngineInfo
from mambahsi_qgis.algorithms.exportlandcover import ExportLandCover
from mambahsi_qgis.algorithms.importbenchmark import ImportBenchmark
from mambahsi_qgis.algorithms.installengine import InstallEngine
from mambahsi_qgis.algorithms.sampledesign import SampleDesign
from mambahsi_qgis.algorithms.spectralsignatures import SpectralSignatures
from mambahsi_qgis.algorithms.trainandclassify import TrainAndClassify
from mambahsi_qgis.algorithms.trainmodel import TrainModel
from mambahsi_qgis.translation import tr

ALGORITHMS = (
    SpectralSignatures,
    ClassSeparability,
    TrainAndClassify,
    TrainModel,
    ClassifyScene,
    AssessAccuracy,
    CreateTrainingLayer,
    SampleDesign,
    ExportLandCover,
    ImportBenchmark,
    EngineInfo,
    InstallEngine,
)


class MambaHSIProvider(QgsProcessingProvider):
    """Offers the engine's jobs as algorithms."""

    def id(self) -> str:
        """Published interface."""
        return "mambahsi"

    def name(self) -> str:
        """Name in the toolbox."""
        return "MambaHSI"

    def longName(self) -> str:
        """Name where there is room."""
        return tr("MambaHSI hyperspectral land-cover classification")

    def icon(self) -> QIcon:
        """Icon in the toolbox."""
        return QIcon(paths.icon())

    def svgIconPath(self) -> str:
        """Icon for the modeler."""
        return paths.icon()

    def load(self) -> bool:
        """Show the setting and load the algorithms."""
        settings.add(self.name())
        self.refreshAlgorithms()
        return True

    def unload(self) -> None:
        """Take the setting away."""
        settings.remove()

    def loadAlgorithms(self) -> None:
        """Create the algorithms."""
        for algorithm in ALGORITHMS:
            self.addAlgorithm(algorithm())

    def supportedOutputRasterLayerExtensions(self) -> list[str]:
        """The engine writes GeoTIFF alone."""
        return list(RASTER_EXTENSIONS)

    def defaultRasterFileExtension(self) -> str:
        """Extension of temporary maps."""
        return "tif"

    def defaultVectorFileExtension(self, hasGeometry: bool = True) -> str:
        """Extension of temporary layers, whatever the user's own is: the engine writes no other."""
        return "gpkg"
