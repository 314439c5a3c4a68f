"""A reliability diagram as SVG: how often pixels are right, by the confidence they come with.

Each dot is a bin of test pixels (see :mod:`mambahsi.reliability`). On the dashed diagonal
confidence means what it says; below it the classifier is too sure, above it not sure enough.
Columns below show how many pixels there are of each confidence, as most of them may lie in a
corner.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

_WIDTH = 760
_SIDE = 270
_LEFT, _TOP = 56, 30
_STEP = 372
_GAP = 26
_COLUMNS = 70
_BOTTOM = 40
_MARKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def reliability_diagram(
    panels: Sequence[tuple[str, Sequence[Mapping[str, Any]], Sequence[int]]],
) -> str:
    """One panel or two, side by side.

    Args:
        panels: Of each the title, its bins (``confidence`` and ``accuracy``, 0 to 1) and the
            numbers of pixels in equal parts of the confidences 0 to 1.

    Returns:
        An ``<svg>`` element.
    """
    height = _TOP + _SIDE + _GAP + _COLUMNS + _BOTTOM
    body = "".join(_panel(_LEFT + number * _STEP, *panel) for number, panel in enumerate(panels))
    return (
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'aria-label="Reliability diagram">{body}</svg>'
    )


def _panel(
    left: float, title: str, bins: Sequence[Mapping[str, Any]], columns: Sequence[int]
) -> str:
    right, bottom = left + _SIDE, _TOP + _SIDE
    parts = [f'<text class="title" x="{left}" y="16">{escape(title)}</text>']
    for mark in _MARKS:
        x, y = left + mark * _SIDE, bottom - mark * _SIDE
        parts.append(f'<path class="grid" d="M{left} {y:.1f}H{right}"/>')
        parts.append(f'<path class="grid" d="M{x:.1f} {_TOP}V{bottom}"/>')
        parts.append(
            f'<text class="tick end" x="{left - 6}" y="{y + 4:.1f}">{100 * mark:.0f} %</text>'
        )
    parts.append(f'<path class="best" d="M{left} {bottom}L{right} {_TOP}"/>')
    parts.append(f'<path class="axis" d="M{left} {_TOP}V{bottom}H{right}"/>')
    parts.append(f'<text class="tick" x="{left + 6}" y="{_TOP + 14}">share that is right</text>')
    points = [(left + b["confidence"] * _SIDE, bottom - b["accuracy"] * _SIDE) for b in bins]
    if len(points) > 1:
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        parts.append(f'<path class="line" d="M{path}"/>')
    parts += [f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>' for x, y in points]
    parts.append(_counts(left, bottom + _GAP, columns))
    return f"<g>{''.join(parts)}</g>"


def _counts(left: float, top: float, columns: Sequence[int]) -> str:
    bottom, most = top + _COLUMNS, max(columns, default=0)
    width = _SIDE / max(1, len(columns))
    parts = []
    for number, count in enumerate(columns):
        if count:
            x, height = left + number * width, max(1.0, count / most * _COLUMNS)
            parts.append(
                f'<path class="bar" d="M{x + 0.5:.1f} {bottom:.1f}v{-height:.1f}'
                f'h{width - 1:.1f}V{bottom:.1f}Z"/>'
            )
    parts.append(f'<path class="axis" d="M{left} {bottom}H{left + _SIDE}"/>')
    parts.append(f'<text class="tick end" x="{left - 6}" y="{top + 10}">{most:,}</text>')
    parts.append(f'<text class="tick end" x="{left - 6}" y="{bottom}">pixels</text>')
    for mark in _MARKS:
        x = left + mark * _SIDE
        parts.append(
            f'<text class="tick mid" x="{x:.1f}" y="{bottom + 15}">{100 * mark:.0f} %</text>'
        )
    parts.append(f'<text class="tick end" x="{left + _SIDE}" y="{bottom + 30}">confidence</text>')
    return "".join(parts)
