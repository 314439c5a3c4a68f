"""A land-cover map against a reference: polygons, points or a raster.

The result: ``overall_accuracy``, ``average_accuracy``, ``kappa`` (None where undefined),
``tested_classes``, ``tested_pixels``, ``report`` and ``table`` (paths, or empty).

A map that this engine wrote carries its class table, so that the reference may name classes
by what the training labels called them, by value or by name. A map from elsewhere has
values only; its classes are these, together with those of the reference.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning

from mambahsi.accuracy import Accuracy, confusion_matrix
from mambahsi.class_values import (
    ClassValues,
    build_class_table,
    match_classes,
    read_class_values,
)
from mambahsi.classes import ClassTable, LandCoverClass
from mambahsi.colors import default_color
from mambahsi.errors import LabelsError, SceneError
from mambahsi.feedback import Feedback, WarningsKept
from mambahsi.grid import Grid
from mambahsi.jobs import AssessJob, JobError, RasterSource
from mambahsi.labels import read_labels
from mambahsi.outputs import OutputFiles, write_bytes
from mambahsi.previews import class_preview
from mambahsi.report import write_report
from mambahsi.reprojection import differ
from mambahsi.runs.maps import CLASSES_TAG
from mambahsi.runs.recording import Recorder
from mambahsi.runs.setup import versions
from mambahsi.scene import Scene
from mambahsi.source_files import raster_files, vector_files


def assess(job: AssessJob, feedback: Feedback) -> dict[str, Any]:
    """Assess a map.

    Raises:
        JobError: There is no reference, or two.
        SceneError: The map or the reference raster cannot be used.
        LabelsError: The reference cannot be used, or shares no pixel with the map.
        OutputError: Report or table cannot be written.
    """
    given = job.reference or job.reference_raster
    if given is None or (job.reference and job.reference_raster):
        raise JobError(
            "One of the fields reference and reference_raster is needed, and only one.",
            "Give a layer of polygons or points, or a raster.",
        )
    feedback = WarningsKept(feedback)
    with OutputFiles(inputs=_inputs_of(job)) as files:
        report_path = files.add(job.report) if job.report else None
        table_path = files.add(job.table) if job.table else None
        record = Recorder(files, job, feedback) if job.report or job.table else None
        table, mapped, reference = _read_both(job, feedback)
        accuracy = Accuracy(confusion_matrix(reference, mapped, len(table)), table)
        if not accuracy.pixels:
            raise LabelsError(
                f"Reference {given.name or given.path} shares no pixel with map "
                f"{job.classification.name or job.classification.path}.",
                "Check that both cover the same area, and that the map has data there.",
            )
        feedback.log(accuracy.text())
        figures = accuracy.to_json()
        if table_path:
            text = json.dumps(figures, indent=2, ensure_ascii=False)
            write_bytes(table_path, text.encode("utf-8"))
        if report_path:
            map_name = job.classification.name or Path(job.classification.path).name
            write_report(
                report_path,
                title=f"Accuracy of {map_name}",
                accuracy=accuracy,
                protocol="reference given by the user",
                previews=[
                    class_preview("Map", mapped, table),
                    class_preview("Reference", reference, table),
                ],
                facts={
                    "Files": {
                        "Map": job.classification.name or job.classification.path,
                        "Reference": given.name or given.path,
                        "Class field": job.class_field,
                    },
                    "Versions": versions(),
                },
                warnings=feedback.warnings,
            )
        names = ("overall_accuracy", "average_accuracy", "kappa", "tested_classes", "tested_pixels")
        result = {name: figures[name] for name in names}
        result |= {"report": job.report, "table": job.table}
        if record:
            record.write(result, {})
    feedback.progress(1.0, "Done")
    return result


def _inputs_of(job: AssessJob) -> list[str]:
    """All files that an assessment reads."""
    rasters = [source.path for source in (job.classification, job.reference_raster) if source]
    layers = [job.reference.path] if job.reference else []
    return [
        *(name for path in rasters for name in raster_files(path)),
        *(name for path in layers for name in vector_files(path)),
    ]


def _read_both(job: AssessJob, feedback: Feedback) -> tuple[ClassTable, np.ndarray, np.ndarray]:
    """The classes, and class index by pixel of map and reference, -1 without."""
    with Scene.open(job.classification) as scene:
        grid = scene.grid
        found, codes = _read_values(scene)
    feedback.progress(0.3, "Reading the reference")
    table = _written_table(job.classification)
    if table is not None:
        mapped = _take(_positions(found.originals, [str(c.value) for c in table]), codes)
        _, reference = _read_reference(job, grid, table, feedback)
        return table, mapped, reference
    feedback.log("The map carries no class table: classes are compared by their values.")
    reference_table, reference = _read_reference(job, grid, None, feedback)
    table = _joined_table(found, reference_table)
    names = [c.original for c in table]
    mapped = _take(_positions(found.originals, names), codes)
    reference = _take(_positions([c.original for c in reference_table], names), reference)
    return table, mapped, reference


def _read_values(scene: Scene) -> tuple[ClassValues, np.ndarray]:
    """The class values of a raster's first band, and which of them each pixel has.

    Nodata, and 0 where it is not nodata anyway, are no class: -1.

    Raises:
        SceneError: The raster holds no class, or numbers that are no integers.
    """
    bands = scene.band_count - len(scene.alpha_bands)
    if bands != 1:
        raise SceneError(
            f"Raster {scene.path} has {bands} bands, and a land-cover map has one.",
            "Choose a land-cover map.",
        )
    data, valid = scene.read_valid([1])
    valid &= data[0] != 0
    values = data[0][valid]
    if not values.size:
        raise SceneError(
            f"Raster {scene.path} holds no class: all its pixels are nodata or 0.",
            "Choose a land-cover map.",
        )
    if (values != np.floor(values)).any():
        raise SceneError(
            f"Raster {scene.path} holds numbers that are no integers.", "Choose a land-cover map."
        )
    found = read_class_values(values.astype(np.int64), "band 1", scene.path)
    codes = np.full(valid.shape, -1, dtype=np.int64)
    codes[valid] = found.codes
    return found, codes


def _read_reference(
    job: AssessJob, grid: Grid, table: ClassTable | None, feedback: Feedback
) -> tuple[ClassTable, np.ndarray]:
    """The reference's classes, or the given ones, and class index by pixel, -1 without."""
    if job.reference is not None:
        labels = read_labels(job.reference, grid, job.class_field, feedback=feedback, table=table)
        return labels.table, labels.index
    assert job.reference_raster is not None
    with Scene.open(job.reference_raster) as scene:
        _refuse_other_grid(scene, grid)
        if differ(scene.grid.crs, grid.crs):
            feedback.warning(
                f"Reference raster {scene.path} has another CRS than the map; pixels are compared "
                "by their places in the two grids."
            )
        found, codes = _read_values(scene)
    notes: list[str] = []
    logs: list[str] = []
    if table is None:
        return build_class_table(found, None, None, notes, logs), codes
    class_of = match_classes(found, table, job.reference_raster.path, notes)
    originals = {c.original for c in table}
    renumbered = any(c.original != str(c.value) for c in table)
    if renumbered and not originals.issuperset(found.originals):
        meant = ", ".join(f"{c.value} = {c.name}" for c in table)
        notes.append(
            f"Reference raster {job.reference_raster.path} has values without names, and the "
            f"map's classes were numbered by the training; check that its values mean: {meant}."
        )
    for note in notes:
        feedback.warning(note)
    return table, _take(class_of, codes)


