"""What of a user's own settings of pip counts for the engine.

A user, or a company, may have told pip in ``pip.conf`` or in ``PIP_*`` where packages come from
and how the network is reached. That is wanted here, too. But the same files may hold ``target``,
``prefix``, ``user``, ``require-virtualenv``, ``constraint`` and the like, which lead what is
installed elsewhere, or change what is. So the files are read here, in pip's order, and pip is
given what is on the list, and no file: a setting that pip may learn in future cannot do harm
either.
"""

from __future__ import annotations

import configparser
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

PLACES = ("index-url", "extra-index-url", "find-links", "no-index", "trusted-host")
"""Where packages come from. None of them counts where a folder of wheels is named."""

FURTHER = ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_TRUSTED_HOST")
"""Variables that make pip ask other places than the index that it is told, or ask it unchecked."""

WAYS = (
    *("proxy", "cert", "client-cert", "timeout", "default-timeout", "retries", "resume-retries"),
    *("keyring-provider", "use-feature", "use-deprecated"),
)
"""How the network is reached."""

_SECTIONS = ("global", "install")
"""The later one overrides the earlier one, and ``PIP_*`` both."""


def read(
    environment: Mapping[str, str] = os.environ, places: list[Path] | None = None
) -> dict[str, str]:
    """The user's settings that count, by their long names without dashes before them.

    Args:
        environment: Variables of this process.
        places: pip's configuration files, the later overriding the earlier; None takes those of
            this computer.
    """
    sections: dict[str, dict[str, str]] = {}
    for path in files(environment) if places is None else places:
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read_string(path.read_text(encoding="utf-8", errors="replace"))
        except (OSError, configparser.Error):
            continue
        for section in parser.sections():
            values = {_name(key): value or "" for key, value in parser.items(section)}
            sections.setdefault(section, {}).update(values)
    variables = {
        _name(name[len("PIP_") :]): value
        for name, value in environment.items()
        if name.upper().startswith("PIP_")
    }
    found: dict[str, str] = {}
    for values in (*(sections.get(name, {}) for name in _SECTIONS), variables):
        # Like pip, which takes an empty value for none.
        found.update({key: value for key, value in values.items() if value.strip()})
    return {name: value for name, value in found.items() if name in (*PLACES, *WAYS)}


def variables(settings: Mapping[str, str], with_places: bool) -> dict[str, str]:
    """The environment that gives settings to pip, and nothing else.

    Args:
        settings: As of :func:`read`.
        with_places: Whether those count that say where packages come from.
    """
    kept = (*PLACES, *WAYS) if with_places else WAYS
    return {
        # This one value of it keeps pip from reading any file.
        "PIP_CONFIG_FILE": os.devnull,
        **{
            f"PIP_{name.upper().replace('-', '_')}": value
            for name, value in settings.items()
            if name in kept
        },
    }


def files(environment: Mapping[str, str] = os.environ) -> list[Path]:
    """pip's configuration files on this computer, the later overriding the earlier."""
    named = environment.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return []
    users = [] if named and Path(named).exists() else list(_of_user(environment))
    name = "pip.ini" if sys.platform == "win32" else "pip.conf"
    last = [Path(named)] if named else []
    return [*_of_system(environment), *users, Path(sys.prefix) / name, *last]


def _of_system(environment: Mapping[str, str]) -> Iterator[Path]:
    if sys.platform == "win32":
        yield Path(environment.get("PROGRAMDATA", "C:/ProgramData")) / "pip" / "pip.ini"
    elif sys.platform == "darwin":
        yield Path("/Library/Application Support/pip/pip.conf")
    else:
        for folder in (environment.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep):
            yield Path(folder) / "pip" / "pip.conf"
        yield Path("/etc/pip.conf")


def _of_user(environment: Mapping[str, str]) -> Iterator[Path]:
    home = Path(environment.get("HOME") or Path.home())
    if sys.platform == "win32":
        home = Path.home()
        yield home / "pip" / "pip.ini"
        yield Path(environment.get("APPDATA") or home / "AppData/Roaming") / "pip" / "pip.ini"
        return
    yield home / ".pip" / "pip.conf"
    own = home / "Library" / "Application Support" / "pip"
    if sys.platform != "darwin" or not own.is_dir():
        own = Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "pip"
    yield own / "pip.conf"


def _name(key: str) -> str:
    return key.lower().replace("_", "-").lstrip("-")
