"""Results of parts, kept in files so that a run that was cut goes on where it was."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def read(path: Path) -> dict[str, Any]:
    """What :func:`write` wrote."""
    return json.loads(path.read_text(encoding="utf-8"))


def write(path: Path, values: dict[str, Any]) -> None:
    """Write plain values, all or nothing."""
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(values, indent=1), encoding="utf-8")
    partial.replace(path)


def read_all(folder: Path, names: list[str]) -> dict[str, dict[str, Any]]:
    """The results of those parts that have one, in the order of their names."""
    return {n: read(folder / f"{n}.json") for n in names if (folder / f"{n}.json").exists()}


def is_of(path: Path, settings: dict[str, Any]) -> bool:
    """Whether there is a result, and it is one of these settings."""
    return path.exists() and read(path)["settings"] == json.loads(json.dumps(settings))


def say(message: str) -> None:
    """Tell whoever waits."""
    print(message, file=sys.stderr, flush=True)
