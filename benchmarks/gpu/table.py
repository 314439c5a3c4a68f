"""The results of all parts as one table, and the bar as another."""

from __future__ import annotations

from typing import Any

from benchmarks.common import aims, machine
from benchmarks.common.pages import seconds
from benchmarks.gpu import card
from benchmarks.gpu.bar import AIMS, WORDS
from benchmarks.gpu.results import UNMEASURED

PARTS = {
    "kernels": "scan and block",
    "network": "whole network",
    "epochs": "training of the paper",
    "scene": "scene file to GeoTIFF",
    "largest": "largest square scene that trains whole",
    "precision": "cost of bfloat16",
    "reference": "beside the reference scan",
}
"""The parts by the name of their module, the most telling first."""

MARK = "gpu"
"""Of the place in BENCHMARKS.md."""

_HEAD = (
    "| what | pixels | time | floors: traffic, products, exponentials | times the largest floor |"
    " peak memory | |"
)


def markdown(whole: dict[str, Any]) -> str:
    """Everything that was measured.

    Args:
        whole: ``card`` and ``machine``, and under ``parts`` what each part left; nothing where
            nothing was measured. The bar is about its own sizes on a card, which ``judged`` says.
    """
    parts = whole.get("parts", {})
    lines = [_HEAD, "|---|---|---|---|---|---|---|"]
    for name, title in PARTS.items():
        part = parts.get(name, {"rows": [], "notes": []})
        state = part.get("state", "") if part["rows"] else part.get("state") or UNMEASURED
        lines.append(f"| **{title}** | | | | | | {state} |")
        lines += [_line(row) for row in part["rows"]]
    notes = [f"- {note}" for part in parts.values() for note in part["notes"]]
    lines += ["", *notes, *([""] if notes else [])]
    lines += aims.rows(aims.lines(AIMS, parts if whole.get("judged") else {}, WORDS))
    if "card" in whole:
        lines += [
            "",
            card.sentence(whole.get("card_after", whole["card"])),
            "",
            machine.sentence(whole["machine"]),
        ]
    return "\n".join(lines) + "\n"


def _line(row: dict[str, Any]) -> str:
    pixels = f"{row['pixels']:,}" if row["pixels"] else ""
    floors, times = row["floors"], ""
    told = ", ".join(seconds(value) for value in floors.values()) if floors else ""
    if floors and row["seconds"] is not None:
        times = f"{row['seconds'] / max(floors.values()):.2f}"
    memory = "" if row["memory"] is None else f"{row['memory'] / 1e9:.3f} GB"
    taken = seconds(row["seconds"])
    return f"| {row['what']} | {pixels} | {taken} | {told} | {times} | {memory} | {row['figure']} |"
