"""Which implementations of the selective scan can run here, and which one to take.

The backends with kernels of their own, for the CPU and for GPUs, count as available only after
they have passed a known-answer test (:mod:`mambahsi.scan.self_check`): a wrong kernel is worse
than a slow one. The others are plain PyTorch and run wherever it does.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from mambahsi.errors import Cancelled, ResourceError
from mambahsi.scan import self_check


def available_backends() -> dict[str, str]:
    """Backends by name, each with an empty string or the reason why it cannot run."""
    return {name: backend_problem(name) for name in _PROBLEMS}


def backend_problem(name: str) -> str:
    """The reason why a backend cannot run, or an empty string; looks at no other backend."""
    return _PROBLEMS[name]()


def resolve_backend(name: str = "auto", device: str = "cpu") -> str:
    """The backend to use on a device.

    Args:
        name: A backend's name, or ``auto`` for the fastest that is available.
        device: Type of the device, ``cpu`` or ``cuda``.

    Raises:
        ResourceError: The named backend does not exist or cannot run there.
    """
    if name == "auto":
        own = (one for one in _PREFERRED.get(device, ()) if not backend_problem(one))
        return next(own, "torch")
    if name not in _PROBLEMS:
        raise ResourceError(
            f"There is no scan implementation {name!r}.", f"Known: {', '.join(_PROBLEMS)}, auto."
        )
    problem = _misplaced(name, device) or backend_problem(name)
    if problem:
        raise ResourceError(f"The scan implementation {name!r} cannot run: {problem}.")
    return name


def _none() -> str:
    return ""


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


@functools.cache
def _triton_problem() -> str:
    from mambahsi.scan.gpu import availability

    try:
        return availability.problem()
    except Cancelled:
        raise
    except Exception as error:
        # A driver too old, a folder that cannot be written to, no memory: many ways.
        return f"its self-check failed ({type(error).__name__}: {error})"


def _mamba_ssm_problem() -> str:
    from mambahsi.scan.mamba_ssm import problem

    return problem()


_PROBLEMS: dict[str, Callable[[], str]] = {
    "reference": _none,
    "torch": _none,
    "cpu": _cpu_problem,
    "triton": _triton_problem,
    "mamba_ssm": _mamba_ssm_problem,
}
"""For each backend, what finds the reason why it cannot run."""

_PREFERRED = {"cpu": ("cpu",), "cuda": ("triton", "mamba_ssm")}
"""By device, the backends that are faster than plain PyTorch, the best first."""


def _misplaced(name: str, device: str) -> str:
    """Why a backend does not run on that device, or an empty string."""
    if name == "cpu" and device != "cpu":
        return f"it runs on the CPU, not on {device}"
    if name == "mamba_ssm" and device != "cuda":
        return f"it runs on cuda, not on {device}"
    if name == "triton":
        from mambahsi.scan.gpu.availability import interpreted

        own = "cpu" if interpreted() else "cuda"
        if device != own:
            return f"it runs on {own}, not on {device}"
    return ""
