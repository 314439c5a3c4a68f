"""Whether the Triton kernels can run here, and if not, why.

Without a GPU, Triton's interpreter can run them on the CPU, if ``TRITON_INTERPRET=1`` is set
before Triton is imported. That is for tests: it takes thousands of times as long.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import torch

from mambahsi.scan import code_cache, self_check

LEAST_CAPABILITY = (8, 0)
"""Compute capability of the oldest GPUs that the kernels are written for (Ampere)."""


def interpreted() -> bool:
    """Whether kernels run in Triton's interpreter, on the CPU."""
    return os.environ.get("TRITON_INTERPRET", "").lower() in ("1", "true", "yes", "on", "y")


def problem() -> str:
    """Why the kernels cannot be used, or an empty string.

    Raises:
        Cancelled: A stop was asked for.
    """
    if not interpreted():
        if not torch.cuda.is_available():
            return "there is no CUDA device"
        capability = torch.cuda.get_device_capability()
        if capability < LEAST_CAPABILITY:
            return (
                f"{torch.cuda.get_device_name()} has compute capability "
                f"{'.'.join(map(str, capability))}, and the kernels need "
                f"{'.'.join(map(str, LEAST_CAPABILITY))} or more"
            )
    if find_spec("triton") is None:
        windows = ", which PyTorch does not bring on Windows" if sys.platform == "win32" else ""
        return f"Triton is not installed{windows}"
    _choose_cache()
    if not interpreted():
        from mambahsi.scan.gpu import driver

        driver.prepare()
    from mambahsi.scan.gpu.mixer import mamba_mixer_triton
    from mambahsi.scan.gpu.selective import selective_scan_triton

    device = torch.device("cpu" if interpreted() else "cuda")
    return self_check.problem(_on(device, selective_scan_triton), _on(device, mamba_mixer_triton))


def _choose_cache() -> None:
    """Have Triton keep what it compiles beside our other kernels, unless it was told where."""
    try:
        os.environ.setdefault("TRITON_CACHE_DIR", str(code_cache.for_triton()))
    except OSError:
        # A user without a home: Triton's own choice, which may be none.
        return


def _on(device: torch.device, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function for tensors that lie on the CPU, run on a device."""

    def run(*arguments: Any) -> Any:
        result = function(*(x.to(device) if isinstance(x, torch.Tensor) else x for x in arguments))
        return result.cpu() if isinstance(result, torch.Tensor) else tuple(x.cpu() for x in result)

    return run
