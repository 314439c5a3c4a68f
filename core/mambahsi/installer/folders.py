"""The folder in which an engine comes into being: its lock, its stamp, its remains.

Beside ``engine-DIGEST`` lie ``install.lock``, held while somebody installs, and
``downloads-engine-DIGEST``, which holds what has been downloaded until an installation succeeds.
The stamp inside the environment says that it is whole; a mark, written before anything else into
whatever folder is made here, says that it may be removed again. The plugin loads this one file by
its path, so it uses the standard library alone, and Python 3.9.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Optional

STAMP = "mambahsi-engine.json"
MARK = "mambahsi-installer"
PREFIX = "engine-"
DOWNLOADS = "downloads"
_LOCK = "install.lock"
_LOCKS = ("requirements.lock", "requirements-cuda.lock", "requirements-torch.lock")


def digest(core: Path) -> str:
    """Digest of the packages that an engine consists of: the lock files in this folder."""
    found = hashlib.sha256()
    for name in _LOCKS:
        # By lines, so that a checkout with other line ends is the same engine.
        found.update("\n".join((core / name).read_text(encoding="utf-8").splitlines()).encode())
    return found.hexdigest()[:12]


def stamp(environment: Path) -> Optional[dict[str, Any]]:
    """What the stamp of an environment says, or None: it has none, so it is not whole."""
    try:
        values = json.loads((environment / STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return values if isinstance(values, dict) else None


def write_stamp(environment: Path, values: dict[str, Any]) -> None:
    """Declare an environment whole."""
    partial = environment / f"{STAMP}.part"
    with partial.open("w", encoding="utf-8") as file:
        json.dump(values, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(environment / STAMP)


def remove(environment: Path) -> None:
    """Remove an environment: from the first moment on, nobody uses it.

    Raises:
        OSError: Something in it cannot be removed. It is no longer used, and can be removed later.
    """
    with contextlib.suppress(FileNotFoundError):
        (environment / STAMP).unlink()
    if not environment.exists() and not environment.is_symlink():
        return
    # Renamed first: a folder that a program on Windows still uses refuses that as a whole,
    # before half of it is gone.
    doomed = environment.with_name(f"removed-{uuid.uuid4().hex[:8]}")
    environment.rename(doomed)
    shutil.rmtree(doomed)


class Foreign(OSError):
    """A folder that is not ours to remove."""


def check(folder: Path) -> None:
    """Refuse a folder that is there and was not made here, or that this Python runs from.

    Raises:
        Foreign: It is one; tells why.
    """
    whole = folder.resolve()
    if whole in (Path(sys.prefix).resolve(), *Path(sys.prefix).resolve().parents):
        raise Foreign(errno.EEXIST, "It holds the Python that this runs in", str(folder))
    if not _is_ours(folder):
        told = "The folder is there already, and was not made by this installer"
        raise Foreign(errno.EEXIST, told, str(folder))


def _is_ours(folder: Path) -> bool:
    """Whether nothing of the user's is lost where a folder is removed.

    An environment alone says nothing: users have such folders with everything else in them.
    """
    if not folder.exists():
        return True
    if not folder.is_dir():
        return False
    if (folder / MARK).is_file() or stamp(folder) is not None:
        return True
    # One that was killed at once has no mark yet, nor anything else.
    return bool(re.fullmatch(f"{PREFIX}[0-9a-f]{{12}}", folder.name)) or not any(folder.iterdir())


def claim(folder: Path) -> None:
    """Make a folder with our mark, or take one that is ours already.

    Raises:
        Foreign: It is somebody else's.
        OSError: It cannot be written.
    """
    check(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).touch()


def remains(parent: Path, current: Path) -> list[Path]:
    """What may be removed beside the engine in use: older engines, half-made ones, downloads."""
    if not parent.is_dir():
        return []
    whole = stamp(current) is not None
    return [
        path
        for path in sorted(parent.iterdir())
        if path.is_dir()
        and path.name.startswith((PREFIX, "removed-", DOWNLOADS))
        and not (path == current and whole)
    ]


def size(folder: Path) -> int:
    """Bytes of all files below a folder; links count as themselves."""
    total = 0
    waiting = [str(folder)]
    while waiting:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_size
    return total


class Busy(OSError):
    """Somebody else is installing here."""


@contextlib.contextmanager
def locked(parent: Path) -> Iterator[int]:
    """Hold the installation's lock; gives its file descriptor.

    Raises:
        Busy: Somebody else holds it.
        OSError: The folder cannot be written.
    """
    parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(parent / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _take(descriptor)
        yield descriptor
    finally:
        os.close(descriptor)


def _take(descriptor: int) -> None:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        # Any other error is not somebody's lock: some network folders have none at all.
        if error.errno not in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
            raise
        raise Busy(error.errno, "Another installation is running") from error
