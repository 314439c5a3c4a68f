"""The labels of a training, read and divided as its job asks."""

from __future__ import annotations

from mambahsi.feedback import Feedback
from mambahsi.jobs import JobError, TrainJob, VectorSource
from mambahsi.labels import LabelSet, read_labels, restrict
from mambahsi.scene import BandSurvey, Scene
from mambahsi.split import (
    TEST,
    TRAIN,
    VALIDATION,
    Folds,
    Sample,
    Split,
    split_blocks,
    split_random,
    split_spatial,
    split_with_layers,
)


def refuse_contradictions(job: TrainJob) -> None:
    """Refuse ways to divide the labels that each field alone allows.

    Raises:
        JobError: Two fields contradict each other.
    """
    layers = job.validation or job.test
    if job.protocol != "spatial" and layers:
        raise JobError(
            f"Protocol {job.protocol!r} takes validation and test pixels from the labels; it "
            "cannot be combined with layers of their own.",
            "Take protocol 'spatial', or leave the layers out.",
        )
    if job.sampled and (job.protocol == "random" or layers):
        raise JobError(
            "Field sampled: true takes pixels from the parts of a spatial split, "
            + ("but protocol 'random' has none." if not layers else "not from separate layers."),
            "Leave it out"
            + ("; the protocol is sampled by its nature." if not layers else ", or the layers."),
        )
    tested, name = job.test_share, f"test_share ({job.test_share:g})"
    if job.protocol == "blocks":
        _refuse_blocks(job)
        if job.folds:
            tested, name = 1 / job.folds, f"the fold that tests (1 of {job.folds})"
    elif job.folds or job.fold:
        raise JobError(
            f"Fields folds ({job.folds}) and fold ({job.fold}) are of protocol 'blocks', but "
            f"protocol is {job.protocol!r}.",
            "Take protocol 'blocks', or leave them out.",
        )
    if job.validation_share + tested >= 1:
        raise JobError(
            f"Fields validation_share ({job.validation_share:g}) and {name} leave nothing to "
            "train on.",
            "Their sum must be below 1.",
        )


def _refuse_blocks(job: TrainJob) -> None:
    if job.folds == 1:
        raise JobError("Field folds: 1 fold cannot test and train.", "Take 0, or 2 or more.")
    if job.fold >= max(job.folds, 1):
        raise JobError(
            f"Field fold: there is no fold {job.fold} of {job.folds}.",
            f"Take 0 to {job.folds - 1}." if job.folds else "Give folds, too, or leave it out.",
        )
    if not job.sampled and job.block_size <= 2 * job.buffer:
        raise JobError(
            f"Field block_size: in a block of {job.block_size} pixels none is farther than the "
            f"buffer ({job.buffer}) from all blocks around it.",
            f"Take at least {2 * job.buffer + 1}, or a smaller buffer.",
        )


def divide_labels(job: TrainJob, scene: Scene, survey: BandSurvey, feedback: Feedback) -> Split:
    """Read the labels and divide them into training, validation and test.

    Raises:
        LabelsError: A layer cannot be used, or leaves a class without a training pixel.
    """
    labels = read_labels(
        job.labels, scene.grid, job.class_field, job.name_field, job.color_field, feedback
    )
    labels = restrict(labels, survey.valid, feedback)

    def layer(source: VectorSource | None) -> LabelSet | None:
        if source is None:
            return None
        found = read_labels(
            source, scene.grid, job.class_field, feedback=feedback, table=labels.table
        )
        return found.where(survey.valid)

    if job.validation or job.test:
        split = split_with_layers(
            labels,
            layer(job.validation),
            layer(job.test),
            job.seed,
            job.validation_share,
            job.test_share,
            job.buffer,
        )
    else:
        split = split_labels(job, labels)
    for note in split.notes:
        feedback.warning(note)
    feedback.log(
        f"Split: {split.protocol}; {split.count(TRAIN)} training, {split.count(VALIDATION)} "
        f"validation and {split.count(TEST)} test pixels in {len(split.table)} classes."
    )
    return split


def split_labels(job: TrainJob, labels: LabelSet) -> Split:
    """The parts that a job without separate layers takes from its labels."""
    if job.protocol == "random":
        return split_random(labels, job.seed, job.train_pixels, job.validation_pixels)
    sample = Sample(job.train_pixels, job.validation_pixels) if job.sampled else None
    shares = job.validation_share, job.test_share
    if job.protocol == "blocks":
        folds = Folds(job.folds, job.fold) if job.folds else None
        return split_blocks(labels, job.seed, *shares, job.buffer, job.block_size, folds, sample)
    return split_spatial(labels, job.seed, *shares, job.buffer, sample=sample)
