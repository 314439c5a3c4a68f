"""Where an output may go, found out before the work begins.

An hour of training is lost if only its end finds that the folder is missing. And no output
may replace what the job reads, under whatever name the user or GDAL knows that file: by a
link, in other letter case, inside an archive, or as a subdataset.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from mambahsi.errors import OutputError


def check_target(final: Path) -> None:
    """Whether a file can be put there, as far as that can be known without doing it.

    Raises:
        OutputError: The folder is missing, or the path is a folder, a special file or a
            write-protected one.
        OSError: A program has the file open and keeps it from being renamed.
    """
    folder = final.parent
    if not folder.is_dir():
        raise OutputError(
            f"{final}: the folder {folder} does not exist.", "Create it or choose another one."
        )
    if final.is_dir():
        raise OutputError(f"{final}: this is a folder.", "Choose a file to write to.")
    if not os.path.lexists(final):
        return
    if final.exists() and not final.is_file():
        raise OutputError(f"{final}: this is not a regular file.", "Choose another one.")
    if final.exists() and not os.access(final, os.W_OK):
        raise OutputError(f"{final}: the file is write-protected.", "Choose another one.")
    # To its own name: changes nothing, but fails on Windows where a program has the file open.
    # Better now than after an hour of training.
    final.rename(final)


def is_read_by(source: str, target: Path) -> bool:
    """Whether a GDAL source string reads the file ``target``, under whatever name."""
    if not target.exists():
        return False
    for name in files_in(source):
        # Not every source string is something that the file system can be asked about.
        with suppress(OSError, ValueError):
            if target.samefile(name):
                return True
    return False


def files_in(source: str) -> Iterator[str]:
    """What may be a file's name in a GDAL source string such as ``NETCDF:"a.nc":band``."""
    yield source
    yield from re.findall(r'"([^"]+)"', source)
    # Driver, file and subdataset stand between colons, and a Windows path holds one itself.
    parts = source.split(":")
    for start in range(len(parts)):
        for stop in range(start + 1, len(parts) + 1):
            yield ":".join(parts[start:stop])
    virtual = re.match(r"/vsi[a-z0-9_]+/(.+)", source)
    if virtual:
        # The archive is a leading part of what follows: /vsizip//data/a.zip/inner/b.tif
        inside = virtual.group(1).strip("{}")
        yield inside
        yield from (str(parent) for parent in Path(inside).parents)


def identity(path: Path) -> str:
    """A text equal for paths that are one file on some file system, even if not on this one."""
    real = path.parent.resolve() / path.name
    return unicodedata.normalize("NFC", str(real)).casefold()
