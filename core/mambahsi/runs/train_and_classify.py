"""Training a model and classifying its scene with it, in one run.

The result is the union of both results. The model is complete, and stays, even if the
classification after it is cancelled or fails: it may stand for hours of work.
"""

from __future__ import annotations

from typing import Any

from mambahsi.feedback import Feedback
from mambahsi.jobs import ClassifyJob, TrainAndClassifyJob
from mambahsi.outputs import OutputFiles
from mambahsi.records.record import record_path
from mambahsi.records.replay import Repetition
from mambahsi.records.split_raster import split_path
from mambahsi.runs.classify import write_maps
from mambahsi.runs.maps import add_maps, further_maps
from mambahsi.runs.recording import extend_record
from mambahsi.runs.train import add_model, inputs_of, train

TRAINING_SHARE = 0.9
"""Share of the progress that the training stands for."""


def train_and_classify(
    job: TrainAndClassifyJob, feedback: Feedback, repeated: Repetition | None = None
) -> dict[str, Any]:
    """Train, then classify.

    Args:
        job: Both steps.
        feedback: Told how it goes.
        repeated: As of :func:`mambahsi.runs.train.train`.

    Raises:
        MambaHSIError: As of :func:`mambahsi.runs.train.train` and
            :func:`mambahsi.runs.classify.classify`.
    """
    training = job.train
    classification = ClassifyJob(
        scene=training.scene,
        model=training.model,
        classification=job.classification,
        **further_maps(job),
        device=training.device,
        scan=training.scan,
        precision=training.precision,
        threads=training.threads,
        memory=training.memory,
    )
    _refuse_shared_names(job)
    # Entered before the training: that a map cannot be written should not be found out after
    # hours of it.
    with OutputFiles(inputs=inputs_of(training)) as files:
        targets = add_maps(files, job)
        record = files.add(record_path(training.model))
        trained = train(training, feedback.part(0.0, TRAINING_SHARE), repeated)
        feedback.log(f"The model is complete: {training.model}")
        classified = write_maps(classification, targets, feedback.part(TRAINING_SHARE, 1.0))
        # Device and backend are those of the training, on which more depends.
        result = classified | trained
        extend_record(files, record, job, result, {"way": classified["way"]}, feedback)
    feedback.progress(1.0, "Done")
    return result


def _refuse_shared_names(job: TrainAndClassifyJob) -> None:
    """Refuse what would overwrite another output of this job.

    The model and what lies beside it are renamed into place before the maps, by an
    :class:`OutputFiles` of their own that knows nothing of these. So all are put side by side
    here once.

    Raises:
        OutputError: Two outputs, or files that belong to them, have one name.
    """
    every = OutputFiles()
    try:
        add_model(every, job.train)
        if job.train.report:
            every.add(job.train.report)
        every.add_raster(split_path(job.train.model))
        every.add(record_path(job.train.model))
        add_maps(every, job)
    finally:
        every.remove_all()
