"""Kernels on systems that the tests do not run on: they compile, and need no library."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mambahsi.scan import available_backends

COMPILED = available_backends()["cpu"]
pytestmark = pytest.mark.skipif(bool(COMPILED), reason=f"no compiled backend: {COMPILED}")


def written(kernel: Callable[..., Any], **variant: Any) -> str:
    """LLVM's text of a kernel, from what its decorator wraps."""
    function = kernel.__wrapped__  # type: ignore[attr-defined]
    write = next(
        cell.cell_contents for cell in function.__closure__ if callable(cell.cell_contents)
    )
    text: str = write(**variant).text()
    return text


@pytest.mark.parametrize(
    ("triple", "processor"),
    [
        ("x86_64-pc-windows-msvc", "x86-64"),
        ("x86_64-pc-windows-msvc", "znver4"),
        ("x86_64-apple-macosx", "haswell"),
        ("arm64-apple-macosx", "apple-m1"),
        ("aarch64-unknown-linux-gnu", "generic"),
    ],
)
def test_the_largest_kernel_calls_no_library(triple: str, processor: str) -> None:
    import llvmlite.binding as llvm

    from mambahsi.scan import kernels

    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    machine = llvm.Target.from_triple(triple).create_target_machine(cpu=processor, jit=True)
    text = written(
        kernels.scan_gradient, rank=8, short=False, gated=True, softplus=True, wide=False
    )
    module = llvm.parse_assembly(text)
    module.triple, module.data_layout = machine.triple, str(machine.target_data)
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options())
    builder.getModulePassManager().run(module, builder)
    assembly = machine.emit_assembly(module)
    instructions = [line.split() for line in assembly.splitlines() if line.startswith("\t")]
    calls = [words for words in instructions if words[0] in ("call", "callq", "bl", "blr")]
    assert len(instructions) > 500
    assert calls == []
