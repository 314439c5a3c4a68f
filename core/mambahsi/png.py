"""PNG images from arrays, with the standard library alone.

Reports carry small previews inside the HTML; that does not need an imaging package. A PNG is
a signature and a few chunks, each with length, type, content and CRC-32 (W3C Recommendation
"Portable Network Graphics", 2003). Rows are stored unfiltered, each after a zero byte.
"""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

_COLOR_TYPES = {3: 2, 4: 6}  # RGB and RGBA


def encode(pixels: NDArray[np.uint8]) -> bytes:
    """A PNG file.

    Args:
        pixels: uint8 (rows, cols, 3) for RGB or (rows, cols, 4) for RGBA.

    Returns:
        The file's content.
    """
    rows, cols, channels = pixels.shape
    header = struct.pack(">IIBBBBB", cols, rows, 8, _COLOR_TYPES[channels], 0, 0, 0)
    lines = np.zeros((rows, 1 + cols * channels), dtype=np.uint8)
    lines[:, 1:] = pixels.reshape(rows, -1)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", header),
            _chunk(b"IDAT", zlib.compress(lines.tobytes(), 9)),
            _chunk(b"IEND", b""),
        )
    )


def data_uri(pixels: NDArray[np.uint8]) -> str:
    """The image as a ``data:`` address, to put into HTML."""
    return "data:image/png;base64," + base64.b64encode(encode(pixels)).decode("ascii")


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)
