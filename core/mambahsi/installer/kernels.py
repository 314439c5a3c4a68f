"""The kernels of mamba-ssm for an engine: an extra, built on the user's computer.

Nobody distributes them ready-made for every PyTorch, so they are compiled, from the exact source
that the lock names. That may fail in many ways, and must not touch the engine: everything goes
into a folder of its own, which the engine's Python learns of at the end by one small file. Until
then, and whatever happens, the engine is as it was.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import sysconfig
from pathlib import Path

from mambahsi.feedback import Feedback
from mambahsi.installer import bootstrap, commands, folders, kernel_tools, pip_settings, texts
from mambahsi.installer.causes import InstallError, failure
from mambahsi.installer.kernel_tools import Tools
from mambahsi.installer.pip import Pip
from mambahsi.installer.requirements import Call, split_lock

LOCK = "requirements-mamba.lock"
NAME = "mamba-ssm"
FOLDER = "kernels"
POINTER = "mambahsi-kernels.pth"
LOG = "mamba_ssm.log"
"""What the compilers said; kept beside the engine, among the downloads, where a build failed."""

_MEMORY = 4 * 2**30
"""Bytes that are left to one compiler; there are as many at once as fit, and as processors."""

_TRIAL = "import torch, selective_scan_cuda, mamba_ssm.ops.selective_scan_interface"

_NVCC = """#!/bin/sh
# CUDA's compiler for the graphics cards of this computer: the package compiles for all there are,
# which takes many times as long.
others=
left=$#
while [ "$left" -gt 0 ]; do
    word=$1
    shift
    left=$((left - 1))
    if [ "$word" = -gencode ]; then
        shift
        left=$((left - 1))
        others=yes
    else
        set -- "$@" "$word"
    fi
