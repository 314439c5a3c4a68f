"""The known-answer test that the compiled kernels take before they are used.

A kernel that is wrong on this processor is worse than a slow one, so the kernels compute
small problems first: a scan from a state, a Mamba block over one long sequence and one over
many short ones, each with all gradients. Sizes are no multiples of anything that a kernel
may work in.

The right answers are written down here instead of being computed beside: that is cheap, and
it does not depend on what else may be wrong with the machine. One number stands for each
tensor, the sum of its elements times fixed weights; a wrong element changes it by about as
much as it changes the tensor's norm. Inputs and weights come from a formula that every
machine computes alike, and a test holds the answers against the reference scan and the
step-by-step block in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

TOLERANCE = 1e-4
"""Largest error of an answer, relative to the norm of its tensor."""

CHANNELS, STATES, LENGTH = 20, 16, 70

SCAN: Mapping[str, float] = {
    "output": -29.550742360,
    "final state": 1.508101216,
    "gradient of u": 0.068083010,
    "gradient of delta": -9.082690782,
    "gradient of A": -15.917214023,
    "gradient of B": 4.615991338,
    "gradient of C": -58.489287967,
    "gradient of D": -2.426858530,
    "gradient of z": -17.242765235,
    "gradient of delta_bias": -16.761313496,
    "gradient of initial_state": -7.003096245,
}
LONG_BLOCK: Mapping[str, float] = {
    "output": -86.756641637,
    "gradient of tokens": 181.946521266,
    "gradient of in_proj": 158.521910969,
    "gradient of conv_weight": -36.920537568,
    "gradient of conv_bias": 158.370185154,
    "gradient of x_proj": -65.099149682,
    "gradient of dt_proj": -99.388116864,
    "gradient of dt_bias": 22.379707053,
    "gradient of A": 208.062945156,
    "gradient of D": -6.318112880,
    "gradient of out_proj": -71.808182682,
}
SHORT_BLOCK: Mapping[str, float] = {
    "output": -21.909935242,
    "gradient of tokens": 127.053238943,
    "gradient of in_proj": 19.803905150,
    "gradient of conv_weight": 51.506434788,
    "gradient of conv_bias": 215.370715260,
    "gradient of x_proj": -26.285613419,
    "gradient of dt_proj": -3.142906067,
    "gradient of dt_bias": 0.410220055,
    "gradient of A": -4.454738212,
    "gradient of D": -1.767326100,
    "gradient of out_proj": -40.904871155,
}

Answers = dict[str, tuple[float, float]]
"""By tensor, the number that stands for it, and the tensor's norm."""


def problem(scan: Callable[..., Any], block: Callable[..., Any]) -> str:
    """What is wrong with a scan and a block, or an empty string.

    Args:
        scan: A function like :func:`mambahsi.scan.reference.selective_scan_reference`.
        block: A function like :func:`mambahsi.scan.mixer.mamba_mixer`.
    """
    for what, answers, right in (
        ("the scan", scan_answers(scan), SCAN),
        ("a block over a long sequence", block_answers(block, 1, LENGTH), LONG_BLOCK),
        ("a block over short sequences", block_answers(block, 33, 4), SHORT_BLOCK),
    ):
        for name, (number, norm) in answers.items():
            # Written so that NaN counts as wrong.
            if not abs(number - right[name]) < TOLERANCE * norm:
                return f"its self-check gave a wrong result for {what} ({name})"
    return ""


def scan_answers(scan: Callable[..., Any], dtype: torch.dtype = torch.float32) -> Answers:
    """Numbers of a scan's output, final state and gradients."""
    leaves = {
        "u": _values(1, 1, CHANNELS, LENGTH),
        "delta": _values(2, 1, CHANNELS, LENGTH) - 1,
        "A": -torch.exp(_values(3, CHANNELS, STATES)),
        "B": _values(4, 1, STATES, LENGTH),
        "C": _values(5, 1, STATES, LENGTH),
        "D": _values(6, CHANNELS),
        "z": _values(7, 1, CHANNELS, LENGTH),
        "delta_bias": _values(8, CHANNELS),
        "initial_state": _values(9, 1, CHANNELS, STATES),
    }

    def run(*tensors: Tensor) -> dict[str, Tensor]:
        y, state = scan(*tensors[:8], True, tensors[8])
        return {"output": y, "final state": state}

    return _answers(run, leaves, dtype)


def block_answers(
    block: Callable[..., Any], sequences: int, length: int, dtype: torch.dtype = torch.float32
) -> Answers:
    """Numbers of a Mamba block's output and gradients."""
    width, rank, taps = CHANNELS // 2, 2, 4
    leaves = {
        "tokens": _values(11, sequences, length, width),
        "in_proj": _values(12, 2 * CHANNELS, width) / 2,
        "conv_weight": _values(13, CHANNELS, 1, taps) / 2,
        "conv_bias": _values(14, CHANNELS),
        "x_proj": _values(15, rank + 2 * STATES, CHANNELS) / 2,
        "dt_proj": _values(16, CHANNELS, rank),
        "dt_bias": _values(17, CHANNELS) - 2,
        "A": -torch.exp(_values(18, CHANNELS, STATES)),
        "D": _values(19, CHANNELS),
        "out_proj": _values(20, width, CHANNELS),
    }
    return _answers(lambda *tensors: {"output": block(*tensors)}, leaves, dtype)


def _answers(
    run: Callable[..., dict[str, Tensor]], leaves: Mapping[str, Tensor], dtype: torch.dtype
) -> Answers:
    with torch.enable_grad():
        tensors = [leaf.to(dtype).requires_grad_() for leaf in leaves.values()]
        results = run(*tensors)
        loss = sum((x * _weights(x).to(dtype)).sum() for x in results.values())
        gradients = torch.autograd.grad(loss, tensors)  # type: ignore[arg-type]
    named = {**results, **{f"gradient of {n}": g for n, g in zip(leaves, gradients, strict=True)}}
    doubles = {name: tensor.detach().double() for name, tensor in named.items()}
    return {name: (float((x * _weights(x)).sum()), float(x.norm())) for name, x in doubles.items()}


def _values(number: int, *shape: int) -> Tensor:
    """Numbers without a pattern between -1 and 1, another series for each ``number``."""
    places = torch.arange(1, 1 + torch.Size(shape).numel(), dtype=torch.float64)
    return torch.sin(0.7 * places * places + number * places).reshape(shape)


def _weights(tensor: Tensor) -> Tensor:
    """Weights with a mean square of 1."""
    return 2**0.5 * _values(21, *tensor.shape)
