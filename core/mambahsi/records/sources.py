"""The files that a job reads, found in the job itself, whatever its kind.

A source string of GDAL is more than a file's name, and a raster more than one file. So the
files are looked for in the strings, and strings are rewritten by the files in them.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mambahsi import jobs
from mambahsi.feedback import Feedback
from mambahsi.jobs import RasterSource, VectorSource
from mambahsi.output_checks import files_in
from mambahsi.records.digests import file_digest
from mambahsi.records.record import RecordedFile
from mambahsi.source_files import raster_files, vector_files


def sources_of(job: Any) -> Iterator[tuple[str, RasterSource | VectorSource]]:
    """Every raster and vector source of a job, with the name of its field."""
    for part in dataclasses.fields(job):
        value = getattr(job, part.name)
        if isinstance(value, RasterSource | VectorSource):
            yield part.name, value
        elif dataclasses.is_dataclass(value):
            yield from sources_of(value)


def files_of(source: RasterSource | VectorSource) -> list[Path]:
    """The files on disk that a source is made of."""
    if isinstance(source, RasterSource):
        return existing_files(raster_files(source.path))
    return existing_files(vector_files(source.path))


def existing_files(names: Iterable[str]) -> list[Path]:
    """The files on disk that GDAL source strings name; those of a folder are all below it."""
    found: dict[Path, None] = {}
    for name in names:
        if _is(Path.is_dir, name):
            inside = sorted(path for path in Path(name).absolute().rglob("*") if path.is_file())
            found |= dict.fromkeys(inside)
            continue
        file = next((text for text in files_in(name) if _is(Path.is_file, text)), None)
        if file is not None:
            found[Path(file).absolute()] = None
    return list(found)


def _is(kind: Callable[[Path], bool], name: str) -> bool:
    try:
        return bool(name) and kind(Path(name))
    except (OSError, ValueError):  # not every source string can be asked about
        return False


def record_inputs(
    job: Any, others: Iterable[str], folder: Path, feedback: Feedback
) -> list[RecordedFile]:
    """All files that a job reads, with their digests.

    What cannot be read is left out: the job itself tells what is wrong with it.

    Args:
        job: The job.
        others: Further files that it reads.
        folder: Folder of the record.
        feedback: Told how far it is.

    Raises:
        Cancelled: The user asked to stop.
    """
    roles: dict[Path, str] = {}
    for role, source in sources_of(job):
        for path in files_of(source):
            roles.setdefault(path, role)
    named = named_files(jobs.to_json(job))
    for path in existing_files(others):
        roles.setdefault(path, named.get(path, ""))
    found = []
    for path, role in roles.items():
        try:
            found.append(record_file(path, path, role, folder, feedback))
        except OSError:
            continue
    return found


def named_files(values: Mapping[str, Any]) -> dict[Path, str]:
    """Fields of a job's plain values by the absolute path that they name."""
    names: dict[Path, str] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            names |= named_files(value)
        elif isinstance(value, str) and value and "\0" not in value:
            names[Path(value).absolute()] = name
    return names


def record_file(
    path: Path, final: Path, role: str, folder: Path, feedback: Feedback
) -> RecordedFile:
    """A file as a record tells it.

    Args:
        path: Where it is now.
        final: Where it will be.
        role: Field of the job that it belongs to.
        folder: Folder of the record.
        feedback: Told how far it is.
    """
    digest = file_digest(path, feedback)
    return RecordedFile(role, str(final), relative_to(final, folder), path.stat().st_size, digest)


def relative_to(path: Path, folder: Path) -> str:
    """The path from a folder, with slashes; empty where there is none."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive
        return ""


def absolute_source(source: str) -> str:
    """A source string with the relative path in it made absolute."""
    for name in files_in(source):
        if name and not Path(name).is_absolute() and _is(Path.exists, name):
            return source.replace(name, str(Path(name).absolute()), 1)
    return source


def absolute_job(job: Any, files: Iterable[Path]) -> dict[str, Any]:
    """A job's plain values with absolute paths.

    Args:
        job: The job.
        files: Absolute paths of what it reads and writes. A text of the job that names one of
            them, or a folder in which one lies, is a path.
    """
    known = {path for file in files for path in (file, *file.parents)}
    words = set(_fields_of_words(job))

    def text(name: str, value: str) -> str:
        if name == "path":
            return absolute_source(value)
        if not value or name in words or "\0" in value:
            return value
        path = Path(value).absolute()
        return str(path) if path in known else value

    values: dict[str, Any] = map_texts(jobs.to_json(job), text)
    return values


def _fields_of_words(job: Any) -> Iterator[str]:
    """Fields that never name a file, even where there is one of that name."""
    yield from ("job", "name", "layer", "crs")
    for part in dataclasses.fields(job):
        if part.metadata.get("choices") or part.name.endswith(("_field", "variable")):
            yield part.name
        value = getattr(job, part.name)
        if dataclasses.is_dataclass(value):
            yield from _fields_of_words(value)


def map_texts(values: Any, change: Callable[[str, str], str], name: str = "") -> Any:
    """Plain values with every text changed by a function of its field's name and itself."""
    if isinstance(values, dict):
        return {key: map_texts(value, change, key) for key, value in values.items()}
    if isinstance(values, list):
        return [map_texts(value, change, name) for value in values]
    return change(name, values) if isinstance(values, str) else values
