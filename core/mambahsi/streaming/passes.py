"""The passes over a scene, strip by strip, from its bands to coarse logits.

======== =========================================== =========================================
stage    for each strip of rows                      what the stage leaves
======== =========================================== =========================================
read     bands -> levels 0 to 255, embedding         levels; statistics of the embedding
mix 0    levels -> embedding -> both Mambas          what the Mambas gave; their statistics
mix 1    block 1 -> pooled -> both Mambas of block 2 the same at half the resolution
mix 2    block 2 -> pooled -> both Mambas of block 3 the same at a quarter of it
head     block 3 -> first layer of the head          statistics of the head
logits   block 3 -> head                             logits at a quarter of the resolution
======== =========================================== =========================================

The raw bands are read in the first stage only. A stretched band has 256 possible values, so one
byte holds it exactly; the embedding is computed from these levels wherever it is needed, because
for up to 500 bands they are smaller than the embedding and disks are slower than products. The
table that a stage reads is removed once the next one is complete.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mambahsi.feedback import Feedback
from mambahsi.network import MambaHSI
from mambahsi.network.geometry import POOLINGS
from mambahsi.streaming.grids import Grids, strips
from mambahsi.streaming.levels import LevelReader
from mambahsi.streaming.plan import StreamPlan
from mambahsi.streaming.spool import Spool
from mambahsi.streaming.work import Work


@dataclass(frozen=True)
class _Stage:
    """One pass.

    Attributes:
        message: What it does, for people.
        level: Grid whose rows it goes through.
        rows: Rows of a strip.
        cost: Share of the whole time, in any unit.
        work: Does one strip, ``work(top, bottom)``.
        begin: Makes ready what the stage adds up.
        used: Tables that nobody needs once it is complete.
    """

    message: str
    level: int
    rows: int
    cost: float
    work: Callable[[int, int], None]
    begin: Callable[[], None]
    used: tuple[str, ...] = ()


class Passes:
    """All passes over one scene.

    Args:
        network: The network, on the device that it runs on.
        reader: Gives the levels of the scene's pixels.
        grids: Where the valid pixels lie.
        plan: How large strips are.
        spool: Keeps what lies between the passes; what it already has is not done again.
    """

    def __init__(
        self,
        network: MambaHSI,
        reader: LevelReader,
        grids: Grids,
        plan: StreamPlan,
        spool: Spool,
    ) -> None:
        self._grids = grids
        self._plan = plan
        self._spool = spool
        self._work = Work(network, reader, grids, spool, plan)

    @torch.no_grad()
    def run(self, feedback: Feedback) -> None:
        """Do all passes that are not done yet.

        Raises:
            SceneError: The file is truncated or corrupt.
            ModelError: The network's output is not finite.
            ResourceError: The disk is full, or fails.
            Cancelled: The user asked to stop.
        """
        progress = self._spool.progress
        self._work.restore(progress.tensors)
        every = self._stages()
        total = sum(stage.cost for stage in every)
        done = 0.0
        for number, stage in enumerate(every):
            part = feedback.part(done / total, (done + stage.cost) / total)
            done += stage.cost
            if number < progress.stage:
                self._spool.drop(*stage.used)
                continue
            stage.begin()
            if progress.row:
                self._work.restore(progress.tensors)
            height = self._grids.rows(stage.level)
            for top, bottom in strips(progress.row, height, stage.rows):
                part.check()
                part.progress(top / height, stage.message)
                stage.work(top, bottom)
                progress.row = bottom
                if self._spool.is_save_due():
                    self._save()
            self._work.refuse_diverged()
            # The next stage needs other tables.
            self._work.give_back()
            progress.stage, progress.row = number + 1, 0
            self._save()
            self._spool.drop(*stage.used)

    def logits(self, numbers: np.ndarray) -> Tensor:
        """Logits of some valid cells of the coarsest grid.

        Args:
            numbers: Which, int64 (n,), ascending.

        Returns:
            (n, classes).
        """
        return self._work.logits.pick(numbers)

    @property
    def classes(self) -> int:
        """Number of classes."""
        return self._work.classes

    def _save(self) -> None:
        # What is told to be done must be in the tables.
        self._work.finish()
        self._spool.progress.tensors = self._work.tensors()
        self._spool.save()

    def _stages(self) -> list[_Stage]:
        pixels = self._grids.counts
        rows, last, work = self._plan.strip_rows, POOLINGS, self._work
        mixing = [
            _Stage(
                f"Features at 1/{2**level} of the resolution",
                level - 1,
                rows[level - 1],
                4.0 * pixels[level] + pixels[level - 1],
                functools.partial(work.mix_cells, level),
                functools.partial(work.begin_mixing, level),
                _tables(level - 1),
            )
            for level in range(1, POOLINGS + 1)
        ]
        return [
            _Stage(
                "Reading the scene", 0, self._plan.read.rows, pixels[0],
                work.read, work.begin_reading,
            ),
            _Stage(
                "Features of the pixels", 0, rows[0], 4.0 * pixels[0],
                work.mix_pixels, functools.partial(work.begin_mixing, 0),
            ),
            *mixing,
            _Stage(
                "Statistics of the head", last, rows[last], pixels[last],
                work.measure_head, work.begin_head,
            ),
            _Stage(
                "Class scores", last, rows[last], pixels[last],
                work.score, lambda: None, _tables(last),
            ),
        ]  # fmt: skip


def _tables(level: int) -> tuple[str, ...]:
    return f"input-{level}", f"spatial-{level}", f"spectral-{level}"
