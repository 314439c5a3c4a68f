"""What is installed, by which call of pip, and how much room it takes.

Packages come in exact versions and with the digests of their files, so a changed or damaged
file is refused. One file differs between computers, PyTorch's:

=======  =====================================  ==========================================
build    Linux                                  Windows, macOS
=======  =====================================  ==========================================
cpu      PyTorch's own index                    the package index, digest in the lock
cuda     the package index, digest in the lock  PyTorch's own index
=======  =====================================  ==========================================

PyTorch's own index states the digests of its files, and pip compares with those. In a folder of
wheels whichever build of the right version lies there is taken: the folder is the user's.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path

from mambahsi.installer.variants import CUDA

TORCH_INDEX = "https://download.pytorch.org/whl/"

# Bytes of the finished environment and of what pip fetches for it, on Linux x86-64 with Python
# 3.11. cpu: measured. cuda: sums over the wheels of what they weigh and of what they unpack to.
INSTALLED = {"cpu": 1_417_000_000, "cuda": 5_391_000_000}
DOWNLOADED = {"cpu": 401_000_000, "cuda": 2_940_000_000}


def split_lock(lock: str) -> tuple[str, str]:
    """The lock's entry for torch, and all the others."""
    entries = re.split(r"(?m)^(?=[A-Za-z0-9])", lock)
    torch = [entry for entry in entries if entry.startswith("torch==")]
    others = [entry for entry in entries if not entry.startswith(("torch==", "#"))]
    return "".join(torch), "".join(others)


def torch_version(lock: str) -> str:
    """The version of torch that the lock names."""
    found = re.search(r"(?m)^torch==([0-9.]+)", lock)
    if found is None:
        raise ValueError("The lock names no torch.")
    return found.group(1)


def calls(core: Path, folder: Path, variant: str, wheels: str) -> list[tuple[str, list[str]]]:
    """The calls of ``pip install``, in order: what each brings, and its arguments.

    Args:
        core: The engine's folder with the lock files.
        folder: Where requirement files for pip may be written.
        variant: ``"cpu"`` or ``"cuda"``.
        wheels: Folder to install from without any index, or empty.
    """
    torch, others = split_lock((core / "requirements.lock").read_text(encoding="utf-8"))
    if variant == "cuda" and sys.platform == "linux":
        others += (core / "requirements-cuda.lock").read_text(encoding="utf-8")
    # Isolated from the user's configuration of pip, which may name further places.
    offline = ["--isolated", "--no-index", "--find-links", wheels] if wheels else []
    locked = ["--require-hashes", "--no-deps", *offline]
    if wheels:
        first = ["--no-deps", *offline, _only_version(torch)]
    elif _on_own_index(variant):
        name = "cpu" if variant == "cpu" else f"cu{CUDA.replace('.', '')}"
        first = ["--no-deps", "--index-url", f"{TORCH_INDEX}{name}", _only_version(torch)]
    else:
        first = [*locked, "--requirement", _written(folder / "torch.txt", [torch])]
    rest = [*locked, "--requirement", _written(folder / "others.txt", [others])]
    return [("PyTorch", first), ("packages", rest)]


def _on_own_index(variant: str) -> bool:
    return (variant == "cpu") == (sys.platform == "linux") and sys.platform != "darwin"


def _only_version(torch: str) -> str:
    return f"torch=={torch_version(torch)}"


def _written(path: Path, texts: Iterable[str]) -> str:
    path.write_text("".join(texts), encoding="utf-8")
    return str(path)
