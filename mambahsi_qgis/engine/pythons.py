"""Finding a Python that an environment for the engine can be made from.

It must be one of the versions that the engine's packages are locked for, 64-bit, and with
``venv``. It is looked for where each system keeps Pythons, QGIS's own base interpreter among
them on Windows and macOS, where often no other exists; an environment made from it leaves it
as it is. ``sys.executable`` is never asked: inside QGIS it may be QGIS itself.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from mambahsi_qgis.engine.environment import cleaned
from mambahsi_qgis.engine.jobs import jobs
from mambahsi_qgis.translation import tr

_TIMEOUT = 30

_PROBE = """
import json, sys
from importlib.util import find_spec
try:
    import ssl
except Exception:
    ssl = None
try:
    # Debian names the folder whether it is there or not.
    import glob, os, sysconfig
    folder = sysconfig.get_config_var("WHEEL_PKG_DIR")
    wheels = bool(folder and glob.glob(os.path.join(folder, "pip-*.whl")))
except Exception:
    wheels = False
print(json.dumps({
    "version": list(sys.version_info[:3]),
    "wide": sys.maxsize > 2**32,
    "venv": find_spec("venv") is not None,
    "ssl": ssl is not None,
    "pip": wheels or any(find_spec(name) is not None for name in ("ensurepip", "pip")),
}))
"""


@dataclass(frozen=True)
class Candidate:
    """A Python that was asked what it is.

    Attributes:
        path: Its interpreter.
        version: Its version as text, empty where it did not answer.
        problem: Why it cannot be taken; empty if it can.
        pip: Whether it brings a pip for new environments.
    """

    path: Path
    version: str
    problem: str
    pip: bool = False


def examine(path: Path) -> Candidate:
    """Ask a Python what it is."""
    options: dict[str, Any] = {}
    if sys.platform == "win32":
        options = {"creationflags": subprocess.CREATE_NO_WINDOW}
    try:
        # A fixed command without a shell.
        told = subprocess.run(  # nosec B603
            [str(path), "-I", "-c", _PROBE],
            env=cleaned(os.environ, ()),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT,
            **options,
        )
        facts = json.loads(told.stdout.decode("utf-8", "replace"))
        found = tuple(facts["version"][:2])
        version = ".".join(str(part) for part in facts["version"])
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError, TypeError):
        return Candidate(path, "", tr("it is no Python, or does not run"))
    oldest, newest = jobs.ENGINE_PYTHONS
    problem = ""
    if not oldest <= found <= newest:
        problem = tr("its version is not one of {} to {}").format(
            ".".join(map(str, oldest)), ".".join(map(str, newest))
        )
    elif not facts["wide"]:
        problem = tr("it is a 32-bit program")
    elif not facts["venv"]:
        problem = tr("it lacks the module venv")
    elif not facts["ssl"]:
        problem = tr("its module ssl does not work, so it cannot download anything")
    return Candidate(path, version, problem, bool(facts["pip"]))


def find_python(chosen: str = "") -> tuple[Optional[Candidate], list[Candidate]]:
    """The best Python for an environment, and all that were asked.

    Args:
        chosen: The user's choice, which alone counts if it is not empty.
    """
    if chosen:
        asked = [examine(Path(chosen).expanduser())]
        return (asked[0] if not asked[0].problem else None), asked
    asked = []
    for path in _places():
        candidate = examine(path)
        asked.append(candidate)
        if not candidate.problem and candidate.pip:
            return candidate, asked
    # One without a pip will do: the installer fetches it.
    return next((candidate for candidate in asked if not candidate.problem), None), asked


def _places() -> Iterator[Path]:
    """Where a Python may lie, the best first; each once."""
    seen: set[str] = set()
    for path in _all_places():
        key = os.path.normcase(str(path))
        if key not in seen and path.is_file():
            seen.add(key)
            yield path


def _all_places() -> Iterator[Path]:
    oldest, newest = jobs.ENGINE_PYTHONS
    names = [f"python3.{minor}" for minor in range(newest[1], oldest[1] - 1, -1)]
    base = Path(getattr(sys, "base_prefix", sys.prefix))
    if sys.platform == "win32":
        yield base / "python.exe"
        yield from _of_launcher()
        yield from _on_path("python", "python3")
        return
    if sys.platform == "linux":
        yield Path("/usr/bin/python3")
    own = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    yield from (base / "bin" / name for name in (own, "python3"))
    if sys.platform == "darwin":
        for folder in ("/opt/homebrew/bin", "/usr/local/bin"):
            yield from (Path(folder) / name for name in names)
        frameworks = Path("/Library/Frameworks/Python.framework/Versions")
        yield from (frameworks / name[len("python") :] / "bin" / name for name in names)
    yield from _on_path(*names, "python3")


def _on_path(*names: str) -> Iterator[Path]:
    for name in names:
        found = _program(name)
        # Windows offers a stand-in of no length that opens its shop.
        if found is not None and "WindowsApps" not in str(found):
            yield found


def _program(name: str) -> Optional[Path]:
    """A program on PATH; never one in the working folder, which may hold anybody's files."""
    found = Path(shutil.which(name) or "")
    return found if found.is_absolute() else None


def _of_launcher() -> Iterator[Path]:
    """The Pythons that the launcher ``py`` of Windows knows."""
    launcher = _program("py")
    if launcher is None or sys.platform != "win32":
        return
    try:
        # A fixed command without a shell.
        told = subprocess.run(  # nosec B603
            [str(launcher), "-0p"],
            capture_output=True,
            timeout=_TIMEOUT,
            creationflags=subprocess.CREATE_NO_WINDOW,
        )
    except (OSError, subprocess.TimeoutExpired):
        return
    for line in told.stdout.decode("utf-8", "replace").splitlines():
        _, _, path = line.strip().partition(" ")
        if path.strip():
            yield Path(path.strip().lstrip("* "))
