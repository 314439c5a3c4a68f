"""The stages of a Mamba block on one chunk of rows.

A chunk is small enough to stay in the caches through all stages: input projection,
convolution, projections to what drives the scan, scan, output projection; nothing between
them is ever as long as a scene.

Every thread has buffers of its own, and takes a chunk through all stages alone. What a long
sequence hands from chunk to chunk comes from outside.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mambahsi.scan import kernels
from mambahsi.scan.kernels import SEGMENT
from mambahsi.scan.machine_code import has_wide_registers
from mambahsi.scan.mixer_weights import MixerGradients, MixerWeights
from mambahsi.scan.products import add_weight_gradient
from mambahsi.scan.vector_code import LANES


class Forward:
    """Buffers and stages of the forward pass.

    Args:
        w: The block's weights.
        rows: Most rows of a chunk.
        length: Rows of a short sequence, or 0 if all rows are one sequence.
    """

    def __init__(self, w: MixerWeights, rows: int, length: int = 0) -> None:
        self.w = w
        self.segment = length or SEGMENT
        self.x, self.z = torch.empty(2, rows, w.channels)
        self.drive = torch.empty(rows, len(w.drive.weight))
        self.deltas = torch.empty(SEGMENT, LANES)
        short = length > 0
        self.convolution = kernels.convolution(w.reach + 1, short=short)
        self.scan_kernel = kernels.scan(
            w.rank, short=short, gated=True, softplus=True, wide=has_wide_registers()
        )

    def enter(self, tokens: Tensor, context: Tensor | None) -> None:
        """Project the tokens, convolve them, and project them to what drives the scan.

        ``context`` holds the rows before the chunk as the convolution sees them, and then the
        chunk's last ones; None for short sequences.
        """
        w, n = self.w, tokens.shape[0]
        x = self.x[:n]
        w.x_in.apply(tokens, x)
        w.z_in.apply(tokens, self.z[:n])
        self.convolution(x, w.taps, w.conv_bias, context, x, n, self.segment, 0, w.tiles)
        w.drive.apply(x, self.drive[:n])

    def scan(
        self, n: int, state: Tensor | None, kept: Tensor | None, first: int, last: int
    ) -> None:
        """Scan the tiles from ``first`` to before ``last``; the result takes the place of what
        was projected."""
        w = self.w
        self.scan_kernel(
            self.x, None, self.drive, self.z, w.step, w.step_bias, w.rate, w.skip,
            state, kept, self.deltas, self.x,
            0, 0 if kept is None else 1, w.channels, n, self.segment, first, last,
        )  # fmt: skip

    def leave(self, out: Tensor) -> None:
        """Project the result."""
        self.w.out.apply(self.x[: out.shape[0]], out)


class Backward:
    """Buffers and stages of the backward pass, which computes the forward pass once more.

    Args:
        w: The block's weights.
        rows: Most rows of a chunk.
        length: Rows of a short sequence, or 0 if all rows are one sequence.

    Attributes:
        gradients: Those of the weights, added up since they were last cleared.
    """

    def __init__(self, w: MixerWeights, rows: int, length: int = 0) -> None:
        self.w = w
        self.segment = length or SEGMENT
        # Added one by one to the sums of a whole scene, what few rows give would be rounded
        # away. So the gradients of a chunk are added up first.
        self.gradients = MixerGradients(w)
        # Before and behind the convolution; gate; output's gradient, then output; gradient
        # behind the convolution. Gradients take the places of what they belong to.
        self.raw, self.x, self.z, self.y, self.dx = torch.empty(5, rows, w.channels)
        self.drive, self.ddrive = torch.empty(2, rows, len(w.drive.weight))
        self.scratch = torch.empty(kernels.scratch_rows(self.segment), LANES)
        short = length > 0
        self.convolution = kernels.convolution(w.reach + 1, short=short)
        self.convolution_gradient = kernels.convolution_gradient(w.reach + 1, short=short)
        self.scan_gradient = kernels.scan_gradient(
            w.rank, short=short, gated=True, softplus=True, wide=has_wide_registers()
        )

    def enter(self, tokens: Tensor, context: Tensor | None, dout: Tensor) -> None:
        """The forward pass up to the scan, and the gradient of the output before its projection.

        ``context`` holds the rows before the chunk as the convolution sees them; None for short
        sequences.
        """
        w, n = self.w, len(tokens)
        raw, x = self.raw[:n], self.x[:n]
        w.x_in.apply(tokens, raw)
        w.z_in.apply(tokens, self.z[:n])
        # The kernel leaves its last rows in the context, which the gradient needs as it is.
        passing = None if context is None else context.clone()
        self.convolution(raw, w.taps, w.conv_bias, passing, x, n, self.segment, 0, w.tiles)
        w.drive.apply(x, self.drive[:n])
        self.ddrive[:n] = 0
        w.out.gradient(dout, self.y[:n])

    def scan(
        self, n: int, kept: Tensor | None, dstate: Tensor | None, first: int, last: int
    ) -> None:
        """Gradient of the scan, for the tiles from ``first`` to before ``last``.

        ``dstate`` is the gradient of the state behind the chunk, then of that before it.
        """
        w, sums = self.w, self.gradients.sums
        self.scan_gradient(
            self.x, None, self.drive, self.z, w.step, w.step_bias, w.rate, w.skip, kept, self.y,
            dstate, self.scratch,
            self.y, self.dx, None, self.ddrive, self.z,
            sums.step, sums.step_bias, sums.rate, sums.skip,
            0, w.channels, n, self.segment, first, last,
        )  # fmt: skip

    def project(self, n: int) -> None:
        """Gradient behind the convolution, from all that it gives to."""
        self.w.drive.gradient(self.ddrive[:n], self.dx[:n], add=True)

    def convolve(
        self, n: int, context: Tensor | None, after: Tensor | None, first: int, last: int
    ) -> None:
        """Gradient of the convolution, for the tiles from ``first`` to before ``last``.

        ``after`` holds the gradients of the rows behind the chunk, then of its first ones.
        """
        w, sums = self.w, self.gradients.sums
        self.convolution_gradient(
            self.raw, w.taps, w.conv_bias, context, after, self.dx, self.raw,
            sums.taps, sums.conv_bias, n, self.segment, first, last,
        )  # fmt: skip

    def leave(self, tokens: Tensor, dout: Tensor, dtokens: Tensor, *, add: bool) -> None:
        """Gradients of the weights, and of the tokens, put into ``dtokens`` or added to it."""
        w, g, n = self.w, self.gradients, len(tokens)
        dx, dz, ddrive = self.raw[:n], self.z[:n], self.ddrive[:n]
        add_weight_gradient(ddrive, self.x[:n], g.drive)
        add_weight_gradient(dout, self.y[:n], g.out)
        add_weight_gradient(dx, tokens, g.x_in)
        add_weight_gradient(dz, tokens, g.z_in)
        w.x_in.gradient(dx, dtokens, add=add)
        w.z_in.gradient(dz, dtokens, add=True)
