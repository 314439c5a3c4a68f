"""A model and a scene in, a land-cover map out.

The result: ``classification``, ``confidence``, ``probabilities`` (paths, empty where not asked
for), ``style`` (the QML beside the map), ``classes`` (the table), ``pixels`` and ``seconds``.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import mambahsi
from mambahsi.bands import match_bands
from mambahsi.errors import ModelError, SceneError
from mambahsi.feedback import Feedback
from mambahsi.grid import Grid
from mambahsi.inference import Predictions, predict_blocks
from mambahsi.jobs import ClassifyJob, TrainAndClassifyJob
from mambahsi.landcover import NODATA_FLOAT, NODATA_VALUE, FloatRasterWriter, LandCoverWriter
from mambahsi.model_file import ModelFile, load_model
from mambahsi.network import SceneGeometry
from mambahsi.network.memory import inference_bytes
from mambahsi.outputs import OutputFiles, style_path
from mambahsi.pixels import read_pixels
from mambahsi.runs.setup import check_memory, choose_place, restore_network
from mambahsi.scene import Scene
from mambahsi.source_files import raster_files

CLASSES_TAG = "MAMBAHSI_CLASSES"
"""Metadata item of a map that holds its class table as JSON, for an assessment to read."""

BLOCK_ROWS = 256
"""Rows written at a time: a row of the map's tiles."""


@dataclass(frozen=True)
class MapTargets:
    """Where the maps are written for now, None where not asked for."""

    classification: Path
    confidence: Path | None
    probabilities: Path | None


def add_maps(files: OutputFiles, job: ClassifyJob | TrainAndClassifyJob) -> MapTargets:
    """Check that a job's maps can be written.

    Raises:
        OutputError: One of them cannot.
    """
    return MapTargets(
        files.add_raster(job.classification),
        files.add_raster(job.confidence) if job.confidence else None,
        files.add_raster(job.probabilities) if job.probabilities else None,
    )


def classify(job: ClassifyJob, feedback: Feedback) -> dict[str, Any]:
    """Classify a scene.

    Raises:
        ModelError: The model cannot be read, or the scene's bands do not fit it.
        SceneError: The scene cannot be read, or has no valid pixel.
        ResourceError: It does not fit into memory.
        OutputError: A map cannot be written.
        Cancelled: The user asked to stop; nothing is left.
    """
    with OutputFiles(inputs=[*raster_files(job.scene.path), job.model]) as files:
        targets = add_maps(files, job)
        result = write_maps(job, targets, feedback)
    feedback.progress(1.0, "Done")
    return result


def write_maps(job: ClassifyJob, targets: MapTargets, feedback: Feedback) -> dict[str, Any]:
    """Classify a scene into files that are renamed by someone else."""
    started = time.monotonic()
    model = load_model(job.model)
    if model.mode != "whole":
        raise ModelError(
            f"{job.model}: a model for scenes in parts ({model.mode}), which this engine "
            "cannot apply.",
            "Update the engine.",
        )
    with Scene.open(job.scene) as scene:
        for note in scene.notes:
            feedback.warning(note)
        bands = match_bands(model.bands, scene, feedback)
        valid = _valid_pixels(scene, bands, feedback.part(0.0, 0.1))
        place = choose_place(job, feedback)
        geometry = SceneGeometry(valid)
        check_memory(
            "Classification",
            inference_bytes(geometry.pixels, len(bands), model.network["hidden_dim"]),
            job.memory,
            place,
            feedback,
        )
        pixels = read_pixels(scene, bands, valid, model.normalization, feedback.part(0.1, 0.2))
        network = restore_network(job.model, model.network, model.weights, place)
        boundaries = _block_boundaries(valid)
        blocks = predict_blocks(
            network, pixels.to(place.device), geometry, boundaries, feedback.part(0.2, 1.0)
        )
        _write(
            targets,
            scene.grid,
            model,
            _provenance(job, model, scene, place.to_json()),
            valid,
            blocks,
        )
    seconds = time.monotonic() - started
    feedback.log(f"Classified {geometry.pixels:,} pixels in {seconds:.1f} s.")
    return {
        "classification": job.classification,
        "confidence": job.confidence,
        "probabilities": job.probabilities,
        "style": str(style_path(Path(job.classification))),
        "classes": model.classes.to_json(),
        "pixels": geometry.pixels,
        "seconds": seconds,
    }


