"""The largest square scene that trains whole on cards of some sizes.

The prediction tells where to begin; then scenes are tried with two real steps of training each,
while PyTorch may take no more of the card than the limit, until one that fits and one that
does not lie close together. The plan with recomputation is used, as the engine does where the
other does not fit. Without a card nothing is tried, and the prediction is told as one.
"""

from __future__ import annotations

import torch

from benchmarks.gpu.clock import Clock
from benchmarks.gpu.contenders import Ours
from benchmarks.gpu.results import Result, Row
from benchmarks.gpu.settings import Settings, Size
from mambahsi.devices import is_out_of_memory
from mambahsi.network.memory import training_bytes

STEP = 0.04
"""Sides that are tried lie so far apart."""

UNIT = 4
"""Sides are multiples of the coarsest cell's."""


def run(settings: Settings, result: Result) -> None:
    """Search for every limit that the card reaches."""
    clock = Clock(torch.device(settings.device))
    on_card = clock.device.type == "cuda"
    total = torch.cuda.get_device_properties(clock.device).total_memory if on_card else 0
    for limit in settings.limits:
        title = f"{limit / 1e9:.3g} GB, {settings.largest_bands} bands"
        if not on_card or limit > total:
            side = predicted_side(settings, limit)
            why = "there is no card" if not on_card else f"the card has {total / 1e9:.0f} GB"
            text = f"unmeasured, because {why}; predicted: {side} x {side}"
            result.add(Row(title, figure=text))
            continue
        _search(title, limit, total, settings, result, clock)


def _search(
    title: str, limit: int, total: int, settings: Settings, result: Result, clock: Clock
) -> None:
    side = predicted_side(settings, limit)
    fitted, failed = 0, 0
    torch.cuda.set_per_process_memory_fraction(limit / total, clock.device)
    try:
        for _ in range(settings.largest_trials):
            if _fits(_square(side, settings), settings, clock):
                fitted = max(fitted, side)
            else:
                failed = side if not failed else min(failed, side)
            if fitted and failed:
                side = (fitted + failed) // 2 // UNIT * UNIT
                if side in (fitted, failed):
                    break
            else:
                side = int(side * (1 + STEP if fitted else 1 - STEP)) // UNIT * UNIT
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, clock.device)
    key = f"side_{limit // 10**9}"
    if fitted:
        result.figures[key] = fitted
    text = f"largest that trained: {fitted} x {fitted}" if fitted else "none of those tried trained"
    text += f"; smallest that did not: {failed} x {failed}" if failed else "; none failed"
    result.add(Row(title, fitted * fitted, figure=text))


def _fits(size: Size, settings: Settings, clock: Clock) -> bool:
    """Whether two steps of training have room; the second holds the optimizer's state."""
    clock.clear()
    try:
        ours = Ours(settings, size, settings.scan, recompute=True)
        for _ in range(2):
            ours.train().item()
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        return False
    finally:
        ours = None  # type: ignore[assignment]
        clock.clear()
    return True


def predicted_side(settings: Settings, limit: int) -> int:
    """Largest side that is predicted to fit."""
    low, high = UNIT, 2**16
    while high - low > UNIT:
        middle = (low + high) // 2 // UNIT * UNIT
        fits = predicted(middle, settings) <= limit
        low, high = (middle, high) if fits else (low, middle)
    return low


def predicted(side: int, settings: Settings) -> int:
    """Bytes that the engine predicts for training on a square."""
    bands, width = settings.largest_bands, settings.width
    return training_bytes(side * side, bands, width, recompute=True, scan=settings.scan)


def _square(side: int, settings: Settings) -> Size:
    return side, side, settings.largest_bands
