"""A land-cover map in; polygons, areas and a sieved map out.

The result: ``polygons``, ``areas`` and ``sieved`` (paths, the last two empty where not asked for),
``features`` (how many there are), ``ellipsoid`` (name, or empty without a CRS), ``changed_pixels``
(by the minimum mapping unit), and per class ``classes`` with ``value``, ``name``, ``polygons``
(regions of it), ``pixels``, ``share`` of all pixels, ``area_ha`` (on the ellipsoid, None without a
CRS), and the same before small regions were merged, ``map_pixels`` and ``map_area_ha``.
"""

from __future__ import annotations

import csv
import io
import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.windows import Window

from mambahsi.areas.ellipsoid_area import EllipsoidArea, ellipsoid_area
from mambahsi.classes import LARGEST_VALUE, ClassTable
from mambahsi.errors import SceneError
from mambahsi.feedback import Feedback
from mambahsi.grid import Grid
from mambahsi.jobs import ExportLandCoverJob, JobError
from mambahsi.landcover import BLOCK_ROWS, LandCoverWriter
from mambahsi.map_values import CLASSES_TAG, colored_table, written_table
from mambahsi.outputs import OutputFiles, write_bytes
from mambahsi.raster_file import reading
from mambahsi.regions.labeling import Labeled, Regions, label_regions
from mambahsi.regions.merging import are_small, merge_small
from mambahsi.regions.outlines import collect, outline, renumber
from mambahsi.regions.polygon_file import LandCoverFeatures, write_polygons
from mambahsi.runs.recording import Recorder
from mambahsi.scene import Scene
from mambahsi.source_files import raster_files


def export_landcover(job: ExportLandCoverJob, feedback: Feedback) -> dict[str, Any]:
    """Export a map as polygons.

    Raises:
        JobError: An output's name does not fit.
        SceneError: The map cannot be used, hectares are asked for without a CRS, or its values
            cannot be those of a sieved map.
        OutputError: A file cannot be written.
        Cancelled: The user asked to stop; nothing is left.
    """
    if Path(job.polygons).suffix.lower() != ".gpkg":
        raise JobError(f"Field polygons: {job.polygons!r} is not a GeoPackage.", "Name it .gpkg.")
    inputs = raster_files(job.classification.path)
    with OutputFiles(inputs=inputs) as files, ExitStack() as stack:
        polygons_path = files.add(job.polygons)
        areas_path = files.add(job.areas) if job.areas else None
        sieved_path = files.add_raster(job.sieved) if job.sieved else None
        record = Recorder(files, job, feedback)
        # Never renamed into place: temporary, and removed as all unfinished outputs are.
        scratch = OutputFiles()
        stack.callback(scratch.remove_all)
        first, second = (
            scratch.add(f"{job.polygons}.{name}.tif") for name in ("labels", "regions")
        )

        with Scene.open(job.classification) as scene:
            area = _area(scene.grid, job, feedback)
            grid = scene.grid
            labeled = label_regions(scene, area, job.connectivity, first, feedback.part(0.0, 0.3))
        before = labeled.regions
        table = _table(job, before)
        if sieved_path is not None:
            _check_values(before, job)
        regions, part_of = merge_small(before, job.minimum_area, job.unit)
        feedback.progress(0.4, "Numbering regions")
        number_of = np.concatenate([[-1], part_of])[labeled.region_of + 1] + 1
        if sieved_path is not None:
            _write_sieved(sieved_path, labeled, regions, number_of, grid, table)
        renumber(first, grid, number_of, second, feedback.part(0.4, 0.5))
        feedback.progress(0.5, "Drawing outlines")
        features = _features(second, regions, area, job.dissolve)
        feedback.progress(0.85, "Writing polygons")
        write_polygons(polygons_path, grid, table, features, _metadata(job, area))
        classes = _classes(before, regions, table, area)
        if areas_path is not None:
            write_bytes(areas_path, _csv(classes).encode("utf-8"))
        result = {
            "polygons": job.polygons,
            "areas": job.areas,
            "sieved": job.sieved,
            "features": len(features.values),
            "ellipsoid": area.name if area is not None else "",
            "changed_pixels": _changed(before, regions, part_of),
            "classes": classes,
        }
        record.write(result, {})
    _tell(result, regions, job, feedback)
    feedback.progress(1.0, "Done")
    return result


def _area(grid: Grid, job: ExportLandCoverJob, feedback: Feedback) -> EllipsoidArea | None:
    area = ellipsoid_area(grid)
    if area is None and job.unit == "hectares" and job.minimum_area:
        raise SceneError(
            f"Map {job.classification.path} has no CRS that says how large its pixels are, so "
            "nothing can be known of hectares.",
            "Give the minimum mapping unit in pixels, or the map a CRS.",
        )
    if area is None:
        feedback.warning("The map has no CRS: areas are numbers of pixels, not hectares.")
    return area


def _table(job: ExportLandCoverJob, regions: Regions) -> ClassTable:
    """The map's classes, with those that it does not know of itself."""
    values = np.unique(regions.values).tolist()
    classes = {item.value: item for item in colored_table(job.classification, values)}
    classes |= {item.value: item for item in written_table(job.classification) or ()}
    return ClassTable(tuple(classes[value] for value in sorted(classes)))


