"""How running work tells what it does, without knowing who listens.

The worker turns these calls into JSON lines, the command line into a progress bar, and
tests collect them. The base class listens to nothing, so every function of the engine can
be called without feedback.
"""

from __future__ import annotations

from mambahsi import cancellation


class Feedback:
    """Receives progress, figures and messages. This one drops them."""

    def progress(self, fraction: float, message: str = "") -> None:
        """Report how much of the job is done, from 0 to 1, and what runs now."""

    def metric(self, **values: float | int | str | None) -> None:
        """Report figures of one epoch or step, such as ``epoch``, ``loss``."""

    def log(self, message: str) -> None:
        """Report a fact worth keeping."""

    def warning(self, message: str) -> None:
        """Report something that the user should know, but that does not stop the job."""

    def check(self) -> None:
        """Stop here if the user asked for it.

        Raises:
            Cancelled: A stop was asked for.
        """
        cancellation.raise_if_requested()

    def part(self, start: float, stop: float) -> Feedback:
        """A feedback whose progress 0 to 1 is ``start`` to ``stop`` of this one."""
        return _Part(self, start, stop)


class _Part(Feedback):
    def __init__(self, whole: Feedback, start: float, stop: float) -> None:
        self._whole = whole
        self._start = start
        self._stop = stop

    def progress(self, fraction: float, message: str = "") -> None:
        self._whole.progress(self._start + (self._stop - self._start) * fraction, message)

    def metric(self, **values: float | int | str | None) -> None:
        self._whole.metric(**values)

    def log(self, message: str) -> None:
        self._whole.log(message)

    def warning(self, message: str) -> None:
        self._whole.warning(message)


class WarningsKept(_Part):
    """Passes everything on and keeps the warnings, for a report.

    Args:
        whole: Receives everything.
    """

    def __init__(self, whole: Feedback) -> None:
        super().__init__(whole, 0.0, 1.0)
        self.warnings: list[str] = []

    def warning(self, message: str) -> None:
        self.warnings.append(message)
        super().warning(message)


class CollectingFeedback(Feedback):
    """Keeps everything that it is told, in order, for reports and tests."""

    def __init__(self) -> None:
        self.fractions: list[float] = []
        self.metrics: list[dict[str, float | int | str | None]] = []
        self.logs: list[str] = []
        self.warnings: list[str] = []

    def progress(self, fraction: float, message: str = "") -> None:
        self.fractions.append(fraction)

    def metric(self, **values: float | int | str | None) -> None:
        self.metrics.append(values)

    def log(self, message: str) -> None:
        self.logs.append(message)

    def warning(self, message: str) -> None:
        self.warnings.append(message)
