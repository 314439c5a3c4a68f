"""Signatures against the pixels they are made of; what is read, drawn, and warned of."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from mambahsi import cancellation, jobs, runs
from mambahsi.band_metadata import Band
from mambahsi.errors import Cancelled, LabelsError
from mambahsi.feedback import CollectingFeedback, Feedback
from mambahsi.jobs import RasterSource
from mambahsi.samples.reading import labeled_windows, read_spectra
from mambahsi.samples.signatures import segments, signature
from mambahsi.scene import Scene

NODATA = -999
WEST, NORTH = 500_000.0, 5_800_000.0


def box(left: float, top: float, right: float, bottom: float) -> shapely.Polygon:
    """Pixel edges to a polygon on the grid of ``write_scene``, of 10 m."""
    return shapely.box(WEST + 10 * left, NORTH - 10 * bottom, WEST + 10 * right, NORTH - 10 * top)


def check(scene: Path, labels: Path, **fields: Any) -> dict[str, Any]:
    table = scene.parent / "check.json"
    values = {
        "job": "checksamples",
        "scene": {"path": str(scene)},
        "labels": {"path": str(labels)},
        "class_field": "code",
        "table": str(table),
        **fields,
    }
    runs.run(jobs.from_json(values), CollectingFeedback())
    return json.loads(table.read_text(encoding="utf-8"))


def cube(rows: int = 40, columns: int = 50, bands: int = 4, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.integers(0, 3000, (bands, rows, columns)).astype(np.int16)


def findings(figures: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [finding for finding in figures["findings"] if finding["kind"] == kind]


# Figures ---------------------------------------------------------------------------------


def test_statistics_are_those_of_the_pixels_in_every_output(tiny: Any) -> None:
    paths = {"report": "s.html", "csv": "s.csv", "table": "s.json"}
    paths = {name: str(tiny.folder / file) for name, file in paths.items()}
    values = {**tiny.train_job(), "job": "signatures", **paths}
    keep = ("job", "scene", "labels", "class_field", *paths)
    runs.run(jobs.from_json({name: values[name] for name in keep}), CollectingFeedback())
    figures = json.loads(Path(paths["table"]).read_text(encoding="utf-8"))
    rows = list(csv.DictReader(io.StringIO(Path(paths["csv"]).read_text(encoding="utf-8-sig"))))
    assert [own["name"] for own in figures["classes"]] == ["Wald", "Wasser", "Äcker"]
    for number, own in enumerate(figures["classes"]):
        parts = []
        for row in range(4):
            for column in range(3):
                if (row + column) % 3 == number:
                    cut = tiny.cube[:, row * 5 + 1 : row * 5 + 4, column * 8 + 1 : column * 8 + 7]
                    parts.append(cut.reshape(8, -1).T)
        pixels = np.concatenate(parts)
        valid = pixels[(pixels != tiny.nodata).all(axis=1)].astype(float)
        assert (own["polygons"], own["labeled"], own["pixels"]) == (4, len(pixels), len(valid))
        assert own["mean"] == pytest.approx(valid.mean(axis=0))
        assert own["deviation"] == pytest.approx(valid.std(axis=0, ddof=1))
        assert own["p95"] == pytest.approx(np.percentile(valid, 95, axis=0))
        written = [row for row in rows if row["name"] == own["name"]]
        assert [int(row["band"]) for row in written] == list(range(1, 9))
        assert [float(row["mean"]) for row in written] == pytest.approx(own["mean"], rel=1e-6)
    page = Path(paths["report"]).read_text(encoding="utf-8")
    assert "<script" not in page and "Äcker" in page
    assert not tiny.temporary_files()
    assert [path.name for path in tiny.folder.glob("*.record.json")]


def test_one_sample_has_a_mean_and_no_deviation_and_none_has_neither() -> None:
    one = signature(np.array([[3, 5]], dtype=np.uint8))
    assert one.mean.tolist() == [3, 5] and np.isnan(one.deviation).all()
    nothing = signature(np.empty((0, 2)))
    assert nothing.pixels == 0 and np.isnan(nothing.mean).all()


def test_bands_without_content_become_gaps(
    write_scene: Callable[..., Path], write_labels: Callable[..., Path]
) -> None:
    data = cube(bands=8)
    data[2] = NODATA  # water vapor: no data anywhere
    data[3, :20] = NODATA  # no data where the labels are
    data[5] = 7
    tags = [{"wavelength": str(500 + 10 * i), "wavelength_units": "nm"} for i in range(8)]
    tags[6]["bbl"] = "0"
    scene = write_scene(data, nodata=NODATA, band_tags=tags)
    labels = write_labels([box(1, 1, 9, 9), box(20, 1, 30, 12)], code=[3, 4])
    figures = check(scene, labels)
    reasons = {band["band"]: band["left_out"] for band in figures["bands"] if not band["used"]}
    assert reasons == {3: "all nodata", 4: "all nodata", 6: "constant", 7: "flagged by bbl"}
    assert figures["segments"] == [[1, 2], [5], [8]]
    assert figures["unit"] == "nm"
    assert [i for i, mean in enumerate(figures["classes"][0]["mean"]) if mean is None] == [
        2,
        3,
        5,
        6,
    ]


def lines(wavelengths: list[float | None], left_out: tuple[int, ...] = ()) -> list[list[int]]:
    bands = [Band(n, wavelength=w) for n, w in enumerate(wavelengths, start=1)]
    return segments(bands, [band.index for band in bands if band.index not in left_out])


def test_lines_break_where_there_is_nothing_to_connect() -> None:
    # Without wavelengths, where bands are left out.
    assert lines([None] * 6, (3, 4)) == [[0, 1], [2, 3]]
    # A product that comes without its water-vapor bands.
    assert lines([1300, 1310, 1320, 1450, 1460, 1470]) == [[0, 1, 2], [3, 4, 5]]
    # Two detectors that overlap.
    assert lines([900, 910, 920, 905, 915]) == [[0, 1, 2], [3, 4]]
    # A multispectral sensor has no gaps, only few bands, not always in their order.
    assert lines([490, 560, 665, 2190, 842]) == [[0, 1, 2, 4, 3]]
    assert lines([490, 560, 665, 842], (2,)) == [[0, 1, 2]]


def test_the_chart_has_a_line_for_every_stretch_of_every_class(
    write_scene: Callable[..., Path], write_labels: Callable[..., Path]
) -> None:
    data = cube(bands=6)
    data[3] = NODATA
    scene = write_scene(data, nodata=NODATA)
    labels = write_labels(
        [box(1, 1, 9, 9), box(20, 1, 30, 12), box(40, 30, 41, 31)],
        code=[3, 4, 5],
        name=["<b>A & B</b>", "C", "D"],
        hue=["#112233", "#445566", "#778899"],
    )
    report = scene.parent / "s.html"
    values = {
        "job": "signatures",
        "scene": {"path": str(scene)},
        "labels": {"path": str(labels)},
        "class_field": "code",
        "name_field": "name",
        "color_field": "hue",
        "report": str(report),
    }
    runs.run(jobs.from_json(values), CollectingFeedback())
    page = report.read_text(encoding="utf-8")
    assert "<b>A" not in page
    svg = ElementTree.fromstring(page[page.index("<svg") : page.index("</svg>") + 6])
    drawn = {"#112233": [0, 0], "#445566": [0, 0], "#778899": [0, 0]}
    for group in svg.iter("g"):
        color = group.get("style", "").removeprefix("color:")
        for path in group.iter("path"):
            drawn[color][0 if path.get("stroke-width") == "1.8" else 1] += 1
    # The class of one pixel has no spread to shade.
    assert drawn == {"#112233": [2, 2], "#445566": [2, 2], "#778899": [2, 0]}
    assert ">band</text>" in page


# Reading ---------------------------------------------------------------------------------


@given(
    st.integers(1, 60),
    st.integers(1, 60),
    st.sampled_from([None, 16, 32]),
    st.sampled_from([50, 700, 5_000, 10**7]),
    st.integers(0, 1000),
)
@settings(max_examples=40)
def test_windows_hold_every_labeled_pixel_once(
    rows: int, columns: int, block: int | None, max_bytes: int, seed: int
) -> None:
    """Whatever the file's blocks are, and within the bytes that are allowed."""

    class Blocks:
        dtype = np.dtype(np.int16)
        block_rows = block or 1
        block_columns = block or columns

    generator = np.random.default_rng(seed)
    mask = generator.random((rows, columns)) < generator.choice([0.0, 0.01, 0.2, 1.0])
    times = np.zeros(mask.shape, dtype=int)
    for window in labeled_windows(Blocks, mask, 3, max_bytes):  # type: ignore[arg-type]
        area = window.toslices()
        assert mask[area].any()
        assert mask[area].size == 1 or mask[area].size * 3 * 2 <= max_bytes
        times[area] += 1
    assert (times[mask] == 1).all()
    assert times.max(initial=0) <= 1


