"""Labeled pixels looked at before anything is trained on them.

The result of both jobs that write reports: ``classes`` and ``bands`` (numbers of them), ``pixels``
(used ones), ``warnings`` (a list of sentences), and ``report``, ``csv`` and ``table`` (paths, or
empty); of ``separability`` also ``least_separable`` (the worst pairs in words), and
``smallest_distance`` (the smallest Jeffries-Matusita distance, or None). The result of
``checksamples`` is ``table`` alone. Figures are those of :mod:`mambahsi.samples.figures`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from mambahsi.errors import LabelsError
from mambahsi.feedback import Feedback
from mambahsi.jobs import CheckSamplesJob, SeparabilityJob, SignaturesJob
from mambahsi.labels import read_shapes
from mambahsi.outputs import OutputFiles, write_bytes
from mambahsi.runs.recording import Recorder
from mambahsi.samples.figures import SampleFigures
from mambahsi.samples.findings import Finding, Labeled, find
from mambahsi.samples.reading import read_spectra
from mambahsi.samples.report import write_samples_report
from mambahsi.samples.signatures import signature
from mambahsi.scene import Scene
from mambahsi.source_files import raster_files, vector_files

Job = SignaturesJob | SeparabilityJob | CheckSamplesJob

_NAMED = 5


def describe_samples(job: SignaturesJob | SeparabilityJob, feedback: Feedback) -> dict[str, Any]:
    """Describe the spectra of the samples, or the distances of their classes.

    Raises:
        SceneError: The scene cannot be used.
        LabelsError: The labels cannot be used, no labeled pixel is valid, or distances are asked
            for of one class.
        OutputError: A file cannot be written.
        Cancelled: The user asked to stop; nothing is left.
    """
    apart = isinstance(job, SeparabilityJob)
    with OutputFiles(inputs=_inputs(job)) as files:
        report = files.add(job.report) if job.report else None
        csv = files.add(job.csv) if job.csv else None
        table = files.add(job.table) if job.table else None
        writes = bool(report or csv or table)
        record = Recorder(files, job, feedback, keep_layers=True) if writes else None
        figures = _figures(job, feedback, signatures=not apart)
        for finding in figures.findings:
            feedback.warning(finding.text)
        if report:
            write_samples_report(report, figures)
        if csv:
            text = figures.pairs_csv() if apart else figures.signatures_csv()
            # The mark at the beginning is what Excel recognizes UTF-8 by.
            write_bytes(csv, text.encode("utf-8-sig", errors="replace"))
        if table:
            write_bytes(table, _json(figures))
        result: dict[str, Any] = {
            "classes": len(figures.table),
            "bands": len(figures.used),
            "pixels": int(figures.pixels.sum()),
            "warnings": [finding.text for finding in figures.findings],
            **{name: getattr(job, name) for name in ("report", "csv", "table")},
        }
        if apart:
            result |= _apart(figures, feedback)
        if record:
            record.write(result, {})
    feedback.progress(1.0, "Done")
    return result


def check_samples(job: CheckSamplesJob, feedback: Feedback) -> dict[str, Any]:
    """Write everything that is known of the samples into one JSON file.

    Raises:
        SceneError: The scene cannot be used.
        LabelsError: The labels cannot be used, or no labeled pixel is valid.
        OutputError: The file cannot be written.
        Cancelled: The user asked to stop; nothing is left.
    """
    with OutputFiles(inputs=_inputs(job)) as files:
        table = files.add(job.table)
        write_bytes(table, _json(_figures(job, feedback, signatures=True)))
    feedback.progress(1.0, "Done")
    return {"table": job.table}


def _figures(job: Job, feedback: Feedback, signatures: bool) -> SampleFigures:
    with Scene.open(job.scene) as scene:
        shapes = read_shapes(
            job.labels, scene.grid, job.class_field, job.name_field, job.color_field
        )
        for line in shapes.logs:
            feedback.log(line)
        if isinstance(job, SeparabilityJob) and len(shapes.table) < 2:
            raise LabelsError(
                f"The labels have one class only ({shapes.table[0].name}).",
                "Label at least two classes; a distance is between two.",
            )
        burned = shapes.burn(scene.grid)
        spectra = read_spectra(scene, burned.index, feedback.part(0.0, 0.6))
        notes = [Finding("layer", note) for note in scene.notes]
        grid, name, bands = scene.grid, scene.name, scene.bands
    labeled = Labeled(grid, shapes, burned, shapes.polygons_of(burned))
    count = len(shapes.table)
    by_class = [spectra.values[spectra.classes == number] for number in range(count)]
    own = [signature(values) for values in by_class] if signatures else []
    separation = None
    if not isinstance(job, SignaturesJob):
        # scikit-learn takes a second to load, so only where it is needed.
        from mambahsi.samples.separability import separability

        separation = separability(
            by_class, shapes.table.names, job.components, feedback.part(0.6, 1.0)
        )
    return SampleFigures(
        scene=name,
        labels=job.labels.name or Path(job.labels.path).stem,
        bands=bands,
        used=spectra.used,
        dropped=spectra.dropped,
        table=shapes.table,
        polygons=labeled.polygons(spectra.valid),
        labeled=np.bincount(burned.index[burned.index >= 0], minlength=count),
        pixels=np.array([len(values) for values in by_class]),
        findings=[*find(labeled, spectra), *notes],
        signatures=own,
        separation=separation,
    )


def _apart(figures: SampleFigures, feedback: Feedback) -> dict[str, Any]:
    """What the distances come to."""
    worst = [figures.sentence(pair) for pair in figures.ordered_pairs()[:_NAMED]]
    feedback.log("\n".join(["Least separable classes:", *(f"  {line}" for line in worst)]))
    known = [pair.distance for pair in figures.ordered_pairs() if pair.distance is not None]
    return {"least_separable": worst, "smallest_distance": min(known, default=None)}


def _json(figures: SampleFigures) -> bytes:
    return json.dumps(figures.to_json(), ensure_ascii=False, allow_nan=False).encode("utf-8")


def _inputs(job: Job) -> list[str]:
    return [*raster_files(job.scene.path), *vector_files(job.labels.path)]
