"""The benchmark scene's fields: nothing of the ground truth is lost or added."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.features
import scipy.io
import shapely
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import indian_pines
from mambahsi.feedback import CollectingFeedback
from mambahsi.grid import Grid
from mambahsi.jobs import VectorSource
from mambahsi.labels import read_labels

TEST_DATA = Path(os.environ.get("MAMBAHSI_TEST_DATA", Path(__file__).parents[2] / "shared"))

ground_truths = arrays(
    np.uint8,
    st.tuples(st.integers(1, 12), st.integers(1, 12)),
    elements=st.integers(0, 3),
)


def burn(fields: list[indian_pines.Field], shape: tuple[int, int]) -> np.ndarray:
    if not fields:
        return np.zeros(shape, np.uint8)
    return rasterio.features.rasterize(
        [(field.shape, field.class_id) for field in fields],
        shape,
        transform=indian_pines.TRANSFORM,
        dtype="uint8",
    )


@given(ground_truths)
def test_fields_burn_back_to_the_ground_truth(ground_truth: np.ndarray) -> None:
    fields = indian_pines.fields(ground_truth)
    assert np.array_equal(burn(fields, ground_truth.shape), ground_truth)
    assert all(shapely.is_valid(field.shape) for field in fields)


@pytest.mark.parametrize("name", ["PaviaU", "Salinas", "Botswana"])
def test_real_label_maps_burn_back(name: str) -> None:
    path = TEST_DATA / "data" / "benchmark_ground_truth" / f"{name}_gt.mat"
    if not path.exists():
        pytest.skip(f"{path} is not there; MAMBAHSI_TEST_DATA names the folder of test scenes")
    ground_truth = next(
        value for key, value in scipy.io.loadmat(path).items() if not key.startswith("__")
    )
    fields = indian_pines.fields(ground_truth)
    assert np.array_equal(burn(fields, ground_truth.shape), ground_truth)


def test_layer_gives_the_engine_the_ground_truth(tmp_path: Path) -> None:
    """The written layer, read by the engine on the written scene's grid."""
    rng = np.random.default_rng(0)
    ground_truth = np.kron(rng.integers(0, 17, (5, 6)), np.ones((4, 3))).astype(np.uint8)
    cube = rng.integers(0, 9000, (*ground_truth.shape, 3)).astype(np.uint16)
    scene, layer = tmp_path / "scene.tif", tmp_path / "fields.gpkg"
    indian_pines.write_scene(scene, cube)
    indian_pines.write_labels(layer, indian_pines.fields(ground_truth))

    with rasterio.open(scene) as dataset:
        assert np.array_equal(np.moveaxis(dataset.read(), 0, 2), cube)
        assert "Nominal location" in dataset.tags()["TIFFTAG_IMAGEDESCRIPTION"]
        grid = Grid(dataset.width, dataset.height, dataset.transform[:6], dataset.crs.to_wkt())
    labels = read_labels(
        VectorSource(str(layer)), grid, "class_id", "class_name", "color", CollectingFeedback()
    )
    values = np.append(labels.table.values, 0)[labels.index]
    assert np.array_equal(values, ground_truth)
    assert [(c.name, c.color) for c in labels.table] == [
        indian_pines.CLASSES[c.value] for c in labels.table
    ]
