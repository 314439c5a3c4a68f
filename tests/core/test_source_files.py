"""Every file of a source is known, and no job overwrites one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio.shutil
import shapely

from mambahsi import jobs, runs
from mambahsi.errors import OutputError
from mambahsi.feedback import Feedback
from mambahsi.source_files import raster_files, vector_files

WriteScene = Callable[..., Path]


def names(paths: list[str]) -> set[str]:
    return {Path(path).name for path in paths}


def test_a_virtual_raster_is_made_of_all_that_it_refers_to(
    write_scene: WriteScene, tmp_path: Path
) -> None:
    scene = write_scene(np.ones((2, 4, 4), np.uint8))
    rasterio.shutil.copy(scene, tmp_path / "inner.vrt", driver="VRT")
    rasterio.shutil.copy(tmp_path / "inner.vrt", tmp_path / "outer.vrt", driver="VRT")
    outer = (tmp_path / "outer.vrt").read_text()
    # Copying resolved the inner one; refer to it again.
    (tmp_path / "outer.vrt").write_text(outer.replace("scene.tif", "inner.vrt"))
    found = raster_files(str(tmp_path / "outer.vrt"))
    assert names(found) == {"outer.vrt", "inner.vrt", "scene.tif"}


def test_a_header_belongs_to_its_raster(write_scene: WriteScene) -> None:
    path = write_scene(np.ones((2, 4, 4), np.uint8), "scene.dat", driver="ENVI")
    assert names(raster_files(str(path))) >= {"scene.dat", "scene.hdr"}


@pytest.mark.parametrize("source", ["", "nothing.tif", "PG:dbname=gis table=scene"])
def test_what_cannot_be_opened_has_itself_only(source: str) -> None:
    assert raster_files(source) == [source]
    assert vector_files(source) == [source]


def test_a_shapefile_is_several_files(tmp_path: Path, write_labels: Callable[..., Path]) -> None:
    path = write_labels([shapely.Point(0, 0)], "labels.shp", driver="ESRI Shapefile", id=[1])
    (tmp_path / "labels.tif").write_text("a map of that name")
    (tmp_path / "labels2.dbf").write_text("another table")
    found = names(vector_files(str(path)))
    assert {"labels.shp", "labels.shx", "labels.dbf"} <= found
    assert not {"labels.tif", "labels2.dbf"} & found


def test_no_job_overwrites_a_part_of_its_inputs(
    tiny: Any, write_scene: WriteScene, write_labels: Callable[..., Path]
) -> None:
    runs.run(jobs.from_json(tiny.train_job(epochs=1)), Feedback())
    virtual = tiny.folder / "virtual.vrt"
    rasterio.shutil.copy(tiny.scene, virtual, driver="VRT")
    points = [shapely.Point(500_005, 5_799_995)]
    shapes = write_labels(points, f"{tiny.folder.name}/map.shp", driver="ESRI Shapefile", id=[1])
    before = {p: hashlib.sha256(p.read_bytes()).digest() for p in tiny.folder.iterdir()}
    model = str(tiny.folder / "model.safetensors")
    source = {"path": str(virtual)}
    for job in (
        {"job": "classify", "scene": source, "model": model, "classification": str(tiny.scene)},
        tiny.train_job(scene=source, model=str(tiny.scene)),
        tiny.train_job(labels={"path": str(shapes)}, report=str(shapes.with_suffix(".dbf"))),
        {"job": "assess", "classification": source, "class_field": "id"}
        | {"reference": {"path": str(shapes)}, "table": str(shapes.with_suffix(".shx"))},
        {"job": "assess", "classification": source, "class_field": "id"}
        | {"reference": {"path": str(shapes)}, "report": str(tiny.scene)},
    ):
        with pytest.raises(OutputError, match="overwrite an input"):
            runs.run(jobs.from_json(job), Feedback())
    assert {p: hashlib.sha256(p.read_bytes()).digest() for p in tiny.folder.iterdir()} == before
