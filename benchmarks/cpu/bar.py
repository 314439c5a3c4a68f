"""What was aimed at, and whether it was reached."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Figures = dict[str, Any]


@dataclass(frozen=True)
class Aim:
    """One thing that was aimed at.

    Attributes:
        what: In words.
        part: The part that measures it.
        names: The figures that it is about; the aim holds for all of them.
        met: Whether a figure is good enough.
        form: How a figure is written.
    """

    what: str
    part: str
    names: tuple[str, ...]
    met: Callable[[float], bool]
    form: Callable[[float], str] = "{:.2f}".format


@dataclass(frozen=True)
class Line:
    """An aim and what became of it.

    Attributes:
        what: The aim.
        measured: The figures.
        answer: ``yes``, ``no``, or ``not measured``.
    """

    what: str
    measured: str
    answer: str


def _gigabytes(value: float) -> str:
    return f"{value / 1e9:.3f} GB"


def _least(limit: float) -> Callable[[float], bool]:
    return lambda value: value >= limit


def _most(limit: float) -> Callable[[float], bool]:
    return lambda value: value <= limit


def _between(low: float, high: float) -> Callable[[float], bool]:
    return lambda value: low <= value <= high


def _small(value: float) -> str:
    return f"{value:.1e}"


AIMS = (
    Aim("inference 22 times as fast as the reference scan", "network",
        ("inference_reference",), _least(22)),
    Aim("inference 28 times as fast as mambapy", "network", ("inference_mambapy",), _least(28)),
    Aim("training step 25 times as fast as mambapy", "network",
        ("training_mambapy",), _least(25)),
    Aim("training step 15 times as fast as mambapy with huge pages", "network",
        ("training_mambapy_huge",), _least(15)),
    Aim("training memory of the fast plan at most 1.0 GB", "memory",
        ("fast",), _most(1e9), _gigabytes),
    Aim("training memory with more recomputation at most 0.7 GB", "memory",
        ("recompute",), _most(0.7e9), _gigabytes),
    Aim("memory 0.7 to 1.4 times its prediction", "memory",
        ("fast_ratio", "recompute_ratio"), _between(0.7, 1.4)),
    Aim("gradients within 1e-4 of a sequential scan in double precision", "gradients",
        ("worst",), _most(1e-4), _small),
    Aim("threads: 0.9 of the rate of independent processes (inference, training)", "threads",
        ("inference", "training"), _least(0.9)),
    Aim("inference within 1.35 times the floor (both sizes)", "floor",
        ("inference_size", "inference_large"), _most(1.35)),
    Aim("training step within 1.4 times four floors (both sizes)", "floor",
        ("training_size", "training_large"), _most(1.4)),
    Aim("streaming: peak of the process at most 1 GB", "streaming",
        ("peak",), _most(1e9), _gigabytes),
    Aim("streaming: 0.6 of the rate in memory (in one go; killed and resumed, both runs counted)",
        "streaming", ("rate", "rate_with_kill"), _least(0.6)),
    Aim("streaming: the same map when killed and resumed", "streaming",
        ("resumed_same",), _least(1), "{:.0f}".format),
    Aim("inference no slower than the random forest at 200 bands (time over the forest's)",
        "forest", ("200_1",), _most(1)),
    Aim("inference within 1.3 times the random forest's time at 103 bands", "forest",
        ("103_1",), _most(1.3)),
    Aim("without AVX-512: logits within 1e-4", "limited", ("difference",), _most(1e-4), _small),
    Aim("without AVX-512: half as fast (inference, training)", "limited",
        ("inference", "training"), _least(0.5)),
)  # fmt: skip


def lines(parts: dict[str, dict[str, Any]]) -> list[Line]:
    """Every aim with what was measured.

    Args:
        parts: What each part left, by name.
    """
    return [_line(aim, parts.get(aim.part, {}).get("figures", {})) for aim in AIMS]


def _line(aim: Aim, figures: Figures) -> Line:
    found = [figures[name] for name in aim.names if name in figures]
    measured = ", ".join(aim.form(value) for value in found)
    if len(found) < len(aim.names):
        return Line(aim.what, measured, "not measured")
    return Line(aim.what, measured, "yes" if all(map(aim.met, found)) else "no")
