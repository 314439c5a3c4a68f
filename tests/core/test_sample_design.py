"""Drawing a sample: how many points, which pixels, and the file that is interpreted."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from hypothesis import given
from hypothesis import strategies as st

from mambahsi import jobs, runs
from mambahsi.areas import drawing
from mambahsi.areas.drawing import count_classes, draw
from mambahsi.areas.pixel_area import pixel_area
from mambahsi.areas.sample_size import allocate, least, sample_size
from mambahsi.errors import OutputError, SceneError
from mambahsi.feedback import CollectingFeedback, Feedback
from mambahsi.scene import Scene

PAPER = np.array([200_000, 150_000, 3_200_000, 6_450_000])


def design(classification: Path, **fields: Any) -> tuple[dict[str, Any], CollectingFeedback]:
    feedback = CollectingFeedback()
    values = {
        "classification": {"path": str(classification)},
        "sample": str(classification.with_name("sample.gpkg")),
        **fields,
    }
    return runs.run(jobs.from_json({"job": "sampledesign", **values}), feedback), feedback


def read(path: str | Path) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Fields and coordinates."""
    meta, _, wkb, values = pyogrio.raw.read(path, layer="sample")
    return dict(zip(meta["fields"], values, strict=True)), shapely.get_coordinates(
        shapely.from_wkb(wkb)
    )


def test_the_paper_s_sample_size() -> None:
    """Olofsson et al. 2014, section 5.1.1: U 0.70, 0.60, 0.90, 0.95 and S(O) 0.01."""
    assert sample_size(PAPER, np.array([0.7, 0.6, 0.9, 0.95]), 0.01) == 641


def test_the_paper_s_allocations() -> None:
    assert allocate(PAPER, 641, "proportional", 50).tolist() == [13, 10, 205, 413]
    assert allocate(PAPER, 640, "equal", 50).tolist() == [160] * 4
    # Its allocation with 75 points for each rare class sums to 640 and shares the other 490 as
    # 165 and 325; in exact proportion to 0.320 and 0.645 that is 162 and 328.
    assert allocate(PAPER, 640, "rare", 75).tolist() == [75, 75, 162, 328]


@given(
    st.lists(st.integers(1, 5000), min_size=1, max_size=12),
    st.integers(0, 4000),
    st.sampled_from(jobs.ALLOCATIONS),
    st.integers(2, 100),
)
def test_allocations_give_every_class_its_due(
    pixels: list[int], more: int, rule: str, minimum: int
) -> None:
    sizes = np.array(pixels)
    size = min(least(sizes, rule, minimum) + more, sum(pixels))
    counts = allocate(sizes, size, rule, minimum)
    assert counts.sum() == size
    assert (counts <= sizes).all()
    floor = minimum if rule == "rare" else 2
    assert (counts >= np.minimum(sizes, floor)).all()
    if rule == "rare":
        # What is above the minimum is in proportion: a larger class never gets fewer points.
        order = np.argsort(sizes, kind="stable")
        assert (np.diff(counts[order]) >= -1).all()


def test_too_few_points_are_refused() -> None:
    with pytest.raises(jobs.JobError, match="300 points are fewer than the 400"):
        allocate(PAPER, 300, "rare", 100)


@pytest.fixture
def land(write_scene: Callable[..., Path]) -> tuple[Path, np.ndarray]:
    """A map of 60 x 80 pixels with classes 2, 7 and 300, the last rare, and some nodata."""
    rng = np.random.default_rng(3)
    values = rng.choice([2, 7], size=(60, 80), p=[0.3, 0.7]).astype(np.uint16)
    values[:6, :10] = 300
    values[40:, 70:] = 0
    return write_scene(values[None], "map.tif", nodata=0), values


def test_points_are_pixels_of_their_stratum(land: tuple[Path, np.ndarray]) -> None:
    path, values = land
    result, _ = design(path, size=400, minimum=50)
    fields, xy = read(result["sample"])
    assert result["points"] == len(xy) == 400
    with rasterio.open(path) as dataset:
        rows, columns = np.array([dataset.index(x, y) for x, y in xy]).T
        centers = np.array([dataset.xy(r, c) for r, c in zip(rows, columns, strict=True)])
    assert np.abs(centers - xy).max() < 1e-6
    assert (values[rows, columns] == fields["stratum"]).all()
    assert len({*zip(rows.tolist(), columns.tolist(), strict=True)}) == 400
    for row in result["strata"]:
        here = fields["stratum"] == row["value"]
        assert here.sum() == row["points"]
        assert (fields["stratum_pixels"][here] == (values == row["value"]).sum()).all()
        assert fields["stratum_ha"][here] == pytest.approx(row["pixels"] * 0.01)
    assert [row["points"] for row in result["strata"] if row["value"] == 300] == [50]
    assert fields["id"].tolist() == list(range(1, 401))
    # Nothing is interpreted yet, and integers have no other way to be empty.
    assert np.isnan(fields["reference_class"]).all()
    # In random order: the strata do not come one after the other.
    assert (np.diff(fields["stratum"].astype(int)) != 0).sum() > 100


