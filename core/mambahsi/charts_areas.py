"""Mapped and estimated areas as horizontal bars with error bars, to stand in an HTML report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from mambahsi.charts import ticks

_WIDTH = 760
_LEFT, _RIGHT, _TOP, _BOTTOM = 190, 24, 8, 40
_ROW = 34
_LONGEST_NAME = 26


@dataclass(frozen=True)
class AreaBar:
    """One class.

    Attributes:
        name: Its name.
        color: Its color as ``#rrggbb``.
        mapped: Area on the map.
        estimated: Estimated area.
        lower: Lower end of the interval, or None where it is not known.
        upper: Upper end, or None.
    """

    name: str
    color: str
    mapped: float
    estimated: float
    lower: float | None
    upper: float | None


def area_chart(bars: Sequence[AreaBar], unit: str) -> str:
    """An ``<svg>`` element with two bars a class; an empty text without classes.

    Args:
        bars: The classes.
        unit: Unit of the areas, for the axis.
    """
    if not bars:
        return ""
    largest = max(max(b.mapped, b.estimated, b.upper or 0.0) for b in bars) or 1.0
    right, bottom = _WIDTH - _RIGHT, _TOP + _ROW * len(bars)

    def x_of(value: float) -> float:
        return _LEFT + value / (1.04 * largest) * (right - _LEFT)

    parts = []
    for value in ticks(0.0, largest, 5):
        x = x_of(value)
        parts.append(f'<path class="grid" d="M{x:.1f} {_TOP}V{bottom}"/>')
        parts.append(f'<text class="tick mid" x="{x:.1f}" y="{bottom + 16}">{value:,.6g}</text>')
    for i, bar in enumerate(bars):
        parts.append(_bar(bar, _TOP + i * _ROW, x_of))
    parts.append(f'<path class="axis" d="M{_LEFT} {_TOP}V{bottom}H{right}"/>')
    parts.append(
        f'<text class="tick end" x="{right}" y="{bottom + 32}">area, {escape(unit)}</text>'
    )
    return (
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {bottom + _BOTTOM}" role="img" '
        f'aria-label="Mapped and estimated area of {len(bars)} classes">{"".join(parts)}</svg>'
    )


def _bar(bar: AreaBar, top: float, x_of: Callable[[float], float]) -> str:
    name = bar.name if len(bar.name) <= _LONGEST_NAME else f"{bar.name[: _LONGEST_NAME - 1]}…"
    color = escape(bar.color)
    middle = top + 22
    parts = [
        f"<title>{escape(bar.name)}</title>",
        f'<text class="end" x="{_LEFT - 8}" y="{top + 21}">{escape(name)}</text>',
        f'<rect x="{_LEFT}" y="{top + 5}" width="{x_of(bar.mapped) - _LEFT:.1f}" height="9" '
        f'fill="{color}" opacity="0.4"/>',
        f'<rect x="{_LEFT}" y="{top + 16}" width="{x_of(bar.estimated) - _LEFT:.1f}" '
        f'height="12" fill="{color}"/>',
    ]
    if bar.lower is not None and bar.upper is not None:
        low, high = x_of(bar.lower), x_of(bar.upper)
        parts.append(
            f'<path class="error" d="M{low:.1f} {middle}H{high:.1f}M{low:.1f} {middle - 4}v8'
            f'M{high:.1f} {middle - 4}v8"/>'
        )
    return f"<g>{''.join(parts)}</g>"
