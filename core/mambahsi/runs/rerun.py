"""A run, repeated from its record.

The outputs go into a folder of their own, under their old names, with a record of their own.
What the first run wrote is never touched.

The result: ``record``, ``output_folder``, ``identical``, ``compared`` (by output: identical, or
how far apart), ``differences`` (what is not as it was in the first run) and ``result``, that of
the repeated job.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from mambahsi import runs
from mambahsi.errors import DifferentResultError, OutputError, RecordError
from mambahsi.feedback import Feedback
from mambahsi.jobs import RerunJob, TrainAndClassifyJob, TrainJob
from mambahsi.outputs import confined_to, writing
from mambahsi.records.comparison import IDENTICAL, circumstances_apart, compare
from mambahsi.records.record import RunRecord, read_record, record_path
from mambahsi.records.replay import Replay, make_replay

SUFFIX = ".record.json"


def rerun(job: RerunJob, feedback: Feedback) -> dict[str, Any]:
    """Repeat a run.

    Raises:
        RecordError: The record is damaged, or a file that the run read is missing or has
            changed.
        DifferentResultError: The result is another one, although machine, versions, device,
            threads and plan are the same. The outputs are left.
        MambaHSIError: As of the job that is repeated.
    """
    path = Path(job.record).absolute()
    record = read_record(path)
    if not record.outputs:
        raise RecordError(f"{path}: the record names no output.", "Copy it again.")
    folder = Path(job.output_folder or _default_folder(path)).absolute()
    made = _make_folder(folder)
    try:
        replay = make_replay(record, path, folder, feedback)
        with confined_to(folder):
            result = _run(replay, path, feedback)
    except BaseException:
        if made:
            with suppress(OSError):  # a cancelled training has left its checkpoint there
                folder.rmdir()
        raise
    return _judge(record, path, folder, replay, result, feedback)


def _run(replay: Replay, path: Path, feedback: Feedback) -> dict[str, Any]:
    if isinstance(replay.job, RerunJob):
        raise RecordError(f"{path}: the record of a rerun, which is none of its own.")
    # Imported late, like all jobs: a damaged record need not wait for PyTorch.
    if isinstance(replay.job, TrainJob):
        from mambahsi.runs.train import train

        return train(replay.job, feedback, replay.repetition)
    if isinstance(replay.job, TrainAndClassifyJob):
        from mambahsi.runs.train_and_classify import train_and_classify

        return train_and_classify(replay.job, feedback, replay.repetition)
    return runs.run(replay.job, feedback)


def _judge(
    before: RunRecord,
    path: Path,
    folder: Path,
    replay: Replay,
    result: dict[str, Any],
    feedback: Feedback,
) -> dict[str, Any]:
    main = Path(before.outputs[0].path).name
    now = read_record(record_path(folder / main))
    compared = compare(before, path.parent, now, feedback)
    further = circumstances_apart(before, now)
    for difference in further:
        feedback.warning(f"Not as in the first run: {difference}.")
    differences = [*replay.differences, *further]
    apart = [f"{role}: {text}" for role, text in compared.items() if text != IDENTICAL]
    identical = not apart
    if identical:
        feedback.log(f"Identical to the first run: {', '.join(compared)}.")
    else:
        feedback.warning(f"Not identical to the first run. {'; '.join(apart)}.")
    if apart and not differences:
        raise DifferentResultError(
            f"The rerun of {path} gave another result, although all that the record tells is the "
            f"same. {'; '.join(apart)}.",
            f"Its outputs are in {folder}.",
        )
    return {
        "record": str(path),
        "output_folder": str(folder),
        "identical": identical,
        "compared": compared,
        "differences": differences,
        "result": result,
    }


def _default_folder(path: Path) -> Path:
    name = path.name.removesuffix(SUFFIX)
    return path.with_name(f"{name}.rerun")


def _make_folder(folder: Path) -> bool:
    """Make the folder if it is not there; whether that was done.

    Raises:
        OutputError: It cannot be made, or holds something.
    """
    with writing(folder):
        if folder.is_dir():
            if any(folder.iterdir()):
                raise OutputError(
                    f"{folder}: the folder is not empty, and a rerun replaces nothing.",
                    "Choose a new or an empty one with output_folder.",
                )
            return False
        if not folder.parent.is_dir():
            raise OutputError(
                f"{folder}: the folder {folder.parent} does not exist.",
                "Create it or choose another one.",
            )
        folder.mkdir()
    return True
