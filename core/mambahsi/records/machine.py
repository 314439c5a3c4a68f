"""The machine that a run was made on, as far as it may decide over the last digits."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def describe_machine() -> dict[str, str | int]:
    """System, its release, architecture, processor and number of logical processors."""
    return {
        "system": platform.system(),
        "platform": platform.platform(),
        "architecture": platform.machine(),
        "processor": _processor(),
        "processors": os.cpu_count() or 1,
    }


def _processor() -> str:
    """The processor's name; Linux tells it in a file alone."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
