"""Land-cover maps as polygons: regions, minimum mapping unit, areas and files."""

from __future__ import annotations

import csv
import json
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import rasterio
import rasterio.features
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from rasterio.crs import CRS

from mambahsi import cancellation, jobs, runs
from mambahsi.areas.ellipsoid_area import STEP, ellipsoid_area
from mambahsi.areas.pixel_area import corners, ellipsoid, on_ellipsoid
from mambahsi.errors import Cancelled, MambaHSIError, OutputError, SceneError
from mambahsi.feedback import CollectingFeedback, Feedback
from mambahsi.grid import Grid
from mambahsi.jobs import JobError, RasterSource
from mambahsi.regions import labeling
from mambahsi.regions.labeling import label_regions
from mambahsi.regions.merging import merge_small
from mambahsi.scene import Scene

UTM = "EPSG:32633"
NORTH_UP = Affine(30, 0, 370_000, 0, -30, 5_810_000)
DEGREES = Affine(0.01, 0, 13.0, 0, -0.01, 60.0)
TABLE = [
    {"value": 1, "name": "Wald & <Forst>", "color": "#1a6b3c", "original": "w"},
    {"value": 2, "name": "Gewässer", "color": "#2b83ba", "original": "g"},
    {"value": 7, "name": "Acker", "color": "#d9a441", "original": "a"},
]

maps = arrays(
    np.uint8,
    st.tuples(st.integers(4, 12), st.integers(4, 12)),
    elements=st.sampled_from([0, 1, 1, 1, 2, 2, 7]),
    fill=st.nothing(),
).filter(lambda values: bool(values.any()))


def write_map(
    path: Path,
    values: np.ndarray,
    *,
    crs: str | None = UTM,
    transform: Affine | None = NORTH_UP,
    named: bool = True,
    **options: Any,
) -> Path:
    height, width = values.shape
    profile = {"driver": "GTiff", "count": 1, "dtype": values.dtype, "nodata": 0, **options}
    if transform is not None:
        profile["transform"] = transform
    with rasterio.open(path, "w", height=height, width=width, crs=crs, **profile) as dataset:
        dataset.write(values, 1)
        if named:
            dataset.update_tags(MAMBAHSI_CLASSES=json.dumps(TABLE))
    return path


def export(path: Path, **fields: Any) -> tuple[dict[str, Any], CollectingFeedback]:
    feedback = CollectingFeedback()
    values = {
        "classification": {"path": str(path)},
        "polygons": str(path.with_name("out.gpkg")),
        **fields,
    }
    return runs.run(jobs.from_json({"job": "exportlandcover", **values}), feedback), feedback


def read(path: str | Path) -> tuple[dict[str, np.ndarray], np.ndarray]:
    meta, _, wkb, values = pyogrio.raw.read(path, layer="land_cover")
    return dict(zip(meta["fields"], values, strict=True)), shapely.from_wkb(wkb)


def flood(values: np.ndarray, connectivity: str) -> np.ndarray:
    """Regions from 1 in the order of their first pixel, 0 for none: pixel by pixel."""
    steps = [(0, 1), (1, 0), (0, -1), (-1, 0)]
    if connectivity == "8":
        steps += [(1, 1), (1, -1), (-1, 1), (-1, -1)]
    found = np.zeros(values.shape, dtype=int)
    for start in zip(*np.nonzero(values), strict=True):
        if found[start]:
            continue
        found[start], todo = found.max() + 1, [start]
        while todo:
            row, column = todo.pop()
            for down, right in steps:
                there = row + down, column + right
                inside = 0 <= there[0] < values.shape[0] and 0 <= there[1] < values.shape[1]
                if inside and not found[there] and values[there] == values[start]:
                    found[there] = found[start]
                    todo.append(there)
    return found


