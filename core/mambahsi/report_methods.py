"""What a report tells about classifiers: how one was chosen, and how others do beside it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from mambahsi.accuracy import decimal, percent
from mambahsi.classifiers import TITLES
from mambahsi.report_tables import plain


def comparison_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """One row for each classifier that was tested on the same pixels, as HTML.

    Args:
        rows: As of :mod:`mambahsi.runs.comparison`.
    """
    if not rows:
        return ""
    heads = ("Overall accuracy", "Average accuracy", "Kappa", "Time to train", "Settings")
    body = "".join(
        f'<tr><th class="name" scope="row">{escape(_capital(TITLES[row["classifier"]]))}</th>'
        f"<td>{percent(_number(row['overall_accuracy']))}</td>"
        f"<td>{percent(_number(row['average_accuracy']))}</td>"
        f"<td>{decimal(_number(row['kappa']))}</td>"
        f"<td>{row['seconds']:.1f} s</td>"
        f'<td class="name">{escape(_settings(row["settings"]))}</td></tr>'
        for row in rows
    )
    return (
        '<p class="soft">All were trained on the same pixels, their settings or weights chosen on '
        "the same validation pixels, and tested on the same test pixels, with the same normalized "
        "bands. Random forest and support vector machine look at single pixels; they are not "
        "fitted again to the validation pixels.</p>"
        '<div class="scroll"><table class="comparison"><thead><tr><th class="name">Classifier</th>'
        f"{_heads(heads)}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def choice_table(choice: Mapping[str, Any]) -> str:
    """The settings that were tried, as HTML; the kept ones are marked.

    Args:
        choice: As of :meth:`mambahsi.classifiers.choice.Choice.to_json`, or empty.
    """
    if not choice:
        return ""
    kept = choice["settings"]
    if not choice["candidates"]:
        return (
            "<p>There were no validation pixels to choose on. The default was taken: "
            f"{escape(_settings(kept))}.</p>"
        )
    body = "".join(
        f'<tr{_marked(tried["settings"], kept)}><th class="name" scope="row">'
        f"{escape(_settings(tried['settings']))}</th>"
        f"<td>{percent(_number(tried['validation_accuracy']))}</td></tr>"
        for tried in choice["candidates"]
    )
    return (
        f"<p>Kept: {escape(_settings(kept))}. The classifier is fitted to the "
        f"{choice['training_pixels']:,} training pixels alone, not again with those of the "
        'validation.</p><div class="scroll"><table class="choice"><thead><tr>'
        f'<th class="name">Settings</th>{_heads(("Accuracy on validation pixels",))}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _settings(settings: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name.replace('_', ' ')} {f'{value:.4g}' if isinstance(value, float) else plain(value)}"
        for name, value in settings.items()
    )


def _capital(title: str) -> str:
    return title[0].upper() + title[1:]


def _marked(tried: Mapping[str, Any], kept: Mapping[str, Any]) -> str:
    return ' class="sum"' if tried.items() <= kept.items() else ""


def _heads(names: Sequence[str]) -> str:
    return "".join(f"<th>{name}</th>" for name in names)


def _number(value: float | None) -> float:
    return math.nan if value is None else value
