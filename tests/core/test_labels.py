"""Labels: which pixels polygons and points label, what is put right, what is refused."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from hypothesis import assume, given
from hypothesis import strategies as st
from rasterio.crs import CRS
from rasterio.transform import Affine
from rasterio.warp import transform_geom

from mambahsi import rasterize as rasterize_module
from mambahsi.class_values import natural_key
from mambahsi.classes import ClassTable, LandCoverClass
from mambahsi.colors import default_color, parse_color
from mambahsi.errors import LabelsError
from mambahsi.feedback import CollectingFeedback
from mambahsi.grid import Grid
from mambahsi.jobs import RasterSource, VectorSource
from mambahsi.labels import LabelSet, read_labels, restrict
from mambahsi.rasterize import burn
from mambahsi.reprojection import is_known
from mambahsi.scene import Scene, survey_bands

WriteLabels = Callable[..., Path]

UTM = CRS.from_epsg(32633).to_wkt()
GRID = Grid(12, 10, (10.0, 0.0, 500_000.0, 0.0, -10.0, 5_800_000.0), UTM)
BARE = Grid(12, 10)


def pixel_box(left: float, top: float, right: float, bottom: float) -> shapely.Polygon:
    """A rectangle given in columns and rows of GRID."""
    return shapely.box(
        500_000 + 10 * left, 5_800_000 - 10 * bottom, 500_000 + 10 * right, 5_800_000 - 10 * top
    )


def pixel_point(column: float, row: float) -> shapely.Point:
    return shapely.Point(500_000 + 10 * column, 5_800_000 - 10 * row)


LEFT, RIGHT = pixel_box(0, 0, 4, 10), pixel_box(8, 0, 12, 10)


def read(path: Path, grid: Grid = GRID, class_field: str = "class", **more: Any) -> LabelSet:
    return read_labels(VectorSource(str(path)), grid, class_field, **more)


def contains_centers(polygon: shapely.Geometry, rows: int, columns: int) -> np.ndarray:
    """Which pixel centers a polygon in pixel coordinates contains, point by point."""
    row, column = np.mgrid[:rows, :columns] + 0.5
    return shapely.contains_xy(polygon, column, row)


# --- which pixels


def test_pixels_whose_center_a_polygon_contains(write_labels: WriteLabels) -> None:
    shapes = [pixel_box(0.4, 0.6, 2.6, 2.4), pixel_box(6, 5, 9, 8)]
    labels = read(write_labels(shapes, **{"class": [3, 7]}))
    expected = np.full((10, 12), -1)
    expected[1:2, 0:3] = 0
    expected[5:8, 6:9] = 1
    np.testing.assert_array_equal(labels.index, expected)
    np.testing.assert_array_equal(labels.polygon, expected)
    assert labels.index.dtype == np.int32
    assert [c.value for c in labels.table] == [3, 7]
    assert labels.counts.tolist() == [3, 9]
    assert not labels.notes


def test_points_label_the_pixel_they_lie_in(write_labels: WriteLabels) -> None:
    multi = shapely.MultiPoint([pixel_point(11.99, 9.99), pixel_point(5, 5)])
    path = write_labels([pixel_point(0.01, 0.99), multi], **{"class": ["a", "b"]})
    labels = read(path)
    expected = np.full((10, 12), -1)
    expected[0, 0], expected[9, 11], expected[5, 5] = 0, 1, 1
    np.testing.assert_array_equal(labels.index, expected)
    assert len(np.unique(labels.polygon[labels.polygon >= 0])) == 3


def test_points_on_the_outer_edges_are_outside(write_labels: WriteLabels) -> None:
    points = [pixel_point(12, 3), pixel_point(3, 10), pixel_point(0, 0), pixel_point(1, 1)]
    labels = read(write_labels(points, **{"class": [1, 1, 2, 1]}))
    assert labels.counts.tolist() == [1, 1]
    assert labels.notes == ["labels.gpkg: Polygons or points outside the scene, left out: 2."]


@st.composite
def polygons(draw: st.DrawFn) -> shapely.Polygon:
    """A valid polygon, convex or with a hole, that need not lie inside a 9 x 11 scene."""
    coordinate = st.floats(-3, 14).map(lambda v: round(v, 3) + 0.0001)
    points = draw(st.lists(st.tuples(coordinate, coordinate), min_size=3, max_size=8))
    hull = shapely.convex_hull(shapely.MultiPoint(points))
    if hull.geom_type != "Polygon":
        hull = shapely.box(1.2, 1.2, 5.3, 4.4)
    hole = shapely.buffer(hull.centroid, draw(st.floats(0.1, 3)))
    rest = shapely.difference(hull, hole) if draw(st.booleans()) else hull
    return rest if rest.geom_type == "Polygon" and not rest.is_empty else hull


@given(shapes=st.lists(st.tuples(polygons(), st.integers(0, 3)), min_size=1, max_size=6))
def test_burning_equals_asking_every_center(shapes: list[tuple[shapely.Polygon, int]]) -> None:
    """Against point-in-polygon tests, with overlaps, strips of two rows and tiny polygons."""
    geometries = np.array([shape for shape, _ in shapes])
    classes = np.array([number for _, number in shapes])
    # A center on an edge is in neither polygon beside it by this oracle; the next test is
    # about those.
    columns, rows = np.meshgrid(np.arange(11) + 0.5, np.arange(9) + 0.5)
    edges = shapely.union_all(shapely.boundary(geometries))
    assume(shapely.distance(shapely.points(columns, rows), edges).min() > 1e-9)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rasterize_module, "_STRIP_PIXELS", 22)
        burned = burn(geometries, classes, (9, 11))
    covered = np.array([contains_centers(shape, 9, 11) for shape in geometries])
    of_class = np.array([covered[classes == number].any(axis=0) for number in range(4)])
    claims = of_class.sum(axis=0)
    expected = np.where(claims == 1, of_class.argmax(axis=0), -1)
    np.testing.assert_array_equal(burned.index, expected)
    assert burned.disputed == (claims > 1).sum()
    assert burned.without_center == (~covered.any(axis=(1, 2))).sum()
    owned = burned.shape >= 0
    np.testing.assert_array_equal(owned, burned.index >= 0)
    rows, columns = np.nonzero(owned)
    assert covered[burned.shape[owned], rows, columns].all()


@given(
    columns=st.lists(st.integers(0, 11), min_size=2, max_size=5, unique=True).map(sorted),
    rows=st.lists(st.integers(0, 9), min_size=2, max_size=5, unique=True).map(sorted),
    clockwise=st.booleans(),
)
def test_centers_on_shared_edges_belong_to_one_polygon(
    columns: list[int], rows: list[int], clockwise: bool
) -> None:
    """Tiles whose edges run through pixel centers neither overlap nor leave gaps."""
    tiles = [
        shapely.box(left + 0.5, top + 0.5, right + 0.5, bottom + 0.5, ccw=not clockwise)
        for left, right in pairwise(columns)
        for top, bottom in pairwise(rows)
    ]
    burned = burn(np.array(tiles), np.arange(len(tiles)), (11, 13))
    assert burned.disputed == 0
    assert (burned.index >= 0).sum() == (columns[-1] - columns[0]) * (rows[-1] - rows[0])


def test_three_classes_that_agree_on_average_are_still_in_dispute() -> None:
    shape = shapely.box(1, 1, 3, 3)
    burned = burn(np.array([shape] * 3), np.array([0, 2, 1]), (4, 4))
    assert burned.disputed == 4
    assert (burned.index == -1).all()


def test_overlap_of_one_class_is_kept_and_not_counted(write_labels: WriteLabels) -> None:
    twice = [pixel_box(0, 0, 4, 4), pixel_box(0, 0, 4, 4), pixel_box(6, 6, 8, 8)]
    labels = read(write_labels(twice, **{"class": [1, 1, 2]}))
    assert labels.counts.tolist() == [16, 4]
    assert not labels.notes


@given(angle=st.floats(0, 6.28), shear=st.floats(-0.5, 0.5))
def test_rotated_grids(angle: float, shear: float, tmp_path_factory: Any) -> None:
    sine, cosine = np.sin(angle), np.cos(angle)
    a, b, d, e = 10 * cosine, 10 * (sine + shear * cosine), 10 * sine, -10 * cosine
    grid = Grid(12, 10, (a, b, 500_000.0, d, e, 5_800_000.0), UTM)
    drawn = shapely.Polygon([(1.3, 1.2), (8.7, 2.1), (6.3, 8.4)])
    on_map = shapely.transform(
        drawn,
        lambda p: np.column_stack(
            [a * p[:, 0] + b * p[:, 1] + 500_000, d * p[:, 0] + e * p[:, 1] + 5_800_000]
        ),
    )
    path = tmp_path_factory.mktemp("rotated") / "labels.gpkg"
    pyogrio.raw.write(
        path, shapely.to_wkb(np.array([on_map])), [np.array([1])], ["class"],
        geometry_type="Polygon", crs="EPSG:32633",
    )  # fmt: skip
    np.testing.assert_array_equal(read(path, grid).index == 0, contains_centers(drawn, 10, 12))


def test_parts_that_meet_at_a_corner_are_one_polygon(write_labels: WriteLabels) -> None:
    chain = [pixel_box(0, 0, 2, 2), pixel_box(2, 2, 4, 4), pixel_box(4, 0, 6, 2)]
    apart = pixel_box(8, 0, 9, 2)
    # The chain's parts touch at corners: the first and the third through the second.
    labels = read(
        write_labels(
            [shapely.MultiPolygon([*chain, apart]), pixel_box(9, 0, 11, 2)], **{"class": [1, 1]}
        )
    )
    numbers = {labels.polygon[row, column] for row, column in ((0, 0), (3, 3), (1, 5))}
    assert len(numbers) == 1
    # Two features stay two polygons, even where they share an edge.
    assert labels.polygon[0, 8] not in numbers | {labels.polygon[0, 9]}
    assert len(np.unique(labels.polygon[labels.polygon >= 0])) == 3


def test_parts_of_a_feature_are_polygons_of_their_own(write_labels: WriteLabels) -> None:
    multi = shapely.MultiPolygon([pixel_box(0, 0, 2, 2), pixel_box(5, 5, 7, 7)])
    nested = shapely.GeometryCollection([multi, pixel_point(11.5, 9.5)])
    labels = read(write_labels([multi, nested], **{"class": [1, 1]}))
    assert labels.counts.tolist() == [9]
    assert len(np.unique(labels.polygon[labels.polygon >= 0])) == 3


def test_three_dimensional_geometries(write_labels: WriteLabels) -> None:
    high = shapely.force_3d(np.array([LEFT, RIGHT]), z=123.0)
    assert read(write_labels(high, **{"class": [1, 2]})).counts.tolist() == [40, 40]


# --- CRS and georeference


def test_other_crs_is_reprojected(write_labels: WriteLabels) -> None:
    drawn = [pixel_box(1.2, 1.2, 5.8, 4.8), pixel_box(7.1, 6.1, 10.9, 8.9)]
    moved = [
        shapely.geometry.shape(
            transform_geom("EPSG:32633", "EPSG:3035", shapely.geometry.mapping(shape))
        )
        for shape in drawn
    ]
    same = read(write_labels(drawn, "same.gpkg", **{"class": [1, 2]}))
    other = read(write_labels(moved, "other.gpkg", crs="EPSG:3035", **{"class": [1, 2]}))
    np.testing.assert_array_equal(other.index, same.index)
    assert same.counts.tolist() == [20, 12]


def test_crs_of_the_job_replaces_the_layers(write_labels: WriteLabels) -> None:
    path = write_labels([LEFT, RIGHT], crs="EPSG:3857", **{"class": [1, 2]})
    labels = read_labels(VectorSource(str(path), crs="EPSG:32633"), GRID, "class")
    assert labels.counts.tolist() == [40, 40]


def test_without_crs_the_scenes_is_assumed_with_a_warning(write_labels: WriteLabels) -> None:
    feedback = CollectingFeedback()
    path = write_labels([LEFT, RIGHT], crs=None, **{"class": [1, 2]})
    assert read(path, feedback=feedback).counts.tolist() == [40, 40]
    assert feedback.warnings == ["labels.gpkg: The labels have no CRS; the scene's is assumed."]


@pytest.mark.parametrize(
    ("crs", "known"),
    [
        ("EPSG:32633", True),
        (UTM, True),
        ("", False),
        ('LOCAL_CS["drawing",UNIT["metre",1]]', False),
        ('ENGCRS["Undefined Cartesian SRS",EDATUM["Unknown engineering datum"]]', False),
        ('GEOGCS["Undefined geographic SRS",DATUM["unknown"]]', False),
    ],
)
def test_which_crs_say_where_something_is(crs: str, known: bool) -> None:
    assert is_known(crs) == known


def test_impossible_coordinates_are_counted_and_left_out(write_labels: WriteLabels) -> None:
    lon_lat = [
        shapely.geometry.shape(
            transform_geom("EPSG:32633", "EPSG:4326", shapely.geometry.mapping(shape))
        )
        for shape in (LEFT, RIGHT)
    ]
    path = write_labels(
        [*lon_lat, shapely.box(400, 95, 401, 99)], crs="EPSG:4326", **{"class": [1, 2, 1]}
    )
    labels = read(path)
    assert labels.counts.tolist() == [40, 40]
    assert labels.notes == [
        "labels.gpkg: Geometries without a place in the scene's CRS, left out: 1."
    ]


@pytest.mark.parametrize("sign", [1, -1], ids=["rows downwards", "as QGIS draws"])
def test_neither_side_georeferenced(write_labels: WriteLabels, sign: int) -> None:
    rows = np.array([[1, 3], [6, 9]]) * sign
    shapes = [
        shapely.box(2, min(rows[0]), 5, max(rows[0])),
        shapely.box(7, min(rows[1]), 9, max(rows[1])),
    ]
    feedback = CollectingFeedback()
    labels = read(write_labels(shapes, crs=None, **{"class": [1, 2]}), BARE, feedback=feedback)
    expected = np.full((10, 12), -1)
    expected[1:3, 2:5] = 0
    expected[6:9, 7:9] = 1
    np.testing.assert_array_equal(labels.index, expected)
    assert not feedback.warnings
    assert any("negative y" in line for line in feedback.logs) == (sign < 0)


def test_scene_without_crs_takes_coordinates_as_they_are(write_labels: WriteLabels) -> None:
    path = write_labels([shapely.box(0, 0, 3, 3), shapely.box(5, 5, 9, 9)], **{"class": [1, 2]})
    labels = read(path, BARE)
    assert labels.counts.tolist() == [9, 16]
    assert "The scene has no CRS" in labels.notes[0]


# --- classes, names, colors


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([5, 1, 65535], [(1, "1"), (5, "5"), (65535, "65535")]),
        ([0, 7, 3], [(1, "0"), (2, "3"), (3, "7")]),
        ([-1, 70_000, 3], [(1, "-1"), (2, "3"), (3, "70000")]),
        ([2.0, 9.0, 4.0], [(2, "2"), (4, "4"), (9, "9")]),
        (["Feld 10", "Feld 2", "Äcker"], [(1, "Feld 2"), (2, "Feld 10"), (3, "Äcker")]),
    ],
)
def test_values_and_originals(
    write_labels: WriteLabels, values: list[Any], expected: list[tuple[int, str]]
) -> None:
    shapes = [pixel_box(4 * i, 0, 4 * i + 3, 5) for i in range(3)]
    feedback = CollectingFeedback()
    labels = read(write_labels(shapes, **{"class": values}), feedback=feedback)
    assert [(c.value, c.original) for c in labels.table] == expected
    for shape, value in zip(range(3), values, strict=True):
        at = labels.table[int(labels.index[1, 4 * shape + 1])]
        assert at.original == (str(int(value)) if not isinstance(value, str) else value)
    renumbered = [v for v, _ in expected] == [1, 2, 3]
    assert any("numbered 1 to 3" in line for line in feedback.logs) == renumbered


def test_null_and_blank_classes_are_counted(write_labels: WriteLabels) -> None:
    shapes = [LEFT, RIGHT, pixel_box(5, 0, 6, 1), pixel_box(5, 2, 6, 3)]
    text = read(write_labels(shapes, "text.gpkg", **{"class": ["a", "b", None, "  "]}))
    number = read(write_labels(shapes, "number.gpkg", **{"class": [1, 2, None, None]}))
    assert text.notes == ["text.gpkg: Features without a class, left out: 2."]
    assert number.notes == ["number.gpkg: Features without a class, left out: 2."]
    assert text.counts.tolist() == number.counts.tolist() == [40, 40]
    assert [c.value for c in number.table] == [1, 2]


def test_names_and_colors(write_labels: WriteLabels) -> None:
    shapes = [LEFT, RIGHT, pixel_box(5, 0, 6, 1), pixel_box(5, 2, 6, 3)]
    path = write_labels(
        shapes,
        **{
            "class": [1, 2, 1, 3],
            "name": ["Wald", "水", "Forst", None],
            "color": ["#0A0b0C", "10, 20, 30, 255", None, "no color"],
        },
    )
    labels = read(path, name_field="name", color_field="color")
    assert labels.table.names == ["Wald", "水", "Class 3"]
    assert [c.color for c in labels.table] == ["#0a0b0c", "#0a141e", default_color(2)]
    assert len(labels.notes) == 2
    assert "different names, such as 'Wald' and 'Forst'" in labels.notes[0]
    assert "cannot be read, such as 'no color'" in labels.notes[1]


@pytest.mark.parametrize(
    ("text", "color"),
    [
        ("#12AbfF", "#12abff"),
        ("12abff", "#12abff"),
        ("#1af", "#11aaff"),
        ("#12abff80", "#12abff"),
        ("1,2,3", "#010203"),
        ("255,0,16,128,rgb:1,0,0.06,0.5", "#ff0010"),
        ("rgb(1, 2, 3)", "#010203"),
        (" Red ", "#ff0000"),
        ("256,0,0", None),
        ("1,2", None),
        ("", None),
        ("#12", None),
    ],
)
def test_colors(text: str, color: str | None) -> None:
    assert parse_color(text) == color


def test_default_colors_differ() -> None:
    colors = [default_color(i) for i in range(300)]
    assert all(re.fullmatch("#[0-9a-f]{6}", color) for color in colors)
    assert len(set(colors)) > 295


@given(st.lists(st.text(max_size=8), max_size=8))
def test_natural_order_is_total(texts: list[str]) -> None:
    assert len(sorted(texts, key=natural_key)) == len(texts)


@given(st.lists(st.integers(0, 10**6), max_size=8))
def test_natural_order_counts(numbers: list[int]) -> None:
    texts = sorted((f"Plot {n}" for n in numbers), key=natural_key)
    assert texts == [f"Plot {n}" for n in sorted(numbers)]


def test_every_value_up_to_65535_in_one_layer(write_labels: WriteLabels) -> None:
    side = 256
    grid = Grid(side, side, GRID.transform, UTM)
    values = np.arange(1, side * side)
    columns, rows = (values - 1) % side + 0.5, (values - 1) // side + 0.5
    points = shapely.points(500_000 + 10 * columns, 5_800_000 - 10 * rows)
    labels = read(write_labels(points, **{"class": values}), grid)
    assert len(labels.table) == 65_535
    np.testing.assert_array_equal(labels.index.ravel()[:-1], values - 1)
    assert labels.table[65_534].value == 65_535


# --- classes matched to a table

TABLE = ClassTable(
    (
        LandCoverClass(1, "Wald", "#00ff00", "0"),
        LandCoverClass(2, "Wasser", "#0000ff", "1"),
        LandCoverClass(3, "Stadt", "#ff0000", "2"),
    )
)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 2], [0, 2]),
        ([1, 3], [0, 2]),
        (["Stadt", "Wald"], [2, 0]),
        ([1, 2], [1, 2]),
    ],
    ids=["originals", "values, though 1 is an original", "names", "originals before values"],
)
def test_one_reading_for_the_whole_layer(
    write_labels: WriteLabels, values: list[Any], expected: list[int]
) -> None:
    labels = read(write_labels([LEFT, RIGHT], **{"class": values}), table=TABLE)
    assert [labels.index[0, 0], labels.index[0, -1]] == expected
    assert labels.table is TABLE


def test_unknown_classes_are_counted_and_left_out(write_labels: WriteLabels) -> None:
    path = write_labels([LEFT, RIGHT, pixel_box(5, 0, 6, 1)], **{"class": ["Wald", "Moor", "Moor"]})
    labels = read(path, table=TABLE)
    assert labels.counts.tolist() == [40, 0, 0]
    assert labels.notes == [
        "labels.gpkg: Features of classes that are not known (Moor), left out: 2."
    ]


def test_no_known_class_is_refused(write_labels: WriteLabels) -> None:
    path = write_labels([LEFT], **{"class": ["Moor"]})
    with pytest.raises(LabelsError, match="none of the known classes: they have Moor"):
        read(path, table=TABLE)


# --- warned, counted, continued


def test_everything_that_is_warned_of_is_counted(write_labels: WriteLabels) -> None:
    bowtie = shapely.Polygon(
        [pixel_point(*p).coords[0] for p in [(5, 5), (7, 8), (7, 5), (5, 8), (5, 5)]]
    )
    shapes = [
        LEFT,
        RIGHT,
        bowtie,
        pixel_box(3, 0, 6, 2),
        pixel_box(-3, 8, 2, 14),
        pixel_box(5.1, 3.1, 5.3, 3.3),
        pixel_box(50, 50, 60, 60),
        shapely.LineString([(500_000, 5_800_000), (500_100, 5_799_900)]),
        shapely.Polygon(),
        None,
    ]
    labels = read(write_labels(shapes, **{"class": [1, 2, 2, 2, 1, 2, 1, 1, 1, 1]}))
    assert labels.notes == [
        "labels.gpkg: " + note
        for note in (
            "Features without geometry, left out: 2.",
            "Lines, which are no labels, left out: 1.",
            "Polygons with an invalid geometry, repaired: 1.",
            "Polygons or points outside the scene, left out: 1.",
            "Polygons partly outside the scene, used as far as inside: 1.",
            "Polygons smaller than a pixel or so narrow that they cover no pixel center, "
            "left out: 1.",
            "Pixels where polygons or points of different classes overlap, left out: 2.",
        )
    ]
    assert (labels.index[0:2, 3] == -1).all()
    assert (labels.index[5:8, 5:7] == 1).any()
    assert (labels.index[8:, :2] == 0).all()


def test_polygon_without_area_is_left_out(write_labels: WriteLabels) -> None:
    spike = shapely.Polygon([(500_055, 5_799_955), (500_085, 5_799_985), (500_055, 5_799_955)])
    labels = read(write_labels([LEFT, RIGHT, spike], **{"class": [1, 2, 2]}))
    assert labels.counts.tolist() == [40, 40]
    assert "labels.gpkg: Polygons of these that have no area, left out: 1." in labels.notes


def test_labels_under_nodata_are_counted(write_labels: WriteLabels) -> None:
    labels = read(write_labels([LEFT, RIGHT], **{"class": [1, 2]}))
    valid = np.ones((10, 12), dtype=bool)
    valid[:3] = False
    feedback = CollectingFeedback()
    kept = restrict(labels, valid, feedback)
    assert kept.counts.tolist() == [28, 28]
    assert (kept.polygon[:3] == -1).all()
    assert feedback.warnings == ["Labeled pixels that are nodata in the scene, left out: 24 of 80."]


# --- refused


def test_missing_layer_file(tmp_path: Path) -> None:
    with pytest.raises(LabelsError, match=r"gone\.gpkg do not exist"):
        read(tmp_path / "gone.gpkg")


def test_missing_field_lists_the_fields(write_labels: WriteLabels) -> None:
    path = write_labels([LEFT], **{"class": [1], "größe": [2.5]})
    with pytest.raises(LabelsError, match=r"no field 'klass'.*class, größe"):
        read(path, class_field="klass")
    with pytest.raises(LabelsError, match="no field 'title'"):
        read(path, name_field="title")


def test_layer_of_a_container(write_labels: WriteLabels) -> None:
    write_labels([LEFT], layer="first", **{"class": [1]})
    path = write_labels([RIGHT], layer="zweite Lage", append=True, **{"class": [2]})
    labels = read_labels(VectorSource(str(path), "zweite Lage"), GRID, "class")
    assert [c.value for c in labels.table] == [2]
    assert [c.value for c in read(path).table] == [1]
    with pytest.raises(LabelsError, match=r"no layer 'third'.*first, zweite Lage"):
        read_labels(VectorSource(str(path), "third"), GRID, "class")


@pytest.mark.parametrize("suffix", ["gpkg", "geojson", "fgb", "shp"])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_truncated_layer_is_refused(write_labels: WriteLabels, suffix: str, share: float) -> None:
    shapes = [pixel_box(i % 12, i % 10, i % 12 + 1, i % 10 + 1) for i in range(300)]
    path = write_labels(shapes, f"cut.{suffix}", **{"class": [1] * 300})
    os.truncate(path, int(path.stat().st_size * share))
    with pytest.raises(LabelsError, match=rf"cut\.{suffix}"):
        read(path)


def test_shapefile_with_features_without_geometry_is_whole(write_labels: WriteLabels) -> None:
    path = write_labels([LEFT, None, RIGHT], "some.shp", **{"class": [1, 1, 2]})
    labels = read(path)
    assert labels.counts.tolist() == [40, 40]
    assert labels.notes == ["some.shp: Features without geometry, left out: 1."]


def test_text_file_is_no_layer(tmp_path: Path) -> None:
    path = tmp_path / "labels.gpkg"
    path.write_text("no layer")
    with pytest.raises(LabelsError, match=r"labels\.gpkg"):
        read(path)


def test_no_layer_at_all() -> None:
    with pytest.raises(LabelsError, match="No layer is given"):
        read_labels(VectorSource(""), GRID, "class")


def test_a_layer_that_another_program_writes_to_is_told(write_labels: WriteLabels) -> None:
    path = write_labels([LEFT], **{"class": [1]})
    program = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('BEGIN EXCLUSIVE'); "
        "print('locked', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(path)]
    pyogrio.set_gdal_config_options({"SQLITE_BUSY_TIMEOUT": "50"})
    try:
        with Popen(command, stdin=PIPE, stdout=PIPE, text=True) as other:
            assert other.stdout and other.stdout.readline() == "locked\n"
            with pytest.raises(LabelsError, match="is locked") as caught:
                read(path)
            other.communicate()
    finally:
        pyogrio.set_gdal_config_options({"SQLITE_BUSY_TIMEOUT": None})
    assert "Another program" in caught.value.hint


def test_wholly_outside_gives_both_extents(write_labels: WriteLabels) -> None:
    path = write_labels([pixel_box(100, 100, 103, 104)], **{"class": [1]})
    with pytest.raises(
        LabelsError, match=r"x 501000 to 501030, y 5798960 to 5799000.*x 500000 to 500120"
    ):
        read(path)


@pytest.mark.parametrize(
    ("values", "message"),
    [([1.5, 2.0], "1.5, which is no integer"), ([None, None], "empty throughout")],
)
def test_field_without_classes(write_labels: WriteLabels, values: list[Any], message: str) -> None:
    with pytest.raises(LabelsError, match=message):
        read(write_labels([LEFT, RIGHT], **{"class": values}))


def test_field_of_dates_is_refused(write_labels: WriteLabels) -> None:
    dates = np.array(["2020-01-01", "2020-01-02"], dtype="datetime64[D]")
    path = write_labels([LEFT, RIGHT], **{"class": dates})
    with pytest.raises(LabelsError, match="neither integers nor text"):
        read(path)


def test_table_without_geometries(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("class,name\n1,a\n2,b\n")
    with pytest.raises(LabelsError, match="no layer with geometries"):
        read(path)


def test_one_class_only_is_refused(write_labels: WriteLabels) -> None:
    labels = read(write_labels([LEFT, RIGHT], **{"class": ["Wald", "Wald"]}))
    with pytest.raises(LabelsError, match=r"one class only \(Wald\)"):
        restrict(labels, np.ones((10, 12), dtype=bool))


def test_class_left_without_a_pixel_is_named_with_the_reason(write_labels: WriteLabels) -> None:
    shapes = [LEFT, RIGHT, pixel_box(5.1, 3.1, 5.3, 3.3)]
    labels = read(write_labels(shapes, **{"class": [1, 2, 9]}))
    with pytest.raises(LabelsError, match=r"Class 9 \(value 9: none at all\).*smaller than"):
        restrict(labels, np.ones((10, 12), dtype=bool))
    valid = np.ones((10, 12), dtype=bool)
    valid[:, 8:] = False
    labels = read(write_labels([LEFT, RIGHT], "two.gpkg", **{"class": [1, 2]}))
    with pytest.raises(LabelsError, match=r"Class 2 \(value 2: all 40 pixels are nodata"):
        restrict(labels, valid)


# --- real scenes


def on_scene(folder: Path, scene: str, labels: str, field: str) -> tuple[LabelSet, np.ndarray]:
    with Scene.open(RasterSource(str(folder / scene))) as opened:
        found = read_labels(VectorSource(str(folder / labels)), opened.grid, field)
        return found, survey_bands(opened).valid


def test_enmap_polygons_equal_the_same_labels_as_a_raster(real_scenes: Path) -> None:
    folder = real_scenes / "enmap_potsdam"
    labels, valid = on_scene(folder, "enmap_potsdam.tif", "landcover_polygons.gpkg", "class_id")
    with rasterio.open(folder / "landcover_30m.tif") as dataset:
        raster = dataset.read(1)
    np.testing.assert_array_equal(labels.index + 1, raster)
    assert not labels.notes
    kept = restrict(labels, valid)
    assert kept.counts.sum() == 5672
    assert len(np.unique(kept.polygon[kept.polygon >= 0])) == 810


def test_enmap_points(real_scenes: Path) -> None:
    labels, valid = on_scene(
        real_scenes / "enmap_potsdam", "enmap_potsdam.tif", "landcover_points.gpkg", "level_1"
    )
    assert restrict(labels, valid).counts.sum() == 57


def test_aberystwyth(real_scenes: Path) -> None:
    folder = real_scenes / "sentinel2_aberystwyth"
    labels, valid = on_scene(folder, "sentinel2_aberystwyth.tif", "training_polygons.gpkg", "class")
    assert len(restrict(labels, valid).table) == 4
    assert len(np.unique(labels.polygon[labels.polygon >= 0])) == 40


def test_north_carolina_in_another_crs(real_scenes: Path, tmp_path: Path) -> None:
    """The layer's own CRS and a copy that rasterio moved beforehand give the same pixels."""
    folder = real_scenes / "landsat7_north_carolina"
    labels, valid = on_scene(folder, "landsat_multiband.tif", "landsat96_polygons.shp", "label")
    assert restrict(labels, valid).table.names == [
        "agriculture", "developed", "forest", "herbaceous", "sediment", "shrubland", "water"
    ]  # fmt: skip
    with rasterio.open(folder / "landsat_multiband.tif") as dataset:
        crs, transform = dataset.crs, dataset.transform
    meta, _, wkb, (names,) = pyogrio.raw.read(folder / "landsat96_polygons.shp", columns=["label"])
    expected = np.full(valid.shape, -1)
    inverse = ~transform
    for shape, name in zip(shapely.from_wkb(wkb), names, strict=True):
        moved = shapely.geometry.shape(
            transform_geom(meta["crs"], crs, shapely.geometry.mapping(shape))
        )
        drawn = shapely.transform(moved, lambda p: np.column_stack(_apply(inverse, p)))
        left, top, right, bottom = (int(v) for v in shapely.bounds(drawn))
        rows, columns = np.mgrid[top : bottom + 2, left : right + 2]
        inside = shapely.contains_xy(drawn, columns + 0.5, rows + 0.5)
        inside &= (rows < valid.shape[0]) & (columns < valid.shape[1]) & (rows >= 0)
        expected[rows[inside], columns[inside]] = labels.table.names.index(name)
    np.testing.assert_array_equal(labels.index, expected)


def _apply(affine: Affine, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x, y = points[:, 0], points[:, 1]
    return affine.a * x + affine.b * y + affine.c, affine.d * x + affine.e * y + affine.f


def test_truncated_real_shapefile(real_scenes: Path, tmp_path: Path) -> None:
    for file in (real_scenes / "landsat7_north_carolina").glob("landsat96_polygons.*"):
        shutil.copyfile(file, tmp_path / file.name)
    os.truncate(tmp_path / "landsat96_polygons.shp", 4000)
    with pytest.raises(LabelsError, match=r"landsat96_polygons\.shp are truncated or corrupt"):
        read(tmp_path / "landsat96_polygons.shp", class_field="id")
