"""Colors of classes: reading what users write, and defaults that can be told apart."""

from __future__ import annotations

import colorsys
import re

_PALETTE = (
    "#4e9a06",
    "#e6b800",
    "#2f6fb5",
    "#c0392b",
    "#8e5ea2",
    "#e67e22",
    "#17a398",
    "#f49ac2",
    "#8c6d31",
    "#a6d854",
    "#34495e",
    "#ff6f61",
    "#7fc8f8",
    "#b8a9c9",
    "#5d4037",
    "#00cc66",
    "#d81b60",
    "#9e9d24",
    "#1a237e",
    "#bdbdbd",
)

_NAMES = {
    "black": "#000000",
    "silver": "#c0c0c0",
    "gray": "#808080",
    "grey": "#808080",
    "white": "#ffffff",
    "maroon": "#800000",
    "red": "#ff0000",
    "purple": "#800080",
    "fuchsia": "#ff00ff",
    "magenta": "#ff00ff",
    "green": "#008000",
    "lime": "#00ff00",
    "olive": "#808000",
    "yellow": "#ffff00",
    "navy": "#000080",
    "blue": "#0000ff",
    "teal": "#008080",
    "aqua": "#00ffff",
    "cyan": "#00ffff",
    "orange": "#ffa500",
    "brown": "#a52a2a",
    "pink": "#ffc0cb",
}

_HEX = re.compile(r"#?([0-9a-f]{6})(?:[0-9a-f]{2})?")
_SHORT_HEX = re.compile(r"#([0-9a-f])([0-9a-f])([0-9a-f])")
_NUMBERS = re.compile(r"(?:rgba?\()?\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*(?:[,)].*)?")


def parse_color(text: str) -> str | None:
    """A color as ``#rrggbb``, or None where the text is none.

    Understood are ``#rrggbb``, ``#rgb``, ``#rrggbbaa``, ``r,g,b`` and ``r,g,b,a`` as QGIS
    writes them, ``rgb(r,g,b)``, and the basic HTML names. Opacity is left out.
    """
    text = text.strip().lower()
    if text in _NAMES:
        return _NAMES[text]
    if match := _HEX.fullmatch(text):
        return f"#{match[1]}"
    if match := _SHORT_HEX.fullmatch(text):
        return "#" + "".join(2 * digit for digit in match.groups())
    if match := _NUMBERS.fullmatch(text):
        channels = [int(number) for number in match.groups()]
        if max(channels) <= 255:
            return "#{:02x}{:02x}{:02x}".format(*channels)
    return None


def default_color(index: int) -> str:
    """The color of the class with this index where the user gives none.

    The first twenty are hand-picked; after them the hue goes on by the golden angle, which
    keeps any number of classes as far apart as their count allows.
    """
    if index < len(_PALETTE):
        return _PALETTE[index]
    hue = (index * 0.618033988749895) % 1.0
    saturation = (0.55, 0.75, 0.95)[index % 3]
    brightness = (0.95, 0.7, 0.85, 0.55)[index % 4]
    red, green, blue = (round(255 * c) for c in colorsys.hsv_to_rgb(hue, saturation, brightness))
    return f"#{red:02x}{green:02x}{blue:02x}"
