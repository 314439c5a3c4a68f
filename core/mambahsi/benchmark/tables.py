"""The tables of a benchmark: Markdown for people, CSV for spreadsheets, JSON for programs."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from typing import Any

from mambahsi.benchmark.methods import METHODS
from mambahsi.benchmark.published import Published, published_for
from mambahsi.benchmark.scenes import SceneFolder
from mambahsi.benchmark.summary import (
    OVERALL,
    Comparison,
    Group,
    Spread,
    compare_protocols,
    compare_published,
)
from mambahsi.classes import ClassTable

_NONE = "\N{EN DASH}"
_COLUMNS = {
    "parameters": ("network", "parameters"),
    "flop": ("network", "operations", "total"),
    "training_seconds": ("training", "seconds"),
    "training_cpu_seconds": ("training", "cpu_seconds"),
    "classification_seconds": ("classification", "seconds"),
    "classification_cpu_seconds": ("classification", "cpu_seconds"),
    "pixels_per_second": ("classification", "pixels_per_second"),
    "best_epoch": ("training", "best_epoch"),
    "nearest_test_pixel": ("split", "nearest"),
}
_BY_FIELD = {
    "accuracy_in_trained_fields": ("by_field", "trained", "accuracy"),
    "accuracy_in_own_fields": ("by_field", "own", "accuracy"),
}
"""Shares, of test pixels in fields in which others train, and of those in fields of their own."""


def markdown(place: SceneFolder, groups: Sequence[Group], table: ClassTable) -> str:
    """Two tables and what follows from them, without a heading."""
    lines = [
        "| protocol | method | seeds | OA % | AA % | kappa x 100 | parameters | GFLOP | "
        "training s (CPU s) | classification s (CPU s) | pixels/s |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for protocol in dict.fromkeys(group.protocol for group in groups):
        for group in groups:
            if group.protocol == protocol:
                lines.append(_row(group))
        lines += [_published_row(item) for item in published_for(place.key, protocol)]
    lines += ["", *_per_class(groups, table), ""]
    lines += [f"- {sentence}" for sentence in sentences(place, groups)]
    return "\n".join(lines) + "\n"


def sentences(place: SceneFolder, groups: Sequence[Group]) -> list[str]:
    """What the figures say, and what they rest on."""
    found = []
    for first, second, compared in compare_protocols(groups):
        text = ", ".join(f"{OVERALL[c.figure]} {c.difference:+.2f}{_error(c)}" for c in compared)
        found.append(
            f"{first.title}: what random pixels promise above protocol {second.protocol}, in "
            f"percentage points (± two standard errors): {text}."
        )
    for group in groups:
        for other in published_for(place.key, group.protocol):
            if other.method == group.method and not group.note:
                compared = compare_published(group, other)
                found += [_against(c, other) for c in compared if c.within_two_errors is not None]
    found += [text for group in groups if (text := _fields(group))]
    for group in groups:
        found.append(_circumstances(group))
    return found


def _fields(group: Group) -> str:
    """Accuracy in fields in which others train and in others; empty where not known."""
    pixels = [group.spread("by_field", name, "pixels").mean for name in ("trained", "own")]
    if any(math.isnan(mean) for mean in pixels) or not sum(pixels):
        return ""
    trained, own = (_spread(_percent(group.spread(*path))) for path in _BY_FIELD.values())
    share = 100 * pixels[0] / sum(pixels)
    return (
        f"{group.protocol}, {group.title}: {share:.1f} % of the test pixels "
        f"lie in fields in which others train, {trained} % of these are right; of those in fields "
        f"of their own, {own} %."
    )


def _percent(spread: Spread) -> Spread:
    return Spread(100 * spread.mean, 100 * spread.deviation, spread.runs)


def _against(compared: Comparison, other: Published) -> str:
    """Whether a mean agrees with a published one."""
    seeds = f" on seeds {seeds_text(other.seeds)}" if other.seeds else ""
    verdict = "no more than" if compared.within_two_errors else "more than"
    return (
        f"{OVERALL[compared.figure]}{seeds}: {_spread(compared.first)}, beside "
        f"{_spread(compared.second)} of {other.title} ({other.source}): the difference, "
        f"{compared.difference:+.2f}, is {verdict} two standard errors of it "
        f"({2 * compared.error:.2f})."
    )


def _circumstances(group: Group) -> str:
    training = [result["training"] for result in group.results]
    places = {f"{t['device']}, backend {t['backend']}, {_count(t['threads'])}" for t in training}
    nearest = [result["split"]["nearest"] for result in group.results]
    known = [distance for distance in nearest if distance is not None]
    apart = f"come as near as {min(known):g} px" if known else "are not both there"
    others = [r["seed"] for r in group.results if r["split"].get("is_fixed_one") is False]
    untested = sorted({name for result in group.results for name in result["split"]["untested"]})
    return (
        f"{group.protocol}, {group.title}: {'; '.join(sorted(places))}; training and test pixels "
        f"{apart}"
        + (f"; not tested in every run: {', '.join(untested)}" if untested else "")
        + (f"; not the fixed division: seeds {seeds_text(others)}" if others else "")
        + "."
    )


def _count(threads: int) -> str:
    return f"{threads} thread{'s' if threads != 1 else ''}"


def _row(group: Group) -> str:
    def mean(name: str, form: str = ",.0f", scale: float = 1.0) -> str:
        spread = group.spread(*_COLUMNS[name])
        return format(spread.mean / scale, form) if spread.runs else _NONE

    def times(name: str, form: str) -> str:
        return f"{mean(f'{name}_seconds', form)} ({mean(f'{name}_cpu_seconds', form)})"

    cells = [
        group.protocol,
        group.title,
        seeds_text(group.seeds),
        *(_spread(group.overall(name)) for name in OVERALL),
        mean("parameters"),
        mean("flop", ".1f", 1e9),
        times("training", ",.0f"),
        times("classification", ".2f"),
        mean("pixels_per_second"),
    ]
    return f"| {' | '.join(cells)} |"


def _published_row(item: Published) -> str:
    figures = []
    for name in OVERALL:
        figure = item.figures.get(name)
        known = figure is not None
        deviation = figure.deviation if figure is not None else None
        text = f"{figure.mean:.2f}" if figure is not None else _NONE
        figures.append(text + (f" ± {deviation:.2f}" if known and deviation is not None else ""))
    runs = f"{item.runs} runs" if item.runs else _NONE
    seeds = seeds_text(item.seeds) if item.seeds else runs
    cells = [item.protocol, f"{item.title} ({item.source})", seeds, *figures, *[_NONE] * 5]
    return f"| {' | '.join(cells)} |"


def _per_class(groups: Sequence[Group], table: ClassTable) -> list[str]:
    heads = [f"{group.protocol}, {group.title}" for group in groups]
    lines = [
        f"| producer's accuracy, % | {' | '.join(heads)} |",
        f"|---|{'---|' * len(groups)}",
    ]
    for item in table:
        cells = [_spread(group.of_class(item.value)) for group in groups]
        lines.append(f"| {item.name} | {' | '.join(cells)} |")
    return lines


def as_csv(groups: Sequence[Group], table: ClassTable) -> str:
    """One line for each group and figure."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ("protocol", "method", "settings", "seeds", "figure", "class", "mean", "deviation", "runs")
    )
    for group in groups:
        head = (group.protocol, group.method, group.note, seeds_text(group.seeds))
        rows = [(name, "", group.overall(name)) for name in OVERALL]
        rows += [("producers_accuracy", c.name, group.of_class(c.value)) for c in table]
        rows += [(name, "", _percent(group.spread(*path))) for name, path in _BY_FIELD.items()]
        rows += [(name, "", group.spread(*path)) for name, path in _COLUMNS.items()]
        for name, of_class, spread in rows:
            writer.writerow(
                (*head, name, of_class, _cell(spread.mean), _cell(spread.deviation), spread.runs)
            )
    return text.getvalue()


