"""Plans: which way a training takes, and its prediction against what the system counts."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from mambahsi.devices import MemoryBudget
from mambahsi.errors import ResourceError
from mambahsi.feedback import CollectingFeedback
from mambahsi.plans import LARGEST_WINDOW, SMALLEST_WINDOW, Plan, Task, choose_plan
from mambahsi.windows.tiles import TileRaster


def make_task(
    height: int = 3000, width: int = 2000, main: int | None = None, scan: str = "cpu"
) -> Task:
    labeled = np.argwhere(np.random.default_rng(0).random((height, width)) < 1e-4)
    return Task(
        scene=(height, width),
        pixels=height * width,
        bands=200,
        classes=9,
        hidden_dim=128,
        mamba_type="both",
        scan=scan,
        labeled=labeled,
        tiles=TileRaster((height, width), 200, 64, 64),
        held=10**8,
        reading=10**7,
        main=main,
    )


def choose(task: Task, budget: float, begun: str = "", window: int = 0) -> Plan:
    return choose_plan(
        task, MemoryBudget(int(budget), "a test"), begun, window, CollectingFeedback()
    )


def test_the_first_plan_that_fits_is_taken() -> None:
    task = make_task()
    whole, recompute = task.whole(), task.whole(recompute=True)
    assert recompute.bytes < whole.bytes
    assert choose(task, whole.bytes) == whole
    assert choose(task, whole.bytes - 1) == recompute
    assert choose(task, recompute.bytes) == recompute
    below = choose(task, recompute.bytes - 1)
    assert (below.name, below.window) == ("windows", LARGEST_WINDOW)


@pytest.mark.parametrize("scan", ["torch", "triton", "mamba_ssm"])
def test_every_scan_can_recompute(scan: str) -> None:
    task = make_task(scan=scan)
    assert choose(task, task.whole().bytes - 1).name == "recompute"
    assert choose(task, task.whole(recompute=True).bytes - 1).name == "windows"


def test_more_memory_never_gives_smaller_windows() -> None:
    task = make_task()
    sizes = []
    for budget in np.geomspace(0.22e9, 1e9, 30):
        try:
            plan = choose(task, budget)
        except ResourceError:
            continue
        assert plan.bytes <= budget
        sizes.append(plan.window or 10**9)
    assert sizes == sorted(sizes)
    # There are several sizes between the ends.
    assert len({size for size in sizes if SMALLEST_WINDOW < size < LARGEST_WINDOW}) > 3


def test_room_that_is_left_keeps_pixels_and_no_more_than_windows_can_reach() -> None:
    task = make_task()
    little, much = choose(task, 1e9, window=128), choose(task, 1e11, window=128)
    assert little.bytes <= 1e9
    assert little.tiles < much.tiles < 200 * 3100 * 2100
    needed = task.tiles.window_bytes((128, 128))
    assert task.windows(128, 0).tiles == needed


@pytest.mark.parametrize("budget", [1.2e8, 2e8, 3e8, 5e8])
def test_windows_are_taken_only_if_a_map_of_them_fits(budget: float) -> None:
    task = make_task()
    try:
        plan = choose(task, budget)
    except ResourceError as error:
        assert "for a map, but may take" in error.message
        assert task.windows(64, int(budget)).mapping > budget
        return
    assert max(plan.bytes, plan.mapping) <= budget


def test_a_device_of_its_own_keeps_pixels_in_main_memory() -> None:
    task = make_task(main=10**10)
    plan = choose(task, 1e9, window=128)
    assert plan.bytes < make_task().windows(128, 0).bytes
    assert plan.tiles > 1e9


@pytest.mark.parametrize(
    ("begun", "window", "text"),
    [
        ("", 0, "windows of 64 x 64 pixels"),
        ("whole", 0, "the whole scene in one piece"),
        ("windows", 128, "windows of 128 x 128 pixels"),
    ],
)
def test_what_fits_in_no_way_is_refused_with_both_figures(
    begun: str, window: int, text: str
) -> None:
    with pytest.raises(ResourceError, match=rf"about \S+ GB for {text}.*may take 50 MB \(a test\)"):
        choose(make_task(), 5e7, begun, window)


def test_a_whole_scene_that_does_not_fit_is_offered_windows() -> None:
    with pytest.raises(ResourceError) as told:
        choose(make_task(), 5e7, "whole")
    assert "--window" in told.value.hint
    with pytest.raises(ResourceError) as told:
        choose(make_task(), 5e7, window=128)
    assert "--window" not in told.value.hint


def test_a_device_of_its_own_is_not_trained_on_windows_unasked() -> None:
    task = make_task(main=10**10)
    with pytest.raises(ResourceError, match="the whole scene in one piece") as told:
        choose(task, task.whole(recompute=True).bytes - 1)
    assert "--window" in told.value.hint and "device 'cpu'" in told.value.hint
    assert choose(task, 1e9, window=128).window == 128


def test_what_was_begun_is_gone_on_with() -> None:
    task = make_task()
    whole, recompute = task.whole(), task.whole(recompute=True)
    assert choose(task, whole.bytes, "windows", 96).window == 96
    assert choose(task, whole.bytes, "recompute") == recompute
    assert choose(task, whole.bytes - 1, "whole") == recompute
    for begun in ("whole", "recompute"):
        with pytest.raises(ResourceError, match="the whole scene in one piece"):
            choose(task, recompute.bytes - 1, begun)


def test_windows_are_told_with_what_the_whole_scene_would_take() -> None:
    task = make_task()
    feedback = CollectingFeedback()
    choose_plan(task, MemoryBudget(2 * 10**9, "a test"), "", 0, feedback)
    assert any("windows of" in line and "about" in line for line in feedback.logs)
    assert any("The whole scene would take" in line for line in feedback.warnings)


MEASURE = """
import json, sys
from pathlib import Path
from mambahsi import jobs, runs
from mambahsi.feedback import CollectingFeedback

