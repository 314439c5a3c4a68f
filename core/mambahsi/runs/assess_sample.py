"""A land-cover map against a probability sample of its pixels.

The same points give both: counts of agreement, as for any reference, and estimates for the whole
map. The map is read in blocks, so it may be of any size.
"""

from __future__ import annotations

import numpy as np

from mambahsi.accuracy import Accuracy, confusion_matrix
from mambahsi.areas.drawing import count_classes
from mambahsi.areas.pixel_area import pixel_area
from mambahsi.areas.reading import carries_design, read_sample
from mambahsi.areas.results import AreaReport, area_report
from mambahsi.areas.sample_file import REFERENCE_CLASS
from mambahsi.classes import ClassTable
from mambahsi.errors import LabelsError
from mambahsi.feedback import Feedback
from mambahsi.jobs import AssessJob
from mambahsi.map_values import read_map, table_of_values, written_table
from mambahsi.previews import Preview, class_preview, step_for
from mambahsi.scene import Scene


def assess_sample(job: AssessJob, feedback: Feedback) -> tuple[Accuracy, AreaReport, Preview]:
    """Counts, estimates, and a picture of the map.

    Raises:
        SceneError: The map cannot be used.
        LabelsError: The sample cannot be used, or does not fit the map.
    """
    assert job.reference is not None
    ours = carries_design(job.reference)
    class_field = job.class_field or (REFERENCE_CLASS if ours else "")
    if not class_field:
        raise LabelsError("No class field is given.", "Name the field that holds the class.")
    with Scene.open(job.classification) as scene:
        area = pixel_area(scene.grid)
        if area.warning:
            feedback.warning(area.warning)
        classes = count_classes(scene, area, feedback)
        table = written_table(job.classification) or ClassTable(())
        known = set(table.values.tolist())
        unnamed = [int(value) for value in classes.values if int(value) not in known]
        if unnamed:
            table = ClassTable((*table, *table_of_values(unnamed, len(table))))
        feedback.progress(0.5, "Reading the sample")
        interpreted = read_sample(
            job.reference,
            class_field,
            scene,
            classes,
            table,
            area,
            stratified=job.design != "simple",
            feedback=feedback,
        )
        preview = class_preview("Map", _small_index(scene, table), table)
    drawn_as = "Stratified random sample"
    if job.design == "simple":
        drawn_as = "Simple random sample, poststratified"
    elif not ours:
        drawn_as += " (as the user says)"
    report = area_report(interpreted, classes, area.unit, drawn_as)
    for note in report.notes:
        feedback.warning(note)
    sample = interpreted.sample
    counts = confusion_matrix(sample.reference, sample.mapped, len(interpreted.table))
    return Accuracy(counts, interpreted.table), report, preview


def _small_index(scene: Scene, table: ClassTable) -> np.ndarray:
    """Class index of every n-th pixel, -1 without; as many as a preview shows."""
    step = step_for(*scene.grid.shape)
    order = np.argsort(table.values)
    parts = []
    for window in scene.windows(1):
        first = -window.row_off % step
        values, valid = (part[first::step, ::step] for part in read_map(scene, window))
        index = np.full(values.shape, -1, dtype=np.int32)
        index[valid] = order[np.searchsorted(table.values[order], values[valid])]
        parts.append(index)
    return np.concatenate(parts)
