"""A scene and labels in, a model file and a report out.

The result: ``model``, ``classifier``, ``report``, ``overall_accuracy``, ``average_accuracy``,
``kappa`` (None where nothing was tested), ``tested_classes``, ``tested_pixels``, ``protocol``,
``best_epoch`` and ``epochs`` (0 where no network was trained), ``chosen`` (settings of another
classifier than the network, else None), ``comparison`` (see :mod:`mambahsi.runs.comparison`),
``mode``, ``device``, ``backend``, ``temperature`` (1 where scaling is not used) and
``calibration_error`` (on test pixels, None without).
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mambahsi import jobs
from mambahsi.accuracy import Accuracy
from mambahsi.bands import describe_bands
from mambahsi.checkpoint import checkpoint_path, load_checkpoint
from mambahsi.devices import (
    describe_device,
    first_line,
    gigabytes_text,
    is_out_of_memory,
    memory_budget,
    release_memory,
)
from mambahsi.errors import ResourceError
from mambahsi.feedback import Feedback, WarningsKept
from mambahsi.grid import Grid
from mambahsi.jobs import NETWORK, PRESETS, JobError, TrainJob
from mambahsi.model_file import ModelFile, save_model
from mambahsi.network import MambaHSI
from mambahsi.normalization import Normalization
from mambahsi.outputs import OutputFiles
from mambahsi.plans import Plan, Task, cache_bytes, choose_plan
from mambahsi.raster_file import block_cache
from mambahsi.records.replay import Repetition
from mambahsi.records.split_raster import describe_split, split_path, write_split
from mambahsi.runs.calibrate import calibrate_model
from mambahsi.runs.division import divide_labels, refuse_contradictions
from mambahsi.runs.recording import Recorder
from mambahsi.runs.setup import Place, choose_place, network_arguments
from mambahsi.runs.testing import tested_accuracy
from mambahsi.runs.training_report import (
    TrainedModel,
    color_bands,
    previews,
    write_training_report,
)
from mambahsi.runs.ways_to_train import Preparation, train_whole, train_windows
from mambahsi.scene import Scene, survey_bands
from mambahsi.source_files import raster_files, vector_files
from mambahsi.spatial_accuracy import stated_accuracy
from mambahsi.split import TRAIN, VALIDATION, Split
from mambahsi.training_loop import RECOMPUTING, TrainingOutcome
from mambahsi.versions import versions
from mambahsi.windows.placement import MULTIPLE

SMALLEST_SIZE = 4 * MULTIPLE
"""Rows and columns of the smallest windows: four cells of the network's coarsest grid."""

DECIDED = ("device", "backend", "threads", "precision", "launches", "plan", "plan_window")
"""What a model file tells about its training, and the job may have left open; only a network
has a plan."""


def inputs_of(job: TrainJob) -> list[str]:
    """All files that a training reads."""
    layers = [layer.path for layer in (job.labels, job.validation, job.test) if layer]
    return [
        *raster_files(job.scene.path),
        *(name for path in layers for name in vector_files(path)),
    ]


def add_model(files: OutputFiles, job: TrainJob) -> Path:
    """Check that the model and its checkpoint can be written; the temporary path of the model.

    The checkpoint belongs to the model: it is removed when a whole model takes its place.

    Raises:
        OutputError: One of them cannot.
    """
    return files.add(job.model, lambda path: (checkpoint_path(path),))


def train(
    job: TrainJob,
    feedback: Feedback,
    repeated: Repetition | None = None,
    *,
    windows: bool = True,
) -> dict[str, Any]:
    """Train a model.

    Args:
        job: The training.
        feedback: Told how it goes.
        repeated: What to take over from an earlier run instead of the labels, or None.
        windows: Whether a scene that is too large for the memory may be trained on in windows,
            which gives another model. A job that names their size gets them in any case.

    Raises:
        SceneError, LabelsError: The scene or the labels cannot be used.
        ResourceError: The training does not fit, or the device cannot be had.
        TrainingError: The loss is no longer finite.
        ModelError: The checkpoint to resume from is broken or of another training.
        OutputError: An output cannot be written.
        Cancelled: The user asked to stop; the checkpoint is left.
    """
    _refuse_contradictions(job)
    feedback = WarningsKept(feedback)
    with OutputFiles(inputs=inputs_of(job)) as files:
        model_path = add_model(files, job)
        report_path = files.add(job.report) if job.report else None
        split_file = files.add_raster(split_path(job.model))
        record = Recorder(files, job, feedback, repeated.record if repeated else "")
        resumed = job.resume and checkpoint_path(job.model).exists()
        trained = _train(job, feedback, repeated, windows)
        save_model(model_path, trained.model)
        if report_path:
            write_training_report(report_path, trained, feedback.warnings)
        write_split(split_file, trained.split, Grid.from_json(trained.model.scene["grid"]))
        result = _result(job, trained)
        training = trained.model.training
        decided = {name: training[name] for name in DECIDED if name in training}
        record.write(result, decided | {"resumed": resumed}, describe_split(trained.split))
    feedback.progress(1.0, "The model is written")
    return result


