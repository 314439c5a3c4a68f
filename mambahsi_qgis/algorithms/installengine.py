"""``mambahsi:installengine``: make the engine's environment, or remove what was made."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Optional

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFile,
    QgsProcessingParameterString,
)

from mambahsi_qgis.algorithms.base import EngineAlgorithm
from mambahsi_qgis.engine import installed, network
from mambahsi_qgis.engine.jobs import folders, jobs
from mambahsi_qgis.engine.locate import interpreter
from mambahsi_qgis.engine.process import run_job
from mambahsi_qgis.engine.pythons import Candidate, find_python
from mambahsi_qgis.translation import tr, tr_engine

INSTALL, CLEAN, UNINSTALL = "install", "clean", "uninstall"
_GB = 10**9


class InstallEngine(EngineAlgorithm):
    """Installs the engine outside of QGIS's Python; works without an engine."""

    ID = "installengine"
    TAGS = ("engine", "install", "setup", "dependencies", "pytorch", "cuda", "uninstall")

    def displayName(self) -> str:
        """Name in the toolbox."""
        return tr("Install the engine")

    def shortDescription(self) -> str:
        """One line about it."""
        return tr("Installs PyTorch and its companions into a folder of their own, or removes it.")

    def about(self) -> str:
        """Beginning of the help."""
        return tr(
            "<p>The networks run in PyTorch, which QGIS does not bring. This installs it, with "
            "all that it needs, into a folder of its own: {}. QGIS's own "
            "Python is not touched. Every package comes in the version that the plugin was tested "
            "with.</p><p>It takes some minutes. What is interrupted can be started again; what "
            "was downloaded is kept. QGIS's proxy and certificates are used.</p>"
        ).format(installed.parent())

    def canExecute(self) -> tuple[bool, str]:
        """Always: installing what is missing is its job."""
        return True, ""

    def initAlgorithm(self, configuration: Optional[dict[str, Any]] = None) -> None:
        """Describe parameters and outputs."""
        self.add(
            QgsProcessingParameterBoolean(
                "AGREE", tr("Yes, download and install it"), defaultValue=False
            ),
            tr(
                "Nothing is installed without it. Without it, the algorithm tells what would be "
                "installed, how large it is, and where."
            ),
        )
        self.add_settings(
            jobs.InstallJob,
            [
                (
                    "variant",
                    tr("Build of PyTorch"),
                    tr(
                        "auto takes the one for CUDA where the driver of an NVIDIA graphics card "
                        "is new enough, else the one for the processor, which is much smaller."
                    ),
                ),
                (
                    "mamba_ssm",
                    tr("Build the kernels of mamba-ssm, too"),
                    tr(
                        "An extra for graphics cards, which takes long. It needs Linux, the build "
                        "for CUDA, CUDA 13's compiler nvcc and a C++ compiler; what is missing is "
                        "told. The engine works without them, also where their build fails."
                    ),
                ),
            ],
        )
        self.add(
            QgsProcessingParameterFile(
                "WHEELS",
                tr("Folder of wheels"),
                behavior=QgsProcessingParameterFile.Behavior.Folder,
                optional=True,
            ),
            tr("Installs from this folder without any network."),
            advanced=True,
        )
        self.add(
            QgsProcessingParameterFile("PYTHON", tr("Python to make it from"), optional=True),
            tr(
                "A Python 3.10 to 3.13 of your own. Empty takes a suitable one of this computer; "
                "it stays as it is."
            ),
            advanced=True,
        )
        self.add(
            QgsProcessingParameterString("INDEX", tr("Package index"), optional=True),
            tr(
                "Address of a package index that replaces pip's own, for example a company's, "
                "without user and password: pip finds those in the file .netrc."
            ),
            advanced=True,
        )
        self.add(
            QgsProcessingParameterEnum(
                "ACTION",
                tr("What to do"),
                options=[INSTALL, CLEAN, UNINSTALL],
                defaultValue=INSTALL,
                usesStaticStrings=True,
            ),
            tr(
                "install: make the engine. clean: remove engines of older versions of the plugin, "
                "and remains. uninstall: remove all engines that the plugin installed. The last "
                "two need a Yes, too, and tell how much room they would free without it."
            ),
            advanced=True,
        )
        self.addOutput(QgsProcessingOutputString("ENGINE_PYTHON", tr("Python of the engine")))
        self.addOutput(QgsProcessingOutputString("FOLDER", tr("Folder of the engine")))
        self.addOutput(QgsProcessingOutputString("VARIANT", tr("Build of PyTorch")))
        self.addOutput(QgsProcessingOutputNumber("BYTES", tr("Bytes on the disk, or freed")))

    def problem(self, parameters: dict[str, Any], context: QgsProcessingContext) -> str:
        """A password in an address; refused before QGIS writes its history."""
        given = self.parameterAsString(parameters, "INDEX", context)
        installs = self.parameterAsEnumString(parameters, "ACTION", context) == INSTALL
        # A setting from elsewhere does not keep anybody from removing an engine.
        return network.index_problem(given or (network.index_setting() if installs else ""))

    def prepareAlgorithm(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> bool:
        """Ask QGIS for its network settings, while that may be done."""
        self._agreed = self.parameterAsBool(parameters, "AGREE", context)
        self._action = self.parameterAsEnumString(parameters, "ACTION", context)
        self._workspace = self.workspace()
        self._folder = self._workspace.__enter__()
        index = self.parameterAsString(parameters, "INDEX", context)
        self._surroundings = network.surroundings(self._folder, index)
        return True

    def processAlgorithm(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Install, or remove."""
        try:
            if self._action != INSTALL:
                return self._remove(feedback)
            return self._install(parameters, context, feedback)
        finally:
            self._workspace.__exit__(None, None, None)

    def _install(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        target = installed.current()
        python = require_python(self.parameterAsFile(parameters, "PYTHON", context), feedback)
        settings = {
            "folder": str(target),
            "variant": self.parameterAsEnumString(parameters, "VARIANT", context),
            "mamba_ssm": self.parameterAsBool(parameters, "MAMBA_SSM", context),
            "wheels": self.parameterAsFile(parameters, "WHEELS", context),
        }
        plan = self._run(python, jobs.InstallJob(**settings, plan_only=True), feedback)
        if not self._agreed:
            raise QgsProcessingException(
                tr("{} Nothing was installed. If you agree, run it again with Yes (AGREE).").format(
                    describe(plan)
                )
            )
        feedback.pushInfo(describe(plan))
        self._run(python, jobs.InstallJob(**settings), feedback)
        stamp = folders.stamp(target)
        found = interpreter(target)
        if stamp is None or found is None:
            raise QgsProcessingException(tr("The engine in {} is not whole.").format(target))
        feedback.pushInfo(tr("The engine is installed: {}").format(found))
        return {
            "ENGINE_PYTHON": str(found),
            "FOLDER": str(target),
            "VARIANT": stamp["variant"],
            "BYTES": stamp["bytes"],
        }

    def _run(self, python: Path, job: Any, feedback: QgsProcessingFeedback) -> dict[str, Any]:
        return run_job(
            python, jobs.to_json(job), self._folder, feedback, surroundings=self._surroundings
        )

    def _remove(self, feedback: QgsProcessingFeedback) -> dict[str, Any]:
        doomed = installed.others()
        if self._action == UNINSTALL and installed.current().is_dir():
            doomed = [*doomed, installed.current()]
        sizes = {str(path): folders.size(path) for path in doomed}
        for path, size in sizes.items():
            feedback.pushInfo(f"{path}: {size / _GB:.2f} GB")
        if not doomed:
            feedback.pushInfo(tr("There is nothing to remove in {}.").format(installed.parent()))
        elif not self._agreed:
            raise QgsProcessingException(
                tr(
                    "{size:.2f} GB in {folder} would be removed. Nothing was removed. If you "
                    "agree, run it again with Yes (AGREE)."
                ).format(size=sum(sizes.values()) / _GB, folder=installed.parent())
            )
        freed = installed.remove(doomed)
        feedback.pushInfo(tr("{:.2f} GB freed.").format(freed / _GB))
        return {"FOLDER": str(installed.parent()), "BYTES": freed}


def require_python(chosen: str, feedback: QgsProcessingFeedback) -> Path:
    """A Python that an environment can be made from.

    Raises:
        QgsProcessingException: There is none; tells which were asked.
    """
    found, asked = find_python(chosen)
    for candidate in asked:
        feedback.pushDebugInfo(_line(candidate))
    if found is None:
        lines = [tr("No Python was found that the engine can be made from."), *map(_line, asked)]
        lines.append(
            tr("Install Python 3.10 to 3.13 (64-bit), or name one under “Python to make it from”.")
        )
        raise QgsProcessingException("\n".join(lines))
    return found.path


def describe(plan: dict[str, Any]) -> str:
    """What an installation takes, in one sentence."""
    said = tr(
        "The engine takes {installed:.1f} GB in {folder}, after a download of {download:.1f} GB; "
        "while it is being installed {needed:.1f} GB are needed, {free:.1f} GB are free. Build of "
        "PyTorch: {variant} ({reason}). Python: {python}."
    ).format(
        **{name: plan[name] / _GB for name in ("installed", "download", "needed", "free")},
        **{name: plan[name] for name in ("folder", "variant", "python")},
        reason=tr_engine(plan["reason"]),
    )
    if plan.get("mamba_ssm"):
        said += " " + tr("Kernels of mamba-ssm: {}.").format(plan["mamba_ssm"])
    return said


def _line(candidate: Candidate) -> str:
    said = candidate.problem or tr("suitable")
    return f"{candidate.path} {candidate.version}: {said}"
