"""The page that every report is: one HTML file that needs nothing else.

There are no scripts, and what it shows lies inside it, so it can be mailed, archived and read
offline. Its content security policy forbids it to load anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from pathlib import Path

from mambahsi.outputs import write_bytes
from mambahsi.report_style import STYLE

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def write_page(path: Path, title: str, sections: Iterable[str]) -> None:
    """Write a page of sections.

    Raises:
        OutputError: The file cannot be written.
    """
    html = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{escape(title)}</h1>\n{''.join(sections)}\n</body>\n</html>\n"
    )
    # Names may come from files with broken encodings; a report is still better than none.
    write_bytes(path, html.encode("utf-8", errors="replace"))


def section(heading: str, content: str) -> str:
    """A section under a heading; nothing where there is no content."""
    return f"<section>\n<h2>{escape(heading)}</h2>\n{content}\n</section>\n" if content else ""


def warning_list(warnings: Iterable[str]) -> str:
    """What the user should know before using the figures."""
    return "".join(f'<p class="warn">{escape(text)}</p>' for text in warnings)
