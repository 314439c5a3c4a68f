"""What a finished training tells the other parts of the dock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class MadeMap:
    """Files of a run.

    Attributes:
        classification: The land-cover map.
        confidence: Its confidence, or None.
        report: The report, or None.
        model: The model, or None.
    """

    classification: str
    confidence: Optional[str]
    report: Optional[str]
    model: Optional[str]
