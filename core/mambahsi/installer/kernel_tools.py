"""Whether the kernels of mamba-ssm can be built on this computer, found without starting much.

They are C++ and CUDA, compiled against PyTorch's build for CUDA by CUDA's own compiler, whose
major version must be that of PyTorch's CUDA. The cheap questions come first, so that on most
computers no program is started at all. The plugin loads this one file by its path: standard
library alone, and Python 3.9.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CUDA = "13.0"
"""CUDA that PyTorch's build in requirements.lock is made for."""

OLDEST_CAPABILITY = (7, 5)
"""Compute capability: CUDA 13 compiles for no older cards (its release notes)."""

_NVCC_PLACES = ("/usr/local/cuda",)
_TIMEOUT = 20


@dataclass(frozen=True)
class Tools:
    """What the kernels can be built with, or why they cannot.

    Attributes:
        problem: Name of a reason in :data:`mambahsi.installer.texts.NO_KERNELS`; empty where
            nothing is missing.
        detail: What was found instead, for people.
        cuda: CUDA's folder.
        compiler: The C++ compiler.
        capabilities: Compute capabilities of the cards, such as ``8.6``, each once.
    """

    problem: str = ""
    detail: str = ""
    cuda: str = ""
    compiler: str = ""
    capabilities: tuple[str, ...] = ()


def find(environment: Mapping[str, str] = os.environ) -> Tools:
    """What this computer has.

    Args:
        environment: Variables: CUDA_HOME, CXX and PATH count.
    """
    if sys.platform != "linux":
        return Tools("system", sys.platform)
    cuda = _cuda(environment)
    if cuda is None:
        return Tools("nvcc")
    named = environment.get("CXX", "").split()
    names = [named[0]] if named else ["c++", "g++"]
    path = environment.get("PATH")
    compiler = next(filter(None, (shutil.which(name, path=path) for name in names)), None)
    if compiler is None:
        return Tools("compiler", ", ".join(names), str(cuda))
    version = _told([str(cuda / "bin" / "nvcc"), "--version"])
    release = re.search(r"release (\d+)\.(\d+)", version)
    if release is None or release.group(1) != CUDA.partition(".")[0]:
        found = ".".join(release.groups()) if release else "?"
        return Tools("cuda", f"{cuda}: CUDA {found}", str(cuda), compiler)
    smi = shutil.which("nvidia-smi", path=path)
    query = ["--query-gpu=compute_cap", "--format=csv,noheader"]
    cards = dict.fromkeys(re.findall(r"(?m)^(\d+\.\d+)\s*$", _told([smi, *query]) if smi else ""))
    able = tuple(card for card in cards if _numbers(card) >= OLDEST_CAPABILITY)
    if not able:
        return Tools("card", ", ".join(cards), str(cuda), compiler)
    return Tools("", "", str(cuda), compiler, able)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _cuda(environment: Mapping[str, str]) -> Path | None:
    """The folder of CUDA's compiler."""
    on_path = shutil.which("nvcc", path=environment.get("PATH"))
    named = environment.get("CUDA_HOME") or environment.get("CUDA_PATH")
    places = [
        *([Path(named)] if named else []),
        *([Path(on_path).resolve().parent.parent] if on_path else []),
        *map(Path, _NVCC_PLACES),
    ]
    return next((place for place in places if _is_cuda(place)), None)


def _is_cuda(folder: Path) -> bool:
    """Whether a folder is CUDA's, and not just one with a link to its compiler."""
    header = folder / "include" / "cuda_runtime.h"
    return os.access(folder / "bin" / "nvcc", os.X_OK) and header.is_file()


def _told(command: list[str]) -> str:
    """What a program prints, or an empty text where it fails."""
    options: dict[str, Any] = {"stdin": subprocess.DEVNULL, "timeout": _TIMEOUT}
    try:
        # A fixed command without a shell.
        told = subprocess.run(command, capture_output=True, text=True, **options)  # nosec B603
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return told.stdout if told.returncode == 0 else ""
