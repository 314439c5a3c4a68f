"""How far a checkpoint has come, read from its header alone.

A checkpoint is a safetensors file: eight bytes that tell the length of a JSON header, in whose
metadata the engine keeps the training's curves as a JSON text. The engine judges whether it can
be resumed; here it is only shown.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

KEY = "mambahsi-checkpoint"
LARGEST_HEADER = 100_000_000
"""Bytes, as of the safetensors format."""


def read_curves(path: Path) -> list[dict[str, Any]]:
    """Figures of the epochs done, in order; empty where the file cannot be read."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > LARGEST_HEADER:
                return []
            header = json.loads(file.read(length))
        curves = json.loads(header["__metadata__"][KEY])["progress"]["curves"]
        return [dict(entry) for entry in curves]
    except (OSError, ValueError, KeyError, TypeError, struct.error):
        return []
