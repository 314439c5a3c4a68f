"""What parts find: lines of the table, and figures that the bar is about."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.common import keeping
from benchmarks.gpu.clock import Failure
from benchmarks.gpu.floor import Floors

UNMEASURED = "unmeasured"


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes:
        what: What ran.
        pixels: Pixels of the scene; 0 where that means nothing.
        seconds: Median duration, or None.
        floors: What the card needs at least: ``traffic``, ``operations``, ``exponentials``,
            seconds; or None.
        memory: Peak of the card's memory in bytes, or None.
        figure: What follows, or why there is none of these.
    """

    what: str
    pixels: int = 0
    seconds: float | None = None
    floors: dict[str, float] | None = None
    memory: int | None = None
    figure: str = ""

    @classmethod
    def of(
        cls,
        what: str,
        pixels: int,
        seconds: float | Failure | None,
        floors: Floors | None = None,
        memory: int | Failure | None = None,
        figure: str = "",
    ) -> Row:
        """The line of what was measured, or was not."""
        reasons = {x.why for x in (seconds, memory) if isinstance(x, Failure)}
        return cls(
            what,
            pixels,
            None if isinstance(seconds, Failure) else seconds,
            dataclasses.asdict(floors) if floors else None,
            None if isinstance(memory, Failure) else memory,
            "; ".join([*([figure] if figure else []), *sorted(reasons)]),
        )


@dataclass
class Result:
    """What a part has found so far; kept in a file, so that a part that is cut leaves it.

    Attributes:
        path: The file.
        rows: Lines of the table.
        figures: Values that the bar is about, by name.
        notes: What has to be said beside.
    """

    path: Path
    rows: list[Row] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, row: Row) -> None:
        """Add a line, and keep everything."""
        self.rows.append(row)
        self.keep()

    def keep(self) -> None:
        """Write the file."""
        keeping.write(self.path, self.to_json())

    def to_json(self) -> dict[str, Any]:
        """Everything but the file, as plain values."""
        return {
            "rows": [dataclasses.asdict(row) for row in self.rows],
            "figures": self.figures,
            "notes": self.notes,
        }
