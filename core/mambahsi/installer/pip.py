"""pip as a guest: run on an environment, in surroundings of ours, its failures told by cause."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mambahsi.installer import commands
from mambahsi.installer.causes import InstallError, failure
from mambahsi.installer.pip_settings import FURTHER
from mambahsi.installer.requirements import Call

_LACKING = ("install-platform", "install-index", "install-login")
"""Failures after which another index is asked: this one has not what is wanted, or withholds it."""


class Pip:
    """Installs into one environment.

    Args:
        command: The beginning of a command that runs pip on it.
        settings: Variables with what of the user's settings of pip counts.
        downloads: Where downloads are kept and unpacked.
        lock: The installation's lock, which pip inherits.
    """

    def __init__(
        self, command: Sequence[str], settings: Mapping[str, str], downloads: Path, lock: int
    ) -> None:
        self._command = [*command, "install"]
        self._lock = lock
        self._log = downloads / "pip.log"
        self._surroundings = {
            **commands.environment(),
            **settings,
            # Unpacked beside the environment, on the disk whose room was checked.
            "TMPDIR": str(downloads),
            "TEMP": str(downloads),
            "TMP": str(downloads),
            "PIP_CACHE_DIR": str(downloads / "cache"),
        }

    def install(
        self,
        call: Call,
        told: Callable[[str], None] = lambda line: None,
        each: Callable[[], None] = lambda: None,
        surroundings: Mapping[str, str] | None = None,
    ) -> None:
        """Install what a call brings, by the first of its ways that has it.

        Args:
            call: What to install, and how.
            told: Called with every line that pip prints.
            each: Called several times a second.
            surroundings: More variables for pip.

        Raises:
            InstallError: It cannot be installed; tells the cause.
            Cancelled: The user asked to stop.
        """
        around = {**self._surroundings, **(surroundings or {})}
        if call.alone:
            around = {name: value for name, value in around.items() if name not in FURTHER}
        for number, way in enumerate(call.ways, start=1):
            self._log.unlink(missing_ok=True)
            # Builds of the packages are ready-made wheels, but for what a way itself excepts.
            options = ["--no-compile", "--only-binary=:all:", "--log", str(self._log), *way]
            status, said = commands.run(
                [*self._command, *options],
                around,
                [self._lock],
                told=told,
                each=each,
            )
            if status == 0:
                return
            error = failure(call.step, "\n".join([*unheard(self._log), said]))
            lacking = error.code in _LACKING
            if number == len(call.ways) or not lacking:
                raise _told_of_all(error, call, number)


def _told_of_all(error: InstallError, call: Call, tried: int) -> InstallError:
    """The last way's error, with what the ways before it lacked."""
    if tried < 2:
        return error
    without = ", ".join(commands.without_passwords(index) for index in call.indexes[: tried - 1])
    return InstallError(
        error.code.partition("-")[2],
        f"The package index {without} does not have {call.lacking}, and "
        f"{call.indexes[tried - 1]} did not give it either. {error.message}",
        f"Have that file added to your package index, or let this computer reach "
        f"{call.indexes[tried - 1]}. {error.hint}",
    )


def unheard(log: Path) -> list[str]:
    """What pip tells of an index that answers with an error: in its log alone."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return [commands.without_passwords(line) for line in lines if "Could not fetch URL" in line]
