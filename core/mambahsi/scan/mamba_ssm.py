"""The CUDA kernels of the mamba-ssm package: the ``mamba_ssm`` backend.

There are no wheels of that package on the package index. It is built on the user's machine,
against one PyTorch and one CUDA, and its releases from 2.3 on leave out the kernel that is
needed here unless they are told to keep it. So it is importable in some cases and broken in
many; :func:`problem` runs a small scan on the GPU and holds it against the reference, and
names what is wrong.

What the published function cannot do goes other ways:

- *An initial state.* As many tokens as there are states are put in front of the sequence, each
  of which pushes one state to where it has to be, and whose outputs are cut off. A token k
  pushes ``delta B u``; with B the k-th unit vector and u the state divided by a tiny delta that
  is a power of two, this is the state to the bit, and what it decays along the few tokens that
  follow is put on top of it before. These tokens would lose digits in bfloat16, so the scan
  computes in float32 then.
- *The gradient of the final state*, which its backward pass leaves out, *float64*, and an
  *empty* sequence go to the ``torch`` backend.

Its backward pass adds up gradients of B and C in the order in which thread blocks come by, so a
training with it is not repeated to the bit.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from mambahsi.scan.chunked import selective_scan_chunked
from mambahsi.scan.reference import selective_scan_reference

TOLERANCE = 1e-4
"""Largest error in the self-check, relative to the norm of a tensor."""

_STEP = 2.0**-20
"""Step size of the tokens that bring in an initial state."""

_MOST_STATES = 256
"""States that the kernels are built for."""

Kernel = Callable[..., Any]
"""A function with the arguments of mamba-ssm's ``selective_scan_fn``."""


def selective_scan_mamba_ssm(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    z: Tensor | None,
    delta_bias: Tensor | None,
    delta_softplus: bool,
    initial_state: Tensor | None,
    last_state: bool = True,
    kernel: Kernel | None = None,
) -> tuple[Tensor, Tensor]:
    """Scan with the kernels of mamba-ssm, and give the output and the final state.

    Shapes and meaning are those of :func:`mambahsi.scan.selective_scan`, all tensors on one
    CUDA device. bfloat16 and float16 are read as they are, with the state in float32.

    Args:
        u: As the rest of the tensors, see there.
        delta: See there.
        A: See there.
        B: See there.
        C: See there.
        D: See there.
        z: See there.
        delta_bias: See there.
        delta_softplus: See there.
        initial_state: See there.
        last_state: Whether the final state is used; without it, its gradient is not needed.
        kernel: What scans, in place of the package's own function.

    Returns:
        The output (batch, channels, length) and the final state (batch, channels, states).
    """
    tensors = (u, delta, A, B, C, D, z, delta_bias, initial_state)
    learns = torch.is_grad_enabled() and any(x is not None and x.requires_grad for x in tensors)
    if (
        u.dtype == torch.float64
        or not u.numel()
        or A.shape[1] > _MOST_STATES
        or (last_state and learns)
    ):
        return selective_scan_chunked(
            u, delta, A, B, C, D, z, delta_bias, delta_softplus, initial_state
        )
    scan = kernel or _published()
    dtype, A = u.dtype, A.float()
    D, bias = (None if x is None else x.float() for x in (D, delta_bias))
    if initial_state is None:
        delta, B, C = (x.to(dtype) for x in (delta, B, C))
        gate = None if z is None else z.to(dtype)
        y, last = scan(u, delta, A, B, C, D, gate, bias, delta_softplus, True)
        return y, last.to(dtype)
    delta = delta.float() if bias is None else delta.float() + bias[:, None]
    step = F.softplus(delta) if delta_softplus else delta
    inputs = _with_state(u.float(), step, A, B.float(), C.float(), z, initial_state.float())
    u, step, B, C, gate = inputs
    y, last = scan(u, step, A, B, C, D, gate, None, False, True)
    return y[..., A.shape[1] :].to(dtype), last.to(dtype)


def _with_state(
    u: Tensor,
    step: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    z: Tensor | None,
    state: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor | None]:
    """A scan's inputs with the tokens in front that push a state to where it has to be."""
    batch, channels, states = state.shape
    # Token k is followed by states - 1 - k others, along which its push decays.
    follow = torch.arange(states - 1, -1, -1, device=A.device, dtype=A.dtype)
    push = state * torch.exp(-A * (_STEP * follow)) / _STEP
    steps = step.new_full((batch, channels, states), _STEP)
    unit = torch.eye(states, device=B.device, dtype=B.dtype).expand(batch, -1, -1)
    return (
        torch.cat([push, u], dim=2),
        torch.cat([steps, step], dim=2),
        torch.cat([unit, B], dim=2),
        torch.cat([torch.zeros_like(unit), C], dim=2),
        None if z is None else torch.cat([torch.zeros_like(steps), z.float()], dim=2),
    )


