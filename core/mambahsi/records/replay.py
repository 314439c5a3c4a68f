"""From a record to a job that repeats the run, at the place and in the way that it took.

Files are looked for from the record's own folder first, then where they were. Each must hold
what it held, except for two kinds:

- labels of a training: their split is in the record, so the layer may have changed or be gone;
- what GDAL and QGIS write beside a raster by themselves (``.aux.xml``, ``.ovr``): a change
  there is told, and the results show whether it mattered.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mambahsi import jobs
from mambahsi.errors import RecordError
from mambahsi.feedback import Feedback
from mambahsi.records.digests import file_digest
from mambahsi.records.record import RecordedFile, RunRecord
from mambahsi.records.sources import files_of, map_texts, sources_of
from mambahsi.records.split_raster import read_split
from mambahsi.split import TEST, TRAIN, VALIDATION, Split

LABEL_FIELDS = ("labels", "validation", "test")
"""Fields of a training whose layers a split stands for."""

_BESIDE = (".aux.xml", ".ovr")


@dataclass(frozen=True, eq=False)
class Repetition:
    """What a repeated training takes over from the record, instead of working it out.

    Attributes:
        record: Path of the record.
        split: The split.
        plan: Way of training that was taken.
    """

    record: str
    split: Split
    plan: str

    def take_split(self, valid: np.ndarray, feedback: Feedback) -> Split:
        """The split, on the scene at hand.

        Args:
            valid: Valid pixels of the scene; bool (rows, columns).
            feedback: Is told the split.

        Raises:
            RecordError: It does not lie on the scene's grid, or on invalid pixels.
        """
        split = self.split
        if split.parts.shape != valid.shape or split.parts[~valid].any():
            raise RecordError(
                f"The split of {self.record} does not fit the scene.",
                "Its files do not belong together: copy them again.",
            )
        for note in split.notes:
            feedback.warning(note)
        feedback.log(
            f"Split as recorded: {split.protocol}; {split.count(TRAIN)} training, "
            f"{split.count(VALIDATION)} validation and {split.count(TEST)} test pixels in "
            f"{len(split.table)} classes."
        )
        return split


@dataclass
class Replay:
    """A run to be repeated.

    Attributes:
        job: The job, reading the files that were found and writing into the new folder.
        repetition: What a training takes over, None for other jobs.
        differences: What is not as it was, and may change the result.
    """

    job: Any
    repetition: Repetition | None = None
    differences: list[str] = field(default_factory=list)


def make_replay(record: RunRecord, path: Path, folder: Path, feedback: Feedback) -> Replay:
    """Find and check the files of a run, and make the job that repeats it.

    Args:
        record: The record.
        path: Where it lies.
        folder: Where the job writes.
        feedback: Warned of what differs, and told how far the hashing is.

    Raises:
        RecordError: A file is missing or has changed.
        Cancelled: The user asked to stop.
    """
    differences: list[str] = []
    training = record.split is not None
    places = {}
    for file in record.inputs:
        optional = training and file.role in LABEL_FIELDS
        found = _locate(file, path.parent, optional, differences, feedback)
        if found is not None:
            places[file.path] = str(found)
    targets = _targets(record, folder)

    def text(name: str, value: str) -> str:
        if name == "model" and value and value not in places and value not in targets:
            # Of a cross-validation: it names the models of the folds, and is none itself.
            return str(folder / Path(value).name)
        return targets.get(value) or _relocate(value, places)

    values = map_texts(record.job, text)
    job = jobs.from_json(_decided(values, record.run))
    differences += _new_files(job, training, set(places.values()))
    for difference in differences:
        feedback.warning(difference)
    replay = Replay(job, differences=differences)
    if record.split is not None:
        raster = record.output("split")
        if raster is None:
            raise RecordError(f"{path}: the record of a training names no split.", "Copy it again.")
        place = _locate(raster, path.parent, False, [], feedback)
        assert place is not None
        split = read_split(place, record.split)
        replay.repetition = Repetition(str(path), split, str(record.run.get("plan", "")))
    return replay


def find_file(file: RecordedFile, folder: Path, feedback: Feedback) -> tuple[Path | None, bool]:
    """Where a recorded file is now, and whether it holds what it held.

    Args:
        file: The file.
        folder: Folder of the record.
        feedback: Told how far the hashing is.
    """
    changed = None
    for candidate in ([folder / file.relative] if file.relative else []) + [Path(file.path)]:
        place = Path(os.path.normpath(candidate.absolute()))
        try:
            if not place.is_file():
                continue
            if place.stat().st_size == file.size and file_digest(place, feedback) == file.sha256:
                return place, True
        except OSError:
            continue
        changed = changed or place
    return changed, False


def _locate(
    file: RecordedFile, folder: Path, optional: bool, differences: list[str], feedback: Feedback
) -> Path | None:
    """Where a file is now; None where it is missing and need not be there."""
    place, same = find_file(file, folder, feedback)
    if same:
        return place
    name = Path(file.path).name
    if optional:
        # No difference: the split that was made from it stands for it.
        if place is None:
            feedback.log(f"{file.path} is gone; its labels are taken from the recorded split.")
        else:
            feedback.warning(
                f"{place} has changed since the run; its labels are taken from the recorded split."
            )
        return place
    if name.endswith(_BESIDE):
        differences.append(f"{place or file.path} has changed since the run, or is gone.")
        return place
    if place is None:
        looked = f", and is not {folder / file.relative} either" if file.relative else ""
        raise RecordError(
            f"{file.path}, which the run read, does not exist any more{looked}.",
            "Put the file back. Where QGIS had to hand over a temporary copy of a layer, save the "
            "layer as a file and run the job with that one.",
        )
    raise RecordError(
        f"{place} has changed since the run: it had {file.size:,} bytes with SHA-256 "
        f"{file.sha256[:16]}..., and has {place.stat().st_size:,} bytes with "
        f"{file_digest(place, feedback)[:16]}...",
        "Put the file back as it was, or run the job anew.",
    )


def _targets(record: RunRecord, folder: Path) -> dict[str, str]:
    """New path of every output by its old one."""
    targets: dict[str, str] = {}
    for file in record.outputs:
        name = Path(file.path).name
        taken = {Path(target).name.casefold() for target in targets.values()}
        # Outputs of one name came from several folders.
        targets[file.path] = str(
            folder / (f"{file.role}_{name}" if name.casefold() in taken else name)
        )
    return targets


def _relocate(text: str, places: Mapping[str, str]) -> str:
    """A source string with the file in it replaced by where that is now."""
    for old in sorted(places, key=len, reverse=True):
        if old in text:
            return text.replace(old, places[old], 1)
    # A folder, of which the files inside are recorded.
    for old, new in places.items():
        tail = old[len(text) :]
        if text and old.startswith(text) and tail[0] in "/\\" and new.endswith(tail):
            return new.removesuffix(tail)
    return text


def _decided(values: dict[str, Any], run: Mapping[str, Any]) -> dict[str, Any]:
    """A job's plain values with what the run decided put in, in all steps that have the field."""
    backend = run.get("backend")
    settings = {
        "device": str(run.get("device", "")).partition(" ")[0],
        # Where no network ran, the backend is no scan.
        "scan": backend if backend in jobs.SCANS else None,
        "threads": run.get("threads"),
        "precision": run.get("precision"),
        "window": run.get("plan_window"),
        "resume": False,
    }

    def put(step: dict[str, Any]) -> dict[str, Any]:
        known = {name: put(v) if isinstance(v, dict) else v for name, v in step.items()}
        return known | {n: v for n, v in settings.items() if n in known and v not in (None, "")}

    return put(values)


def _new_files(job: Any, training: bool, known: set[str]) -> list[str]:
    """What would be read now, and was not then."""
    return [
        f"{path} is read now, and was not in the run."
        for role, source in sources_of(job)
        if not (training and role in LABEL_FIELDS)
        for path in files_of(source)
        if str(path) not in known
    ]
