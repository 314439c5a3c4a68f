"""The card, its driver and its clocks, for below the table."""

from __future__ import annotations

import shutil
import subprocess
from importlib import metadata
from importlib.util import find_spec
from typing import Any

import torch

from mambahsi.scan.gpu import tuning

PACKAGES = ("torch", "triton", "numpy", "mamba-ssm", "causal-conv1d", "rasterio")
QUERY = (
    "driver_version",
    "clocks.sm",
    "clocks.mem",
    "clocks.max.sm",
    "clocks.max.mem",
    "power.draw",
    "power.limit",
    "temperature.gpu",
    "utilization.gpu",
    "memory.used",
)


def describe(device: torch.device) -> dict[str, Any]:
    """Name, size, versions and what the driver tells, as plain values."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "missing"
    card: dict[str, Any] = {"name": "no card", "versions": versions, "driver": {}}
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        card |= {
            "name": properties.name,
            "capability": f"{properties.major}.{properties.minor}",
            "multiprocessors": properties.multi_processor_count,
            "memory_gb": round(properties.total_memory / 1e9, 1),
            "cuda": torch.version.cuda,
            "driver": ask_driver(device.index or 0),
            "launches": launches(device),
        }
    return card


def launches(device: torch.device) -> str:
    """What trials on this card have found; empty where there were none."""
    if find_spec("triton") is None or not tuning.wanted():
        return ""
    found = tuning.load(tuning.kind_of(device))
    return "" if found is None else str(found)


def ask_driver(index: int) -> dict[str, str]:
    """What ``nvidia-smi`` tells of a card; empty where there is no such program."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return {}
    command = [program, f"--id={index}", f"--query-gpu={','.join(QUERY)}"]
    command += ["--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return {}
    values = [value.strip() for value in done.stdout.strip().split(",")]
    return dict(zip(QUERY, values, strict=True)) if len(values) == len(QUERY) else {}


def sentence(card: dict[str, Any]) -> str:
    """The card in one line, for below a table."""
    versions = ", ".join(f"{name} {version}" for name, version in card["versions"].items())
    if "capability" not in card:
        return f"Made without a card; {versions}."
    driver = card["driver"]
    clocks = "; ".join(f"{name} {value}" for name, value in driver.items())
    return (
        f"Made on {card['name']} (compute capability {card['capability']},"
        f" {card['multiprocessors']} multiprocessors, {card['memory_gb']} GB), CUDA"
        f" {card['cuda']}; {versions}. Launches found by trials:"
        f" {card['launches'] or 'none'}. Told by the driver: {clocks or 'nothing'}."
    )
