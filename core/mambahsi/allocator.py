"""Giving memory back to the system as soon as a tensor is gone.

The allocator of Linux's C library keeps freed blocks for later, and from ever larger blocks on
once a program frees large ones. A training step frees and asks for tables of many sizes, whose
remains then lie about between others: a quarter of its peak was such memory.
"""

from __future__ import annotations

import ctypes
import sys

LARGE_BLOCK = 4 * 2**20
"""Bytes from which on a block is a mapping of its own, given back when it is freed."""

_M_MMAP_THRESHOLD = -3


def give_back_large_blocks() -> None:
    """Fix the size of blocks that are given back at once, where the C library lets itself be
    told; elsewhere nothing changes."""
    if not sys.platform.startswith("linux"):
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(_M_MMAP_THRESHOLD, LARGE_BLOCK)
