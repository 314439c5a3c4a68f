"""How large the parts are in which a scene is streamed, and what that takes.

Strips need not be large: a few thousand pixels keep the processor as busy as the whole scene
does. So memory is planned from the bottom, with strips of :data:`STRIP_PIXELS`, and strips get
smaller where the budget asks for it, down to the four rows that a cell of the coarsest grid
spans. What follows the file is the *reading*: windows of whole blocks, so that each block is
read and decoded once.

On a GPU, strips are larger, because it wants many pixels at once, and two memories decide: that
of the device holds a strip and what it is worked on with; main memory holds what is read, the
parts that are on their way (see :mod:`~mambahsi.streaming.transfer`), and what lies between the
passes where there is room for it, or else that goes to files.

The coefficients are counted from the tables that are alive at once, and a test holds the sum
against a measured peak of the CPU.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rasterio.windows import Window

from mambahsi.network.geometry import POOLINGS
from mambahsi.network.model import HEAD_WIDTH
from mambahsi.streaming.grids import strips
from mambahsi.streaming.stages import CHUNK, CHUNK_ELSEWHERE
from mambahsi.streaming.transfer import WAITING

STRIP_PIXELS = 2**14
STRIP_PIXELS_ELSEWHERE = 2**17
"""Pixels of a strip, where that is four rows at least, on the CPU and on a GPU."""

MAP_TILE = 256
"""Rows and columns of a tile of the written maps."""

_FLOAT = 4
_READ_BYTES = 32 * 2**20
_SMALLEST_CACHE = 16 * 2**20
_OUTPUT_BYTES = 64 * 2**20
# Libraries' buffers, what malloc does not give back, progress files.
_FIXED_BYTES = 30_000_000
# Tables of (CHUNK, 2 x width) inside the mixing of a chunk.
_CHUNK_TABLES = 12
# Masks of all grids and row sums, for each pixel of the grid.
_MASK_BYTES = 1.4
# Numbers of cells, and the nearest valid one, for each cell of the coarsest grid.
_CELL_BYTES = 32
_LEVEL_TABLE_BYTES = 2**16
# On a GPU: workspaces of libraries, what the allocator does not use, moments and weights.
_DEVICE_FIXED_BYTES = 60_000_000
# Beside a strip's input and branches: deviations from a mean, a result, its pooling.
_DEVICE_TABLES = 3


@dataclass(frozen=True)
class Layout:
    """What the memory of a streamed classification depends on.

    Attributes:
        rows: Rows of the scene.
        columns: Columns of the scene.
        bands: Bands that the network reads.
        item_bytes: Bytes of a stored number.
        block_rows: Rows of a block of the file.
        block_columns: Columns of a block of the file.
        block_bytes: Bytes of such a block, with all bands that lie in it.
        width: Width of the network's features.
        classes: Number of classes.
        mamba_type: Kind of network.
    """

    rows: int
    columns: int
    bands: int
    item_bytes: int
    block_rows: int
    block_columns: int
    block_bytes: int
    width: int
    classes: int
    mamba_type: str

    @property
    def mambas(self) -> int:
        """Mambas of a block."""
        return 2 if self.mamba_type == "both" else 1


@dataclass(frozen=True)
class ReadPlan:
    """How a file is read.

    Attributes:
        rows: Rows that are read at once.
        columns: Columns that are read at once.
        cache_bytes: Size of GDAL's block cache.
        memory: Bytes that reading takes at its peak.
        repeats: How often a block is read and decoded; 1 unless blocks are too large.
    """

    rows: int
    columns: int
    cache_bytes: int
    memory: int
    repeats: int

    def windows(self, top: int, bottom: int, width: int) -> Iterator[Window]:
        """Windows that cover some rows of the scene once, row of windows by row."""
        for first, last in strips(top, bottom, self.rows):
            for left, right in strips(0, width, self.columns):
                yield Window(left, first, right - left, last - first)


@dataclass(frozen=True)
class StreamPlan:
    """How a scene is streamed.

    Attributes:
        read: How the file is read.
        strip_rows: Rows of a strip of each grid, finest first.
        tile_columns: Columns of the map that are made at once, with :data:`MAP_TILE` rows.
        memory: Bytes at the peak, over those of a process that has loaded everything.
        disk: Bytes of temporary files at the peak.
        device: Bytes at the peak on a device with memory of its own.
        in_memory: Whether main memory holds what would be temporary files.
    """

    read: ReadPlan
    strip_rows: tuple[int, ...]
    tile_columns: int
    memory: int
    disk: int
    device: int = 0
    in_memory: bool = False


def plan_reading(layout: Layout, budget: int) -> ReadPlan:
    """How to read a file in whole blocks, each of which at most a quarter of a budget in bytes.

    Whole rows of blocks where they are small, a few blocks of a row where they are not. Only
    blocks larger than what may be read at once are read in parts, and more than once.
    """
    pixel_bytes = layout.bands * layout.item_bytes + 2
    rows = min(layout.block_rows, layout.rows)
    columns = min(layout.block_columns, layout.columns)
    if rows * layout.columns * pixel_bytes <= _READ_BYTES:
        columns = layout.columns
        rows *= _READ_BYTES // (rows * columns * pixel_bytes)
    elif rows * columns * pixel_bytes <= max(_READ_BYTES, budget // 4):
        columns *= max(1, _READ_BYTES // (rows * columns * pixel_bytes))
    else:
        rows = max(1, max(_READ_BYTES, budget // 4) // (columns * pixel_bytes))
    rows, columns = min(rows, layout.rows), min(columns, layout.columns)
    repeats = -(-min(layout.block_rows, layout.rows) // rows)
    cache = max(_SMALLEST_CACHE, layout.block_bytes * 5 // 4)
    # The file's library holds the block that it decodes beside those in the cache.
    memory = rows * columns * pixel_bytes + cache + layout.block_bytes
    return ReadPlan(rows, columns, cache, memory, repeats)


def plan_stream(layout: Layout, pixels: Sequence[int], budget: int) -> StreamPlan:
    """The plan that fits a budget, or else the smallest there is.

    Args:
        layout: The scene and the network.
        pixels: Valid pixels of the scene and of its pooled grids.
        budget: Bytes of memory.
    """
    read = plan_reading(layout, budget)
    held = _held_bytes(layout) + CHUNK * 2 * layout.width * _FLOAT * _CHUNK_TABLES
    left = budget - held - read.memory
    strip = min(STRIP_PIXELS, max(0, left) // _strip_bytes(layout))
    rows = _strip_rows(layout, strip)
    return _plan(layout, pixels, budget, read, held, rows, _strip_bytes(layout))


def plan_stream_on_device(
    layout: Layout, pixels: Sequence[int], device: int, budget: int
) -> StreamPlan:
    """The plan for a network on a device with memory of its own.

    Args:
        layout: The scene and the network.
        pixels: Valid pixels of the scene and of its pooled grids.
        device: Bytes of memory that may be taken on the device.
        budget: Bytes of main memory.

    Returns:
        The plan that fits both, or else the smallest there is.
    """
    read = plan_reading(layout, budget)
    held = _held_bytes(layout)
    row = layout.width * _FLOAT
    fixed = _DEVICE_FIXED_BYTES + CHUNK_ELSEWHERE * 2 * row * _CHUNK_TABLES
    on_device = layout.bands * (1 + _FLOAT) + row * (layout.mambas + 2 + _DEVICE_TABLES)
    # What is read of a strip, and the parts of two that wait to be written; page-locked memory
    # comes in powers of two.
    locked = layout.bands + row * (layout.mambas + 2 + WAITING)
    on_host = layout.bands * (layout.item_bytes + 6) + 2 * locked + 40
    room = min((device - fixed) // on_device, (budget - held - read.memory) // on_host)
    rows = _strip_rows(layout, min(STRIP_PIXELS_ELSEWHERE, max(0, room)))
    plan = _plan(layout, pixels, budget, read, held, rows, on_host)
    strip = min(rows, layout.rows) * layout.columns
    plan = dataclasses.replace(plan, device=fixed + strip * on_device)
    if plan.memory + plan.disk <= budget:
        memory = plan.memory + plan.disk
        plan = dataclasses.replace(plan, memory=memory, disk=0, in_memory=True)
    return plan


def _held_bytes(layout: Layout) -> int:
    """Main memory that is taken throughout."""
    cells = (layout.rows >> POOLINGS) * (layout.columns >> POOLINGS)
    return (
        _FIXED_BYTES
        + _LEVEL_TABLE_BYTES * layout.bands
        + int(layout.rows * layout.columns * _MASK_BYTES)
        + cells * _CELL_BYTES
    )


def _strip_rows(layout: Layout, pixels: int) -> int:
    """Rows of a strip of about so many pixels: four at least, and a multiple of them."""
    unit = 2**POOLINGS
    return max(unit, pixels // layout.columns // unit * unit)


def _plan(
    layout: Layout,
    pixels: Sequence[int],
    budget: int,
    read: ReadPlan,
    held: int,
    rows: int,
    pixel_bytes: int,
) -> StreamPlan:
    """The plan with strips of so many rows, each pixel of which takes so much main memory."""
    strips = min(rows, layout.rows) * layout.columns * pixel_bytes
    tile_bytes = MAP_TILE * (layout.classes * _FLOAT * 5 + 32)
    room = max(0, min(_OUTPUT_BYTES, budget - held - read.cache_bytes))
    tiles = -(-layout.columns // MAP_TILE)
    columns = MAP_TILE * max(1, min(tiles, room // (tile_bytes * MAP_TILE)))
    output = columns * tile_bytes + read.cache_bytes
    memory = held + max(read.memory + strips, output)
    return StreamPlan(
        read,
        tuple(rows * 2**level for level in range(POOLINGS + 1)),
        columns,
        memory,
        _disk_bytes(layout, pixels),
    )


def _strip_bytes(layout: Layout) -> int:
    """Memory for each pixel of a strip: its input, what the Mambas give and gave, its bands."""
    tables = layout.mambas + 2
    features = max(layout.width * tables, layout.width + 2 * HEAD_WIDTH) * _FLOAT
    return int(features + layout.bands * (layout.item_bytes + 6) + 40)


def _disk_bytes(layout: Layout, pixels: Sequence[int]) -> int:
    """Two neighboring grids' tables at once, the finest with its levels instead of features."""
    row = layout.width * _FLOAT
    finest = pixels[0] * (layout.bands + layout.mambas * row)
    return finest + pixels[1] * (1 + layout.mambas) * row
