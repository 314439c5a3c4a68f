"""Which way a training takes, chosen from the memory that it may have before it starts.

1. ``whole``: the whole scene goes through the network in every step, as in the paper.
2. ``recompute``: the same, but less of the forward pass is kept, and computed again in the
   backward pass. The result is the same to rounding; a step takes longer.
3. ``windows``: windows around the labels (see :mod:`mambahsi.windows`), as large as fits. On a
   device with memory of its own only if the job asks for them.

A job that asks for steps on two halves of the scene (see :mod:`mambahsi.training_halves`) gets
these, as ``halves`` or as ``halves recompute``, or nothing.

The first that fits is taken, told with its prediction, and held to. The third gives another
model, which is applied in windows, too; so a model file says what it was trained on, and a
shortage of memory later never changes which. A training that goes on from a checkpoint keeps
to what it began with, and so does a job that names the size of its windows.

What room is left is used to keep pixels between windows, which saves reading them again and
changes nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from mambahsi.devices import MemoryBudget, gigabytes_text
from mambahsi.errors import ResourceError
from mambahsi.feedback import Feedback
from mambahsi.landcover import BLOCK_ROWS
from mambahsi.network.memory import inference_bytes, training_bytes
from mambahsi.normalization import fitting_bytes
from mambahsi.raster_file import CACHE_BYTES
from mambahsi.scene import WINDOW_BYTES, BandSurvey, Scene
from mambahsi.training_halves import half_rows
from mambahsi.windows.inference import blending_bytes
from mambahsi.windows.placement import window_shape
from mambahsi.windows.tiles import TileRaster, assembling_bytes

LARGEST_WINDOW = 256
"""Windows grow no larger even where memory allows: a step then takes in about as many pixels
as a scene of the paper has, and larger ones would mostly hold pixels far from labels."""

SMALLEST_WINDOW = 64
"""Windows that are not asked for are no smaller: they would see too little of a scene."""

_STEP = 8
"""Sizes of windows that are tried lie so far apart."""

_WINDOWS = "train on windows (parameter WINDOW in QGIS, option --window), "

_ON_CPU = "train on the CPU (device 'cpu'), whose memory may be larger, "

_SMALLEST_CACHE = 16 * 2**20

_FLOAT = 4

_LAYOUT_BYTES = 50
"""For each valid pixel: numbers of cells and interpolation of a scene that is not in a step."""

_GRID_BYTES = 24
"""For each pixel of a scene: masks, labels, their division, the classes found."""


@dataclass(frozen=True)
class Plan:
    """How a training is done.

    Attributes:
        name: ``whole``, ``recompute``, ``windows``, ``halves`` or ``halves recompute``.
        bytes: Predicted peak of the memory on the device.
        window: Rows and columns of the windows; 0 for whole scenes.
        tiles: Bytes of pixels that are kept between windows.
        mapping: Bytes of main memory that a map of the scene will take, if made in windows.
    """

    name: str
    bytes: int
    window: int = 0
    tiles: int = 0
    mapping: int = 0

    @property
    def recomputes(self) -> bool:
        """Whether less of the forward pass is kept, and computed again."""
        return self.name.endswith("recompute")


@dataclass(frozen=True, eq=False)
class Task:
    """What decides how much memory a training needs.

    Attributes:
        scene: Rows and columns of the scene.
        pixels: Its valid pixels.
        bands: Used bands.
        classes: Number of classes.
        hidden_dim: Width of the network.
        mamba_type: Kind of network.
        scan: Name of the scan backend.
        labeled: Row and column of training and validation pixels, row by row; int64 (n, 2).
        tiles: The tiles in which windows are read.
        held: Bytes that are taken throughout: GDAL's cache, masks and labels.
        reading: Bytes that looking through the file takes before the training.
        main: Main memory that may be taken where the network runs on a device with memory of
            its own; None where there is but one memory.
        half: Valid pixels of the larger half, where steps are made on halves; else None.
    """

    scene: tuple[int, int]
    pixels: int
    bands: int
    classes: int
    hidden_dim: int
    mamba_type: str
    scan: str
    labeled: np.ndarray
    tiles: TileRaster
    held: int
    reading: int
    main: int | None
    half: int | None = None

    @classmethod
    def of(
        cls,
        scene: Scene,
        survey: BandSurvey,
        labeled: np.ndarray,
        network: dict[str, Any],
        scan: str,
        cache: int,
        main: int | None,
        halves: bool = False,
    ) -> Task:
        """The task of training on a scene.

        Args:
            scene: The scene.
            survey: Its bands and valid pixels.
            labeled: Training and validation pixels; bool (rows, columns).
            network: Constructor arguments of the network.
            scan: Name of the scan backend.
            cache: Bytes of GDAL's block cache.
            main: As of the attribute.
            halves: Whether steps are made on halves of the scene.

        Raises:
            SceneError: The scene has too few rows for halves.
        """
        stored = stored_bytes(scene)
        bands = len(survey.used)
        return cls(
            scene=scene.grid.shape,
            pixels=int(survey.valid.sum()),
            bands=bands,
            classes=network["num_classes"],
            hidden_dim=network["hidden_dim"],
            mamba_type=network["mamba_type"],
            scan=scan,
            labeled=np.argwhere(labeled),
            tiles=TileRaster.of(scene, bands, cache),
            held=min(cache, stored) + _GRID_BYTES * survey.valid.size,
            reading=max(2 * min(WINDOW_BYTES, stored), fitting_bytes(scene.dtype, bands, stored)),
            main=main,
            half=max(int(survey.valid[rows].sum()) for rows in half_rows(scene.grid.height))
            if halves
            else None,
        )

    def whole(self, recompute: bool = False) -> Plan:
        """The plan to train on the whole scene."""
        return Plan(
            "recompute" if recompute else "whole", self._peak(self._step(self.pixels, recompute))
        )

    def in_halves(self, recompute: bool = False) -> Plan:
        """The plan to make steps on halves of the scene, and all else on the whole scene."""
        assert self.half is not None
        # Beside the half of a step lie the other half's spectra, and the scene's layout.
        rest = (self.pixels - self.half) * self.bands * _FLOAT + _LAYOUT_BYTES * self.pixels
        scoring = inference_bytes(
            self.pixels, self.bands, self.hidden_dim, self.mamba_type, scan=self.scan
        )
        work = max(self._step(self.half, recompute) + rest, scoring)
        return Plan("halves recompute" if recompute else "halves", self._peak(work))

    def windows(self, size: int, budget: int) -> Plan:
        """The plan to train on windows, with as many pixels kept as a budget leaves room for."""
        shape = window_shape((size, size), self.scene)
        pixels = shape[0] * shape[1]
        work = assembling_bytes(pixels, self.bands) + max(
            self._step(pixels),
            inference_bytes(pixels, self.bands, self.hidden_dim, self.mamba_type, scan=self.scan)
            + blending_bytes(shape, self.scene[1], self.classes),
        )
        wanted = self.tiles.around_bytes(self.labeled, shape)
        least = min(self.tiles.window_bytes(shape), wanted)
        room = budget - work if self.main is None else self.main
        tiles = min(wanted, max(least, room - self.held))
        return Plan("windows", self._peak(work, tiles), size, tiles, self._mapping(shape))

    def fits(self, plan: Plan, budget: int) -> bool:
        """Whether a plan stays within a budget on the device, and its maps in main memory.

        Windows of which no map could be made afterwards would be trained for nothing.
        """
        main = budget if self.main is None else self.main
        return plan.bytes <= budget and plan.mapping <= main

    def _mapping(self, shape: tuple[int, int]) -> int:
        """What :func:`choose_tiles` will ask for at least."""
        pixels = shape[0] * shape[1]
        needed = self.held + assembling_bytes(pixels, self.bands) + self.tiles.window_bytes(shape)
        needed += blending_bytes(shape, self.scene[1], self.classes, BLOCK_ROWS)
        if self.main is None:
            needed += inference_bytes(
                pixels, self.bands, self.hidden_dim, self.mamba_type, scan=self.scan
            )
        return needed

    def _step(self, pixels: int, recompute: bool = False) -> int:
        return training_bytes(
            pixels,
            self.bands,
            self.hidden_dim,
            self.mamba_type,
            recompute=recompute,
            scan=self.scan,
        )

    def _peak(self, work: int, tiles: int = 0) -> int:
        """Peak of the memory that the network's work lies in."""
        if self.main is not None:
            return work
        return self.held + max(self.reading, work + tiles)


