"""What a run is, and where it lies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mambahsi.benchmark.methods import METHODS
from mambahsi.benchmark.scenes import SceneFolder
from mambahsi.jobs import TrainJob


@dataclass(frozen=True)
class Run:
    """One run.

    Attributes:
        place: The scene.
        protocol: Name of the protocol.
        method: Name of the method.
        job: The training, whose model lies in the run's folder.
    """

    place: SceneFolder
    protocol: str
    method: str
    job: TrainJob

    @property
    def folder(self) -> Path:
        """Where all files of the run lie."""
        return run_folder(self.place, self.protocol, self.method, self.job.seed)

    @property
    def title(self) -> str:
        """What it is called in messages."""
        method = METHODS[self.method].title
        return f"{self.place.title}, {self.protocol}, {method}, seed {self.job.seed}"


def run_folder(place: SceneFolder, protocol: str, method: str, seed: int) -> Path:
    """Where a run lies."""
    return place.folder / protocol / method / f"seed_{seed}"