def _published() -> Kernel:
    from mamba_ssm.ops.selective_scan_interface import selective_scan_fn

    found: Kernel = selective_scan_fn
    return found


@functools.cache
def problem() -> str:
    """Why the kernels cannot be used here, or an empty string."""
    if find_spec("mamba_ssm") is None:
        return "the package mamba-ssm is not installed"
    if not torch.cuda.is_available():
        return "there is no CUDA device"
    try:
        kernel = _published()
    except Exception as error:
        return _why_not_loaded(error)
    try:
        return self_check(kernel, torch.device("cuda"))
    except Exception as error:
        # A kernel that was not built for this card, or for another PyTorch.
        return f"its self-check failed ({type(error).__name__}: {_first_line(error)})"


def _why_not_loaded(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name == "selective_scan_cuda":
        return (
            "mamba-ssm was built without its kernel selective_scan_cuda; build it anew, from 2.3 "
            "on with MAMBA_KEEP_CUDA_BUILD=TRUE"
        )
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"mamba-ssm needs the package {error.name}, which is not installed"
    if isinstance(error, (ImportError, OSError)):
        # Symbols of the PyTorch or the libraries of the CUDA that it was built with are missing.
        return (
            f"mamba-ssm was built for another PyTorch or CUDA than that of PyTorch "
            f"{torch.__version__} ({_first_line(error)})"
        )
    return f"mamba-ssm cannot be loaded ({type(error).__name__}: {_first_line(error)})"


def self_check(kernel: Kernel, device: torch.device) -> str:
    """What is wrong with a kernel, or an empty string.

    It scans one sequence and many short ones, of sizes that are no multiples of anything, with
    and without an initial state, and takes all gradients; all is held against the reference in
    double precision.
    """
    for batch, length in ((1, 70), (33, 4)):
        for stateful in (False, True):
            wrong = _differences(kernel, device, batch, length, stateful)
            if wrong:
                return f"its self-check gave a wrong result for {wrong}"
    return ""


def _differences(
    kernel: Kernel, device: torch.device, batch: int, length: int, stateful: bool
) -> str:
    names, leaves = _problem_of(batch, length, stateful)
    ours: Kernel = selective_scan_mamba_ssm
    reference: Kernel = selective_scan_reference
    found: list[list[Tensor]] = []
    for dtype, where in ((torch.float32, device), (torch.float64, torch.device("cpu"))):
        tensors = [leaf.to(where, dtype).requires_grad_() for leaf in leaves]
        state = tensors[8] if stateful else None
        with torch.enable_grad():
            if dtype == torch.float64:
                y, last = reference(*tensors[:8], True, state)
            else:
                with torch.no_grad():
                    _, last = ours(*tensors[:8], True, state, True, kernel)
                y, _ = ours(*tensors[:8], True, state, False, kernel)
            weights = torch.sin(torch.arange(y.numel(), device=where, dtype=dtype)).view_as(y)
            gradients = torch.autograd.grad((y * weights).sum(), tensors)
        found.append([x.detach().double().cpu() for x in (y, last, *gradients)])
    told = ("the output", "the final state", *(f"the gradient of {name}" for name in names))
    for name, got, right in zip(told, *found, strict=True):
        # Written so that NaN counts as wrong.
        if not (got - right).norm() < TOLERANCE * right.norm():
            return name
    return ""


def _problem_of(batch: int, length: int, stateful: bool) -> tuple[list[str], list[Tensor]]:
    channels, states = 20, 16
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    leaves = {
        "u": draw(batch, channels, length),
        "delta": draw(batch, channels, length) - 1,
        "A": -torch.exp(draw(channels, states)),
        "B": draw(batch, states, length),
        "C": draw(batch, states, length),
        "D": draw(channels),
        "z": draw(batch, channels, length),
        "delta_bias": draw(channels),
    }
    if stateful:
        leaves["initial_state"] = draw(batch, channels, states)
    return list(leaves), list(leaves.values())


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