def _valid_pixels(scene: Scene, bands: tuple[int, ...], feedback: Feedback) -> np.ndarray:
    """Where the scene is valid in all bands that the model reads; bool (rows, columns)."""
    valid = np.zeros(scene.grid.shape, dtype=bool)
    for window in scene.windows(len(bands)):
        feedback.check()
        feedback.progress(window.row_off / scene.grid.height, "Looking for nodata")
        valid[window.toslices()] = scene.valid(bands, window)
    if not valid.any():
        empty = [band for band in bands if not scene.valid([band]).any()]
        which = f"band {empty[0]} has none at all" if empty else "none is valid in all of them"
        raise SceneError(
            f"Scene {scene.path} has no valid pixel in the {len(bands)} bands that the model "
            f"uses: {which}.",
            "Check its nodata value.",
        )
    return valid


def _block_boundaries(valid: np.ndarray) -> list[int]:
    """Numbers of the valid pixels at which blocks of :data:`BLOCK_ROWS` rows begin and end."""
    before = np.concatenate([[0], np.cumsum(valid.sum(axis=1))])
    return [int(n) for n in before[:-1:BLOCK_ROWS]] + [int(before[-1])]


def _provenance(
    job: ClassifyJob, model: ModelFile, scene: Scene, place: dict[str, Any]
) -> dict[str, str]:
    return {
        "TIFFTAG_SOFTWARE": f"MambaHSI for QGIS, engine {mambahsi.__version__}",
        "MAMBAHSI_MODEL": Path(job.model).name,
        "MAMBAHSI_MODEL_SHA256": hashlib.sha256(Path(job.model).read_bytes()).hexdigest(),
        "MAMBAHSI_SEED": str(model.training.get("seed", "")),
        "MAMBAHSI_SCENE": scene.name,
        "MAMBAHSI_TRAINING_SCENE": str(model.scene.get("name", "")),
        "MAMBAHSI_DEVICE": str(place["device"]),
        "MAMBAHSI_BACKEND": str(place["backend"]),
    }


def _write(
    targets: MapTargets,
    grid: Grid,
    model: ModelFile,
    provenance: dict[str, str],
    valid: np.ndarray,
    blocks: Iterator[Predictions],
) -> None:
    table = model.classes
    classes_tag = {CLASSES_TAG: json.dumps(table.to_json())}
    with ExitStack() as stack:
        land_cover = stack.enter_context(
            LandCoverWriter(targets.classification, grid, table, provenance | classes_tag)
        )
        confidence = probabilities = None
        if targets.confidence:
            confidence = stack.enter_context(
                FloatRasterWriter(targets.confidence, grid, ["confidence"], provenance)
            )
        if targets.probabilities:
            probabilities = stack.enter_context(
                FloatRasterWriter(targets.probabilities, grid, table.names, provenance)
            )
        for top, block in zip(range(0, grid.height, BLOCK_ROWS), blocks, strict=True):
            rows = slice(top, min(top + BLOCK_ROWS, grid.height))
            mask = valid[rows]
            land_cover.write(rows, _spread(table.values[block.classes], mask, NODATA_VALUE)[0])
            if confidence:
                confidence.write(rows, _spread(block.confidence, mask, NODATA_FLOAT))
            if probabilities:
                probabilities.write(rows, _spread(block.probabilities, mask, NODATA_FLOAT))


def _spread(values: np.ndarray, mask: np.ndarray, nodata: float) -> np.ndarray:
    """Put values of valid pixels, (pixels,) or (pixels, bands), where they lie.

    Returns:
        (bands, rows, columns), of the values' type.
    """
    columns = values.reshape(len(values), -1)
    image = np.full((columns.shape[1], *mask.shape), nodata, dtype=values.dtype)
    image[:, mask] = columns.T
    return image
