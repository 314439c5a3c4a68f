"""Learning curves as SVG, to stand inside an HTML report.

Two panels share the epochs: the loss, and the validation accuracy that chose the weights,
with the chosen epoch marked in both. Colors come from the page's style sheet, so that the
chart follows a light or dark theme and prints.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

_WIDTH = 760
_PANEL = 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 30, 34
_MAX_POINTS = 1500

Point = tuple[float, float]


def learning_curves(curves: Sequence[Mapping[str, Any]], best_epoch: int | None = None) -> str:
    """Loss and validation accuracy over the epochs.

    Args:
        curves: Per epoch ``epoch`` and, where known, ``loss`` and ``validation_accuracy``
            (a share, 0 to 1). Missing, None or non-finite figures leave a gap.
        best_epoch: Epoch whose weights were kept, or None.

    Returns:
        An ``<svg>`` element, or an empty text if there is nothing to draw.
    """
    panels = [
        (title, points, unit)
        for key, title, unit in (
            ("loss", "Training loss", ""),
            ("validation_accuracy", "Accuracy on validation pixels", "%"),
        )
        if (points := _points(curves, key, 100.0 if unit else 1.0))
    ]
    if not panels:
        return ""
    epochs = [x for _, points, _ in panels for x, _ in points]
    span = (min(epochs), max(epochs))
    height = _PANEL * len(panels)
    body = "".join(
        _panel(index * _PANEL, title, points, unit, span, best_epoch)
        for index, (title, points, unit) in enumerate(panels)
    )
    return (
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'aria-label="Learning curves over {len(curves)} epochs">{body}</svg>'
    )


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round numbers between ``low`` and ``high``, about ``count`` of them.

    Steps are 1, 2 or 5 times a power of ten. Equal ends give that one number.
    """
    if not high > low:
        return [low]
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= rough * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [n * step for n in range(first, last + 1)]


def _points(curves: Sequence[Mapping[str, Any]], key: str, factor: float) -> list[Point]:
    """(epoch, figure) of every epoch that has one; NaN marks a gap between two of them."""
    points: list[Point] = []
    gap = False
    for row in curves:
        value = row.get(key)
        if value is None or not math.isfinite(value):
            gap = bool(points)
            continue
        if gap:
            points.append((float(row["epoch"]), math.nan))
            gap = False
        points.append((float(row["epoch"]), factor * float(value)))
    return points


def _thinned(points: Sequence[Point]) -> Sequence[Point]:
    """At most about twice as many points as the chart is wide, first and last among them."""
    step = -(-len(points) // _MAX_POINTS)
    return [*points[:-1:step], points[-1]]


def _panel(
    top: float,
    title: str,
    points: Sequence[Point],
    unit: str,
    epochs: tuple[float, float],
    best_epoch: int | None,
) -> str:
    finite = [y for _, y in points if not math.isnan(y)]
    low, high = min(finite), max(finite)
    margin = 0.06 * (high - low) or 0.1 * abs(high) or 1.0
    low, high = low - margin, high + margin
    if unit == "%":
        low, high = max(low, 0.0), min(high, 100.0)
    elif min(finite) >= 0:
        low = max(low, 0.0)
    bottom = top + _PANEL - _BOTTOM
    right = _WIDTH - _RIGHT

    def x_of(epoch: float) -> float:
        width = epochs[1] - epochs[0]
        share = (epoch - epochs[0]) / width if width else 0.5
        return _LEFT + share * (right - _LEFT)

    def y_of(value: float) -> float:
        return bottom - (value - low) / (high - low) * (bottom - top - _TOP)

    parts = [f'<text class="title" x="{_LEFT}" y="{top + 16}">{escape(title)}</text>']
    for value in ticks(low, high, 4):
        y = y_of(value)
        parts.append(f'<path class="grid" d="M{_LEFT} {y:.1f}H{right}"/>')
        label = f"{value:.6g}{' %' if unit else ''}"
        parts.append(f'<text class="tick end" x="{_LEFT - 8}" y="{y + 4:.1f}">{label}</text>')
    for epoch in ticks(*epochs, 8):
        if epoch == int(epoch):
            label = f"{int(epoch)}"
            parts.append(
                f'<text class="tick mid" x="{x_of(epoch):.1f}" y="{bottom + 16}">{label}</text>'
            )
    parts.append(f'<path class="axis" d="M{_LEFT} {top + _TOP}V{bottom}H{right}"/>')
    parts.append(f'<text class="tick end" x="{right}" y="{bottom + 30}">epoch</text>')
    parts.append(_line(points, x_of, y_of))
    parts.append(_mark(points, best_epoch, x_of, y_of, top + _TOP, bottom, unit))
    return f"<g>{''.join(parts)}</g>"


def _line(points: Sequence[Point], x_of: Any, y_of: Any) -> str:
    """The curve; a figure with gaps on both sides becomes a dot."""
    runs: list[list[Point]] = [[]]
    for point in points:
        if math.isnan(point[1]):
            runs.append([])
        else:
            runs[-1].append(point)
    parts = []
    for run in runs:
        if len(run) == 1:
            (x, y) = run[0]
            parts.append(f'<circle class="dot" cx="{x_of(x):.1f}" cy="{y_of(y):.1f}" r="2.5"/>')
        elif run:
            path = "L".join(f"{x_of(x):.1f} {y_of(y):.1f}" for x, y in _thinned(run))
            parts.append(f'<path class="line" d="M{path}"/>')
    return "".join(parts)


def _mark(
    points: Sequence[Point],
    best_epoch: int | None,
    x_of: Any,
    y_of: Any,
    top: float,
    bottom: float,
    unit: str,
) -> str:
    at = [(x, y) for x, y in points if x == best_epoch and not math.isnan(y)]
    if not at:
        return ""
    epoch, value = at[0]
    x, y = x_of(epoch), y_of(value)
    side, shift = ("end", -7) if x > _WIDTH / 2 else ("start", 7)
    figure = f"{value:.2f} %" if unit else f"{value:.4g}"
    # Away from the curve, so that the label does not lie on it.
    label_y = top + 12 if y > (top + bottom) / 2 else bottom - 8
    return (
        f'<path class="best" d="M{x:.1f} {top}V{bottom}"/>'
        f'<circle class="bestdot" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'
        f'<text class="note {side}" x="{x + shift:.1f}" y="{label_y:.1f}">'
        f"kept: epoch {int(epoch)}, {figure}</text>"
    )
