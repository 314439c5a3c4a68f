"""Training a classifier of single pixels: the same job, parts and files as for the network."""

from __future__ import annotations

import numpy as np

from mambahsi import jobs
from mambahsi.bands import describe_bands
from mambahsi.classifiers.restoring import tensors_of
from mambahsi.feedback import Feedback
from mambahsi.jobs import TrainJob
from mambahsi.model_file import ModelFile
from mambahsi.normalization import Normalization
from mambahsi.previews import class_preview, scene_preview
from mambahsi.runs.calibrate import calibrate_model, pixels_to_score
from mambahsi.runs.comparison import compare, figures
from mambahsi.runs.pixelwise import Ground, fit_and_test, ignored_fields, read_samples
from mambahsi.runs.setup import choose_pixelwise_place
from mambahsi.runs.testing import tested_accuracy
from mambahsi.runs.training_report import TrainedModel, color_bands
from mambahsi.runs.ways_to_train import small_image
from mambahsi.scene import BandSurvey, Scene
from mambahsi.spatial_accuracy import stated_accuracy
from mambahsi.split import TEST, TRAIN, Split
from mambahsi.training_loop import TrainingOutcome
from mambahsi.versions import versions

_OF_THE_NETWORK = (
    *("preset", "epochs", "learning_rate", "patience", "window", "row_halves", "scan"),
    "precision",
)
"""Fields of a job that only a network reads. The device is told on its own: the CPU is used."""


def train_pixelwise(
    job: TrainJob, scene: Scene, survey: BandSurvey, split: Split, feedback: Feedback
) -> TrainedModel:
    """Fit the classifier that a job asks for, and test it.

    Raises:
        LabelsError: The training pixels are of too few classes.
        ResourceError: The labeled pixels do not fit into memory.
        SceneError: The file is truncated or corrupt.
        Cancelled: The user asked to stop.
    """
    ignored = ignored_fields(job, _OF_THE_NETWORK)
    if job.device.startswith("cuda"):
        ignored = f"{ignored}, device {job.device}".lstrip(", ")
    if ignored:
        feedback.log(f"Not used by classifier {job.classifier}: {ignored}.")
    place = choose_pixelwise_place(job, feedback)
    normalization = Normalization.fit(scene, survey.used, survey.valid, feedback.part(0.02, 0.1))
    ground = Ground(job, scene, survey, split, normalization, place.threads)
    train, validation = read_samples(ground, feedback.part(0.1, 0.15))
    share = 0.55 if job.compare else 0.95
    tested = fit_and_test(
        job.classifier,
        ground,
        train,
        validation,
        pixels_to_score(split),
        feedback.part(0.15, share),
    )
    accuracy = tested_accuracy(split, tested.predicted)
    if accuracy:
        feedback.log(accuracy.text())
    calibration = calibrate_model(split, tested.scores, feedback)
    choice = tested.fitted.choice
    comparison = []
    if job.compare:
        own = figures(job.classifier, accuracy, tested.seconds, choice.settings)
        comparison = compare(own, ground, train, validation, feedback.part(share, 0.95))
    model = ModelFile(
        weights=tensors_of(tested.fitted.classifier),
        network={"in_channels": len(survey.used), "num_classes": len(split.table)},
        classes=split.table,
        bands=describe_bands(scene, survey.used, survey.dropped),
        normalization=normalization,
        mode="pixels",
        scene={"name": scene.name, "grid": scene.grid.to_json()},
        training={
            **jobs.to_json(job),
            **place.to_json(),
            "best_validation_accuracy": choice.accuracy,
            "seconds": tested.seconds,
            "cpu_seconds": tested.cpu_seconds,
        },
        versions=versions(),
        accuracy=stated_accuracy(accuracy, split, tested.predicted, job.block_size),
        split=split.to_json(),
        calibration=calibration,
        classifier=job.classifier,
        choice=choice.to_json(),
        comparison=comparison,
    )
    image, valid = small_image(
        scene, survey, normalization, color_bands(scene, survey.used), feedback
    )
    labeled = np.where(split.parts == TRAIN, split.index, -1)
    pictures = [
        scene_preview("Scene", image, valid),
        class_preview("Training pixels", labeled, split.table),
    ]
    if accuracy:
        classified = np.where(split.parts == TEST, tested.predicted, -1)
        pictures.append(class_preview("Test pixels as classified", classified, split.table))
    return TrainedModel(
        model=model,
        outcome=TrainingOutcome(0, choice.accuracy, 0, [], tested.seconds, tested.cpu_seconds),
        split=split,
        accuracy=accuracy,
        previews=pictures,
    )
