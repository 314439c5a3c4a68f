"""Whether temporary files fit where they are to lie, found out before the work begins.

The folder for temporary files of many a system is not on a disk at all: it is kept in memory
(tmpfs), and QGIS puts maps there that the user gives no name. What is streamed to there takes
the very memory that streaming is to save, so the memory that is free counts, too.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from mambahsi.devices import free_memory, gigabytes_text
from mambahsi.errors import ResourceError

_KEPT_IN_MEMORY = {"tmpfs", "ramfs"}


def check_space(folder: Path, needed: int, present: int, memory: int) -> None:
    """Refuse a folder that has too little space.

    Args:
        folder: Where the temporary files will lie.
        needed: Bytes of all of them.
        present: Bytes of those that lie there already.
        memory: Bytes of memory that the work takes beside them.

    Raises:
        ResourceError: They do not fit.
    """
    missing = max(0, needed - present)
    free = shutil.disk_usage(folder).free
    where = f"{folder}, where {gigabytes_text(free)} are free."
    if lies_in_memory(folder):
        free = min(free, max(0, free_memory() - memory))
        where = f"{folder}, which lies in memory, and {gigabytes_text(free)} of that are free."
    if missing > free:
        raise ResourceError(
            f"Classification in strips needs {gigabytes_text(missing)} for temporary files in "
            f"{where}",
            "Free some space, choose a folder on another disk for the map, or raise the memory "
            "budget.",
        )


def lies_in_memory(folder: Path) -> bool:
    """Whether files in a folder are kept in memory, as far as the system tells."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
        device = folder.stat().st_dev
    except OSError:
        return False
    number = f"{os.major(device)}:{os.minor(device)}"
    # Fields (proc_pid_mountinfo(5)): ID, parent, major:minor, ..., a hyphen, type, ...
    types = {line.partition(" - ")[2].split()[0] for line in mounts if line.split()[2] == number}
    return bool(types & _KEPT_IN_MEMORY)