@pytest.fixture()
def narrow_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regions go over many seams."""
    monkeypatch.setattr(labeling, "STRIP_BYTES", 1)


def labeled_and_merged(
    values: np.ndarray, connectivity: str, minimum: float, **where: Any
) -> tuple[np.ndarray, np.ndarray, Any]:
    """Regions by pixel, those after merging, and the merged regions themselves."""
    with tempfile.TemporaryDirectory() as folder:
        path = write_map(Path(folder) / "map.tif", values, blockysize=1, **where)
        with Scene.open(RasterSource(str(path))) as scene:
            labeled = label_regions(
                scene, ellipsoid_area(scene.grid), connectivity, Path(folder) / "l.tif", Feedback()
            )
        with rasterio.open(labeled.path) as dataset:
            regions = labeled.region_of[dataset.read(1)]
    merged, part_of = merge_small(labeled.regions, minimum, where.get("unit", "pixels"))
    return regions + 1, np.where(regions >= 0, part_of[regions] + 1, 0), merged


@pytest.mark.usefixtures("narrow_strips")
@settings(max_examples=40)
@given(values=maps, connectivity=st.sampled_from(["4", "8"]))
def test_regions_are_those_of_a_flood_fill(values: np.ndarray, connectivity: str) -> None:
    regions, merged, table = labeled_and_merged(values, connectivity, 0)
    expected = flood(values, connectivity)
    assert np.array_equal(regions, expected)
    assert np.array_equal(merged, expected)
    assert table.pixels.tolist() == np.bincount(expected.ravel())[1:].tolist()
    assert np.array_equal(np.concatenate([[0], table.values])[expected], values)


@settings(max_examples=40)
@given(values=maps, connectivity=st.sampled_from(["4", "8"]), minimum=st.integers(0, 30))
def test_the_minimum_mapping_unit_holds(
    values: np.ndarray, connectivity: str, minimum: int
) -> None:
    before, after, table = labeled_and_merged(values, connectivity, minimum)
    sieved = np.concatenate([[0], table.values])[after]
    assert np.array_equal(sieved == 0, values == 0), "nodata stays nodata, and nothing becomes it"
    regions = flood(sieved, connectivity)
    assert np.array_equal(after, regions), "what touches and is of one class is one region"
    sizes = np.bincount(regions.ravel())
    whole = flood((values > 0).astype(int), connectivity)
    for number in range(1, len(sizes)):
        alone = sizes[number] == (whole == whole[regions == number][0]).sum()
        assert sizes[number] >= minimum or alone
    large = np.isin(before, np.flatnonzero(np.bincount(before.ravel()) >= minimum)) & (before > 0)
    assert np.array_equal(sieved[large], values[large]), "a large region loses nothing"
    again = labeled_and_merged(sieved.astype(np.uint8), connectivity, minimum)[2]
    assert np.array_equal(again.values, table.values), "nothing is left to do"


def test_pieces_of_a_field_come_together_before_they_are_swallowed() -> None:
    # A single pixel of class 7 between two pieces of class 1, which alone are below the minimum.
    values = np.full((9, 12), 2, np.uint8)
    values[4, 2:9] = values[3:6, 4] = values[3:6, 6] = 1
    values[4, 5], values[3, 5], values[5, 5] = 7, 9, 9
    merged = labeled_and_merged(values, "4", 8)[2]
    assert sorted(merged.values.tolist()) == [1, 2]
    assert merged.pixels.tolist() == [9 * 12 - 11, 11]


def test_speckle_without_any_large_region_is_sieved_too() -> None:
    """GDAL's sieve filter leaves a checkerboard as it is."""
    values = (np.indices((10, 10)).sum(axis=0) % 2 + 1).astype(np.uint8)
    assert np.array_equal(rasterio.features.sieve(values, 5, connectivity=4), values)
    merged = labeled_and_merged(values, "4", 5)[2]
    assert merged.pixels.min() >= 5


