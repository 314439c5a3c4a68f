"""The stages of a Mamba block on one chunk of rows.

A chunk is small enough to stay in the caches through all stages: input projection,
convolution, projections to what drives the scan, scan, output projection; nothing between
them is ever as long as a scene. Matrix products go through PyTorch.

Where several threads work on one long sequence, convolution and scan divide the channels,
because rows depend on each other there. The projections in front of them are divided in the
same way, so that threads have to wait for each other only twice in a chunk: when every
thread's share of the sums over channels is there, and when all channels are scanned.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mambahsi.scan import kernels
from mambahsi.scan.carry import Carry
from mambahsi.scan.kernels import SEGMENT, STATES
from mambahsi.scan.mixer_weights import ChannelSums, MixerGradients, MixerWeights
from mambahsi.scan.threads import Member
from mambahsi.scan.vector_code import LANES


class Forward:
    """Buffers and stages of the forward pass.

    Args:
        w: The block's weights.
        rows: Most rows of a chunk.
        members: Threads that share a chunk.
        length: Rows of a short sequence, or 0 if all rows are one sequence.
    """

    def __init__(self, w: MixerWeights, rows: int, members: int, length: int = 0) -> None:
        self.w = w
        self.short = length > 0
        self.segment = length or SEGMENT
        self.x = torch.empty(rows, w.channels)
        self.z = torch.empty(rows, w.channels)
        self.drives = torch.empty(members, rows, w.drive.shape[0])
        self.convolution = kernels.convolution(w.reach + 1, short=self.short)
        self.scan_kernel = kernels.scan(w.rank, short=self.short, gated=True, softplus=True)

    def enter(self, member: Member, tokens: Tensor, carry: Carry | None) -> None:
        """Project own channels, convolve them, and project them to what drives the scan."""
        w, n = self.w, len(tokens)
        first, last = member.share(w.tiles)
        if first == last:
            self.drives[member.number, :n].zero_()
            return
        own = slice(first * LANES, last * LANES)
        x = self.x[:n, own]
        torch.mm(tokens, w.x_in[own].t(), out=x)
        torch.mm(tokens, w.z_in[own].t(), out=self.z[:n, own])
        context = carry.context if carry else None
        self.convolution(self.x, w.taps, w.conv_bias, context, self.x, n, self.segment, first, last)
        torch.mm(x, w.drive[:, own].t(), out=self.drives[member.number, :n])

    def scan(self, member: Member, n: int, carry: Carry | None, kept: Tensor | None) -> None:
        """Scan own channels; the result takes the place of what was projected."""
        w = self.w
        first, last = member.share(w.tiles)
        drive = self.drives[0] if member.count == 1 else self.drives[:, :n].sum(0)
        self.scan_kernel(
            self.x, None, drive, self.z, w.step, w.step_bias, w.rate, w.skip,
            carry.state if carry else None, kept, self.x,
            0, 0 if kept is None else 1, w.channels, n, self.segment, first, last,
        )  # fmt: skip

    def leave(self, a: int, b: int, out: Tensor) -> None:
        """Project the result of rows ``a`` to ``b``."""
        torch.mm(self.x[a:b], self.w.out.t(), out=out)


class Backward:
    """Buffers and stages of the backward pass, which computes the forward pass once more.

    Args:
        w: The block's weights.
        rows: Most rows of a chunk.
        members: Threads that share a chunk.
        length: Rows of a short sequence, or 0 if all rows are one sequence.
    """

    def __init__(self, w: MixerWeights, rows: int, members: int, length: int = 0) -> None:
        self.w = w
        self.short = length > 0
        self.segment = length or SEGMENT
        self.gradients = MixerGradients(w)
        # What the kernels add up in one chunk. Added one by one to the sums of a whole scene,
        # the few rows of a short sequence would be rounded away.
        self.sums = ChannelSums(w)
        size = w.drive.shape[0]
        # Before and behind the convolution; gate; output's gradient, then output; gradient
        # behind the convolution. Gradients take the places of what they belong to.
        self.raw, self.x, self.z, self.y, self.dx = (
            torch.empty(rows, w.channels) for _ in range(5)
        )
        self.drives = torch.empty(members, rows, size)
        self.ddrives = torch.empty(members, rows, size)
        self.dtokens = torch.empty(members, rows, w.x_in.shape[1])
        self.scratch = torch.empty(members, kernels.scratch_rows(self.segment), LANES)
        if not self.short:
            # Gradients of what the rows behind the chunk take from it.
            self.after = torch.zeros(w.reach, w.channels)
            self.dstate = torch.zeros(STATES, w.channels)
        self.convolution = kernels.convolution(w.reach + 1, short=self.short)
        self.convolution_gradient = kernels.convolution_gradient(w.reach + 1, short=self.short)
        self.scan_gradient = kernels.scan_gradient(
            w.rank, short=self.short, gated=True, softplus=True
        )

    def project(self, a: int, b: int, dout: Tensor) -> None:
        """Gradient of the output of rows ``a`` to ``b``, from that of the projected output."""
        torch.mm(dout, self.w.out, out=self.y[a:b])

    def enter(self, member: Member, tokens: Tensor, context: Tensor | None) -> None:
        """The forward pass up to the scan, for own channels.

        ``context`` holds the rows before the chunk as the convolution sees them.
        """
        w, n = self.w, len(tokens)
        first, last = member.share(w.tiles)
        if first == last:
            self.drives[member.number, :n].zero_()
            return
        own = slice(first * LANES, last * LANES)
        torch.mm(tokens, w.x_in[own].t(), out=self.raw[:n, own])
        torch.mm(tokens, w.z_in[own].t(), out=self.z[:n, own])
        # The kernel leaves its last rows in the context, which the gradient needs as it is.
        passing = None if context is None else context.clone()
        self.convolution(
            self.raw, w.taps, w.conv_bias, passing, self.x, n, self.segment, first, last
        )
        torch.mm(self.x[:n, own], w.drive[:, own].t(), out=self.drives[member.number, :n])

    def scan(self, member: Member, n: int, kept: Tensor | None) -> None:
        """Gradient of the scan, for own channels."""
        w, sums = self.w, self.sums
        first, last = member.share(w.tiles)
        drive = self.drives[0] if member.count == 1 else self.drives[:, :n].sum(0)
        ddrive = self.ddrives[member.number, :n].zero_()
        self.scan_gradient(
            self.x, None, drive, self.z, w.step, w.step_bias, w.rate, w.skip, kept, self.y,
            None if self.short else self.dstate, self.scratch[member.number],
            self.y, self.dx, None, ddrive, self.z, sums.step, sums.step_bias, sums.rate, sums.skip,
            0, w.channels, n, self.segment, first, last,
        )  # fmt: skip

    def gather(self, member: Member, tokens: Tensor, dout: Tensor, context: Tensor | None) -> None:
        """Gradients of the weights of own channels, and what these give to the tokens'."""
        w, g, n = self.w, self.gradients, len(tokens)
        first, last = member.share(w.tiles)
        dtokens = self.dtokens[member.number, :n]
        if first == last:
            dtokens.zero_()
            return
        own = slice(first * LANES, last * LANES)
        ddrive = self.ddrives[0, :n] if member.count == 1 else self.ddrives[:, :n].sum(0)
        x, raw, dx, dz = (t[:n, own] for t in (self.x, self.raw, self.dx, self.z))
        # A product adds up the rows of a chunk by itself, and is then added to the others.
        g.drive[:, own] += ddrive.t() @ x
        g.out[:, own] += dout.t() @ self.y[:n, own]
        dx.addmm_(ddrive, w.drive[:, own])
        self.convolution_gradient(
            self.raw, w.taps, w.conv_bias, context, None if self.short else self.after,
            self.dx, self.raw, self.sums.taps, self.sums.conv_bias, n, self.segment, first, last,
        )  # fmt: skip
        g.sums.table[:, own] += self.sums.table[:, own]
        self.sums.table[:, own] = 0
        g.x_in[own] += raw.t() @ tokens
        g.z_in[own] += dz.t() @ tokens
        torch.mm(raw, w.x_in[own], out=dtokens)
        dtokens.addmm_(dz, w.z_in[own])

    def token_gradient(self, a: int, b: int) -> Tensor:
        """Gradient of the tokens of rows ``a`` to ``b``, from all threads."""
        parts = self.dtokens[:, a:b]
        return parts[0] if len(parts) == 1 else parts.sum(0)