@pytest.mark.parametrize("options", [{}, {"tiled": True, "blockxsize": 16, "blockysize": 16}])
def test_pixels_are_those_of_the_scene(
    write_scene: Callable[..., Path], options: dict[str, Any]
) -> None:
    data = cube()
    data[1, 5:9, 5:9] = NODATA
    index = np.full((40, 50), -1, dtype=np.int32)
    index[4:12, 4:30], index[33:, 45:] = 1, 0
    with Scene.open(RasterSource(str(write_scene(data, nodata=NODATA, **options)))) as scene:
        found = read_spectra(scene, index, Feedback())
    expected = (index >= 0) & (data != NODATA).all(axis=0)
    assert np.array_equal(found.valid, expected)
    assert np.array_equal(found.values, data[:, expected].T)
    assert np.array_equal(found.classes, index[expected])


def test_of_too_many_pixels_the_rare_classes_are_all_kept(write_scene: Callable[..., Path]) -> None:
    index = np.zeros((40, 50), dtype=np.int32)
    index[:2, :5] = 1
    with Scene.open(RasterSource(str(write_scene(cube())))) as scene:
        found = read_spectra(scene, index, Feedback(), largest=8 * 4 * 300)
    counts = np.bincount(found.classes)
    assert counts[1] == 10
    assert 280 <= counts.sum() <= 300