def as_json(place: SceneFolder, groups: Sequence[Group], table: ClassTable) -> dict[str, Any]:
    """Everything that the tables hold, as plain values; accuracies in percent."""
    return {
        "scene": place.key,
        "title": place.title,
        "groups": [
            {
                "protocol": group.protocol,
                "method": group.method,
                "title": group.title,
                "seeds": group.seeds,
                **{name: vars(group.overall(name)) for name in OVERALL},
                "producers_accuracy": [
                    {"value": c.value, "name": c.name, **vars(group.of_class(c.value))}
                    for c in table
                ],
                **{name: vars(_percent(group.spread(*path))) for name, path in _BY_FIELD.items()},
                **{name: vars(group.spread(*path)) for name, path in _COLUMNS.items()},
            }
            for group in groups
        ],
        "published": [
            {
                "protocol": item.protocol,
                "method": item.method,
                "title": item.title,
                "source": item.source,
                "runs": item.runs,
                "seeds": item.seeds,
                **{name: vars(figure) for name, figure in item.figures.items()},
            }
            for protocol in dict.fromkeys(group.protocol for group in groups)
            for item in published_for(place.key, protocol)
        ],
        "methods": {name: METHODS[name].title for name in {g.method for g in groups}},
        "statements": sentences(place, groups),
    }


def overall_text(group: Group) -> str:
    """The figures of whole runs in one line, accuracies in percent."""
    return ", ".join(f"{short} {_spread(group.overall(name))}" for name, short in OVERALL.items())


def seeds_text(seeds: Sequence[int]) -> str:
    """Seeds in few words: ``0-4, 7``."""
    parts: list[list[int]] = []
    for seed in sorted(seeds):
        if parts and seed == parts[-1][-1] + 1:
            parts[-1].append(seed)
        else:
            parts.append([seed])
    return ", ".join(f"{p[0]}-{p[-1]}" if len(p) > 1 else str(p[0]) for p in parts)


def _spread(spread: Spread) -> str:
    if not spread.runs:
        return _NONE
    text = f"{spread.mean:.2f}"
    return text if math.isnan(spread.deviation) else f"{text} ± {spread.deviation:.2f}"


def _error(compared: Comparison) -> str:
    return "" if math.isnan(compared.error) else f" ± {2 * compared.error:.2f}"


def _cell(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.6g}"
