"""A stratified random sample of a land-cover map, as points to interpret.

The result: ``sample`` (path), ``points``, and per stratum ``strata`` with ``value``, ``name``,
``pixels``, ``area`` (in ``unit``), and ``points``; and the ``expected_standard_error`` of overall
accuracy with these points, if the expected accuracies are right.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambahsi.areas.drawing import MapClasses, count_classes, draw
from mambahsi.areas.pixel_area import PixelArea, pixel_area
from mambahsi.areas.sample_file import write_sample
from mambahsi.areas.sample_size import allocate, least, sample_size
from mambahsi.classes import ClassTable
from mambahsi.feedback import Feedback
from mambahsi.jobs import JobError, SampleDesignJob
from mambahsi.map_values import table_of_values, written_table
from mambahsi.outputs import OutputFiles
from mambahsi.runs.recording import Recorder
from mambahsi.scene import Scene
from mambahsi.source_files import raster_files


def sample_design(job: SampleDesignJob, feedback: Feedback) -> dict[str, Any]:
    """Draw a sample.

    Raises:
        JobError: The output is no GeoPackage, expected accuracies cannot be read, or there
            are too few points for the allocation.
        SceneError: The map cannot be used.
        OutputError: The sample cannot be written.
    """
    if Path(job.sample).suffix.lower() != ".gpkg":
        raise JobError(f"Field sample: {job.sample!r} is not a GeoPackage.", "Name it .gpkg.")
    with OutputFiles(inputs=raster_files(job.classification.path)) as files:
        path = files.add(job.sample)
        record = Recorder(files, job, feedback)
        with Scene.open(job.classification) as scene:
            area = pixel_area(scene.grid)
            if area.warning:
                feedback.warning(area.warning)
            classes = count_classes(scene, area, feedback)
            written = written_table(job.classification)
            table = written or table_of_values(classes.values.tolist())
            accuracies = _accuracies(job, classes, table)
            counts = _counts(job, classes, accuracies, feedback)
            drawn = draw(scene, classes, counts, job.seed, feedback)
            grid = scene.grid
        feedback.check()
        write_sample(path, grid, table, classes, area.unit, drawn)
        error = _standard_error(classes, counts, accuracies)
        strata = _strata(classes, counts, table)
        result = {
            "sample": job.sample,
            "points": int(counts.sum()),
            "unit": area.unit,
            "strata": strata,
            "expected_standard_error": error,
        }
        record.write(result, {})
    feedback.log(_summary(strata, area, error))
    feedback.progress(1.0, "Done")
    return result


def _counts(
    job: SampleDesignJob,
    classes: MapClasses,
    accuracies: NDArray[np.float64],
    feedback: Feedback,
) -> NDArray[np.int64]:
    """Points of each class."""
    size = job.size
    if not size:
        size = sample_size(classes.pixels, accuracies, job.standard_error)
        needed = least(classes.pixels, job.allocation, job.minimum)
        feedback.log(
            f"{size:,} points give overall accuracy a standard error of {job.standard_error:g}, "
            "if classes are as accurate as expected."
        )
        if needed > size:
            feedback.log(f"The smallest number for every class makes that {needed:,} points.")
            size = needed
    total = int(classes.pixels.sum())
    if size > total:
        feedback.warning(f"The map has {total:,} pixels; all of them are in the sample.")
        size = total
    return allocate(classes.pixels, size, job.allocation, job.minimum)


def _accuracies(
    job: SampleDesignJob, classes: MapClasses, table: ClassTable
) -> NDArray[np.float64]:
    """Expected user's accuracy of each class of the map."""
    expected = np.full(len(classes.values), job.accuracy)
    place = {str(value): i for i, value in enumerate(classes.values.tolist())}
    place |= {c.name: place[str(c.value)] for c in table if str(c.value) in place}
    for item in filter(None, (part.strip() for part in re.split(r"[;,]", job.accuracies))):
        name, _, text = (part.strip() for part in item.rpartition("="))
        if name not in place:
            raise JobError(
                f"Field accuracies: {item!r} names no class of the map.",
                f"Write class=accuracy, such as {next(iter(place))}=0.6. Classes: "
                f"{', '.join(list(place)[:20])}.",
            )
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not 0 < value < 1:
            raise JobError(
                f"Field accuracies: {item!r} gives no share between 0 and 1.",
                "Write class=accuracy with a decimal point, such as 3=0.6.",
            )
        expected[place[name]] = value
    return expected


def _standard_error(
    classes: MapClasses, counts: NDArray[np.int64], accuracies: NDArray[np.float64]
) -> float:
    """Standard error of overall accuracy to expect (Cochran 1977, eq. 5.7)."""
    shares = classes.pixels / classes.pixels.sum()
    spread = accuracies * (1 - accuracies) * (1 - counts / classes.pixels)
    return float(np.sqrt((shares**2 * spread / counts).sum()))


def _strata(
    classes: MapClasses, counts: NDArray[np.int64], table: ClassTable
) -> list[dict[str, Any]]:
    names = {c.value: c.name for c in table}
    rows = zip(classes.values, classes.pixels, classes.areas, counts, strict=True)
    return [
        {
            "value": int(value),
            "name": names.get(int(value), f"Class {value}"),
            "pixels": int(pixels),
            "area": float(area),
            "points": int(points),
        }
        for value, pixels, area, points in rows
    ]


def _summary(strata: list[dict[str, Any]], area: PixelArea, error: float) -> str:
    width = max(len(row["name"]) for row in strata)
    total = sum(row["points"] for row in strata)
    lines = [
        f"{total:,} points; expected standard error of overall accuracy {error:.4f}.",
        f"  {'class':<{width}}  {'pixels':>14}  {area.unit:>14}  {'points':>8}",
    ]
    lines += [
        f"  {row['name']:<{width}}  {row['pixels']:>14,}  {row['area']:>14,.2f}  "
        f"{row['points']:>8,}"
        for row in strata
    ]
    return "\n".join(lines)
