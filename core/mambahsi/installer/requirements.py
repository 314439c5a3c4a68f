"""What is installed, by which call of pip, and how much room it takes.

Packages come in exact versions and with the digests of their files, so a changed or damaged
file is refused, whoever serves it. One file differs between computers, PyTorch's:

=======  =====================================  =========================================
build    Linux                                  Windows, macOS
=======  =====================================  =========================================
cpu      PyTorch's own index                    the package index
cuda     the package index                      PyTorch's own index
=======  =====================================  =========================================

What PyTorch's own index has is in ``requirements-torch.lock``. A user's own package index is
asked for it first, because a company's often has those files, too, and is often all that can be
reached. For the few computers for whose file that lock has no digest, PyTorch's own index alone
is asked, which states one, and pip compares with that; from a folder of wheels they take the
file as it is.
"""

from __future__ import annotations

import platform
import re
import sys
import urllib.parse
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mambahsi.installer import texts
from mambahsi.installer.kernel_tools import CUDA

PYPI = "https://pypi.org/simple/"
"""The package index that pip takes where its user names none."""

TORCH_INDEX = "https://download.pytorch.org/whl/"

TORCH_LOCK = "requirements-torch.lock"

# Bytes of the finished environment and of what pip fetches for it, on Linux x86-64 with Python
# 3.11. cpu: measured. cuda: sums over the wheels of what they weigh and of what they unpack to.
INSTALLED = {"cpu": 1_417_000_000, "cuda": 5_391_000_000}
DOWNLOADED = {"cpu": 401_000_000, "cuda": 2_940_000_000}


@dataclass(frozen=True)
class Call:
    """One thing to install.

    Attributes:
        step: What is being done with it, for people.
        ways: Arguments of ``pip install``, each a way to it; the next is tried where a package
            index does not have it.
        lacking: What a package index would have to have for it, for people.
        indexes: The index that each way asks, for people.
        alone: Whether no place but the one that a way names may be asked, because no digest of
            ours tells the right file from another.
    """

    step: str
    ways: tuple[tuple[str, ...], ...]
    lacking: str = ""
    indexes: tuple[str, ...] = ()
    alone: bool = False


def split_lock(lock: str, name: str = "torch") -> tuple[str, str]:
    """The lock's entry for a package, and all the others."""
    entries = _entries(lock)
    own = [entry for entry in entries if entry.startswith(f"{name}==")]
    others = [entry for entry in entries if not entry.startswith((f"{name}==", "#"))]
    return "".join(own), "".join(others)


def torch_version(lock: str) -> str:
    """The version of torch that the lock names."""
    found = re.search(r"(?m)^torch==([0-9.]+)", lock)
    if found is None:
        raise ValueError("The lock names no torch.")
    return found.group(1)


def own_entry(lock: str, variant: str) -> str:
    """The entry of ``requirements-torch.lock`` for this computer, or an empty text."""
    marker = (
        f"; sys_platform == '{sys.platform}' and platform_machine == '{platform.machine()}' "
        f"and python_version == '{sys.version_info[0]}.{sys.version_info[1]}' "
    )
    mine = (entry for entry in _entries(lock) if marker in entry.partition("\\")[0])
    return next((entry for entry in mine if f"+{_build(variant)} " in entry), "")


def calls(
    core: Path, folder: Path, variant: str, wheels: str, settings: Mapping[str, str]
) -> list[Call]:
    """The calls of ``pip install``, in order.

    Args:
        core: The engine's folder with the lock files.
        folder: Where requirement files for pip may be written.
        variant: ``"cpu"`` or ``"cuda"``.
        wheels: Folder to install from without any index, or empty.
        settings: The user's own settings of pip (:func:`mambahsi.installer.pip_settings.read`).
    """
    torch, others = split_lock((core / "requirements.lock").read_text(encoding="utf-8"))
    if variant == "cuda" and sys.platform == "linux":
        others += (core / "requirements-cuda.lock").read_text(encoding="utf-8")
    own = (core / TORCH_LOCK).read_text(encoding="utf-8")
    offline = ("--no-index", "--find-links", wheels) if wheels else ()
    locked = ("--require-hashes", "--no-deps", *offline)
    rest = Call(
        texts.INSTALLING_PACKAGES,
        ((*locked, "--requirement", _written(folder / "others.txt", others)),),
    )
    mine = own_entry(own, variant)
    if not _on_own_index(variant):
        mine = torch
    if wheels and mine:
        # Either build of that version will do: which one is there, the user has decided.
        text = f"torch=={torch_version(torch)} \\\n    " + " \\\n    ".join(_hashes(torch + own))
    elif mine:
        text = mine
    else:
        index = () if wheels else ("--index-url", _own_index(variant))
        version = torch_version(torch) + ("" if wheels else f"+{_build(variant)}")
        way = ("--no-deps", *offline, *index, f"torch=={version}")
        first = Call(texts.INSTALLING_TORCH, (way,), alone=True)
        return [first, rest]
    arguments = (*locked, "--requirement", _written(folder / "torch.txt", f"{text}\n"))
    if wheels or mine is torch:
        return [Call(texts.INSTALLING_TORCH, (arguments,)), rest]
    return [_of_own_index(arguments, settings.get("index-url", ""), torch, variant), rest]


def _of_own_index(arguments: tuple[str, ...], index: str, torch: str, variant: str) -> Call:
    """The build that PyTorch's own index has: from the user's index, if that has it."""
    own = _own_index(variant)
    ways = [(*arguments, "--index-url", own)]
    asked = [own]
    if index and urllib.parse.urlsplit(index).hostname != urllib.parse.urlsplit(PYPI).hostname:
        ways.insert(0, arguments)
        asked.insert(0, index)
    lacking = (
        f"torch {torch_version(torch)}+{_build(variant)} for Python "
        f"{sys.version_info[0]}.{sys.version_info[1]} on {sys.platform} {platform.machine()}"
    )
    return Call(texts.INSTALLING_TORCH, tuple(ways), lacking, tuple(asked))


def _on_own_index(variant: str) -> bool:
    return (variant == "cpu") == (sys.platform == "linux") and sys.platform != "darwin"


def _own_index(variant: str) -> str:
    return f"{TORCH_INDEX}{_build(variant)}"


def _build(variant: str) -> str:
    """The local part of the version of PyTorch's builds on its own index."""
    return "cpu" if variant == "cpu" else f"cu{CUDA.replace('.', '')}"


def _entries(lock: str) -> list[str]:
    return re.split(r"(?m)^(?=[A-Za-z0-9])", lock)


def _hashes(lock: str) -> Iterable[str]:
    return dict.fromkeys(re.findall(r"--hash=sha256:[0-9a-f]{64}", lock))


def _written(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)
