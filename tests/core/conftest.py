"""Small georeferenced scenes and layers, written to real files, and the real test scenes."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from hypothesis import settings
from rasterio.errors import NotGeoreferencedWarning
from rasterio.transform import Affine

from mambahsi import cancellation
from mambahsi.scan import set_threads

# How long an example takes says more about the machine and its load than about the engine.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

UTM = "EPSG:32633"
NORTH_UP = Affine(10.0, 0.0, 500_000.0, 0.0, -10.0, 5_800_000.0)


@pytest.fixture(scope="session")
def indian_pines() -> tuple[np.ndarray, np.ndarray]:
    """Cube (rows, columns, bands) and ground truth (rows, columns), downloaded once."""
    import indian_pines as scene

    path = Path(__file__).parents[2] / "build" / "test_data" / "indian_pines.npz"
    if not path.exists():
        try:
            cube, truth = scene.fetch()
        except SystemExit as error:
            pytest.skip(f"Indian Pines is not there: {error}")
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{os.getpid()}.npz")
        np.savez(partial, cube=cube, truth=truth)
        partial.replace(path)
    with np.load(path) as content:
        return content["cube"], content["truth"]


@pytest.fixture
def write_scene(tmp_path: Path) -> Callable[..., Path]:
    """Write an array (bands, rows, columns) as a raster; returns its path.

    The scene is north up, with pixels of 10 m and its corner at (500000, 5800000) in UTM
    zone 33 N. ``transform=None, crs=None`` writes none of both.
    """

    def write(
        data: np.ndarray,
        name: str = "scene.tif",
        *,
        crs: str | None = UTM,
        transform: Affine | None = NORTH_UP,
        band_tags: Sequence[dict[str, str]] = (),
        **options: Any,
    ) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        options.setdefault("driver", "GTiff")
        if transform is not None:
            options["transform"] = transform
        count, height, width = data.shape
        options |= {"width": width, "height": height, "count": count, "dtype": data.dtype}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path, "w", crs=crs, **options) as dataset:
                dataset.write(data)
                for band, tags in enumerate(band_tags, start=1):
                    dataset.update_tags(band, **tags)
        return path

    return write


@pytest.fixture
def write_labels(tmp_path: Path) -> Callable[..., Path]:
    """Write geometries with fields as a vector layer; returns its path."""

    def write(
        geometries: Sequence[shapely.Geometry | None],
        filename: str = "labels.gpkg",
        /,
        *,
        crs: str | None = UTM,
        layer: str = "labels",
        driver: str | None = None,
        append: bool = False,
        **fields: Sequence[Any],
    ) -> Path:
        path = tmp_path / filename
        path.parent.mkdir(parents=True, exist_ok=True)
        values, masks = [], []
        for column in fields.values():
            missing = np.array([value is None for value in column])
            if all(value is None or isinstance(value, str) for value in column):
                values.append(np.array(column, dtype=object))
            else:
                values.append(np.array([0 if value is None else value for value in column]))
            masks.append(missing)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "'crs' was not provided")
            pyogrio.raw.write(
                path,
                shapely.to_wkb(np.array(geometries, dtype=object)),
                values,
                list(fields),
                field_mask=masks,
                geometry_type="Unknown",
                crs=crs,
                layer=layer,
                driver=driver,
                append=append,
            )
        return path

    return write


@pytest.fixture(scope="session")
def real_scenes() -> Path:
    """Folder of the real test scenes; skips where it is absent."""
    root = Path(__file__).parents[2]
    folder = Path(os.environ.get("MAMBAHSI_TEST_DATA", root.parent / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip(f"the real test scenes are not in {folder}; set MAMBAHSI_TEST_DATA")
    return folder


@dataclass(frozen=True)
class TinyScene:
    """A georeferenced scene of a few hundred pixels with labeled fields, to train on.

    Attributes:
        folder: Where the files lie; its name has a space and a letter beyond ASCII.
        scene: GeoTIFF, int16, with some nodata.
        labels: GeoPackage with four fields of each of three classes, of text.
        cube: What the scene holds; int16 (bands, rows, columns).
        nodata: Its nodata value.
    """

    folder: Path
    scene: Path
    labels: Path
    cube: np.ndarray
    nodata: int = -999

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


@pytest.fixture
def tiny(
    tmp_path: Path, write_scene: Callable[..., Path], write_labels: Callable[..., Path]
) -> TinyScene:
    """A scene of 20 rows, 24 columns and 8 bands, with labels."""
    generator = np.random.default_rng(0)
    classes = np.add.outer(np.arange(20) // 5, np.arange(24) // 8) % 3
    slopes = np.linspace(100, 2000, 8)[:, None, None]
    cube = (generator.random((8, 20, 24)) * 300 + classes * slopes).astype(np.int16)
    cube[:, 3:6, 5:9] = TinyScene.nodata
    boxes, names = [], []
    for row in range(4):
        for column in range(3):
            west, south = NORTH_UP @ (column * 8 + 1, row * 5 + 4)
            boxes.append(shapely.box(west, south, west + 60, south + 30))
            names.append(["Wald", "Wasser", "Äcker"][(row + column) % 3])
    folder = tmp_path / "Gelände 1"
    scene = write_scene(cube, "Gelände 1/scene.tif", nodata=TinyScene.nodata)
    labels = write_labels(boxes, "Gelände 1/labels.gpkg", **{"class": names})
    return TinyScene(folder, scene, labels, cube)


@pytest.fixture
def engine_environment() -> dict[str, str]:
    """Environment of an engine process that runs this checkout."""
    core = Path(__file__).resolve().parents[2] / "core"
    return {**os.environ, "PYTHONPATH": str(core), "PYTHONUTF8": "1"}


@pytest.fixture(autouse=True)
def _nothing_from_before() -> Iterator[None]:
    """A test that cancels, or sets the number of threads, leaves nothing to the next."""
    cancellation.reset()
    yield
    cancellation.reset()
    set_threads()
