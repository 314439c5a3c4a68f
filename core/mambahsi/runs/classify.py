"""A model and a scene in, a land-cover map out.

The result: ``classification``, ``confidence``, ``probabilities``, ``margin``, ``entropy`` (paths,
empty where not asked for), ``style`` (the QML beside the map), ``classes`` (the table),
``temperature`` (what scores were divided by), ``pixels``, ``seconds``, ``device``, ``backend``,
``threads`` and ``way`` (in memory, in strips or in windows).
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

import mambahsi
from mambahsi.bands import match_bands
from mambahsi.devices import (
    MemoryBudget,
    first_line,
    is_out_of_memory,
    memory_budget,
    release_memory,
)
from mambahsi.errors import ModelError, ResourceError, SceneError
from mambahsi.feedback import Feedback
from mambahsi.inference import predict_blocks
from mambahsi.jobs import NETWORK, ClassifyJob
from mambahsi.landcover import BLOCK_ROWS
from mambahsi.model_file import ModelFile, load_model
from mambahsi.network import SceneGeometry
from mambahsi.outputs import OutputFiles, style_path
from mambahsi.pixels import read_pixels
from mambahsi.plans import cache_bytes, choose_tiles, stored_bytes
from mambahsi.raster_file import CACHE_BYTES, block_cache
from mambahsi.records.digests import file_digest
from mambahsi.runs.maps import MapTargets, MapWriter, add_maps, block_boundaries, further_maps
from mambahsi.runs.recording import Recorder
from mambahsi.runs.setup import Place, choose_place, restore_network
from mambahsi.runs.ways import Way, choose_reading, choose_way, cpu_place, layout_of, result_text
from mambahsi.scene import Scene
from mambahsi.source_files import raster_files
from mambahsi.streaming.grids import Grids
from mambahsi.streaming.levels import LevelReader
from mambahsi.streaming.maps import predict_windows as predict_streamed
from mambahsi.streaming.passes import Passes
from mambahsi.streaming.plan import ReadPlan, StreamPlan
from mambahsi.streaming.space import check_space
from mambahsi.streaming.spool import Spool
from mambahsi.windows.inference import predict_windows
from mambahsi.windows.placement import window_shape
from mambahsi.windows.tiles import TileRaster, WindowReader

MAPS_SHARE = 0.1
"""Share of the progress that writing the maps stands for."""

DECIDED = ("device", "backend", "threads", "precision", "launches", "way")
"""What a classification's result tells, and its job may have left open."""


def classify(job: ClassifyJob, feedback: Feedback) -> dict[str, Any]:
    """Classify a scene.

    Raises:
        ModelError: The model cannot be read, or the scene's bands do not fit it.
        SceneError: The scene cannot be read, or has no valid pixel.
        ResourceError: It does not fit into memory, or its temporary files on the disk.
        OutputError: A map cannot be written.
        Cancelled: The user asked to stop; nothing is left.
    """
    with OutputFiles(inputs=[*raster_files(job.scene.path), job.model]) as files:
        targets = add_maps(files, job)
        record = Recorder(files, job, feedback)
        result = write_maps(job, targets, feedback)
        record.write(result, {name: result[name] for name in DECIDED if name in result})
    feedback.progress(1.0, "Done")
    return result


def write_maps(job: ClassifyJob, targets: MapTargets, feedback: Feedback) -> dict[str, Any]:
    """Classify a scene into files that are renamed by someone else."""
    started, used = time.monotonic(), time.process_time()
    model = load_model(job.model)
    pixelwise = model.classifier != NETWORK
    if not pixelwise and model.mode not in ("whole", "windows"):
        raise ModelError(
            f"{job.model}: a model of mode {model.mode}, which this engine cannot apply.",
            "Update the engine.",
        )
    with Scene.open(job.scene) as scene:
        for note in scene.notes:
            feedback.warning(note)
        task = Task(job, targets, model, scene, match_bands(model.bands, scene, feedback))
        if pixelwise:
            # Imported by need: a network does not wait for scikit-learn.
            from mambahsi.runs.classify_pixelwise import classify_pixelwise

            pixels, place = classify_pixelwise(task, feedback)
            done = _Done(pixels, place, "pixels")
        elif model.window:
            done = _classify_in_windows(task, model.window, feedback)
        else:
            done = _classify_whole(task, feedback)
    seconds = time.monotonic() - started
    feedback.log(f"Classified {done.pixels:,} pixels in {seconds:.1f} s.")
    return {
        "classification": job.classification,
        **further_maps(job),
        "style": str(style_path(Path(job.classification))),
        "classes": model.classes.to_json(),
        "temperature": model.calibration.temperature,
        "pixels": done.pixels,
        "seconds": seconds,
        "cpu_seconds": time.process_time() - used,
        **done.place.to_json(),
        "way": done.way,
    }


