"""Whether another user of this computer could run the engine, for tests that become one.

A clone in a home folder that is closed to others, as root's often is, cannot be read by them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import mambahsi


def cannot_run() -> str:
    """Why others cannot run this Python with this engine, or an empty text."""
    python = Path(sys.executable).absolute()
    for place in (python, python.resolve(), Path(mambahsi.__file__).absolute()):
        for folder in place.parents:
            if not folder.stat().st_mode & 0o001:
                return f"{folder} is closed to other users"
    return ""
