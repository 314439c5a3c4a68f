"""The part of a report that a probability sample makes possible: accuracy and areas by area."""

from __future__ import annotations

import math
from html import escape

import numpy as np

from mambahsi.accuracy import percent
from mambahsi.areas.estimators import Z, interval
from mambahsi.areas.results import AreaReport, amount
from mambahsi.charts_areas import AreaBar, area_chart
from mambahsi.report_tables import MAX_MATRIX_CLASSES, swatch

_DASH = "\N{EN DASH}"


def area_sections(report: AreaReport) -> list[tuple[str, str]]:
    """Headings and HTML of the sections on accuracy by area, areas, and the error matrix."""
    sections = [
        ("Accuracy and area, estimated from the sample", _summary(report) + _areas(report)),
        ("Accuracy of the classes, by area", _accuracies(report)),
        ("Error matrix as shares of the area", _matrix(report)),
        ("Sample", _strata(report)),
    ]
    return [(heading, content) for heading, content in sections if content]


def _summary(report: AreaReport) -> str:
    value, error = report.estimates.overall
    low, high = interval(value, error)
    notes = "".join(f'<p class="warn">{escape(note)}</p>' for note in report.notes)
    between = f"95 % interval {percent(float(low))} to {percent(float(high))}"
    return (
        f'<div class="tiles"><div class="tile"><b>{percent(value)} '
        f"\N{PLUS-MINUS SIGN} {percent(Z * error)}</b><span>Overall accuracy, by area</span>"
        f"</div></div><p>{escape(between)}. {escape(report.description)}</p>{notes}"
        '<p class="soft">Here every sample point counts for the area that it stands for. Figures '
        "that count points or pixels alike, further below, are about the sample and not about the "
        "map.</p>"
    )


def _areas(report: AreaReport) -> str:
    rows, bars = [], []
    for item, mapped, area in zip(
        report.table, report.mapped_areas, report.class_areas(), strict=True
    ):
        error = area["standard_error"]
        bars.append(
            AreaBar(
                item.name,
                item.color,
                float(mapped),
                area["value"] or 0.0,
                area["lower"],
                area["upper"],
            )
        )
        cells = [
            amount(mapped),
            amount(area["value"]),
            amount(error),
            f"{amount(area['lower'])} to {amount(area['upper'])}" if error is not None else _DASH,
        ]
        rows.append(_row(item.name, swatch(item), cells))
    unit = "ha" if report.unit == "ha" else "pixels"
    heads = (
        f"Mapped, {unit}",
        f"Estimated, {unit}",
        f"Standard error, {unit}",
        f"95 % interval, {unit}",
    )
    return (
        "<h3>Areas of the classes</h3><p>Counting the map's pixels gives a biased area, because "
        "the map is wrong in places; the estimated area is corrected for its errors. Pale bars: "
        "mapped. Full bars: estimated, with 95 % intervals.</p>"
        f"{area_chart(bars, unit)}{_table('Class', heads, rows)}"
        '<p class="soft">Intervals are 1.96 standard errors to each side. They are too narrow '
        "where the sample shows hardly any error in a large class.</p>"
    )


def _accuracies(report: AreaReport) -> str:
    estimates = report.estimates
    rows = []
    for i, item in enumerate(report.table):
        cells = []
        for values, errors in (estimates.users, estimates.producers):
            low, high = interval(float(values[i]), float(errors[i]))
            known = not math.isnan(errors[i])
            cells += [
                percent(float(values[i])),
                percent(float(errors[i])),
                f"{percent(float(low))} to {percent(float(high))}" if known else _DASH,
            ]
        rows.append(_row(item.name, swatch(item), cells))
    heads = [
        *("User's", "Standard error", "95 % interval"),
        *("Producer's", "Standard error", "95 % interval"),
    ]
    return _table("Class", heads, rows)


def _matrix(report: AreaReport) -> str:
    if len(report.table) > MAX_MATRIX_CLASSES:
        return (
            f'<p class="soft">{len(report.table)} classes are too many for a matrix; the table '
            "and the CSV file hold it.</p>"
        )
    cells = report.estimates.proportions
    head = "".join(
        f'<th class="turned" scope="col" title="{escape(item.name)}">{escape(item.name)}</th>'
        for item in report.table
    )
    rows = "".join(
        _row(item.name, swatch(item), [_proportion(p) for p in (*cells[i], cells[i].sum())])
        for i, item in enumerate(report.table)
    )
    sums = [_proportion(p) for p in (*cells.sum(axis=0), cells.sum())]
    return (
        '<p class="soft">Rows: map. Columns: reference. Shares of the area; their sum is 1.</p>'
        '<div class="scroll"><table class="matrix"><thead><tr><th class="name">Map</th>'
        f'{head}<th class="turned">Sum</th></tr></thead><tbody>{rows}'
        f'<tr class="sum"><th class="name">Sum</th>{_cells(sums)}</tr></tbody></table></div>'
    )


def _strata(report: AreaReport) -> str:
    unit = "ha" if report.unit == "ha" else "pixels"
    rows = [
        _row(
            str(row["name"]),
            "",
            [f"{row['points']:,}", f"{row['pixels']:,}", amount(row["area"])],
        )
        for row in report.strata
    ]
    return _table("Stratum", ("Points", "Pixels", f"Area, {unit}"), rows)


def _table(first: str, heads: tuple[str, ...] | list[str], rows: list[str]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    return (
        f'<div class="scroll"><table><thead><tr><th class="name">{first}</th>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _row(name: str, mark: str, cells: list[str]) -> str:
    text = escape(name)
    return f'<tr><th class="name" scope="row" title="{text}">{mark}{text}</th>{_cells(cells)}</tr>'


def _cells(texts: list[str]) -> str:
    # Figures do not break: "88.00 %" stays on one line.
    unbroken = (escape(text).replace(" ", "&nbsp;") for text in texts)
    return "".join(f"<td>{text}</td>" for text in unbroken)


def _proportion(value: float | np.floating) -> str:
    return f"{value:.4f}" if value else ""
