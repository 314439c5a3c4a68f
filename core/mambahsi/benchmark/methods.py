"""What a benchmark compares, each as a few fields of an ordinary training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from mambahsi.jobs import JobError


@dataclass(frozen=True)
class Method:
    """A method under a name.

    Attributes:
        title: What tables call it.
        fields: The fields of :class:`mambahsi.jobs.TrainJob` that make it.
    """

    title: str
    fields: Mapping[str, Any]


METHODS: Mapping[str, Method] = MappingProxyType(
    {
        "paper": Method("MambaHSI", {"preset": "paper"}),
        "compact": Method("MambaHSI, half the width", {"preset": "compact"}),
        "spatial": Method("spatial branch alone", {"preset": "spatial"}),
        "spectral": Method("spectral branch alone", {"preset": "spectral"}),
        "forest": Method("random forest", {"classifier": "forest"}),
        "svm": Method("SVM, RBF kernel", {"classifier": "svm"}),
    }
)


_IN_HALVES = {"houston_2013", "whu_hi_hanchuan"}
"""Scenes that the published training takes in two halves."""


def method_fields(method: str, scene: str, epochs: int) -> dict[str, Any]:
    """The fields of a training that make a method, on a scene with this key.

    Args:
        method: Name of the method.
        scene: Key of the scene.
        epochs: Epochs of a network; other classifiers have none.
    """
    fields = dict(METHODS[method].fields)
    if "classifier" in fields:
        return fields
    return {**fields, "epochs": epochs, "row_halves": scene in _IN_HALVES}


def parse_methods(text: str) -> list[str]:
    """Names of methods from ``paper,forest``, in the order given, each once.

    Raises:
        JobError: One of them is not known, or there is none.
    """
    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    unknown = [name for name in names if name not in METHODS]
    if unknown or not names:
        raise JobError(
            f"Field methods: {(unknown or [text])[0]!r} is not known.",
            f"Known: {', '.join(METHODS)}; several with commas between.",
        )
    return names


def parse_seeds(text: str) -> list[int]:
    """Seeds from ``0-9`` or ``0,1,5-7``, in ascending order, each once.

    Raises:
        JobError: It is neither, or names a seed that NumPy does not take.
    """
    seeds: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        try:
            start = int(first)
            stop = int(last) if dash else start
        except ValueError:
            start, stop = 1, 0
        if not 0 <= start <= stop < 2**32 or stop - start >= MOST_SEEDS:
            raise JobError(
                f"Field seeds: {part.strip()!r} names no seeds.",
                f"Take whole numbers from 0 on, such as 0-9 or 0,1,2; at most {MOST_SEEDS}.",
            )
        seeds.update(range(start, stop + 1))
    return sorted(seeds)


MOST_SEEDS = 1000
"""A range of more is a slip of the pen."""
