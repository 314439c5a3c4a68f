"""Assessing maps by samples: ours and others', of this map and of another one."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely

from mambahsi import jobs, runs
from mambahsi.errors import LabelsError
from mambahsi.feedback import CollectingFeedback
from mambahsi.map_values import CLASSES_TAG
from mambahsi.records.record import record_path


def run(kind: str, **values: Any) -> tuple[dict[str, Any], CollectingFeedback]:
    feedback = CollectingFeedback()
    for name in ("classification", "reference", "reference_raster"):
        if isinstance(values.get(name), Path):
            values[name] = {"path": str(values[name])}
    return runs.run(jobs.from_json({"job": kind, **values}), feedback), feedback


def assess(classification: Path, reference: Path, **fields: Any) -> tuple[Any, Any]:
    table = classification.with_name("figures.json")
    fields = {"class_field": "reference_class", "table": str(table), **fields}
    _, feedback = run("assess", classification=classification, reference=reference, **fields)
    return json.loads(table.read_text(encoding="utf-8")), feedback


@pytest.fixture
def truth() -> np.ndarray:
    """Land cover of 80 x 100 pixels, classes 1 to 3."""
    return np.random.default_rng(1).choice([1, 2, 3], size=(80, 100), p=[0.1, 0.3, 0.6])


@pytest.fixture
def mapped(truth: np.ndarray) -> np.ndarray:
    """A map of it in which a fifth of the pixels is drawn anew."""
    rng = np.random.default_rng(2)
    guess = rng.choice([1, 2, 3], size=truth.shape)
    return np.where(rng.random(truth.shape) < 0.2, guess, truth).astype(np.uint8)


@pytest.fixture
def land(mapped: np.ndarray, write_scene: Callable[..., Path]) -> Path:
    """The map, with names."""
    path = write_scene(mapped[None], "map.tif", nodata=0)
    rows = [
        {"value": v, "name": n, "color": "#123456", "original": str(v - 1)}
        for v, n in ((1, "Wald"), (2, "Gewässer"), (3, "Acker & Wiese"))
    ]
    with rasterio.open(path, "r+") as dataset:
        dataset.update_tags(**{CLASSES_TAG: json.dumps(rows)})
    return path


def interpret(
    sample: Path, values: np.ndarray, transform: rasterio.Affine, *, only: int | None = None
) -> Path:
    """Fill in the reference class of every point, or of the first ones, as a user does."""
    meta, _, wkb, fields = pyogrio.raw.read(sample, layer="sample")
    names = list(meta["fields"])
    xy = shapely.get_coordinates(shapely.from_wkb(wkb))
    columns, rows = np.floor(np.array([~transform @ tuple(p) for p in xy])).astype(int).T
    found = values[rows, columns].astype(np.int32)
    empty = np.arange(len(found)) >= (len(found) if only is None else only)
    place = names.index("reference_class")
    fields[place] = found
    masks = [None] * len(names)
    masks[place] = empty
    target = sample.with_name("interpreted.gpkg")
    pyogrio.raw.write(target, wkb, fields, names, field_mask=masks, geometry_type="Point",
                      crs=meta["crs"], layer="sample", driver="GPKG")  # fmt: skip
    return target


@pytest.fixture
def draw(land: Path, truth: np.ndarray) -> Callable[..., Path]:
    """Draws a sample of the map and interprets it without error."""

    def draw(values: np.ndarray = truth, only: int | None = None, **fields: Any) -> Path:
        path = land.with_name("sample.gpkg")
        run("sampledesign", classification=land, sample=str(path), **fields)
        with rasterio.open(land) as dataset:
            return interpret(path, values, dataset.transform, only=only)

    return draw


def by_hand(mapped: np.ndarray, sample: Path) -> tuple[float, np.ndarray]:
    """Overall accuracy and class areas in hectares, from the file, in plain arithmetic."""
    meta, _, _, values = pyogrio.raw.read(sample, layer="sample")
    fields = dict(zip(meta["fields"], values, strict=True))
    overall, areas = 0.0, np.zeros(3)
    for value in (1, 2, 3):
        here = (fields["stratum"] == value) & ~np.isnan(fields["reference_class"])
        weight = (mapped == value).sum()
        reference = fields["reference_class"][here]
        overall += weight * (reference == value).mean() / mapped.size
        areas += [weight * 0.01 * (reference == v).mean() for v in (1, 2, 3)]
    return overall, areas


def test_areas_that_rest_on_few_points_are_told(land: Path, draw: Callable[..., Path]) -> None:
    for fields, told in (({"size": 400, "minimum": 80}, False), ({"size": 24, "minimum": 8}, True)):
        report = land.with_name("report.html")
        figures, feedback = assess(land, draw(**fields), report=str(report))
        notes = [note for note in figures["area_estimates"]["notes"] if "few points" in note]
        assert bool(notes) == told
        assert [text for text in feedback.warnings if "few points" in text] == notes
        assert ("rest on few points" in report.read_text(encoding="utf-8")) == told


def test_estimates_stand_beside_the_counts(
    land: Path, mapped: np.ndarray, draw: Callable[..., Path], tmp_path: Path
) -> None:
    sample = draw(size=400, minimum=80)
    report, areas = tmp_path / "report.html", tmp_path / "areas.csv"
    figures, _ = assess(land, sample, report=str(report), areas=str(areas))
    overall, hectares = by_hand(mapped, sample)
    estimated = figures["area_estimates"]
    assert estimated["overall_accuracy"]["value"] == pytest.approx(overall)
    found = [c["area"]["value"] for c in estimated["classes"]]
    assert found == pytest.approx(hectares.tolist())
    assert [c["mapped_pixels"] for c in estimated["classes"]] == [
        (mapped == v).sum() for v in (1, 2, 3)
    ]
    assert estimated["unit"] == "ha" and estimated["area"] == pytest.approx(80)
    assert "Olofsson" in estimated["design"] and estimated["notes"] == []
    for item in estimated["classes"]:
        area = item["area"]
        assert area["lower"] < area["value"] < area["upper"]
        assert area["upper"] - area["value"] == pytest.approx(1.96 * area["standard_error"])
    # The counts are those of the points, each the same.
    matrix = np.array(figures["matrix"])
    assert matrix.sum() == figures["tested_pixels"] == 400
    assert figures["overall_accuracy"] == pytest.approx(np.trace(matrix) / 400)
    assert figures["overall_accuracy"] != pytest.approx(overall)

    rows = list(csv.DictReader(areas.read_text(encoding="utf-8").splitlines()))
    assert [row["name"] for row in rows] == ["Wald", "Gewässer", "Acker & Wiese", "All classes"]
    assert float(rows[1]["area_value"]) == pytest.approx(hectares[1])
    assert float(rows[3]["overall_accuracy_value"]) == pytest.approx(overall)
    cells = [float(row[f"reference_{v}"]) for row in rows[:3] for v in (1, 2, 3)]
    assert sum(cells) == pytest.approx(1)

    html = report.read_text(encoding="utf-8")
    assert "Accuracy and area, estimated from the sample" in html
    assert "Counted over the sample points" in html
    assert "Acker &amp; Wiese" in html and "<script" not in html
    assert "biased" in html and f"{100 * overall:.2f} %" in html


def test_the_class_field_of_our_samples_need_not_be_named(
    land: Path, draw: Callable[..., Path]
) -> None:
    figures, _ = assess(land, draw(size=300), class_field="")
    assert figures["area_estimates"]["points"] == 300


def test_a_sample_of_every_pixel_gives_the_truth(
    land: Path, truth: np.ndarray, mapped: np.ndarray, draw: Callable[..., Path]
) -> None:
    figures, _ = assess(land, draw(size=truth.size))
    estimated = figures["area_estimates"]
    assert estimated["overall_accuracy"]["value"] == pytest.approx((truth == mapped).mean())
    assert estimated["overall_accuracy"]["standard_error"] == 0
    assert [c["area"]["value"] for c in estimated["classes"]] == pytest.approx(
        [(truth == v).sum() * 0.01 for v in (1, 2, 3)]
    )


def test_another_map_of_the_area_is_assessed_by_stehman_s_estimators(
    land: Path,
    truth: np.ndarray,
    mapped: np.ndarray,
    draw: Callable[..., Path],
    write_scene: Callable[..., Path],
) -> None:
    other = np.where(np.random.default_rng(9).random(truth.shape) < 0.3, 3, truth)
    path = write_scene(other[None].astype(np.uint8), "other.tif", nodata=0)
    sample = draw(size=500)
    figures, _ = assess(path, sample)
    estimated = figures["area_estimates"]
    assert "Stehman" in estimated["design"]
    # The reference's areas do not depend on the map that is assessed.
    assert [c["area"]["value"] for c in estimated["classes"]] == pytest.approx(
        by_hand(mapped, sample)[1].tolist()
    )
    # Horvitz and Thompson: every point stands for stratum size over stratum points.
    meta, _, wkb, values = pyogrio.raw.read(sample, layer="sample")
    fields = dict(zip(meta["fields"], values, strict=True))
    xy = shapely.get_coordinates(shapely.from_wkb(wkb))
    here = other[((5_800_000 - xy[:, 1]) // 10).astype(int), ((xy[:, 0] - 5e5) // 10).astype(int)]
    points = {v: (fields["stratum"] == v).sum() for v in (1, 2, 3)}
    weight = np.array([1 / points[s] for s in fields["stratum"]]) * fields["stratum_pixels"]
    overall = weight[here == fields["reference_class"]].sum() / weight.sum()
    assert estimated["overall_accuracy"]["value"] == pytest.approx(overall)
    is_three = here == 3
    users = weight[is_three & (fields["reference_class"] == 3)].sum() / weight[is_three].sum()
    assert estimated["classes"][2]["users_accuracy"]["value"] == pytest.approx(users)

    hole = other.copy()
    hole[:40] = 0
    path = write_scene(hole[None].astype(np.uint8), "hole.tif", nodata=0)
    with pytest.raises(LabelsError, match="does not cover the area"):
        assess(path, sample)


def test_a_partial_interpretation_is_still_a_sample(
    land: Path, mapped: np.ndarray, draw: Callable[..., Path]
) -> None:
    sample = draw(size=400, only=200)
    figures, feedback = assess(land, sample)
    assert figures["area_estimates"]["points"] == 200
    assert figures["area_estimates"]["overall_accuracy"]["value"] == pytest.approx(
        by_hand(mapped, sample)[0]
    )
    assert any("200 of 400 sample points" in text for text in feedback.warnings)


def test_classes_that_the_map_does_not_know_are_errors_with_an_area(
    land: Path, truth: np.ndarray, draw: Callable[..., Path]
) -> None:
    values = truth.copy()
    values[:, :20] = 0  # none of the map's classes
    values[:, 20:40] = 9
    figures, _ = assess(land, draw(values, size=600))
    estimated = figures["area_estimates"]
    assert [c["name"] for c in estimated["classes"]] == [
        "Wald", "Gewässer", "Acker & Wiese", "None of these classes", "Class 9",
    ]  # fmt: skip
    shares = [c["area"]["value"] / 80 for c in estimated["classes"]]
    assert sum(shares) == pytest.approx(1)
    assert shares[3:] == pytest.approx([0.2, 0.2], abs=0.06)
    assert estimated["classes"][4]["users_accuracy"]["value"] is None
    assert estimated["classes"][4]["producers_accuracy"]["value"] == 0
    assert estimated["overall_accuracy"]["value"] < 0.65


def test_strata_without_points_and_with_one(
    land: Path, draw: Callable[..., Path], mapped: np.ndarray
) -> None:
    sample = draw(size=300)
    meta, _, wkb, values = pyogrio.raw.read(sample, layer="sample")
    names = list(meta["fields"])
    stratum = values[names.index("stratum")]
    kept = (stratum == 3) | (np.arange(300) == np.flatnonzero(stratum == 2)[0])
    path = sample.with_name("few.gpkg")
    fields = [column[kept] for column in values]
    place = names.index("reference_class")
    fields[place] = fields[place].astype(np.int32)
    pyogrio.raw.write(path, wkb[kept], fields, names, geometry_type="Point", crs=meta["crs"],
                      layer="sample", driver="GPKG")  # fmt: skip
    figures, feedback = assess(land, path)
    estimated = figures["area_estimates"]
    assert estimated["covered"] == pytest.approx((mapped != 1).mean())
    assert estimated["overall_accuracy"]["standard_error"] is None
    assert estimated["classes"][2]["users_accuracy"]["standard_error"] > 0
    first, second = estimated["notes"]
    assert "Wald" in first and "Gewässer" in second
    assert [text for text in feedback.warnings if text in estimated["notes"]] == [first, second]


@pytest.fixture
def simple(land: Path, truth: np.ndarray, write_labels: Callable[..., Path]) -> Callable[..., Path]:
    """A simple random sample from elsewhere, its classes by name."""

    def simple(names: tuple[str, ...] = ("Wald", "Gewässer", "Acker & Wiese")) -> Path:
        rng = np.random.default_rng(4)
        chosen = rng.choice(truth.size, size=600, replace=False)
        rows, columns = np.divmod(chosen, truth.shape[1])
        points = [
            shapely.Point(500_000 + 10 * c + 5, 5_800_000 - 10 * r - 5)
            for r, c in zip(rows, columns, strict=True)
        ]
        cover = [names[truth[r, c] - 1] for r, c in zip(rows, columns, strict=True)]
        return write_labels(points, "simple.gpkg", cover=cover)

    return simple


def test_a_simple_random_sample_from_elsewhere(
    land: Path, truth: np.ndarray, mapped: np.ndarray, simple: Callable[..., Path]
) -> None:
    path = simple()
    plain, _ = assess(land, path, class_field="cover")
    assert plain["area_estimates"] is None
    figures, _ = assess(land, path, class_field="cover", design="simple")
    assert figures["matrix"] == plain["matrix"]
    estimated = figures["area_estimates"]
    assert "poststratified" in estimated["design"]
    matrix = np.array(figures["matrix"])  # rows are the reference
    weights = np.array([(mapped == v).mean() for v in (1, 2, 3)])
    users = np.diag(matrix) / matrix.sum(axis=0)
    assert estimated["overall_accuracy"]["value"] == pytest.approx(weights @ users)


def test_a_class_by_name_that_the_map_lacks_counts_too(
    land: Path, simple: Callable[..., Path]
) -> None:
    path = simple(("Wald", "Gewässer", "Moor"))
    figures, _ = assess(land, path, class_field="cover", design="simple")
    names = [c["name"] for c in figures["area_estimates"]["classes"]]
    assert names == ["Wald", "Gewässer", "Acker & Wiese", "Moor"]
    assert figures["tested_pixels"] == 600


def test_a_stratified_sample_from_elsewhere(
    land: Path, mapped: np.ndarray, truth: np.ndarray, write_labels: Callable[..., Path]
) -> None:
    rng = np.random.default_rng(8)
    chosen = np.concatenate(
        [rng.choice(np.flatnonzero(mapped == v), size=60, replace=False) for v in (1, 2, 3)]
    )
    rows, columns = np.divmod(chosen, mapped.shape[1])
    points = [
        shapely.Point(500_005 + 10 * c, 5_799_995 - 10 * r)
        for r, c in zip(rows, columns, strict=True)
    ]
    reference = truth[rows, columns]
    strata = np.repeat(["Wald", "Gewässer", "Acker & Wiese"], 60).tolist()
    path = write_labels(points, "points.gpkg", kind=reference, stratum=strata)
    figures, _ = assess(land, path, class_field="kind", design="stratified")
    users = [(reference[i * 60 : i * 60 + 60] == i + 1).mean() for i in range(3)]
    found = [c["users_accuracy"]["value"] for c in figures["area_estimates"]["classes"]]
    assert found == pytest.approx(users)
    assert "as the user says" in figures["area_estimates"]["design"]
    wrong = write_labels(points, "wrong.gpkg", kind=reference, stratum=strata[::-1])
    with pytest.raises(LabelsError, match="stratified by something else"):
        assess(land, wrong, class_field="kind", design="stratified")


def test_polygons_are_no_sample(
    land: Path, write_labels: Callable[..., Path], tmp_path: Path
) -> None:
    box = shapely.box(500_000, 5_799_900, 500_100, 5_800_000)
    path = write_labels([box], kind=[1])
    with pytest.raises(LabelsError, match="no probability sample"):
        assess(land, path, class_field="kind", design="stratified")
    with pytest.raises(jobs.JobError, match="probability sample"):
        assess(land, path, class_field="kind", areas=str(tmp_path / "areas.csv"))
    report = tmp_path / "report.html"
    assess(land, path, class_field="kind", report=str(report))
    assert "no probability sample" in report.read_text(encoding="utf-8")


def test_contradictions_are_refused(land: Path, draw: Callable[..., Path]) -> None:
    sample = draw(size=300)
    for design in ("simple", "none"):
        with pytest.raises(jobs.JobError, match=f"'{design}' contradicts the reference"):
            assess(land, sample, design=design)
    with pytest.raises(jobs.JobError, match="'stratified' is about sample points"):
        run("assess", classification=land, reference_raster=land, design="stratified")


def test_sizes_that_differ_within_a_stratum_are_refused(
    land: Path, draw: Callable[..., Path]
) -> None:
    sample = draw(size=300)
    meta, _, wkb, values = pyogrio.raw.read(sample, layer="sample")
    names = list(meta["fields"])
    values[names.index("stratum_pixels")][0] += 1
    place = names.index("reference_class")
    values[place] = values[place].astype(np.int32)
    path = sample.with_name("mixed.gpkg")
    pyogrio.raw.write(path, wkb, values, names, geometry_type="Point", crs=meta["crs"],
                      layer="sample", driver="GPKG")  # fmt: skip
    with pytest.raises(LabelsError, match="several sizes"):
        assess(land, path)


def test_a_map_in_degrees_gives_hectares_on_the_ground(
    truth: np.ndarray, mapped: np.ndarray, write_scene: Callable[..., Path]
) -> None:
    # Half a degree a pixel: rows in the north are much smaller than those in the south.
    where = rasterio.Affine(0.5, 0, 10, 0, -0.5, 60)
    path = write_scene(mapped[None], "map.tif", nodata=0, crs="EPSG:4326", transform=where)
    sample = path.with_name("sample.gpkg")
    run("sampledesign", classification=path, sample=str(sample), size=mapped.size)
    figures, _ = assess(path, interpret(sample, truth, where))
    edges = np.radians(60 - 0.5 * np.arange(81))
    e2 = 0.00669437999014
    e = e2**0.5
    s = np.sin(edges)
    q = (1 - e2) * (s / (1 - e2 * s**2) - np.log((1 - e * s) / (1 + e * s)) / (2 * e))
    rows = -np.diff(q) / 2 * 6_378_137.0**2 * np.radians(0.5) / 10_000
    expected = [(rows[:, None] * (truth == v)).sum() for v in (1, 2, 3)]
    found = [c["area"]["value"] for c in figures["area_estimates"]["classes"]]
    assert found == pytest.approx(expected, rel=1e-9)


def test_design_and_assessment_are_repeated_from_their_records(
    land: Path, draw: Callable[..., Path], tmp_path: Path
) -> None:
    interpreted = draw(size=300, seed=5)
    areas = tmp_path / "areas.csv"
    assess(land, interpreted, areas=str(areas))
    # The sample itself is filled in by the user after it was drawn.
    shutil.copy(interpreted, land.with_name("sample.gpkg"))
    result, _ = run("rerun", record=str(record_path(land.with_name("sample.gpkg"))))
    assert result["compared"] == {"sample": "identical", "results": "identical"}
    result, _ = run("rerun", record=str(record_path(land.with_name("figures.json"))))
    assert result["compared"] == dict.fromkeys(("table", "areas", "results"), "identical")


def test_the_worked_example_on_a_map_of_its_size(
    tmp_path: Path, engine_environment: dict[str, str], write_labels: Callable[..., Path]
) -> None:
    """Olofsson et al. 2014, section 5: ten million Landsat pixels, on the command line."""
    pixels = [200_000, 150_000, 3_200_000, 6_450_000]
    counts = np.array([[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]])
    values = np.repeat(np.arange(1, 5, dtype=np.uint8), pixels)
    where = rasterio.Affine(30, 0, 500_000, 0, -30, 5_800_000)
    path = tmp_path / "map.tif"
    profile = {"driver": "GTiff", "width": 4000, "height": 2500, "count": 1, "dtype": "uint8"}
    with rasterio.open(path, "w", **profile, crs="EPSG:32633", transform=where) as dataset:
        dataset.write(values.reshape(1, 2500, 4000))
    starts = np.cumsum([0, *pixels[:-1]])
    chosen = np.concatenate([s + np.arange(n) for s, n in zip(starts, counts.sum(1), strict=True)])
    rows, columns = np.divmod(chosen, 4000)
    points = [
        shapely.Point(*(where @ (c + 0.5, r + 0.5))) for r, c in zip(rows, columns, strict=True)
    ]
    reference = np.concatenate([np.repeat(np.arange(1, 5), row) for row in counts])
    write_labels(points, "points.gpkg", reference=reference)
    done = subprocess.run(
        [sys.executable, "-m", "mambahsi", "assess", "--classification", "map.tif",
         "--reference", "points.gpkg", "--class_field", "reference", "--design", "stratified",
         "--areas", "areas.csv", "--table", "figures.json"],
        cwd=tmp_path, env=engine_environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    estimated = json.loads((tmp_path / "figures.json").read_text("utf-8"))["area_estimates"]
    areas = [c["area"] for c in estimated["classes"]]
    assert [round(a["value"]) for a in areas] == [21_158, 11_686, 285_770, 581_386]
    halves = [1.96 * a["standard_error"] for a in areas]
    assert [round(h) for h in halves] == [6_158, 3_756, 15_510, 16_282]
    assert round(estimated["overall_accuracy"]["value"], 2) == 0.95
    assert [c["mapped_area"] for c in estimated["classes"]] == [18_000, 13_500, 288_000, 580_500]
    with (tmp_path / "areas.csv").open(encoding="utf-8") as file:
        rows_read = list(csv.DictReader(file))
    assert [round(float(row["area_value"])) for row in rows_read[:4]] == [
        21_158, 11_686, 285_770, 581_386,
    ]  # fmt: skip


def test_a_class_of_the_table_that_the_map_has_no_pixel_of(
    land: Path, truth: np.ndarray, draw: Callable[..., Path]
) -> None:
    with rasterio.open(land, "r+") as dataset:
        table = json.loads(dataset.tags()[CLASSES_TAG])
        table.append({"value": 4, "name": "Moor", "color": "#aabbcc", "original": "3"})
        dataset.update_tags(**{CLASSES_TAG: json.dumps(table)})
    values = truth.copy()
    values[:20] = 4
    figures, _ = assess(land, draw(values, size=400))
    moor = figures["area_estimates"]["classes"][3]
    assert (moor["name"], moor["mapped_pixels"], moor["mapped_area"]) == ("Moor", 0, 0)
    assert moor["users_accuracy"]["value"] is None
    assert moor["area"]["value"] / 80 == pytest.approx(0.25, abs=0.06)
    assert figures["area_estimates"]["covered"] == 1
