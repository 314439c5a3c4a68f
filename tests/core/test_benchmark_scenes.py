"""Benchmark scenes: from the files that people have to a scene, polygons and a label raster."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.features
import scipy.io
import shapely
from affine import Affine
from benchmark_files import (
    WRITERS,
    make_cube,
    make_truth,
    write_mat5,
    write_mat73,
    write_npy,
)
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mambahsi.benchmark_scenes import ImportedScene, catalog, find_scene, import_scene
from mambahsi.benchmark_scenes.fields import Field, find_fields
from mambahsi.feedback import CollectingFeedback
from mambahsi.grid import Grid
from mambahsi.jobs import VectorSource
from mambahsi.labels import read_labels

SMALL = catalog["salinas_a"]
HOUSTON = catalog["houston_2013"]
TRANSFORM = Affine(2.5, 0, 274_000, 0, -2.5, 3_290_000)

label_maps = arrays(
    np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(0, 3)
)


def burn(fields: list[Field], shape: tuple[int, int], what: str = "class_id") -> np.ndarray:
    """Fields as pixels, by GDAL's own rule: a pixel belongs to the polygon of its center."""
    if not fields:
        return np.zeros(shape, np.uint8)
    return rasterio.features.rasterize(
        [(field.shape, getattr(field, what)) for field in fields],
        shape,
        transform=TRANSFORM,
        dtype="uint8",
    )


