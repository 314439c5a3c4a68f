"""The steps from nothing to an engine that is known to work.

Create an environment, install PyTorch, install the other packages, verify, declare it whole.
Every step leaves the user with either the old state or the new one; what lies between is removed
at once, or by the next attempt where the power went out.
"""

from __future__ import annotations

import contextlib
import platform
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from mambahsi.errors import MambaHSIError
from mambahsi.feedback import Feedback
from mambahsi.installer import bootstrap, commands, folders, pip_settings, requirements, texts
from mambahsi.installer.causes import InstallError, failure, from_system
from mambahsi.installer.pip import Pip

SPARE = 200 * 2**20
"""Bytes that are left free on the disk."""

LONGEST_NAME = 167
"""Characters of the longest name below ``site-packages``: in torch 2.13.0 for Windows."""

_MOST_CHARACTERS = 259
"""Of a path on Windows, where longer ones are not enabled."""

_LOOK = 3.0
"""Seconds between two looks at how much has arrived."""


def interpreter(environment: Path) -> Path:
    """The Python of an environment."""
    return environment / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def room_needed(variant: str) -> int:
    """Bytes that an installation needs at its highest: environment and downloads."""
    return requirements.INSTALLED[variant] + requirements.DOWNLOADED[variant] + SPARE


def free_room(folder: Path) -> int:
    """Bytes free on the disk of a folder that need not exist yet."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    return shutil.disk_usage(there).free


def make(environment: Path, variant: str, wheels: str, core: Path, feedback: Feedback) -> None:
    """Make an environment, in place of a half-made one.

    Args:
        environment: Its folder; nobody uses it until this returns.
        variant: ``"cpu"`` or ``"cuda"``.
        wheels: Folder to install from without a network, or empty.
        core: The engine's folder.
        feedback: Told how it goes.

    Raises:
        InstallError: It cannot be made; tells the cause.
        Cancelled: The user asked to stop.
    """
    parent = environment.parent
    with _reported(texts.PREPARING), folders.locked(parent) as lock:
        if folders.stamp(environment) is not None:
            if _starts(environment, lock):
                feedback.log(f"There is an engine in {environment} already.")
                return
            feedback.warning(
                f"The engine in {environment} does not start any more; the Python that it was made "
                "from may have been replaced. It is made anew."
            )
        folders.check(environment)
        with _reported(texts.REMOVING):
            folders.remove(environment)
        if sys.platform == "win32":
            check_length(environment, _has_long_paths())
        _check_room(parent, variant)
        downloads = parent / f"{folders.DOWNLOADS}-{environment.name}"
        folders.claim(downloads)
        try:
            folders.claim(environment)
            _fill(environment, downloads, variant, wheels, core, lock, feedback)
        except BaseException:
            # Not needed for safety, but nobody wants 2 GB of ruins.
            with contextlib.suppress(OSError):
                folders.remove(environment)
            raise
        shutil.rmtree(downloads, ignore_errors=True)


def _starts(environment: Path, lock: int) -> bool:
    """Whether a whole engine still runs: its base Python may have gone since it was made."""
    program = [str(interpreter(environment)), "-c", "import torch"]
    try:
        return commands.run(program, commands.environment(), [lock])[0] == 0
    except OSError:
        return False


def _fill(
    environment: Path,
    downloads: Path,
    variant: str,
    wheels: str,
    core: Path,
    lock: int,
    feedback: Feedback,
) -> None:
    feedback.progress(0.01, texts.CREATING)
    # Without -I or -E: the environment that this process was given is clean already.
    status, said = commands.run(
        [sys.executable, "-m", "venv", "--without-pip", str(environment)],
        commands.environment(),
        [lock],
    )
    if status:
        raise failure(texts.CREATING, said)
    python = interpreter(environment)
    settings = pip_settings.read()
    arrivals = _Arrivals((environment, downloads), variant, feedback)
    pip = Pip(
        bootstrap.find_pip(python, downloads, wheels, settings),
        pip_settings.variables(settings, with_places=not wheels),
        downloads,
        lock,
    )
    for call in requirements.calls(core, downloads, variant, wheels, settings):
        arrivals.step = call.step
        pip.install(call, arrivals.hear, arrivals.look)
    feedback.progress(0.92, texts.VERIFYING)
    _verify(python, core, lock)
    folders.write_stamp(
        environment,
        {
            "variant": variant,
            "packages": folders.digest(core),
            "python": platform.python_version(),
            "base": sys.executable,
            "bytes": folders.size(environment),
            "made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        },
    )


def _verify(python: Path, core: Path, lock: int) -> None:
    """Let the new engine prove that it works: imports, a training step, a GeoTIFF."""
    surroundings = {**commands.environment(), "PYTHONPATH": str(core), "PYTHONSAFEPATH": "1"}
    status, said = commands.run([str(python), "-m", "mambahsi", "doctor"], surroundings, [lock])
    if status:
        verdict = [line for line in said.splitlines() if line.startswith("mambahsi: ")]
        raise InstallError(
            "verify",
            f"The new engine does not work: {(verdict or ['no verdict'])[-1]}",
            texts.CAUSES["verify"][1],
        )


def check_length(environment: Path, has_long_paths: bool) -> None:
    """Refuse a folder on Windows in which PyTorch's files would have too long names.

    Raises:
        InstallError: They would; better told before the download than by pip after it.
    """
    length = len(str(environment / "Lib" / "site-packages")) + 1 + LONGEST_NAME
    if length > _MOST_CHARACTERS and not has_long_paths:
        raise failure(
            texts.PREPARING,
            f"{environment}: file name is too long: {length} of {_MOST_CHARACTERS} characters",
        )


def _has_long_paths() -> bool:
    """Whether this Windows takes paths of any length."""
    if sys.platform != "win32":
        return True
    import winreg

    try:
        with winreg.OpenKey(
            winreg.HKEY_LOCAL_MACHINE, r"SYSTEM\CurrentControlSet\Control\FileSystem"
        ) as key:
            return bool(winreg.QueryValueEx(key, "LongPathsEnabled")[0])
    except OSError:
        return False


def _check_room(parent: Path, variant: str) -> None:
    needed, free = room_needed(variant), free_room(parent)
    if free < needed:
        raise InstallError(
            "space",
            f"The engine needs {needed / 1e9:.1f} GB for a while, and the disk of {parent} has "
            f"{free / 1e9:.1f} GB free.",
            "Free some space, or choose another folder or the build for the processor.",
        )


@contextlib.contextmanager
def _reported(step: str) -> Iterator[None]:
    """Errors of the system turned into ours."""
    try:
        yield
    except folders.Busy as error:
        raise InstallError("busy", *texts.CAUSES["busy"]) from error
    except folders.Foreign as error:
        said = f"{error.filename}: {error.strerror}."
        raise InstallError("folder", said, texts.CAUSES["folder"][1]) from error
    except MambaHSIError:
        raise
    except OSError as error:
        raise from_system(step, error) from error


class _Arrivals:
    """How much of an installation is there, by the growth of its folders.

    pip's own words differ between its versions; the disk does not.

    Args:
        places: The folders that grow.
        variant: ``"cpu"`` or ``"cuda"``.
        feedback: Told how it goes.
    """

    def __init__(self, places: tuple[Path, ...], variant: str, feedback: Feedback) -> None:
        self._places = places
        self._expected = requirements.INSTALLED[variant] + requirements.DOWNLOADED[variant]
        self._feedback = feedback
        self._looked = -_LOOK
        self._share = 0.02
        self._packages = 0
        self.step = ""

    def look(self) -> None:
        """Tell the share that is done, from 0.02 to 0.9; it never falls."""
        if time.monotonic() - self._looked > _LOOK:
            self._looked = time.monotonic()
            there = sum(folders.size(place) for place in self._places)
            self._share = max(self._share, 0.02 + 0.88 * min(1.0, there / self._expected))
            self._feedback.progress(self._share, self.step)

    def hear(self, line: str) -> None:
        """Tell which package is being fetched."""
        words = line.split()
        if words[:1] == ["Collecting"]:
            self._packages += 1
            name = words[1].partition("==")[0]
            self._feedback.progress(self._share, f"{self.step}: {self._packages}, {name}")


def core_folder() -> Path:
    """The engine's folder, in which this package lies."""
    return Path(__file__).absolute().parents[2]
