"""Which build of PyTorch a computer takes: for an NVIDIA card, or for the processor alone.

The build for CUDA runs with any driver from the version that its CUDA needs on; an older driver
would leave a user with several gigabytes that fall back to the processor. So the driver is asked
for its version (``nvidia-smi`` comes with it), and where it is too old, that is told.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mambahsi.installer import texts
from mambahsi.installer.causes import InstallError
from mambahsi.installer.kernel_tools import CUDA
from mambahsi.jobs import ENGINE_PYTHONS

OLDEST_DRIVER = (580,)
"""First series of drivers that runs it (NVIDIA's release notes of CUDA 13, table of drivers)."""

_ON_WINDOWS = Path("C:/Windows/System32/nvidia-smi.exe")


@dataclass(frozen=True)
class Variant:
    """A build of PyTorch.

    Attributes:
        name: ``"cpu"`` or ``"cuda"``.
        reason: Why this one, for people.
    """

    name: str
    reason: str


def choose(asked: str) -> Variant:
    """The build that this computer takes.

    Args:
        asked: ``"auto"``, ``"cpu"`` or ``"cuda"``; what is asked for is given, if it exists.

    Raises:
        InstallError: There is no such build for this system.
    """
    if asked == "cpu":
        return Variant("cpu", texts.CHOSEN)
    possible = sys.platform in ("linux", "win32")
    if asked == "cuda":
        if not possible:
            raise InstallError("driver", *texts.CAUSES["driver"])
        return Variant("cuda", texts.CHOSEN)
    if not possible:
        return Variant("cpu", texts.NO_CUDA)
    card, driver = graphics()
    if not driver:
        return Variant("cpu", texts.NO_DRIVER)
    if _version(driver) < OLDEST_DRIVER:
        needed = ".".join(map(str, OLDEST_DRIVER))
        return Variant(
            "cpu",
            f"the NVIDIA driver {driver} is too old for CUDA {CUDA}, which needs {needed} or "
            "later: update the driver to use the graphics card",
        )
    return Variant("cuda", f"{card}, driver {driver}")


def graphics() -> tuple[str, str]:
    """Name of the first NVIDIA card and version of its driver; empty where there is none."""
    program = shutil.which("nvidia-smi")
    if program is None and _ON_WINDOWS.is_file():
        program = str(_ON_WINDOWS)
    if program is None:
        return "", ""
    query = [program, "--query-gpu=name,driver_version", "--format=csv,noheader"]
    options: dict[str, Any] = {}
    if sys.platform == "win32":
        options = {"creationflags": subprocess.CREATE_NO_WINDOW}
    try:
        # A fixed command without a shell.
        told = subprocess.run(  # nosec B603
            query, capture_output=True, text=True, timeout=20, **options
        )
    except (OSError, subprocess.TimeoutExpired):
        return "", ""
    name, _, driver = (told.stdout.strip().splitlines() or [""])[0].rpartition(",")
    if told.returncode or not _version(driver):
        return "", ""
    return name.strip(), driver.strip()


def check_python() -> None:
    """Refuse a Python that the packages are not made for.

    Raises:
        InstallError: It is too old or too new, or of a processor without packages.
    """
    found = sys.version_info[:2]
    oldest, newest = ENGINE_PYTHONS
    if not oldest <= found <= newest:
        raise InstallError(
            "python",
            f"{sys.executable} is Python {found[0]}.{found[1]}.",
            "The engine needs Python {}.{} to {}.{}.".format(
                *ENGINE_PYTHONS[0], *ENGINE_PYTHONS[1]
            ),
        )
    machine = platform.machine().lower()
    apple = sys.platform == "darwin"
    wanted = {"arm64"} if apple else {"x86_64", "amd64", "aarch64", "arm64"}
    if machine not in wanted or sys.maxsize < 2**32:
        bits = 64 if sys.maxsize > 2**32 else 32
        raise InstallError(
            "platform",
            f"There are no packages for a {bits}-bit Python on {sys.platform} {machine}.",
            "PyTorch is built for 64-bit Python on Windows, on Linux (x86-64 and ARM) and on "
            "Apple's own processors. An engine on another computer can be used from the command "
            "line.",
        )


def _version(text: str) -> tuple[int, ...]:
    parts = text.strip().split(".")
    return tuple(int(part) for part in parts) if all(p.isdigit() for p in parts) else ()