def read_back(imported: ImportedScene) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cube (rows, columns, bands), label raster, and polygons burned by the engine itself."""
    with rasterio.open(imported.scene) as dataset:
        cube = np.moveaxis(dataset.read(), 0, 2)
        grid = Grid(dataset.width, dataset.height, dataset.transform[:6], dataset.crs.to_wkt())
    with rasterio.open(imported.label_raster) as dataset:
        raster = dataset.read(1)
        assert Grid(
            dataset.width, dataset.height, dataset.transform[:6], dataset.crs.to_wkt()
        ) == grid  # fmt: skip
    labels = read_labels(
        VectorSource(str(imported.labels)),
        grid,
        imported.class_field,
        imported.name_field,
        imported.color_field,
        CollectingFeedback(),
    )
    known = {c.value: (c.name, c.color) for c in catalog[imported.key].classes}
    assert {c.value: (c.name, c.color) for c in labels.table}.items() <= known.items()
    return cube, raster, np.append(labels.table.values, 0)[labels.index]


@given(label_maps)
def test_fields_burn_back_to_the_label_map(values: np.ndarray) -> None:
    fields = find_fields(values, TRANSFORM)
    assert np.array_equal(burn(fields, values.shape), values)
    assert all(shapely.is_valid(field.shape) for field in fields)


@given(label_maps, st.integers(0, 2**32))
def test_fields_of_a_split_burn_back_to_classes_and_parts(values: np.ndarray, seed: int) -> None:
    parts = np.random.default_rng(seed).integers(1, 3, values.shape)
    parts = np.where(values > 0, parts, 0).astype(np.uint8)
    fields = find_fields(values, TRANSFORM, parts)
    assert np.array_equal(burn(fields, values.shape), values)
    assert np.array_equal(burn(fields, values.shape, "part"), parts)


@pytest.mark.parametrize("name", ["PaviaU", "Salinas", "Botswana"])
def test_real_label_maps_are_read_and_burn_back(
    name: str, real_scenes: Path, tmp_path: Path
) -> None:
    """The published label maps, beside a cube that is empty but of the true size."""
    path = real_scenes / "benchmark_ground_truth" / f"{name}_gt.mat"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    key = {"PaviaU": "pavia_university"}.get(name, name.lower())
    scene = catalog[key]
    write_npy(tmp_path / f"{name}.npy", "", np.zeros((scene.rows, scene.columns, 2), np.uint16))
    told = CollectingFeedback()
    files = find_scene(tmp_path / f"{name}.npy", key, ground_truth=path)
    _, raster, burned = read_back(import_scene(files, tmp_path / "out", told))
    truth = next(v for k, v in scipy.io.loadmat(path).items() if not k.startswith("__"))
    assert np.array_equal(raster, truth) and np.array_equal(burned, truth)
    # The pixels of each class are those that the catalog says.
    assert not [warning for warning in told.warnings if "usual ground truth" in warning]


@pytest.mark.parametrize("key", catalog)
def test_every_scene_is_told_by_its_size(key: str, tmp_path: Path) -> None:
    scene = catalog[key]
    for bands in scene.bands:
        # A file with a hole: as long as the true one, but nothing is written.
        size = (scene.rows, scene.columns, bands)
        np.lib.format.open_memmap(tmp_path / "cube.npy", "w+", np.uint16, size)
        np.save(tmp_path / "cube_gt.npy", np.zeros(size[:2], np.uint8))
        files = find_scene(tmp_path)
        assert (files.key, files.bands) == (key, bands)
        assert [label_map.array.path.name for label_map in files.labels] == ["cube_gt.npy"]


@pytest.mark.parametrize("key", catalog)
def test_every_scene_is_imported(key: str, tmp_path: Path) -> None:
    """All classes of all scenes, at their true size, with three bands."""
    scene = catalog[key]
    cube, truth = make_cube(scene, 3), make_truth(scene)
    write_mat5(tmp_path / "cube.mat", "data", cube)
    write_mat5(tmp_path / "gt.mat", "gt", truth)
    imported = import_scene(find_scene(tmp_path, key), tmp_path / "out")
    written, raster, burned = read_back(imported)
    assert np.array_equal(written, cube)
    assert np.array_equal(raster, truth) and np.array_equal(burned, truth)
    with rasterio.open(imported.scene) as dataset:
        assert dataset.dtypes[0] == "uint16"
        assert dataset.transform[0] == -dataset.transform[4] == scene.pixel_size
        assert "Nominal location" in dataset.tags()["TIFFTAG_IMAGEDESCRIPTION"]


@pytest.mark.parametrize("labels_form", ["mat5", "mat73", "envi"])
@pytest.mark.parametrize("form", WRITERS)
def test_every_format_gives_the_same_scene(form: str, labels_form: str, tmp_path: Path) -> None:
    cube, truth = make_cube(SMALL, 204), make_truth(SMALL)
    suffix, write = WRITERS[form]
    write(tmp_path / f"SalinasA_corrected{suffix}", "salinasA_corrected", cube)
    suffix, write = WRITERS[labels_form]
    write(tmp_path / f"SalinasA_gt{suffix}", "salinasA_gt", truth)
    written, raster, burned = read_back(import_scene(find_scene(tmp_path), tmp_path / "out"))
    assert written.dtype == np.uint16 and np.array_equal(written, cube)
    assert np.array_equal(raster, truth) and np.array_equal(burned, truth)


def test_a_square_scene_of_matlab_is_not_transposed(tmp_path: Path) -> None:
    """Where rows and columns are as many, sizes cannot tell; the file's own order must."""
    scene = catalog["indian_pines"]
    cube, truth = make_cube(scene, 200), make_truth(scene)
    write_mat73(tmp_path / "Indian_pines_corrected.mat", "indian_pines_corrected", cube)
    write_mat73(tmp_path / "Indian_pines_gt.mat", "indian_pines_gt", truth)
    written, raster, _ = read_back(import_scene(find_scene(tmp_path), tmp_path / "out"))
    assert np.array_equal(written, cube) and np.array_equal(raster, truth)


def test_an_import_is_made_again_only_if_its_sources_change(tmp_path: Path) -> None:
    write_npy(tmp_path / "a.npy", "", make_cube(SMALL, 204))
    write_npy(tmp_path / "a_gt.npy", "", make_truth(SMALL))
    imported = import_scene(find_scene(tmp_path), tmp_path / "out")
    before = imported.scene.stat().st_mtime_ns
    assert import_scene(find_scene(tmp_path), tmp_path / "out") == imported
    assert imported.scene.stat().st_mtime_ns == before
    write_npy(tmp_path / "a_gt.npy", "", make_truth(SMALL, seed=1))
    import_scene(find_scene(tmp_path), tmp_path / "out")
    assert np.array_equal(read_back(imported)[2], make_truth(SMALL, seed=1))
    imported.labels.write_bytes(b"damaged")
    import_scene(find_scene(tmp_path), tmp_path / "out")
    assert np.array_equal(read_back(imported)[2], make_truth(SMALL, seed=1))
