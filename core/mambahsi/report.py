"""The report of a training or an assessment.

It opens with the accuracy *and what it rests on*: the protocol, how many of the classes were
tested and on how many pixels, which classes were not. A figure of accuracy without these is
worth little: pixels that lie beside training pixels flatter every classifier.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from mambahsi.accuracy import Accuracy, decimal, percent
from mambahsi.calibration import Calibration
from mambahsi.charts import learning_curves
from mambahsi.classes import ClassTable
from mambahsi.png import data_uri
from mambahsi.previews import Preview
from mambahsi.report_confidence import confidence
from mambahsi.report_methods import choice_table, comparison_table
from mambahsi.report_page import section, warning_list, write_page
from mambahsi.report_spatial import distance_chart, distance_text, field_text, interval_text
from mambahsi.report_tables import class_figures, confusion, fact_table, part_counts, swatch

_SHOWN_WIDTH = 480


def write_report(
    path: Path,
    *,
    title: str,
    accuracy: Accuracy | None = None,
    protocol: str = "",
    split: Mapping[str, Any] | None = None,
    curves: Sequence[Mapping[str, Any]] = (),
    best_epoch: int | None = None,
    calibration: Calibration | None = None,
    previews: Sequence[Preview] = (),
    facts: Mapping[str, Mapping[str, Any]] | None = None,
    warnings: Sequence[str] = (),
    estimated: Sequence[tuple[str, str]] = (),
    spatial: Mapping[str, Any] | None = None,
    choice: Mapping[str, Any] | None = None,
    comparison: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Write a report; every section appears only if there is something to say.

    Args:
        path: Where to write, usually from :meth:`mambahsi.outputs.OutputFiles.add`.
        title: Heading.
        accuracy: Agreement with the reference; None if nothing was tested.
        protocol: How training and test pixels were kept apart, in a few words.
        split: What :meth:`mambahsi.split.Split.to_json` gave.
        curves: Per epoch ``epoch``, ``loss`` and ``validation_accuracy``.
        best_epoch: Epoch whose weights were kept.
        calibration: The model's temperature, and what test pixels say of it.
        previews: Pictures, each with its legend.
        facts: Headings, each with names and values: scene, model, settings, versions.
        warnings: What the user should know before using the figures.
        estimated: Headings and HTML of what a probability sample tells, from
            :func:`mambahsi.report_areas.area_sections`; it comes before what is counted.
        spatial: What :func:`mambahsi.spatial_accuracy.spatial_accuracy` gave.
        choice: How a classifier's settings were chosen; see :mod:`mambahsi.report_methods`.
        comparison: Figures of several classifiers; see the same place.

    Raises:
        OutputError: The file cannot be written.
    """
    sections = [
        *(section(heading, content) for heading, content in estimated),
        _counted(accuracy, protocol, bool(estimated)),
        warning_list(warnings),
        section("Comparison of classifiers", comparison_table(comparison)),
        _previews(previews),
        _split(split, accuracy),
        _spatial(spatial),
        _per_class(accuracy),
        _confusion(accuracy),
        section("Confidence", confidence(calibration) if calibration else ""),
        _curves(curves, best_epoch),
        section("Choice of settings", choice_table(choice or {})),
        *(section(heading, fact_table(rows)) for heading, rows in (facts or {}).items() if rows),
    ]
    write_page(path, title, sections)


def _counted(accuracy: Accuracy | None, protocol: str, beside: bool) -> str:
    """The headline; under a heading of its own where estimates stand above it."""
    headline = _headline(accuracy, protocol)
    return section("Counted over the sample points", headline) if beside else headline


def _headline(accuracy: Accuracy | None, protocol: str) -> str:
    if accuracy is None or not accuracy.pixels:
        tiles = '<p class="warn">No accuracy: no pixel was left for testing.</p>'
        return tiles + (f'<p class="soft">Protocol: {escape(protocol)}</p>' if protocol else "")
    figures = (
        ("Overall accuracy", percent(accuracy.overall)),
        ("Average accuracy (mean over tested classes)", percent(accuracy.average)),
        ("Kappa", decimal(accuracy.kappa)),
    )
    tiles = "".join(
        f'<div class="tile"><b>{figure}</b><span>{name}</span></div>' for name, figure in figures
    )
    lines = [f"{accuracy.basis()}."]
    if protocol:
        lines.append(f"Protocol: {protocol}.")
    text = " ".join(escape(line) for line in lines)
    untested = ""
    if accuracy.untested:
        names = ", ".join(escape(name) for name in accuracy.untested)
        untested = f'<p class="warn">Not tested: {names}</p>'
    return f'<div class="tiles">{tiles}</div><p>{text}</p>{untested}'


def _previews(previews: Sequence[Preview]) -> str:
    figures = []
    for preview in previews:
        rows, cols = preview.pixels.shape[:2]
        width = cols * max(1, _SHOWN_WIDTH // max(cols, rows))
        figures.append(
            f'<figure><img alt="{escape(preview.caption)}" style="width:{width}px" '
            f'src="{data_uri(preview.pixels)}"><figcaption>{escape(preview.caption)}'
            "</figcaption></figure>"
        )
    if not figures:
        return ""
    # One legend for all pictures that share their classes.
    tables = dict.fromkeys(preview.classes for preview in previews if preview.classes)
    legends = "".join(_legend(table) for table in tables)
    return section("Map", f'<div class="previews">{"".join(figures)}</div>{legends}')


def _legend(table: ClassTable) -> str:
    items = "".join(f"<li>{swatch(item)}{escape(item.name)}</li>" for item in table)
    return f'<ul class="legend">{items}</ul>'


def _split(split: Mapping[str, Any] | None, accuracy: Accuracy | None) -> str:
    if not split:
        return ""
    text = f"<p>{escape(str(split['description']))}</p>" if split.get("description") else ""
    text += distance_text(split)
    untested = split.get("untested") or []
    if untested and (accuracy is None or not accuracy.pixels):
        names = ", ".join(escape(str(name)) for name in untested)
        text += f'<p class="warn">Not tested: {names}</p>'
    rows = split.get("classes")
    return section("Split", text + (part_counts(rows) if rows else ""))


def _spatial(spatial: Mapping[str, Any] | None) -> str:
    if not spatial:
        return ""
    content = distance_chart(spatial["by_distance"]) + field_text(spatial.get("by_field"))
    return section("Accuracy in space", content + interval_text(spatial["intervals"]))


def _per_class(accuracy: Accuracy | None) -> str:
    if accuracy is None or not accuracy.pixels:
        return ""
    note = (
        '<p class="soft">Producer\'s accuracy: share of the reference pixels that the map '
        "found. User's accuracy: share of the mapped pixels that are right. F1: their harmonic "
        "mean. IoU: intersection over union. A dash: undefined.</p>"
    )
    return section("Accuracy by class", class_figures(accuracy) + note)


def _confusion(accuracy: Accuracy | None) -> str:
    if accuracy is None or not accuracy.pixels:
        return ""
    return section("Confusion matrix", confusion(accuracy))


def _curves(curves: Sequence[Mapping[str, Any]], best_epoch: int | None) -> str:
    return section("Learning curves", learning_curves(curves, best_epoch))
