"""Sizes and repeats of a run, and where its files lie."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass, field
from typing import Any

from benchmarks.common.folders import FOLDER

KEPT = FOLDER / "cpu"
"""Each part's result."""

PAVIA = (610, 340)
"""Rows and columns of Pavia University, the size that the bar names."""


@dataclass(frozen=True)
class Settings:
    """What a run measures.

    Attributes:
        size: Rows and columns on which comparators are timed; the bar asks for 26,000 pixels.
        large: Rows and columns of the floor, the memory, the kernels and the forest.
        bands: Bands of these scenes.
        classes: Classes of these scenes.
        width: Width of the network.
        rounds: Timed runs of everything but the floor.
        floor_rounds: Runs of the floor, the best of which counts.
        scaling: Rows and columns of the scaling part, one after the other.
        forest_bands: Numbers of bands that the forest is compared at.
        threads: Largest number of threads.
        stream: Rows, columns and bands of the streamed scene.
        stream_rows: Rows of it that are classified in memory for comparison.
        stream_memory: Memory budget of the streamed run, GB of 1e9 bytes.
        stream_keep: Leave the streamed scene in place.
    """

    size: tuple[int, int] = (180, 150)
    large: tuple[int, int] = PAVIA
    bands: int = 103
    classes: int = 9
    width: int = 128
    rounds: int = 5
    floor_rounds: int = 10
    scaling: tuple[tuple[int, int], ...] = ((180, 150), (260, 200), (400, 260), PAVIA)
    forest_bands: tuple[int, ...] = (103, 200)
    threads: int = field(default_factory=lambda: min(2, os.cpu_count() or 1))
    stream: tuple[int, int, int] = (10_000, 700, 224)
    stream_rows: int = 1000
    stream_memory: float = 0.7
    stream_keep: bool = False

    def to_json(self) -> dict[str, Any]:
        """The settings as plain values, to tell whether a kept result is of the same run."""
        values = dataclasses.asdict(self)
        del values["stream_keep"]
        return values


SMALL = Settings(
    size=(40, 30),
    large=(60, 44),
    bands=20,
    classes=5,
    rounds=2,
    floor_rounds=2,
    scaling=((40, 30), (60, 44)),
    forest_bands=(20, 40),
    stream=(1200, 100, 30),
    stream_rows=600,
    stream_memory=0.2,
)
"""Whether everything runs; the figures mean nothing."""
