"""Where the benchmarks' files lie."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / "build" / "benchmarks"
PAGE = ROOT / "BENCHMARKS.md"
