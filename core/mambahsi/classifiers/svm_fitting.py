"""Fitting a support vector machine with a Gaussian kernel.

Candidates are the usual grid of penalties C and of widths gamma around 1 / bands, which is about
the inverse of the squared distance between two standardized pixels. The time of a fit grows with
the second to third power of the pixels. So no more than :data:`MOST_PIXELS` training and validation
pixels are used; of more, so many are drawn with the seed, from every class its share.
"""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor, wait

import numpy as np
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from mambahsi.classifiers.choice import Choice, Fitted, Settings, score, weights_of
from mambahsi.classifiers.interface import Samples
from mambahsi.classifiers.svm import SupportVectorMachine
from mambahsi.errors import LabelsError
from mambahsi.feedback import Feedback
from mambahsi.jobs import TrainJob

MOST_PIXELS = 10_000

PENALTIES = (1, 10, 100, 1000)
WIDTHS = (1 / 16, 1 / 4, 1.0, 4.0)
"""Gamma in units of 1 / bands."""

DEFAULT = (100, 1.0)
"""Penalty and width where there is nothing to choose on."""

_CACHE = 100
"""Kernel values kept by one fit, in MB."""


def fit_svm(
    train: Samples,
    validation: Samples,
    classes: int,
    job: TrainJob,
    threads: int,
    feedback: Feedback,
) -> Fitted:
    """Choose and fit a support vector machine.

    Args:
        train: Training pixels.
        validation: Validation pixels; may be empty.
        classes: Number of classes.
        job: Seed, class weights, and the protocol, which says what figure chooses.
        threads: Threads to use.
        feedback: Told about progress.

    Raises:
        LabelsError: All training pixels are of one class.
        Cancelled: The user asked to stop.
    """
    if len(np.unique(train.classes)) < 2:
        raise LabelsError(
            "A support vector machine separates classes, but all training pixels are of one.",
            "Label more areas, or choose a smaller share of them for validation and test.",
        )
    notes = [
        f"The support vector machine takes {MOST_PIXELS:,} of {len(samples):,} {part} pixels, "
        "drawn from every class."
        for part, samples in (("training", train), ("validation", validation))
        if len(samples) > MOST_PIXELS
    ]
    train, validation = (draw(samples, MOST_PIXELS, job.seed) for samples in (train, validation))
    bands = train.pixels.shape[1]
    scaler = StandardScaler().fit(train.pixels.astype(np.float64))
    pixels = scaler.transform(train.pixels.astype(np.float64))
    weights = weights_of(train, job.class_weights)

    def fit(penalty: int, width: float) -> SupportVectorMachine:
        gamma = width / bands
        machine = SVC(
            C=penalty, gamma=gamma, class_weight=weights, cache_size=_CACHE, break_ties=True
        )
        machine.fit(pixels, train.classes)
        return SupportVectorMachine.of(scaler, machine, gamma, classes)

    def settings(penalty: int, width: float) -> Settings:
        return {"C": penalty, "gamma": width / bands}

    if not len(validation):
        return Fitted(fit(*DEFAULT), Choice(settings(*DEFAULT), None, [], len(train)), notes)
    tried: list[tuple[Settings, float]] = []
    best: tuple[SupportVectorMachine, Settings, float] | None = None
    grid = list(itertools.product(PENALTIES, WIDTHS))
    with ThreadPoolExecutor(threads) as pool:
        try:
            # Few at a time: each holds its support vectors.
            for first in range(0, len(grid), threads):
                futures = [pool.submit(fit, *values) for values in grid[first : first + threads]]
                while wait(futures, timeout=0.1).not_done:
                    feedback.check()
                for values, future in zip(grid[first:], futures, strict=False):
                    machine = future.result()
                    found = score(machine, validation, job.protocol, threads)
                    tried.append((settings(*values), found))
                    if best is None or found > best[2]:
                        best = (machine, settings(*values), found)
                feedback.progress(len(tried) / len(grid), "Fitting support vector machines")
        finally:
            pool.shutdown(cancel_futures=True)
    assert best is not None
    machine, chosen, accuracy = best
    return Fitted(machine, Choice(chosen, accuracy, tried, len(train)), notes)


def draw(samples: Samples, most: int, seed: int) -> Samples:
    """At most about so many of the pixels, from every class its share and at least one.

    Returns:
        All of them, or a part in their order.
    """
    if len(samples) <= most:
        return samples
    generator = np.random.default_rng(seed)
    kept = []
    for index in np.unique(samples.classes):
        numbers = np.flatnonzero(samples.classes == index)
        count = max(1, len(numbers) * most // len(samples))
        kept.append(generator.choice(numbers, count, replace=False))
    chosen = np.sort(np.concatenate(kept))
    return Samples(samples.pixels[chosen], samples.classes[chosen])
