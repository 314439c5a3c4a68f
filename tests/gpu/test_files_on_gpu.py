"""Jobs from file to file on a card; they need rasterio."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mambahsi.feedback import Feedback

pytestmark = pytest.mark.gpu

rasterio = pytest.importorskip("rasterio", reason="rasterio is not installed")

ROWS, COLUMNS, BANDS, CLASSES = 1200, 400, 40, 4


class Listener(Feedback):
    """Keeps what is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def log(self, message: str) -> None:
        self.told.append(message)

    def warning(self, message: str) -> None:
        self.told.append(message)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A scene with a hole and a model with random weights."""
    from benchmarks.common import models
    from mambahsi.network import MambaHSI
    from mambahsi.normalization import Normalization
    from mambahsi.runs.setup import network_arguments

    random = np.random.default_rng(0)
    cube = random.integers(1, 1000, (BANDS, ROWS, COLUMNS)).astype(np.int16)
    cube[:, 30:60, 40:90] = -1
    scene, model = tmp_path / "scene.tif", tmp_path / "model"
    with rasterio.open(
        scene, "w", driver="GTiff", height=ROWS, width=COLUMNS, count=BANDS, dtype="int16",
        nodata=-1, crs="EPSG:32633",
        transform=rasterio.Affine(10.0, 0.0, 500_000.0, 0.0, -10.0, 5_800_000.0),
    ) as file:  # fmt: skip
        file.write(cube)
    arguments = network_arguments(BANDS, 64, CLASSES, "both")
    torch.manual_seed(0)
    normalization = Normalization(np.zeros(BANDS), np.full(BANDS, 1000.0))
    models.save(model, MambaHSI(**arguments), arguments, normalization, range(1, CLASSES + 1))
    return scene, model


def classify(files: tuple[Path, Path], target: Path, **options: Any) -> tuple[np.ndarray, Any, str]:
    """The map, the result, and what was told."""
    from mambahsi.jobs import ClassifyJob, RasterSource
    from mambahsi.runs.classify import classify as run

    scene, model = files
    job = ClassifyJob(
        scene=RasterSource(str(scene)), model=str(model), classification=str(target), **options
    )
    listener = Listener()
    result = run(job, listener)
    with rasterio.open(target) as file:
        return file.read(1), result, "\n".join(listener.told)


def test_a_streamed_map_is_the_one_in_memory_and_the_one_of_the_cpu(
    triton: torch.device, files: tuple[Path, Path], tmp_path: Path
) -> None:
    whole, result, _ = classify(files, tmp_path / "whole.tif", device="cuda")
    assert result["way"] == "memory" and result["device"].startswith("cuda")
    streamed, result, _ = classify(files, tmp_path / "streamed.tif", device="cuda", memory=0.3)
    assert result["way"].startswith("strips") and result["device"].startswith("cuda")
    on_cpu, _, _ = classify(files, tmp_path / "cpu.tif", device="cpu")
    assert (whole == 0).sum() == 30 * 50
    assert np.mean(whole == streamed) > 0.9999
    assert np.mean(whole == on_cpu) > 0.9999


def test_a_map_that_runs_out_of_memory_is_made_another_way(
    triton: torch.device, files: tuple[Path, Path], tmp_path: Path
) -> None:
    expected, _, _ = classify(files, tmp_path / "expected.tif", device="cuda")
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(triton).total_memory
    held = torch.cuda.memory_reserved(triton)
    torch.cuda.set_per_process_memory_fraction((held + 60_000_000) / total, triton)
    # The budget of the job says that it fits.
    found, result, told = classify(files, tmp_path / "map.tif", device="cuda", memory=4.0)
    assert np.mean(found == expected) > 0.9999
    assert result["way"] != "memory" or result["device"].startswith("cpu")
    assert "memory" in told.lower()
