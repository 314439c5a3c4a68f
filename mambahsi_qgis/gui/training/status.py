"""What the panel says of a training: texts for people, nothing else."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from mambahsi_qgis.engine.events import describe_seconds
from mambahsi_qgis.gui.training.run_folder import RunFolder
from mambahsi_qgis.gui.training.trainer import State, Trainer
from mambahsi_qgis.translation import tr


def about(scene: str, job: Any) -> str:
    """What a training is.

    Args:
        scene: Name of the scene.
        job: Its ``TrainJob``, or whatever else has preset, epochs and device.
    """
    return tr("{}: network “{}”, {:,} epochs, device “{}”").format(
        scene, job.preset, job.epochs, job.device
    )


def progress_text(trainer: Trainer) -> str:
    """How far a running training is, and how long it will take as far as that is measured."""
    curve = trainer.curve
    parts = [trainer.stage] if trainer.state is State.RUNNING else [tr("Stopping the engine")]
    if curve.done and curve.done < curve.epochs:
        parts.append(tr("epoch {:,} of {:,}").format(curve.done, curve.epochs))
    left = curve.seconds_left()
    if left is not None:
        parts.append(tr("about {} of training left").format(describe_seconds(left)))
    elif curve.done < curve.epochs:
        parts.append(tr("time left not known yet"))
    parts.append(tr("{} so far").format(describe_seconds(trainer.elapsed)))
    return ", ".join(parts)


def accuracy_text(result: Mapping[str, Any]) -> str:
    """Accuracy on the test pixels, with what it rests on."""
    overall = result.get("overall_accuracy")
    if overall is None:
        return tr("No pixels were left to test it: draw more polygons per class.")
    return tr(
        "Overall accuracy {:.1%} on {:,} test pixels of {} classes, average accuracy {:.1%}."
    ).format(
        overall,
        result.get("tested_pixels") or 0,
        result.get("tested_classes") or 0,
        result.get("average_accuracy") or 0.0,
    )


def outcome_text(trainer: Trainer) -> str:
    """How a training ended; HTML where it ended well."""
    folder = trainer.folder
    if trainer.state is State.DONE and trainer.result is not None and folder is not None:
        lines = [tr("Done in {}.").format(describe_seconds(trainer.seconds))]
        if "overall_accuracy" in trainer.result:
            lines.append(accuracy_text(trainer.result))
        link = f'<a href="{html.escape(folder.path.as_uri())}">{tr("Open their folder")}</a>'
        lines.append(tr("Map, model and report are written. {}.").format(link))
        return "<p>{}</p>".format(" ".join(lines))
    if trainer.state is State.STOPPED:
        if folder is not None and folder.can_resume():
            return tr("Cancelled. All that was done is kept; Resume goes on from there.")
        return tr("Cancelled before there was anything to keep.")
    if trainer.state is State.FAILED and trainer.failure is not None:
        return "\n".join(filter(None, (trainer.failure.message, trainer.failure.hint)))
    return ""


def resume_text(folder: RunFolder) -> str:
    """What would be resumed."""
    begun = folder.begun
    when = begun.strftime("%Y-%m-%d %H:%M") if begun is not None else ""
    if folder.model.is_file():
        return tr(
            "Make the map of the training on {} begun at {}, which is complete. It uses the "
            "polygons and settings that it was begun with."
        ).format(folder.scene, when)
    curves = folder.curves()
    epochs = curves[-1]["epoch"] if curves else 0
    return tr(
        "Go on with the training on {} begun at {}, from epoch {}, with the polygons and settings "
        "that it was begun with. The result is that of a training that was never stopped."
    ).format(folder.scene, when, epochs)
