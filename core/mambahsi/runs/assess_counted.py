"""A land-cover map against any reference, pixel by pixel.

A map that this engine wrote carries its class table, so that the reference may name classes
by what the training labels called them, by value or by name. A map from elsewhere has
values only; its classes are these, together with those of the reference.
"""

from __future__ import annotations

import numpy as np

from mambahsi.accuracy import Accuracy, confusion_matrix
from mambahsi.class_values import (
    ClassValues,
    build_class_table,
    match_classes,
    read_class_values,
)
from mambahsi.classes import ClassTable
from mambahsi.errors import LabelsError, SceneError
from mambahsi.feedback import Feedback
from mambahsi.grid import Grid
from mambahsi.jobs import AssessJob, RasterSource, VectorSource
from mambahsi.labels import read_labels
from mambahsi.map_values import (
    no_class,
    read_map,
    refuse_several_bands,
    table_of_values,
    written_table,
)
from mambahsi.previews import Preview, class_preview
from mambahsi.reprojection import differ
from mambahsi.scene import Scene


def assess_counted(
    job: AssessJob, given: RasterSource | VectorSource, feedback: Feedback
) -> tuple[Accuracy, list[Preview], str]:
    """Count agreement.

    Args:
        job: The assessment.
        given: Its reference.
        feedback: Told how it goes.

    Returns:
        The counts, pictures of both, and what kind of reference it is.

    Raises:
        SceneError: The map or the reference raster cannot be used.
        LabelsError: The reference cannot be used, or shares no pixel with the map.
    """
    table, mapped, reference = _read_both(job, feedback)
    accuracy = Accuracy(confusion_matrix(reference, mapped, len(table)), table)
    if not accuracy.pixels:
        raise LabelsError(
            f"Reference {given.name or given.path} shares no pixel with map "
            f"{job.classification.name or job.classification.path}.",
            "Check that both cover the same area, and that the map has data there.",
        )
    protocol = "reference given by the user"
    if job.reference is not None:
        protocol += (
            ", no probability sample: the figures are about its pixels and not about the whole "
            "map, and class areas cannot be estimated from it"
        )
    previews = [
        class_preview("Map", mapped, table),
        class_preview("Reference", reference, table),
    ]
    return accuracy, previews, protocol


def _read_both(job: AssessJob, feedback: Feedback) -> tuple[ClassTable, np.ndarray, np.ndarray]:
    """The classes, and class index by pixel of map and reference, -1 without."""
    with Scene.open(job.classification) as scene:
        grid = scene.grid
        found, codes = _read_values(scene)
    feedback.progress(0.3, "Reading the reference")
    table = written_table(job.classification)
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
    refuse_several_bands(scene)
    data, valid = read_map(scene)
    values = data[valid]
    if not values.size:
        raise no_class(scene)
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
    further = table_of_values(
        [int(text) for text in found.originals if text not in known], len(reference)
    )
    return ClassTable(tuple(sorted([*reference, *further], key=lambda c: int(c.original))))


def _positions(texts: list[str], among: list[str]) -> np.ndarray:
    """Where each text stands among others, -1 where it does not."""
    place = {text: i for i, text in enumerate(among)}
    return np.array([place.get(text, -1) for text in texts], dtype=np.int64)


def _take(numbers: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """``numbers[codes]``, and -1 where the code is -1."""
    taken: np.ndarray = np.append(numbers, -1)[codes]
    return taken
