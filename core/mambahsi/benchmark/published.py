"""Figures of others, to stand beside ours.

A figure is comparable where scene, method and protocol are the same. A spread is the standard
deviation over seeds, where its source states one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Figure:
    """A mean over runs.

    Attributes:
        mean: In percent; kappa, too, is times 100.
        deviation: Standard deviation over the runs, in percentage points; None if not stated.
    """

    mean: float
    deviation: float | None = None


@dataclass(frozen=True)
class Published:
    """What a source states for a method on a scene.

    Attributes:
        scene: Key of the scene.
        protocol: Our name of the protocol.
        method: Our name of the method.
        title: What tables call it.
        source: Where it is from.
        runs: Number of runs that the means are of; None if not known.
        seeds: Their seeds, if they are those of our runs, too, so that both saw the same
            pixels; None if not known.
        figures: By ``overall_accuracy``, ``average_accuracy`` or ``kappa``.
    """

    scene: str
    protocol: str
    method: str
    title: str
    source: str
    runs: int | None
    figures: Mapping[str, Figure]
    seeds: tuple[int, ...] | None = field(default=None)


_PAPER = "Li et al. 2024, doi:10.1109/TGRS.2024.3430985"


def _of_the_paper(scene: str, overall: float) -> Published:
    return Published(
        scene,
        "random",
        "paper",
        "MambaHSI, published",
        _PAPER,
        10,
        {"overall_accuracy": Figure(overall)},
    )


def _reproduced(scene: str, overall: float) -> Published:
    return Published(
        scene,
        "random",
        "paper",
        "MambaHSI, a later reproduction",
        "by others; how many runs, and on which pixels, is not known to us",
        None,
        {"overall_accuracy": Figure(overall)},
    )


PUBLISHED: tuple[Published, ...] = (
    _of_the_paper("pavia_university", 95.74),
    _of_the_paper("houston_2013", 94.46),
    _of_the_paper("whu_hi_hanchuan", 90.21),
    _of_the_paper("whu_hi_honghu", 94.58),
    _reproduced("salinas", 98.54),
    _reproduced("botswana", 99.64),
    Published(
        "indian_pines",
        "random",
        "paper",
        "MambaHSI, the published code run again",
        "the published network and protocol in a loop of our own, scored before each step",
        5,
        {"overall_accuracy": Figure(92.07, 1.69), "average_accuracy": Figure(95.04, 0.99)},
        (0, 1, 2, 3, 4),
    ),
)


def published_for(scene: str, protocol: str) -> list[Published]:
    """What there is to compare with."""
    return [item for item in PUBLISHED if (item.scene, item.protocol) == (scene, protocol)]
