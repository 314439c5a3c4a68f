"""The map beside the ground truth, as the figures of papers show it.

Three panels: the ground truth, the map where there is ground truth, and the whole map. Once
as SVG with captions and a legend, which any browser shows and which goes into a paper; once
as PNG, a pixel for a pixel, without words.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from mambahsi import png
from mambahsi.classes import ClassTable
from mambahsi.previews import Preview, class_preview

_GAP = 10
_PANEL = 340
"""Longest side of a panel in the SVG, in its units."""
_LINE = 20
_COLUMN = 230


def panels(reference: np.ndarray, mapped: np.ndarray, table: ClassTable) -> list[Preview]:
    """Ground truth, map on labeled pixels, whole map.

    Args:
        reference: Class index by pixel, -1 unlabeled; (rows, columns).
        mapped: Class index by pixel, -1 nodata; same shape.
        table: The classes.
    """
    labeled = np.where(reference >= 0, mapped, -1)
    return [
        class_preview("Ground truth", reference, table),
        class_preview("Map, labeled pixels only", labeled, table),
        class_preview("Map", mapped, table),
    ]


def as_png(pictures: Sequence[Preview]) -> bytes:
    """Pictures of one size side by side, or below each other if they are broad."""
    rows, columns = pictures[0].pixels.shape[:2]
    axis = 0 if _is_broad(rows, columns) else 1
    gap = np.zeros((_GAP, columns, 4) if axis == 0 else (rows, _GAP, 4), dtype=np.uint8)
    parts = [part for picture in pictures for part in (picture.pixels, gap)][:-1]
    whole = np.concatenate(parts, axis=axis)
    # On white: transparent pixels are drawn black by some programs.
    whole = np.where(whole[..., 3:] > 0, whole[..., :3], np.uint8(255))
    return png.encode(np.ascontiguousarray(whole))


def as_svg(title: str, pictures: Sequence[Preview], table: ClassTable) -> str:
    """Pictures of one size with captions, and a legend of the classes below them."""
    rows, columns = pictures[0].pixels.shape[:2]
    scale = _PANEL / max(rows, columns)
    if _is_broad(rows, columns):
        scale *= 2
    width, height = columns * scale, rows * scale
    body, x, y = [_text(0, 16, title, "bold")], 0.0, 36.0
    right = 0.0
    for picture in pictures:
        body.append(_text(x, y + 12, picture.caption))
        body.append(
            f'<image x="{x:.1f}" y="{y + _LINE:.1f}" width="{width:.1f}" height="{height:.1f}" '
            f'preserveAspectRatio="none" style="image-rendering:pixelated" '
            f'xlink:href="{png.data_uri(picture.pixels)}"/>'
            f'<rect x="{x:.1f}" y="{y + _LINE:.1f}" width="{width:.1f}" height="{height:.1f}" '
            'fill="none" stroke="#9aa6b3"/>'
        )
        right, bottom = max(right, x + width), y + _LINE + height
        if _is_broad(rows, columns):
            y = bottom + _GAP
        else:
            x += width + 2 * _GAP
    right = max(right, 1.0 * _COLUMN)
    beside = max(1, int(right // _COLUMN))
    top = bottom + 2 * _GAP
    for number, item in enumerate(table):
        x, y = number % beside * _COLUMN, top + number // beside * _LINE
        body.append(
            f'<rect x="{x}" y="{y:.1f}" width="13" height="13" fill="{escape(item.color)}" '
            'stroke="#5b6776"/>' + _text(x + 20, y + 11, item.name)
        )
    end = top + -(-len(table) // beside) * _LINE
    return (
        # Links as SVG 1.1 has them, which QGIS and Inkscape know, too.
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="-8 -4 {right + 16:.0f} {end + 8:.0f}" '
        f'width="{right + 16:.0f}" height="{end + 8:.0f}" '
        'font-family="system-ui, sans-serif" font-size="13">'
        f'<rect x="-8" y="-4" width="100%" height="100%" fill="#ffffff"/>{"".join(body)}</svg>\n'
    )


def _is_broad(rows: int, columns: int) -> bool:
    return columns > 1.5 * rows


def _text(x: float, y: float, text: str, weight: str = "normal") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-weight="{weight}" fill="#1b2430">{escape(text)}</text>'
    )
