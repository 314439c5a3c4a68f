"""Running Triton's kernels where there is no C compiler.

Triton compiles kernels by itself, with what its wheel brings. But loading and launching them is
done by a small C module that it compiles on the user's machine, with a C compiler and Python's
headers, and few users have both. This module does the same through the C interface of the NVIDIA
driver (CUDA Driver API: ``cuModuleLoadData``, ``cuLaunchKernel`` and what belongs to them), which
comes with the graphics card. It is put in Triton's place for a driver only where Triton's own
cannot be built. It knows kernels whose arguments are tensors and plain numbers.
"""

from __future__ import annotations

import ctypes
import functools
import sys
import threading
from typing import Any

from triton.backends.nvidia.driver import CudaDriver
from triton.runtime import driver

_ATTRIBUTES = {
    "max_shared_mem": 97,
    "max_num_regs": 12,
    "multiprocessor_count": 16,
    "warpSize": 10,
    "sm_clock_rate": 13,
    "mem_clock_rate": 36,
    "mem_bus_width": 37,
}
"""What Triton asks of a device, and the driver's numbers for it (``CUdevice_attribute``)."""

_REGISTERS, _LOCAL_BYTES, _MOST_THREADS, _STATIC_SHARED, _DYNAMIC_SHARED = 4, 3, 0, 1, 8
"""The driver's numbers for what it tells of a function (``CUfunction_attribute``)."""

_ALWAYS_SHARED = 48 * 2**10
"""Bytes of shared memory that every kernel may take; more has to be asked for."""

_NUMBERS: dict[str, Any] = {
    "i1": ctypes.c_int8,
    "i8": ctypes.c_int8,
    "i16": ctypes.c_int16,
    "i32": ctypes.c_int32,
    "i64": ctypes.c_int64,
    "u1": ctypes.c_uint8,
    "u8": ctypes.c_uint8,
    "u16": ctypes.c_uint16,
    "u32": ctypes.c_uint32,
    "u64": ctypes.c_uint64,
    "fp32": ctypes.c_float,
    "f32": ctypes.c_float,
    "fp64": ctypes.c_double,
}

_WARP = 32


def prepare() -> None:
    """Make sure that kernels can be launched on this computer's CUDA devices.

    Raises:
        OSError: The NVIDIA driver's library cannot be loaded.
    """
    try:
        # The first look builds Triton's C module.
        ready = driver.active is not None
    except Exception:
        # No compiler, no headers, a compiler that fails, a folder that cannot be written to.
        ready = False
    if not ready:
        driver.set_active(DriverWithoutCompiler())


class DriverWithoutCompiler(CudaDriver):
    """Triton's driver for CUDA, with :class:`Library` in place of its compiled module."""

    def __init__(self) -> None:
        # Past CudaDriver's own, which compiles.
        super(CudaDriver, self).__init__()
        self.utils = _library()
        self.launcher_cls = functools.partial(Launcher, self.utils)


class Library:
    """The NVIDIA driver's functions as Triton wants them.

    Args:
        functions: Has them as attributes: the loaded library.
    """

    def __init__(self, functions: Any) -> None:
        self._functions = functions
        self._ready = threading.local()

    def call(self, name: str, *arguments: Any) -> None:
        """Call a function of the driver.

        Raises:
            RuntimeError: It failed.
        """
        status = getattr(self._functions, name)(*arguments)
        if status:
            text = ctypes.c_char_p()
            self._functions.cuGetErrorString(status, ctypes.byref(text))
            told = (text.value or b"unknown").decode("utf-8", "replace")
            raise RuntimeError(f"The NVIDIA driver's {name} failed: {told} (error {status})")

    def enter(self, device: int) -> None:
        """Give the calling thread a context on the device, if it has none.

        PyTorch's backward pass runs in threads of its own.
        """
        if getattr(self._ready, "done", False):
            return
        context = ctypes.c_void_p()
        self.call("cuCtxGetCurrent", ctypes.byref(context))
        if not context.value:
            self.call("cuDevicePrimaryCtxRetain", ctypes.byref(context), ctypes.c_int(device))
            self.call("cuCtxSetCurrent", context)
        self._ready.done = True

    def get_device_properties(self, device: int) -> dict[str, int]:
        """What Triton asks of a device."""
        return {name: self._device(number, device) for name, number in _ATTRIBUTES.items()}

    def load_binary(
        self, name: str, binary: bytes, shared: int, device: int
    ) -> tuple[int, int, int, int, int]:
        """Load a compiled kernel.

        Args:
            name: Its function.
            binary: What Triton compiled.
            shared: Bytes of shared memory that it takes.
            device: Number of the device.

        Returns:
            Handles of module and function, registers and spilled registers of a thread, and the
            most threads that a program may have.
        """
        self.enter(device)
        module, function = ctypes.c_void_p(), ctypes.c_void_p()
        self.call("cuModuleLoadData", ctypes.byref(module), ctypes.c_char_p(binary))
        self.call(
            "cuModuleGetFunction", ctypes.byref(function), module, ctypes.c_char_p(name.encode())
        )
        if shared > _ALWAYS_SHARED:
            most = self._device(_ATTRIBUTES["max_shared_mem"], device)
            room = most - self._function(_STATIC_SHARED, function)
            self.call("cuFuncSetAttribute", function, _DYNAMIC_SHARED, ctypes.c_int(room))
        return (
            module.value or 0,
            function.value or 0,
            self._function(_REGISTERS, function),
            self._function(_LOCAL_BYTES, function) // 4,
            self._function(_MOST_THREADS, function),
        )

    def _device(self, attribute: int, device: int) -> int:
        value = ctypes.c_int()
        self.call("cuDeviceGetAttribute", ctypes.byref(value), attribute, ctypes.c_int(device))
        return value.value

    def _function(self, attribute: int, function: ctypes.c_void_p) -> int:
        value = ctypes.c_int()
        self.call("cuFuncGetAttribute", ctypes.byref(value), attribute, function)
        return value.value


