"""Which way a training takes, chosen from the memory that it may have before it starts.

1. ``whole``: the whole scene goes through the network in every step, as in the paper.
2. ``windows``: windows around the labels (see :mod:`mambahsi.windows`), as large as fits.

The first that fits is taken, told with its prediction, and held to. The second gives another
model, which is applied in windows, too; so a model file says what it was trained on, and a
shortage of memory later never changes which. A training that goes on from a checkpoint keeps
to what it began with, and so does a job that names the size of its windows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mambahsi.devices import MemoryBudget, gigabytes_text
from mambahsi.errors import ResourceError
from mambahsi.feedback import Feedback
from mambahsi.network.memory import training_bytes
from mambahsi.normalization import fitting_bytes
from mambahsi.raster_file import CACHE_BYTES
from mambahsi.scene import WINDOW_BYTES, Scene
from mambahsi.windows.placement import reached, window_shape
from mambahsi.windows.tiles import tile_shape

LARGEST_WINDOW = 256
"""Windows grow no larger even where memory allows: a step then takes in about as many pixels
as a scene of the paper has, and larger ones would mostly hold pixels far from labels."""

SMALLEST_WINDOW = 64
"""Windows that are not asked for are no smaller: they would see too little of a scene."""

_STEP = 8
"""Sizes of windows that are tried lie so far apart."""


@dataclass(frozen=True)
class Plan:
    """How a training is done.

    Attributes:
        name: ``whole`` or ``windows``.
        bytes: Predicted peak of the memory on the device.
        window: Rows and columns of the windows; 0 for whole scenes.
        tiles: Bytes of pixels that are kept between windows.
    """

    name: str
    bytes: int
    window: int = 0
    tiles: int = 0


@dataclass(frozen=True, eq=False)
class Task:
    """What decides how much memory a training needs.

    Attributes:
        scene: Rows and columns of the scene.
        pixels: Its valid pixels.
        bands: Used bands.
        hidden_dim: Width of the network.
        mamba_type: Kind of network.
        labeled: Row and column of training and validation pixels, row by row; int64 (n, 2).
        tile: Rows and columns of the tiles in which the scene is read.
        cached: Bytes of the file that GDAL keeps.
        reading: Bytes that looking through the file takes before the training.
    """

    scene: tuple[int, int]
    pixels: int
    bands: int
    hidden_dim: int
    mamba_type: str
    labeled: np.ndarray
    tile: tuple[int, int]
    cached: int
    reading: int

    @classmethod
    def of(
        cls,
        scene: Scene,
        bands: int,
        valid: np.ndarray,
        labeled: np.ndarray,
        hidden_dim: int,
        mamba_type: str,
    ) -> Task:
        """The task of training on a scene.

        Args:
            scene: The scene.
            bands: How many of its bands are used.
            valid: Its valid pixels; bool (rows, columns).
            labeled: Training and validation pixels; bool (rows, columns).
            hidden_dim: Width of the network.
            mamba_type: Kind of network.
        """
        stored = scene.grid.height * scene.grid.width * scene.band_count * scene.dtype.itemsize
        return cls(
            scene=scene.grid.shape,
            pixels=int(valid.sum()),
            bands=bands,
            hidden_dim=hidden_dim,
            mamba_type=mamba_type,
            labeled=np.argwhere(labeled),
            tile=tile_shape(scene, bands),
            cached=min(CACHE_BYTES, stored),
            reading=2 * min(WINDOW_BYTES, stored) + fitting_bytes(scene.dtype, bands),
        )

    def whole(self) -> Plan:
        """The plan to train on the whole scene."""
        step = training_bytes(self.pixels, self.bands, self.hidden_dim, self.mamba_type)
        return Plan("whole", self.cached + max(self.reading, step))

    def windows(self, size: int, limit: int) -> Plan:
        """The plan to train on windows, with as many pixels kept as a limit leaves room for."""
        shape = window_shape(size, self.scene)
        pixels = shape[0] * shape[1]
        step = training_bytes(pixels, self.bands, self.hidden_dim, self.mamba_type)
        # A window as it is put together from tiles, in 8 bits and twice.
        step += 2 * pixels * self.bands
        tile = self.tile[0] * self.tile[1] * self.bands
        wanted = tile * reached(self.labeled, self.scene, shape, self.tile)
        # All tiles that one window can touch are needed at once.
        down, across = (-(-side // edge) + 1 for side, edge in zip(shape, self.tile, strict=True))
        least = min(tile * down * across, wanted)
        tiles = min(wanted, max(least, limit - self.cached - step))
        return Plan("windows", self.cached + max(self.reading, step + tiles), size, tiles)


def choose_plan(
    task: Task, budget: MemoryBudget, mode: str, window: int, feedback: Feedback
) -> Plan:
    """Take the first plan that fits.

    Args:
        task: What is to be trained.
        budget: The memory that it may take.
        mode: ``whole`` or ``windows`` to allow this only, or empty for either.
        window: Size of the windows, 0 to choose it.
        feedback: Is told the plan.

    Raises:
        ResourceError: None fits.
    """
    plans = list(_candidates(task, budget, mode, window))
    plan = next((plan for plan in plans if plan.bytes <= budget.bytes), None)
    allowed = f"{gigabytes_text(budget.bytes)} ({budget.reason})"
    if plan is None:
        raise ResourceError(
            f"Training needs about {gigabytes_text(plans[-1].bytes)} "
            f"{_text(task, plans[-1])}, but may take {allowed}.",
            "Use fewer bands, preset 'compact', or a machine with more memory; or raise the "
            "memory budget.",
        )
    feedback.log(
        f"Training takes {_text(task, plan)}: about {gigabytes_text(plan.bytes)} of memory; "
        f"allowed are {allowed}."
    )
    if plan.window and not window:
        feedback.warning(
            f"The whole scene would take {gigabytes_text(task.whole().bytes)} to train on, so the "
            "model is trained on windows, and classifies in windows."
        )
    return plan


def _candidates(task: Task, budget: MemoryBudget, mode: str, window: int) -> Iterator[Plan]:
    """The plans that a job allows, the best first."""
    if window:
        yield task.windows(window, budget.bytes)
        return
    if mode != "windows":
        yield task.whole()
    if mode != "whole":
        for size in range(LARGEST_WINDOW, SMALLEST_WINDOW - 1, -_STEP):
            yield task.windows(size, budget.bytes)


def _text(task: Task, plan: Plan) -> str:
    if not plan.window:
        return "the whole scene in one piece"
    rows, columns = window_shape(plan.window, task.scene)
    return f"windows of {rows} x {columns} pixels around the labels"
