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
from torch import Tensor, nn

from mambahsi import cancellation
from mambahsi.errors import ModelError
from mambahsi.feedback import Feedback
from mambahsi.network import MambaHSI
from mambahsi.network.geometry import POOLINGS, pool_cells, pool_features
from mambahsi.network.model import HEAD_WIDTH
from mambahsi.streaming import stages
from mambahsi.streaming.grids import Grids, strips
from mambahsi.streaming.levels import LevelReader
from mambahsi.streaming.plan import StreamPlan
from mambahsi.streaming.spool import Progress, Spool
from mambahsi.streaming.stages import Affine, Carry, Moments

LOGITS = "logits"


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
        network: The network, on the CPU.
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
        self._network = network
        self._reader = reader
        self._grids = grids
        self._plan = plan
        self._spool = spool
        self._blocks: list[nn.Module] = list(network.mamba.values())
        embedding = network.patch_embedding[0]
        assert isinstance(embedding, nn.Conv2d)
        self._bands, self._width = embedding.in_channels, embedding.out_channels
        self._moments: dict[str, Moments] = {}
        self._carry: Carry | None = None

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
        self._restore(progress)
        every = self._stages()
        total = sum(stage.cost for stage in every)
        done = 0.0
        for number, stage in enumerate(every):
            part = feedback.part(done / total, (done + stage.cost) / total)
            done += stage.cost
            if number < progress.stage:
                self._spool.drop(*stage.used)
                continue
            if progress.row == 0:
                stage.begin()
            height = self._grids.rows(stage.level)
            for top, bottom in strips(progress.row, height, stage.rows):
                part.check()
                part.progress(top / height, stage.message)
                stage.work(top, bottom)
                progress.row = bottom
                if self._spool.is_save_due():
                    self._save()
            if not all(bool(moments.mean.isfinite().all()) for moments in self._moments.values()):
                raise diverged()
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
        return self._spool.table(LOGITS, self.classes).pick(numbers)

    @property
    def classes(self) -> int:
        """Number of classes."""
        last = self._network.cls_head[3]
        assert isinstance(last, nn.Conv2d)
        return last.out_channels

    def _stages(self) -> list[_Stage]:
        pixels = self._grids.counts
        rows = self._plan.strip_rows
        every = [
            _Stage(
                "Reading the scene", 0, self._plan.read.rows, 1.0 * pixels[0],
                self._read, functools.partial(self._count, "embedding", self._width),
            ),
            _Stage(
                "Features of the pixels", 0, rows[0], 4.0 * pixels[0],
                self._mix_pixels, functools.partial(self._begin_mixing, 0),
            ),
        ]  # fmt: skip
        for level in range(1, POOLINGS + 1):
            every.append(
                _Stage(
                    f"Features at 1/{2**level} of the resolution", level - 1, rows[level - 1],
                    4.0 * pixels[level] + 1.0 * pixels[level - 1],
                    functools.partial(self._mix_cells, level),
                    functools.partial(self._begin_mixing, level),
                    self._tables(level - 1),
                )
            )  # fmt: skip
        last = POOLINGS
        every.append(
            _Stage(
                "Statistics of the head", last, rows[last], 1.0 * pixels[last],
                self._measure_head, functools.partial(self._count, "head", HEAD_WIDTH),
            )
        )  # fmt: skip
        every.append(
            _Stage(
                "Class scores", last, rows[last], 1.0 * pixels[last],
                self._score, lambda: None, self._tables(last),
            )
        )  # fmt: skip
        return every

    def _tables(self, level: int) -> tuple[str, ...]:
        return f"input-{level}", f"spatial-{level}", f"spectral-{level}"

    # What the stages add up.

    def _count(self, name: str, channels: int) -> None:
        self._moments[name] = Moments(channels)

    def _begin_mixing(self, level: int) -> None:
        spatial, spectral = stages.branches(self._blocks[level])
        if spatial is not None:
            self._carry = Carry.start(spatial.mamba)
            self._count(f"spatial-{level}", self._width)
        if spectral is not None:
            self._count(f"spectral-{level}", self._width)

    def _save(self) -> None:
        tensors: dict[str, Tensor] = {}
        for name, moments in self._moments.items():
            tensors[f"{name}/count"] = torch.tensor([moments.count])
            tensors[f"{name}/mean"] = moments.mean
            tensors[f"{name}/squares"] = moments.squares
        if self._carry is not None:
            tensors["carry/context"] = self._carry.context
            tensors["carry/state"] = self._carry.state
        self._spool.progress.tensors = tensors
        self._spool.save()

    def _restore(self, progress: Progress) -> None:
        tensors = progress.tensors
        for key in tensors:
            name, _, entry = key.partition("/")
            if entry == "count":
                moments = Moments(len(tensors[f"{name}/mean"]))
                moments.count = int(tensors[key])
                moments.mean, moments.squares = tensors[f"{name}/mean"], tensors[f"{name}/squares"]
                self._moments[name] = moments
        if "carry/state" in tensors:
            self._carry = Carry(tensors["carry/context"], tensors["carry/state"])

    # The work on a strip.

    def _read(self, top: int, bottom: int) -> None:
        """Rows ``top`` up to ``bottom`` of the scene are read at once and used in parts."""
        table = self._spool.table("input-0", self._bands, torch.uint8)
        start, _ = self._grids.span(0, top, bottom)
        for levels in self._reader.parts(top, bottom, self._plan.strip_rows[0]):
            cancellation.raise_if_requested()
            table.write(start, levels)
            start += len(levels)
            self._moments["embedding"].add(stages.embed(self._network, stages.spectra(levels)))

    def _mix_pixels(self, top: int, bottom: int) -> None:
        start, stop = self._grids.span(0, top, bottom)
        self._mix(0, start, self._pixels_input(start, stop))

    def _mix_cells(self, level: int, top: int, bottom: int) -> None:
        fine = self._output(level - 1, top, bottom)
        _, cells, fractions = pool_cells(self._grids.valid[level - 1][top:bottom])
        x = pool_features(fine, cells, fractions.to(fine))
        del fine, cells
        start, _ = self._grids.span(level, top // 2, bottom // 2)
        self._spool.table(f"input-{level}", self._width).write(start, x)
        self._mix(level, start, x)

    def _mix(self, level: int, start: int, x: Tensor) -> None:
        if not len(x):
            return
        spatial, spectral = stages.branches(self._blocks[level])
        if spatial is not None:
            assert self._carry is not None
            s = stages.mix_spatial(spatial.mamba, x, self._carry)
            self._keep(f"spatial-{level}", start, s)
        if spectral is not None:
            p = stages.mix_spectral(spectral.mamba, x, spectral.token_num)
            self._keep(f"spectral-{level}", start, p)

    def _keep(self, name: str, start: int, mixed: Tensor) -> None:
        self._moments[name].add(mixed)
        self._spool.table(name, self._width).write(start, mixed)

    def _measure_head(self, top: int, bottom: int) -> None:
        features = self._output(POOLINGS, top, bottom)
        self._moments["head"].add(stages.widen(self._network, features))

    def _score(self, top: int, bottom: int) -> None:
        widened = stages.widen(self._network, self._output(POOLINGS, top, bottom))
        affine = self._moments["head"].affine(stages.norm_of(self._network.cls_head))
        logits = stages.classify(self._network, widened, affine)
        if not bool(logits.isfinite().all()):
            raise diverged()
        start, _ = self._grids.span(POOLINGS, top, bottom)
        self._spool.table(LOGITS, self.classes).write(start, logits)

    # What the strips are made of.

    def _pixels_input(self, start: int, stop: int) -> Tensor:
        """The embedding of some pixels; (pixels, width)."""
        levels = self._spool.table("input-0", self._bands, torch.uint8).read(start, stop)
        affine = self._moments["embedding"].affine(stages.norm_of(self._network.patch_embedding))
        pixels = stages.spectra(levels)
        return stages.activate(stages.embed(self._network, pixels), affine)

    def _output(self, level: int, top: int, bottom: int) -> Tensor:
        """What a block gives for a strip of its grid; (pixels, width)."""
        block = self._blocks[level]
        start, stop = self._grids.span(level, top, bottom)
        if level:
            x = self._spool.table(f"input-{level}", self._width).read(start, stop)
        else:
            x = self._pixels_input(start, stop)
        mixed: list[Tensor | None] = []
        affines: list[Affine | None] = []
        for name, branch in zip(("spatial", "spectral"), stages.branches(block), strict=True):
            key = f"{name}-{level}"
            if branch is None:
                mixed.append(None)
                affines.append(None)
                continue
            mixed.append(self._spool.table(key, self._width).read(start, stop))
            affines.append(self._moments[key].affine(stages.norm_of(branch.proj)))
        return stages.combine(block, x, mixed[0], mixed[1], affines[0], affines[1])


def diverged() -> ModelError:
    """What is raised where the network gives no numbers."""
    # The largest of several NaN is the first class, which would look like a map.
    return ModelError(
        "The network's output for this scene is not finite: its training has diverged.",
        "Train again with a smaller learning rate.",
    )
