"""Which implementations of the selective scan can run here, and which one to take.

The compiled backend counts as available only after it has passed a known-answer test
(:mod:`mambahsi.scan.self_check`): a wrong kernel is worse than a slow one. The others are
plain PyTorch and run wherever it does.
"""

from __future__ import annotations

import functools

from mambahsi.errors import Cancelled, ResourceError
from mambahsi.scan import self_check


def available_backends() -> dict[str, str]:
    """Backends by name, each with an empty string or the reason why it cannot run."""
    return {"reference": "", "torch": "", "cpu": _cpu_problem()}


def resolve_backend(name: str = "auto", device: str = "cpu") -> str:
    """The backend to use on a device.

    Args:
        name: A backend's name, or ``auto`` for the fastest that is available.
        device: Type of the device, ``cpu`` or ``cuda``.

    Raises:
        ResourceError: The named backend does not exist or cannot run there.
    """
    backends = available_backends()
    if name == "auto":
        return "cpu" if device == "cpu" and not backends["cpu"] else "torch"
    if name not in backends:
        raise ResourceError(
            f"There is no scan implementation {name!r}.", f"Known: {', '.join(backends)}, auto."
        )
    problem = backends[name]
    if not problem and name == "cpu" and device != "cpu":
        problem = f"it runs on the CPU, not on {device}"
    if problem:
        raise ResourceError(f"The scan implementation {name!r} cannot run: {problem}.")
    return name


@functools.cache
def _cpu_problem() -> str:
    try:
        from mambahsi.scan.compiled import selective_scan_compiled
        from mambahsi.scan.mixer import mamba_mixer
    except Exception as error:
        # A compiler fails to load in many ways: missing, wrong NumPy, no DLL.
        return f"its compiler cannot be loaded ({type(error).__name__}: {error})"
    try:
        return self_check.problem(selective_scan_compiled, mamba_mixer)
    except Cancelled:
        # Says nothing about the kernels, and is not remembered as if it did.
        raise
    except Exception as error:
        return f"its self-check failed ({type(error).__name__}: {error})"
