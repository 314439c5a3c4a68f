"""Compiles Triton kernels for GPUs that are not there, as they would be launched.

The launches of a function are recorded with their arguments, not run; so what is compiled is
what the function would use: its types, constants and numbers of warps, and what Triton
specializes kernels for (integers that are 1, and integers and addresses that 16 divides).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from triton.runtime.jit import JITFunction

CAPABILITIES = (80, 90, 100, 120)
"""Ampere, Hopper, and the two kinds of Blackwell."""

SHARED = 99 * 2**10
"""Bytes of shared memory that a program may have on the GPUs of the capabilities that have least:
8.6, 8.9 and 12.0 (CUDA C++ Programming Guide, table of technical specifications)."""

OPTIONS = ("num_warps", "num_stages", "maxnreg")
TYPES = {
    torch.float32: "fp32",
    torch.bfloat16: "bf16",
    torch.float16: "fp16",
    torch.int32: "i32",
    torch.int64: "i64",
}


@dataclass(frozen=True)
class Launch:
    """A kernel, and everything that its code depends on."""

    # Triton derives a kernel's hash from everything it calls, which is not in place meanwhile.
    kernel: Any = field(compare=False)
    name: str
    signature: tuple[tuple[str, str], ...]
    constants: tuple[tuple[str, Any], ...]
    divisible: tuple[str, ...]
    options: tuple[tuple[str, int], ...]

    def compile(self, capability: int) -> bytes:
        """The machine code, of a kernel that every GPU has the shared memory for.

        Args:
            capability: Compute capability times ten.
        """
        names = self.kernel.arg_names
        source = ASTSource(
            self.kernel,
            dict(self.signature),
            {(names.index(name),): value for name, value in self.constants},
            {(names.index(name),): [["tt.divisibility", 16]] for name in self.divisible},
        )
        target = GPUTarget("cuda", capability, 32)
        compiled = triton.compile(source, target=target, options=dict(self.options))
        assert compiled.metadata.shared <= SHARED, self.name
        code: bytes = compiled.asm["cubin"]
        return code


class _Recorder:
    """Stands in a module where a kernel was."""

    def __init__(self, kernel: Any, launches: dict[Launch, None]) -> None:
        self.kernel, self.launches = kernel, launches

    def __getitem__(self, grid: tuple[int, ...]) -> _Recorder:
        assert 0 < grid[0] < 2**31 and all(0 < size < 2**16 for size in grid[1:])
        return self

    def __call__(self, *arguments: Any, **named: Any) -> None:
        options = tuple((name, named.pop(name)) for name in OPTIONS if name in named)
        values = {**dict(zip(self.kernel.arg_names, arguments, strict=False)), **named}
        assert set(values) == set(self.kernel.arg_names)
        # A kernel sees no other memory than its device's, and fails late where it gets some.
        assert len({x.device for x in values.values() if isinstance(x, torch.Tensor)}) == 1
        signature, constants, divisible = {}, {}, []
        for parameter in self.kernel.params:
            name, value = parameter.name, values[parameter.name]
            if isinstance(value, torch.Tensor):
                signature[name], number = f"*{TYPES[value.dtype]}", value.data_ptr()
            elif parameter.is_constexpr or (value == 1 and not parameter.do_not_specialize):
                signature[name], constants[name] = "constexpr", value
                continue
            else:
                signature[name], number = "i32" if abs(value) < 2**31 else "i64", value
            if number % 16 == 0 and not parameter.do_not_specialize:
                divisible.append(name)
        launch = Launch(
            self.kernel,
            self.kernel.__name__,
            tuple(signature.items()),
            tuple(constants.items()),
            tuple(divisible),
            options,
        )
        self.launches[launch] = None


@contextmanager
def recorded(*modules: ModuleType) -> Iterator[dict[Launch, None]]:
    """Record what is launched of the kernels in these modules, once each, instead of running it."""
    launches: dict[Launch, None] = {}
    kernels = [
        (module, name, value)
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, JITFunction)
    ]
    try:
        for module, name, kernel in kernels:
            setattr(module, name, _Recorder(kernel, launches))
        yield launches
    finally:
        for module, name, kernel in kernels:
            setattr(module, name, kernel)