def _check_values(regions: Regions, job: ExportLandCoverJob) -> None:
    smallest, largest = int(regions.values.min()), int(regions.values.max())
    if smallest < 1 or largest > LARGEST_VALUE:
        raise SceneError(
            f"Map {job.classification.path} has class values from {smallest} to {largest}; a "
            f"sieved map holds 1 to {LARGEST_VALUE}.",
            "Leave the sieved map out, or reclassify the map first.",
        )


def _write_sieved(
    path: Path,
    labeled: Labeled,
    regions: Regions,
    number_of: np.ndarray,
    grid: Grid,
    table: ClassTable,
) -> None:
    value_of = np.concatenate([[0], regions.values])[number_of]
    value_of = value_of.astype(np.uint8 if value_of.max() <= 255 else np.uint16)
    tags = {CLASSES_TAG: json.dumps(table.to_json())}
    with (
        reading(str(labeled.path), "cannot be read"),
        rasterio.open(labeled.path) as labels,
        LandCoverWriter(path, grid, table, tags) as writer,
    ):
        for top in range(0, grid.height, BLOCK_ROWS):
            rows = slice(top, min(top + BLOCK_ROWS, grid.height))
            window = Window(0, top, grid.width, rows.stop - top)
            writer.write(rows, value_of[labels.read(1, window=window)])


def _features(
    path: Path, regions: Regions, area: EllipsoidArea | None, dissolve: bool
) -> LandCoverFeatures:
    polygons, numbers = outline(path)
    of_region = numbers - 1
    values, pixels, hectares = regions.values, regions.pixels, regions.hectares
    if dissolve:
        values, class_of = np.unique(regions.values, return_inverse=True)
        pixels = np.bincount(class_of, regions.pixels).astype(np.int64)
        hectares = np.bincount(class_of, regions.hectares).astype(np.float64)
        of_region = class_of[of_region]
    geometries = collect(polygons, of_region, len(values))
    return LandCoverFeatures(geometries, values, pixels, hectares if area is not None else None)


def _metadata(job: ExportLandCoverJob, area: EllipsoidArea | None) -> dict[str, str]:
    name = job.classification.name or Path(job.classification.path).name
    told = f"Land cover of {name}; minimum mapping unit {_minimum(job)}."
    if area is not None:
        told += f" area_ha: hectares on the ellipsoid {area.name}."
    return {"DESCRIPTION": told}


def _classes(
    before: Regions, after: Regions, table: ClassTable, area: EllipsoidArea | None
) -> list[dict[str, Any]]:
    total = int(after.pixels.sum())
    rows = []
    for item in table:
        was, now = before.values == item.value, after.values == item.value
        pixels = int(after.pixels[now].sum())
        rows.append(
            {
                "value": item.value,
                "name": item.name,
                "polygons": int(now.sum()),
                "pixels": pixels,
                "share": pixels / total,
                "area_ha": float(after.hectares[now].sum()) if area is not None else None,
                "map_pixels": int(before.pixels[was].sum()),
                "map_area_ha": float(before.hectares[was].sum()) if area is not None else None,
            }
        )
    return rows


def _csv(classes: list[dict[str, Any]]) -> str:
    """Areas for spreadsheets; what kind of hectares they are stands in the head."""
    renamed = {"area_ha": "area_ha_ellipsoidal", "map_area_ha": "map_area_ha_ellipsoidal"}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([renamed.get(name, name) for name in classes[0]])
    writer.writerows(row.values() for row in classes)
    return text.getvalue()


def _changed(before: Regions, after: Regions, part_of: np.ndarray) -> int:
    return int(before.pixels[before.values != after.values[part_of]].sum())


def _tell(
    result: dict[str, Any], regions: Regions, job: ExportLandCoverJob, feedback: Feedback
) -> None:
    rows = result["classes"]
    width = max(len(row["name"]) for row in [*rows, {"name": "class"}])
    unit = f"ha on {result['ellipsoid']}" if result["ellipsoid"] else ""
    lines = [f"{'class':<{width}}  {'polygons':>9}  {'pixels':>12}  {'share':>7}  {unit:>14}"]
    for row in rows:
        hectares = "" if row["area_ha"] is None else f"{row['area_ha']:,.2f}"
        lines.append(
            f"{row['name']:<{width}}  {row['polygons']:>9,}  {row['pixels']:>12,}  "
            f"{row['share']:>7.2%}  {hectares:>14}"
        )
    feedback.log("\n".join(lines))
    if not job.minimum_area:
        return
    feedback.log(
        f"The minimum mapping unit of {_minimum(job)} changed the class of "
        f"{result['changed_pixels']:,} pixels."
    )
    alone = int(are_small(regions, job.minimum_area, job.unit).sum())
    if alone:
        feedback.log(
            f"{alone:,} smaller regions remain: nodata surrounds them, so there is no neighbor."
        )


def _minimum(job: ExportLandCoverJob) -> str:
    return f"{job.minimum_area:g} {'ha' if job.unit == 'hectares' else 'pixels'}"
