"""Plans: which way a training takes, and its prediction against what the system counts."""

from __future__ import annotations

import numpy as np
import pytest

from mambahsi.devices import MemoryBudget
from mambahsi.errors import ResourceError
from mambahsi.feedback import CollectingFeedback
from mambahsi.plans import LARGEST_WINDOW, SMALLEST_WINDOW, Plan, Task, choose_plan
from mambahsi.windows.tiles import TileRaster


def make_task(height: int = 3000, width: int = 2000, main: int | None = None) -> Task:
    labeled = np.argwhere(np.random.default_rng(0).random((height, width)) < 1e-4)
    return Task(
        scene=(height, width),
        pixels=height * width,
        bands=200,
        classes=9,
        hidden_dim=128,
        mamba_type="both",
        labeled=labeled,
        tiles=TileRaster((height, width), 200, 64, 64),
        held=10**8,
        reading=10**8,
        main=main,
    )


def choose(task: Task, budget: float, mode: str = "", window: int = 0) -> Plan:
    return choose_plan(
        task, MemoryBudget(int(budget), "a test"), mode, window, CollectingFeedback()
    )


def test_the_first_plan_that_fits_is_taken() -> None:
    task = make_task()
    whole = task.whole().bytes
    assert choose(task, whole) == task.whole()
    below = choose(task, whole - 1)
    assert (below.name, below.window) == ("windows", LARGEST_WINDOW)
    sizes = []
    for budget in np.geomspace(0.3e9, whole, 20):
        try:
            plan = choose(task, budget)
        except ResourceError:
            continue
        assert plan.bytes <= budget
        sizes.append(plan.window or 10**9)
    # More memory never gives smaller windows, and there are several sizes between the ends.
    assert sizes == sorted(sizes)
    assert len({size for size in sizes if SMALLEST_WINDOW < size < LARGEST_WINDOW}) > 3


def test_room_that_is_left_keeps_pixels_and_no_more_than_windows_can_reach() -> None:
    task = make_task()
    little, much = choose(task, 1e9, window=128), choose(task, 1e11, window=128)
    assert little.bytes <= 1e9
    assert little.tiles < much.tiles < 200 * 3100 * 2100
    needed = task.tiles.window_bytes((128, 128))
    assert choose(task, task.windows(128, 0).bytes, window=128).tiles == needed


def test_a_device_of_its_own_keeps_pixels_in_main_memory() -> None:
    task = make_task(main=10**10)
    plan = choose(task, 1e9, window=128)
    assert plan.bytes < make_task().windows(128, 0).bytes
    assert plan.tiles > 1e9


@pytest.mark.parametrize(
    ("mode", "window", "text"),
    [
        ("", 0, "windows of 64 x 64 pixels"),
        ("whole", 0, "the whole scene in one piece"),
        ("windows", 128, "windows of 128 x 128 pixels"),
    ],
)
def test_what_fits_in_no_way_is_refused_with_both_figures(
    mode: str, window: int, text: str
) -> None:
    with pytest.raises(ResourceError, match=rf"about \S+ GB for {text}.*may take 50 MB \(a test\)"):
        choose(make_task(), 5e7, mode, window)


def test_a_kept_mode_is_never_left() -> None:
    task = make_task()
    assert choose(task, task.whole().bytes, "windows", 96).window == 96
    with pytest.raises(ResourceError):
        choose(task, task.whole().bytes - 1, "whole")


def test_windows_are_told_with_what_the_whole_scene_would_take() -> None:
    task = make_task()
    feedback = CollectingFeedback()
    choose_plan(task, MemoryBudget(2 * 10**9, "a test"), "", 0, feedback)
    assert any("windows of" in line and "about" in line for line in feedback.logs)
    assert any("The whole scene would take" in line for line in feedback.warnings)
