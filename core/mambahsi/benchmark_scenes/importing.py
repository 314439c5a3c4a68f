"""A benchmark scene as layers of a GIS: scene, polygons for training, label raster.

All three lie on one grid. A raster that says where it lies keeps its place; the other formats hold
no position, so the scene is put down at its nominal one, and every file says so.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyogrio
import rasterio
from pyogrio.errors import DataLayerError, DataSourceError
from rasterio.crs import CRS
from rasterio.errors import RasterioError

import mambahsi
from mambahsi.benchmark_scenes.fields import (
    CLASS_FIELD,
    COLOR_FIELD,
    NAME_FIELD,
    PART_FIELD,
    find_fields,
    write_fields,
)
from mambahsi.benchmark_scenes.files import source_files
from mambahsi.benchmark_scenes.ground_truth import PARTS, GroundTruth, read_ground_truth
from mambahsi.benchmark_scenes.plain_files import SCENE_TAG, raster_place
from mambahsi.benchmark_scenes.recognize import SceneFiles
from mambahsi.benchmark_scenes.scene_raster import write_scene
from mambahsi.feedback import Feedback
from mambahsi.grid import Grid
from mambahsi.landcover import LandCoverWriter
from mambahsi.outputs import OutputFiles

DIGEST_TAG = "MAMBAHSI_IMPORT"
"""Metadata item that says what a file was imported from, so that it need not be made again."""

_VERSION = 1
"""Counted up where the same sources give other files."""


@dataclass(frozen=True)
class ImportedScene:
    """A scene that was imported.

    Attributes:
        key: The scene's key in the catalog.
        scene: GeoTIFF of the measurements.
        labels: GeoPackage of polygons; burned by pixel centers, they are the ground truth.
        label_raster: GeoTIFF of class values, named and colored; 0 is unlabeled.
        class_field: Field of the polygons with the class value.
        name_field: Field with the class name.
        color_field: Field with the class color.
        part_field: Field with the part of the official split, or empty where there is none.
    """

    key: str
    scene: Path
    labels: Path
    label_raster: Path
    class_field: str = CLASS_FIELD
    name_field: str = NAME_FIELD
    color_field: str = COLOR_FIELD
    part_field: str = ""


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        truth: The labels.
        fields: Number of polygons.
        dtype: Type of the scene's pixels.
        note: Where it was put, in words.
    """

    truth: GroundTruth
    fields: int
    dtype: str
    note: str


def import_scene(
    files: SceneFiles, folder: str | Path, feedback: Feedback | None = None
) -> ImportedScene:
    """Import a scene into a folder, unless it was imported there from the same files before.

    Args:
        files: What :func:`~mambahsi.benchmark_scenes.find_scene` found.
        folder: Where ``KEY.tif``, ``KEY_fields.gpkg`` and ``KEY_labels.tif`` are put; made if
            it is not there.
        feedback: Told how it goes.

    Raises:
        SceneError: The cube cannot be used.
        LabelsError: The ground truth cannot be used.
        OutputError: A file cannot be written.
        Cancelled: The user asked to stop.
    """
    feedback = feedback or Feedback()
    folder = Path(folder)
    imported = ImportedScene(
        files.key,
        folder / f"{files.key}.tif",
        folder / f"{files.key}_fields.gpkg",
        folder / f"{files.key}_labels.tif",
        part_field=PART_FIELD if len(files.labels) > 1 else "",
    )
    digest = source_digest(files, feedback)
    if _is_from(imported, digest):
        feedback.log(f"{files.scene.title} was imported before, to {folder}.")
        return imported
    folder.mkdir(parents=True, exist_ok=True)
    write_layers(
        files,
        scene=str(imported.scene),
        labels=str(imported.labels),
        label_raster=str(imported.label_raster),
        feedback=feedback,
        digest=digest,
    )
    return imported