done
exec {nvcc} "$@" ${{others:+{cards}}}
"""


def tools(variant: str, python: Path | None = None) -> Tools:
    """What the kernels can be built with for an engine.

    Args:
        variant: The engine's build of PyTorch.
        python: The engine's Python; None for an engine that this Python would make.

    Raises:
        InstallError: The engine's Python does not work.
        OSError: It cannot be started.
    """
    found = kernel_tools.find()
    if not found.problem and variant != "cuda":
        return Tools("variant")
    if not found.problem:
        include = _place(python, "include") if python else Path(sysconfig.get_path("include"))
        if not (include / "Python.h").is_file():
            return Tools("headers", str(include / "Python.h"))
    return found


def describe(found: Tools) -> str:
    """Whether they can be built, for people."""
    if not found.problem:
        return f"can be built with {found.cuda} for {', '.join(found.capabilities)}"
    detail = f" ({found.detail})" if found.detail else ""
    return f"cannot be built: {texts.NO_KERNELS[found.problem]}{detail}"


def are_there(environment: Path) -> bool:
    """Whether an engine has them."""
    pointers = environment.glob(f"lib/python*/site-packages/{POINTER}")
    return any(pointers) and (environment / FOLDER).is_dir()


def build(
    environment: Path, python: Path, found: Tools, wheels: str, core: Path, feedback: Feedback
) -> None:
    """Build them for an engine that is whole.

    Args:
        environment: The engine's folder.
        python: Its Python.
        found: What to build with.
        wheels: Folder to install from without a network, or empty.
        core: The engine's code with the lock files.
        feedback: Told how it goes.

    Raises:
        InstallError: They cannot be built; the engine is as it was.
        Cancelled: The user asked to stop; likewise.
        OSError: A folder cannot be written, or is somebody else's; likewise.
    """
    parent = environment.parent
    kept = parent / f"{folders.DOWNLOADS}-{FOLDER}"
    downloads, log = kept / "build", kept / LOG
    partial = environment / f"{FOLDER}.part"
    with folders.locked(parent) as lock:
        if are_there(environment):
            feedback.log(f"The kernels of {NAME} are there already.")
            return
        folders.check(kept)
        packages = _place(python, "purelib")
        for left in (kept, partial, environment / FOLDER):
            shutil.rmtree(left, ignore_errors=True)
        folders.claim(kept)
        downloads.mkdir()
        try:
            feedback.progress(0.0, texts.BUILDING)
            settings = pip_settings.read()
            pip = Pip(
                bootstrap.find_pip(python, downloads, wheels, settings),
                pip_settings.variables(settings, with_places=not wheels),
                downloads,
                lock,
            )
            for call in _calls(core, downloads, partial, wheels):
                _install(pip, call, found, partial, downloads, log)
            surroundings = {**commands.environment(), "PYTHONPATH": str(partial)}
            status, said = commands.run([str(python), "-c", _TRIAL], surroundings, [lock])
            if status:
                raise _not_built(said, log)
            partial.rename(environment / FOLDER)
            _point(environment, packages)
        finally:
            for left in (downloads, partial):
                shutil.rmtree(left, ignore_errors=True)
        shutil.rmtree(kept, ignore_errors=True)
    feedback.progress(1.0, texts.BUILDING)


def _calls(core: Path, downloads: Path, target: Path, wheels: str) -> list[Call]:
    """First what it is built with and imports, then the package itself."""
    text = (core / LOCK).read_text(encoding="utf-8")
    own, others = split_lock(text, NAME)
    offline = ("--no-index", "--find-links", wheels) if wheels else ()
    common = ("--require-hashes", "--no-deps", "--target", str(target), *offline)
    calls = []
    for name, lines, options in (
        ("others", others, ()),
        ("own", own, ("--no-binary", NAME, "--no-build-isolation", "--verbose")),
    ):
        path = downloads / f"{name}.txt"
        path.write_text(lines, encoding="utf-8")
        if lines.strip():
            arguments = (*common, *options, "--requirement", str(path))
            calls.append(Call(texts.BUILDING, (arguments,)))
    return calls


def _install(pip: Pip, call: Call, found: Tools, partial: Path, downloads: Path, log: Path) -> None:
    kept = log.open("a", encoding="utf-8")
    with kept:
        try:
            pip.install(
                call,
                told=lambda line: print(line, file=kept),
                surroundings=_surroundings(found, partial, downloads),
            )
        except InstallError as error:
            if error.code in ("install-platform", "install-other"):
                raise _not_built(error.message, log) from error
            raise
    log.unlink()


def _not_built(said: str, log: Path) -> InstallError:
    """The error for a build that failed, with the place of its log."""
    if not log.exists():
        log.write_text(said, encoding="utf-8")
    told = failure(texts.BUILDING, said)
    message, hint = texts.CAUSES["build"]
    cause = "build" if told.code in ("install-platform", "install-other") else told.code[8:]
    last = next((line.strip() for line in reversed(said.splitlines()) if line.strip()), "")
    return InstallError(cause, f"{message} {last} Log: {log}", hint)


def _surroundings(found: Tools, partial: Path, downloads: Path) -> dict[str, str]:
    """What the package's own build script looks at."""
    nvcc = downloads / "nvcc"
    cards = [
        f"-gencode arch=compute_{number},code=sm_{number}"
        for number in (card.replace(".", "") for card in found.capabilities)
    ]
    own = shlex.quote(str(Path(found.cuda) / "bin" / "nvcc"))
    nvcc.write_text(_NVCC.format(nvcc=own, cards=" ".join(cards)), encoding="utf-8")
    nvcc.chmod(0o755)
    path = [str(partial / "bin"), str(Path(found.cuda) / "bin"), os.environ.get("PATH", "")]
    return {
        "CUDA_HOME": found.cuda,
        "MAMBA_FORCE_BUILD": "TRUE",  # never a wheel from elsewhere, which no digest covers
        "MAX_JOBS": str(_jobs()),
        "PATH": os.pathsep.join(path),
        "PYTHONPATH": str(partial),
        "PYTORCH_NVCC": shlex.quote(str(nvcc)),
        "TORCH_CUDA_ARCH_LIST": ";".join(found.capabilities),
    }


def _jobs() -> int:
    memory = 0
    with contextlib.suppress(AttributeError, OSError, ValueError):
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(1, min(os.cpu_count() or 1, memory // _MEMORY))


def _point(environment: Path, packages: Path) -> None:
    """Let the engine's Python know of the folder."""
    partial = packages / f"{POINTER}.part"
    relative = os.path.relpath(environment / FOLDER, packages)
    partial.write_text(f"{relative}\n", encoding="utf-8")
    partial.replace(packages / POINTER)


def _place(python: Path, name: str) -> Path:
    """A folder of the engine's Python, which need not be of the version that this one is of."""
    program = f"import sysconfig; print(sysconfig.get_path({name!r}))"
    status, said = commands.run([str(python), "-c", program], commands.environment())
    if status:
        raise failure(texts.BUILDING, said)
    return Path(said.splitlines()[-1])
