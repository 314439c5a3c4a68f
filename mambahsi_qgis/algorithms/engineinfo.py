"""``mambahsi:engineinfo``: what the engine is and has, or what is missing."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Optional

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputString,
    QgsProcessingParameterFile,
)

from mambahsi_qgis.algorithms.base import EngineAlgorithm
from mambahsi_qgis.engine.jobs import jobs
from mambahsi_qgis.engine.locate import find_engine
from mambahsi_qgis.translation import tr


class EngineInfo(EngineAlgorithm):
    """Describes the engine or a model file; works without an engine, too."""

    ID = "engineinfo"
    TAGS = ("engine", "version", "device", "gpu", "cuda", "installation", "model")

    def displayName(self) -> str:
        """Name in the toolbox."""
        return tr("Engine information")

    def shortDescription(self) -> str:
        """One line about it."""
        return tr("Tells which engine is used, what it can do, or what is missing.")

    def about(self) -> str:
        """Beginning of the help."""
        return tr(
            "<p>Tells which engine is used, its version, the devices that it can compute on, and "
            "the implementations of the selective scan that work there. Where no engine is set "
            "up, it tells what is missing.</p>"
        )

    def canExecute(self) -> tuple[bool, str]:
        """Always: telling what is missing is its job."""
        return True, ""

    def initAlgorithm(self, configuration: Optional[dict[str, Any]] = None) -> None:
        """Describe parameters and outputs."""
        self.add(
            QgsProcessingParameterFile(
                "MODEL",
                tr("Model to describe"),
                optional=True,
                fileFilter=tr("MambaHSI model (*.safetensors);;All files (*)"),
            ),
            tr("A model file: its classes, bands, training and accuracy are told, too."),
        )
        for name, label in (
            ("ENGINE_PYTHON", tr("Python of the engine")),
            ("ENGINE_VERSION", tr("Version of the engine")),
            ("DEVICES", tr("Devices")),
            ("SCANS", tr("Selective scans")),
            ("MISSING", tr("What is missing")),
            ("DESCRIPTION", tr("Everything that the engine tells, as JSON")),
        ):
            self.addOutput(QgsProcessingOutputString(name, label))

    def problem(self, parameters: dict[str, Any], context: QgsProcessingContext) -> str:
        """Nothing that could be known beforehand."""
        return ""

    def prepareAlgorithm(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> bool:
        """Look for the engine."""
        self._engine = find_engine()
        if self._engine.python is not None:
            self._python = self._engine.python
        return True

    def processAlgorithm(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Ask the engine about itself, if there is one."""
        model = self.parameterAsFile(parameters, "MODEL", context)
        python = self._engine.python
        if python is None:
            if model:
                raise QgsProcessingException(self._engine.problem)
            feedback.pushWarning(self._engine.problem)
            return {"ENGINE_PYTHON": "", "MISSING": self._engine.problem}
        feedback.pushInfo(tr("Engine: {} ({})").format(python, self._engine.origin))
        with self.workspace() as folder:
            result = self.run_engine(jobs.InfoJob(model=model), folder, feedback)
        description = json.dumps(result, ensure_ascii=False, indent=2)
        feedback.pushInfo(description)
        return {
            "ENGINE_PYTHON": str(python),
            "ENGINE_VERSION": str(result.get("version", "")),
            "DEVICES": _listed(result.get("devices", [])),
            "SCANS": _listed(name for name, why in result.get("scans", {}).items() if not why),
            "MISSING": "",
            "DESCRIPTION": description,
        }


def _listed(items: Iterable[Any]) -> str:
    names = (str(i.get("name", i)) if isinstance(i, dict) else str(i) for i in items)
    return ", ".join(names)
