"""Compiled kernels on disk, so that a process need not compile what an earlier one has.

A file's name is a digest of everything that its code depends on: the source that writes the
kernels, the kernel's parameters, the processor, LLVM's version. So nothing in the folder can be
out of date; what is never asked for again is merely left. A file carries the digest of its own
content, because damaged machine code must not be run.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import sys
import tempfile
from pathlib import Path

_SUFFIX = ".code"
_DIGEST_BYTES = hashlib.sha256().digest_size


@functools.cache
def folder() -> Path:
    """The folder for compiled kernels; ``MAMBAHSI_CACHE_DIR`` says where, or the user's cache.

    Raises:
        OSError: The user has no home, so nothing is kept.
    """
    chosen = os.environ.get("MAMBAHSI_CACHE_DIR")
    if chosen:
        return Path(chosen) / "kernels"
    try:
        home = Path.home()
    except RuntimeError as error:
        # A user whom the system does not know, as in a container.
        raise OSError(str(error)) from error
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    return base / "mambahsi" / "kernels"


def for_triton() -> Path:
    """The folder in which Triton keeps the kernels for GPUs.

    Raises:
        OSError: As of :func:`folder`.
    """
    return folder() / "triton"


def is_cold(backend: str = "cpu") -> bool:
    """Whether a backend has compiled nothing here yet, so that its first use takes longer."""
    try:
        if backend == "triton":
            return not any(for_triton().glob("*"))
        return not any(folder().glob(f"*{_SUFFIX}"))
    except OSError:
        return True


def name_of(*parts: str) -> str:
    """A name that changes with any of its parts."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40]


def load(name: str) -> bytes | None:
    """The code of that name, or None where there is none or it is damaged."""
    try:
        content = (folder() / (name + _SUFFIX)).read_bytes()
    except OSError:
        return None
    digest, code = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    return code if hashlib.sha256(code).digest() == digest else None


def save(name: str, code: bytes) -> None:
    """Keep code under a name. Where that cannot be done, the next process compiles again."""
    with contextlib.suppress(OSError):
        write(folder() / (name + _SUFFIX), hashlib.sha256(code).digest() + code)


def write(path: Path, content: bytes, *, over: bool = True) -> None:
    """Write a file whole or not at all: another process may be reading or writing it.

    Args:
        path: The file; its folder is made.
        content: What is in it.
        over: Whether it may take the place of another.

    Raises:
        OSError: It cannot be written, or is there and must not be replaced.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        if over:
            Path(temporary).replace(path)
        else:
            os.link(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)
