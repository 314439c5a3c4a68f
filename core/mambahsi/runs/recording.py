"""Leaving a record beside the outputs of a run (see :mod:`mambahsi.records`).

The inputs are hashed before the work begins, because that is what the run reads, and because
a cancel during the hashing must not cost the work. The record itself is written when all other
outputs are complete, and is the last to be renamed into place.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from mambahsi import jobs
from mambahsi.feedback import Feedback
from mambahsi.jobs import VectorSource
from mambahsi.outputs import OutputFiles, write_bytes, writing
from mambahsi.records.digests import content_digest
from mambahsi.records.machine import describe_machine
from mambahsi.records.record import RecordedFile, RunRecord, read_record, record_path
from mambahsi.records.sources import (
    absolute_job,
    named_files,
    record_file,
    record_inputs,
    sources_of,
)
from mambahsi.versions import versions


class Recorder:
    """Writes the record of a run.

    Made when all other outputs have been added, and before the work begins.

    Args:
        files: The outputs of the run. Its inputs are the further files that the run reads.
        job: The job.
        feedback: Told how far the hashing of the inputs is.
        repeats: Path of the record that this run repeats, or empty.
        keep_layers: Whether temporary layers are kept beside the record, because nothing else
            stands for them.

    Raises:
        OutputError: The record cannot be written.
        Cancelled: The user asked to stop.
    """

    def __init__(
        self,
        files: OutputFiles,
        job: Any,
        feedback: Feedback,
        repeats: str = "",
        keep_layers: bool = False,
    ) -> None:
        self._outputs = files.added()
        self._job = job
        self._feedback = feedback
        self._repeats = repeats
        self.path = record_path(self._outputs[0][0])
        fields = [part.name for part in dataclasses.fields(job)] if keep_layers else []
        # Companions, so that those of an earlier run go with its record.
        self._target = files.add(self.path, lambda path: [kept_path(path, f) for f in fields])
        self._inputs = record_inputs(job, files.inputs, self.path.parent, feedback)
        if keep_layers:
            self._keep_layers()

    def write(
        self,
        result: Mapping[str, Any],
        run: Mapping[str, Any],
        split: dict[str, Any] | None = None,
        written: Mapping[str, Path] | None = None,
    ) -> None:
        """Write the record; all other outputs are complete, under their temporary names.

        Args:
            result: Result of the run.
            run: What the job left open and the run decided.
            split: See :attr:`mambahsi.records.record.RunRecord.split`.
            written: Outputs that are in place already, such as those of a step of its own that has
                left its own record, by role.

        Raises:
            OutputError: An output cannot be read back, or the record not be written.
            Cancelled: The user asked to stop.
        """
        folder, feedback = self.path.parent, self._feedback
        outputs = describe_outputs(self._outputs, self._job, folder, feedback)
        for role, path in (written or {}).items():
            with writing(path):
                entry = record_file(path, path.absolute(), role, folder, feedback)
                content = content_digest(path, role)
            outputs.append(dataclasses.replace(entry, content=content))
        record = RunRecord(
            job=_absolute(self._job, [*self._inputs, *outputs]),
            inputs=self._inputs,
            outputs=outputs,
            split=split,
            run=dict(run),
            machine=dict(describe_machine()),
            versions=versions(),
            results=dict(result),
            written=datetime.now().astimezone().isoformat(timespec="seconds"),
            repeats=self._repeats,
        )
        write_bytes(self._target, record.to_text().encode("utf-8"))

    def _keep_layers(self) -> None:
        """Copy temporary layers, and have the record tell the copies."""
        for role, source in sources_of(self._job):
            if not (isinstance(source, VectorSource) and source.temporary):
                continue
            target, kept = (kept_path(path, role) for path in (self._target, self.path))
            if not Path(source.path).is_file():
                continue  # the job itself tells what is wrong
            with writing(target):
                shutil.copyfile(source.path, target)
            self._inputs = [
                dataclasses.replace(file, path=str(kept), relative=kept.name)
                if file.role == role
                else file
                for file in self._inputs
            ]
            layer = dataclasses.replace(source, path=str(kept), temporary=False)
            self._job = dataclasses.replace(self._job, **{role: layer})


def kept_path(record: Path, role: str) -> Path:
    """Where a record keeps the layer of a field: ``OUTPUT.record.FIELD.gpkg``."""
    return record.with_suffix(f".{role}.gpkg")


def extend_record(
    files: OutputFiles,
    target: Path,
    job: Any,
    result: Mapping[str, Any],
    run: Mapping[str, Any],
    feedback: Feedback,
) -> None:
    """Write the record of a job whose first step has left its own: both steps are told by one.

    Args:
        files: The outputs of the later step, complete, under their temporary names.
        target: The record among them; its final name is that of the first step's record.
        job: The whole job.
        result: Result of the whole job.
        run: What the later step decided.
        feedback: Told how far it is.

    Raises:
        OutputError: An output cannot be read back, or the record not be written.
        Cancelled: The user asked to stop.
    """
    path = next(final for final, temporary in files.added() if temporary == target)
    first = read_record(path)
    new = [(final, temporary) for final, temporary in files.added() if temporary != target]
    outputs = [*first.outputs, *describe_outputs(new, job, path.parent, feedback)]
    record = dataclasses.replace(
        first,
        job=_absolute(job, [*first.inputs, *outputs]),
        outputs=outputs,
        run={**first.run, **run},
        results=dict(result),
        written=datetime.now().astimezone().isoformat(timespec="seconds"),
    )
    write_bytes(target, record.to_text().encode("utf-8"))


def describe_outputs(
    outputs: list[tuple[Path, Path]], job: Any, folder: Path, feedback: Feedback
) -> list[RecordedFile]:
    """Outputs with their digests, and the fields of the job that name them."""
    roles = named_files(jobs.to_json(job))
    found = []
    for final, temporary in outputs:
        role = roles.get(final, "split" if final.name.endswith(".split.tif") else "")
        with writing(temporary):
            entry = record_file(temporary, final, role, folder, feedback)
            content = content_digest(temporary, role)
        found.append(dataclasses.replace(entry, content=content))
    return found


def _absolute(job: Any, files: Iterable[RecordedFile]) -> dict[str, Any]:
    return absolute_job(job, [Path(file.path) for file in files])