def resident(key):
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(key)).split()[1]) * 1024

small, large = map(json.loads, sys.argv[1:])
runs.run(jobs.from_json(small), CollectingFeedback())  # loads and compiles everything
before = resident("VmRSS")
Path("/proc/self/clear_refs").write_text("5")
feedback = CollectingFeedback()
runs.run(jobs.from_json(large), feedback)
told = next(line for line in feedback.logs if " takes windows of " in line)
print(json.dumps([resident("VmHWM") - before, told]))
"""


def assert_predicted(small: dict[str, Any], large: dict[str, Any]) -> None:
    """Hold the prediction that a job tells against what it takes more than a small one."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, json.dumps(small), json.dumps(large)],
        capture_output=True,
        text=True,
        check=True,
    )
    measured, told = json.loads(done.stdout)
    number, unit = told.split("about ")[1].split()[:2]
    predicted = float(number) * {"MB": 1e6, "GB": 1e9}[unit]
    assert predicted <= large["memory"] * 1e9
    assert 0.7 * predicted < measured < 1.4 * predicted, told


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_prediction_is_near_the_measured_peak(
    tiny: Any, write_scene: Callable[..., Path], write_labels: Callable[..., Path]
) -> None:
    generator = np.random.default_rng(0)
    cube = generator.integers(0, 4000, (120, 260, 300)).astype(np.int16)
    scene = {"path": str(write_scene(cube, "large.tif", interleave="pixel"))}
    corners = [(20, 30), (250, 20), (200, 130), (40, 210), (270, 240), (150, 120)]
    boxes = [
        shapely.box(x, y, x + 50, y + 50)
        for x, y in ((500_000 + 10 * column, 5_799_900 - 10 * row) for column, row in corners)
    ]
    labels = {"path": str(write_labels(boxes, "large.gpkg", **{"class": ["a", "b", "c"] * 2}))}
    model = str(tiny.folder / "large.safetensors")
    changes = {"epochs": 1, "preset": "paper", "memory": 2.0}
    small = tiny.train_job(**changes, window=16)
    large = tiny.train_job(**changes, window=144, scene=scene, labels=labels, model=model)
    assert_predicted(small, large)
    classify = {"job": "classify", "threads": 1, "memory": 2.0}
    target = str(tiny.folder / "map.tif")
    assert_predicted(
        {**classify, "scene": small["scene"], "model": small["model"], "classification": target},
        {**classify, "scene": scene, "model": model, "classification": target},
    )
