"""The part of a report that says how far confidence can be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from mambahsi.accuracy import percent
from mambahsi.calibration import Calibration
from mambahsi.jobs import UNSURE_BELOW
from mambahsi.reliability_chart import reliability_diagram

_EMPTY = "\N{EN DASH}"


def confidence(calibration: Calibration) -> str:
    """What was done to the probabilities, and what test pixels say of them, as HTML."""
    text = f"<p>{escape(calibration.text())}</p>"
    test = calibration.test
    if test is None:
        return text + '<p class="warn">No pixel was left for testing the confidence.</p>'
    panels = [("Before scaling", test["bins_before"], test["columns_before"])]
    if calibration.used:
        panels.append(("After scaling, as in the maps", test["bins_after"], test["columns_after"]))
    else:
        panels = [("As in the maps, without scaling", *panels[0][1:])]
    return (
        text
        + _errors(calibration, test)
        + reliability_diagram(panels)
        + _bins(test["bins_after"])
        + _unsure(test)
    )


def _errors(calibration: Calibration, test: Mapping[str, Any]) -> str:
    before, after = percent(test["error_before"]), percent(test["error_after"])
    pixels = f"{test['pixels']:,} test pixels"
    if not calibration.used:
        figures = f"Calibration error on {pixels}: {after}."
    else:
        verdict = "larger than before: scaling did not help on these pixels"
        if test["error_after"] <= test["error_before"]:
            verdict = "not larger than before"
        figures = (
            f"Calibration error on {pixels}: {before} before scaling, {after} after, {verdict}."
        )
    note = (
        "Calibration error: root mean square difference between confidence and the share that is "
        "right, in bins of about equally many pixels, without the part that chance adds (debiased "
        "after Kumar et al. 2019, arXiv:1909.10155). Pixels of one field are alike, so it is less "
        "certain than their number suggests. Test pixels have no say in the temperature."
    )
    return f'<p>{escape(figures)}</p><p class="soft">{escape(note)}</p>'


def _bins(bins: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        [f"{row['pixels']:,}", percent(row["confidence"]), percent(row["accuracy"])] for row in bins
    ]
    return _table(("Test pixels", "Mean confidence", "Share that is right"), rows)


def _unsure(test: Mapping[str, Any]) -> str:
    rows = test["thresholds"]
    rule = next(row for row in rows if row["confidence"] == UNSURE_BELOW)
    lines = [
        f"A pixel is unsure where its confidence is below {100 * UNSURE_BELOW:.0f} %: by these "
        "probabilities, its class is more likely wrong than right. That holds for "
        f"{percent(rule['share_below'])} of the test pixels.",
        *(
            f"Of the {name} ones, {percent(rule[key])} are right."
            for name, key in (("sure", "accuracy_above"), ("unsure", "accuracy_below"))
            if rule[key] is not None
        ),
    ]
    note = (
        "Who needs a map of higher accuracy can set aside more pixels, by a threshold on the "
        "confidence raster:"
    )
    table = _table(
        (
            "Confidence below",
            "Test pixels set aside",
            "Accuracy of the others",
            "Accuracy of these",
        ),
        [
            [
                f"{100 * row['confidence']:.0f} %",
                percent(row["share_below"]),
                *(
                    _EMPTY if row[key] is None else percent(row[key])
                    for key in ("accuracy_above", "accuracy_below")
                ),
            ]
            for row in rows
        ],
    )
    return f"<h3>Unsure pixels</h3><p>{escape(' '.join(lines))}</p><p>{escape(note)}</p>{table}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )
