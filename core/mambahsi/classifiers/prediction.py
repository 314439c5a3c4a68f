"""Scores of many pixels, on several threads, the same whatever their number.

Pixels are scored in blocks whose size the classifier alone decides, each by one thread, with
libraries for linear algebra kept to that thread. So no sum depends on how many threads there
are.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import TracebackType

import numpy as np
from threadpoolctl import threadpool_limits

from mambahsi import cancellation
from mambahsi.classifiers.interface import PixelClassifier


class Predictor:
    """Scores pixels. Use it as a context manager.

    Args:
        classifier: What scores them.
        threads: Threads to use.
    """

    def __init__(self, classifier: PixelClassifier, threads: int) -> None:
        self.classifier = classifier
        self._pool = ThreadPoolExecutor(threads, "mambahsi-classifier")
        self._limits = threadpool_limits(1)

    def __enter__(self) -> Predictor:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._limits.restore_original_limits()

    def scores(self, pixels: np.ndarray) -> np.ndarray:
        """Scores of pixels.

        Args:
            pixels: Normalized bands; float32 (pixels, bands).

        Returns:
            float64 (pixels, classes).

        Raises:
            Cancelled: The user asked to stop.
            ModelError: The classifier is damaged.
        """
        found = np.empty((len(pixels), self.classifier.classes))
        size = self.classifier.block_pixels

        def score(start: int) -> None:
            cancellation.raise_if_requested()
            found[start : start + size] = self.classifier.scores(pixels[start : start + size])

        for _ in self._pool.map(score, range(0, len(pixels), size)):
            pass
        return found

    def classify(self, pixels: np.ndarray) -> np.ndarray:
        """Class indices of pixels; int64 (pixels,).

        Args:
            pixels: As for :meth:`scores`; so are the errors.
        """
        return self.scores(pixels).argmax(axis=1)
