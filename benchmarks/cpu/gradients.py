"""Gradients of one spatial block at full length, beside a sequential scan in double precision.

The comparison itself is ``benchmarks/gradient_oracle.py``; here its table is read.
"""

from __future__ import annotations

import re
import subprocess
import sys

from benchmarks.common.folders import ROOT
from benchmarks.cpu.settings import Settings
from benchmarks.cpu.timing import Result, Row

_LINE = re.compile(r"^\| (output|gradient of \w+) \| (\S+) \|$", re.MULTILINE)


def run(settings: Settings) -> Result:
    """Compare, on one thread, with as many tokens as the large scene has pixels."""
    tokens = settings.large[0] * settings.large[1]
    command = [sys.executable, str(ROOT / "benchmarks" / "gradient_oracle.py")]
    command += ["--tokens", str(tokens), "--width", str(settings.width)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    errors = {name: float(error) for name, error in _LINE.findall(done.stdout)}
    if not errors:
        raise SystemExit(f"{command[1]} printed no table.")
    rows = [Row(name, tokens, 1, figure=f"{error:.1e}") for name, error in errors.items()]
    return Result(rows, {"worst": max(errors.values())})
