"""Tables in pages: how figures are written, and where a table goes."""

from __future__ import annotations

from pathlib import Path


def seconds(value: float | None) -> str:
    """A duration with three digits."""
    if value is None:
        return ""
    if value < 1:
        return f"{value * 1000:.3g} ms"
    return f"{value:.3g} s" if value < 100 else f"{value:.0f} s"


def marks(name: str) -> tuple[str, str]:
    """What stands before and behind a table in a page."""
    return f"<!-- {name} -->", f"<!-- end {name} -->"


def put_into(page: Path, name: str, text: str) -> None:
    """Replace what stands between the marks of a page.

    Args:
        page: The page.
        name: Of the marks.
        text: What goes between them.

    Raises:
        SystemExit: The page has no such marks.
    """
    opening, closing = marks(name)
    before, start, rest = page.read_text(encoding="utf-8").partition(opening)
    _, end, after = rest.partition(closing)
    if not (start and end):
        raise SystemExit(f"{page} has no place for the table: {opening} ... {closing}.")
    page.write_text(f"{before}{opening}\n{text}{closing}{after}", encoding="utf-8")
