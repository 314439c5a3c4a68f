"""Finds what is fastest on a card, once (see :mod:`mambahsi.scan.gpu.tuning`).

The candidates run on tables of one part, in the shapes that the network has by default, so what
is compiled for them is what the network needs anyway. They take turns, and a candidate has to be
clearly faster than the first one: noise shall not decide between equals.
"""

from __future__ import annotations

import functools
import statistics
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from mambahsi.scan.gpu import tuning
from mambahsi.scan.gpu.long import mix_long
from mambahsi.scan.gpu.parts import SEGMENT
from mambahsi.scan.gpu.short import run_backward, run_forward
from mambahsi.scan.gpu.tuning import CANDIDATES, Tuning

ROUNDS = 5
CLEARLY = 0.97
"""Share of the first candidate's time that a faster one may take at most."""

_WIDTH, _TOKENS, _STATES, _TAPS = 128, 4, 16, 4
"""Of the network by default."""


def tune(device: torch.device) -> None:
    """Have kernels launched on a device with what is fastest there: as kept, or tried now.

    Raises:
        Cancelled: A stop was asked for.
    """
    if not tuning.wanted():
        return
    kind = tuning.kind_of(device)
    found = tuning.load(kind)
    if found is None:
        try:
            found = try_out(device, lambda work: _milliseconds(device, work))
        except torch.OutOfMemoryError:
            # Others use the card; there will be a better time for this.
            return
        finally:
            # What stays with the allocator would count as taken when a job plans its memory.
            torch.cuda.empty_cache()
        tuning.save(kind, found)
    tuning.use(device, found)


def try_out(
    device: torch.device, clock: Callable[[Callable[[], object]], float], rows: int = SEGMENT
) -> Tuning:
    """The fastest candidates.

    Args:
        device: Where to try.
        clock: Runs what it is given, and tells how long that took.
        rows: Pixels to try with.
    """
    long_tokens, *long = _block(device, 1, rows, _WIDTH)
    short_tokens, *short = _block(device, rows, _TOKENS, _WIDTH // _TOKENS)
    gradient = torch.ones_like(short_tokens)

    def there_and_back() -> None:
        leaves = [leaf.requires_grad_() for leaf in (long_tokens, *long)]
        with torch.enable_grad():
            torch.autograd.grad(mix_long(*leaves).sum(), leaves)

    works: dict[str, Callable[[], object]] = {
        "chunk": there_and_back,
        "forward": lambda: run_forward(short_tokens, tuple(short)),
        "backward": lambda: run_backward(short_tokens, tuple(short), gradient),
    }
    found = Tuning()

    def seconds(name: str, candidate: int) -> float:
        with tuning.using(device, replace(found, **{name: candidate})):
            return clock(works[name])

    for name, candidates in CANDIDATES.items():
        best = fastest(candidates, functools.partial(seconds, name))
        found = replace(found, **{name: best})
    return found


def fastest(candidates: tuple[int, ...], seconds: Callable[[int], float]) -> int:
    """The candidate of the least median time, or the first where none is clearly faster.

    Args:
        candidates: Some.
        seconds: Tells how long one takes, this time.
    """
    for candidate in candidates:
        seconds(candidate)  # compiles, loads, and fills caches
    times: dict[int, list[float]] = {candidate: [] for candidate in candidates}
    for _ in range(ROUNDS):
        for candidate in candidates:
            times[candidate].append(seconds(candidate))
    medians = {candidate: statistics.median(taken) for candidate, taken in times.items()}
    best = min(candidates, key=lambda candidate: medians[candidate])
    return best if medians[best] < CLEARLY * medians[candidates[0]] else candidates[0]


def _block(device: torch.device, sequences: int, length: int, width: int) -> list[Tensor]:
    """Tokens and parameters of a block, as :func:`mambahsi.scan.mixer.mamba_mixer` takes them."""
    channels, rank = 2 * width, -(-width // 16)
    shapes = [
        (sequences, length, width), (2 * channels, width), (channels, 1, _TAPS), (channels,),
        (rank + 2 * _STATES, channels), (channels, rank), (channels,), (channels, _STATES),
        (channels,), (width, channels),
    ]  # fmt: skip
    # Their values do not matter for the time; those of a job's seed stay as they are.
    tensors = [torch.full(shape, 0.01, device=device) for shape in shapes]
    tensors[7].fill_(-1.0)
    return tensors


def _milliseconds(device: torch.device, work: Callable[[], object]) -> float:
    before, after = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize(device)
    before.record()
    work()
    after.record()
    torch.cuda.synchronize(device)
    return before.elapsed_time(after)
