"""From a scene's file to the map's GeoTIFF, as a job does it, and what of it is the files' part.

A drawn scene of Int16, pixel by pixel, in the system's file cache, and a model with random weights.
After a first job that warms everything up: the whole job, reading alone (the engine's own reading
and stretching of all pixels) and writing alone (the very map once more, by the engine's own
writer). One further job may take so little memory that it has to stream.
"""

from __future__ import annotations

import importlib.util
import itertools
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.common import models
from benchmarks.gpu.clock import Clock
from benchmarks.gpu.contenders import our_network
from benchmarks.gpu.results import Result, Row
from benchmarks.gpu.settings import LARGEST_FILE, Settings, Size
from mambahsi.feedback import Feedback
from mambahsi.inference import Predictions
from mambahsi.jobs import ClassifyJob, RasterSource
from mambahsi.normalization import Normalization

LARGEST_VALUE = 10_000
"""Of the drawn scene; reflectance times ten thousand."""

STREAM_SHARE = 0.5
"""Share of the scene's own size in float32 that the streamed job may take of memory."""

LEAST_STREAM = 0.25
"""Gigabytes below which no job runs."""

NEEDED = "rasterio"


def run(settings: Settings, result: Result) -> None:
    """Measure every size that the whole network is measured at, the largest first."""
    if importlib.util.find_spec(NEEDED) is None:
        why = f"unmeasured, because {NEEDED} is not installed, which reads and writes the files"
        result.add(Row("scene file to GeoTIFF", figure=why))
        return
    clock = Clock(torch.device(settings.device))
    names = sorted(settings.sizes, key=lambda name: name != LARGEST_FILE)
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            _measure(name, settings.sizes[name], settings, Path(folder), result, clock)
        clock.clear()


def _measure(
    name: str, size: Size, settings: Settings, folder: Path, result: Result, clock: Clock
) -> None:
    rows, columns, bands = size
    pixels = rows * columns
    files = _Files(folder, size, settings)
    rounds = max(1, settings.rounds // 2)
    try:
        files.classify()
        jobs = [files.classify() for _ in range(rounds)]
    except Exception as error:
        result.add(Row.of(name, pixels, clock.failure(error)))
        return
    whole = statistics.median(job["seconds"] for job in jobs)
    reading = statistics.median(files.read() for _ in range(rounds))
    writing = statistics.median(files.write() for _ in range(rounds))
    share = (reading + writing) / whole
    if name == LARGEST_FILE:
        result.figures |= {"reading_and_writing": share, "pixels_per_second": pixels / whole}
    text = f"{pixels / whole:,.0f} pixels a second, {jobs[0]['device']}, in {jobs[0]['way']};"
    text += f" reading and writing alone take {share:.2f} of it"
    result.add(Row(f"{name}, file to GeoTIFF", pixels, whole, figure=text))
    result.add(Row(f"{name}, reading alone", pixels, reading))
    result.add(Row(f"{name}, writing alone", pixels, writing))
    title = f"{name}, file to GeoTIFF with little memory"
    budget = max(LEAST_STREAM, STREAM_SHARE * 4 * bands * pixels / 1e9)
    try:
        job = files.classify("streamed.tif", memory=budget)
    except Exception as error:
        result.add(Row.of(title, pixels, clock.failure(error)))
        return
    same = files.agreement("map.tif", "streamed.tif")
    text = f"{budget:.2f} GB, {job['device']}, in {job['way']}; {same:.4%} of the pixels as above"
    result.add(Row(title, pixels, job["seconds"], figure=text))


class _Files:
    """A drawn scene and a model in a folder, and the jobs on them."""

    def __init__(self, folder: Path, size: Size, settings: Settings) -> None:
        from mambahsi.runs.setup import network_arguments

        self.folder, self.size, self.settings = folder, size, settings
        _write_scene(folder / "scene.tif", size)
        network = our_network(settings, size[2], "torch")
        arguments = network_arguments(size[2], settings.width, settings.classes, "both")
        low, high = np.zeros(size[2]), np.full(size[2], float(LARGEST_VALUE))
        self.normalization = Normalization(low, high)
        values = range(1, settings.classes + 1)
        models.save(folder / "model", network, arguments, self.normalization, values)

    def classify(self, target: str = "map.tif", memory: float = 0.0) -> dict[str, Any]:
        from mambahsi.runs.classify import classify

        job = ClassifyJob(
            scene=RasterSource(str(self.folder / "scene.tif")),
            model=str(self.folder / "model"),
            classification=str(self.folder / target),
            device=self.settings.device,
            scan=self.settings.scan,
            memory=memory,
        )
        return classify(job, Feedback())

    def read(self) -> float:
        """Seconds that reading takes alone."""
        from mambahsi.pixels import read_pixels
        from mambahsi.scene import Scene

        bands = range(1, self.size[2] + 1)
        started = time.perf_counter()
        with Scene.open(RasterSource(str(self.folder / "scene.tif"))) as scene:
            valid = np.ones(self.size[:2], dtype=bool)
            read_pixels(scene, bands, valid, self.normalization, Feedback())
        return time.perf_counter() - started

    def write(self) -> float:
        """Seconds that writing takes alone."""
        from mambahsi.model_file import load_model
        from mambahsi.runs.maps import MapTargets, MapWriter, block_boundaries
        from mambahsi.scene import Scene

        table = load_model(str(self.folder / "model")).classes
        valid = np.ones(self.size[:2], dtype=bool)
        classes = self._map("map.tif").ravel().astype(np.int64) - 1
        scores = np.eye(len(table), dtype=np.float32)[classes]
        boundaries = block_boundaries(valid)

        def blocks() -> Iterator[Predictions]:
            for start, stop in itertools.pairwise(boundaries):
                yield Predictions(start, stop, scores[start:stop])

        with Scene.open(RasterSource(str(self.folder / "scene.tif"))) as scene:
            grid = scene.grid
        started = time.perf_counter()
        targets = MapTargets(self.folder / "again.tif", None, None, None, None)
        with MapWriter(targets, grid, table, 1.0, {}) as writer:
            writer.write_rows(valid, blocks())
        return time.perf_counter() - started

    def agreement(self, one: str, other: str) -> float:
        """Share of the pixels in which two maps are the same."""
        return float(np.mean(self._map(one) == self._map(other)))

    def _map(self, name: str) -> np.ndarray:
        import rasterio

        with rasterio.open(self.folder / name) as file:
            return file.read(1)


def _write_scene(path: Path, size: Size) -> None:
    """A GeoTIFF of random Int16, pixel by pixel, uncompressed."""
    import rasterio

    rows, columns, bands = size
    profile: dict[str, Any] = {
        "driver": "GTiff",
        "height": rows,
        "width": columns,
        "count": bands,
        "dtype": "int16",
        "interleave": "pixel",
        "bigtiff": "if_safer",
        "crs": "EPSG:32616",
        "transform": rasterio.Affine(30, 0, 496_000, 0, -30, 4_479_000),
    }
    random = np.random.default_rng(0)
    with rasterio.open(path, "w", **profile) as scene:
        scene.write(random.integers(0, LARGEST_VALUE, (bands, rows, columns), dtype=np.int16))
