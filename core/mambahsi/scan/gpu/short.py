"""A whole Mamba block over many short sequences, on a graphics card.

The kernels (:mod:`mambahsi.scan.gpu.kernels.short`) take everything from the tokens to the output
in one go, so that a pixel's tokens are read once and written once. Saved for the backward pass are
the tokens alone.

The weights come to the kernels as one table of rows as wide as the channels, padded to the sizes
that matrix products take, and the gradients leave them in the same form: one table for each
program, added up in a fixed order. So the same input gives the same bits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from mambahsi import cancellation
from mambahsi.scan.gpu import tuning
from mambahsi.scan.gpu.kernels import short as kernels

LONGEST = 8
"""Tokens of a sequence: more would not stay in registers."""

WIDEST = 64
"""Channels of the scan: the same is true of these, and of shared memory in the backward pass."""

TILE = 16
"""Sequences that a program takes at a time, the least that a matrix product takes."""

WARPS = {"forward": 4, "backward": 8}
"""Warps of a program, by pass."""

_SMALLEST = 16
"""Least size of a matrix product's sides."""


@dataclass(frozen=True)
class Sizes:
    """Sizes of a block and of its table of weights.

    Attributes:
        length: Tokens of a sequence.
        width: Channels of a token.
        channels: Channels of the scan.
        rank: Of the step sizes.
        states: Of the scan.
        taps: Of the convolution.
    """

    length: int
    width: int
    channels: int
    rank: int
    states: int
    taps: int

    @classmethod
    def of(cls, tokens: Tensor, parameters: tuple[Tensor, ...]) -> Sizes:
        """Of tokens and of a block's parameters, as :func:`mix_short` takes them."""
        _, conv_weight, _, _, dt_proj, _, A, _, _ = parameters
        channels, _, taps = conv_weight.shape
        length, width = tokens.shape[1:]
        return cls(length, width, channels, dt_proj.shape[1], A.shape[1], taps)

    @property
    def padded(self) -> tuple[int, int, int]:
        """Width, channels and states as powers of two that products take."""
        width, channels, states = (
            max(_SMALLEST, _power_of_two(size)) for size in (self.width, self.channels, self.states)
        )
        return width, channels, states

    @property
    def columns(self) -> int:
        """Places for a B and a C of each token, a power of two."""
        return _power_of_two(2 * self.length)

    @property
    def constants(self) -> dict[str, Any]:
        """What the kernels are compiled for."""
        width, channels, states = self.padded
        return {
            "L": self.length,
            "D": self.width,
            "DM": width,
            "C": channels,
            "N": states,
            "STATES": self.states,
            "TAPS": self.taps,
            "LEVELS": self.columns.bit_length() - 1,
            "P": TILE,
        }

    @property
    def room(self) -> int:
        """Numbers of a program's room for the columns of B and C."""
        return self.padded[2] * self.columns * TILE

    def pack(self, parameters: tuple[Tensor, ...]) -> Tensor:
        """The parameters as a table, float32 (rows, padded channels).

        The two projections that give the step sizes are multiplied into one, and the rates A by
        the logarithm of e to the base 2.
        """
        in_proj, conv_weight, conv_bias, x_proj, dt_proj, dt_bias, A, D, out_proj = parameters
        c = self.channels
        rank, B, C = x_proj.split([self.rank, self.states, self.states])
        step = (dt_proj.double() @ rank.double()).t()
        rates = A.t() * math.log2(math.e)
        taps = conv_weight[:, 0].t()
        parts = [in_proj[:c].t(), in_proj[c:].t(), out_proj, B, C, step, rates, taps]
        parts += [conv_bias[None], dt_bias[None], D[None]]
        padded = [
            F.pad(part.float(), (0, self.padded[1] - c, 0, rows - len(part)))
            for part, rows in zip(parts, self._rows(), strict=True)
        ]
        return torch.cat(padded)

    def unpack(self, table: Tensor, parameters: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The parameters' gradients from the gradient of their table."""
        pieces = table[:, : self.channels].split(self._rows())
        x_in, z_in, out, B, C, step, rates, taps, conv_bias, bias, skip = pieces
        B, C, rates = (part[: self.states] for part in (B, C, rates))
        rank, dt_proj = parameters[3][: self.rank].double(), parameters[4].double()
        dstep = step[: self.channels].double()
        gradients = (
            torch.cat([x_in[: self.width].t(), z_in[: self.width].t()]),
            taps.t()[:, None],
            conv_bias[0],
            torch.cat([(dstep @ dt_proj).t().float(), B, C]),
            dstep.t() @ rank.t(),
            bias[0],
            rates.t(),
            skip[0],
            out[: self.width],
        )
        return tuple(
            gradient.to(parameter.dtype).contiguous()
            for gradient, parameter in zip(gradients, parameters, strict=True)
        )

    def _rows(self) -> list[int]:
        """Rows of the table's parts."""
        width, channels, states = self.padded
        return [width, width, width, states, states, channels, states, self.taps, 1, 1, 1]


class _MixShort(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, tokens: Tensor, *parameters: Tensor) -> Tensor:
        ctx.save_for_backward(tokens, *parameters)
        return run_forward(tokens, parameters)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dout: Tensor) -> tuple[Tensor | None, ...]:
        tokens, *parameters = ctx.saved_tensors
        return run_backward(tokens, tuple(parameters), dout)


