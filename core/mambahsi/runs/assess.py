"""A land-cover map against a reference: polygons, points or a raster.

The result: ``overall_accuracy``, ``average_accuracy``, ``kappa`` (None where undefined),
``tested_classes``, ``tested_pixels``, ``report``, ``table`` and ``areas`` (paths, or empty), and
``area_weighted_accuracy`` with its ``standard_error`` (None but for a probability sample).

A reference that is a probability sample of the map's pixels goes through
:mod:`mambahsi.runs.assess_sample`, everything else through :mod:`mambahsi.runs.assess_counted`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mambahsi.areas.reading import carries_design
from mambahsi.feedback import Feedback, WarningsKept
from mambahsi.jobs import AssessJob, JobError
from mambahsi.outputs import OutputFiles, write_bytes
from mambahsi.report import write_report
from mambahsi.report_areas import area_sections
from mambahsi.runs.assess_counted import assess_counted
from mambahsi.runs.assess_sample import assess_sample
from mambahsi.runs.recording import Recorder
from mambahsi.source_files import raster_files, vector_files
from mambahsi.versions import versions


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
    sampled = _is_sample(job)
    if job.areas and not sampled:
        raise JobError(
            "Field areas: class areas can be estimated from a probability sample only.",
            "Draw one with sampledesign, or say by design how the reference points were chosen.",
        )
    feedback = WarningsKept(feedback)
    with OutputFiles(inputs=_inputs_of(job)) as files:
        report_path = files.add(job.report) if job.report else None
        table_path = files.add(job.table) if job.table else None
        areas_path = files.add(job.areas) if job.areas else None
        writes = bool(job.report or job.table or job.areas)
        record = Recorder(files, job, feedback, keep_layers=True) if writes else None
        areas = None
        if sampled:
            accuracy, areas, preview = assess_sample(job, feedback)
            previews = [preview]
            protocol = f"{'simple' if job.design == 'simple' else 'stratified'} random sample"
        else:
            accuracy, previews, protocol = assess_counted(job, given, feedback)
        feedback.log(accuracy.text())
        figures = accuracy.to_json() | {"area_estimates": None}
        if areas:
            feedback.log(areas.text())
            figures["area_estimates"] = areas.to_json()
        if table_path:
            text = json.dumps(figures, indent=2, ensure_ascii=False)
            write_bytes(table_path, text.encode("utf-8"))
        if areas and areas_path:
            write_bytes(areas_path, areas.to_csv().encode("utf-8"))
        if report_path:
            map_name = job.classification.name or Path(job.classification.path).name
            write_report(
                report_path,
                title=f"Accuracy of {map_name}",
                accuracy=accuracy,
                protocol=protocol,
                previews=previews,
                facts={
                    "Files": {
                        "Map": job.classification.name or job.classification.path,
                        "Reference": given.name or given.path,
                        "Class field": job.class_field,
                    },
                    "Versions": versions(),
                },
                warnings=feedback.warnings,
                estimated=area_sections(areas) if areas else (),
            )
        result = _result(job, figures)
        if record:
            record.write(result, {})
    feedback.progress(1.0, "Done")
    return result


def _result(job: AssessJob, figures: dict[str, Any]) -> dict[str, Any]:
    names = ("overall_accuracy", "average_accuracy", "kappa", "tested_classes", "tested_pixels")
    whole = (figures["area_estimates"] or {}).get("overall_accuracy", {})
    return {name: figures[name] for name in names} | {
        "area_weighted_accuracy": whole.get("value"),
        "standard_error": whole.get("standard_error"),
        "report": job.report,
        "table": job.table,
        "areas": job.areas,
    }


def _is_sample(job: AssessJob) -> bool:
    """Whether the reference is a probability sample.

    Raises:
        JobError: It is called one, but is a raster, or the job contradicts the layer.
    """
    if job.reference is None:
        if job.design in ("simple", "stratified"):
            raise JobError(
                f"Field design: {job.design!r} is about sample points, and the reference is a "
                "raster.",
                "Give the points as reference, or leave the design out.",
            )
        return False
    ours = carries_design(job.reference)
    if ours and job.design in ("none", "simple"):
        raise JobError(
            f"Field design: {job.design!r} contradicts the reference, a stratified sample.",
            "Leave the design out, or set it to stratified; points are counted alike, too.",
        )
    return ours or job.design in ("simple", "stratified")


def _inputs_of(job: AssessJob) -> list[str]:
    """All files that an assessment reads."""
    rasters = [source.path for source in (job.classification, job.reference_raster) if source]
    layers = [job.reference.path] if job.reference else []
    return [
        *(name for path in rasters for name in raster_files(path)),
        *(name for path in layers for name in vector_files(path)),
    ]
