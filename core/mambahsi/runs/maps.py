"""The maps of a classification, written part by part.

The class is that of the largest score; all further rasters show probabilities scaled with the
model's temperature, or what sums these up (see :mod:`mambahsi.certainty`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
from rasterio.windows import Window

from mambahsi.certainty import entropy, margin, to_probabilities
from mambahsi.classes import ClassTable
from mambahsi.grid import Grid
from mambahsi.inference import Predictions
from mambahsi.jobs import ClassifyJob, TrainAndClassifyJob
from mambahsi.landcover import (
    BLOCK_ROWS,
    NODATA_FLOAT,
    NODATA_VALUE,
    FloatRasterWriter,
    LandCoverWriter,
)
from mambahsi.map_values import CLASSES_TAG
from mambahsi.outputs import OutputFiles

FURTHER_MAPS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "confidence": lambda probabilities: probabilities.max(axis=1),
    "probabilities": lambda probabilities: probabilities,
    "margin": margin,
    "entropy": entropy,
}
"""Rasters that are written on request, by field of the job, and what they show."""


@dataclass(frozen=True)
class MapTargets:
    """Where the maps are written for now, None where not asked for."""

    classification: Path
    confidence: Path | None
    probabilities: Path | None
    margin: Path | None
    entropy: Path | None


def add_maps(files: OutputFiles, job: ClassifyJob | TrainAndClassifyJob) -> MapTargets:
    """Check that a job's maps can be written.

    Raises:
        OutputError: One of them cannot.
    """
    classification = files.add_raster(job.classification)
    further = {
        name: files.add_raster(path) if path else None for name, path in further_maps(job).items()
    }
    return MapTargets(classification, **further)


def further_maps(job: ClassifyJob | TrainAndClassifyJob) -> dict[str, str]:
    """The rasters beside the map by field of the job; empty where not asked for."""
    return {name: getattr(job, name) for name in FURTHER_MAPS}


class MapWriter:
    """Writes all maps that a job asks for. Use it as a context manager.

    Args:
        targets: Where to write.
        grid: The scene's grid.
        table: The classes.
        temperature: What scores are divided by.
        provenance: What made the maps, as metadata items.

    Raises:
        OutputError: A map cannot be written.
    """

    def __init__(
        self,
        targets: MapTargets,
        grid: Grid,
        table: ClassTable,
        temperature: float,
        provenance: dict[str, str],
    ) -> None:
        self._table = table
        self._temperature = temperature
        self._stack = ExitStack()
        self._further: dict[str, FloatRasterWriter] = {}
        with ExitStack() as stack:
            classes_tag = {CLASSES_TAG: json.dumps(table.to_json())}
            self._land_cover: LandCoverWriter = stack.enter_context(
                LandCoverWriter(targets.classification, grid, table, provenance | classes_tag)
            )
            for name in FURTHER_MAPS:
                path = getattr(targets, name)
                if path:
                    bands = table.names if name == "probabilities" else [name]
                    self._further[name] = stack.enter_context(
                        FloatRasterWriter(path, grid, bands, provenance)
                    )
            self._stack = stack.pop_all()

    def __enter__(self) -> MapWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, traceback)

    def write(self, window: Window, mask: np.ndarray, scores: np.ndarray) -> None:
        """Write a part of all maps; every pixel is to be written exactly once.

        Args:
            window: The part.
            mask: Which of its pixels are valid; bool (rows, columns).
            scores: Those of the valid ones, row by row; float32 (pixels, classes).
        """
        values = self._table.values[scores.argmax(axis=1)]
        self._land_cover.write(window, _spread(values, mask, NODATA_VALUE)[0])
        if self._further:
            probabilities = to_probabilities(scores, self._temperature)
            for name, writer in self._further.items():
                writer.write(window, _spread(FURTHER_MAPS[name](probabilities), mask, NODATA_FLOAT))

    def write_rows(self, valid: np.ndarray, blocks: Iterable[Predictions]) -> None:
        """Write all maps from top to bottom, :data:`BLOCK_ROWS` rows at a time.

        Args:
            valid: Which pixels of the scene are valid; bool (rows, columns).
            blocks: What is predicted between the numbers that :func:`block_boundaries` gives.
        """
        height, width = valid.shape
        for top, block in zip(range(0, height, BLOCK_ROWS), blocks, strict=True):
            rows = min(BLOCK_ROWS, height - top)
            mask = valid[top : top + rows]
            self.write(Window(0, top, width, rows), mask, block.scores)


def block_boundaries(valid: np.ndarray) -> list[int]:
    """Numbers of the valid pixels at which blocks of :data:`BLOCK_ROWS` rows begin and end."""
    before = np.concatenate([[0], np.cumsum(valid.sum(axis=1))])
    return [int(n) for n in before[:-1:BLOCK_ROWS]] + [int(before[-1])]


def _spread(values: np.ndarray, mask: np.ndarray, nodata: float) -> np.ndarray:
    """Put values of valid pixels, (pixels,) or (pixels, bands), where they lie.

    Returns:
        (bands, rows, columns), of the values' type.
    """
    columns = values if values.ndim > 1 else values[:, np.newaxis]
    image = np.full((columns.shape[1], *mask.shape), nodata, dtype=values.dtype)
    image[:, mask] = columns.T
    return image