def _train(
    job: TrainJob, feedback: Feedback, repeated: Repetition | None, windows: bool
) -> TrainedModel:
    # Files are read into main memory, wherever the network runs.
    main = memory_budget(job.memory, torch.device("cpu")).bytes
    cache = cache_bytes(main)
    with Scene.open(job.scene) as scene, block_cache(cache):
        survey = survey_bands(scene, feedback.part(0.0, 0.02))
        if repeated:
            split = repeated.take_split(survey.valid, feedback)
        else:
            split = divide_labels(job, scene, survey, feedback)
        if job.classifier != NETWORK:
            # Imported by need: a network does not wait for scikit-learn.
            from mambahsi.runs.train_pixelwise import train_pixelwise

            return train_pixelwise(job, scene, survey, split, feedback)
        place = choose_place(job, feedback)
        preset = PRESETS[job.preset]
        arguments = network_arguments(
            len(survey.used), preset.hidden_dim, len(split.table), preset.mamba_type
        )
        # The order of the paper: the seed, the division of the pixels (which draws from a
        # generator of its own), then the network, which draws its initial weights.
        torch.manual_seed(job.seed)
        network = MambaHSI(**arguments, scan=place.scan).to(place.device)
        network.set_precision(place.precision)
        labeled = np.isin(split.parts, (TRAIN, VALIDATION))
        task = Task.of(
            scene,
            survey,
            labeled,
            arguments,
            place.scan,
            cache,
            None if place.device.type == "cpu" else main,
            job.row_halves,
        )
        begun = repeated.plan if repeated else "" if windows else "whole"
        plan = _choose_plan(job, task, place, begun, feedback)
        network.recompute = plan.recomputes
        given = Preparation(
            job=job,
            scene=scene,
            survey=survey,
            split=split,
            place=place,
            plan=plan,
            tiles=task.tiles,
            network=network,
            normalization=Normalization.fit(
                scene, survey.used, survey.valid, feedback.part(0.02, 0.05)
            ),
            colors=color_bands(scene, survey.used),
        )
        way = train_windows if plan.window else train_whole
        trained = 0.8 if job.compare else 1.0
        told = ""
        try:
            training = way(given, feedback.part(0.05, trained))
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            told = first_line(error)
        if told:
            # Only here the error is gone, and with it the frames that keep tensors alive.
            release_memory(place.device)
            raise _does_not_fit(task, given, told)
        if network.recompute and not plan.recomputes:
            plan = dataclasses.replace(plan, name=RECOMPUTING.get(plan.name, plan.name))
        outcome = training.outcome
        _tell_outcome(outcome, job.protocol, feedback)
        accuracy = _test(split, training.predicted, feedback)
        calibration = calibrate_model(split, training.scores, feedback)
        comparison = []
        if job.compare:
            from mambahsi.runs.comparison import compare, figures
            from mambahsi.runs.pixelwise import Ground

            own = figures(NETWORK, accuracy, outcome.seconds, {"preset": job.preset})
            ground = Ground(job, scene, survey, split, given.normalization, place.threads)
            comparison = compare(own, ground, None, None, feedback.part(trained, 1.0))
        model = ModelFile(
            weights=network.state_dict(),
            network=arguments,
            classes=split.table,
            bands=describe_bands(scene, survey.used, survey.dropped),
            normalization=given.normalization,
            mode="windows" if training.window else "whole",
            window=training.window,
            scene={"name": scene.name, "grid": scene.grid.to_json()},
            training={
                **jobs.to_json(job),
                **place.to_json(),
                "plan": plan.name,
                "plan_window": plan.window,
                "best_epoch": outcome.best_epoch,
                "best_validation_accuracy": outcome.best_accuracy,
                "epochs_done": outcome.epochs,
                "seconds": outcome.seconds,
                "cpu_seconds": outcome.cpu_seconds,
            },
            versions=versions(),
            curves=outcome.curves,
            accuracy=stated_accuracy(accuracy, split, training.predicted, job.block_size),
            split=split.to_json(),
            calibration=calibration,
            comparison=comparison,
        )
        return TrainedModel(
            model=model,
            outcome=outcome,
            split=split,
            accuracy=accuracy,
            previews=previews(training, split),
        )


