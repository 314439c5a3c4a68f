"""Sizes and repeats of a run."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

Size = tuple[int, int, int]
"""Rows, columns and bands."""

SIZES: dict[str, Size] = {
    "Pavia University": (610, 340, 103),
    "Salinas": (512, 217, 204),
    "HanChuan": (1217, 303, 274),
    "Houston": (349, 1905, 144),
    "EnMAP tile": (1000, 1000, 224),
}
"""The scenes that the bar names, by what they are the size of; the first counts for most aims."""

LARGEST_FILE = "EnMAP tile"
"""The scene that goes from file to map."""


@dataclass(frozen=True)
class Settings:
    """What a run measures.

    Attributes:
        device: ``cuda``, one of several such as ``cuda:1``, or ``cpu`` to try things out.
        scan: The scan backend of ours.
        sizes: Scenes by name.
        classes: Classes of these scenes.
        width: Width of the network.
        rounds: Timed runs.
        warm_up: Runs before that.
        epochs: Epochs of the training.
        reference: Scene of the sequential reference scan, which takes a launch a token.
        limits: Memory of the cards that the largest scene is looked for, bytes.
        largest_bands: Bands of that scene.
        largest_trials: Scenes that are tried for each limit.
        floor_bytes: Bytes of the copy that the bandwidth is measured with.
        floor_side: Rows and columns of the products that rates are measured with.
        upstream: Folder of a built mamba-ssm, or empty.
        why_not: Why there is none.
    """

    device: str = "cuda"
    scan: str = "triton"
    sizes: dict[str, Size] = dataclasses.field(default_factory=lambda: dict(SIZES))
    classes: int = 9
    width: int = 128
    rounds: int = 7
    warm_up: int = 2
    epochs: int = 200
    reference: Size = (180, 150, 103)
    limits: tuple[int, ...] = (24_000_000_000, 80_000_000_000)
    largest_bands: int = 224
    largest_trials: int = 5
    floor_bytes: int = 2**30
    floor_side: int = 8192
    upstream: str = ""
    why_not: str = ""

    @property
    def first(self) -> str:
        """Name of the scene that counts for most aims."""
        return next(iter(self.sizes))

    def to_json(self) -> dict[str, Any]:
        """The settings as plain values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Settings:
        """Settings from plain values."""
        sizes = {name: tuple(size) for name, size in values["sizes"].items()}
        lists = {name: tuple(values[name]) for name in ("reference", "limits")}
        return cls(**values | {"sizes": sizes} | lists)


SMALL = Settings(
    sizes={"Pavia University": (12, 9, 5), "EnMAP tile": (8, 11, 6)},
    classes=3,
    width=16,
    rounds=2,
    warm_up=1,
    epochs=3,
    reference=(8, 6, 5),
    limits=(40_000_000,),
    largest_bands=6,
    largest_trials=2,
    floor_bytes=2**20,
    floor_side=64,
)
"""Whether everything runs; the figures mean nothing."""
