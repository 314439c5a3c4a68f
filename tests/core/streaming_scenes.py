"""Scenes and models to stream, and what the network gives for them in memory."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import torch
from rasterio.errors import NotGeoreferencedWarning

from mambahsi.certainty import to_probabilities
from mambahsi.classes import ClassTable
from mambahsi.feedback import Feedback
from mambahsi.jobs import RasterSource
from mambahsi.model_file import ModelFile, save_model
from mambahsi.network import MambaHSI, SceneGeometry
from mambahsi.normalization import Normalization
from mambahsi.pixels import read_pixels
from mambahsi.runs.setup import network_arguments
from mambahsi.scene import Scene
from mambahsi.streaming.grids import Grids
from mambahsi.streaming.levels import LevelReader
from mambahsi.streaming.maps import predict_windows
from mambahsi.streaming.passes import Passes
from mambahsi.streaming.plan import ReadPlan, StreamPlan
from mambahsi.streaming.spool import Spool

NODATA = -999


def make_cube(bands: int, rows: int, columns: int, seed: int = 0) -> np.ndarray:
    """Fields of five kinds, with noise; int16 (bands, rows, columns), without nodata."""
    generator = np.random.default_rng(seed)
    spectra = generator.integers(500, 3500, (5, bands)).astype(np.int16)
    kinds = np.add.outer(np.arange(rows) // 6, np.arange(columns) // 7) % 5
    noise = generator.integers(-400, 400, (bands, rows, columns)).astype(np.int16)
    return spectra[kinds].transpose(2, 0, 1) + noise


def punch(cube: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The cube with nodata where the mask holds, each pixel in one band at least."""
    cube = cube.copy()
    rows, columns = np.nonzero(mask)
    cube[(rows + columns) % len(cube), rows, columns] = NODATA
    return cube


def write(path: Path, cube: np.ndarray, **options: Any) -> Path:
    """Write a scene, as GeoTIFF unless told otherwise."""
    count, height, width = cube.shape
    profile = {"driver": "GTiff", "nodata": NODATA, "dtype": cube.dtype, **options}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(
            path, "w", width=width, height=height, count=count, **profile
        ) as dataset:
            dataset.write(cube)
    return path


def make_network(bands: int, width: int = 8, classes: int = 5, **arguments: Any) -> MambaHSI:
    """A network whose probabilities differ from pixel to pixel as a trained one's do."""
    torch.manual_seed(3)
    network = MambaHSI(bands, width, classes, **arguments).eval()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith(("proj.0.weight", "proj.0.bias", "embedding.1.bias")):
                parameter.add_(torch.randn_like(parameter) * 0.3)
        last = network.cls_head[3]
        last.weight.sub_(last.weight.mean(1, keepdim=True)).mul_(10)
        last.bias.zero_()
    return network


def normalization(bands: int) -> Normalization:
    """Constants that clip a part of the values."""
    return Normalization(np.linspace(300, 800, bands), np.linspace(3000, 3600, bands))


def write_model(path: Path, bands: int, width: int, **arguments: Any) -> Path:
    """A model file for :func:`make_network`'s network."""
    network = make_network(bands, width, **arguments)
    rows = [
        {"value": n + 1, "name": f"class {n}", "color": f"#0000{n:02x}", "original": str(n)}
        for n in range(5)
    ]
    names = ("wavelengths", "fwhm")
    save_model(
        path,
        ModelFile(
            weights=network.state_dict(),
            network=network_arguments(bands, width, 5, "both") | arguments,
            classes=ClassTable.from_json(rows),
            bands={
                "count": bands,
                "used": list(range(1, bands + 1)),
                "dropped": [],
                "descriptions": [""] * bands,
                **{name: [None] * bands for name in names},
            },
            normalization=normalization(bands),
        ),
    )
    return path


@dataclass
class Strips:
    """How a test streams."""

    strip_rows: int = 4
    read_rows: int = 5
    read_columns: int = 1000
    tile_columns: int = 256

    def plan(self) -> StreamPlan:
        rows = tuple(self.strip_rows * 2**level for level in range(3))
        return StreamPlan(
            ReadPlan(self.read_rows, self.read_columns, 2**24, 0, 1),
            rows,
            self.tile_columns,
            memory=0,
            disk=0,
        )


def stream(path: Path, network: MambaHSI, how: Strips, target: Path) -> np.ndarray:
    """Probabilities by strips; float32 (rows, columns, classes), NaN where not valid."""
    with Scene.open(RasterSource(str(path))) as scene:
        bands = list(range(1, scene.band_count + 1))
        valid = scene.valid(bands)
        grids = Grids(valid)
        reader = LevelReader(scene, bands, valid, normalization(len(bands)))
        with Spool(target, {}, Feedback()) as spool:
            passes = Passes(network, reader, grids, how.plan(), spool)
            passes.run(Feedback())
            image = np.full((*valid.shape, passes.classes), np.nan, dtype=np.float32)
            for window, found in predict_windows(passes, grids, how.plan(), Feedback()):
                part = window.toslices()
                assert np.isnan(image[part]).all()
                image[part][valid[part]] = to_probabilities(found)
    return image


def in_memory(path: Path, network: MambaHSI) -> np.ndarray:
    """The same by the whole network at once."""
    with Scene.open(RasterSource(str(path))) as scene:
        bands = list(range(1, scene.band_count + 1))
        valid = scene.valid(bands)
        pixels = read_pixels(scene, bands, valid, normalization(len(bands)), Feedback())
    with torch.no_grad():
        logits = network.pixel_logits(pixels, SceneGeometry(valid))
    image = np.full((*valid.shape, logits.shape[1]), np.nan, dtype=np.float32)
    image[valid] = torch.softmax(logits, dim=1).numpy()
    return image


def assert_same(streamed: np.ndarray, expected: np.ndarray) -> None:
    """What is promised: probabilities within 1e-4, the class wherever two are 2e-4 apart."""
    np.testing.assert_array_equal(np.isnan(streamed), np.isnan(expected))
    inside = ~np.isnan(expected[..., 0])
    one, other = streamed[inside], expected[inside]
    np.testing.assert_allclose(one, other, rtol=0, atol=1e-4)
    ranked = np.sort(other, axis=1)
    clear = ranked[:, -1] - ranked[:, -2] > 2e-4
    np.testing.assert_array_equal(one.argmax(axis=1)[clear], other.argmax(axis=1)[clear])
