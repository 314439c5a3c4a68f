"""The scene that is streamed, and a model for it.

Its spectra are those of Indian Pines, drawn anew for each pixel with noise, in patches of
classes, stretched to the number of bands asked for and written strip by strip. The model is
trained for some steps on a corner of it, so that its classes are decided as those of a real
model are, not by rounding.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio
import torch
from rasterio.windows import Window
from torch.nn.functional import cross_entropy

from benchmarks.common import models
from benchmarks.common.scenes import NOISE, patches, real_spectra
from mambahsi.network import MambaHSI, SceneGeometry
from mambahsi.normalization import PERCENTILES, Normalization
from mambahsi.runs.setup import network_arguments

STRIP = 100
CORNER = 128
"""Rows and columns that the model is trained on, at most."""
STEPS = 40


def write_scene(path: Path, rows: int, columns: int, bands: int) -> None:
    """Write a GeoTIFF of Int16, pixel by pixel, uncompressed."""
    known = [_stretched(spectra, bands) for spectra in real_spectra().values()]
    noise = np.concatenate(known).mean(axis=0) * np.float32(NOISE)
    index = patches(rows, columns, len(known))
    random = np.random.default_rng(0)
    profile = {
        "driver": "GTiff",
        "height": rows,
        "width": columns,
        "count": bands,
        "dtype": "int16",
        "interleave": "pixel",
        "bigtiff": "if_safer",
        "crs": "EPSG:32616",
        "transform": rasterio.Affine(20, 0, 496_000, 0, -20, 4_479_000),
    }
    with rasterio.open(path, "w", **profile) as scene:
        for top in range(0, rows, STRIP):
            part = index[top : top + STRIP]
            pixels = np.empty((*part.shape, bands), dtype=np.float32)
            for number, spectra in enumerate(known):
                here = part == number
                pixels[here] = spectra[random.integers(len(spectra), size=int(here.sum()))]
            pixels += random.standard_normal(pixels.shape, dtype=np.float32) * noise
            window = Window(0, top, columns, len(part))  # type: ignore[call-arg,unused-ignore]
            values = np.clip(pixels, 0, np.iinfo(np.int16).max).astype(np.int16)
            scene.write(np.moveaxis(values, 2, 0), window=window)


def copy_rows(source: Path, target: Path, rows: int) -> None:
    """Write the first rows of a scene as a file of its own."""
    with rasterio.open(source) as scene:
        profile = scene.profile | {"height": rows}
        with rasterio.open(target, "w", **profile) as part:
            for top in range(0, rows, STRIP):
                height = min(STRIP, rows - top)
                window = Window(0, top, scene.width, height)  # type: ignore[call-arg,unused-ignore]
                part.write(scene.read(window=window), window=window)


def write_model(path: Path, scene: Path, truth: np.ndarray, width: int) -> None:
    """Train on a corner of a scene whose classes are known, and write a model file.

    Args:
        path: The model file.
        scene: The scene.
        truth: Class index of its pixels; int64 (rows, columns).
        width: Width of the network.
    """
    truth = truth[:CORNER, :CORNER]
    with rasterio.open(scene) as file:
        corner = file.read(window=((0, truth.shape[0]), (0, truth.shape[1])))
    table = corner.reshape(len(corner), -1)
    normalization = Normalization(*np.percentile(table.astype(np.float64), PERCENTILES, axis=1))
    pixels = torch.from_numpy(np.ascontiguousarray(normalization.apply(table).T))
    names = real_spectra()
    arguments = network_arguments(len(corner), width, len(names), "both")
    torch.manual_seed(0)
    network = MambaHSI(**arguments)
    geometry = SceneGeometry(np.ones(truth.shape, dtype=bool))
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    for _ in range(STEPS):
        optimizer.zero_grad()
        logits = network.pixel_logits(pixels, geometry)
        cross_entropy(logits, torch.from_numpy(truth.ravel())).backward()
        optimizer.step()
    models.save(path, network, arguments, normalization, names)


def _stretched(spectra: np.ndarray, bands: int) -> np.ndarray:
    """Spectra at another number of bands, interpolated; float32 (pixels, bands)."""
    position = np.linspace(0, spectra.shape[1] - 1, bands)
    before = np.minimum(position.astype(int), spectra.shape[1] - 2)
    share = (position - before).astype(np.float32)
    return spectra[:, before] * (1 - share) + spectra[:, before + 1] * share
