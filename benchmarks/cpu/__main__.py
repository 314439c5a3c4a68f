"""Runs the parts that have no result yet, and writes the table of all."""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
import time
from pathlib import Path
from typing import Any

from benchmarks.common import keeping, machine
from benchmarks.common.folders import FOLDER, PAGE
from benchmarks.common.keeping import say
from benchmarks.common.pages import put_into
from benchmarks.cpu import __doc__ as explanation
from benchmarks.cpu.settings import KEPT, SMALL, Settings
from benchmarks.cpu.table import MARK, PARTS, markdown


def main() -> None:
    """Run what the command line asks for."""
    options = _parser().parse_args()
    settings = dataclasses.replace(SMALL if options.small else Settings(), **_changes(options))
    folder = KEPT / "small" if options.small else KEPT
    folder.mkdir(parents=True, exist_ok=True)
    load = machine.load_average()
    if load > machine.QUIET:
        say(f"Warning: the load average is {load:.2f}; figures of a busy machine mean little.")
    for name in options.only or PARTS:
        _run(name, settings, folder, options.again)
    whole = {"machine": machine.describe(), "parts": keeping.read_all(folder, list(PARTS))}
    text = markdown(whole)
    target = FOLDER / ("cpu_small.json" if options.small else "cpu.json")
    target.write_text(json.dumps(whole, indent=1), encoding="utf-8")
    target.with_suffix(".md").write_text(text, encoding="utf-8")
    if options.record:
        put_into(PAGE, MARK, text)
    print(text)


def _run(name: str, settings: Settings, folder: Path, again: bool) -> None:
    """Run a part, unless it was run with the same settings already, and keep its result."""
    path = folder / f"{name}.json"
    values = settings.to_json()
    if not again and keeping.is_of(path, values):
        say(f"{name}: kept from before")
        return
    load, started = machine.load_average(), time.monotonic()
    disturbance = machine.Disturbance()
    say(f"{name}: running, load average {load:.2f}")
    result = importlib.import_module(f"benchmarks.cpu.{name}").run(settings)
    seconds = time.monotonic() - started
    kept = {
        "settings": values,
        "load_before": load,
        "load_after": machine.load_average(),
        "others": disturbance.processors(),
        "seconds": seconds,
        **dataclasses.asdict(result),
    }
    keeping.write(path, kept)
    say(f"{name}: done in {seconds:.0f} s")


def _changes(options: argparse.Namespace) -> dict[str, Any]:
    """Settings that the command line changes."""
    names = {field.name for field in dataclasses.fields(Settings)}
    return {k: v for k, v in vars(options).items() if k in names and v is not None}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.cpu",
        description=explanation,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", nargs="+", choices=PARTS, help="parts to run")
    parser.add_argument("--again", action="store_true", help="run them even if kept")
    parser.add_argument("--small", action="store_true", help="tiny sizes, to try it out")
    parser.add_argument(
        "--record", action="store_true", help="put the table into BENCHMARKS.md between its marks"
    )
    parser.add_argument("--size", type=_size, help="scene of the comparators, such as 180x150")
    parser.add_argument("--large", type=_size, help="scene of most others, such as 610x340")
    parser.add_argument("--rounds", type=int, help="timed runs")
    parser.add_argument("--floor-rounds", type=int, help="runs of the floor")
    parser.add_argument("--threads", type=int, help="largest number of threads")
    parser.add_argument("--stream", type=_size, help="streamed scene: rows x columns x bands")
    parser.add_argument("--stream-rows", type=int, help="rows of it classified in memory, too")
    parser.add_argument("--stream-memory", type=float, help="its memory budget, GB")
    parser.add_argument("--stream-keep", action="store_true", default=None, help="leave it there")
    return parser


def _size(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("x"))


if __name__ == "__main__":
    main()