def test_a_seed_gives_the_same_points_however_the_map_is_read(
    land: tuple[Path, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = read(design(land[0], size=300)[0]["sample"])[1]
    other = read(design(land[0], size=300, seed=1)[0]["sample"])[1]
    monkeypatch.setattr(drawing, "BLOCK_BYTES", 80 * 2 * 7)
    again = read(design(land[0], size=300)[0]["sample"])[1]
    assert (first == again).all()
    assert not (np.sort(first, axis=0) == np.sort(other, axis=0)).all()


def test_every_pixel_is_drawn_equally_often(write_scene: Callable[..., Path]) -> None:
    values = np.repeat(np.array([1, 2], dtype=np.uint8), 20).reshape(1, 4, 10)
    path = write_scene(values, "map.tif")
    times = np.zeros((4, 10))
    with Scene.open(jobs.RasterSource(str(path))) as scene:
        classes = count_classes(scene, pixel_area(scene.grid), Feedback())
        for seed in range(300):
            drawn = draw(scene, classes, np.array([5, 5]), seed, Feedback())
            times[drawn.rows, drawn.columns] += 1
    # 5 of 20 in each of 300 draws: 75, with a standard deviation of 7.5.
    assert np.abs(times - 75).max() < 5 * 7.5
    assert times.sum() == 3000


def test_the_number_follows_from_the_expected_accuracies(land: tuple[Path, np.ndarray]) -> None:
    path, values = land
    pixels = np.array([(values == v).sum() for v in (2, 7, 300)])
    fields = {"standard_error": 0.02, "accuracy": 0.9, "accuracies": "7=0.6; 300 = 0.7"}
    result, feedback = design(path, allocation="proportional", **fields)
    expected = np.array([0.9, 0.6, 0.7])
    assert result["points"] == sample_size(pixels, expected, 0.02)
    counts = np.array([row["points"] for row in result["strata"]])
    share = pixels / pixels.sum()
    # The formula is that of the best allocation; this one is a little worse.
    variance = (share**2 * expected * (1 - expected) / counts * (1 - counts / pixels)).sum()
    assert result["expected_standard_error"] == pytest.approx(variance**0.5)
    assert result["expected_standard_error"] == pytest.approx(0.02, rel=0.05)
    assert any("0.02" in line for line in feedback.logs)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"accuracies": "9=0.6"}, "'9=0.6' names no class"),
        ({"accuracies": "0.6"}, "'0.6' names no class"),
        ({"accuracies": "2=60"}, "'2=60' gives no share"),
        ({"accuracies": "2=many"}, "'2=many' gives no share"),
        ({"size": 100}, "100 points are fewer than the 150"),
        ({"sample": "sample.shp"}, "sample.shp' is not a GeoPackage"),
        ({"allocation": "neyman"}, "neyman"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    land: tuple[Path, np.ndarray], fields: dict[str, Any], named: str
) -> None:
    with pytest.raises(jobs.JobError, match=named.replace("(", r"\(")):
        design(land[0], **fields)
    assert {p.name for p in land[0].parent.iterdir()} == {"map.tif"}


def test_a_map_that_is_none_is_refused(write_scene: Callable[..., Path]) -> None:
    empty = write_scene(np.zeros((1, 4, 4), dtype=np.uint8), "empty.tif")
    with pytest.raises(SceneError, match="empty.tif holds no class"):
        design(empty)
    several = write_scene(np.ones((2, 4, 4), dtype=np.uint8), "several.tif")
    with pytest.raises(SceneError, match="several.tif has 2 bands"):
        design(several)
    real = write_scene(np.full((1, 4, 4), 1.5), "real.tif")
    with pytest.raises(SceneError, match="real.tif holds numbers that are no integers"):
        design(real)
    map_path = write_scene(np.ones((1, 4, 4), dtype=np.uint8), "map.tif")
    with pytest.raises(OutputError, match="does not exist"):
        design(map_path, sample=str(map_path.with_name("no") / "sample.gpkg"))


def test_all_pixels_where_more_are_asked_for(write_scene: Callable[..., Path]) -> None:
    path = write_scene(np.tile(np.array([1, 2], dtype=np.uint8), (1, 4, 2)), "map.tif")
    result, feedback = design(path, size=1000)
    assert result["points"] == 16
    assert any("16 pixels" in text for text in feedback.warnings)
    assert result["expected_standard_error"] == 0


def test_areas_of_strata_in_degrees(write_scene: Callable[..., Path]) -> None:
    values = np.array([[1], [1], [2], [2]], dtype=np.uint8).repeat(5, axis=1)[None]
    where = rasterio.Affine(1, 0, 0, 0, -1, 62)
    path = write_scene(values, "map.tif", crs="EPSG:4326", transform=where)
    result, _ = design(path, size=6, allocation="equal")
    north, south = (row["area"] for row in result["strata"])
    assert result["unit"] == "ha"
    assert north < south == pytest.approx(10 * 111_200 * 56_700 / 10_000, rel=0.02)


def test_without_georeference_points_lie_where_qgis_shows_the_map(
    write_scene: Callable[..., Path],
) -> None:
    values = np.arange(16).reshape(1, 4, 4).astype(np.uint8) % 2 + 1
    path = write_scene(values, "map.tif", crs=None, transform=None)
    result, feedback = design(path, size=16)
    _, xy = read(result["sample"])
    assert (xy[:, 1].min(), xy[:, 1].max()) == (-3.5, -0.5)
    assert result["unit"] == "pixels"
    assert any("no CRS" in text for text in feedback.warnings)


def test_the_style_is_part_of_the_geopackage(land: tuple[Path, np.ndarray]) -> None:
    result, _ = design(land[0], size=200)
    with sqlite3.connect(result["sample"]) as connection:
        rows = connection.execute(
            "SELECT f_table_name, f_geometry_column, useAsDefault, styleQML FROM layer_styles"
        ).fetchall()
        kinds = dict(connection.execute("SELECT table_name, data_type FROM gpkg_contents"))
    ((table, geometry, default, qml),) = rows
    assert (table, geometry, default) == ("sample", "geom", 1)
    assert kinds == {"sample": "features", "layer_styles": "attributes"}
    assert "Class 300" in qml
    json.dumps(result)
