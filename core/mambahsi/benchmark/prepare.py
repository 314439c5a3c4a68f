"""From what a user has on disk to a scene's folder that is ready for runs.

A scene of the literature is recognized and imported (:mod:`mambahsi.benchmark_scenes`). Any
other scene is taken from a folder that holds ``scene.tif`` and ``labels.gpkg``.

What lies in the benchmark's folder already is kept if it holds the very pixels and labels,
whatever wrote it; models that were trained on it must not lose it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import rasterio
from rasterio.errors import RasterioError

from mambahsi.benchmark.scenes import LABEL_RASTER, LABELS, SCENE, SceneFolder, read_content
from mambahsi.benchmark_scenes import SceneFiles, catalog, find_scene
from mambahsi.benchmark_scenes.importing import DIGEST_TAG, source_digest, write_layers
from mambahsi.errors import OutputError
from mambahsi.feedback import Feedback
from mambahsi.jobs import RECOGNIZE, BenchmarkJob
from mambahsi.outputs import OutputFiles, writing

Fill = Callable[[SceneFolder], None]
"""Puts scene and labels into a folder."""


def prepare_scene(job: BenchmarkJob, feedback: Feedback) -> SceneFolder:
    """Import the scene of a benchmark, or take it as it lies there.

    Raises:
        SceneError, LabelsError: There is no scene, or it cannot be recognized or read.
        OutputError: The folder cannot be written to, or holds another scene of that name.
    """
    data = Path(job.data)
    if (data / SCENE).is_file() and (data / LABELS).is_file():
        key = data.resolve().name if job.dataset == RECOGNIZE else job.dataset
        place = _folder(job, key)
        if place.is_complete() and place.scene.samefile(data / SCENE):
            return place
        _fill(place, lambda target: _copy(data, target), job.redo, feedback)
        return place
    files = find_scene(
        data,
        None if job.dataset == RECOGNIZE else job.dataset,
        ground_truth=job.ground_truth or None,
        test_ground_truth=job.test_ground_truth or None,
        variable=job.variable,
        ground_truth_variable=job.ground_truth_variable,
    )
    place = _folder(job, files.key)
    digest = source_digest(files, feedback)
    if not (place.is_complete() and _stated_digest(place) == digest):
        _fill(place, lambda target: _import(files, target, digest, feedback), job.redo, feedback)
    return place


def _folder(job: BenchmarkJob, key: str) -> SceneFolder:
    title = catalog[key].title if key in catalog else key
    return SceneFolder(key, title, Path(job.output) / key)


def _fill(place: SceneFolder, fill: Fill, redo: bool, feedback: Feedback) -> None:
    """Fill a folder, unless it holds the same already."""
    with writing(place.folder):
        place.folder.mkdir(parents=True, exist_ok=True)
    if not place.is_complete() or redo:
        fill(place)
        return
    other = SceneFolder(place.key, place.title, place.folder / f".compared-{os.getpid()}")
    try:
        with writing(other.folder):
            other.folder.mkdir(exist_ok=True)
        fill(other)
        found, wanted = (read_content(each, feedback) for each in (place, other))
    finally:
        shutil.rmtree(other.folder, ignore_errors=True)
    for what, same in (
        (place.scene, found.scene_digest == wanted.scene_digest),
        (place.labels, found.labels_digest == wanted.labels_digest),
    ):
        if not same:
            raise OutputError(
                f"{what} holds something else than the data that is given.",
                "Choose another output folder, or option redo to replace it.",
            )


def _copy(data: Path, place: SceneFolder) -> None:
    with OutputFiles() as files:
        for name in (LABELS, SCENE):
            target = files.add(place.folder / name)
            with writing(target):
                shutil.copyfile(data / name, target)


def _import(files: SceneFiles, place: SceneFolder, digest: str, feedback: Feedback) -> None:
    write_layers(
        files,
        scene=str(place.scene),
        labels=str(place.labels),
        label_raster=str(place.folder / LABEL_RASTER),
        feedback=feedback,
        digest=digest,
    )


def _stated_digest(place: SceneFolder) -> str:
    """What a scene's file says that it was imported from; empty if nothing."""
    try:
        with rasterio.open(place.scene) as dataset:
            return str(dataset.tags().get(DIGEST_TAG, ""))
    except RasterioError:
        return ""