@dataclasses.dataclass(frozen=True)
class _Done:
    """How a scene was classified.

    Attributes:
        pixels: Its valid pixels.
        place: Where it ran.
        way: ``memory``, ``strips of N rows``, ``windows`` or ``pixels``.
    """

    pixels: int
    place: Place
    way: str


@dataclasses.dataclass(frozen=True)
class Task:
    """A model, the scene that it is applied to, and where the maps go."""

    job: ClassifyJob
    targets: MapTargets
    model: ModelFile
    scene: Scene
    bands: tuple[int, ...]

    def writer(self, place: Place) -> MapWriter:
        """Opens the maps."""
        temperature = self.model.calibration.temperature
        provenance = {
            "TIFFTAG_SOFTWARE": f"MambaHSI for QGIS, engine {mambahsi.__version__}",
            "MAMBAHSI_MODEL": Path(self.job.model).name,
            "MAMBAHSI_MODEL_SHA256": self.model_digest(),
            "MAMBAHSI_SEED": str(self.model.training.get("seed", "")),
            "MAMBAHSI_SCENE": self.scene.name,
            "MAMBAHSI_TRAINING_SCENE": str(self.model.scene.get("name", "")),
            "MAMBAHSI_DEVICE": str(place.to_json()["device"]),
            "MAMBAHSI_BACKEND": place.scan,
            "MAMBAHSI_PRECISION": str(place.to_json()["precision"]),
            "MAMBAHSI_TEMPERATURE": str(temperature),
        }
        return MapWriter(self.targets, self.scene.grid, self.model.classes, temperature, provenance)

    def model_digest(self) -> str:
        return file_digest(Path(self.job.model))


def _classify_whole(task: Task, feedback: Feedback) -> _Done:
    """Classify with a model that has seen whole scenes."""
    job, scene = task.job, task.scene
    place = choose_place(job, feedback)
    layout = layout_of(scene, len(task.bands), task.model.network)
    reading = choose_reading(job, layout, feedback)
    # GDAL's cache is a part of the budget: while reading here, and for the maps written below.
    with block_cache(reading.cache_bytes):
        valid = valid_pixels(scene, task.bands, reading, feedback.part(0.0, 0.05))
    grids = Grids(valid)
    part = feedback.part(0.05, 1.0)
    way = choose_way(job, place, layout, grids.counts, feedback)
    while True:
        told = _follow(task, way, grids, part)
        if not told:
            break
        failed = f"Memory ran out while the scene was classified {way.text} ({told})."
        before = way.place
        way = choose_way(job, place, layout, grids.counts, feedback, failed=way)
        same = result_text(before, way.place)
        feedback.warning(f"{failed} It is classified {way.text}, {same}.")
    text = f"strips of {way.stream.strip_rows[0]} rows" if way.stream else "memory"
    return _Done(grids.counts[0], way.place, text)


def _follow(task: Task, way: Way, grids: Grids, feedback: Feedback) -> str:
    """Classify in one way; empty, or what was said when memory ran out."""
    try:
        with block_cache(way.stream.read.cache_bytes if way.stream else CACHE_BYTES):
            if way.stream:
                _in_strips(task, grids, way.place, way.stream, feedback)
            else:
                _in_memory(task, grids.valid[0], way.place, feedback)
            return ""
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        told = first_line(error)
    # Only here the error is gone, and with it the frames that keep tensors alive.
    release_memory(way.place.device)
    return told


def _classify_in_windows(task: Task, window: tuple[int, int], feedback: Feedback) -> _Done:
    """Classify with a model that has seen windows."""
    job, scene, model = task.job, task.scene, task.model
    place = choose_place(job, feedback)
    main = memory_budget(job.memory, torch.device("cpu"))
    device = main if place.device.type == "cpu" else memory_budget(job.memory, place.device)
    reading = choose_reading(job, layout_of(scene, len(task.bands), model.network), feedback)
    cache = cache_bytes(main.bytes)
    with block_cache(cache):
        valid = valid_pixels(scene, task.bands, reading, feedback.part(0.0, 0.05))
        tiles = TileRaster.of(scene, len(task.bands), cache)
        shape = window_shape(window, valid.shape)
        part = feedback.part(0.05, 1.0)

        def keep(place: Place, device: MemoryBudget) -> int:
            return choose_tiles(
                tiles,
                shape,
                model.network,
                place.scan,
                min(cache, stored_bytes(scene)),
                BLOCK_ROWS,
                (device, main),
                feedback,
            )

        def work(place: Place, kept: int) -> None:
            reader = WindowReader(scene, task.bands, valid, model.normalization, tiles, kept)
            network = restore_network(job.model, model.network, model.weights, place)
            blocks = predict_windows(network, reader, shape, block_boundaries(valid), part)
            with task.writer(place) as writer:
                writer.write_rows(valid, blocks)

        told, kept = "", 0
        try:
            kept = keep(place, device)
        except ResourceError as error:
            if place.device.type == "cpu":
                raise
            told = error.message
        try:
            if not told:
                work(place, kept)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            told = f"Memory ran out on {place.device} ({first_line(error)})."
            if place.device.type == "cpu":
                raise ResourceError(
                    f"Memory ran out while windows of {shape[0]} x {shape[1]} pixels, which the "
                    f"model was trained on, were classified on the CPU ({first_line(error)}).",
                    "End other programs, or use a machine with more memory.",
                ) from error
        if told:
            release_memory(place.device)
            before, place = place, cpu_place(job.scan, place)
            same = result_text(before, place)
            feedback.warning(f"{told} The windows are classified on the CPU, {same}.")
            work(place, keep(place, main))
    return _Done(int(valid.sum()), place, "windows")


