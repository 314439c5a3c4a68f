"""In memory or in strips: how a scene is classified, chosen before the work begins.

1. In memory, on the job's device, where the prediction fits the budget.
2. In memory on the CPU, where the job's device is another one with less memory.
3. In strips (:mod:`mambahsi.streaming`), on the CPU.

All of them give the same map. The first that fits is taken and told with its prediction.
"""

from __future__ import annotations

from collections.abc import Sequence
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
from mambahsi.streaming.plan import Layout, ReadPlan, StreamPlan, plan_reading, plan_stream

_CPU = torch.device("cpu")


@dataclass(frozen=True)
class Way:
    """How a scene is classified.

    Attributes:
        place: Where the network runs.
        stream: The plan of the strips, or None in memory.
    """

    place: Place
    stream: StreamPlan | None


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
    job: ClassifyJob, place: Place, layout: Layout, pixels: Sequence[int], feedback: Feedback
) -> Way:
    """Take the first way that fits.

    Args:
        job: The classification.
        place: Where the job wants the network to run.
        layout: The scene and the network.
        pixels: Valid pixels of the scene and of its pooled grids.
        feedback: Is told the way.

    Raises:
        ResourceError: None fits.
    """
    budget = memory_budget(job.memory, place.device)
    if place.device.type != "cpu":
        whole = _whole_bytes(place, layout, pixels[0])
        if whole <= budget.bytes:
            feedback.log(_in_memory(whole, budget))
            return Way(place, None)
        feedback.log(
            f"Classification needs about {gigabytes_text(whole)} on {place.device.type}, where it "
            f"may take {gigabytes_text(budget.bytes)} ({budget.reason}): it runs on the CPU."
        )
        place = Place(_CPU, _cpu_scan(job.scan), place.threads)
        budget = memory_budget(job.memory, _CPU)
    stored = layout.rows * layout.columns * layout.bands * layout.item_bytes
    # GDAL keeps what it has read.
    whole = _whole_bytes(place, layout, pixels[0]) + min(CACHE_BYTES, stored)
    if whole <= budget.bytes:
        feedback.log(_in_memory(whole, budget))
        return Way(place, None)
    plan = plan_stream(layout, pixels, budget.bytes)
    if plan.memory > budget.bytes:
        raise ResourceError(
            f"Classification needs about {gigabytes_text(min(whole, plan.memory))} of memory, in "
            f"{'one piece' if whole < plan.memory else 'the smallest strips'}, but may take "
            f"{gigabytes_text(budget.bytes)} ({budget.reason}).",
            "Raise the memory budget, or use a machine with more memory.",
        )
    feedback.log(
        f"Classification in one piece would take about {gigabytes_text(whole)} of "
        f"memory; allowed are {gigabytes_text(budget.bytes)} ({budget.reason}). The scene is "
        f"classified in strips of {plan.strip_rows[0]} rows instead, with the same result: about "
        f"{gigabytes_text(plan.memory)} of memory, and {gigabytes_text(plan.disk)} of temporary "
        "files beside the map."
    )
    return Way(place, plan)


def _whole_bytes(place: Place, layout: Layout, pixels: int) -> int:
    return inference_bytes(pixels, layout.bands, layout.width, layout.mamba_type, scan=place.scan)


def _in_memory(needed: int, budget: MemoryBudget) -> str:
    return (
        f"Classification takes the whole scene in one piece: about {gigabytes_text(needed)} of "
        f"memory; allowed are {gigabytes_text(budget.bytes)} ({budget.reason})."
    )


def _cpu_scan(scan: str) -> str:
    """The scan that a job asks for where the CPU has it, else the best one there."""
    try:
        return resolve_backend(scan, "cpu")
    except ResourceError:
        return resolve_backend("auto", "cpu")
