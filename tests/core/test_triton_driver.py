"""Launching Triton's kernels without a C compiler: what reaches the NVIDIA driver."""

from __future__ import annotations

import ctypes
from types import SimpleNamespace
from typing import Any

import pytest
import torch

pytest.importorskip("triton", reason="Triton is not installed")

import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from mambahsi.scan.gpu.driver import Launcher, Library

FUNCTION, MODULE, CONTEXT, STREAM = 0x1234_5678_9ABC, 0x2345, 0x3456, 0x4567
OUT_OF_MEMORY = 2


@triton.jit
def scaled(x, y, size, factor, far, SIZE: tl.constexpr):
    """A kernel with every kind of argument that ours have."""
    place = tl.program_id(0) * SIZE + tl.arange(0, SIZE)
    inside = place < size
    tl.store(y + place, tl.load(x + place, mask=inside) * factor + far, mask=inside)


@pytest.fixture(scope="module")
def compiled() -> Any:
    types = {
        "x": "*fp32", "y": "*fp32", "size": "i32", "factor": "fp32", "far": "i64",
        "SIZE": "constexpr",
    }  # fmt: skip
    return triton.compile(
        ASTSource(scaled, types, {"SIZE": 64}),
        target=GPUTarget("cuda", 90, 32),
        options={"num_warps": 2},
    )


class Recorder:
    """Stands where the library of a graphics card would: writes down what it is told.

    Args:
        context: The calling thread's context, or 0.
        types: What lies behind the addresses of a kernel's arguments.
    """

    def __init__(self, context: int = CONTEXT, types: list[Any] | None = None) -> None:
        self.context = context
        self.types = types or []
        self.calls: list[str] = []
        self.launches: list[tuple[Any, ...]] = []
        self.binaries: list[bytes] = []
        self.dynamic = 0
        self.fails = ""

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any) -> int:
            self.calls.append(name)
            if name == self.fails:
                return OUT_OF_MEMORY
            getattr(self, f"do_{name}")(*arguments)
            return 0

        if not name.startswith("cu"):
            raise AttributeError(name)
        return call

    def do_cuCtxGetCurrent(self, context: Any) -> None:  # noqa: N802
        context._obj.value = self.context

    def do_cuDevicePrimaryCtxRetain(self, context: Any, device: Any) -> None:  # noqa: N802
        context._obj.value = CONTEXT + device.value

    def do_cuCtxSetCurrent(self, context: Any) -> None:  # noqa: N802
        self.context = context.value

    def do_cuModuleLoadData(self, module: Any, binary: Any) -> None:  # noqa: N802
        module._obj.value = MODULE
        self.binaries.append(binary.value)

    def do_cuModuleGetFunction(self, function: Any, module: Any, name: Any) -> None:  # noqa: N802
        assert module.value == MODULE and name.value == b"scaled"
        function._obj.value = FUNCTION

    def do_cuFuncGetAttribute(self, value: Any, number: int, function: Any) -> None:  # noqa: N802
        assert function.value == FUNCTION
        value._obj.value = {0: 1024, 1: 100, 3: 16, 4: 40}[number]

    def do_cuFuncSetAttribute(self, function: Any, number: int, value: Any) -> None:  # noqa: N802
        assert (function.value, number) == (FUNCTION, 8)
        self.dynamic = value.value

    def do_cuDeviceGetAttribute(self, value: Any, number: int, device: Any) -> None:  # noqa: N802
        value._obj.value = 1000 * number + device.value

    def do_cuGetErrorString(self, status: int, text: Any) -> None:  # noqa: N802
        text._obj.value = b"out of memory"

    def do_cuLaunchKernel(self, function: Any, *rest: Any) -> None:  # noqa: N802
        *sizes, stream, places, extra = rest
        assert extra is None
        values = [
            kind.from_address(place).value for kind, place in zip(self.types, places, strict=True)
        ]
        self.launches.append((function.value, [size.value for size in sizes], stream.value, values))


ADDRESS = ctypes.c_void_p
KINDS = [ADDRESS, ADDRESS, ctypes.c_int32, ctypes.c_float, ctypes.c_int64, ADDRESS, ADDRESS]


def launch(
    library: Library, compiled: Any, size: int, grid: int = 3, cluster: tuple[int, ...] = ()
) -> list[torch.Tensor]:
    x, y = torch.zeros(2, 100)
    launcher = Launcher(library, compiled.src, compiled.metadata)
    launcher(
        grid, 2, 1, STREAM, FUNCTION, (*compiled.packed_metadata[:3], *cluster), None, None, None,
        x, y, size, 0.5, -(2**40), 64,
    )  # fmt: skip
    return [x, y]


@pytest.mark.parametrize("cluster", [(), (1, 1, 1)], ids=["newer", "older"])
def test_a_launch_has_the_arguments_in_the_kernel_s_types(
    compiled: Any, cluster: tuple[int, ...]
) -> None:
    recorder = Recorder(types=KINDS)
    x, y = launch(Library(recorder), compiled, 100, cluster=cluster)
    [(function, sizes, stream, values)] = recorder.launches
    assert (function, stream) == (FUNCTION, STREAM)
    # The grid, the threads of two warps, and the shared memory that Triton found.
    assert sizes == [3, 2, 1, 64, 1, 1, compiled.metadata.shared]
    assert values == [x.data_ptr(), y.data_ptr(), 100, 0.5, -(2**40), None, None]


def test_nothing_is_launched_on_an_empty_grid(compiled: Any) -> None:
    recorder = Recorder(types=KINDS)
    launch(Library(recorder), compiled, 100, grid=0)
    assert not recorder.launches


def test_a_thread_without_a_context_gets_the_device_s(compiled: Any) -> None:
    recorder = Recorder(context=0, types=KINDS)
    library = Library(recorder)
    launch(library, compiled, 100)
    assert recorder.context == CONTEXT
    launch(library, compiled, 7)
    # Once for a thread.
    assert recorder.calls.count("cuCtxGetCurrent") == 1
    assert len(recorder.launches) == 2


@pytest.mark.parametrize("shared", [100, 60_000])
def test_a_kernel_is_loaded_with_the_room_that_it_takes(compiled: Any, shared: int) -> None:
    recorder = Recorder()
    binary = compiled.asm["cubin"]
    found = Library(recorder).load_binary("scaled", binary, shared, 1)
    assert found == (MODULE, FUNCTION, 40, 4, 1024)
    # As a string of C it ends at the first zero, which is not how it is read.
    assert recorder.binaries == [binary.split(b"\0")[0]]
    # Attribute 97 of device 1, less what the kernel takes anyway.
    assert recorder.dynamic == (97_001 - 100 if shared > 48 * 1024 else 0)


def test_what_the_driver_refuses_is_told(compiled: Any) -> None:
    recorder = Recorder(types=KINDS)
    recorder.fails = "cuLaunchKernel"
    with pytest.raises(RuntimeError, match=r"cuLaunchKernel failed: out of memory \(error 2\)"):
        launch(Library(recorder), compiled, 100)


def test_what_it_does_not_know_is_refused() -> None:
    described = SimpleNamespace(signature={"x": "tensordesc<fp32[16]>"}, name="wanting")
    with pytest.raises(NotImplementedError, match="tensordesc"):
        Launcher(Library(Recorder()), described, described)
    described = SimpleNamespace(signature={"x": "*fp32"}, name="wanting", num_ctas=2)
    with pytest.raises(NotImplementedError, match="wanting"):
        Launcher(Library(Recorder()), described, described)
