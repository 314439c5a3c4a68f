"""Compiling Triton kernels for graphics cards that are not there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

CARDS = {"Ampere": 80, "Hopper": 90, "Blackwell": 100, "GeForce Blackwell": 120}
"""Compute capabilities, times ten, of the cards that kernels have to compile for."""


def compile_for(
    card: int, kernel: Any, arguments: Mapping[str, str], constants: Mapping[str, Any], warps: int
) -> bytes:
    """Compile a kernel, and give its machine code.

    Args:
        card: Compute capability, times ten.
        kernel: The kernel.
        arguments: Types of the arguments that are no constants, as Triton writes them.
        constants: The constants.
        warps: Warps of a program.
    """
    signature = {
        name: "constexpr" if name in constants else arguments[name] for name in kernel.arg_names
    }
    # As at a launch: memory of PyTorch's begins at multiples of 16 bytes.
    attributes = {
        (place,): [["tt.divisibility", 16]]
        for place, kind in enumerate(signature.values())
        if kind.startswith("*")
    }
    source = ASTSource(kernel, signature, dict(constants), attributes)
    compiled = triton.compile(
        source,
        target=GPUTarget("cuda", card, 32),
        options={"num_warps": warps, "num_stages": 1},
    )
    return compiled.asm["cubin"]