def write_layers(
    files: SceneFiles,
    *,
    scene: str,
    labels: str,
    label_raster: str,
    feedback: Feedback,
    digest: str = "",
    complete: Callable[[OutputFiles, Written], None] | None = None,
) -> Written:
    """Write a scene's files.

    Args:
        files: Where scene and labels lie.
        scene: GeoTIFF to write.
        labels: GeoPackage to write, or empty.
        label_raster: GeoTIFF of class values to write, or empty.
        feedback: Told how it goes.
        digest: What :func:`source_digest` gave, or empty to compute it.
        complete: Called when all files are complete, before they are renamed into place.

    Raises:
        SceneError: The cube cannot be used.
        LabelsError: The ground truth cannot be used.
        OutputError: A file cannot be written.
        Cancelled: The user asked to stop.
    """
    sources = [str(path) for path in _all_sources(files)]
    for note in files.notes:
        feedback.warning(note)
    with OutputFiles(inputs=sources) as outputs:
        scene_path = outputs.add_raster(scene)
        labels_path = outputs.add(labels) if labels else None
        raster_path = outputs.add_raster(label_raster) if label_raster else None
        # First, because a wrong label map is found in no time.
        truth = read_ground_truth(files, feedback)
        grid, note = _place(files)
        feedback.log(note)
        tags = {
            "TIFFTAG_SOFTWARE": f"MambaHSI for QGIS, engine {mambahsi.__version__}",
            "TIFFTAG_IMAGEDESCRIPTION": f"{files.scene.title}, {files.scene.sensor}. {note}",
            SCENE_TAG: files.key,
            "MAMBAHSI_SOURCES": ", ".join(Path(source).name for source in sources),
            DIGEST_TAG: digest or source_digest(files, feedback),
        }
        fields = find_fields(truth.values, grid.affine, truth.parts)
        if labels_path:
            part_names = PARTS if truth.parts is not None else ()
            metadata = {"note": note, DIGEST_TAG: tags[DIGEST_TAG]}
            write_fields(labels_path, fields, files.scene.classes, grid.crs, metadata, part_names)
        if raster_path:
            with LandCoverWriter(raster_path, grid, files.scene.classes, tags) as writer:
                writer.write(slice(0, grid.height), truth.values)
        dtype = write_scene(scene_path, files, grid, tags, feedback)
        written = Written(truth, len(fields), dtype, note)
        if complete:
            complete(outputs, written)
    return written


def source_digest(files: SceneFiles, feedback: Feedback) -> str:
    """A text that changes with whatever the imported files depend on."""
    told = {
        "version": _VERSION,
        "scene": files.key,
        "cube": [files.cube.name, files.axes],
        "labels": [[label_map.array.name, label_map.part] for label_map in files.labels],
        "sources": [_sha256(path, feedback) for path in _all_sources(files)],
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _all_sources(files: SceneFiles) -> list[Path]:
    arrays = [files.cube, *(label_map.array for label_map in files.labels)]
    return list(dict.fromkeys(path for array in arrays for path in source_files(array)))


def _sha256(path: Path, feedback: Feedback) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(2**22):
            feedback.check()
            digest.update(block)
    return digest.hexdigest()


def _place(files: SceneFiles) -> tuple[Grid, str]:
    """Where the scene lies, and that in words."""
    known = files.scene
    own = raster_place(files.cube.path) if files.cube.form == "raster" else None
    if own is not None:
        return own, f"Located as {files.cube.path.name} says."
    size = known.pixel_size
    grid = Grid(
        known.columns,
        known.rows,
        (size, 0.0, known.corner[0], 0.0, -size, known.corner[1]),
        CRS.from_user_input(known.crs).to_wkt(),
    )
    return grid, (
        "Nominal location: the benchmark's files hold no position. "
        f"Placed near {known.place}, with north up and {size:g} m pixels."
    )


def _is_from(imported: ImportedScene, digest: str) -> bool:
    """Whether all files are there and were made from the sources of that digest."""
    paths = (imported.scene, imported.labels, imported.label_raster)
    if not all(path.is_file() for path in paths):
        return False
    try:
        for path in (imported.scene, imported.label_raster):
            with rasterio.open(path) as dataset:
                if dataset.tags().get(DIGEST_TAG) != digest:
                    return False
        info = pyogrio.read_info(imported.labels)
    except (RasterioError, DataSourceError, DataLayerError):
        return False
    return (info["layer_metadata"] or {}).get(DIGEST_TAG) == digest