def test_labels_on_nodata_alone_are_refused(
    write_scene: Callable[..., Path], write_labels: Callable[..., Path]
) -> None:
    data = cube()
    data[:, :10, :10] = NODATA
    scene = write_scene(data, nodata=NODATA)
    labels = write_labels([box(1, 1, 4, 4), box(5, 5, 8, 8)], code=[1, 2])
    with pytest.raises(LabelsError, match="None of the 18 labeled pixels"):
        check(scene, labels)


def test_a_cancelled_check_leaves_nothing(tiny: Any) -> None:
    cancellation.request()
    with pytest.raises(Cancelled):
        check(tiny.scene, tiny.labels, class_field="class")
    assert sorted(path.name for path in tiny.folder.iterdir()) == ["labels.gpkg", "scene.tif"]


def test_a_check_does_not_load_pytorch(tiny: Any) -> None:
    """It is asked for again and again while polygons are drawn."""
    command = ["signatures", "--scene", str(tiny.scene), "--labels", str(tiny.labels)]
    command += ["--class-field", "class", "--csv", str(tiny.folder / "s.csv")]
    program = f"""
import sys
from mambahsi.cli import main
assert main({command!r}) == 0
print(sorted({{"torch", "sklearn"}} & set(sys.modules)))
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.stdout.splitlines()[-1] == "[]", run.stderr


# Findings --------------------------------------------------------------------------------


def test_good_samples_give_no_warning(
    write_scene: Callable[..., Path], write_labels: Callable[..., Path]
) -> None:
    places = [(r, c) for r in (1, 15, 30) for c in (1, 17, 34)]
    polygons = [box(c, r, c + 5, r + 5) for r, c in places]
    figures = check(write_scene(cube()), write_labels(polygons, code=[1, 2, 3] * 3))
    # The columns of classes lie above each other: wide apart in rows.
    assert figures["findings"] == []


def test_what_a_colleague_would_point_at(
    write_scene: Callable[..., Path], write_labels: Callable[..., Path]
) -> None:
    data = cube(bands=60)
    data[:, 34:, 40:] = NODATA
    polygons = {
        "wide": [box(1, 1, 9, 9), box(40, 20, 48, 28), box(2, 30, 9, 38)],
        "corner": [box(12, 1, 15, 4), box(16, 1, 19, 4), box(12, 5, 15, 8), box(16, 5, 20, 8)],
        "single": [box(25, 12, 33, 22)],
        "overlaps": [box(20, 20, 27, 24), box(6, 6, 12, 12), box(44, 1, 49, 6)],
        "lost": [box(42, 35, 48, 39), box(12, 36, 16, 39), box(30, 36, 45, 39)],
        "twice": [box(1, 14, 5, 18), box(1, 14, 5, 18), box(1, 14, 5, 18), box(36, 1, 40, 6)],
        "away": [box(90, 90, 95, 95), box(35, 10, 39, 15), box(22, 1, 30, 7)],
        "empty": [box(44, 36, 47, 39)],
    }
    names = [name for name, own in polygons.items() for _ in own]
    codes = [list(polygons).index(name) + 1 for name in names]
    labels = write_labels([p for own in polygons.values() for p in own], code=codes, name=names)
    figures = check(write_scene(data, nodata=NODATA), labels, name_field="name")
    told = {finding["kind"]: finding for finding in figures["findings"]}

    def classes(kind: str) -> list[str]:
        by_value = {own["value"]: own["name"] for own in figures["classes"]}
        return [by_value[value] for value in told[kind]["classes"]]

    # single overlaps on 2 x 2 pixels, wide on 3 x 3; empty lies in a polygon of lost.
    assert "wide and overlaps (9 pixels)" in told["overlap"]["text"]
    assert "single and overlaps (4 pixels)" in told["overlap"]["text"]
    assert "lost and empty (9 pixels)" in told["overlap"]["text"]
    assert classes("empty") == ["empty"]
    assert classes("single") == ["single"]
    assert classes("corner") == ["corner"]
    assert classes("duplicates") == ["twice"] and "twice (2) too many" in told["duplicates"]["text"]
    assert classes("nodata") == ["lost"]
    # Of 6 x 4 pixels and two columns of 3 more, without the 9 that are disputed.
    assert "21 pixels of " in told["nodata"]["text"]
    assert "1 of 18 polygons have no other pixel" in told["nodata"]["text"]
    assert classes("bands") == ["corner", "lost", "twice"]
    assert "60 bands" in told["bands"]["text"]
    assert told["layer"]["text"] == "Polygons or points outside the scene, left out: 1."
    # The empty class has a polygon in the table, and no figure.
    empty = figures["classes"][-1]
    assert (empty["polygons"], empty["pixels"], empty["mean"]) == (0, 0, [None] * 60)
    problems = {
        p["problem"] for p in figures["pairs"] if "empty" in (p["first_name"], p["second_name"])
    }
    assert problems == {"empty has 0 of the 3 pixels that it takes"}


def test_few_pixels_and_labels_in_one_part(
    write_scene: Callable[..., Path], write_labels: Callable[..., Path]
) -> None:
    polygons = [box(1, 1, 4, 4), box(10, 8, 13, 12), box(1, 9, 4, 12), box(9, 1, 14, 7)]
    labels = write_labels(polygons, code=[1, 1, 2, 2])
    figures = check(write_scene(cube()), labels)
    (few,) = findings(figures, "few")
    assert few["classes"] == [1] and "(21)" in few["text"]
    (part,) = findings(figures, "part")
    assert "within 13 columns and 11 rows of the 50 x 40 pixels" in part["text"]


def test_points_claim_their_pixels(
    write_scene: Callable[..., Path], write_labels: Callable[..., Path]
) -> None:
    """A point in the corner of a pixel whose center a polygon of another class covers."""
    corner = shapely.Point(WEST + 10 * 3 + 1, NORTH - 10 * 3 - 1)
    labels = write_labels([box(1, 1, 9, 9), corner, box(30, 20, 40, 30)], code=[1, 2, 2])
    (overlap,) = findings(check(write_scene(cube()), labels), "overlap")
    assert "(1 pixel)" in overlap["text"]
    assert overlap["classes"] == [1, 2]


def test_of_many_pairs_that_overlap_the_first_are_named(
    write_scene: Callable[..., Path], write_labels: Callable[..., Path]
) -> None:
    """Every class overlaps with the next, by a column, the first by more."""
    polygons = [box(4 * i, 1, 4 * i + 5 + (i == 0), 9) for i in range(12)]
    labels = write_labels(polygons, code=list(range(1, 13)))
    (overlap,) = findings(check(write_scene(cube()), labels), "overlap")
    assert overlap["text"].startswith("Polygons of different classes overlap on 96 pixels")
    assert "Class 1 and Class 2 (16 pixels)" in overlap["text"]
    assert "and 3 more" in overlap["text"]
