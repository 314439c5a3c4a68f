"""Runs the parts, each in a process of its own, and writes the table of all."""

from __future__ import annotations

import argparse
import dataclasses
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.common import keeping, machine
from benchmarks.common.folders import FOLDER, PAGE, ROOT
from benchmarks.common.keeping import say
from benchmarks.common.pages import put_into
from benchmarks.gpu import __doc__ as explanation
from benchmarks.gpu import card, upstream
from benchmarks.gpu.settings import SIZES, SMALL, Settings
from benchmarks.gpu.table import MARK, PARTS, markdown

FEWEST = 20.0
"""Seconds below which no part is begun."""


def main() -> None:
    """Run what the command line asks for."""
    options = _parser().parse_args()
    started = time.monotonic()
    settings = dataclasses.replace(SMALL if options.small else Settings(), **_changes(options))
    device = torch.device(settings.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise SystemExit("There is no CUDA device. To try things out: --small --device cpu.")
    try:
        settings = dataclasses.replace(settings, upstream=upstream.find(options.upstream))
    except upstream.NotBuilt as error:
        settings = dataclasses.replace(settings, why_not=str(error))
    out, kept = options.out, options.kept or options.out / "gpu"
    for folder in (out, kept):
        folder.mkdir(parents=True, exist_ok=True)
    judged = device.type == "cuda" and not options.small
    whole = {"judged": judged, "card": card.describe(device), "machine": machine.describe()}
    for name in options.only or PARTS:
        left = options.limit - (time.monotonic() - started) if options.limit else None
        _run(name, settings, kept, left)
        whole["parts"] = keeping.read_all(kept, list(PARTS))
        whole["card_after"] = card.describe(device)
        text = markdown(whole)
        keeping.write(out / "gpu.json", whole)
        (out / "gpu.md").write_text(text, encoding="utf-8")
    if options.record:
        put_into(PAGE, MARK, text)
    print(text)


def _run(name: str, settings: Settings, folder: Path, left: float | None) -> None:
    """Run a part, and keep what it found and how it ended."""
    path = folder / f"{name}.json"
    path.unlink(missing_ok=True)
    state, started = "", time.monotonic()
    if left is not None and left < FEWEST:
        state = "unmeasured, because no time was left"
    else:
        say(f"{name}: running")
        command = [sys.executable, "-m", "benchmarks.gpu.part", name]
        command += [json.dumps(settings.to_json()), str(path)]
        try:
            done = subprocess.run(
                command, cwd=ROOT, stderr=subprocess.PIPE, text=True, timeout=left
            )
            if done.returncode:
                say(done.stderr)
                said = [line for line in done.stderr.splitlines() if line.strip()]
                state = f"ended early: {said[-1][:300] if said else done.returncode}"
        except subprocess.TimeoutExpired:
            state = "ended early, because the time was over"
    seconds = time.monotonic() - started
    found: dict[str, Any] = {"rows": [], "figures": {}, "notes": []}
    if path.exists():
        found = keeping.read(path)
    values = settings.to_json()
    keeping.write(path, {"settings": values, "seconds": seconds, "state": state, **found})
    say(f"{name}: {state or 'done'} after {seconds:.0f} s")


def _changes(options: argparse.Namespace) -> dict[str, Any]:
    """Settings that the command line changes."""
    changes = {
        name: getattr(options, name)
        for name in ("device", "scan", "rounds", "epochs", "largest_trials")
        if getattr(options, name) is not None
    }
    if options.sizes:
        changes["sizes"] = {name: SIZES[name] for name in SIZES if name in options.sizes}
    return changes


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu",
        description=explanation,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", nargs="+", choices=PARTS, help="parts to run")
    parser.add_argument("--small", action="store_true", help="tiny sizes, to try it out")
    parser.add_argument("--record", action="store_true", help="put the table into BENCHMARKS.md")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the results")
    parser.add_argument("--kept", type=Path, help="folder of the parts' own, if another one")
    parser.add_argument("--limit", type=float, help="seconds that all of it may take")
    parser.add_argument("--upstream", type=Path, help="folder of a mamba-ssm that was built")
    parser.add_argument("--device", help="cuda, cuda:1, or cpu")
    parser.add_argument("--scan", help="scan backend of ours")
    parser.add_argument("--sizes", nargs="+", choices=SIZES, help="scenes of the network")
    parser.add_argument("--rounds", type=int, help="timed runs")
    parser.add_argument("--epochs", type=int, help="epochs of a training")
    parser.add_argument("--largest-trials", type=int, help="scenes tried for each size of card")
    return parser


if __name__ == "__main__":
    main()
