"""The results of all parts as one table, and the bar as another."""

from __future__ import annotations

from typing import Any

from benchmarks.common import aims, machine
from benchmarks.common.pages import seconds
from benchmarks.cpu.bar import AIMS

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

MARK = "cpu"
"""Of the place in BENCHMARKS.md."""


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
    lines += ["", *aims.rows(aims.lines(AIMS, whole["parts"]))]
    lines += ["", machine.sentence(whole["machine"])]
    return "\n".join(lines) + "\n"
