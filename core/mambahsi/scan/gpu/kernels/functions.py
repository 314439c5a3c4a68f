"""Functions of numbers that the kernels share.

Written for what float32 and the GPU's approximate instructions give. softplus must be exact
relative to its value, because step sizes start between 0.001 and 0.1, where the hardware's
logarithm of ``1 + exp(x)`` would keep three digits of them.
"""

from __future__ import annotations

import triton
import triton.language as tl

LOG2_E = tl.constexpr(1.4426950408889634)


@triton.jit
def sigmoid(x):
    """1 / (1 + exp(-x)); where exp overflows the quotient is 0, as it should be."""
    return 1.0 / (1.0 + tl.exp2(-x * LOG2_E))


@triton.jit
def silu(x):
    """x sigmoid(x)."""
    return x * sigmoid(x)


@triton.jit
def silu_slope(x):
    """The derivative of silu."""
    s = sigmoid(x)
    return s * (1.0 + x * (1.0 - s))


@triton.jit
def softplus(x):
    """log(1 + exp(x)) to float32's precision, for any x.

    With q = exp(-|x|), it is max(x, 0) + log(1 + q), and log(1 + q) = 2 artanh(q / (2 + q)),
    whose series is summed: its argument is at most 1/3, so the term left out is below 2e-9 of
    the result. Above 20, where PyTorch takes x itself, both are the same number.
    """
    q = tl.exp2(-tl.abs(x) * LOG2_E)
    s = q / (2.0 + q)
    w = s * s
    series = 1.0 / 15.0
    series = series * w + 1.0 / 13.0
    series = series * w + 1.0 / 11.0
    series = series * w + 1.0 / 9.0
    series = series * w + 1.0 / 7.0
    series = series * w + 1.0 / 5.0
    series = series * w + 1.0 / 3.0
    series = series * w + 1.0
    return tl.maximum(x, 0.0) + 2.0 * s * series


@triton.jit
def one_minus_exp(x):
    """1 - exp(-x) to float32's precision, for x of at least 0.

    Where the difference would cancel, the series: its first term left out is below 5e-8 of it.
    """
    series = 1.0 - x * (1.0 / 6.0)
    series = 1.0 - x * (1.0 / 5.0) * series
    series = 1.0 - x * (1.0 / 4.0) * series
    series = 1.0 - x * (1.0 / 3.0) * series
    series = 1.0 - x * (1.0 / 2.0) * series
    return tl.where(x < 0.25, x * series, 1.0 - tl.exp2(-x * LOG2_E))
