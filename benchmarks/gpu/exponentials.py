"""Exponentials from registers, as a scan computes them: what the card's special units give.

PyTorch's own exponential reads and writes a table, which takes longer than computing it.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl

BLOCK = 1024
EACH = 256
"""Exponentials of each number, one after the other."""


@triton.jit
def many_kernel(x_ptr, out_ptr, each: tl.constexpr, block: tl.constexpr):  # type: ignore[no-untyped-def]
    """Each number of a block through exp2(-x), so many times."""
    at = tl.program_id(0) * block + tl.arange(0, block)
    x = tl.load(x_ptr + at)
    for _ in range(each):
        x = tl.exp2(-x)
    tl.store(out_ptr + at, x)


def many(table: torch.Tensor, out: torch.Tensor) -> None:
    """Compute :data:`EACH` exponentials of every number; float32, a multiple of :data:`BLOCK`."""
    with torch.cuda.device_of(table):
        many_kernel[(table.numel() // BLOCK,)](table, out, EACH, BLOCK)
