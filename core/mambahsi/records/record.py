"""The record as a file: plain JSON, with a version, read with distrust.

Paths are absolute, and relative to the record's folder besides, so that a folder that is moved
or copied with all its files still finds them.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mambahsi import jobs
from mambahsi.errors import RecordError
from mambahsi.events import plain

FORMAT = "mambahsi-record"
FORMAT_VERSION = 1
"""Raised when an older engine could no longer read the file rightly."""

_HINT = "It may be truncated or edited: copy it again, or run the job again."


@dataclass(frozen=True)
class RecordedFile:
    """A file that a run has read or written.

    Attributes:
        role: Field of the job that it belongs to; empty where none names it.
        path: Absolute path.
        relative: Path from the folder of the record; empty where there is none, as between two
            drives.
        size: Size in bytes.
        sha256: Digest of its bytes.
        content: Digest of what it means (see :mod:`mambahsi.records.digests`), or empty.
    """

    role: str
    path: str
    relative: str
    size: int
    sha256: str
    content: str = ""


@dataclass(frozen=True)
class RunRecord:
    """What is known of a run.

    Attributes:
        job: The job as plain values, its paths absolute.
        inputs: Files that were read.
        outputs: Files that were written, this record apart.
        split: Of a training, everything about the division of its labels but the pixels, which
            the output of role ``split`` holds; None otherwise.
        run: What the job left open and the run decided: device, backend, threads, plan.
        machine: See :func:`mambahsi.records.machine.describe_machine`.
        versions: Versions of the engine and its packages.
        results: What came of it.
        written: When, as of ISO 8601.
        repeats: Path of the record that this run repeats, or empty.
    """

    job: dict[str, Any]
    inputs: list[RecordedFile]
    outputs: list[RecordedFile]
    split: dict[str, Any] | None = None
    run: dict[str, Any] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)
    written: str = ""
    repeats: str = ""

    def to_text(self) -> str:
        """The record as JSON; figures that are not finite become null."""
        values = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            **plain(dataclasses.asdict(self)),
        }
        return json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def output(self, role: str) -> RecordedFile | None:
        """The output of a role, or None."""
        return next((file for file in self.outputs if file.role == role), None)


def record_path(output: str | os.PathLike[str]) -> Path:
    """Where the record of a run lies, beside its main output."""
    return Path(f"{os.fspath(output)}.record.json").absolute()


def read_record(path: str | os.PathLike[str]) -> RunRecord:
    """Read a record.

    Raises:
        RecordError: It is missing, truncated, foreign, of a newer version, or not consistent.
    """
    path = Path(path)
    if path.is_dir():
        raise RecordError(f"{path}: this is a folder.", "Choose a file OUTPUT.record.json.")
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise RecordError(f"{path}: the record does not exist.", "Check its path.") from error
    except OSError as error:
        raise RecordError(
            f"{path}: the record cannot be opened ({error.strerror}).",
            "Check that you may read it.",
        ) from error
    except UnicodeDecodeError as error:
        raise RecordError(f"{path}: not a record, because it is no text.", _HINT) from error
    try:
        return parse_record(text)
    except RecordError as error:
        raise RecordError(f"{path}: {error.message}", error.hint) from error


def parse_record(text: str) -> RunRecord:
    """The record that a text describes.

    Raises:
        RecordError: It describes none.
    """
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RecordError(f"the record is not JSON ({error}).", _HINT) from error
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise RecordError(
            "a JSON file, but not the record of a run.", "Choose a file OUTPUT.record.json."
        )
    version = values.get("format_version")
    if not isinstance(version, int) or version < 1:
        raise RecordError(f"format version {version!r} is none.", _HINT)
    if version > FORMAT_VERSION:
        raise RecordError(
            f"written in format version {version}, but this engine reads up to {FORMAT_VERSION}.",
            "Update the engine.",
        )
    record = RunRecord(
        job=_take(values, "job", dict),
        inputs=_files(values, "inputs"),
        outputs=_files(values, "outputs"),
        split=_take(values, "split", dict, optional=True),
        run=_take(values, "run", dict),
        machine=_take(values, "machine", dict),
        versions=_take(values, "versions", dict),
        results=_take(values, "results", dict),
        written=_take(values, "written", str),
        repeats=_take(values, "repeats", str),
    )
    try:
        jobs.from_json(record.job)
    except jobs.JobError as error:
        raise RecordError(
            f"the job of the record cannot be run by this engine: {error.message}",
            f"{error.hint} {_HINT}".strip(),
        ) from error
    return record


def _files(values: Mapping[str, Any], name: str) -> list[RecordedFile]:
    found = []
    for number, entry in enumerate(_take(values, name, list)):
        if not isinstance(entry, dict):
            raise RecordError(f"field {name}[{number}] of the record is no object.", _HINT)
        parts = {
            part.name: _take(entry, part.name, int if part.name == "size" else str)
            for part in dataclasses.fields(RecordedFile)
        }
        if not parts["path"] or "\0" in parts["path"] + parts["relative"]:
            raise RecordError(f"field {name}[{number}] of the record names no file.", _HINT)
        found.append(RecordedFile(**parts))
    return found


def _take(values: Mapping[str, Any], name: str, kind: type, optional: bool = False) -> Any:
    if name not in values:
        raise RecordError(f"field {name} of the record is missing.", _HINT)
    value = values[name]
    if optional and value is None:
        return None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise RecordError(f"field {name} of the record is no {_WORDS[kind]}.", _HINT)
    return value


_WORDS = {dict: "object", list: "list", str: "text", int: "integer"}