@functools.cache
def _library() -> Library:
    """The driver's library, which a process loads once."""
    name = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    return Library(ctypes.CDLL(name))


class Launcher:
    """Launches one compiled kernel.

    Args:
        library: The driver.
        source: What was compiled: its ``signature`` has the types of the arguments.
        metadata: What Triton tells of the result.

    Raises:
        NotImplementedError: The kernel wants what this launcher does not know.
    """

    def __init__(self, library: Library, source: Any, metadata: Any) -> None:
        self._library = library
        self._types = [_type(told) for told in source.signature.values()]
        wanted = ("launch_cooperative_grid", "launch_pdl")
        scratch = ("global_scratch_size", "profile_scratch_size")
        if (
            any(getattr(metadata, name, False) for name in (*wanted, *scratch))
            or getattr(metadata, "num_ctas", 1) != 1
        ):
            raise NotImplementedError(
                f"Kernel {metadata.name} needs more of the driver than is used here."
            )
        # Triton gives every kernel the addresses of two scratch memories behind its arguments.
        self._scratch = ctypes.c_void_p(None)

    def __call__(
        self,
        grid_x: int,
        grid_y: int,
        grid_z: int,
        stream: int,
        function: int,
        packed: tuple[int, ...],
        launch_metadata: Any,
        enter: Any,
        leave: Any,
        *arguments: Any,
    ) -> None:
        """Launch; the arguments are those that Triton gives a launcher."""
        if enter is not None:
            enter(launch_metadata)
        values = [
            kind(_plain(argument))
            for kind, argument in zip(self._types, arguments, strict=True)
            if kind is not None
        ]
        values += [self._scratch, self._scratch]
        places = (ctypes.c_void_p * len(values))(*(ctypes.addressof(value) for value in values))
        # Older releases of Triton put the sizes of a cluster behind these.
        warps, _, shared, *_ = packed
        if grid_x and grid_y and grid_z:
            device = next((x.device.index for x in arguments if hasattr(x, "data_ptr")), 0)
            self._library.enter(device or 0)
            self._library.call(
                "cuLaunchKernel",
                ctypes.c_void_p(function),
                *(ctypes.c_uint(size) for size in (grid_x, grid_y, grid_z)),
                *(ctypes.c_uint(size) for size in (_WARP * warps, 1, 1)),
                ctypes.c_uint(shared),
                ctypes.c_void_p(stream),
                places,
                None,
            )
        if leave is not None:
            leave(launch_metadata)


def _type(told: Any) -> Any:
    """What holds an argument, or None for one that was compiled in."""
    if told == "constexpr":
        return None
    if isinstance(told, str) and told.startswith("*"):
        return ctypes.c_void_p
    if told not in _NUMBERS:
        raise NotImplementedError(f"Arguments of type {told} are not known here.")
    return _NUMBERS[told]


def _plain(argument: Any) -> Any:
    """A tensor's address, or the number itself."""
    return argument.data_ptr() if hasattr(argument, "data_ptr") else argument
