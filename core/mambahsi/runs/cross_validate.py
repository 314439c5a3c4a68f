"""One training for each fold of the labels, and what they say together.

The model of fold 2 of ``map.safetensors`` is ``map.fold2.safetensors``, and it leaves a record
and a split as every training does. The table, or without one the report, has a record of the whole
cross-validation beside it, with the models of all folds among its outputs. With ``resume``, a fold
whose model is there and was made with the same settings and the same division is taken over, and
the next goes on from its checkpoint.

The result: ``table``, ``report``, ``models``, ``folds`` (tested), pooled ``overall_accuracy``,
``average_accuracy``, ``kappa``, ``tested_classes``, ``tested_pixels``, and ``over_folds`` as
:func:`mambahsi.fold_statistics.over_folds` gives (None if no fold was tested).
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from mambahsi import jobs
from mambahsi.accuracy import Accuracy
from mambahsi.checkpoint import checkpoint_path
from mambahsi.feedback import Feedback, WarningsKept
from mambahsi.fold_statistics import over_folds, pool_distances, pool_fields, pooled, spread_text
from mambahsi.jobs import CrossValidateJob, JobError, TrainJob
from mambahsi.model_file import ModelFile, load_model
from mambahsi.outputs import OutputFiles, write_bytes
from mambahsi.report import write_report
from mambahsi.runs.division import divide_labels, refuse_contradictions
from mambahsi.runs.recording import Recorder
from mambahsi.runs.train import DECIDED, inputs_of, train
from mambahsi.scene import Scene, survey_bands

_FREE = ("job", "report", "resume", "device", "scan", "threads", "memory")
"""Fields that may differ in a model that is taken over."""


def cross_validate(job: CrossValidateJob, feedback: Feedback) -> dict[str, Any]:
    """Train on all folds but one, for each of them, and pool what the left-out ones say.

    Raises:
        JobError: The job has no folds, or names one of them.
        MambaHSIError: As of :func:`mambahsi.runs.train.train`.
    """
    every = fold_jobs(job.train)
    feedback = WarningsKept(feedback)
    with OutputFiles(inputs=inputs_of(job.train)) as files:
        table_path = files.add(job.table) if job.table else None
        report_path = files.add(job.train.report) if job.train.report else None
        record = Recorder(files, job, feedback) if files.added() else None
        models = []
        for number, one in enumerate(every):
            part = feedback.part(number / len(every), (number + 1) / len(every))
            feedback.log(f"Fold {number} of {len(every)}: {one.model}")
            models.append(_taken_over(one, part) or _trained(one, part))
        figures = _figures(models)
        if table_path:
            text = json.dumps(figures, indent=2, ensure_ascii=False, allow_nan=False)
            write_bytes(table_path, f"{text}\n".encode())
        if report_path:
            _report(report_path, job.train, models, figures, feedback.warnings)
        result = _result(job, every, figures)
        if record:
            training = models[0].training
            decided = {name: training[name] for name in DECIDED if name in training}
            written = {f"model_fold{n}": Path(one.model) for n, one in enumerate(every)}
            record.write(result, decided | {"resumed": job.train.resume}, written=written)
    feedback.progress(1.0, "Done")
    return result


def _result(
    job: CrossValidateJob, every: list[TrainJob], figures: dict[str, Any]
) -> dict[str, Any]:
    names = ("overall_accuracy", "average_accuracy", "kappa", "tested_classes", "tested_pixels")
    whole = figures["pooled"] or {}
    return {
        "table": job.table,
        "report": job.train.report,
        "models": [one.model for one in every],
        "folds": figures["tested_folds"],
        **{name: whole.get(name) for name in names},
        "over_folds": figures["over_folds"],
    }


def fold_jobs(job: TrainJob) -> list[TrainJob]:
    """The training of each fold.

    Raises:
        JobError: There are no folds, one of them is named, or the job contradicts itself.
    """
    if job.protocol != "blocks" or job.folds < 2:
        raise JobError(
            f"Fields protocol ({job.protocol!r}) and folds ({job.folds}) make no folds.",
            "Take protocol 'blocks' and folds from 2 on; 5 and 10 are usual.",
        )
    if job.fold:
        raise JobError(
            f"Field fold: {job.fold} names one fold, but every one is trained.", "Leave it out."
        )
    model = Path(job.model)
    every = [
        dataclasses.replace(
            job,
            fold=number,
            model=str(model.with_name(f"{model.stem}.fold{number}{model.suffix}")),
            report="",
        )
        for number in range(job.folds)
    ]
    for one in every:
        refuse_contradictions(one)
    return every


def _trained(job: TrainJob, feedback: Feedback) -> ModelFile:
    train(job, feedback)
    return load_model(job.model)


def _taken_over(job: TrainJob, feedback: Feedback) -> ModelFile | None:
    """The fold's model, if it is there already and its training was the same."""
    if not job.resume or not Path(job.model).exists() or checkpoint_path(job.model).exists():
        return None
    model = load_model(job.model)
    wanted = jobs.to_json(job)
    if any(model.training.get(name) != wanted[name] for name in wanted if name not in _FREE):
        return None
    with Scene.open(job.scene) as scene:
        split = divide_labels(job, scene, survey_bands(scene), Feedback())
        if model.split != split.to_json() or model.scene["grid"] != scene.grid.to_json():
            return None
    feedback.log(f"Already trained: {job.model}")
    return model


def _figures(models: list[ModelFile]) -> dict[str, Any]:
    """Everything for the table: each fold, all together, and how they differ."""
    stated = [model.accuracy for model in models if model.accuracy]
    folds = [Accuracy.from_json(values) for values in stated]
    return {
        "folds": [
            {"fold": number, "accuracy": model.accuracy, "split": model.split}
            for number, model in enumerate(models)
        ],
        "tested_folds": len(folds),
        "pooled": pooled(folds).to_json() if folds else None,
        "by_distance": pool_distances([values["by_distance"] for values in stated]),
        "by_field": pool_fields([values.get("by_field") for values in stated]),
        "over_folds": over_folds(folds) if folds else None,
    }


def _report(
    path: Path,
    job: TrainJob,
    models: list[ModelFile],
    figures: dict[str, Any],
    warnings: list[str],
) -> None:
    differ = figures["over_folds"]
    facts = {"Each fold": {f"Fold {n}": _fold_text(model) for n, model in enumerate(models)}}
    if differ:
        facts["Mean, standard deviation and 95 % t-interval over the folds"] = {
            "Overall accuracy": spread_text(differ["overall_accuracy"]),
            "Average accuracy": spread_text(differ["average_accuracy"]),
            **{
                f"Producer's accuracy, {row['name']}": spread_text(row["producers_accuracy"])
                for row in differ["per_class"]
            },
        }
    write_report(
        path,
        title=f"Land cover of {models[0].scene['name']}: cross-validation over space",
        accuracy=Accuracy.from_json(figures["pooled"]) if figures["pooled"] else None,
        protocol=(
            f"{job.folds} folds of blocks of {job.block_size} pixels, {job.buffer} unused pixels "
            "around them; the test pixels of all folds, each classified by the model that did "
            "not train on its block"
        ),
        spatial={
            "by_distance": figures["by_distance"],
            "by_field": figures["by_field"],
            "intervals": None,
        },
        facts=facts,
        warnings=list(dict.fromkeys(warnings)),
    )


def _fold_text(model: ModelFile) -> str:
    if model.accuracy is None:
        return "not tested"
    fold = Accuracy.from_json(model.accuracy)
    return f"overall {fold.overall:.2%}, average {fold.average:.2%}; {fold.basis().lower()}"
