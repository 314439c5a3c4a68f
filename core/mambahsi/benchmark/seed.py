"""One run: a method, a scene, a division of its labels, a seed.

A run's folder ends up with::

    model.safetensors   the model
    report.html         the report of its training
    map.tif             the whole scene, classified; with .aux.xml and .qml
    *.record.json       the records of training and classification
    map.svg map.png     the map beside the ground truth
    result.json         every figure, and all that it depends on; written last

So a run whose ``result.json`` fits is done. Otherwise the work goes on with what is there: a
model that fits is taken over, a checkpoint is resumed. What does not fit is refused, because
it may be somebody's work, or is done anew where the user says so.

One process works on a run; another one that comes to it meanwhile passes by.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from mambahsi.benchmark.fit import differences, fingerprint, model_differences
from mambahsi.benchmark.protocols import division_differs, fixed_hash
from mambahsi.benchmark.result import (
    MAP,
    REDO_HINT,
    RESULT,
    complete_result,
    read_result,
    training_facts,
    write_result,
)
from mambahsi.benchmark.run import Run
from mambahsi.benchmark.scenes import SceneContent
from mambahsi.checkpoint import checkpoint_path
from mambahsi.errors import ModelError
from mambahsi.feedback import Feedback
from mambahsi.jobs import NETWORK, ClassifyJob
from mambahsi.model_file import load_model
from mambahsi.outputs import writing
from mambahsi.runs.classify import classify
from mambahsi.runs.division import divide_labels
from mambahsi.runs.setup import choose_place
from mambahsi.runs.train import train
from mambahsi.scene import Scene
from mambahsi.split import Split
from mambahsi.streaming.locks import FileLock

TRAINING_SHARE = 0.95
"""Share of a run's progress that its training stands for."""


def do_run(run: Run, content: SceneContent, redo: bool, feedback: Feedback) -> str:
    """Do what is missing of a run.

    Args:
        run: The run.
        content: What its scene holds.
        redo: Whether to replace what does not fit instead of refusing it.
        feedback: Told about progress.

    Returns:
        ``done``, ``already done``, or ``left to another process``.

    Raises:
        ModelError: A result, a model or a checkpoint in the folder belongs to another run.
        OutputError: The folder cannot be written to.
        MambaHSIError: As of training and classification.
    """
    with writing(run.folder):
        run.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(run.folder / ".lock")
        held = lock.acquire()
    if not held:
        feedback.log(f"{run.title}: left to another process, which works on it.")
        return "left to another process"
    try:
        return _do_run(run, content, redo, feedback)
    finally:
        lock.remove()


def _do_run(run: Run, content: SceneContent, redo: bool, feedback: Feedback) -> str:
    with Scene.open(run.job.scene) as scene:
        split = divide_labels(run.job, scene, content.survey, Feedback())
    is_fixed = _is_fixed_one(run, split, feedback)
    now = fingerprint(run.job, content, split)
    result = run.folder / RESULT
    if result.exists():
        saved = read_result(result)
        changed = differences(saved.get("fingerprint", {}), now)
        if not changed:
            complete_result(run, split, saved)
            feedback.log(f"{run.title}: already done.")
            return "already done"
        _refuse(result, changed, redo, feedback)
    feedback.log(run.title)
    taken_over = _take_over(run, content, split, redo, feedback)
    if not taken_over:
        _train(run, redo, feedback.part(0.0, TRAINING_SHARE))
    model = load_model(run.job.model)
    classified = _classify(run, feedback.part(TRAINING_SHARE, 1.0))
    described = {
        "fingerprint": now,
        "split": {**split.to_json(), "is_fixed_one": is_fixed},
        "training": {**training_facts(model), "taken_over": taken_over},
        "classification": classified,
    }
    write_result(run, content, split, model, described)
    return "done"


def _is_fixed_one(run: Run, split: Split, feedback: Feedback) -> bool | None:
    """Whether the division is the one that is fixed for the buffered protocol; None if none is."""
    if run.protocol != "buffered" or fixed_hash(run.place.key, run.job.seed) is None:
        return None
    if division_differs(run.place.key, run.protocol, run.job.seed, split.parts):
        feedback.warning(
            f"{run.title}: the division is not the one fixed for the scene, so the figures cannot "
            "be compared with others. Its ground truth or its valid pixels are other ones."
        )
        return False
    return True


def _take_over(
    run: Run, content: SceneContent, split: Split, redo: bool, feedback: Feedback
) -> bool:
    """Whether the folder has the run's model already."""
    path = Path(run.job.model)
    if not path.exists():
        return False
    changed = model_differences(load_model(path), run.job, content, split, run.place)
    if changed:
        _refuse(path, changed, redo, feedback)
        return False
    feedback.log(f"The model {path} is taken over.")
    return True


def _train(run: Run, redo: bool, feedback: Feedback) -> None:
    checkpoint = checkpoint_path(run.job.model)
    if checkpoint.exists():
        try:
            train(dataclasses.replace(run.job, resume=True), feedback, windows=False)
        except ModelError as error:
            if not redo:
                raise ModelError(error.message, f"{error.hint} {REDO_HINT}") from error
            feedback.warning(f"Begun anew. {error.message}")
        else:
            return
    train(run.job, feedback, windows=False)


def _refuse(path: Path, changed: list[str], redo: bool, feedback: Feedback) -> None:
    what = f"{path} belongs to another run: {'; '.join(changed)}."
    if not redo:
        raise ModelError(what, REDO_HINT)
    feedback.warning(f"Replaced. {what}")


def _classify(run: Run, feedback: Feedback) -> dict[str, Any]:
    """Write the map; how long it took, and where."""
    train_job = run.job
    job = ClassifyJob(
        scene=train_job.scene,
        model=train_job.model,
        classification=str(run.folder / MAP),
        device=train_job.device,
        scan=train_job.scan,
        precision=train_job.precision,
        threads=train_job.threads,
        memory=train_job.memory,
    )
    if train_job.classifier == NETWORK:
        # Compiles what is to be compiled, so that it is not part of the time.
        choose_place(job, Feedback())
    found = classify(job, feedback)
    names = ("seconds", "cpu_seconds", "pixels", "device", "backend", "threads", "way")
    return {
        **{name: found[name] for name in names},
        "pixels_per_second": found["pixels"] / found["seconds"],
    }
