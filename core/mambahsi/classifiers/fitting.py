"""Fitting a classifier of single pixels by its name, and telling what was chosen."""

from __future__ import annotations

from mambahsi.classifiers import TITLES
from mambahsi.classifiers.choice import Fitted
from mambahsi.classifiers.forest_fitting import fit_forest
from mambahsi.classifiers.interface import Samples
from mambahsi.classifiers.svm_fitting import fit_svm
from mambahsi.feedback import Feedback
from mambahsi.jobs import TrainJob


def fit(
    name: str,
    train: Samples,
    validation: Samples,
    classes: int,
    job: TrainJob,
    threads: int,
    feedback: Feedback,
) -> Fitted:
    """Choose the settings of a classifier, and fit it to the training pixels.

    The same pixels, job and seed give the same classifier, whatever the number of threads.

    Args:
        name: One of :data:`mambahsi.classifiers.PIXELWISE`.
        train: Training pixels, at least one.
        validation: Validation pixels, which choose the settings; may be empty.
        classes: Number of classes.
        job: Seed, class weights, and the protocol, which says what figure chooses.
        threads: Threads to use.
        feedback: Told about progress and the choice.

    Raises:
        LabelsError: The training pixels are of too few classes.
        Cancelled: The user asked to stop.
    """
    fit_one = {"forest": fit_forest, "svm": fit_svm}[name]
    fitted = fit_one(train, validation, classes, job, threads, feedback)
    for note in fitted.notes:
        feedback.warning(note)
    feedback.log(fitted.choice.text(TITLES[name]))
    return fitted