def mix_short(
    tokens: Tensor,
    in_proj: Tensor,
    conv_weight: Tensor,
    conv_bias: Tensor,
    x_proj: Tensor,
    dt_proj: Tensor,
    dt_bias: Tensor,
    A: Tensor,
    D: Tensor,
    out_proj: Tensor,
) -> Tensor:
    """Run a Mamba block over short sequences; differentiable in every tensor.

    d is the width of a token, c the channels. Everything between the tokens and the output is
    computed in float32, whatever their types.

    Args:
        tokens: float32 or bfloat16 (sequences, length, d), with a length of at most
            :data:`LONGEST`.
        in_proj: (2 c, d).
        conv_weight: (c, 1, taps).
        conv_bias: (c,).
        x_proj: (rank + 2 states, c).
        dt_proj: (c, rank).
        dt_bias: (c,).
        A: Rates, negative, (c, states).
        D: (c,).
        out_proj: (d, c).

    Returns:
        (sequences, length, d), of the tokens' type.

    Raises:
        ValueError: The sequences are too long.
        Cancelled: A stop was asked for.
    """
    if tokens.shape[1] > LONGEST:
        raise ValueError(f"sequences have {tokens.shape[1]} tokens; short are at most {LONGEST}")
    result: Tensor = _MixShort.apply(
        tokens.contiguous(),
        *(in_proj, conv_weight, conv_bias, x_proj, dt_proj, dt_bias, A, D, out_proj),
    )
    return result


def run_forward(
    tokens: Tensor, parameters: tuple[Tensor, ...], out: Tensor | None = None
) -> Tensor:
    """The block's output, without a gradient.

    Args:
        tokens: As :func:`mix_short` takes them, contiguous.
        parameters: As :func:`mix_short` takes them.
        out: Gets the output; made if None.
    """
    cancellation.raise_if_requested()
    sizes = Sizes.of(tokens, parameters)
    out = torch.empty_like(tokens) if out is None else out
    if not tokens.numel():
        return out
    programs = _programs(tokens, tuning.of(tokens.device).forward)
    rooms = tokens.new_empty(programs * sizes.room, dtype=torch.float32)
    table = sizes.pack(parameters)
    # Triton launches on the current device, which need not be the tokens'.
    with torch.cuda.device_of(tokens):
        kernels.mix_short_forward[(programs,)](
            tokens, out, table, rooms, len(tokens),
            **sizes.constants, EXACT=tokens.dtype == torch.float32,
            num_warps=WARPS["forward"], num_stages=1,
        )  # fmt: skip
    return out


def run_backward(
    tokens: Tensor,
    parameters: tuple[Tensor, ...],
    dout: Tensor,
) -> tuple[Tensor, ...]:
    """Gradients of the tokens and of the parameters.

    Args:
        tokens: As :func:`mix_short` takes them, contiguous.
        parameters: As :func:`mix_short` takes them.
        dout: Gradient of the output.
    """
    cancellation.raise_if_requested()
    sizes = Sizes.of(tokens, parameters)
    dout = dout.to(tokens.dtype).contiguous()
    dtokens = torch.empty_like(tokens)
    if not tokens.numel():
        return (dtokens, *(torch.zeros_like(parameter) for parameter in parameters))
    programs = _programs(tokens, tuning.of(tokens.device).backward)
    table = sizes.pack(parameters)
    rooms = tokens.new_empty(programs * 2 * sizes.room, dtype=torch.float32)
    shares = tokens.new_zeros(programs, *table.shape, dtype=torch.float32)
    with torch.cuda.device_of(tokens):
        kernels.mix_short_backward[(programs,)](
            tokens, dout, dtokens, table, shares, rooms, len(tokens),
            **sizes.constants, EXACT=tokens.dtype == torch.float32,
            num_warps=WARPS["backward"], num_stages=1,
        )  # fmt: skip
    return (dtokens, *sizes.unpack(shares.sum(0), parameters))


def _programs(tokens: Tensor, each: int) -> int:
    """Programs that share the tiles: a few for each multiprocessor of the card."""
    processors = 1
    if tokens.is_cuda:
        processors = torch.cuda.get_device_properties(tokens.device).multi_processor_count
    return min(-(-len(tokens) // TILE), processors * each)


def _power_of_two(size: int) -> int:
    """The smallest power of two that is no smaller."""
    return 1 << (size - 1).bit_length()