def choose_tiles(
    tiles: TileRaster,
    shape: tuple[int, int],
    network: dict[str, Any],
    scan: str,
    cached: int,
    block_rows: int,
    budgets: tuple[MemoryBudget, MemoryBudget],
    feedback: Feedback,
) -> int:
    """How many pixels are kept while a map is made in windows.

    Args:
        tiles: The tiles in which windows are read.
        shape: Rows and columns of the windows.
        network: Constructor arguments of the network.
        scan: Name of the scan backend.
        cached: Bytes of the file that GDAL keeps.
        block_rows: Rows that are written at a time.
        budgets: What may be taken where the network runs, and in main memory; the same twice
            where it runs on the CPU.
        feedback: Is told the plan.

    Returns:
        Bytes of tiles to keep.

    Raises:
        ResourceError: It does not fit.
    """
    pixels = shape[0] * shape[1]
    step = inference_bytes(
        pixels,
        tiles.bands,
        network["hidden_dim"],
        network["mamba_type"],
        scan=scan,
    )
    rows, columns = tiles.scene
    held = cached + _GRID_BYTES * rows * columns + assembling_bytes(pixels, tiles.bands)
    held += blending_bytes(shape, columns, network["num_classes"], block_rows)
    device, main = budgets
    if device is main:
        held += step
    least, wanted = tiles.window_bytes(shape), tiles.row_bytes(shape[0])
    for needed, budget in ((step, device), (held + least, main)):
        if needed > budget.bytes:
            raise ResourceError(
                f"Classification in windows of {shape[0]} x {shape[1]} pixels, which the model was "
                f"trained on, needs about {gigabytes_text(needed)}, but may take "
                f"{gigabytes_text(budget.bytes)} ({budget.reason}).",
                "Raise the memory budget, classify a narrower part of the scene, or use a machine "
                "with more memory.",
            )
    kept = max(least, min(wanted, main.bytes - held))
    feedback.log(
        f"Classification takes windows of {shape[0]} x {shape[1]} pixels, as the training did: "
        f"about {gigabytes_text(held + kept)} of memory; allowed are "
        f"{gigabytes_text(main.bytes)} ({main.reason})."
    )
    return kept


