"""Fixtures of the engine's tests."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from rasterio.transform import from_origin

from mambahsi import cancellation

NODATA = -999
PIXEL = 30.0
WEST, NORTH = 300_000.0, 5_800_000.0


@dataclass(frozen=True)
class TinyScene:
    """A georeferenced scene of a few hundred pixels with labelled fields.

    Attributes:
        folder: Where the files lie; its name has a space and a letter beyond ASCII.
        scene: GeoTIFF, int16, with some nodata.
        labels: GeoPackage with four fields of each of three classes, of text.
        cube: What the scene holds; int16 (bands, rows, columns).
    """

    folder: Path
    scene: Path
    labels: Path
    cube: np.ndarray

    def train_job(self, **changes: Any) -> dict[str, Any]:
        """A training that takes seconds, as plain values."""
        return {
            "job": "train",
            "scene": {"path": str(self.scene)},
            "labels": {"path": str(self.labels)},
            "class_field": "class",
            "model": str(self.folder / "model.safetensors"),
            "preset": "compact",
            "epochs": 3,
            "threads": 1,
            **changes,
        }

    def temporary_files(self) -> list[str]:
        """Names in the folder that only unfinished outputs have."""
        return [path.name for path in self.folder.iterdir() if path.name.startswith(".")]


def write_raster(
    path: Path,
    cube: np.ndarray,
    *,
    nodata: float | None = NODATA,
    wavelengths: list[float] | None = None,
) -> Path:
    """Write bands, rows, columns on the tiny scene's grid."""
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=cube.shape[0],
        height=cube.shape[1],
        width=cube.shape[2],
        dtype=cube.dtype,
        nodata=nodata,
        crs="EPSG:32633",
        transform=from_origin(WEST, NORTH, PIXEL, PIXEL),
    ) as dataset:
        dataset.write(cube)
        for band, wavelength in enumerate(wavelengths or [], start=1):
            dataset.update_tags(band, wavelength=str(wavelength), wavelength_units="nm")
    return path


@pytest.fixture(name="write_raster")
def write_raster_fixture() -> Callable[..., Path]:
    """:func:`write_raster`."""
    return write_raster


@pytest.fixture
def tiny(tmp_path: Path) -> TinyScene:
    """A scene of 20 rows, 24 columns and 8 bands, with labels."""
    folder = tmp_path / "Gelände 1"
    folder.mkdir()
    generator = np.random.default_rng(0)
    classes = np.add.outer(np.arange(20) // 5, np.arange(24) // 8) % 3
    slopes = np.linspace(100, 2000, 8)[:, None, None]
    cube = (generator.random((8, 20, 24)) * 300 + classes * slopes).astype(np.int16)
    cube[:, 3:6, 5:9] = NODATA
    boxes, names = [], []
    for row in range(4):
        for column in range(3):
            west, south = WEST + PIXEL * (column * 8 + 1), NORTH - PIXEL * (row * 5 + 4)
            boxes.append(shapely.box(west, south, west + 6 * PIXEL, south + 3 * PIXEL))
            names.append(["Wald", "Wasser", "Äcker"][(row + column) % 3])
    pyogrio.raw.write(
        folder / "labels.gpkg",
        geometry=shapely.to_wkb(np.array(boxes)),
        field_data=[np.array(names, dtype=object)],
        fields=["class"],
        layer="fields",
        driver="GPKG",
        geometry_type="Polygon",
        crs="EPSG:32633",
    )
    return TinyScene(
        folder, write_raster(folder / "scene.tif", cube), folder / "labels.gpkg", cube
    )


@pytest.fixture
def engine_environment() -> dict[str, str]:
    """Environment of an engine process that runs this checkout."""
    core = Path(__file__).resolve().parents[2] / "core"
    return {**os.environ, "PYTHONPATH": str(core), "PYTHONUTF8": "1"}


@pytest.fixture(autouse=True)
def _no_cancel_from_before() -> Iterator[None]:
    cancellation.reset()
    yield
    cancellation.reset()
