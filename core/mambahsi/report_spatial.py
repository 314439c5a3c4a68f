"""What a report tells about space: distances, accuracy by distance and by field, intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from mambahsi.accuracy import percent

_WIDTH, _HEIGHT = 760, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 30, 52


def distance_text(split: Mapping[str, Any]) -> str:
    """How near test pixels come to training pixels; HTML."""
    nearest, near = split.get("nearest"), split.get("near")
    if nearest is None:
        return ""
    lines = [
        f"The nearest training and test pixels are {nearest:.4g} "
        f"pixel{'' if nearest == 1 else 's'} apart, center to center."
    ]
    if near:
        shares = ", ".join(f"{percent(share)} within {d}" for d, share in near.items())
        lines.append(f"Of the test pixels lie, from a training pixel: {shares} pixels.")
    return "".join(f"<p>{escape(line)}</p>" for line in lines)


def distance_chart(bins: Sequence[Mapping[str, Any]]) -> str:
    """Accuracy by distance to the nearest training pixel, as an ``<svg>``; empty without bins."""
    if not bins:
        return ""
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    step = (right - _LEFT) / len(bins)
    parts = [
        f'<text class="title" x="{_LEFT}" y="16">Accuracy by distance to the nearest training '
        "pixel</text>"
    ]
    for value in (0, 25, 50, 75, 100):
        y = bottom - value / 100 * (bottom - _TOP)
        parts.append(f'<path class="grid" d="M{_LEFT} {y:.1f}H{right}"/>')
        parts.append(f'<text class="tick end" x="{_LEFT - 8}" y="{y + 4:.1f}">{value} %</text>')
    for position, row in enumerate(bins):
        x = _LEFT + (position + 0.5) * step
        height = row["accuracy"] * (bottom - _TOP)
        y, left = bottom - height, x - 0.32 * step
        parts.append(
            f'<path class="bar" d="M{left:.1f} {bottom}V{y:.1f}h{0.64 * step:.1f}V{bottom}Z"/>'
            f'<text class="tick mid" x="{x:.1f}" y="{max(y - 5, _TOP - 2):.1f}">'
            f"{100 * row['accuracy']:.1f} %</text>"
            f'<text class="tick mid" x="{x:.1f}" y="{bottom + 16}">{_bin(row)}</text>'
            f'<text class="tick mid" x="{x:.1f}" y="{bottom + 31}">{row["pixels"]:,} px</text>'
        )
    parts.append(f'<path class="axis" d="M{_LEFT} {_TOP}V{bottom}H{right}"/>')
    parts.append(
        f'<text class="tick end" x="{right}" y="{_HEIGHT - 4}">distance in pixels, and test '
        "pixels there</text>"
    )
    return (
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="Accuracy by distance in {len(bins)} bins">{"".join(parts)}</svg>'
    )


def field_text(by_field: Mapping[str, Any] | None) -> str:
    """Accuracy in fields that were trained on and in others; HTML, empty where not known."""
    if not by_field:
        return ""
    trained, own = by_field["trained"], by_field["own"]
    pixels = trained["pixels"] + own["pixels"]
    if not pixels:
        return ""
    if not trained["pixels"]:
        text = "No test pixel lies in a field in which other pixels train."
    elif not own["pixels"]:
        text = (
            "All test pixels lie in fields in which other pixels train, so nothing is known about "
            "fields that were never trained on. Expect less there."
        )
    else:
        text = (
            f"Of the test pixels, {percent(trained['pixels'] / pixels)} lie in fields in which "
            f"other pixels train, and {percent(trained['accuracy'])} of these are right; of those "
            f"in fields of their own, {percent(own['accuracy'])} are right. Where nothing was "
            "trained on, expect the latter."
        )
    note = "A field: labeled pixels of one class that touch."
    return f'<p>{escape(text)}</p><p class="soft">{note}</p>'


def interval_text(intervals: Mapping[str, Any] | None) -> str:
    """The intervals and what they rest on; HTML."""
    if not intervals:
        return ""
    blocks, size = intervals["blocks"], intervals["block_size"]
    basis = (
        f"block bootstrap, percentile method, {intervals['resamples']:,} resamples of {blocks} "
        f"blocks of {size} x {size} pixels with test pixels, seed {intervals['seed']}"
    )
    level = f"{100 * intervals['level']:.0f} % intervals"
    figures = [
        f"{name} {_span(intervals[key])}"
        for key, name in (("overall_accuracy", "overall"), ("average_accuracy", "average"))
        if intervals[key]
    ]
    if not figures:
        return (
            f"<p>No {level}: the test pixels lie in {blocks} blocks of {size} x {size} pixels, "
            "too few for an interval to mean anything.</p>"
        )
    text = f"<p>{level} of the accuracy: {'; '.join(figures)} ({basis}).</p>"
    if not intervals["average_accuracy"]:
        text += "<p>None for the average accuracy: a class lies in too few blocks for one.</p>"
    rows = "".join(
        f'<tr><td class="name">{escape(row["name"])}</td><td>{row["blocks"]}</td>'
        f"<td>{_span(row['producers_accuracy']) or 'too few blocks'}</td></tr>"
        for row in intervals["per_class"]
        if row["blocks"]
    )
    return (
        f'{text}<div class="scroll"><table class="classes"><thead><tr><th class="name">Class</th>'
        f"<th>Blocks</th><th>Producer's accuracy, {level[:-1]}</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )


def _span(ends: Sequence[float] | None) -> str:
    return f"{percent(ends[0])} to {percent(ends[1])}" if ends else ""


def _bin(row: Mapping[str, Any]) -> str:
    if row["up_to"] is None:
        return f"&gt; {row['above']}"
    return f"&#8804; {row['up_to']}" if not row["above"] else f"{row['above']}&#8211;{row['up_to']}"
