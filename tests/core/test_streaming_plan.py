"""How a scene is streamed: every block is read once, and memory is what was predicted."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streaming_scenes import make_cube, normalization, write, write_model

from mambahsi.jobs import RasterSource
from mambahsi.runs.ways import layout_of
from mambahsi.scene import Scene
from mambahsi.streaming import plan as plan_module
from mambahsi.streaming.levels import LevelReader
from mambahsi.streaming.plan import Layout, plan_reading, plan_stream

NETWORK = {"hidden_dim": 8, "num_classes": 5, "mamba_type": "both"}

TILES = {"tiled": True, "blockxsize": 64, "blockysize": 64}

FILES: dict[str, tuple[str, dict[str, Any]]] = {
    "bip": ("scene.img", {"driver": "ENVI", "interleave": "bip"}),
    "bil": ("scene.img", {"driver": "ENVI", "interleave": "bil"}),
    "bsq": ("scene.img", {"driver": "ENVI", "interleave": "bsq"}),
    "tiles of all bands": ("scene.tif", {**TILES, "interleave": "pixel"}),
    "tiles of one band": ("scene.tif", {**TILES, "interleave": "band"}),
    "compressed tiles": ("scene.tif", {**TILES, "interleave": "pixel", "compress": "deflate"}),
    "compressed rows": ("scene.tif", {"blockysize": 7, "compress": "lzw", "interleave": "pixel"}),
    "compressed rows of one band": (
        "scene.tif",
        {"blockysize": 7, "compress": "lzw", "interleave": "band"},
    ),
}


def bytes_read() -> int:
    """What this process has asked the operating system for, files in its cache included."""
    return int(re.search(r"rchar: (\d+)", Path("/proc/self/io").read_text())[1])  # type: ignore[index]


@pytest.mark.skipif(sys.platform != "linux", reason="what is read is counted in /proc")
@pytest.mark.parametrize("name", list(FILES))
def test_every_block_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    file, options = FILES[name]
    bands, rows, columns = 6, 190, 2100
    path = write(tmp_path / file, make_cube(bands, rows, columns), nodata=None, **options)
    # Smaller than the file, so that there are several windows, and several blocks in each.
    monkeypatch.setattr(plan_module, "_READ_BYTES", 600_000)
    with Scene.open(RasterSource(str(path))) as scene:
        plan = plan_reading(layout_of(scene, bands, NETWORK), 16_000_000)
        assert plan.repeats == 1
        assert plan.rows < rows / 2
        assert plan.rows % scene.block_rows == 0
        assert plan.columns == columns or plan.columns % scene.block_columns == 0
        reader = LevelReader(
            scene, range(1, bands + 1), np.ones((rows, columns), bool), normalization(bands)
        )
        before = bytes_read()
        pixels = sum(
            len(part.levels)
            for window in plan.windows(0, rows, columns)
            for part in reader.parts(window, 4)
        )
        read = bytes_read() - before
    assert pixels == rows * columns
    # GDAL reads whole pages, which lines of bare files overlap by a part.
    overlap = 2.0 if name == "bil" else 1.1
    assert 0.95 * path.stat().st_size < read < overlap * path.stat().st_size


def test_blocks_that_are_too_high_are_read_several_times_and_told(tmp_path: Path) -> None:
    layout = Layout(4000, 1000, 100, 2, 4000, 1000, 8_000_000, 64, 5, "both")
    plan = plan_reading(layout, 400_000_000)
    assert 1 < plan.repeats == -(-4000 // plan.rows)
    assert plan.rows * 1000 * 100 * 2 < 110_000_000


@given(
    rows=st.integers(4, 20_000),
    columns=st.integers(4, 20_000),
    bands=st.integers(1, 500),
    block_rows=st.sampled_from([1, 8, 256, 20_000]),
    width=st.sampled_from([16, 64, 128]),
    budget=st.integers(10**7, 10**10),
)
def test_a_plan_is_possible_and_grows_with_the_budget(
    rows: int, columns: int, bands: int, block_rows: int, width: int, budget: int
) -> None:
    block = min(block_rows, rows) * min(columns, 256) * 2
    layout = Layout(rows, columns, bands, 2, block_rows, 256, block, width, 9, "both")
    pixels = [rows * columns >> (2 * level) for level in range(3)]
    plan, larger = (plan_stream(layout, pixels, budget * factor) for factor in (1, 4))
    for strip_rows, unit in zip(plan.strip_rows, (4, 2, 1), strict=True):
        assert strip_rows >= unit and strip_rows % unit == 0
    assert 1 <= plan.read.rows <= rows and 1 <= plan.read.columns <= columns
    assert plan.read.cache_bytes < plan.memory
    assert plan.tile_columns % 256 == 0
    # Pooling halves the columns, so strips hold as many pixels of every grid.
    assert all(b == 2 * a for a, b in itertools.pairwise(plan.strip_rows))
    if plan.memory <= budget:
        assert larger.memory <= 4 * budget
        assert larger.strip_rows[0] >= plan.strip_rows[0]


MEASURE = """
import sys
from pathlib import Path
import numpy as np, torch
import mambahsi.runs.classify
from mambahsi import jobs, runs
from mambahsi.feedback import CollectingFeedback
from mambahsi.network import MambaHSI, SceneGeometry

scene, model, target, memory = sys.argv[1:]


def resident(key):
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(key)).split()[1]) * 1024


job = {"job": "classify", "scene": {"path": scene}, "model": model, "classification": target,
       "probabilities": target + ".p.tif", "memory": float(memory), "device": "cpu", "threads": 2}
with torch.no_grad():  # loads and compiles everything
    MambaHSI(4, 8, 2).pixel_logits(torch.rand(100, 4), SceneGeometry(np.ones((10, 10), bool)))
before = resident("VmRSS")
Path("/proc/self/clear_refs").write_text("5")
feedback = CollectingFeedback()
runs.run(jobs.from_json(job), feedback)
print(resident("VmHWM") - before)
print(next(line for line in feedback.logs if "in strips of" in line))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
@pytest.mark.parametrize(
    ("options", "shape", "budget"),
    [
        ({"driver": "ENVI", "interleave": "bip"}, (400, 350), 0.2),
        ({"tiled": True, "blockxsize": 128, "blockysize": 128}, (300, 350), 0.12),
    ],
)
def test_memory_stays_within_its_prediction_and_the_budget(
    tmp_path: Path,
    engine_environment: dict[str, str],
    options: dict[str, Any],
    shape: tuple[int, int],
    budget: float,
) -> None:
    bands, width = 100, 64
    path = write(tmp_path / "scene.tif", make_cube(bands, *shape), **options)
    model = write_model(tmp_path / "model.safetensors", bands, width)
    arguments = [str(path), str(model), str(tmp_path / "map.tif"), str(budget)]
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env=engine_environment,
    )
    measured, line = done.stdout.splitlines()
    amount, unit = re.findall(r"about ([\d.]+) ([GM]B) of memory", line)[-1]
    predicted = float(amount) * {"GB": 1e9, "MB": 1e6}[unit]
    assert predicted <= budget * 1e9
    assert 0.5 * predicted < int(measured) < 1.1 * predicted
