"""Installing an engine, or telling what that would take.

The result: ``folder``, ``variant``, ``reason``, ``python``, and ``download``, ``installed``,
``needed`` and ``free`` (bytes). Runs in the Python that the environment is made from, so it
stands on the standard library alone.
"""

from __future__ import annotations

import platform
import sys
from pathlib import Path
from typing import Any

from mambahsi.feedback import Feedback
from mambahsi.installer import make, requirements, variants
from mambahsi.installer.causes import InstallError
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
    if not job.plan_only:
        feedback.log(f"Build of PyTorch: {variant.name}, because {variant.reason}.")
        make.make(environment, variant.name, job.wheels, make.core_folder(), feedback)
    return plan