def _in_memory(task: Task, valid: np.ndarray, place: Place, feedback: Feedback) -> None:
    model = task.model
    geometry = SceneGeometry(valid)
    pixels = read_pixels(
        task.scene, task.bands, valid, model.normalization, feedback.part(0.0, 0.1)
    )
    network = restore_network(task.job.model, model.network, model.weights, place)
    blocks = predict_blocks(
        network, pixels.to(place.device), geometry, block_boundaries(valid),
        feedback.part(0.1, 1.0),
    )  # fmt: skip
    with task.writer(place) as writer:
        writer.write_rows(valid, blocks)


def _in_strips(
    task: Task, grids: Grids, place: Place, plan: StreamPlan, feedback: Feedback
) -> None:
    model, scene = task.model, task.scene
    network = restore_network(task.job.model, model.network, model.weights, place)
    target = Path(task.job.classification).absolute()
    fingerprint = {
        "engine": mambahsi.__version__,
        "model": task.model_digest(),
        "scene": [_identity(name) for name in raster_files(scene.path)],
        "bands": list(task.bands),
        "nodata": task.job.scene.nodata,
        "scan": place.scan,
        "device": place.device.type,
        "precision": str(place.precision),
    }
    with Spool(target, fingerprint, feedback, plan.in_memory) as spool:
        check_space(spool.folder.parent, plan.disk, spool.size(), plan.memory)
        reader = LevelReader(scene, task.bands, grids.valid[0], model.normalization)
        passes = Passes(network, reader, grids, plan, spool)
        passes.run(feedback.part(0.0, 1.0 - MAPS_SHARE))
        last = feedback.part(1.0 - MAPS_SHARE, 1.0)
        with task.writer(place) as writer:
            for window, logits in predict_streamed(passes, grids, plan, last):
                writer.write(window, grids.valid[0][window.toslices()], logits)


def _identity(name: str) -> list[Any]:
    """A file of a scene, and what changes when it is written to."""
    path = Path(name)
    if not path.is_file():
        return [name]
    status = path.stat()
    return [str(path.resolve()), status.st_size, status.st_mtime_ns]


def valid_pixels(
    scene: Scene, bands: Sequence[int], plan: ReadPlan, feedback: Feedback
) -> np.ndarray:
    """Where the scene is valid in all bands that the model reads; bool (rows, columns).

    Args:
        scene: The scene. It is read only if it may have invalid pixels.
        bands: Numbers of the bands, from 1.
        plan: How to read it.
        feedback: Told about progress.

    Raises:
        SceneError: No pixel is valid, or the file is truncated or corrupt.
        Cancelled: The user asked to stop.
    """
    height, width = scene.grid.shape
    if scene.always_valid(bands):
        return np.ones((height, width), dtype=bool)
    valid = np.zeros((height, width), dtype=bool)
    for window in plan.windows(0, height, width):
        feedback.check()
        feedback.progress(window.row_off / height, "Looking for nodata")
        valid[window.toslices()] = scene.valid(bands, window)
    if not valid.any():
        empty = [band for band in bands if not _any_valid(scene, band, plan)]
        which = f"band {empty[0]} has none at all" if empty else "none is valid in all of them"
        raise SceneError(
            f"Scene {scene.path} has no valid pixel in the {len(bands)} bands that the model "
            f"uses: {which}.",
            "Check its nodata value.",
        )
    return valid


def _any_valid(scene: Scene, band: int, plan: ReadPlan) -> bool:
    height, width = scene.grid.shape
    return any(scene.valid([band], window).any() for window in plan.windows(0, height, width))
