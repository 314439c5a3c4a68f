"""Files of a benchmark scene in; a scene, training polygons and a label raster out.

The result: ``dataset`` (the scene's key), ``title``, ``rows``, ``columns``, ``bands``,
``labeled_pixels``, ``polygons``, ``classes`` (the table), ``location`` (where it was put, in
words), ``scene``, ``labels``, ``reference_raster`` (paths, empty where not asked for), and
``class_field``, ``name_field``, ``color_field`` and ``part_field`` of the polygons.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mambahsi.benchmark_scenes import SceneFiles, find_scene
from mambahsi.benchmark_scenes.fields import CLASS_FIELD, COLOR_FIELD, NAME_FIELD, PART_FIELD
from mambahsi.benchmark_scenes.importing import Written, write_layers
from mambahsi.feedback import Feedback
from mambahsi.jobs import RECOGNIZE, ImportBenchmarkJob
from mambahsi.outputs import OutputFiles
from mambahsi.runs.recording import Recorder


def import_benchmark(job: ImportBenchmarkJob, feedback: Feedback) -> dict[str, Any]:
    """Import a benchmark scene.

    Raises:
        SceneError: The files hold no scene that is known, or a damaged one.
        LabelsError: There is no ground truth, or it does not belong to the scene.
        OutputError: A file cannot be written.
        Cancelled: The user asked to stop; nothing is left.
    """
    files = find_scene(
        job.input,
        None if job.dataset == RECOGNIZE else job.dataset,
        ground_truth=job.ground_truth or None,
        test_ground_truth=job.test_ground_truth or None,
        variable=job.variable,
        ground_truth_variable=job.ground_truth_variable,
    )
    known = files.scene
    maps = ", ".join(label_map.array.label for label_map in files.labels)
    feedback.log(f"{known.title}: cube {files.cube}, ground truth {maps}.")
    result: dict[str, Any] = {}

    def complete(outputs: OutputFiles, written: Written) -> None:
        result.update(_result(job, files, written))
        Recorder(outputs, job, feedback).write(result, {})

    write_layers(
        files,
        scene=job.scene,
        labels=job.labels,
        label_raster=job.reference_raster,
        feedback=feedback,
        complete=complete,
    )
    feedback.progress(1.0, "Done")
    return result


def _result(job: ImportBenchmarkJob, files: SceneFiles, written: Written) -> dict[str, Any]:
    known = files.scene
    return {
        "dataset": files.key,
        "title": known.title,
        "rows": known.rows,
        "columns": known.columns,
        "bands": files.bands,
        "labeled_pixels": int(np.count_nonzero(written.truth.values)),
        "polygons": written.fields,
        "classes": known.classes.to_json(),
        "location": written.note,
        "scene": job.scene,
        "labels": job.labels,
        "reference_raster": job.reference_raster,
        "class_field": CLASS_FIELD,
        "name_field": NAME_FIELD,
        "color_field": COLOR_FIELD,
        "part_field": PART_FIELD if written.truth.parts is not None else "",
    }