def _choose_plan(job: TrainJob, task: Task, place: Place, begun: str, feedback: Feedback) -> Plan:
    """The way that the training takes.

    Args:
        job: The training.
        task: What decides how much memory it needs.
        place: Where it runs.
        begun: Way of the whole scene that it has to be, or empty.
        feedback: Is told the way.

    Raises:
        ResourceError: None fits the memory budget.
        ModelError: The checkpoint to resume from is broken.
    """
    window = job.window
    checkpoint = checkpoint_path(job.model)
    if job.resume and not window and checkpoint.exists():
        # What fits now may be another plan than that of the training to go on with.
        state = load_checkpoint(checkpoint)
        begun = str(state.circumstances.get("plan", ""))
        window = int(state.fingerprint.get("window", 0))
    budget = memory_budget(job.memory, place.device)
    return choose_plan(task, budget, begun, window, feedback)


def _does_not_fit(task: Task, given: Preparation, told: str) -> ResourceError:
    """What is raised where a training ran out of memory, features computed again included.

    Args:
        task: What decides how much memory it needs.
        given: The training, which keeps no memory any more.
        told: What was said when memory ran out.
    """
    plan, place = given.plan, given.place
    if plan.window:
        what, other = f"windows of {plan.window} pixels", f"smaller windows than {plan.window}"
    else:
        plan = task.in_halves(recompute=True) if task.half else task.whole(recompute=True)
        what, other = "the whole scene", "windows around the labels"
        if task.half:
            what = "two halves of the scene"
    budget = memory_budget(given.job.memory, place.device)
    return ResourceError(
        f"Training ran out of memory on {describe_device(place.device)}. {what.capitalize()} of "
        f"{task.pixels:,} pixels and {task.bands} bands take about {gigabytes_text(plan.bytes)} "
        f"with features computed again; {gigabytes_text(budget.bytes)} may be taken now "
        f"({budget.reason}). PyTorch says: {told}",
        f"Train on {other}: give a size of windows (parameter WINDOW in QGIS, option --window), "
        "such as 128. They give another model, which classifies in windows. Or free memory on the "
        "device, use one with more of it, fewer bands, or preset 'compact'. What was trained is "
        "kept, to resume from.",
    )


def _refuse_contradictions(job: TrainJob) -> None:
    """Refuse what each field alone allows.

    Raises:
        JobError: Two fields contradict each other.
    """
    refuse_contradictions(job)
    if job.window and job.row_halves:
        raise JobError(
            f"Field row_halves: true contradicts window ({job.window}): steps are made on two "
            "halves of the scene or on windows.",
            "Leave one of them out.",
        )
    if job.classifier != NETWORK and job.resume:
        raise JobError(
            f"Field resume: classifier {job.classifier} leaves no checkpoint to resume from.",
            "Leave it out: it is fitted from the beginning.",
        )
    if job.window and (job.window < SMALLEST_SIZE or job.window % MULTIPLE):
        raise JobError(
            f"Field window: {job.window} is no size of windows.",
            f"Take 0, or a multiple of {MULTIPLE} from {SMALLEST_SIZE} on.",
        )


def _tell_outcome(outcome: TrainingOutcome, protocol: str, feedback: Feedback) -> None:
    if outcome.best_accuracy is None:
        feedback.log(
            f"There are no validation pixels: the weights of epoch {outcome.epochs}, the last, "
            "are kept."
        )
    else:
        kind = "overall" if protocol == "random" else "average"
        feedback.log(
            f"The weights of epoch {outcome.best_epoch} are kept: {kind} accuracy "
            f"{outcome.best_accuracy:.2%} on validation pixels."
        )


def _test(split: Split, predicted: np.ndarray, feedback: Feedback) -> Accuracy | None:
    """Compare the predictions with the test pixels, for the first and only time."""
    accuracy = tested_accuracy(split, predicted)
    if accuracy:
        feedback.log(accuracy.text())
    return accuracy


def _result(job: TrainJob, trained: TrainedModel) -> dict[str, Any]:
    accuracy, calibration = trained.accuracy, trained.model.calibration
    return {
        "model": job.model,
        "classifier": trained.model.classifier,
        "report": job.report,
        "overall_accuracy": accuracy.overall if accuracy else None,
        "average_accuracy": accuracy.average if accuracy else None,
        "kappa": accuracy.kappa if accuracy else None,
        "tested_classes": accuracy.tested_classes if accuracy else 0,
        "tested_pixels": accuracy.pixels if accuracy else 0,
        "classes": trained.model.classes.to_json(),
        "protocol": trained.split.protocol,
        "chosen": trained.model.choice.get("settings"),
        "comparison": trained.model.comparison,
        "best_epoch": trained.outcome.best_epoch,
        "epochs": trained.outcome.epochs,
        "mode": trained.model.mode,
        "device": trained.model.training["device"],
        "backend": trained.model.training["backend"],
        "temperature": calibration.temperature,
        "calibration_error": calibration.test["error_after"] if calibration.test else None,
    }
