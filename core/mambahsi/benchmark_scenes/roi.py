"""Label maps as ENVI writes regions of interest into text, as those of Houston 2013 are.

Comment lines tell name and number of points of every region; lines of numbers follow, a point
each: its number, column and row (both counted from 1), then coordinates that are not needed.
Some versions write all comments first, others those of a region before its points; the points are
in the order of the regions either way. The n-th region is the class of value n.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from mambahsi.benchmark_scenes.arrays import StoredArray
from mambahsi.errors import LabelsError

CONFLICT = 255
"""Value of a pixel that two regions claim."""

_SIGNATURE = re.compile(r"\s*;\s*ENVI Output of ROIs", re.IGNORECASE)


def list_regions(path: Path) -> list[StoredArray]:
    """The label map of a text file, or nothing where it is another text."""
    with path.open(encoding="utf-8", errors="replace") as file:
        head = [file.readline(1000) for _ in range(10)]
    if not _SIGNATURE.match(head[0]):
        return []
    size = re.search(r"File Dimension:\s*(\d+)\s*x\s*(\d+)", "".join(head), re.IGNORECASE)
    if size is None:
        raise LabelsError(f"{path} does not tell the size of its image (File Dimension).")
    return [StoredArray(path, "", (int(size[2]), int(size[1])), "uint8", "roi")]


def read_regions(array: StoredArray) -> np.ndarray:
    """The label map: uint8 (rows, columns), 0 unlabeled, :data:`CONFLICT` where two classes claim.

    Raises:
        LabelsError: Points are missing, are no numbers, or lie outside of the image.
    """
    path = array.path
    counts: list[int] = []
    points: list[tuple[int, int]] = []
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            if line.lstrip().startswith(";"):
                count = re.search(r"ROI npts:\s*(\d+)", line, re.IGNORECASE)
                counts += [int(count[1])] if count else []
            elif line.strip():
                try:
                    column, row = (int(text) for text in line.split()[1:3])
                except ValueError as error:
                    raise LabelsError(f"{path}, line {number}: no point: {line.strip()}") from error
                points.append((row, column))
    if sum(counts) != len(points) or not points:
        raise LabelsError(
            f"{path} announces {sum(counts)} points in {len(counts)} regions, and has "
            f"{len(points)}.",
            "It may be truncated; copy or download it again.",
        )
    if len(counts) >= CONFLICT:
        raise LabelsError(f"{path} has {len(counts)} regions, which is no list of classes.")
    labels = np.zeros(array.shape, np.uint8)
    rows, columns = np.array(points).T - 1
    inside = (rows >= 0) & (rows < array.shape[0]) & (columns >= 0) & (columns < array.shape[1])
    if not inside.all():
        row, column = points[int(np.argmin(inside))]
        raise LabelsError(
            f"{path}: column {column}, row {row} lies outside of {array.shape[1]} columns and "
            f"{array.shape[0]} rows, counted from 1."
        )
    values = np.repeat(np.arange(1, len(counts) + 1), counts).astype(np.uint8)
    labels[rows, columns] = values
    # Whatever does not hold what it was given was given something else, too.
    lost = labels[rows, columns] != values
    labels[rows[lost], columns[lost]] = CONFLICT
    return labels
