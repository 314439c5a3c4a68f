"""Launches of the scan's kernels on tables of rows.

A table holds the tokens of one or several sequences of the same length, one after the other,
as rows, (rows, channels), with the channels side by side. Its rows may be parts of wider rows.
Tables are float32 or half precision; everything else is float32: parameters, states,
gradients of parameters.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mambahsi.scan.gpu import tuning
from mambahsi.scan.gpu.kernels import gradients
from mambahsi.scan.gpu.kernels import scan as scanning

KEEP = 4
"""Tokens whose states a program holds in registers in the backward pass."""

_CHANNELS = 32
_CARRY_NUMBERS, _CARRY_CHUNKS = 128, 8


def blocks_of(total: int, size: int) -> int:
    return -(-total // size)


def _power(number: int) -> int:
    """The smallest power of two that is no less."""
    return 1 << max(0, number - 1).bit_length()


@dataclass(frozen=True)
class Drive:
    """What a scan works on.

    Attributes:
        u: Input, (rows, channels).
        step: Step sizes before bias and softplus, (rows, channels); or, with ``weight``, what
            they are a projection of, (rows, rank).
        B: Input weights, (rows, states).
        C: Output weights, (rows, states).
        z: Gate, (rows, channels), or None.
        weight: (rank, channels), contiguous, or None.
        bias: Of the step sizes, (channels,).
        A: Rates, (states, channels), contiguous.
        D: Skip weights, (channels,).
        softplus: Whether step sizes go through softplus.
        length: Tokens of each sequence.
    """

    u: Tensor
    step: Tensor
    B: Tensor
    C: Tensor
    z: Tensor | None
    weight: Tensor | None
    bias: Tensor
    A: Tensor
    D: Tensor
    softplus: bool
    length: int

    @property
    def channels(self) -> int:
        return self.A.shape[1]

    @property
    def states(self) -> int:
        return self.A.shape[0]

    @property
    def sequences(self) -> int:
        return len(self.u) // self.length

    @property
    def chunk(self) -> int:
        return min(tuning.of(self.u.device).chunk, self.length)

    @property
    def chunks(self) -> int:
        """Chunks of each sequence."""
        return blocks_of(self.length, self.chunk)

    @property
    def blocks(self) -> int:
        """Blocks of channels."""
        return blocks_of(self.channels, _CHANNELS)

    @property
    def all_chunks(self) -> int:
        """Chunks of all sequences."""
        return self.sequences * self.chunks

    @property
    def programs(self) -> tuple[int]:
        return (self.all_chunks * self.blocks,)

    @property
    def sizes(self) -> dict[str, int]:
        """Constants of the kernels that take a chunk."""
        return {
            "CHANNELS": self.channels, "STATES": self.states, "CB": _CHANNELS,
            "SP": _power(self.states), "num_warps": 1,
        }  # fmt: skip

    @property
    def step_sizes(self) -> dict[str, int | bool]:
        """Constants of the kernels that compute step sizes."""
        rank = 0 if self.weight is None else len(self.weight)
        return {"RANK": rank, "RP": _power(rank), "SOFTPLUS": self.softplus}

    @property
    def steps(self) -> tuple[Tensor, Tensor]:
        """Weight and bias of the step sizes; what is not touched stands for no weight."""
        return self.bias if self.weight is None else self.weight, self.bias

    @property
    def gate(self) -> Tensor:
        """The gate; what is not touched stands for none."""
        return self.u if self.z is None else self.z

    def new_states(self, number: int) -> Tensor:
        """Room for states, (number, states, channels)."""
        return self.A.new_empty(number, self.states, self.channels)


def as_rows(table: Tensor) -> tuple[Tensor, int]:
    """A table and the distance of its rows; its columns have to lie side by side."""
    assert table.stride(1) == 1 or table.shape[1] == 1
    return table, table.stride(0)


def states_before_chunks(d: Drive, start: Tensor) -> tuple[Tensor, Tensor]:
    """The states before every chunk, and those behind the last token.

    Args:
        d: What to scan.
        start: State before the first token, (sequences, states, channels).

    Returns:
        (chunks of all sequences, states, channels), and like ``start``. With one chunk per
        sequence the latter is left to :func:`scan`.
    """
    if d.chunks == 1:
        return start.clone(), torch.empty_like(start)
    states, last = d.new_states(d.all_chunks), torch.empty_like(start)
    totals = d.A.new_empty(d.all_chunks, d.channels)
    scanning.chunk_ends[d.programs](
        *as_rows(d.u), *as_rows(d.step), *as_rows(d.B), *d.steps, d.A, states, totals,
        d.length, d.chunk, 1, **d.step_sizes, **d.sizes,
    )  # fmt: skip
    _carry(d, totals, states, start, last, backward=False)
    return states, last


def _carry(
    d: Drive, totals: Tensor, states: Tensor, start: Tensor, last: Tensor, *, backward: bool
) -> None:
    programs = d.sequences * blocks_of(d.states * d.channels, _CARRY_NUMBERS)
    scanning.carry_states[(programs,)](
        d.A, totals, states, start, last, d.chunks,
        CHANNELS=d.channels, STATES=d.states, BACKWARD=backward, BLOCK=_CARRY_NUMBERS,
        GROUP=_CARRY_CHUNKS, num_warps=_CARRY_NUMBERS // 32,
    )  # fmt: skip


def scan(d: Drive, starts: Tensor, last: Tensor, y: Tensor) -> None:
    """Scan every chunk from the state before it.

    Args:
        d: What to scan.
        starts: What :func:`states_before_chunks` gave.
        last: Gets the state behind a sequence if that has one chunk.
        y: Gets the output, (rows, channels).
    """
    unused = d.bias
    scanning.outputs[d.programs](
        *as_rows(d.u), *as_rows(d.step), *as_rows(d.B), *as_rows(d.C), *as_rows(d.gate), *d.steps,
        d.A, d.D, starts, last, *as_rows(y), unused, unused, unused, unused, 0,
        d.length, d.chunk, 1, GATED=d.z is not None, LAST=d.chunks == 1, AGAIN=False, KEEP=KEEP,
        **d.step_sizes, **d.sizes,
    )  # fmt: skip


@dataclass
class Gradients:
    """Gradients of what a scan works on; float32.

    ``step`` is (rows, channels) in any case, ``start`` (sequences, states, channels), ``A``
    (states, channels).
    """

    u: Tensor
    step: Tensor
    B: Tensor
    C: Tensor
    A: Tensor
    D: Tensor
    bias: Tensor
    start: Tensor


def scan_gradients(
    d: Drive, starts: Tensor, y: Tensor, dy: Tensor, dz: Tensor | None, dlast: Tensor
) -> Gradients:
    """Scan once more, and compute the gradients.

    Args:
        d: What was scanned.
        starts: What :func:`states_before_chunks` gave.
        y: Gets the output, (rows, channels).
        dy: Gradient of the output, (rows, channels), contiguous, float32; is changed.
        dz: Gets the gradient of the gate, (rows, channels), where there is one.
        dlast: Gradient of the states behind the last token, (sequences, states, channels).
    """
    # Kernels would read past its end where the forward pass cut longer chunks.
    assert len(starts) == d.all_chunks, "chunks of another length than in the forward pass"
    rows, wide = len(d.u), (len(d.u), d.channels)
    kept = d.new_states(d.all_chunks * blocks_of(d.chunk, KEEP))
    deltas = d.A.new_empty(wide)
    scanning.outputs[d.programs](
        *as_rows(d.u), *as_rows(d.step), *as_rows(d.B), *as_rows(d.C), *as_rows(d.gate), *d.steps,
        d.A, d.D, starts, starts, *as_rows(y), dy, kept, deltas,
        *as_rows(dy if dz is None else dz), d.length, d.chunk, 1,
        GATED=dz is not None, LAST=False, AGAIN=True, KEEP=KEEP, **d.step_sizes, **d.sizes,
    )  # fmt: skip
    carry, dfirst = dlast, torch.empty_like(dlast)
    if d.chunks > 1:
        carry = d.new_states(d.all_chunks)
        totals = d.A.new_empty(d.all_chunks, d.channels)
        gradients.chunk_starts[d.programs](
            deltas, dy, *as_rows(d.C), d.A, carry, totals, d.length, d.chunk, 1, **d.sizes
        )
        _carry(d, totals, carry, dlast, dfirst, backward=True)
    du, dstep = d.A.new_empty(wide), d.A.new_empty(wide)
    dB, dC = d.A.new_empty(2, d.blocks, rows, d.states)
    dA, dD, dbias = d.new_states(d.all_chunks), *d.A.new_empty(2, d.all_chunks, d.channels)
    gradients.gradients[d.programs](
        *as_rows(d.u), deltas, dy, *as_rows(d.B), *as_rows(d.C), d.A, d.D, kept, carry, dfirst,
        du, dstep, dB, dC, dA, dD, dbias, d.length, d.chunk, rows,
        SOFTPLUS=d.softplus, FIRST=d.chunks == 1, KEEP=KEEP, **d.sizes,
    )  # fmt: skip
    return Gradients(du, dstep, dB.sum(0), dC.sum(0), dA.sum(0), dD.sum(0), dbias.sum(0), dfirst)
