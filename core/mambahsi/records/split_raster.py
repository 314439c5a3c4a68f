"""The split as a raster: for every labeled pixel its part and its class.

A GeoTIFF on the scene's grid, ``MODEL.split.tif``: band 1 is the part, 0 where a pixel is not used,
band 2 the class value, 0 where it is not labeled. Pixels that are labeled but not used tell which
others lie in one field. Names are in the ``.aux.xml``, and a style for QGIS that
shows the parts lies beside it. Together with what the record tells about the split, it is the
split, pixel for pixel.
"""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from mambahsi.classes import ClassTable, LandCoverClass
from mambahsi.errors import RecordError
from mambahsi.grid import Grid
from mambahsi.landcover import NODATA_VALUE, RasterWriter
from mambahsi.outputs import style_path
from mambahsi.pam import write_class_attributes
from mambahsi.qml import write_style
from mambahsi.split import BUFFER, PART_NAMES, PART_UNUSED, TEST, TRAIN, VALIDATION, Split
from mambahsi.split.parts import make_split

PARTS = ClassTable(
    tuple(
        LandCoverClass(part, name, color, PART_NAMES[part])
        for part, name, color in (
            (TRAIN, "Training", "#1f78b4"),
            (VALIDATION, "Validation", "#ff9f1c"),
            (TEST, "Test", "#e31a1c"),
            (BUFFER, "Buffer, unused", "#bdbdbd"),
        )
    )
)
"""The parts as classes of a map."""


def split_path(model: str | os.PathLike[str]) -> Path:
    """Where the split of a model's labels lies."""
    return Path(f"{os.fspath(model)}.split.tif").absolute()


def write_split(path: Path, split: Split, grid: Grid) -> None:
    """Write a split.

    Args:
        path: Where to write, usually from :meth:`mambahsi.outputs.OutputFiles.add_raster`.
        split: The split.
        grid: Grid of the scene.

    Raises:
        OutputError: It cannot be written.
    """
    labeled = split.labels >= 0
    values = np.where(labeled, split.table.values[split.labels], NODATA_VALUE)
    dtype = "uint8" if max(split.table.values) <= 255 else "uint16"
    writer = RasterWriter(
        path, grid, {}, count=2, dtype=dtype, nodata=NODATA_VALUE, options={"interleave": "band"}
    )
    with writer:
        writer.describe(["part", "class"])
        writer.color({c.value: c.rgb for c in PARTS})
        writer.write(slice(0, grid.height), np.stack([split.parts, values]))
    counts = np.bincount(split.parts.ravel(), minlength=BUFFER + 1)
    write_class_attributes(path, PARTS, [int(counts[c.value]) for c in PARTS])
    of_class = np.bincount(split.labels[labeled], minlength=len(split.table))
    write_class_attributes(path, split.table, [int(n) for n in of_class], band=2)
    write_style(style_path(path), PARTS)


def describe_split(split: Split) -> dict[str, Any]:
    """Everything about a split but its pixels, as plain values."""
    return {**split.to_json(), "table": split.table.to_json()}


def read_split(path: Path, described: Mapping[str, Any]) -> Split:
    """The split that was written.

    Args:
        path: The raster.
        described: What :func:`describe_split` gave.

    Raises:
        RecordError: The raster cannot be read, or does not belong to the description.
    """
    hint = "Copy it again from where the training was made."
    try:
        table = ClassTable.from_json(described["table"])
        protocol, description = str(described["protocol"]), str(described["description"])
        notes = [str(note) for note in described["notes"]]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RecordError(f"Field split of the record is damaged ({error!r}).", hint) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path) as dataset:
                if dataset.count != 2:
                    raise RecordError(f"{path}: no split, which has two bands.", hint)
                parts, values = dataset.read()
    except RasterioError as error:
        raise RecordError(f"{path}: the split cannot be read ({error}).", hint) from error
    used = parts != PART_UNUSED
    index_of = np.full(max([*table.values, int(values.max(initial=0))]) + 1, -1, dtype=np.int32)
    index_of[table.values] = np.arange(len(table))
    index = index_of[values]
    if parts.max(initial=0) > BUFFER or (index[used] < 0).any():
        raise RecordError(f"{path}: the split has parts or classes that the record lacks.", hint)
    split = make_split(parts, index, table, protocol, description)
    fields = split.trained_fields
    if split.to_json()["in_trained_fields"] != described.get("in_trained_fields"):
        # An older version wrote no pixels that are not used, which tell of fields, too.
        fields = None
    return dataclasses.replace(split, notes=notes, trained_fields=fields)
