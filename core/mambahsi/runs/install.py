"""Installing an engine, or telling what that would take.

The result: ``folder``, ``variant``, ``reason``, ``python``, and ``download``, ``installed``,
``needed`` and ``free`` (bytes); ``mamba_ssm``, where its kernels were asked for, tells whether
they can be built, or were. Runs in the Python that the environment is made from, so it stands on
the standard library alone.
"""

from __future__ import annotations

import platform
import sys
from pathlib import Path
from typing import Any

from mambahsi.feedback import Feedback
from mambahsi.installer import folders, kernels, make, requirements, variants
from mambahsi.installer.causes import InstallError, from_system
from mambahsi.jobs import InstallJob


def install(job: InstallJob, feedback: Feedback) -> dict[str, Any]:
    """Make the environment that the job names.

    Raises:
        InstallError: It cannot be made; tells the cause.
        Cancelled: The user asked to stop.
    """
    variants.check_python()
    variant = variants.choose(job.variant)
    environment = Path(job.folder).expanduser().absolute()
    if job.wheels and not Path(job.wheels).is_dir():
        raise InstallError(
            "wheels", f"The folder of wheels {job.wheels} does not exist.", "Choose another one."
        )
    plan = {
        "folder": str(environment),
        "variant": variant.name,
        "reason": variant.reason,
        "python": f"{sys.executable} ({platform.python_version()})",
        "download": 0 if job.wheels else requirements.DOWNLOADED[variant.name],
        "installed": requirements.INSTALLED[variant.name],
        "needed": make.room_needed(variant.name),
        "free": make.free_room(environment),
    }
    if job.mamba_ssm:
        plan["mamba_ssm"] = kernels.describe(kernels.tools(variant.name))
    if not job.plan_only:
        feedback.log(f"Build of PyTorch: {variant.name}, because {variant.reason}.")
        engine = feedback.part(0.0, 0.8 if job.mamba_ssm else 1.0)
        make.make(environment, variant.name, job.wheels, make.core_folder(), engine)
        if job.mamba_ssm:
            plan["mamba_ssm"] = _build(environment, job.wheels, feedback.part(0.8, 1.0))
    return plan


def _build(environment: Path, wheels: str, feedback: Feedback) -> str:
    """Build the extra kernels; tells what came of it. The engine is whole already, and stays so."""
    variant = str((folders.stamp(environment) or {}).get("variant"))
    python = make.interpreter(environment)
    found = kernels.tools(variant, python)
    if found.problem:
        said = kernels.describe(found)
        feedback.warning(f"The kernels of mamba-ssm {said}. The engine works without them.")
        return said
    try:
        core = make.core_folder()
        kernels.build(environment, python, found, wheels, core, feedback)
    except (InstallError, OSError) as failed:
        error = failed if isinstance(failed, InstallError) else from_system("Building", failed)
        feedback.warning(f"{error.message} {error.hint}")
        return f"failed: {error.message}"
    feedback.log("The kernels of mamba-ssm were built, and can be loaded.")
    return "built"