@settings(max_examples=15)
@given(
    values=maps,
    connectivity=st.sampled_from(["4", "8"]),
    minimum=st.integers(0, 9),
    dissolve=st.booleans(),
    where=st.sampled_from([(UTM, NORTH_UP), ("EPSG:4326", DEGREES),
                           (UTM, Affine(18, 24, 370_000, 24, -18, 5_810_000)), (None, None)]),
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_polygons_are_the_map(
    values: np.ndarray, connectivity: str, minimum: int, dissolve: bool, where: Any
) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = write_map(Path(name) / "map.tif", values, crs=where[0], transform=where[1])
        sieved = Path(name) / "sieved.tif"
        result, _ = export(
            path, connectivity=connectivity, minimum_area=minimum, dissolve=dissolve,
            sieved=str(sieved), areas=str(Path(name) / "areas.csv"),
        )  # fmt: skip
        fields, geometries = read(result["polygons"])
        with rasterio.open(sieved) as dataset:
            shown = dataset.read(1)
        rows = list(csv.DictReader((Path(name) / "areas.csv").read_text("utf-8").splitlines()))
        assert [p.name for p in Path(name).iterdir() if p.name.startswith(".")] == []
    assert shapely.is_valid(geometries).all()
    transform = where[1] or Affine.scale(1, -1)
    burnt = rasterio.features.rasterize(
        zip(geometries, fields["class_id"].tolist(), strict=True), shown.shape, transform=transform
    )
    assert np.array_equal(burnt, shown)
    pixel = abs(transform.determinant)
    assert np.allclose(shapely.area(geometries) / pixel, fields["pixels"])
    assert fields["pixels"].sum() == (values > 0).sum() == sum(int(row["pixels"]) for row in rows)
    for row in rows:
        own = fields["class_id"] == int(row["value"])
        assert fields["pixels"][own].sum() == int(row["pixels"])
        assert (shown == int(row["value"])).sum() == int(row["pixels"])
        assert int(row["map_pixels"]) == (values == int(row["value"])).sum()
        if where[0]:
            assert fields["area_ha"][own].sum() == pytest.approx(float(row["area_ha_ellipsoidal"]))
    assert sum(float(row["share"]) for row in rows) == pytest.approx(1)
    assert ("area_ha" in fields) == bool(where[0])
    if dissolve:
        assert len(set(fields["class_id"].tolist())) == len(geometries) == result["features"]
    else:
        assert len(geometries) == flood(shown, connectivity).max()


def exact(grid: Grid) -> np.ndarray:
    """Every pixel's area on the ellipsoid from its own corners, in hectares."""
    rows, columns = np.meshgrid(np.arange(grid.height), np.arange(grid.width), indexing="ij")
    xs, ys = corners(grid, rows, columns)
    lon, lat = rasterio.warp.transform(
        CRS.from_wkt(grid.crs), CRS.from_epsg(4326), xs.ravel(), ys.ravel()
    )
    radians = np.radians([lon, lat]).reshape(2, *xs.shape)
    return on_ellipsoid(*radians, ellipsoid(grid.crs)) / 10_000


@given(
    zone=st.integers(1, 60),
    east=st.floats(170_000, 800_000),
    north=st.floats(100_000, 9_000_000),
    size=st.floats(1, 100),
    turn=st.floats(-0.5, 0.5),
)
@settings(max_examples=20)
def test_areas_on_the_ellipsoid_in_utm(
    zone: int, east: float, north: float, size: float, turn: float
) -> None:
    place = (size, size * turn, east, size * turn, -size, north)
    grid = Grid(2 * STEP + 9, STEP + 5, place, CRS.from_epsg(32600 + zone).to_wkt())
    area = ellipsoid_area(grid)
    assert area is not None and area.name == "WGS 84"
    truth = exact(grid)
    parts = [area.of_rows(0, 7), area.of_rows(7, grid.height - 7)]
    assert np.concatenate(parts) == pytest.approx(truth, rel=1e-6)
    assert np.concatenate(parts).sum() == pytest.approx(truth.sum(), rel=1e-7)


def test_areas_do_not_depend_on_the_projection() -> None:
    """The same ground in Web Mercator, where the plane is off by a factor, and in degrees."""
    mercator = CRS.from_epsg(3857)
    left, top = 1_500_000.0, 8_400_000.0  # 60 degrees north
    grid = Grid(50, 40, (100.0, 0, left, 0, -100.0, top), mercator.to_wkt())
    area = ellipsoid_area(grid)
    assert area is not None
    total = area.of_rows(0, 40).sum()
    (west, east), (south, north) = rasterio.warp.transform(
        mercator, CRS.from_epsg(4326), [left, left + 5000], [top - 4000, top]
    )
    steps = (east - west) / 50, (north - south) / 40
    degrees = Grid(50, 40, (steps[0], 0, west, 0, -steps[1], north), CRS.from_epsg(4326).to_wkt())
    flat = ellipsoid_area(degrees)
    assert flat is not None
    assert total == pytest.approx(flat.of_rows(0, 40).sum() * 50, rel=1e-6)
    assert total < 0.3 * 50 * 40


def test_areas_are_on_the_ellipsoid_of_the_crs() -> None:
    grid = Grid(40, 40, (25.0, 0, 400_000, 0, -25.0, 300_000), CRS.from_epsg(27700).to_wkt())
    area = ellipsoid_area(grid)
    assert area is not None and "Airy" in area.name
    # By Karney's geodesics on Airy's ellipsoid (pyproj's Geod), for the square of one kilometer.
    plane = 1000 * 1000 / 10_000
    assert area.of_rows(0, 40).sum() == pytest.approx(plane / 0.9996013**2, rel=1e-5)


def test_the_minimum_in_hectares_knows_latitudes(tmp_path: Path) -> None:
    # Two islands of four pixels; far in the north these are less than a hectare.
    values = np.full((60, 12), 1, np.uint8)
    values[2:4, 4:6] = values[56:58, 4:6] = 2
    path = write_map(
        tmp_path / "map.tif", values, crs="EPSG:4326", transform=Affine(1, 0, 13, 0, -1, 80)
    )
    grid = Grid(12, 60, (1, 0, 13, 0, -1, 80), CRS.from_epsg(4326).to_wkt())
    area = ellipsoid_area(grid)
    assert area is not None
    rows = area.of_rows(0, 60)
    north, south = 2 * rows[2:4].sum(), 2 * rows[56:58].sum()
    target = tmp_path / "s.tif"
    result, _ = export(path, minimum_area=(north + south) / 2, unit="hectares", sieved=str(target))
    with rasterio.open(target) as dataset:
        sieved = dataset.read(1)
    assert (sieved[2:4] == 1).all() and (sieved[56:58, 4:6] == 2).all()
    assert result["changed_pixels"] == 4
    exactly, _ = export(path, minimum_area=south, unit="hectares")
    assert exactly["changed_pixels"] == 4, "a region of just the minimum stays"


def test_the_file_opens_with_names_and_colors(tmp_path: Path) -> None:
    values = np.repeat(np.array([[0, 1], [2, 7]], np.uint8).repeat(3, 0), 3, axis=1)
    path = write_map(tmp_path / "map.tif", values)
    result, feedback = export(path, sieved=str(tmp_path / "sieved.tif"), minimum_area=5)
    fields, _ = read(result["polygons"])
    named = dict(zip(fields["class_id"].tolist(), fields["class_name"].tolist(), strict=True))
    assert named == {row["value"]: row["name"] for row in TABLE}
    assert sorted(fields["color"].tolist()) == sorted(str(row["color"]) for row in TABLE)
    with sqlite3.connect(result["polygons"]) as connection:
        qml, default = connection.execute(
            "SELECT styleQML, useAsDefault FROM layer_styles WHERE f_table_name = 'land_cover'"
        ).fetchone()
    assert default and "Wald &amp; &lt;Forst&gt;" in qml and "26,107,60,255" in qml
    with rasterio.open(tmp_path / "sieved.tif") as dataset:
        assert json.loads(dataset.tags()["MAMBAHSI_CLASSES"]) == TABLE
        assert dataset.colormap(1)[7] == (0xD9, 0xA4, 0x41, 255)
    assert (tmp_path / "sieved.qml").is_file()
    assert Path(f"{result['polygons']}.record.json").is_file()
    assert any("ha on WGS 84" in line for line in feedback.logs)


def test_a_paletted_map_from_elsewhere(tmp_path: Path) -> None:
    values = np.array([[3, 3, 3, 0]] * 3 + [[200] * 4], np.uint8)
    path = write_map(tmp_path / "map.tif", values, named=False)
    with rasterio.open(path, "r+") as dataset:
        dataset.write_colormap(1, {3: (1, 2, 255, 255)})
    result, _ = export(path)
    fields, _ = read(result["polygons"])
    assert fields["class_name"].tolist() == ["Class 3", "Class 200"]
    assert fields["color"][0] == "#0102ff"
    assert [row["pixels"] for row in result["classes"]] == [9, 4]


def test_large_and_negative_values_become_polygons_but_no_map(tmp_path: Path) -> None:
    values = np.array([[-5] * 4] * 2 + [[90_000] * 4] * 2, np.int32)
    path = write_map(tmp_path / "map.tif", values, named=False)
    result, _ = export(path)
    assert read(result["polygons"])[0]["class_id"].tolist() == [-5, 90_000]
    with pytest.raises(SceneError, match="from -5 to 90000"):
        export(path, sieved=str(tmp_path / "sieved.tif"))
    assert not (tmp_path / "sieved.tif").exists()


def broken_inputs() -> Iterator[tuple[str, dict[str, Any], type[Exception], str]]:
    yield "map", {"polygons": "out.shp"}, JobError, r"out\.shp' is not a GeoPackage"
    yield "map", {"unit": "acres"}, JobError, "'acres' is not known"
    yield "map", {"minimum_area": -1.0}, JobError, "minimum_area: -1.0 is below"
    yield "map", {"sieved": "map.tif"}, OutputError, "would overwrite an input"
    yield "map", {"areas": "nowhere/a.csv"}, OutputError, "does not exist"
    yield "empty", {}, SceneError, "holds no class"
    yield "several", {}, SceneError, "has 2 bands"
    yield "plain", {"minimum_area": 1.0, "unit": "hectares"}, SceneError, "no CRS"


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize(("name", "fields", "kind", "message"), list(broken_inputs()))
def test_what_cannot_be_exported(
    tmp_path: Path,
    write_scene: Callable[..., Path],
    name: str,
    fields: dict[str, Any],
    kind: type[Exception],
    message: str,
) -> None:
    ones = np.ones((1, 6, 6), np.uint8)
    write_scene(ones, "map.tif")
    write_scene(0 * ones, "empty.tif")
    write_scene(np.concatenate([ones, ones]), "several.tif")
    write_scene(ones, "plain.tif", crs=None, transform=None)
    before = {path.name for path in tmp_path.iterdir()}
    placed = {
        key: str(tmp_path / value) if key in ("polygons", "sieved", "areas") else value
        for key, value in fields.items()
    }
    with pytest.raises((MambaHSIError, JobError), match=message) as caught:
        export(tmp_path / f"{name}.tif", **placed)
    assert isinstance(caught.value, kind)
    assert {path.name for path in tmp_path.iterdir()} == before


def test_a_cancel_leaves_nothing(tmp_path: Path, write_scene: Callable[..., Path]) -> None:
    values = np.random.default_rng(0).integers(1, 5, (1, 300, 40)).astype(np.uint8)
    path = write_scene(values, "map.tif")

    class Stopping(Feedback):
        def progress(self, fraction: float, message: str = "") -> None:
            if fraction > 0.4:
                cancellation.request()

    job = jobs.ExportLandCoverJob(RasterSource(str(path)), str(tmp_path / "out.gpkg"))
    with pytest.raises(Cancelled):
        runs.run(job, Stopping())
    assert [entry.name for entry in tmp_path.iterdir()] == ["map.tif"]


def test_the_real_map_of_potsdam(real_scenes: Path, tmp_path: Path) -> None:
    source = real_scenes / "enmap_potsdam" / "landcover_30m.tif"
    values = {
        "classification": {"path": str(source)},
        "polygons": str(tmp_path / "p.gpkg"),
        "minimum_area": 1.0,
        "unit": "hectares",
    }
    result = runs.run(jobs.from_json({"job": "exportlandcover", **values}), Feedback())
    fields, geometries = read(result["polygons"])
    assert shapely.is_valid(geometries).all()
    with rasterio.open(source) as dataset:
        data = dataset.read(1, masked=True).filled(0)
    assert fields["pixels"].sum() == (data != 0).sum()
    # 12 pixels of 0.09 ha make a hectare; what is smaller has no neighbor.
    small = fields["pixels"] < 12
    others = shapely.union_all(geometries[~small])
    borders = shapely.intersection(geometries[small], others)
    assert shapely.length(borders).max(initial=0) == 0
