"""One function for every backend."""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch import Tensor

from mambahsi.scan.backends import resolve_backend
from mambahsi.scan.chunked import selective_scan_chunked
from mambahsi.scan.reference import selective_scan_reference


def selective_scan(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    z: Tensor | None = None,
    delta_bias: Tensor | None = None,
    delta_softplus: bool = False,
    return_last_state: bool = False,
    *,
    initial_state: Tensor | None = None,
    backend: str = "auto",
) -> Tensor | tuple[Tensor, Tensor]:
    """Run the selective scan over a batch of sequences; differentiable in every tensor.

    The argument order and meaning are those of mamba-ssm's ``selective_scan_fn``.

    Args:
        u: Input, (batch, channels, length).
        delta: Step sizes before bias and softplus, (batch, channels, length).
        A: Rates, negative, (channels, states).
        B: Input weights, (batch, states, length).
        C: Output weights, (batch, states, length).
        D: Skip weights, (channels,), or None.
        z: Gate, (batch, channels, length), applied as ``y * silu(z)``, or None.
        delta_bias: Added to ``delta``, (channels,), or None.
        delta_softplus: Whether ``delta`` goes through softplus.
        return_last_state: Whether to give the state behind the last token too.
        initial_state: State before the first token, (batch, channels, states); zero if None.
        backend: Name of a backend, or ``auto``, which keeps double precision: ``cpu`` and
            ``triton`` compute in float32, so they are not taken for float64.

    Returns:
        The output (batch, channels, length), in the input's dtype, and with
        ``return_last_state`` the final state (batch, channels, states).

    Raises:
        ResourceError: The named backend cannot run here.
        ValueError: Shapes do not belong together.
    """
    _check_shapes(u, delta, A, B, C, D, z, delta_bias, initial_state)
    if backend == "auto" and u.dtype == torch.float64:
        backend = "reference"
    name = resolve_backend(backend, u.device.type)
    scan: Callable[..., tuple[Tensor, Tensor]] = selective_scan_reference
    if name == "torch":
        scan = selective_scan_chunked
    elif name == "cpu":
        from mambahsi.scan.compiled import selective_scan_compiled

        scan = selective_scan_compiled
    elif name == "triton":
        from mambahsi.scan.gpu.selective import selective_scan_triton

        scan = selective_scan_triton
    elif name == "mamba_ssm":
        from mambahsi.scan.mamba_ssm import selective_scan_mamba_ssm

        scan = functools.partial(selective_scan_mamba_ssm, last_state=return_last_state)
    y, state = scan(u, delta, A, B, C, D, z, delta_bias, delta_softplus, initial_state)
    return (y, state) if return_last_state else y


def _check_shapes(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    z: Tensor | None,
    delta_bias: Tensor | None,
    initial_state: Tensor | None,
) -> None:
    if u.dim() != 3 or A.dim() != 2:
        raise ValueError(f"u must be 3-D and A 2-D, got {tuple(u.shape)} and {tuple(A.shape)}")
    batch, channels, length = u.shape
    states = A.shape[1]
    expected = {
        "delta": (delta, (batch, channels, length)),
        "A": (A, (channels, states)),
        "B": (B, (batch, states, length)),
        "C": (C, (batch, states, length)),
        "D": (D, (channels,)),
        "z": (z, (batch, channels, length)),
        "delta_bias": (delta_bias, (channels,)),
        "initial_state": (initial_state, (batch, channels, states)),
    }
    for name, (tensor, shape) in expected.items():
        if tensor is not None and tuple(tensor.shape) != shape:
            raise ValueError(f"{name} must have shape {shape}, got {tuple(tensor.shape)}")
