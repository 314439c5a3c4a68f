"""One Mamba block and one bare scan in both of the network's shapes, forward and backward.

The spatial branch has one sequence of all pixels, the spectral branch one of four tokens for
each pixel.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks.cpu.settings import Settings
from benchmarks.cpu.timing import Result, Row, Timing
from mambahsi.network.mamba import Mamba
from mambahsi.scan import selective_scan, set_threads

TOKENS = 4
STATES = 16


def run(settings: Settings) -> Result:
    """Measure, on one thread."""
    set_threads(1)
    pixels = settings.large[0] * settings.large[1]
    width = settings.width
    shapes = {"spatial": (1, pixels, width), "spectral": (pixels, TOKENS, width // TOKENS)}
    result = Result()
    for name, shape in shapes.items():
        block = _block(*shape)
        _measure(f"Mamba block, {name}", block, pixels, settings, result)
        scan = _bare_scan(shape[0], 2 * shape[2], shape[1])
        _measure(f"bare scan, {name}", scan, pixels, settings, result)
    return result


def _block(batch: int, length: int, width: int) -> Callable[[], Tensor]:
    """A Mamba block as the network calls it."""
    block = Mamba(width, "cpu")
    tokens = torch.randn(batch, length, width, requires_grad=True)
    return lambda: block(tokens)


def _bare_scan(batch: int, channels: int, length: int) -> Callable[[], Tensor]:
    """The compiled scan alone, as :func:`mambahsi.scan.selective_scan` takes it."""

    def leaf(*shape: int) -> Tensor:
        return torch.randn(shape).requires_grad_()

    u, step, gate = (leaf(batch, channels, length) for _ in range(3))
    into, out_of = (leaf(batch, STATES, length) for _ in range(2))
    rates = (-torch.arange(1.0, STATES + 1).repeat(channels, 1)).requires_grad_()
    skip, bias = leaf(channels), leaf(channels)

    def scan() -> Tensor:
        result = selective_scan(
            u, step, rates, into, out_of, skip, gate, bias, delta_softplus=True, backend="cpu"
        )
        assert isinstance(result, Tensor)
        return result

    return scan


def _measure(
    what: str, work: Callable[[], Tensor], pixels: int, settings: Settings, result: Result
) -> None:
    """Time forward without gradients, and forward and backward together, in turn."""
    with torch.no_grad():
        weight = torch.randn_like(work())

    def forward() -> None:
        with torch.no_grad():
            work()

    def both() -> None:
        work().backward(weight)

    timings = {"forward": Timing(), "forward and backward": Timing()}
    for number in range(settings.rounds + 1):
        for task, timing in zip((forward, both), timings.values(), strict=True):
            started, used = time.perf_counter(), time.process_time()
            task()
            wall, cpu = time.perf_counter() - started, time.process_time() - used
            if number:
                timing.add({"wall": [wall], "cpu": [cpu]})
    for title, timing in timings.items():
        each = f"{timing.median / pixels * 1e6:.2f} us a pixel"
        result.rows.append(Row.of(f"{what}, {title}", timing, pixels, 1, each))
