"""What all algorithms share: identity, help, inputs, outputs, and the run of a job.

Processing calls :meth:`prepareAlgorithm` where layers may be touched, and
:meth:`processAlgorithm` in a thread of its own. So layers are resolved in the first, and
the second works with what was resolved; it knows neither the project nor the window.
"""

from __future__ import annotations

import html
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from qgis.core import (
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingLayerPostProcessorInterface,
    QgsProcessingOutputNumber,
    QgsProcessingParameterDefinition,
    QgsProcessingUtils,
)
from qgis.PyQt import sip
from qgis.PyQt.QtGui import QIcon

from mambahsi_qgis import paths
from mambahsi_qgis.algorithms import checks
from mambahsi_qgis.algorithms.parameters import read_setting, setting
from mambahsi_qgis.engine import locate, rasters
from mambahsi_qgis.engine.jobs import jobs
from mambahsi_qgis.engine.process import run_job
from mambahsi_qgis.engine.vectors import Vector
from mambahsi_qgis.styling import ClassStyle, SwitchedOff
from mambahsi_qgis.translation import tr

ADVANCED = QgsProcessingParameterDefinition.Flag.FlagAdvanced


class EngineAlgorithm(QgsProcessingAlgorithm):
    """An algorithm that the engine carries out."""

    ID = ""
    TAGS: Sequence[str] = ()

    # Post-processors of layers. QGIS owns and deletes them, so every layer needs one of its
    # own, and keeps no reference to their Python part, so they have to be kept here.
    _looks: ClassVar[list[QgsProcessingLayerPostProcessorInterface]] = []

    # What it is -------------------------------------------------------------------------

    def name(self) -> str:
        """Published interface."""
        return self.ID

    def createInstance(self) -> EngineAlgorithm:
        """A fresh copy."""
        return type(self)()

    def icon(self) -> QIcon:
        """The plugin's icon."""
        return QIcon(paths.icon())

    def svgIconPath(self) -> str:
        """The plugin's icon, for the modeler."""
        return paths.icon()

    def tags(self) -> list[str]:
        """Words that find the algorithm, besides its name."""
        return [*self.TAGS, "hyperspectral", "land cover", "deep learning", "mamba"]

    def about(self) -> str:
        """What the algorithm does, in HTML: the beginning of its help."""
        raise NotImplementedError

    def shortHelpString(self) -> str:
        """What it does, then its parameters, the advanced ones last."""
        definitions = sorted(self.parameterDefinitions(), key=lambda d: bool(d.flags() & ADVANCED))
        rows = "".join(
            f"<p><b>{html.escape(d.description())}</b> ({d.name()})<br>{html.escape(d.help())}</p>"
            for d in definitions
        )
        return f"{self.about()}<h3>{tr('Parameters')}</h3>{rows}"

    def canExecute(self) -> tuple[bool, str]:
        """Whether there is an engine, and if not, how to get one. Starts no process."""
        problem = locate.find_engine().problem
        return not problem, problem

    # Parameters -------------------------------------------------------------------------

    def add(
        self, definition: QgsProcessingParameterDefinition, explanation: str, advanced: bool = False
    ) -> None:
        """Add a parameter with its help."""
        definition.setHelp(explanation)
        if advanced:
            definition.setFlags(definition.flags() | ADVANCED)
        self.addParameter(definition)

    def add_settings(self, job: type, settings: Sequence[tuple[str, str, str]]) -> None:
        """Add advanced parameters for fields of a job: (field, label, help) each."""
        for field, label, explanation in settings:
            self.add(setting(job, field, label), explanation, advanced=True)

    def read_settings(
        self,
        job: type,
        settings: Sequence[tuple[str, str, str]],
        parameters: dict[str, Any],
        context: QgsProcessingContext,
    ) -> dict[str, Any]:
        """Values of the fields that :meth:`add_settings` added."""
        return {
            field: read_setting(self, job, field, parameters, context) for field, _, _ in settings
        }

    def add_accuracy_outputs(self) -> None:
        """Add the figures of an accuracy assessment."""
        self.addOutput(QgsProcessingOutputNumber("OVERALL_ACCURACY", tr("Overall accuracy")))
        self.addOutput(QgsProcessingOutputNumber("AVERAGE_ACCURACY", tr("Average accuracy")))
        self.addOutput(QgsProcessingOutputNumber("KAPPA", tr("Kappa")))

    # Checks -----------------------------------------------------------------------------

    def checkParameterValues(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> tuple[bool, str]:
        """Refuse what can be known to fail before anything is started."""
        problem = checks.settings(self, parameters) or checks.unreadable(self, parameters, context)
        if problem:
            return False, problem
        accepted, message = super().checkParameterValues(parameters, context)
        if not accepted:
            return False, message
        runnable, problem = self.canExecute()
        if runnable:
            problem = self.problem(parameters, context) or checks.outputs(self, parameters, context)
        return not problem, problem

    def problem(self, parameters: dict[str, Any], context: QgsProcessingContext) -> str:
        """What is wrong with the parameters, or an empty text. Cheap."""
        raise NotImplementedError

    # The run ----------------------------------------------------------------------------

    def prepareAlgorithm(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> bool:
        """Find the engine and resolve the layers."""
        self._python = locate.require_engine()
        self.resolve(parameters, context)
        return True

    def resolve(self, parameters: dict[str, Any], context: QgsProcessingContext) -> None:
        """Resolve the layers, while they may be touched."""
        raise NotImplementedError

    def raster(
        self, parameters: dict[str, Any], name: str, context: QgsProcessingContext
    ) -> rasters.Raster:
        """The raster layer of a parameter."""
        layer = self.parameterAsRasterLayer(parameters, name, context)
        if layer is None:
            raise QgsProcessingException(self.invalidRasterError(parameters, name))
        return rasters.resolve(layer)

    def vector(
        self,
        parameters: dict[str, Any],
        name: str,
        fields: Sequence[str],
        context: QgsProcessingContext,
    ) -> Vector:
        """The vector layer of a parameter, with the fields that the engine needs."""
        source = self.parameterAsSource(parameters, name, context)
        if source is None:
            raise QgsProcessingException(self.invalidSourceError(parameters, name))
        return Vector(source, tuple(dict.fromkeys(filter(None, fields))))

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """A temporary folder for what is handed to the engine."""
        folder = Path(tempfile.mkdtemp(prefix="mambahsi_", dir=QgsProcessingUtils.tempFolder()))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def run_engine(self, job: Any, folder: Path, feedback: QgsProcessingFeedback) -> dict[str, Any]:
        """Run a job in the engine that was found and return its result.

        Raises:
            QgsProcessingException: It failed, or was cancelled.
        """
        values = jobs.to_json(job)
        try:
            jobs.from_json(values)
        except jobs.JobError as error:
            raise QgsProcessingException(f"{error.message} {error.hint}".strip()) from error
        return run_job(self._python, values, folder, feedback)

    def show_map(self, path: str, beside: Sequence[str], context: QgsProcessingContext) -> None:
        """Have a map shown with its classes if it is loaded at the end, and nothing before it.

        Args:
            path: The map.
            beside: What was written with it.
            context: Knows what is to be loaded.
        """
        self.show(path, ClassStyle, context)
        for other in beside:
            self.show(other, SwitchedOff, context)

    def show(
        self,
        path: str,
        look: type[QgsProcessingLayerPostProcessorInterface],
        context: QgsProcessingContext,
    ) -> None:
        """Have a file shown in a certain way if it is loaded at the end."""
        if path and context.willLoadLayerOnCompletion(path):
            own = look()
            context.layerToLoadOnCompletionDetails(path).setPostProcessor(own)
            self._looks[:] = [own, *(old for old in self._looks if not sip.isdeleted(old))]

    @staticmethod
    def accuracy_outputs(result: dict[str, Any]) -> dict[str, float]:
        """The figures of an accuracy assessment that the engine could compute."""
        names = ("overall_accuracy", "average_accuracy", "kappa")
        return {n.upper(): float(result[n]) for n in names if result.get(n) is not None}