def _refuse_other_grid(reference: Scene, grid: Grid) -> None:
    """Pixels are compared one by one, so both rasters must have the same.

    Raises:
        SceneError: Size or place differ by more than a hundredth of a pixel.
    """
    other = reference.grid
    pixel = max(abs(grid.affine.a) + abs(grid.affine.b), 1e-12)
    same_place = np.allclose(other.transform, grid.transform, rtol=0, atol=0.01 * pixel)
    if other.shape != grid.shape or not same_place:
        raise SceneError(
            f"Reference raster {reference.path} does not lie on the grid of the map: "
            f"{other.shape[0]} x {other.shape[1]} pixels from ({other.transform[2]:g}, "
            f"{other.transform[5]:g}), and the map {grid.shape[0]} x {grid.shape[1]} from "
            f"({grid.transform[2]:g}, {grid.transform[5]:g}).",
            "Warp the reference onto the map's grid with nearest neighbor.",
        )


def _written_table(source: RasterSource) -> ClassTable | None:
    """The class table that this engine put into a map, or None in any other map."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(source.path) as dataset:
            text = dataset.tags().get(CLASSES_TAG)
    try:
        return ClassTable.from_json(json.loads(text)) if text else None
    except (ValueError, KeyError, TypeError) as error:
        raise SceneError(
            f"Map {source.path} has a class table that cannot be read ({error!r}).",
            f"Classify the scene again, or remove the metadata item {CLASSES_TAG}.",
        ) from error


def _joined_table(found: ClassValues, reference: ClassTable) -> ClassTable:
    """The reference's classes, and those that only the map has.

    Raises:
        LabelsError: The reference has classes that are no numbers.
    """
    texts = [c.original for c in reference if not c.original.lstrip("-").isdecimal()]
    if texts:
        raise LabelsError(
            f"The map has class values but no names, and the reference calls its classes "
            f"{', '.join(texts[:5])}{', ...' if len(texts) > 5 else ''}.",
            "Choose a class field that holds the map's values.",
        )
    known = {c.original for c in reference}
    further = [
        LandCoverClass(int(text), f"Class {text}", default_color(len(reference) + i), text)
        for i, text in enumerate(text for text in found.originals if text not in known)
    ]
    return ClassTable(tuple(sorted([*reference, *further], key=lambda c: int(c.original))))


def _positions(texts: list[str], among: list[str]) -> np.ndarray:
    """Where each text stands among others, -1 where it does not."""
    place = {text: i for i, text in enumerate(among)}
    return np.array([place.get(text, -1) for text in texts], dtype=np.int64)


def _take(numbers: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """``numbers[codes]``, and -1 where the code is -1."""
    taken: np.ndarray = np.append(numbers, -1)[codes]
    return taken
