"""The parameters of a Mamba block as the kernels want them, and their gradients.

The kernels work on sixteen channels at a time, so the channels are filled up with ones whose
weights are all zero. They stay zero wherever they go and add nothing to anything.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from mambahsi.scan.carry import Carry
from mambahsi.scan.kernels import LOG2_E, STATES
from mambahsi.scan.products import Projection
from mambahsi.scan.vector_code import LANES


@dataclass(frozen=True)
class MixerWeights:
    """A block's parameters, free of autograd; c channels, a multiple of sixteen.

    Attributes:
        x_in: Half of the input projection, (c, width).
        z_in: The other half, for the gate, (c, width).
        taps: Convolution, (taps, c).
        conv_bias: (c,).
        drive: Projection to step sizes, B and C, and zeros up to a multiple of sixteen,
            (rank + 2 states or more, c).
        step: Projection of the step sizes, (rank, c).
        step_bias: (c,).
        rate: A times log2(e), (states, c).
        skip: D, (c,).
        out: Output projection, (width, c).
    """

    x_in: Projection
    z_in: Projection
    taps: Tensor
    conv_bias: Tensor
    drive: Projection
    step: Tensor
    step_bias: Tensor
    rate: Tensor
    skip: Tensor
    out: Projection

    @classmethod
    def of(cls, parameters: tuple[Tensor, ...]) -> MixerWeights:
        """From the parameters in the order of :func:`mambahsi.scan.mixer.mamba_mixer`."""
        w_in, taps, conv_bias, w_x, w_step, step_bias, rate, skip, w_out = (
            p.detach() for p in parameters
        )
        channels = w_out.shape[1]

        def filled(tensor: Tensor, axis: int) -> Tensor:
            missing = -tensor.shape[axis] % LANES
            if missing:
                shape = list(tensor.shape)
                shape[axis] = missing
                tensor = torch.cat([tensor, tensor.new_zeros(shape)], axis)
            return tensor.contiguous()

        return cls(
            Projection(filled(w_in[:channels], 0)),
            Projection(filled(w_in[channels:], 0)),
            filled(taps[:, 0].t(), 1),
            filled(conv_bias, 0),
            Projection(filled(filled(w_x, 1), 0), w_x.shape[0]),
            filled(w_step.t(), 1),
            filled(step_bias, 0),
            filled(rate.t() * LOG2_E, 1),
            filled(skip, 0),
            Projection(filled(w_out, 1)),
        )

    @property
    def channels(self) -> int:
        """Channels, those that fill up included."""
        return self.skip.shape[0]

    @property
    def tiles(self) -> int:
        """Groups of sixteen channels."""
        return self.channels // LANES

    @property
    def rank(self) -> int:
        """Numbers that the step sizes of a token come from."""
        return self.step.shape[0]

    @property
    def reach(self) -> int:
        """Rows before its own that the convolution sees."""
        return self.taps.shape[0] - 1

    def start(self) -> Carry:
        """What a sequence carries before its first row."""
        return Carry.start(self.reach, self.channels, STATES)


class ChannelSums:
    """Gradients that the kernels add up channel by channel, in the shapes of the weights.

    All of them are rows of one table. ``rate`` is the gradient of A itself.
    """

    def __init__(self, w: MixerWeights) -> None:
        names = ("taps", "conv_bias", "step", "step_bias", "rate", "skip")
        shapes = [getattr(w, name).shape for name in names]
        rows = [math.prod(shape[:-1]) for shape in shapes]
        self.table = torch.zeros(sum(rows), w.channels)
        self.taps, self.conv_bias, self.step, self.step_bias, self.rate, self.skip = (
            part.view(shape) for part, shape in zip(self.table.split(rows), shapes, strict=True)
        )


class MixerGradients:
    """Gradients of a block's parameters, in the shapes of :class:`MixerWeights`."""

    def __init__(self, w: MixerWeights) -> None:
        self.sums = ChannelSums(w)
        self.x_in, self.z_in, self.drive, self.out = (
            torch.zeros_like(p.weight) for p in (w.x_in, w.z_in, w.drive, w.out)
        )

    def take(self, other: MixerGradients) -> None:
        """Add what a chunk gave, or a sequence."""
        for own, others in zip(self._tables(), other._tables(), strict=True):
            own += others

    def clear(self) -> None:
        """Begin anew."""
        for table in self._tables():
            table.zero_()

    def _tables(self) -> tuple[Tensor, ...]:
        return self.sums.table, self.x_in, self.z_in, self.drive, self.out

    def of_parameters(self, channels: int) -> tuple[Tensor, ...]:
        """In the order and the shapes of the parameters, ``channels`` being their number."""
        c, sums, drive = channels, self.sums, self.sums.step.shape[0] + 2 * STATES
        return (
            torch.cat([self.x_in[:c], self.z_in[:c]]),
            sums.taps[:, :c].t().unsqueeze(1),
            sums.conv_bias[:c],
            self.drive[:drive, :c],
            sums.step[:, :c].t(),
            sums.step_bias[:c],
            sums.rate[:, :c].t(),
            sums.skip[:c],
            self.out[:, :c],
        )
