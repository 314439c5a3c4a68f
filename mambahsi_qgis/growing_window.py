"""Distances from a pixel's spectrum in the window around it, part by part.

Which bands count is decided in the first cell: not those the file flags as bad, and not those
without any measurement there (water-vapor bands that are nodata throughout). A pixel is
compared where it holds a measurement in every band that counts.
"""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Iterator, Optional

import numpy as np

from mambahsi_qgis.region_growing import ANGLE, Window, distances
from mambahsi_qgis.spectra import Cell, SpectraError, SpectraReader
from mambahsi_qgis.translation import tr

_MOST_THREADS = 4
"""Cells read at the same time; each takes its memory twice, in GDAL and here."""


@dataclass(frozen=True, eq=False)
class Part:
    """What is known of a window so far: the distances in a part of it.

    Attributes:
        window: The part, in the scene.
        distances: float64, of its shape; infinite where there is no measurement.
    """

    window: Window
    distances: np.ndarray


def distances_around(
    reader: SpectraReader, row: int, column: int, side: int, measure: str
) -> Iterator[Part]:
    """Distances from a pixel's spectrum in the window around it, part by part.

    Args:
        reader: The scene.
        row, column: The pixel.
        side: Side of the window in pixels.
        measure: One of :data:`~mambahsi_qgis.region_growing.MEASURES`.

    Yields:
        The parts of the window, without overlap; the first holds the pixel.

    Raises:
        SpectraError: The pixel has no spectrum, or the file cannot be read.
    """
    window = Window.around(row, column, side, reader.height, reader.width)
    bands: Optional[np.ndarray] = None
    reference = np.empty(0)
    for cell in _cells(reader, window, row, column):
        place = cell.window
        if bands is None:
            here = (
                slice(row - place.top, row - place.top + 1),
                slice(column - place.left, column - place.left + 1),
            )
            bands = _measured(reader, cell, *here)
            reference = cell.values[(bands, *here)].ravel().astype(np.float64)
            if measure == ANGLE and not reference.any():
                raise SpectraError(
                    tr(
                        "This pixel is zero in all bands, so its spectrum has no direction. "
                        "Choose the Euclidean distance, or click another pixel."
                    )
                )
        part = place.common(window)
        rows, columns = part.within(place)
        values = cell.values[:, rows, columns]
        if len(bands) < len(values):
            values = values[bands]
        valid = reader.valid(cell, bands, rows, columns)
        complete = np.logical_and.reduce(valid, axis=0)
        yield Part(part, distances(values, complete, reference, measure))


def _cells(reader: SpectraReader, window: Window, row: int, column: int) -> Iterator[Cell]:
    """The cells of a window: the first alone, as fast as it can be, then several at a time."""
    first, *others = reader.cells(window, row, column)
    yield reader.read(first)
    threads = min(len(others), os.cpu_count() or 1, _MOST_THREADS)
    if threads < 2:
        yield from map(reader.read, others)
        return
    with ThreadPoolExecutor(threads, "MambaHSI spectra") as pool:
        waiting = iter(others)
        reading = deque(pool.submit(reader.read, place) for place in islice(waiting, threads))
        try:
            while reading:
                cell = reading.popleft().result()
                reading.extend(pool.submit(reader.read, place) for place in islice(waiting, 1))
                yield cell
        finally:  # where nobody wants the rest
            for future in reading:
                future.cancel()


def _measured(reader: SpectraReader, cell: Cell, rows: slice, columns: slice) -> np.ndarray:
    """Places of the bands that count: those that a pixel has.

    Raises:
        SpectraError: The pixel lacks a band that other pixels of the cell have.
    """
    bands = np.arange(len(cell.values))
    here = reader.valid(cell, bands, rows, columns).ravel()
    everywhere = slice(None), slice(None)
    if not here.any() or reader.valid(cell, bands[~here], *everywhere).any():
        raise SpectraError(tr("There is no data at this pixel. Click where the scene has pixels."))
    return bands[here]
