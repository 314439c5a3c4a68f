"""Signatures as SVG: a line for each class's mean, a shade for its standard deviation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from html import escape

import numpy as np

from mambahsi.charts import ticks
from mambahsi.samples.figures import SampleFigures
from mambahsi.samples.signatures import Signature, segments

_WIDTH, _HEIGHT = 900, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 12, 44

Place = Callable[[float], float]


def signature_chart(figures: SampleFigures) -> str:
    """An ``<svg>`` element; an empty text where no class has a sample."""
    known = [own for own in figures.signatures if own.pixels]
    if not known:
        return ""
    positions = figures.positions
    low, high = _range(known)
    left, right = min(positions), max(positions)
    bottom = _HEIGHT - _BOTTOM

    def x_of(value: float) -> float:
        share = (value - left) / (right - left) if right > left else 0.5
        return _LEFT + share * (_WIDTH - _RIGHT - _LEFT)

    def y_of(value: float) -> float:
        return bottom - (value - low) / (high - low) * (bottom - _TOP)

    parts = []
    for value in ticks(low, high, 6):
        y = y_of(value)
        parts.append(f'<path class="grid" d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}"/>')
        parts.append(f'<text class="tick end" x="{_LEFT - 8}" y="{y + 4:.1f}">{value:.6g}</text>')
    for value in ticks(left, right, 10):
        x = x_of(value)
        parts.append(f'<path class="grid" d="M{x:.1f} {_TOP}V{bottom}"/>')
        parts.append(f'<text class="tick mid" x="{x:.1f}" y="{bottom + 16}">{value:.6g}</text>')
    title = "wavelength, nm" if figures.unit == "nm" else "band"
    parts.append(f'<path class="axis" d="M{_LEFT} {_TOP}V{bottom}H{_WIDTH - _RIGHT}"/>')
    parts.append(f'<text class="tick end" x="{_WIDTH - _RIGHT}" y="{bottom + 34}">{title}</text>')
    lines = segments(figures.bands, figures.used)
    for shaded in (True, False):  # all shades below all lines
        for item, own in zip(figures.table, figures.signatures, strict=True):
            draw = _shade if shaded else _line
            shapes = draw(own, lines, positions, x_of, y_of)
            if own.pixels:
                parts.append(
                    f'<g style="color:{escape(item.color)}"><title>{escape(item.name)}</title>'
                    f"{''.join(shapes)}</g>"
                )
    return (
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="Signatures of '
        f'{len(known)} classes over {len(positions)} bands">{"".join(parts)}</svg>'
    )


def _range(known: Sequence[Signature]) -> tuple[float, float]:
    """Ends of the axis of values: everything drawn, and a little room."""
    spreads = [np.nan_to_num(own.deviation) for own in known]
    low = min(float((own.mean - spread).min()) for own, spread in zip(known, spreads, strict=True))
    high = max(float((own.mean + spread).max()) for own, spread in zip(known, spreads, strict=True))
    margin = 0.03 * (high - low) or 0.1 * abs(high) or 1.0
    return low - margin, high + margin


def _line(
    own: Signature, lines: list[list[int]], positions: list[float], x_of: Place, y_of: Place
) -> Iterator[str]:
    for line in lines:
        points = [(x_of(positions[i]), y_of(own.mean[i])) for i in line]
        if len(points) == 1:
            x, y = points[0]
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="currentColor"/>'
        else:
            path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
            yield f'<path fill="none" stroke="currentColor" stroke-width="1.8" d="M{path}"/>'


def _shade(
    own: Signature, lines: list[list[int]], positions: list[float], x_of: Place, y_of: Place
) -> Iterator[str]:
    if own.pixels < 2:
        return
    for line in lines:
        upper = [(x_of(positions[i]), y_of(own.mean[i] + own.deviation[i])) for i in line]
        lower = [(x_of(positions[i]), y_of(own.mean[i] - own.deviation[i])) for i in line]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in [*upper, *reversed(lower)])
        if len(line) == 1:
            # An area without width would not be seen.
            yield f'<path stroke="currentColor" stroke-width="2" opacity=".4" d="M{path}"/>'
        else:
            yield f'<path fill="currentColor" opacity=".16" d="M{path}Z"/>'
