"""Fitting a random forest.

Candidates differ in the bands that a split may choose from (the square root of their number,
Breiman's advice, or a third) and in the pixels that a leaf needs (1 or 3). Each is scored with
:data:`TREES_TO_CHOOSE` trees; the best one then grows on to :data:`TREES`. Tree by tree, the
random numbers follow from the seed, so this is the forest that scikit-learn fits at once,
whatever the number of threads.
"""

from __future__ import annotations

import itertools

from sklearn.ensemble import RandomForestClassifier

from mambahsi.classifiers.choice import Choice, Fitted, Settings, score, weights_of
from mambahsi.classifiers.forest import Forest
from mambahsi.classifiers.interface import Samples
from mambahsi.feedback import Feedback
from mambahsi.jobs import TrainJob

TREES = 500
TREES_TO_CHOOSE = 60

GRID: list[Settings] = [
    {"max_features": bands, "min_samples_leaf": pixels}
    for bands, pixels in itertools.product(("sqrt", 1 / 3), (1, 3))
]
"""The candidates; the first one is the default."""

_STEP = 20
"""Trees that are grown before the user is asked whether to stop."""


def fit_forest(
    train: Samples,
    validation: Samples,
    classes: int,
    job: TrainJob,
    threads: int,
    feedback: Feedback,
) -> Fitted:
    """Choose and fit a forest.

    Args:
        train: Training pixels.
        validation: Validation pixels; may be empty.
        classes: Number of classes.
        job: Seed, class weights, and the protocol, which says what figure chooses.
        threads: Threads to use.
        feedback: Told about progress.

    Raises:
        Cancelled: The user asked to stop.
    """
    bands = train.pixels.shape[1]
    weights = weights_of(train, job.class_weights)

    def start(settings: Settings) -> RandomForestClassifier:
        return RandomForestClassifier(
            n_estimators=0,
            random_state=job.seed,
            n_jobs=threads,
            class_weight=weights,
            warm_start=True,
            **settings,
        )

    def grow(forest: RandomForestClassifier, trees: int, part: Feedback) -> None:
        first = forest.n_estimators
        for count in range(first + _STEP, trees + 1, _STEP):
            part.check()
            forest.set_params(n_estimators=count)
            forest.fit(train.pixels, train.classes)
            part.progress((count - first) / (trees - first), "Growing the random forest")

    tried: list[tuple[Settings, float]] = []
    best, chosen, accuracy = start(GRID[0]), GRID[0], None
    if len(validation):
        for number, settings in enumerate(GRID):
            forest = start(settings)
            share = 0.6 / len(GRID)
            grow(forest, TREES_TO_CHOOSE, feedback.part(number * share, (number + 1) * share))
            found = score(Forest.of(forest, bands, classes), validation, job.protocol, threads)
            tried.append((settings, found))
            if accuracy is None or found > accuracy:
                best, chosen, accuracy = forest, settings, found
    grow(best, TREES, feedback.part(0.6, 1.0))
    settings = {"trees": TREES, **chosen}
    return Fitted(Forest.of(best, bands, classes), Choice(settings, accuracy, tried, len(train)))
