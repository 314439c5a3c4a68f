"""In memory or in strips, on the device or on the CPU: how a scene is classified.

1. In memory, on the job's device.
2. In strips (:mod:`mambahsi.streaming`), on the job's device, where that is not the CPU.
3. In memory, on the CPU.
4. In strips, on the CPU.

All of them give the same map, to rounding. The first whose prediction fits the budget is taken
and told, before the work begins; should memory run out nevertheless, the next one that fits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from mambahsi.devices import MemoryBudget, gigabytes_text, memory_budget
from mambahsi.errors import ResourceError
from mambahsi.feedback import Feedback
from mambahsi.jobs import ClassifyJob
from mambahsi.network.memory import inference_bytes
from mambahsi.raster_file import CACHE_BYTES
from mambahsi.runs.setup import Place
from mambahsi.scan import resolve_backend
from mambahsi.scene import Scene
from mambahsi.streaming.plan import (
    Layout,
    ReadPlan,
    StreamPlan,
    plan_reading,
    plan_stream,
    plan_stream_on_device,
)

_CPU = torch.device("cpu")

_FLOAT = 4


@dataclass(frozen=True)
class Way:
    """How a scene is classified.

    Attributes:
        place: Where the network runs.
        stream: The plan of the strips, or None in memory.
    """

    place: Place
    stream: StreamPlan | None

    @property
    def text(self) -> str:
        """The way for people."""
        strips = f"in strips of {self.stream.strip_rows[0]} rows" if self.stream else "in one piece"
        return f"{strips} on {'the CPU' if self.place.device.type == 'cpu' else self.place.device}"


@dataclass(frozen=True)
class _Candidate:
    """A way with its prediction.

    Attributes:
        way: The way.
        needed: Bytes that it takes where its network runs.
        budget: What may be taken there.
        main: Bytes of main memory that it takes beside those, and what may be taken, if the
            network runs elsewhere.
    """

    way: Way
    needed: int
    budget: MemoryBudget
    main: tuple[int, MemoryBudget] | None = None

    @property
    def fits(self) -> bool:
        main = self.main is None or self.main[0] <= self.main[1].bytes
        return self.needed <= self.budget.bytes and main


def layout_of(scene: Scene, bands: int, network: dict[str, Any]) -> Layout:
    """What the memory of a classification depends on.

    Args:
        scene: The scene.
        bands: How many of its bands the network reads.
        network: The network's constructor arguments.
    """
    return Layout(
        rows=scene.grid.height,
        columns=scene.grid.width,
        bands=bands,
        item_bytes=scene.dtype.itemsize,
        block_rows=scene.block_rows,
        block_columns=scene.block_columns,
        block_bytes=scene.block_bytes,
        width=network["hidden_dim"],
        classes=network["num_classes"],
        mamba_type=network["mamba_type"],
    )


def choose_reading(job: ClassifyJob, layout: Layout, feedback: Feedback) -> ReadPlan:
    """How the scene is read as long as it is not known how it is classified."""
    plan = plan_reading(layout, memory_budget(job.memory, _CPU).bytes)
    if plan.repeats > 1:
        feedback.warning(
            f"The scene's file has blocks of {layout.block_rows} x {layout.block_columns} pixels, "
            f"of which the memory budget allows {plan.rows} rows at a time. So each block is read "
            f"about {plan.repeats} times. A copy in tiles (gdal_translate -co TILED=YES) is "
            "read faster."
        )
    return plan


def choose_way(
    job: ClassifyJob,
    place: Place,
    layout: Layout,
    pixels: Sequence[int],
    feedback: Feedback,
    failed: Way | None = None,
) -> Way:
    """Take the first way that fits.

    Args:
        job: The classification.
        place: Where the job wants the network to run.
        layout: The scene and the network.
        pixels: Valid pixels of the scene and of its pooled grids.
        feedback: Is told the way.
        failed: The way on which memory ran out; those before it, and itself, are left out.

    Raises:
        ResourceError: None fits.
    """
    found = list(_candidates(job, place, layout, pixels))
    if failed is not None:
        kinds = [_kind(candidate.way) for candidate in found]
        found = found[kinds.index(_kind(failed)) + 1 :]
    for number, candidate in enumerate(found):
        if candidate.fits:
            feedback.log(_taken(candidate, found[:number], place))
            return candidate.way
    if not found:
        raise ResourceError(
            "Classification ran out of memory even in strips on the CPU.",
            "End other programs, lower the memory budget, or use a machine with more memory.",
        )
    # The last ones are those on the CPU, which no device can help.
    least = min(found[-2:], key=lambda candidate: candidate.needed)
    raise ResourceError(
        f"Classification needs about {gigabytes_text(least.needed)} of memory, in "
        f"{'the smallest strips' if least.way.stream else 'one piece'}, but may take "
        f"{gigabytes_text(least.budget.bytes)} ({least.budget.reason}).",
        "Raise the memory budget, or use a machine with more memory.",
    )


def cpu_place(scan: str, place: Place) -> Place:
    """The CPU, with the scan that a job asks for where the CPU has it, in float32."""
    return Place(_CPU, _cpu_scan(scan), place.threads)


def result_text(before: Place, now: Place) -> str:
    """How the result stays the same where a job takes one place instead of another."""
    if before.precision == now.precision:
        return "with the same result"
    names = [str(place.precision).removeprefix("torch.") for place in (now, before)]
    return f"in {names[0]} instead of {names[1]}, with a result that is rounded less"


def _kind(way: Way) -> tuple[str, bool]:
    return way.place.device.type, way.stream is not None


def _candidates(
    job: ClassifyJob, place: Place, layout: Layout, pixels: Sequence[int]
) -> Iterator[_Candidate]:
    """All ways, the best first."""
    main = memory_budget(job.memory, _CPU)
    stored = layout.rows * layout.columns * layout.bands * layout.item_bytes
    # GDAL keeps what it has read.
    cached = min(CACHE_BYTES, stored)
    if place.device.type != "cpu":
        budget = memory_budget(job.memory, place.device)
        spectra = cached + pixels[0] * layout.bands * _FLOAT
        whole = _whole_bytes(place, layout, pixels[0])
        yield _Candidate(Way(place, None), whole, budget, (spectra, main))
        plan = plan_stream_on_device(layout, pixels, budget.bytes, main.bytes)
        yield _Candidate(Way(place, plan), plan.device, budget, (plan.memory, main))
        place = cpu_place(job.scan, place)
    whole = _whole_bytes(place, layout, pixels[0]) + cached
    yield _Candidate(Way(place, None), whole, main)
    plan = plan_stream(layout, pixels, main.bytes)
    yield _Candidate(Way(place, plan), plan.memory, main)


def _taken(candidate: _Candidate, before: Sequence[_Candidate], place: Place) -> str:
    """What is told of the way that is taken, and of those that do not fit.

    Args:
        candidate: What is taken.
        before: What does not fit.
        place: Where the job wants the network to run.
    """
    way, text = candidate.way, ""
    for one in before:
        size, budget = one.needed, one.budget
        if size <= budget.bytes and one.main is not None:
            size, budget = one.main
        text += (
            f"Classification {one.way.text} would take about {gigabytes_text(size)} of memory; "
            f"allowed are {gigabytes_text(budget.bytes)} ({budget.reason}). "
        )
    needed = gigabytes_text(candidate.needed)
    allowed = f"allowed are {gigabytes_text(candidate.budget.bytes)} ({candidate.budget.reason})"
    if way.stream is None:
        return (
            f"{text}Classification takes the whole scene {way.text}: about {needed} of memory; "
            f"{allowed}."
        )
    text += f"The scene is classified {way.text} instead, {result_text(place, way.place)}: "
    if candidate.main is not None:
        text += f"about {needed} there; {allowed}; "
        needed = gigabytes_text(candidate.main[0])
    files = f", and {gigabytes_text(way.stream.disk)} of temporary files beside the map"
    return f"{text}about {needed} of memory{'' if way.stream.in_memory else files}."


def _whole_bytes(place: Place, layout: Layout, pixels: int) -> int:
    return inference_bytes(pixels, layout.bands, layout.width, layout.mamba_type, scan=place.scan)


def _cpu_scan(scan: str) -> str:
    """The scan that a job asks for where the CPU has it, else the best one there."""
    try:
        return resolve_backend(scan, "cpu")
    except ResourceError:
        return resolve_backend("auto", "cpu")
