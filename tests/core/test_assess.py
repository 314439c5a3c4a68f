"""Assessing a map: whose classes are whose, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
from rasterio.transform import Affine

from mambahsi import jobs, runs
from mambahsi.errors import LabelsError, SceneError
from mambahsi.feedback import CollectingFeedback

MAP = np.array(
    [
        [1, 1, 2, 2, 0],
        [1, 1, 2, 2, 0],
        [1, 1, 2, 2, 5],
        [1, 1, 2, 2, 5],
    ],
    dtype=np.uint8,
)
EAST = 500_000.0


def assess(classification: Path, **fields: Any) -> tuple[dict[str, Any], CollectingFeedback]:
    feedback = CollectingFeedback()
    table = classification.parent / "figures.json"
    values = {"classification": {"path": str(classification)}, "table": str(table), **fields}
    for name in ("reference", "reference_raster"):
        if isinstance(values.get(name), Path):
            values[name] = {"path": str(values[name])}
    runs.run(jobs.from_json({"job": "assess", **values}), feedback)
    return json.loads(table.read_text(encoding="utf-8")), feedback


def box(left: int, top: int, right: int, bottom: int) -> shapely.Polygon:
    """Pixel corners to a polygon on the grid of ``write_scene``, of 10 m."""
    north = 5_800_000.0
    return shapely.box(EAST + 10 * left, north - 10 * bottom, EAST + 10 * right, north - 10 * top)


def test_a_map_from_elsewhere_by_value(
    write_scene: Callable[..., Path], write_labels: Callable[..., Path]
) -> None:
    path = write_scene(MAP[None], "map.tif")
    labels = write_labels([box(0, 0, 3, 2), box(3, 0, 5, 4)], id=[1, 2])
    figures, _ = assess(path, reference=labels, class_field="id")
    # Class 1: 4 of 6 right. Class 2: 4 of 6, two mapped as 5, two more are nodata in the map.
    assert [c["value"] for c in figures["per_class"]] == [1, 2, 5]
    assert figures["matrix"] == [[4, 2, 0], [0, 4, 2], [0, 0, 0]]
    assert (figures["tested_classes"], figures["tested_pixels"]) == (2, 12)
    assert figures["overall_accuracy"] == pytest.approx(8 / 12)
    assert figures["untested"] == ["Class 5"]


def test_the_report_tells_what_of_the_reference_was_left_out(
    write_scene: Callable[..., Path], write_labels: Callable[..., Path]
) -> None:
    path = write_scene(MAP[None], "map.tif")
    labels = write_labels([box(0, 0, 3, 2), box(3, 0, 5, 4), box(90, 0, 93, 2)], id=[1, 2, 2])
    report = path.with_name("report.html")
    reference = {"path": str(labels), "name": "Punkte"}
    assess(path, reference=reference, class_field="id", report=str(report))
    told = report.read_text(encoding="utf-8")
    assert "Punkte: Polygons or points outside the scene, left out: 1." in told
    assert str(labels) not in told


def test_a_reference_raster_by_value(write_scene: Callable[..., Path]) -> None:
    reference = MAP.astype(np.int32)
    reference[0, 0], reference[3, 4] = 2, -1
    path = write_scene(MAP[None], "map.tif", nodata=0)
    other = write_scene(reference[None], "reference.tif", nodata=-1)
    figures, _ = assess(path, reference_raster=other)
    assert figures["matrix"] == [[7, 0, 0], [1, 8, 0], [0, 0, 1]]


def test_text_classes_need_a_map_with_names(
    write_scene: Callable[..., Path], write_labels: Callable[..., Path]
) -> None:
    path = write_scene(MAP[None], "map.tif")
    labels = write_labels([box(0, 0, 3, 2), box(3, 0, 5, 4)], kind=["forest", "water"])
    with pytest.raises(LabelsError, match="forest, water"):
        assess(path, reference=labels, class_field="kind")


def test_the_engine_s_own_map_knows_names_values_and_originals(
    tiny: Any, write_scene: Callable[..., Path], write_labels: Callable[..., Path]
) -> None:
    train = tiny.train_job(epochs=1)
    del train["job"]
    land_cover = tiny.folder / "map.tif"
    runs.run(
        jobs.from_json(
            {"job": "trainandclassify", "train": train, "classification": str(land_cover)}
        ),
        CollectingFeedback(),
    )
    by_original, _ = assess(land_cover, reference=tiny.labels, class_field="class")
    assert by_original["tested_pixels"] == 214
    # The same reference, once as values of the map and once with a class more.
    order = ["Wald", "Wasser", "Äcker"]
    boxes, values = [], []
    for row in range(4):
        for column in range(3):
            left, top = column * 8 + 1, row * 5 + 1
            boxes.append(box(left, top, left + 6, top + 3))
            values.append((row + column) % 3 + 1)
    assert [c["name"] for c in by_original["per_class"]] == order
    by_value, _ = assess(
        land_cover, reference=write_labels(boxes, "values.gpkg", id=values), class_field="id"
    )
    assert by_value["matrix"] == by_original["matrix"]
    names = [order[value - 1] for value in values]
    further = write_labels([*boxes, box(0, 0, 1, 1)], "further.gpkg", **{"class": [*names, "Moor"]})
    with_unknown, feedback = assess(land_cover, reference=further, class_field="class")
    assert with_unknown["matrix"] == by_original["matrix"]
    assert any("Moor" in text for text in feedback.warnings)
    with rasterio.open(land_cover) as dataset:
        raster = write_scene(dataset.read(), "reference.tif", transform=dataset.transform)
    itself, feedback = assess(land_cover, reference_raster=raster)
    assert itself["overall_accuracy"] == 1
    # Nothing but the user knows whether bare values follow the training's numbering.
    assert any("1 = Wald, 2 = Wasser, 3 = Äcker" in text for text in feedback.warnings)


def test_a_reference_on_another_grid_is_refused(write_scene: Callable[..., Path]) -> None:
    path = write_scene(MAP[None], "map.tif")
    shifted = write_scene(
        MAP[None], "shifted.tif", transform=Affine(10, 0, 500_005, 0, -10, 5_800_000)
    )
    with pytest.raises(SceneError, match=r"shifted\.tif does not lie on the grid"):
        assess(path, reference_raster=shifted)
    larger = write_scene(np.pad(MAP, 1)[None], "larger.tif")
    with pytest.raises(SceneError, match="6 x 7 pixels"):
        assess(path, reference_raster=larger)


def test_no_common_pixel_is_refused(write_scene: Callable[..., Path]) -> None:
    path = write_scene(np.where(MAP == 1, MAP, 0)[None].astype(np.uint8), "map.tif")
    other = write_scene(np.where(MAP == 2, MAP, 0)[None].astype(np.uint8), "reference.tif")
    with pytest.raises(LabelsError, match="shares no pixel"):
        assess(path, reference_raster=other)
    assert not (path.parent / "figures.json").exists()


def test_measurements_are_no_map(write_scene: Callable[..., Path]) -> None:
    path = write_scene(np.random.default_rng(0).random((1, 4, 5)), "float.tif")
    with pytest.raises(SceneError, match=r"float\.tif holds numbers that are no integers"):
        assess(path, reference_raster=path)


def test_exactly_one_reference(write_scene: Callable[..., Path]) -> None:
    path = write_scene(MAP[None], "map.tif")
    with pytest.raises(jobs.JobError, match="only one"):
        assess(path)
    with pytest.raises(jobs.JobError, match="only one"):
        assess(path, reference=path, reference_raster=path, class_field="id")


def test_a_raster_of_many_bands_is_no_map(write_scene: Callable[..., Path]) -> None:
    path = write_scene(np.stack([MAP, MAP]), "scene.tif")
    with pytest.raises(SceneError, match="scene.tif has 2 bands"):
        assess(path, reference_raster=path)


def test_a_reference_in_another_crs_is_warned_of(write_scene: Callable[..., Path]) -> None:
    path = write_scene(MAP[None], "map.tif")
    for crs, warned in (("EPSG:32633", 0), ("EPSG:32632", 1), (None, 0)):
        reference = write_scene(MAP[None], "reference.tif", crs=crs)
        _, feedback = assess(path, reference_raster=reference)
        assert [("reference.tif" in text) for text in feedback.warnings] == [True] * warned


@pytest.mark.parametrize("text", ["{broken", "[{}]", "5", '[{"value": "x"}]'])
def test_a_broken_class_table_is_told(write_scene: Callable[..., Path], text: str) -> None:
    path = write_scene(MAP[None], "map.tif")
    with rasterio.open(path, "r+") as dataset:
        dataset.update_tags(MAMBAHSI_CLASSES=text)
    with pytest.raises(SceneError, match="map.tif has a class table that cannot be read"):
        assess(path, reference_raster=path)
