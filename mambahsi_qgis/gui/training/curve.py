"""The figures of a training by epoch, and the time that is left.

An epoch may be told twice: its loss is known before its validation accuracy, and a resumed training
tells the last epoch of the checkpoint again. The later word counts.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Optional


@dataclass(frozen=True)
class Epoch:
    """Figures of one epoch.

    Attributes:
        number: From 1.
        loss: Mean cross entropy on the training pixels; NaN where it is not known.
        accuracy: Validation accuracy after it, 0 to 1; None where it is not known.
    """

    number: int
    loss: float
    accuracy: Optional[float]


class Curve:
    """What is known of a training's epochs.

    Args:
        epochs: How many it is to have.
    """

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs
        self._known: dict[int, Epoch] = {}
        self._left: Optional[float] = None
        self._told_at = 0.0

    def take(self, figures: Mapping[str, Any]) -> None:
        """Take in what the engine tells of an epoch, or what a checkpoint keeps of it."""
        number = figures.get("epoch")
        if number is None:
            return
        loss, accuracy = figures.get("loss"), figures.get("validation_accuracy")
        self._known[number] = Epoch(
            number,
            math.nan if loss is None else float(loss),
            None if accuracy is None else float(accuracy),
        )
        self._left = figures.get("seconds_left")
        self._told_at = time.monotonic()

    def rows(self) -> list[Epoch]:
        """All epochs known, in order."""
        return [self._known[number] for number in sorted(self._known)]

    @property
    def done(self) -> int:
        """Number of the last epoch known; 0 before the first."""
        return max(self._known, default=0)

    def best(self) -> Optional[Epoch]:
        """The epoch of the best validation accuracy, the later one winning a tie."""
        scored = [row for row in self.rows() if row.accuracy is not None]
        return max(scored, key=lambda row: (row.accuracy, row.number), default=None)

    def seconds_left(self) -> Optional[float]:
        """Seconds until the last epoch, as measured from those done; None where unknown."""
        if self._left is None or self.done >= self.epochs:
            return None
        return max(0.0, self._left - (time.monotonic() - self._told_at))
