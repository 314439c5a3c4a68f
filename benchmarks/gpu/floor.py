"""What the card gives at most, measured where the figures beside it are.

- *Bandwidth*: a copy within the card's memory, read and write both counted.
- *Products*: of large square matrices, in float32 with full precision, in TF32, and in bfloat16.
- *Exponentials*: from registers, by :mod:`benchmarks.gpu.exponentials`; without a card, PyTorch's
  own over a small table.

The best of the rounds counts, as what the card can do at all. Traffic, products and exponentials
can go on at the same time, so a floor is the largest of the three and not their sum.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import torch

from benchmarks.gpu.clock import Clock, Work
from benchmarks.gpu.settings import Settings

ROUNDS = 5
EXPONENTIALS = 2**22
"""Numbers that exponentials are taken of."""


@dataclass(frozen=True)
class Need:
    """What some work needs at least.

    Attributes:
        traffic: Bytes to and from memory.
        operations: Floating-point operations.
        exponentials: Number of exponentials.
    """

    traffic: float
    operations: float
    exponentials: float

    def __add__(self, other: Need) -> Need:
        return Need(
            self.traffic + other.traffic,
            self.operations + other.operations,
            self.exponentials + other.exponentials,
        )

    def halved(self) -> Need:
        """The same with all tables in a format of two bytes."""
        return Need(self.traffic / 2, self.operations, self.exponentials)


@dataclass(frozen=True)
class Floors:
    """Seconds that work takes at least.

    Attributes:
        traffic: For the traffic alone.
        operations: For the operations alone.
        exponentials: For the exponentials alone.
    """

    traffic: float
    operations: float
    exponentials: float

    @property
    def largest(self) -> float:
        """What no implementation gets under."""
        return max(self.traffic, self.operations, self.exponentials)


@dataclass(frozen=True)
class Rates:
    """What the card gives in a second.

    Attributes:
        bandwidth: Bytes.
        float32: Operations in float32.
        tf32: Operations in TF32.
        bfloat16: Operations in bfloat16.
        exponentials: Exponentials.
    """

    bandwidth: float
    float32: float
    tf32: float
    bfloat16: float
    exponentials: float

    def floors(self, need: Need, dtype: torch.dtype = torch.float32) -> Floors:
        """The floors of some work.

        Args:
            need: What it needs.
            dtype: What its operations are made in.
        """
        operations = self.bfloat16 if dtype == torch.bfloat16 else self.float32
        return Floors(
            need.traffic / self.bandwidth,
            need.operations / operations,
            need.exponentials / self.exponentials,
        )


def measure(settings: Settings, clock: Clock) -> Rates:
    """Measure this card."""
    device = clock.device
    source = torch.ones(settings.floor_bytes // 4, device=device)
    bandwidth = (
        2 * settings.floor_bytes / _best(clock, partial(torch.empty_like(source).copy_, source))
    )
    del source
    side = settings.floor_side
    rates = []
    for dtype, tf32 in ((torch.float32, False), (torch.float32, True), (torch.bfloat16, False)):
        left, right = (torch.rand(side, side, device=device, dtype=dtype) for _ in range(2))
        out = torch.empty_like(left)
        with _tf32(tf32):
            seconds = _best(clock, partial(torch.mm, left, right, out=out))
        rates.append(2 * side**3 / seconds)
    exponentials = _exponentials(clock)
    clock.clear()
    return Rates(bandwidth, rates[0], rates[1], rates[2], exponentials)


def _exponentials(clock: Clock) -> float:
    table = torch.rand(EXPONENTIALS, device=clock.device)
    out = torch.empty_like(table)
    if clock.device.type != "cuda":
        return EXPONENTIALS / _best(clock, lambda: torch.exp(table, out=out))
    from benchmarks.gpu.exponentials import EACH, many

    return EXPONENTIALS * EACH / _best(clock, lambda: many(table, out))


def _best(clock: Clock, work: Work, repeats: int = 3) -> float:
    work()
    return min(clock.seconds(work, repeats) for _ in range(ROUNDS))


@contextmanager
def _tf32(allowed: bool) -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if allowed else "highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
