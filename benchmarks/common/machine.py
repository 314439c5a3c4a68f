"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import time
from importlib import metadata
from pathlib import Path
from typing import Any

from mambahsi.devices import total_memory
from mambahsi.scan.threads import physical_cores

PACKAGES = ("torch", "numpy", "llvmlite", "scipy", "scikit-learn", "rasterio")
FEATURES = ("avx2", "fma", "avx512f", "avx512vl", "avx512_bf16", "amx_tile", "asimd", "sve")
"""Instruction sets that matter here, as Linux names them."""

QUIET = 0.5
"""Load average above which the machine is not idle."""


def load_average() -> float:
    """Mean number of running processes over the last minute."""
    return os.getloadavg()[0]


class Disturbance:
    """How much of the machine others used, since this was made.

    The load average counts what is measured, too; this does not.
    """

    def __init__(self) -> None:
        self._busy = _busy_seconds()
        self._own = _own_seconds()
        self._started = time.monotonic()

    def processors(self) -> float:
        """Mean number of processors that other processes, or other guests of the host, kept."""
        others = _busy_seconds() - self._busy - (_own_seconds() - self._own)
        return max(0.0, others / (time.monotonic() - self._started))


def _busy_seconds() -> float:
    """Time that all processors have worked since the start, or were taken from this guest."""
    try:
        text = Path("/proc/stat").read_text(encoding="ascii")
    except OSError:
        return _own_seconds()
    # proc(5): user, nice, system, idle, iowait, irq, softirq, steal.
    values = [int(value) for value in text.splitlines()[0].split()[1:9]]
    return (sum(values) - values[3] - values[4]) / os.sysconf("SC_CLK_TCK")


def _own_seconds() -> float:
    """Time of this process and of those that it has started and that have ended."""
    return sum(os.times()[:4])


def describe() -> dict[str, Any]:
    """Processor, memory, operating system and versions, as plain values."""
    entries = _processor()
    flags = set(entries.get("flags", entries.get("Features", "")).split())
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "missing"
    return {
        "processor": entries.get("model name", platform.processor() or platform.machine()),
        "logical_processors": os.cpu_count() or 1,
        "physical_cores": physical_cores(),
        "features": [name for name in FEATURES if name in flags],
        "cache": entries.get("cache size", ""),
        "memory_gb": round(total_memory() / 1e9, 1),
        "system": f"{platform.system()} {platform.release()}",
        "huge_pages": _huge_pages(),
        "versions": versions,
    }


def sentence(machine: dict[str, Any]) -> str:
    """The machine in one line, for below a table."""
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return (
        f"Made on {machine['processor']}, {machine['physical_cores']} physical cores"
        f" ({', '.join(machine['features'])}), {machine['memory_gb']} GB of memory, transparent"
        f" huge pages: {machine['huge_pages']}; {machine['system']}; {versions}."
    )


def _processor() -> dict[str, str]:
    """Linux's description of the first processor; empty elsewhere."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return {}
    pairs = (line.partition(":") for line in text.split("\n\n")[0].splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _huge_pages() -> str:
    try:
        text = Path("/sys/kernel/mm/transparent_hugepage/enabled").read_text(encoding="ascii")
    except OSError:
        return "unknown"
    return text[text.index("[") + 1 : text.index("]")]
