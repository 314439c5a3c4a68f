"""mamba-ssm's own blocks: found where they are installed, or built for the card at hand.

    python -m benchmarks.gpu.upstream TARGET [SOURCE ...]

There are no wheels of mamba-ssm, and its setup lists some ten architectures, each of which takes
minutes. So a temporary copy of its source distribution is changed to the card's own, built with
pip (``--no-build-isolation``, against the PyTorch that is there) and put into a folder of its own;
nothing of the environment is changed. ``MAMBA_FORCE_BUILD`` keeps it from looking for a wheel,
``MAMBA_KEEP_CUDA_BUILD`` has versions that build no such kernel by default build it.

A source is a folder or a ``.tar.gz`` of mamba-ssm, or of causal-conv1d, which mamba-ssm uses where
it is there. Without sources pip downloads both. ``TARGET/why_not.txt`` says why nothing was built.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

VERSIONS = {"causal-conv1d": "1.5.3.post1", "mamba-ssm": "2.2.6.post3"}
"""What is downloaded where no source is given; the kernels of Mamba in later versions are alike,
but importing these needs compilers of other languages."""

STATES, TAPS, EXPAND = 16, 4, 2

_FORCE = ("MAMBA_FORCE_BUILD", "MAMBA_KEEP_CUDA_BUILD", "CAUSAL_CONV1D_FORCE_BUILD")
_ARCHITECTURE = re.compile(
    r'cc_flag\.append\("-gencode"\)\s*?\n\s*cc_flag\.append\("arch=compute_(\d+),code=sm_\d+"\)'
)
_WHY_NOT = "why_not.txt"


class NotBuilt(Exception):
    """Says why there is no mamba-ssm."""


def for_architecture(setup: str, architecture: str) -> str:
    """A ``setup.py`` that builds for one architecture only.

    Args:
        setup: Its text.
        architecture: The card's, such as ``90``; code for 80 runs on an 86, too.

    Raises:
        NotBuilt: It names no architectures in the way that is known, or none for this card.
    """
    named = _ARCHITECTURE.findall(setup)
    fit = [int(n) for n in named if n[:-1] == architecture[:-1] and int(n) <= int(architecture)]
    if not fit:
        raise NotBuilt(
            f"its setup.py names no compute capability {architecture} (but: {', '.join(named)})"
        )
    return _ARCHITECTURE.sub(lambda found: found[0] if int(found[1]) == max(fit) else "pass", setup)


def build(target: Path, sources: Sequence[Path]) -> None:
    """Build mamba-ssm, and causal-conv1d where its source is there, into a folder.

    Raises:
        NotBuilt: Something is missing, or the build failed.
    """
    if not torch.cuda.is_available():
        raise NotBuilt("there is no card to build for")
    if torch.version.hip:
        raise NotBuilt("this PyTorch is not one for CUDA")
    architecture = "{}{}".format(*torch.cuda.get_device_capability())
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        given = [_unpacked(source, folder) for source in sources] or _downloaded(folder)
        # causal-conv1d first: mamba-ssm runs without it, only slower.
        convolutions = [path for path in given if (path / "causal_conv1d").is_dir()]
        for path in convolutions:
            try:
                _build(path, folder, target, architecture)
            except NotBuilt as error:
                print(f"causal-conv1d was not built, so mamba-ssm runs without it: {error}")
        for path in given:
            if path not in convolutions:
                _build(path, folder, target, architecture)


def _build(source: Path, folder: Path, target: Path, architecture: str) -> None:
    copy = folder / "copies" / source.name
    shutil.copytree(source, copy)
    setup = copy / "setup.py"
    text = for_architecture(setup.read_text(encoding="utf-8"), architecture)
    setup.write_text(text, encoding="utf-8")
    environment = os.environ | dict.fromkeys(_FORCE, "TRUE")
    environment.setdefault("MAX_JOBS", str(os.cpu_count() or 1))
    command = [sys.executable, "-m", "pip", "install", "--no-build-isolation", "--no-deps"]
    command += ["--no-index", "--disable-pip-version-check", "--target", str(target), str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise NotBuilt(f"its build failed: {_last_lines(done.stdout + done.stderr)}")


def _last_lines(text: str, count: int = 3) -> str:
    lines = [line.strip() for line in text.splitlines() if "error" in line.lower()]
    return " / ".join(lines[-count:])[:500] or "pip did not say why"


def _unpacked(source: Path, folder: Path) -> Path:
    """The folder with a source's ``setup.py``."""
    if source.is_file():
        place = folder / "given" / source.name.removesuffix(".tar.gz")
        with tarfile.open(source) as archive:
            archive.extractall(place, filter="data")
        source = place
    found = sorted(source.glob("**/setup.py"), key=lambda path: len(path.parts))
    if not found:
        raise NotBuilt(f"{source} holds no setup.py")
    return found[0].parent


