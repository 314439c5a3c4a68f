"""What the passes do with one strip of rows, and what they add up over all strips."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from mambahsi.errors import ModelError
from mambahsi.network import MambaHSI
from mambahsi.network.blocks import branches
from mambahsi.network.geometry import POOLINGS, Pooling
from mambahsi.network.model import HEAD_WIDTH
from mambahsi.network.moments import Moments
from mambahsi.scan.carry import Carry
from mambahsi.streaming import stages
from mambahsi.streaming.grids import Grids
from mambahsi.streaming.levels import LevelReader, Part
from mambahsi.streaming.plan import StreamPlan
from mambahsi.streaming.spool import Spool
from mambahsi.streaming.tables import Buffers, Table
from mambahsi.streaming.transfer import Transfer


class Work:
    """The work on strips of one scene.

    Args:
        network: The network, on the device that it runs on.
        reader: Gives the levels of the scene's pixels.
        grids: Where the valid pixels lie.
        spool: Keeps the tables.
        plan: How much is read and worked on at a time.
    """

    def __init__(
        self, network: MambaHSI, reader: LevelReader, grids: Grids, spool: Spool, plan: StreamPlan
    ) -> None:
        self._network = network
        self._reader = reader
        self._grids = grids
        self._spool = spool
        self._plan = plan
        self._blocks: list[nn.Module] = list(network.mamba.values())
        embedding, last = network.patch_embedding[0], network.cls_head[3]
        assert isinstance(embedding, nn.Conv2d) and isinstance(last, nn.Conv2d)
        self._bands, self._width = embedding.in_channels, embedding.out_channels
        self.classes = last.out_channels
        self._moments: dict[str, Moments] = {}
        self._carry: Carry | None = None
        self._device = embedding.weight.device
        self._stages = stages.stages_for(network)
        self._buffers = Buffers(self._device)
        self._transfer = Transfer(self._device)

    # What the strips so far have left.

    def tensors(self) -> dict[str, Tensor]:
        """All that is added up and carried on, to be saved."""
        tensors: dict[str, Tensor] = {}
        for name, moments in self._moments.items():
            tensors[f"{name}/count"] = torch.tensor([moments.count])
            tensors[f"{name}/mean"] = moments.mean.cpu()
            tensors[f"{name}/squares"] = moments.squares.cpu()
        if self._carry is not None:
            tensors["carry/context"] = self._carry.context.cpu()
            tensors["carry/state"] = self._carry.state.cpu()
        return tensors

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Go on from what :meth:`tensors` gave.

        What is carried on counts only after the ``begin`` of the stage that carries it.
        """
        for key in tensors:
            name, _, entry = key.partition("/")
            if entry == "count":
                self._moments[name] = Moments(
                    int(tensors[key]),
                    tensors[f"{name}/mean"].to(self._device),
                    tensors[f"{name}/squares"].to(self._device),
                )
        if self._carry is not None:
            self._carry.context.copy_(tensors["carry/context"])
            self._carry.state.copy_(tensors["carry/state"])

    def give_back(self) -> None:
        """Give back the memory that strips use, until the next one."""
        self.finish()
        self._buffers.clear()
        self._transfer.clear()

    def finish(self) -> None:
        """Write what waits to be written.

        Raises:
            ResourceError: The disk is full, or fails.
        """
        self._transfer.finish()

    def refuse_diverged(self) -> None:
        """Look at what was added up.

        Raises:
            ModelError: It is not finite.
        """
        if not all(bool(moments.mean.isfinite().all()) for moments in self._moments.values()):
            raise _diverged()

    def begin_reading(self) -> None:
        """Before the first strip of :meth:`read`."""
        self._count("embedding", self._width)

    def begin_mixing(self, level: int) -> None:
        """Before the first strip of :meth:`mix_pixels` or :meth:`mix_cells`."""
        spatial, _ = branches(self._blocks[level])
        self._carry = spatial.mamba.start() if spatial else None
        for name, branch in _branches(self._blocks[level]):
            if branch is not None:
                self._count(f"{name}-{level}", self._width)

    def begin_head(self) -> None:
        """Before the first strip of :meth:`measure_head`."""
        self._count("head", HEAD_WIDTH)

    def _count(self, name: str, channels: int) -> None:
        self._moments[name] = Moments.none(channels, self._device)

    # The work on a strip.

    def read(self, top: int, bottom: int) -> None:
        """Keep the levels of some rows of the scene, and measure their embedding."""
        table = self._levels_table()
        width = self._grids.valid[0].shape[1]
        for window in self._plan.read.windows(top, bottom, width):
            for part in self._reader.parts(window, self._plan.strip_rows[0]):
                for start, levels in self._rows_of(part):
                    table.write(start, levels)
                levels = self._transfer.up(part.levels)
                embedded = stages.embed(self._network, levels, self._buffers)
                self._moments["embedding"].join(self._stages.measure(embedded))

    def _rows_of(self, part: Part) -> Iterator[tuple[int, Tensor]]:
        """What lies together in the table, and at which row of it."""
        if part.mask.shape == self._grids.valid[0][part.top : part.top + len(part.mask)].shape:
            yield self._grids.number(part.top, 0), part.levels
            return
        counts = np.count_nonzero(part.mask, axis=1)
        for row, levels in enumerate(part.levels.split(counts.tolist())):
            yield self._grids.number(part.top + row, part.left), levels

    def mix_pixels(self, top: int, bottom: int) -> None:
        """Keep what the first block's Mambas give for some rows of the scene."""
        start, stop = self._grids.span(0, top, bottom)
        self._mix(0, start, self._pixels_input(start, stop))

    def mix_cells(self, level: int, top: int, bottom: int) -> None:
        """Keep what a later block's Mambas give for some rows of the next finer grid."""
        pooling = Pooling.of(self._grids.valid[level - 1][top:bottom])
        x = self._output(level - 1, top, bottom, pooling)
        start, _ = self._grids.span(level, top // 2, bottom // 2)
        self._transfer.write(self._features_table("input", level), start, x)
        self._mix(level, start, x)

    def _mix(self, level: int, start: int, x: Tensor) -> None:
        if not len(x):
            return
        block = self._blocks[level]
        every, moments = self._stages.mix(block, x, self._carry)
        for (name, branch), mixed, found in zip(_branches(block), every, moments, strict=True):
            if branch is not None:
                self._moments[f"{name}-{level}"].join(found)
                self._transfer.write(self._features_table(name, level), start, mixed)

    def measure_head(self, top: int, bottom: int) -> None:
        """Measure the head's first layer for some rows of the coarsest grid."""
        features = self._output(POOLINGS, top, bottom)
        if len(features):
            widened = stages.widen(self._network, features)
            self._moments["head"].join(self._stages.measure(widened))

    def score(self, top: int, bottom: int) -> None:
        """Keep the logits of some rows of the coarsest grid.

        Raises:
            ModelError: They are not finite.
        """
        widened = stages.widen(self._network, self._output(POOLINGS, top, bottom))
        norm = stages.norm_of(self._network.cls_head)
        self._stages.activate(widened, norm, self._moments["head"])
        logits = stages.classify(self._network, widened)
        if not bool(logits.isfinite().all()):
            raise _diverged()
        start, _ = self._grids.span(POOLINGS, top, bottom)
        self._transfer.write(self.logits, start, logits)

    # What the strips are made of.

    def _pixels_input(self, start: int, stop: int) -> Tensor:
        """The embedding of some pixels; (pixels, width)."""
        levels = self._transfer.read(self._levels_table(), start, stop)
        embedded = stages.embed(self._network, levels, self._buffers)
        norm = stages.norm_of(self._network.patch_embedding)
        return self._stages.activate(embedded, norm, self._moments["embedding"])

    def _output(self, level: int, top: int, bottom: int, pooling: Pooling | None = None) -> Tensor:
        """What a block gives for a strip of its grid; (pixels, width), or (cells, width)."""
        block = self._blocks[level]
        start, stop = self._grids.span(level, top, bottom)
        rows = stop - start if pooling is None else len(pooling.members)
        if not rows:
            return torch.empty(0, self._width, device=self._device)
        if level:
            x = self._transfer.read(self._features_table("input", level), start, stop)
        else:
            x = self._pixels_input(start, stop)
        mixed: list[Tensor | None] = []
        moments: list[Moments | None] = []
        for name, branch in _branches(block):
            if branch is None:
                mixed.append(None)
            else:
                table = self._features_table(name, level)
                mixed.append(self._transfer.read(table, start, stop))
            moments.append(self._moments.get(f"{name}-{level}"))
        return self._stages.combine(block, x, mixed, moments, pooling)

    @property
    def logits(self) -> Table:
        """Logits of the valid cells of the coarsest grid."""
        return self._spool.table("logits", self._grids.counts[POOLINGS], self.classes)

    def _levels_table(self) -> Table:
        """The levels of the scene's valid pixels."""
        return self._spool.table("input-0", self._grids.counts[0], self._bands, torch.uint8)

    def _features_table(self, name: str, level: int) -> Table:
        """Input or branch of a block, of the valid pixels of its grid."""
        return self._spool.table(f"{name}-{level}", self._grids.counts[level], self._width)


def _diverged() -> ModelError:
    """What is raised where the network gives no numbers."""
    # The largest of several NaN is the first class, which would look like a map.
    return ModelError(
        "The network's output for this scene is not finite: its training has diverged.",
        "Train again with a smaller learning rate.",
    )


def _branches(block: nn.Module) -> Iterator[tuple[str, nn.Module | None]]:
    """Names of the tables of a block's branches, and the branches."""
    yield from zip(("spatial", "spectral"), branches(block), strict=True)
