"""A lock that one process holds and that its death releases.

The operating system keeps it, so nothing has to be guessed from process numbers, which are
used again. On a file system that knows no locks everybody gets it.
"""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from pathlib import Path

_HELD_BY_ANOTHER = {errno.EACCES, errno.EAGAIN, errno.EDEADLK}


class FileLock:
    """A lock on a file of its own.

    Args:
        path: The file; made where it is missing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Take the lock; False if another process has it.

        Raises:
            OSError: The file cannot be made.
        """
        while True:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                _lock(descriptor)
            except OSError as error:
                if error.errno in _HELD_BY_ANOTHER:
                    os.close(descriptor)
                    return False
            # Its last holder may have removed the file after it was opened here.
            with suppress(OSError):
                if os.path.samestat(os.fstat(descriptor), self._path.stat()):
                    self._descriptor = descriptor
                    return True
            os.close(descriptor)

    def remove(self) -> None:
        """Remove the file and release the lock."""
        if self._descriptor is None:
            return
        if sys.platform == "win32":
            os.close(self._descriptor)
        with suppress(OSError):
            self._path.unlink()
        if sys.platform != "win32":
            os.close(self._descriptor)
        self._descriptor = None


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
