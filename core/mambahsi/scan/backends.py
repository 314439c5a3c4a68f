"""Which implementations of the selective scan can run here, and which one to take.

A backend counts as available only after it has computed a small scan, with its gradients,
and matched the reference: a wrong kernel is worse than a slow one.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mambahsi.errors import Cancelled, ResourceError

_SELF_CHECK_TOLERANCE = 1e-4


def available_backends() -> dict[str, str]:
    """Backends by name, each with an empty string or the reason why it cannot run."""
    return {"reference": "", "cpu": _cpu_problem()}


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
        return "cpu" if device == "cpu" and not backends["cpu"] else "reference"
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
    except Exception as error:
        # Numba and llvmlite fail to import in many ways: missing, wrong NumPy, no DLL.
        return f"its compiler cannot be loaded ({type(error).__name__}: {error})"
    try:
        difference = _self_check(selective_scan_compiled)
    except Cancelled:
        # Says nothing about the kernels, and is not remembered as if it did.
        raise
    except Exception as error:
        return f"its self-check failed ({type(error).__name__}: {error})"
    if not difference < _SELF_CHECK_TOLERANCE:
        return f"its self-check gave a wrong result (relative error {difference:.1e})"
    return ""


def _self_check(candidate: Callable[..., Any]) -> float:
    """Largest relative difference to the reference, of output, state and gradients."""
    from mambahsi.scan.reference import selective_scan_reference

    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    batch, channels, length, states = 1, 5, 70, 3
    inputs = [
        draw(batch, channels, length),
        draw(batch, channels, length),
        -torch.exp(draw(channels, states)),
        draw(batch, states, length),
        draw(batch, states, length),
        draw(channels),
        draw(batch, channels, length),
        draw(channels),
    ]
    initial = draw(batch, channels, states)
    weight = draw(batch, channels, length)
    results = []
    with torch.enable_grad():
        scans: list[tuple[Callable[..., Any], torch.dtype]] = [
            (selective_scan_reference, torch.float64),
            (candidate, torch.float32),
        ]
        for scan, dtype in scans:
            leaves = [x.to(dtype).requires_grad_() for x in (*inputs, initial)]
            y, state = scan(*leaves[:8], True, leaves[8])
            loss = (y * weight.to(dtype)).sum() + state.sum()
            results.append([y, state, *torch.autograd.grad(loss, leaves)])
    with torch.no_grad():
        return max(
            float((got.double() - expected).norm() / expected.norm())
            for expected, got in zip(*results, strict=True)
        )
