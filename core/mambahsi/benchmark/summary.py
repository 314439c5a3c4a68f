"""Runs with different seeds, put together: means, spreads, and what can be said of them.

Runs belong together that differ in nothing but their seed. A spread is the standard deviation
over the seeds (with n - 1). Two means are compared by the standard error of their difference,
sqrt(s1^2 / n1 + s2^2 / n2).
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mambahsi.benchmark.fit import deciding_fields
from mambahsi.benchmark.methods import METHODS
from mambahsi.benchmark.published import Published
from mambahsi.benchmark.result import RESULT, read_result
from mambahsi.benchmark.scenes import SceneContent, SceneFolder
from mambahsi.feedback import Feedback
from mambahsi.jobs import BENCHMARK_PROTOCOLS

OVERALL = {"overall_accuracy": "OA", "average_accuracy": "AA", "kappa": "kappa"}
"""The figures of a whole run, and their short names."""


@dataclass(frozen=True)
class Spread:
    """A figure over several runs.

    Attributes:
        mean: Its mean, NaN of no run.
        deviation: Its standard deviation, NaN of fewer than two runs.
        runs: Number of runs that have it.
    """

    mean: float
    deviation: float
    runs: int

    @classmethod
    def of(cls, values: Iterable[float | None]) -> Spread:
        """The spread of the values that are there."""
        known = [float(value) for value in values if value is not None]
        mean = statistics.fmean(known) if known else math.nan
        deviation = statistics.stdev(known) if len(known) > 1 else math.nan
        return cls(mean, deviation, len(known))


@dataclass(frozen=True, eq=False)
class Group:
    """Runs that differ in their seed only.

    Attributes:
        protocol: Name of the protocol.
        method: Name of the method.
        note: Settings that are not the usual ones, or empty.
        results: What each run's file holds, by seed in ascending order.
    """

    protocol: str
    method: str
    note: str
    results: list[dict[str, Any]]

    @property
    def title(self) -> str:
        """What tables call the method."""
        return METHODS[self.method].title + (f" ({self.note})" if self.note else "")

    @property
    def seeds(self) -> list[int]:
        """Seeds of the runs."""
        return [int(result["seed"]) for result in self.results]

    def spread(self, *path: str) -> Spread:
        """A figure over the runs, found under these keys."""
        return Spread.of(_at(result, path) for result in self.results)

    def overall(self, figure: str, seeds: Sequence[int] | None = None) -> Spread:
        """One of :data:`OVERALL`, in percent, over all runs or those of some seeds."""
        return Spread.of(
            None if (value := _at(result, ("accuracy", figure))) is None else 100 * value
            for result in self.results
            if seeds is None or result["seed"] in seeds
        )

    def of_class(self, value: int) -> Spread:
        """Producer's accuracy of a class, in percent, over the runs that tested it."""
        rows = [
            row
            for result in self.results
            for row in (result["accuracy"] or {}).get("per_class", [])
            if row["value"] == value
        ]
        return Spread.of(
            None if row["producers_accuracy"] is None else 100 * row["producers_accuracy"]
            for row in rows
        )


def read_groups(place: SceneFolder, content: SceneContent, feedback: Feedback) -> list[Group]:
    """All runs of a scene that are done, put together.

    Runs on other content are left out with a warning: a table compares nothing but runs on the
    same scene and the same labels.

    Raises:
        ModelError: A result is damaged.
    """
    found: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for path in sorted(place.folder.glob(f"*/*/seed_*/{RESULT}")):
        result = read_result(path)
        saved = result["fingerprint"]
        if (saved["scene"], saved["labels"]) != (content.scene_digest, content.labels_digest):
            feedback.warning(f"{path} is of another scene or of other labels: left out.")
        elif result["method"] in METHODS and result["protocol"] in BENCHMARK_PROTOCOLS:
            # With what the record does not know: see mambahsi.benchmark.fit.
            settings = {k: v for k, v in deciding_fields(saved["settings"]).items() if k != "seed"}
            key = (result["protocol"], result["method"], json.dumps(settings, sort_keys=True))
            found.setdefault(key, []).append(result)
    groups = [
        Group(
            protocol, method, _note(results[0]), sorted(results, key=lambda result: result["seed"])
        )
        for (protocol, method, _), results in found.items()
    ]
    methods = list(METHODS)
    protocols = list(BENCHMARK_PROTOCOLS)
    groups.sort(key=lambda g: (protocols.index(g.protocol), methods.index(g.method), g.note))
    return groups


_USUAL = ("epochs", "learning_rate", "class_weights", "patience")


def _note(result: dict[str, Any]) -> str:
    usual, here = deciding_fields({}), deciding_fields(result["fingerprint"]["settings"])
    return ", ".join(
        f"{name.replace('_', ' ')} {here[name]}" for name in _USUAL if here[name] != usual[name]
    )


@dataclass(frozen=True)
class Comparison:
    """Two means of one figure.

    Attributes:
        figure: One of :data:`OVERALL`.
        first: Ours.
        second: That of the other protocol, or of others.
    """

    figure: str
    first: Spread
    second: Spread

    @property
    def difference(self) -> float:
        """First less second."""
        return self.first.mean - self.second.mean

    @property
    def error(self) -> float:
        """Standard error of the difference; NaN where a spread is not known."""
        return math.sqrt(
            self.first.deviation**2 / max(self.first.runs, 1)
            + self.second.deviation**2 / max(self.second.runs, 1)
        )

    @property
    def within_two_errors(self) -> bool | None:
        """Whether the means agree; None where that is not known."""
        return None if math.isnan(self.error) else abs(self.difference) <= 2 * self.error


def compare_published(group: Group, other: Published) -> list[Comparison]:
    """Our means beside published ones; on the same seeds, where these are known.

    Empty where one of these seeds is not there.
    """
    if other.seeds is not None and not set(other.seeds) <= set(group.seeds):
        return []
    return [
        Comparison(
            name,
            group.overall(name, other.seeds),
            Spread(
                figure.mean,
                math.nan if figure.deviation is None else figure.deviation,
                other.runs or 0,
            ),
        )
        for name, figure in other.figures.items()
    ]


def compare_protocols(groups: Sequence[Group]) -> list[tuple[Group, Group, list[Comparison]]]:
    """What random pixels promise above each honest protocol, method by method."""
    return [
        (
            first,
            second,
            [Comparison(name, first.overall(name), second.overall(name)) for name in OVERALL],
        )
        for first in groups
        if first.protocol == "random"
        for second in groups
        if second.protocol != "random"
        and (second.method, second.note) == (first.method, first.note)
    ]


def _at(values: Any, path: Sequence[str]) -> Any:
    for key in path:
        if not isinstance(values, dict) or values.get(key) is None:
            return None
        values = values[key]
    return values
