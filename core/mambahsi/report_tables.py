"""The tables of a report, as HTML."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from mambahsi.accuracy import Accuracy, percent
from mambahsi.classes import LandCoverClass

MAX_MATRIX_CLASSES = 60
"""Up to so many classes the whole confusion matrix is shown; beyond, its largest confusions."""

_LISTED_CONFUSIONS = 60
_EMPTY = "\N{EN DASH}"
_RIGHT = "46, 139, 87"
_WRONG = "214, 90, 49"


def swatch(item: LandCoverClass) -> str:
    """A small square in the class's color."""
    return f'<span class="swatch" style="background:{escape(item.color)}"></span>'


def class_figures(accuracy: Accuracy) -> str:
    """One row per class: pixels, producer's and user's accuracy, F1 and IoU."""
    heads = ("Value", "Reference pixels", "Mapped pixels", "Producer's", "User's", "F1", "IoU")
    rows = []
    for i, item in enumerate(accuracy.classes):
        figures = (accuracy.producers[i], accuracy.users[i], accuracy.f1[i], accuracy.iou[i])
        tested = bool(accuracy.tested[i])
        cells = [
            str(item.value),
            f"{accuracy.support[i]:,}" if tested else "not tested",
            f"{accuracy.mapped[i]:,}",
            *(percent(f) for f in figures),
        ]
        kind = "" if tested else ' class="untested"'
        rows.append(f"<tr{kind}>{_name_cell(item)}{_cells(cells)}</tr>")
    head = "".join(f"<th>{name}</th>" for name in heads)
    return (
        '<div class="scroll"><table class="classes"><thead><tr><th class="name">Class</th>'
        f"{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def confusion(accuracy: Accuracy) -> str:
    """The confusion matrix with its sums; for very many classes, the largest confusions."""
    if len(accuracy.classes) > MAX_MATRIX_CLASSES:
        return _largest_confusions(accuracy)
    matrix = accuracy.matrix
    shares = matrix / np.maximum(accuracy.support, 1)[:, np.newaxis]
    head = "".join(
        f'<th class="turned" scope="col" title="{escape(item.name)}">{escape(item.name)}</th>'
        for item in accuracy.classes
    )
    rows = []
    for i, item in enumerate(accuracy.classes):
        cells = "".join(
            _heat_cell(int(count), float(share), i == j)
            for j, (count, share) in enumerate(zip(matrix[i], shares[i], strict=True))
        )
        rows.append(
            f'<tr>{_name_cell(item)}{cells}<td class="sum">{accuracy.support[i]:,}</td></tr>'
        )
    sums = _cells([f"{n:,}" for n in accuracy.mapped] + [f"{accuracy.pixels:,}"])
    return (
        '<p class="soft">Rows: reference. Columns: map. Pixels; shaded by their share of the '
        "row, green where map and reference agree.</p>"
        '<div class="scroll"><table class="matrix"><thead><tr><th class="name">Reference</th>'
        f'{head}<th class="turned">Sum</th></tr></thead><tbody>{"".join(rows)}'
        f'<tr class="sum"><th class="name">Sum</th>{sums}</tr></tbody></table></div>'
    )


def part_counts(rows: Sequence[Mapping[str, Any]]) -> str:
    """Labeled pixels of every class in every part of the split.

    Args:
        rows: Per class ``value``, ``name`` and, by name of the part, its pixels.
    """
    parts = [key for key in rows[0] if key not in ("value", "name")]
    head = "".join(f"<th>{escape(part.capitalize())}</th>" for part in parts)
    body = "".join(
        f'<tr><th class="name" scope="row">{escape(str(row["name"]))}</th>'
        f"{_cells([str(row['value']), *(f'{row[part]:,}' for part in parts)])}</tr>"
        for row in rows
    )
    sums = ["", *(f"{sum(row[part] for row in rows):,}" for part in parts)]
    return (
        '<div class="scroll"><table class="parts"><thead><tr><th class="name">Class</th>'
        f"<th>Value</th>{head}</tr></thead><tbody>{body}"
        f'<tr class="sum"><th class="name">Sum</th>{_cells(sums)}</tr></tbody></table></div>'
    )


def fact_table(rows: Mapping[str, Any]) -> str:
    """Names and values of any kind."""
    body = "".join(
        f"<tr><th>{escape(str(name))}</th><td>{escape(plain(value))}</td></tr>"
        for name, value in rows.items()
    )
    return f'<table class="facts"><tbody>{body}</tbody></table>' if body else ""


def plain(value: Any) -> str:
    """A value for people: lists joined by commas, shares of a second not shown to 16 digits."""
    if value is None or value == "":
        return _EMPTY
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        return json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, list | tuple):
        return ", ".join(plain(item) for item in value) or _EMPTY
    return str(value)


def _largest_confusions(accuracy: Accuracy) -> str:
    wrong = accuracy.matrix.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(wrong, axis=None, kind="stable")[::-1][:_LISTED_CONFUSIONS]
    rows = []
    for i, j in zip(*np.unravel_index(order, wrong.shape), strict=True):
        if wrong[i, j]:
            reference, mapped = accuracy.classes[int(i)], accuracy.classes[int(j)]
            rows.append(
                f"<tr>{_name_cell(reference)}{_name_cell(mapped)}"
                f"{_cells([f'{wrong[i, j]:,}', percent(wrong[i, j] / accuracy.support[i])])}</tr>"
            )
    return (
        f'<p class="soft">{len(accuracy.classes)} classes are too many for a matrix. '
        "These are the largest confusions.</p>"
        '<div class="scroll"><table><thead><tr><th class="name">Reference</th>'
        '<th class="name">Map</th><th>Pixels</th><th>Share of the reference class</th></tr>'
        f"</thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _name_cell(item: LandCoverClass) -> str:
    name = escape(item.name)
    return f'<th class="name" scope="row" title="{name}">{swatch(item)}{name}</th>'


def _heat_cell(count: int, share: float, agreed: bool) -> str:
    if not count:
        return '<td class="soft">0</td>' if agreed else "<td></td>"
    # At most 0.6, so that the figure stays readable on light and on dark pages.
    color = f"rgba({_RIGHT if agreed else _WRONG}, {0.08 + 0.52 * share:.2f})"
    return f'<td style="background:{color}">{count:,}</td>'


def _cells(texts: list[str]) -> str:
    return "".join(f"<td>{text}</td>" for text in texts)
