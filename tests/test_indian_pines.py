"""The demo's scene: what is downloaded arrives unchanged in scene and fields."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio

import indian_pines
from mambahsi.feedback import CollectingFeedback
from mambahsi.grid import Grid
from mambahsi.jobs import VectorSource
from mambahsi.labels import read_labels

NAMES = (
    "Alfalfa, Corn-notill, Corn-mintill, Corn, Grass-pasture, Grass-trees, Grass-pasture-mowed, "
    "Hay-windrowed, Oats, Soybean-notill, Soybean-mintill, Soybean-clean, Wheat, Woods, "
    "Buildings-Grass-Trees-Drives, Stone-Steel-Towers"
)


def test_the_engine_gets_cube_and_ground_truth(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    ground_truth = np.kron(rng.integers(0, 17, (29, 29)), np.ones((5, 5))).astype(np.uint8)
    cube = rng.integers(0, 9000, (*ground_truth.shape, 200)).astype(np.uint16)
    scene, fields = indian_pines.import_arrays(tmp_path, cube, ground_truth)
    # With both there, nothing is downloaded.
    assert indian_pines.prepare(tmp_path) == (scene, fields)

    with rasterio.open(scene) as dataset:
        assert np.array_equal(np.moveaxis(dataset.read(), 0, 2), cube)
        assert dataset.dtypes[0] == "uint16" and dataset.crs.to_epsg() == 32616
        assert "Nominal location" in dataset.tags()["TIFFTAG_IMAGEDESCRIPTION"]
        grid = Grid(dataset.width, dataset.height, dataset.transform[:6], dataset.crs.to_wkt())
    assert grid.transform == (20, 0, 496_000, 0, -20, 4_479_000)
    labels = read_labels(
        VectorSource(str(fields)), grid, "class_id", "class_name", "color", CollectingFeedback()
    )
    values = np.append(labels.table.values, 0)[labels.index]
    assert np.array_equal(values, ground_truth)
    assert labels.table.names == NAMES.split(", ")
    assert [c.color for c in labels.table][:2] == ["#b8e04a", "#ffd23f"]
