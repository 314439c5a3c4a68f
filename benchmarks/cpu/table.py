"""The results of all parts as one table, and the bar as another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.cpu import bar, machine

PARTS = {
    "network": "whole network, beside others",
    "floor": "whole network, beside the machine's floor",
    "kernels": "kernels",
    "memory": "training memory",
    "threads": "threads, beside independent processes",
    "scaling": "scaling",
    "forest": "inference, beside a random forest",
    "limited": "without AVX-512",
    "gradients": "gradients, beside a sequential scan in double precision",
    "startup": "start",
    "streaming": "a scene larger than memory",
}
"""The parts by the name of their module, in the order in which they run."""

START, END = "<!-- cpu -->", "<!-- end cpu -->"


def markdown(whole: dict[str, Any]) -> str:
    """Everything that was measured.

    Args:
        whole: ``machine``, and under ``parts`` what each part left.
    """
    lines = [
        "| what | pixels | threads | wall time | CPU time | |",
        "|---|---|---|---|---|---|",
    ]
    for name, part in whole["parts"].items():
        load = f"load average {part['load_before']:.2f} to {part['load_after']:.2f};"
        load += f" others used {part['others']:.2f} processors"
        lines.append(f"| **{PARTS[name]}** | | | | | {load} |")
        for row in part["rows"]:
            pixels = f"{row['pixels']:,}" if row["pixels"] else ""
            times = f"{seconds(row['wall'])} | {seconds(row['cpu'])}"
            lines.append(
                f"| {row['what']} | {pixels} | {row['threads']} | {times} | {row['figure']} |"
            )
    lines.append("")
    lines += [f"- {note}" for part in whole["parts"].values() for note in part["notes"]]
    lines += ["", "| bar | measured | met |", "|---|---|---|"]
    for line in bar.lines(whole["parts"]):
        lines.append(f"| {line.what} | {line.measured} | {line.answer} |")
    lines += ["", machine.sentence(whole["machine"])]
    return "\n".join(lines) + "\n"


def seconds(value: float | None) -> str:
    """A duration with three digits."""
    if value is None:
        return ""
    if value < 1:
        return f"{value * 1000:.3g} ms"
    return f"{value:.3g} s" if value < 100 else f"{value:.0f} s"


def put_into(page: Path, text: str) -> None:
    """Replace what stands between the marks of a page.

    Raises:
        SystemExit: The page has no marks.
    """
    before, start, rest = page.read_text(encoding="utf-8").partition(START)
    _, end, after = rest.partition(END)
    if not (start and end):
        raise SystemExit(f"{page} has no place for the table: {START} ... {END}.")
    page.write_text(f"{before}{START}\n{text}{END}{after}", encoding="utf-8")
