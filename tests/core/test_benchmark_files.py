"""Recognizing benchmark scenes among files, and refusing what is not one."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pyogrio
import pytest
import rasterio
import scipy.io
import shapely
from benchmark_files import (
    make_cube,
    make_truth,
    write_envi,
    write_mat5,
    write_mat73,
    write_npy,
    write_tif,
)
from rasterio.features import rasterize

from mambahsi import jobs, runs
from mambahsi.benchmark_scenes import catalog, find_scene, import_scene
from mambahsi.benchmark_scenes.recognize import SceneFiles
from mambahsi.errors import LabelsError, MambaHSIError, OutputError, SceneError
from mambahsi.feedback import CollectingFeedback

SMALL = catalog["salinas_a"]
HOUSTON = catalog["houston_2013"]


@pytest.fixture
def cube() -> np.ndarray:
    return make_cube(SMALL, 204)


@pytest.fixture
def truth() -> np.ndarray:
    return make_truth(SMALL)


def chosen(files: SceneFiles) -> tuple[str, list[tuple[str, str]]]:
    """Names of the cube's file and of the label maps' files with their parts."""
    return files.cube.path.name, [(m.array.path.name, m.part) for m in files.labels]


def written_type(path: Path) -> str:
    with rasterio.open(path) as dataset:
        return str(dataset.dtypes[0])


def test_the_jobs_know_all_scenes() -> None:
    assert set(jobs.BENCHMARK_SCENES) == set(catalog)


def test_class_tables_are_whole() -> None:
    for scene in catalog.values():
        colors = [c.color for c in scene.classes]
        assert len(set(colors)) == len(set(scene.classes.names)) == len(scene.classes)
        assert set(scene.pixels) in (set(), set(scene.classes.values))
        assert max(scene.natural_colors) <= min(scene.bands)


def test_the_usual_version_is_taken(tmp_path: Path, truth: np.ndarray) -> None:
    write_npy(tmp_path / "SalinasA.npy", "", make_cube(SMALL, 224))
    write_npy(tmp_path / "SalinasA_corrected.npy", "", make_cube(SMALL, 204))
    write_npy(tmp_path / "SalinasA_gt.npy", "", truth)
    assert chosen(find_scene(tmp_path)) == ("SalinasA_corrected.npy", [("SalinasA_gt.npy", "")])
    # A file that is named is taken, and its labels are found.
    named = find_scene(tmp_path / "SalinasA.npy")
    assert chosen(named) == ("SalinasA.npy", [("SalinasA_gt.npy", "")])


def test_bands_first_are_put_last(tmp_path: Path, cube: np.ndarray, truth: np.ndarray) -> None:
    write_npy(tmp_path / "a.npy", "", np.ascontiguousarray(cube.transpose(2, 0, 1)))
    write_npy(tmp_path / "gt.npy", "", truth[np.newaxis])
    imported = import_scene(find_scene(tmp_path), tmp_path / "out")
    with rasterio.open(imported.scene) as dataset:
        assert np.array_equal(dataset.read(), cube.transpose(2, 0, 1))
    with rasterio.open(imported.label_raster) as dataset:
        assert np.array_equal(dataset.read(1), truth)


def test_one_file_may_hold_all(tmp_path: Path, cube: np.ndarray, truth: np.ndarray) -> None:
    path = tmp_path / "all.mat"
    scipy.io.savemat(path, {"info": {"a": 1}, "X": cube, "Y": truth, "mean": cube.mean(2)})
    with pytest.raises(LabelsError, match=r"Y in all.mat.*mean in all.mat"):
        find_scene(path)
    files = find_scene(path, variable="X", ground_truth_variable="Y")
    assert files.labels[0].array.name == "Y"
    with pytest.raises(SceneError, match="no variable 'Z'"):
        find_scene(path, variable="Z")


@pytest.mark.parametrize(
    ("dtype", "change", "written"),
    [
        ("float64", 0, "uint16"),
        ("float32", 0, "uint16"),
        ("float64", -9000, "int16"),
        ("float64", 1e5, "uint32"),
        ("float64", 0.5, "float32"),
        ("float64", 0.1, "float64"),
        ("int64", 0, "uint16"),
        ("int16", 0, "int16"),
        ("int32", 0, "int32"),
    ],
)
def test_the_smallest_exact_type_is_written(
    dtype: str, change: float, written: str, tmp_path: Path, cube: np.ndarray, truth: np.ndarray
) -> None:
    stored = (cube + np.array(change, dtype)).astype(dtype)
    write_npy(tmp_path / "a.npy", "", stored)
    write_npy(tmp_path / "gt.npy", "", truth)
    imported = import_scene(find_scene(tmp_path), tmp_path / "out")
    assert written_type(imported.scene) == written
    with rasterio.open(imported.scene) as dataset:
        assert np.array_equal(dataset.read(), stored.transpose(2, 0, 1))


def test_a_place_that_is_known_is_kept(tmp_path: Path, cube: np.ndarray, truth: np.ndarray) -> None:
    transform = rasterio.Affine(3.5, 0.5, 600_000, 0.5, -3.5, 4_000_000)
    write_tif(tmp_path / "a.tif", "", cube, crs="EPSG:32611", transform=transform)
    write_npy(tmp_path / "gt.npy", "", truth)
    told = CollectingFeedback()
    imported = import_scene(find_scene(tmp_path), tmp_path / "out", told)
    for path in (imported.scene, imported.label_raster):
        with rasterio.open(path) as dataset:
            assert dataset.transform == transform and dataset.crs.to_epsg() == 32611
            assert "Nominal" not in dataset.tags()["TIFFTAG_IMAGEDESCRIPTION"]
    assert "Located as a.tif says." in told.logs


def test_what_was_imported_before_is_no_source(
    tmp_path: Path, cube: np.ndarray, truth: np.ndarray
) -> None:
    write_tif(tmp_path / "SalinasA_corrected.tif", "", cube)
    write_npy(tmp_path / "SalinasA_gt.npy", "", truth)
    before = find_scene(tmp_path)
    import_scene(before, tmp_path)
    assert find_scene(tmp_path) == before


# Houston 2013: labels in two parts ------------------------------------------------------------


def houston_parts() -> tuple[np.ndarray, np.ndarray]:
    """Labels of all classes, divided into a training and a test map."""
    truth = make_truth(HOUSTON)
    is_training = np.arange(truth.size).reshape(truth.shape) % 7 < 2
    return truth * is_training, truth * ~is_training


def write_regions(path: Path, labels: np.ndarray, headers_first: bool) -> None:
    """As ENVI writes regions of interest into text: columns and rows counted from 1."""
    headers, blocks = [], []
    for value in range(1, 16):
        rows, columns = np.nonzero(labels == value)
        headers.append(
            f"; ROI name: class_{value}\n; ROI rgb value: {{0, 205, 0}}\n; ROI npts: {len(rows)}\n"
        )
        blocks.append(
            "".join(
                f"{i + 1:6d} {c + 1:6d} {r + 1:6d} 271460.5 3290891.5 29.72 -95.36\n"
                for i, (r, c) in enumerate(zip(rows, columns, strict=True))
            )
        )
    parts = [*headers, ";   ID X Y Map X Map Y Lat Lon\n", "\n".join(blocks)]
    if not headers_first:
        parts = [f"{h};  ID X Y\n{b}\n" for h, b in zip(headers, blocks, strict=True)]
    size = f"{labels.shape[1]} x {labels.shape[0]}"
    path.write_text(
        "; ENVI Output of ROIs (4.8) [Fri Feb 15 2013]\n; Number of ROIs: 15\n"
        f"; File Dimension: {size}\n;\n" + "".join(parts)
    )


def roi_files(folder: Path, training: np.ndarray, test: np.ndarray) -> None:
    name = "2013_IEEE_GRSS_DF_Contest_Samples"
    write_regions(folder / f"{name}_TR.txt", training, headers_first=False)
    write_regions(folder / f"{name}_VA.txt", test, headers_first=True)


def mat_files(folder: Path, training: np.ndarray, test: np.ndarray) -> None:
    write_mat5(folder / "Houston2013_TR.mat", "TR_map", training)
    write_mat5(folder / "Houston2013_TE.mat", "TE_map", test)
    # A surface model is of the same size, but no labels.
    write_mat5(folder / "Houston2013_DSM.mat", "DSM", np.random.default_rng(0).random(test.shape))


@pytest.mark.parametrize("write", [roi_files, mat_files])
def test_a_split_into_two_maps_is_merged_and_kept(
    write: Callable[..., None], tmp_path: Path
) -> None:
    training, test = houston_parts()
    write_npy(tmp_path / "Houston.npy", "", make_cube(HOUSTON, 2))
    write(tmp_path, training, test)
    files = find_scene(tmp_path, "houston_2013")
    assert [label_map.part for label_map in files.labels] == ["training", "test"]
    told = CollectingFeedback()
    imported = import_scene(files, tmp_path / "out", told)
    with rasterio.open(imported.label_raster) as dataset:
        assert np.array_equal(dataset.read(1), training + test)
    counts = f"{np.count_nonzero(training):,} training and {np.count_nonzero(test):,} test"
    assert any(counts in line for line in told.logs)

    assert imported.part_field == "part"
    layer = pyogrio.read_info(imported.labels)
    assert list(layer["fields"]) == ["class_id", "class_name", "color", "part"]
    _, _, wkb, (values, parts) = pyogrio.raw.read(imported.labels, columns=["class_id", "part"])
    with rasterio.open(imported.scene) as dataset:
        transform = dataset.transform
    for name, expected in (("training", training), ("test", test)):
        shapes = zip(shapely.from_wkb(wkb[parts == name]), values[parts == name], strict=True)
        burned = rasterize(shapes, expected.shape, transform=transform, dtype="uint8")
        assert np.array_equal(burned, expected)


def test_two_maps_may_be_named(tmp_path: Path) -> None:
    training, test = houston_parts()
    test[0, 0], training[0, 0] = 3, 5
    write_npy(tmp_path / "x.npy", "", make_cube(HOUSTON, 2))
    write_tif(tmp_path / "first.tif", "", training)
    write_envi(tmp_path / "second.img", "", test)
    given = {"ground_truth": tmp_path / "first.tif", "test_ground_truth": tmp_path / "second.hdr"}
    told = CollectingFeedback()
    files = find_scene(tmp_path / "x.npy", "houston_2013", **given)
    imported = import_scene(files, tmp_path / "out", told)
    with rasterio.open(imported.label_raster) as dataset:
        assert dataset.read(1)[0, 0] == 0
    assert any("1 pixels have two classes" in warning for warning in told.warnings)
    with pytest.raises(LabelsError, match="without the training map"):
        find_scene(tmp_path / "x.npy", "houston_2013", test_ground_truth=tmp_path / "second.hdr")


def test_a_whole_map_goes_before_its_parts(tmp_path: Path) -> None:
    training, test = houston_parts()
    write_npy(tmp_path / "Houston.npy", "", make_cube(HOUSTON, 2))
    mat_files(tmp_path, training, test)
    write_mat5(tmp_path / "Houston_gt.mat", "Houston_gt", training + test)
    assert chosen(find_scene(tmp_path, "houston_2013"))[1] == [("Houston_gt.mat", "")]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda text: text.replace("     1      1      1 ", "     1   9999      1 ", 1), "9999"),
        (
            lambda text: text.replace("     1      1      1 ", "     1      x      1 ", 1),
            "no point",
        ),
        (lambda text: text[: len(text) // 2].rpartition("\n")[0], "truncated"),
        (lambda text: text.replace("; File Dimension", "; Dimension"), "File Dimension"),
    ],
)
def test_damaged_regions_are_refused(
    change: Callable[[str], str], told: str, tmp_path: Path
) -> None:
    labels = houston_parts()[0]
    labels[0, 0] = 1
    path = tmp_path / "labels.txt"
    write_regions(path, labels, headers_first=False)
    text = path.read_text()
    assert change(text) != text
    path.write_text(change(text))
    write_npy(tmp_path / "Houston.npy", "", make_cube(HOUSTON, 2))
    with pytest.raises(LabelsError) as caught:
        files = find_scene(tmp_path / "Houston.npy", "houston_2013", ground_truth=path)
        import_scene(files, tmp_path / "out")
    assert told in str(caught.value)
    assert not list((tmp_path / "out").glob("*"))


# What is refused ------------------------------------------------------------------------------


def test_a_size_that_no_scene_has_is_told(tmp_path: Path) -> None:
    write_mat5(tmp_path / "PaviaU.mat", "paviaU", np.zeros((600, 340, 103), np.uint8))
    with pytest.raises(SceneError) as caught:
        find_scene(tmp_path / "PaviaU.mat")
    assert "paviaU in PaviaU.mat (600 x 340 x 103, uint8)" in str(caught.value)
    assert "Pavia University 610 x 340 x 103" in str(caught.value)


def test_another_number_of_bands_needs_the_scene_s_name(tmp_path: Path, truth: np.ndarray) -> None:
    write_npy(tmp_path / "a.npy", "", make_cube(SMALL, 30))
    write_npy(tmp_path / "a_gt.npy", "", truth)
    with pytest.raises(SceneError, match="83 rows, 86 columns and 204 or 224 bands.*salinas_a"):
        find_scene(tmp_path)
    told = CollectingFeedback()
    import_scene(find_scene(tmp_path, "salinas_a"), tmp_path / "out", told)
    assert any("usually has 204 or 224 bands" in warning for warning in told.warnings)


def test_exchanged_axes_are_told(tmp_path: Path, cube: np.ndarray) -> None:
    write_npy(tmp_path / "a.npy", "", cube.transpose(1, 0, 2))
    with pytest.raises(SceneError, match="rows before columns"):
        find_scene(tmp_path)


def test_labels_are_looked_for_in_subfolders_of_a_folder_alone(
    tmp_path: Path, cube: np.ndarray, truth: np.ndarray
) -> None:
    (tmp_path / "labels").mkdir()
    write_npy(tmp_path / "a.npy", "", cube)
    write_npy(tmp_path / "labels" / "a_gt.npy", "", truth)
    assert chosen(find_scene(tmp_path)) == ("a.npy", [("a_gt.npy", "")])
    # Beside a single file anything may lie, so no more than its own folder is looked through.
    with pytest.raises(LabelsError, match="No label map"):
        find_scene(tmp_path / "a.npy")
    with pytest.raises(SceneError, match="No file is given"):
        find_scene("")


def test_several_scenes_and_several_cubes_are_told(
    tmp_path: Path, cube: np.ndarray, truth: np.ndarray
) -> None:
    write_npy(tmp_path / "gt.npy", "", truth)
    write_npy(tmp_path / "a.npy", "", cube)
    write_npy(tmp_path / "b.npy", "", cube)
    with pytest.raises(SceneError, match=r"Several arrays.*a\.npy.*b\.npy"):
        find_scene(tmp_path)
    write_npy(tmp_path / "b.npy", "", np.zeros((145, 145, 200), np.uint8))
    with pytest.raises(SceneError, match="Several benchmark scenes"):
        find_scene(tmp_path)
    assert find_scene(tmp_path, "salinas_a").cube.path.name == "a.npy"
    with pytest.raises(SceneError, match="atlantis"):
        find_scene(tmp_path, "atlantis")


def test_labels_that_are_missing_or_several_are_told(
    tmp_path: Path, cube: np.ndarray, truth: np.ndarray
) -> None:
    write_npy(tmp_path / "a.npy", "", cube)
    with pytest.raises(LabelsError, match="No label map of Salinas-A"):
        find_scene(tmp_path)
    write_npy(tmp_path / "x_gt.npy", "", truth)
    write_npy(tmp_path / "y_gt.npy", "", truth)
    with pytest.raises(LabelsError, match=r"x_gt\.npy.*y_gt\.npy"):
        find_scene(tmp_path)
    assert chosen(find_scene(tmp_path, ground_truth=tmp_path / "y_gt.npy"))[1] == [("y_gt.npy", "")]
    write_npy(tmp_path / "z.npy", "", truth[1:])
    with pytest.raises(LabelsError, match=r"83 rows and 86 columns; found z\.npy \(82 x 86"):
        find_scene(tmp_path / "a.npy", ground_truth=tmp_path / "z.npy")


@pytest.mark.parametrize(
    ("value", "told"), [(2, "no class of Salinas-A: 2."), (200, "200"), (0.5, "fractions"),
                        (np.nan, "NaN"), (-1, "-1")]
)  # fmt: skip
def test_labels_of_another_scene_are_refused(
    value: float, told: str, tmp_path: Path, cube: np.ndarray, truth: np.ndarray
) -> None:
    wrong = truth.astype(float)
    wrong[5, 6] = value
    write_npy(tmp_path / "a.npy", "", cube)
    write_npy(tmp_path / "a_gt.npy", "", wrong)
    with pytest.raises(LabelsError) as caught:
        import_scene(find_scene(tmp_path), tmp_path / "out")
    assert told in str(caught.value)
    write_npy(tmp_path / "a_gt.npy", "", truth * 0)
    with pytest.raises(LabelsError, match="empty"):
        import_scene(find_scene(tmp_path), tmp_path / "out")
    assert not list((tmp_path / "out").glob("*"))


def test_another_ground_truth_is_told(tmp_path: Path) -> None:
    scene = catalog["ksc"]
    write_npy(tmp_path / "KSC.npy", "", make_cube(scene, 2))
    truth = make_truth(scene)
    truth[truth == 13] = 0
    write_npy(tmp_path / "KSC_gt.npy", "", truth)
    told = CollectingFeedback()
    import_scene(find_scene(tmp_path, "ksc"), tmp_path / "out", told)
    assert "Classes without any pixel: Water." in told.warnings
    assert any("Water 0 instead of 927" in warning for warning in told.warnings)


@pytest.mark.parametrize("strange", [np.nan, np.inf])
def test_a_cube_with_holes_is_refused(
    strange: float, tmp_path: Path, cube: np.ndarray, truth: np.ndarray
) -> None:
    broken = cube.astype(np.float32)
    broken[70, 3, 99] = strange
    write_mat73(tmp_path / "a.mat", "a", broken)
    write_npy(tmp_path / "a_gt.npy", "", truth)
    with pytest.raises(SceneError, match="row 70, column 3, band 99"):
        import_scene(find_scene(tmp_path), tmp_path / "out")
    assert not list((tmp_path / "out").glob("*"))


class _Harmful:
    def __reduce__(self) -> tuple[object, tuple[str, ...]]:
        return Path.touch, (Path("executed"),)


def test_python_objects_are_never_loaded(
    tmp_path: Path, truth: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    harmful = np.full((83, 86, 204), None)
    harmful[0, 0, 0] = _Harmful()
    np.save(tmp_path / "SalinasA.npy", harmful, allow_pickle=True)
    (tmp_path / "SalinasA.mat").write_bytes(pickle.dumps(_Harmful()))
    (tmp_path / "SalinasA.pkl").write_bytes(pickle.dumps(_Harmful()))
    write_npy(tmp_path / "SalinasA_gt.npy", "", truth)
    for name in ("SalinasA.npy", "SalinasA.mat", "SalinasA.pkl"):
        with pytest.raises(SceneError, match=f"{name} cannot be read"):
            find_scene(tmp_path / name)
    with pytest.raises(SceneError, match="Not readable"):
        find_scene(tmp_path)
    assert not (tmp_path / "executed").exists()


def test_what_holds_no_real_numbers_is_refused(tmp_path: Path, truth: np.ndarray) -> None:
    write_npy(tmp_path / "gt.npy", "", truth)
    small = np.zeros((83, 86, 204), np.complex64)
    np.save(tmp_path / "complex.npy", small)
    np.save(tmp_path / "logical.npy", small.astype(bool))
    scipy.io.savemat(tmp_path / "logical.mat", {"a": small.astype(bool)})
    with h5py.File(tmp_path / "cells73.mat", "w") as file:
        cells = file.create_dataset("a", (204, 86, 83), h5py.ref_dtype)
        cells.attrs["MATLAB_class"] = np.bytes_("cell")
    with h5py.File(tmp_path / "odd73.mat", "w") as file:
        odd = file.create_dataset("a", (204, 86, 83), np.uint8)
        odd.attrs["MATLAB_class"] = np.bytes_("(3,")  # no type, and no Python either
    scipy.io.savemat(tmp_path / "complex.mat", {"a": small})
    for name in ("complex.npy", "logical.npy", "logical.mat", "cells73.mat", "odd73.mat"):
        with pytest.raises(SceneError, match="no real numbers"):
            find_scene(tmp_path / name)
    with pytest.raises(SceneError, match="complex"):
        import_scene(find_scene(tmp_path / "complex.mat"), tmp_path / "out")


@pytest.mark.parametrize("suffix", [".mat", ".npy", ".tif", ".bsq"])
def test_damaged_files_are_named(
    suffix: str, tmp_path: Path, cube: np.ndarray, truth: np.ndarray
) -> None:
    writers = {".mat": write_mat5, ".npy": write_npy, ".tif": write_tif, ".bsq": write_envi}
    path = tmp_path / f"cube{suffix}"
    writers[suffix](path, "cube", cube)
    write_npy(tmp_path / "gt.npy", "", truth)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(SceneError) as caught:
        import_scene(find_scene(path), tmp_path / "out")
    assert f"cube{suffix}" in str(caught.value)
    with pytest.raises(SceneError, match="does not exist"):
        find_scene(tmp_path / f"missing{suffix}")
    assert not list((tmp_path / "out").glob("*"))


def test_an_import_is_repeated_from_its_record(
    tmp_path: Path, cube: np.ndarray, truth: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A folder that is called as the scene is: one text is a path, the other is not.
    folder = tmp_path / "salinas_a"
    folder.mkdir()
    write_mat5(folder / "cube.mat", "a", cube)
    write_npy(folder / "cube_gt.npy", "b", truth)
    monkeypatch.chdir(tmp_path)
    job = {"job": "importbenchmark", "input": "salinas_a", "dataset": "salinas_a",
           "scene": "s.tif", "labels": "l.gpkg", "reference_raster": "r.tif"}  # fmt: skip
    runs.run(jobs.from_json(job), CollectingFeedback())
    record = json.loads((tmp_path / "s.tif.record.json").read_text(encoding="utf-8"))
    assert record["job"]["input"] == str(folder) and record["job"]["dataset"] == "salinas_a"
    assert {Path(file["path"]).name for file in record["inputs"]} == {"cube.mat", "cube_gt.npy"}
    monkeypatch.chdir(folder)
    again = {"job": "rerun", "record": str(tmp_path / "s.tif.record.json")}
    result = runs.run(jobs.from_json(again), CollectingFeedback())
    compared = ("scene", "labels", "reference_raster", "results")
    assert result["compared"] == dict.fromkeys(compared, "identical")
    assert (tmp_path / "s.tif.rerun" / "l.gpkg").exists()


def test_the_job_writes_what_it_is_asked_for(
    tmp_path: Path, cube: np.ndarray, truth: np.ndarray
) -> None:
    write_mat5(tmp_path / "cube.mat", "a", cube)
    write_mat73(tmp_path / "cube_gt.mat", "b", truth)
    out = tmp_path / "out"
    out.mkdir()
    job = {"job": "importbenchmark", "input": str(tmp_path), "scene": str(out / "s.tif")}
    result = runs.run(jobs.from_json(job), CollectingFeedback())
    assert {path.name for path in out.iterdir()} == {
        "s.tif", "s.qml", "s.tif.record.json"
    }  # fmt: skip
    assert result["dataset"] == "salinas_a" and result["labels"] == ""
    assert result["labeled_pixels"] == np.count_nonzero(truth)

    job |= {"labels": str(out / "l.gpkg"), "reference_raster": str(out / "r.tif")}
    result = runs.run(jobs.from_json(job), CollectingFeedback())
    assert len(pyogrio.raw.read(out / "l.gpkg")[2]) == result["polygons"]

    with pytest.raises(OutputError, match="overwrite an input"):
        runs.run(jobs.from_json({**job, "scene": str(tmp_path / "cube.mat")}), CollectingFeedback())
    with pytest.raises(jobs.JobError, match="atlantis"):
        jobs.from_json({**job, "dataset": "atlantis"})
    with pytest.raises(MambaHSIError, match="needs 512 rows"):
        runs.run(jobs.from_json({**job, "dataset": "salinas"}), CollectingFeedback())
