"""Launches of the convolution's kernels on tables of rows (see :mod:`mambahsi.scan.gpu.tables`)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mambahsi.scan.gpu.kernels import convolution
from mambahsi.scan.gpu.tables import as_rows, blocks_of

_ROWS, _CHANNELS = 32, 64
"""What a program takes."""


@dataclass(frozen=True)
class Convolution:
    """A convolution of the rows of a table.

    Attributes:
        weight: (taps, channels), contiguous.
        bias: (channels,).
        context: The rows before the first one, (taps - 1, channels), float32.
        length: Rows of each sequence.
    """

    weight: Tensor
    bias: Tensor
    context: Tensor
    length: int

    def _sizes(self) -> dict[str, int]:
        taps, channels = self.weight.shape
        return {
            "CHANNELS": channels, "TAPS": taps, "RB": _ROWS, "CB": _CHANNELS, "num_warps": 4,
        }  # fmt: skip

    def _programs(self, rows: int) -> tuple[int]:
        return (blocks_of(rows, _ROWS) * blocks_of(len(self.bias), _CHANNELS),)

    def apply(self, x: Tensor, u: Tensor) -> None:
        """Put silu(convolution of x) into u; both (rows, channels)."""
        convolution.convolve[self._programs(len(x))](
            *as_rows(x), self.context, self.weight, self.bias, *as_rows(u), len(x), self.length,
            **self._sizes(),
        )  # fmt: skip

    def gradient(
        self, x: Tensor, du: Tensor, after: Tensor, dx: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Gradients of the weight and the bias, and the ``after`` of the rows before these.

        Args:
            x: As in :meth:`apply`.
            du: Gradient of what that gave, (rows, channels), contiguous, float32; is changed.
            after: What the call for the rows behind these gave, or zeros; (taps - 1, channels).
            dx: Gets the gradient of x, (rows, channels).
        """
        taps, channels = self.weight.shape
        rows, programs = len(x), self._programs(len(x))
        convolution.back_through_silu[programs](
            *as_rows(x), self.context, self.weight, self.bias, du, rows, self.length,
            **self._sizes(),
        )  # fmt: skip
        sums = du.new_empty(blocks_of(rows, _ROWS), taps + 1, channels)
        convolution.back_through_convolution[programs](
            *as_rows(x), self.context, self.weight, du, after, *as_rows(dx), sums, rows,
            self.length, **self._sizes(),
        )  # fmt: skip
        total, before = sums.sum(0), torch.zeros_like(after)
        before[:rows] = du[: taps - 1]
        return total[:taps], total[taps], before
