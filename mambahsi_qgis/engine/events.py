"""What the engine tells, turned into QGIS's feedback.

The engine writes one JSON object a line (``progress``, ``metric``, ``log``, ``warning``,
``result``, ``error``). :class:`EventReader` passes on what is meant for the user while the
job runs, and keeps the result or the error for its end.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Optional

from qgis.core import QgsProcessingFeedback

from mambahsi_qgis.translation import tr, tr_engine


class EventReader:
    """Reads the engine's lines.

    Args:
        feedback: Receives progress and messages.

    Attributes:
        result: The job's result, once it is told.
        error: The job's error (``code``, ``message``, ``hint``), once it is told.
    """

    def __init__(self, feedback: QgsProcessingFeedback) -> None:
        self._feedback = feedback
        self._stage = ""
        self.result: Optional[dict[str, Any]] = None
        self.error: Optional[dict[str, Any]] = None

    def read(self, line: bytes) -> None:
        """Take one line in."""
        try:
            event = json.loads(line.decode("utf-8"))
            kind = event.pop("event")
        except (ValueError, AttributeError, KeyError, TypeError):
            self._feedback.pushDebugInfo(line.decode("utf-8", "replace").rstrip())
            return
        if kind == "progress":
            self._progress(event)
        elif kind == "metric":
            self.metric(event)
        elif kind == "log":
            self._feedback.pushInfo(str(event.get("message", "")))
        elif kind == "warning":
            self._feedback.pushWarning(str(event.get("message", "")))
        elif kind == "result":
            self.result = event
        elif kind == "error":
            self.error = event

    def metric(self, values: Mapping[str, Any]) -> None:
        """Pass the figures of an epoch on, as a line of text; who plots them overrides this."""
        self._feedback.pushInfo(describe_metric(values))

    def _progress(self, event: Mapping[str, Any]) -> None:
        self._feedback.setProgress(100 * float(event.get("fraction") or 0))
        message = str(event.get("message") or "")
        # QGIS's dialog and qgis_process add every progress text to their log: of one that
        # counts ("Training: epoch 3 of 200"), what it counts ("Training") is told once.
        stage = message.partition(":")[0] if re.search(r"\d", message) else message
        if stage and stage != self._stage:
            self._stage = stage
            self._feedback.setProgressText(tr_engine(stage))


def describe_metric(values: Mapping[str, Any]) -> str:
    """One line about an epoch, of whichever figures the engine gave."""
    left = dict(values)
    parts = []
    epoch, epochs = left.pop("epoch", None), left.pop("epochs", None)
    if epoch is not None:
        counted = tr("epoch {}/{}") if epochs else tr("epoch {}")
        parts.append(counted.format(epoch, epochs))
    for name, text in (
        ("loss", tr("loss {:.4f}")),
        ("validation_accuracy", tr("validation accuracy {:.2%}")),
        ("pixels_per_second", tr("{:,.0f} pixels/s")),
        ("device", "{}"),
    ):
        value = left.pop(name, None)
        if value is not None:
            parts.append(text.format(value))
    remaining = left.pop("seconds_left", None)
    if remaining is not None:
        parts.append(tr("{} left").format(describe_seconds(remaining)))
    parts += [
        f"{name.replace('_', ' ')} {value}" for name, value in left.items() if value is not None
    ]
    line = ", ".join(parts)
    return line[:1].upper() + line[1:]


def describe_seconds(seconds: float) -> str:
    """A duration for people."""
    minutes = round(seconds / 60)
    if seconds < 60:
        return tr("{:.0f} s").format(seconds)
    if minutes < 60:
        return tr("{} min").format(minutes)
    return tr("{} h {} min").format(minutes // 60, minutes % 60)
