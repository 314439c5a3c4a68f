"""Finds what is fastest on a card, once (see :mod:`mambahsi.scan.gpu.tuning`).

The candidates run in the shapes that the network has by default, so what is compiled for them is
what it needs anyway. Long sequences are worked off in parts, so one part tells enough; of short
ones there are so many that every candidate's programs share them evenly. Candidates take turns,
and one has to be clearly faster than the first: noise shall not decide between equals.
"""

from __future__ import annotations

import functools
import statistics
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from mambahsi.errors import Cancelled
from mambahsi.scan.gpu import tuning
from mambahsi.scan.gpu.long import mix_long
from mambahsi.scan.gpu.parts import SEGMENT
from mambahsi.scan.gpu.short import TILE, run_backward, run_forward
from mambahsi.scan.gpu.tuning import CANDIDATES, Tuning

ROUNDS = 5
CLEARLY = 0.97
"""Share of the first candidate's time that a faster one may take at most."""

_FILLER = 4096
"""Rows and columns of a product that takes some milliseconds."""

_TILES_EACH = 64
"""Tiles of short sequences for each multiprocessor: all candidates divide it."""

_WIDTH, _TOKENS, _STATES, _TAPS = 128, 4, 16, 4
"""Of the network by default."""


def tune(device: torch.device, told: Callable[[str], None] = lambda line: None) -> Tuning:
    """Have kernels launched on a device with what is fastest there: as kept, or tried now.

    To be called before a job's work, not within it.

    Args:
        device: A CUDA device on which the kernels run; without a number, the current one.
        told: Is told if trials begin.

    Returns:
        What kernels are launched with there from now on.

    Raises:
        Cancelled: A stop was asked for.
    """
    if device.index is None:
        device = torch.device(device.type, torch.cuda.current_device())
    if not tuning.wanted():
        return tuning.of(device)
    kind = tuning.kind_of(device)
    if tuning.load(kind) is None:
        told("Trying how kernels are fastest on this GPU, once.")
        try:
            with torch.cuda.device(device):
                processors = torch.cuda.get_device_properties(device).multi_processor_count
                found = try_out(device, _Clock(device), SEGMENT, processors * _TILES_EACH * TILE)
        except Cancelled:
            raise
        except Exception:
            # No memory beside others' work, or sizes that do not suit this card: none of it
            # keeps the first candidates from running.
            return tuning.of(device)
        finally:
            # What stays with the allocator would count as taken when a job plans its memory.
            torch.cuda.empty_cache()
        tuning.save(kind, found)
    kept = tuning.load(kind)
    if kept is not None:
        tuning.use(device, kept)
    return tuning.of(device)


def try_out(
    device: torch.device, clock: Callable[[Callable[[], object]], float], length: int, pixels: int
) -> Tuning:
    """The fastest candidates.

    Args:
        device: Where to try.
        clock: Runs what it is given, and tells how long that took.
        length: Tokens of the long sequence.
        pixels: Number of short sequences.
    """
    long_tokens, *long = _block(device, 1, length, _WIDTH)
    short_tokens, *short = _block(device, pixels, _TOKENS, _WIDTH // _TOKENS)
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


class _Clock:
    """Milliseconds of some work on a device, without what Python takes to launch it."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._filler = torch.zeros(_FILLER, _FILLER, device=device)

    def __call__(self, work: Callable[[], object]) -> float:
        before, after = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        torch.cuda.synchronize(self._device)
        # The work's launches wait behind it, and then follow each other.
        torch.mm(self._filler, self._filler)
        before.record()
        work()
        after.record()
        torch.cuda.synchronize(self._device)
        return before.elapsed_time(after)
