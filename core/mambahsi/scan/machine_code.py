"""From a written kernel to a function that Python calls.

LLVM compiles a kernel for the processor at hand when it is first needed, in a fraction of a
second, and the code is kept for later processes. The call goes through ctypes, which lets
other Python threads run meanwhile.

``NUMBA_CPU_NAME`` and ``NUMBA_CPU_FEATURES``, the names that users of LLVM from Python know,
choose a lesser processor than the one at hand.
"""

from __future__ import annotations

import ctypes
import functools
import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec

import llvmlite
import llvmlite.binding as llvm
from torch import Tensor

from mambahsi.scan import code_cache, decays, vector_code
from mambahsi.scan.vector_code import Kernel

_P = ParamSpec("_P")

_engines: list[Any] = []
"""LLVM frees compiled code with the object that made it."""


def kernel(write: Callable[_P, Kernel]) -> Callable[_P, Callable[..., None]]:
    """Decorate a function that writes a kernel: it then gives the compiled kernel.

    The compiled kernel takes the kernel's tensors, then its integers, in the order in which
    they were named. A tensor is float32 or int32 on the CPU, of one dimension or of two with
    its columns side by side; None stands for one that the kernel will not touch.
    """

    @functools.cache
    def give(*args: _P.args, **kwargs: _P.kwargs) -> Callable[..., None]:
        machine, described = _machine()
        writing = (inspect.getfile(write), decays.__file__, vector_code.__file__, __file__)
        name = code_cache.name_of(
            write.__name__, repr(args), repr(sorted(kwargs.items())), described,
            *(Path(source).read_text("utf-8") for source in writing),
        )  # fmt: skip
        code = code_cache.load(name)
        if code is None:
            code = _compile(write(*args, **kwargs), machine)
            code_cache.save(name, code)
        engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
        engine.add_object_file(llvm.object_file.ObjectFileRef.from_data(code))
        engine.finalize_object()
        _engines.append(engine)
        return functools.partial(_call, engine.get_function_address(vector_code.ENTRY))

    return give  # type: ignore[return-value]  # the cache forgets the parameters' names


def _compile(written: Kernel, machine: Any) -> bytes:
    module = llvm.parse_assembly(written.text())
    module.triple = machine.triple
    module.data_layout = str(machine.target_data)
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    # The kernels are vectors already, and unrolled as they are meant to be.
    options.loop_vectorization = options.slp_vectorization = options.loop_unrolling = False
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    code: bytes = machine.emit_object(module)
    return code


def _call(address: int, *arguments: Tensor | int | None) -> None:
    values: list[int] = []
    for argument in arguments:
        if isinstance(argument, int):
            values.append(argument)
        elif argument is None:
            values += (0, 0)
        else:
            values += (argument.data_ptr(), argument.stride(0) if argument.dim() > 1 else 0)
    _function(address, len(values))(*values)


@functools.cache
def _function(address: int, parameters: int) -> Callable[..., None]:
    return ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * parameters)(address)


def has_wide_registers() -> bool:
    """Whether one register holds a vector of sixteen numbers, and there are 32 of them."""
    return "+avx512f" in _machine()[1]


@functools.cache
def _machine() -> tuple[Any, str]:
    """The processor to compile for, and a text that tells it from others."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    name = os.environ.get("NUMBA_CPU_NAME") or llvm.get_host_cpu_name()
    features = os.environ.get("NUMBA_CPU_FEATURES")
    if features is None:
        # The features of the host are not those of another processor that is asked for.
        own = name == llvm.get_host_cpu_name()
        features = llvm.get_host_cpu_features().flatten() if own else ""
    target = llvm.Target.from_default_triple()
    machine = target.create_target_machine(cpu=name, features=features, opt=3, jit=True)
    return machine, f"{machine.triple} {name} {features} llvmlite {llvmlite.__version__}"