def cache_bytes(budget: int) -> int:
    """Size of GDAL's block cache within a budget in bytes."""
    return min(CACHE_BYTES, max(_SMALLEST_CACHE, budget // 4))


def stored_bytes(scene: Scene) -> int:
    """Bytes of all pixels of a scene, as GDAL holds them."""
    return scene.grid.height * scene.grid.width * scene.band_count * scene.dtype.itemsize


def choose_plan(
    task: Task, budget: MemoryBudget, begun: str, window: int, feedback: Feedback
) -> Plan:
    """Take the first plan that fits.

    Args:
        task: What is to be trained.
        budget: The memory that it may take.
        begun: Name of the plan that the training began with, or empty. Windows stay windows;
            a whole scene stays one, but may be recomputed where it no longer fits.
        window: Size of the windows, 0 to choose it.
        feedback: Is told the plan.

    Raises:
        ResourceError: None fits.
    """
    plans = list(_candidates(task, budget, begun, window))
    plan = next((plan for plan in plans if task.fits(plan, budget.bytes)), None)
    allowed = f"{gigabytes_text(budget.bytes)} ({budget.reason})"
    if plan is None:
        last = plans[-1]
        maps = f", and {gigabytes_text(last.mapping)} for a map" if last.mapping else ""
        raise ResourceError(
            f"Training needs about {gigabytes_text(last.bytes)} for {_text(task, last)}{maps}, "
            f"but may take {allowed}.",
            f"Raise the memory budget, {'' if last.window else _WINDOWS}"
            f"{_ON_CPU if task.main else ''}use a machine with more memory, fewer bands, or preset "
            "'compact'.",
        )
    feedback.log(
        f"Training takes {_text(task, plan)}: about {gigabytes_text(plan.bytes)} of memory; "
        f"allowed are {allowed}."
    )
    if plan.window and not window:
        whole = task.whole(recompute=True)
        feedback.warning(
            f"The whole scene would take {gigabytes_text(whole.bytes)} to train on, so the model "
            "is trained on windows, and classifies in windows."
        )
    return plan


def _candidates(task: Task, budget: MemoryBudget, begun: str, window: int) -> Iterator[Plan]:
    """The plans that a job allows, the best first."""
    if window:
        yield task.windows(window, budget.bytes)
        return
    if task.half is not None:
        if begun != "halves recompute":
            yield task.in_halves()
        yield task.in_halves(recompute=True)
        return
    if begun != "recompute":
        yield task.whole()
    yield task.whole(recompute=True)
    # On a device with memory of its own there is another way out, the main memory, and it gives
    # the same model. So windows, which give another, are the user's choice there.
    if not begun and task.main is None:
        for size in range(LARGEST_WINDOW, SMALLEST_WINDOW - 1, -_STEP):
            yield task.windows(size, budget.bytes)


def _text(task: Task, plan: Plan) -> str:
    if not plan.window:
        what = "the whole scene in one piece" if task.half is None else "two halves of the scene"
        again = ", computing features again instead of keeping them (slower, same result)"
        return f"{what}{again if plan.recomputes else ''}"
    rows, columns = window_shape((plan.window, plan.window), task.scene)
    return f"windows of {rows} x {columns} pixels around the labels"