def _downloaded(folder: Path) -> list[Path]:
    """The source distributions as pip has them."""
    place = folder / "downloads"
    wanted = [f"{name}=={version}" for name, version in VERSIONS.items()]
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", ":all:"]
    command += ["--no-build-isolation", "--disable-pip-version-check", "--dest", str(place)]
    done = subprocess.run([*command, *wanted], capture_output=True, text=True)
    archives = sorted(place.glob("*.tar.gz"))
    if not any(path.name.startswith("mamba") for path in archives):
        raise NotBuilt(f"pip could not download it: {_last_lines(done.stdout + done.stderr)}")
    return [_unpacked(path, folder) for path in archives]


def find(folder: Path | None) -> str:
    """Where a mamba-ssm lies that can be imported, ``installed`` if it is in the environment.

    Args:
        folder: Where :func:`build` has put one, or None.

    Raises:
        NotBuilt: Nowhere.
    """
    why = "it is not installed, and no folder of a built one was given"
    for place in ["installed", *([str(folder)] if folder else [])]:
        try:
            load(place)
        except Exception as error:
            # A build for another PyTorch, or another card, fails to load in many ways.
            note = Path(place) / _WHY_NOT
            if place != "installed":
                why = note.read_text(encoding="utf-8") if note.exists() else repr(error)
            continue
        return place
    raise NotBuilt(why)


@functools.cache
def load(place: str) -> Any:
    """mamba-ssm's module of ``Mamba``, with ``selective_scan_fn`` in it.

    The package's own ``__init__`` imports language models and what they need; so a package of
    the same name and place stands in for it.
    """
    if place != "installed":
        if place not in sys.path:
            sys.path.insert(0, place)
        package = Path(place) / "mamba_ssm"
    else:
        spec = importlib.util.find_spec("mamba_ssm")
        if spec is None or not spec.submodule_search_locations:
            raise ImportError("mamba_ssm is not installed")
        package = Path(next(iter(spec.submodule_search_locations)))
    if "mamba_ssm" not in sys.modules:
        stand_in: Any = types.ModuleType("mamba_ssm")
        stand_in.__path__ = [str(package)]
        sys.modules["mamba_ssm"] = stand_in
    return importlib.import_module("mamba_ssm.modules.mamba_simple")


def block_maker(place: str) -> Callable[[int], nn.Module]:
    """Makes mamba-ssm's blocks for a width."""
    mamba = load(place).Mamba
    return lambda width: mamba(width, d_state=STATES, d_conv=TAPS, expand=EXPAND)


def scan_function(place: str) -> Callable[..., Any]:
    """mamba-ssm's ``selective_scan_fn``."""
    return load(place).selective_scan_fn


def with_convolution(place: str) -> bool:
    """Whether its blocks use causal-conv1d."""
    return load(place).causal_conv1d_fn is not None


def main() -> None:
    """Build, or note why not."""
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    try:
        build(target, [Path(name) for name in sys.argv[2:]])
    except NotBuilt as error:
        (target / _WHY_NOT).write_text(str(error), encoding="utf-8")
        print(f"not built, because {error}")


if __name__ == "__main__":
    main()
