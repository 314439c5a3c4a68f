"""Streaming as a job: chosen by the budget, killed, resumed, cancelled, out of disk."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import safetensors
import safetensors.torch
import torch
from streaming_scenes import make_cube, punch, write, write_model

from mambahsi import cancellation, jobs, outputs, runs
from mambahsi.devices import total_memory
from mambahsi.errors import Cancelled, OutputError, ResourceError
from mambahsi.feedback import CollectingFeedback, Feedback
from mambahsi.streaming.space import check_space, lies_in_memory
from mambahsi.streaming.spool import Spool, spool_path

BUDGET = 0.1
"""GB in which :data:`SHAPE` can be streamed, but not be classified at once."""

SHAPE = (431, 301)
BANDS, WIDTH = 8, 64

# The engine, which dies by SIGKILL, amid a strip, once it has written to its tables so often.
DOOMED = """
import os, signal, sys
from mambahsi import worker
from mambahsi.streaming import spool, tables
spool.SAVE_SECONDS = 0.0
inner, left = tables.FileTable.write, [int(sys.argv.pop())]
def write(self, start, rows):
    inner(self, start, rows)
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
tables.FileTable.write = write
worker.main(sys.argv[1:])
"""


@pytest.fixture
def job(tmp_path: Path) -> dict[str, Any]:
    """A classification that has to be streamed."""
    holes = np.random.default_rng(1).random(SHAPE) < 0.05
    holes[100:140] = True
    scene = write(tmp_path / "scene.tif", punch(make_cube(BANDS, *SHAPE), holes))
    model = write_model(tmp_path / "model.safetensors", BANDS, WIDTH)
    return {
        "job": "classify",
        "scene": {"path": str(scene)},
        "model": str(model),
        "classification": str(tmp_path / "map.tif"),
        "probabilities": str(tmp_path / "probabilities.tif"),
        "confidence": str(tmp_path / "confidence.tif"),
        "threads": 1,
        "memory": BUDGET,
    }


def run(job: dict[str, Any]) -> CollectingFeedback:
    feedback = CollectingFeedback()
    runs.run(jobs.from_json(job), feedback)
    return feedback


def read(job: dict[str, Any], name: str = "probabilities") -> np.ndarray:
    with rasterio.open(job[name]) as dataset:
        return dataset.read()


def streamed(feedback: CollectingFeedback) -> bool:
    return any("in strips of" in line for line in feedback.logs)


def kill(job: dict[str, Any], writes: int, environment: dict[str, str]) -> Path:
    """Run the job in a process that dies; returns the folder that it leaves."""
    file = Path(job["classification"]).with_suffix(".json")
    file.write_text(json.dumps(job), encoding="utf-8")
    # The end of its standard input would cancel it.
    with subprocess.Popen(
        [sys.executable, "-c", DOOMED, str(file), str(writes)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        told = process.stdout.read()
    assert process.returncode == -signal.SIGKILL, told
    folder = spool_path(Path(job["classification"]))
    assert folder.is_dir()
    return folder


def left_over(folder: Path) -> list[str]:
    names = {"scene.tif", "model.safetensors", "map.json"}
    return sorted(path.name for path in folder.iterdir() if path.name not in names)


def test_budget_decides_and_changes_nothing(job: dict[str, Any], tmp_path: Path) -> None:
    feedback = run(job)
    assert streamed(feedback)
    assert any("temporary files beside the map" in line for line in feedback.logs)
    assert feedback.fractions == sorted(feedback.fractions) and feedback.fractions[-1] == 1.0
    found = {name: read(job, name) for name in ("probabilities", "confidence", "classification")}
    whole = run({**job, "memory": 8.0})
    assert not streamed(whole)
    expected = read(job)
    assert expected[0].std() > 0.1
    np.testing.assert_allclose(found["probabilities"], expected, rtol=0, atol=1e-4)
    np.testing.assert_allclose(found["confidence"], read(job, "confidence"), rtol=0, atol=1e-4)
    ranked = np.sort(expected, axis=0)
    clear = (ranked[-1] - ranked[-2] > 2e-4) | (expected[0] < 0)
    classes = read(job, "classification")[0]
    np.testing.assert_array_equal(found["classification"][0][clear], classes[clear])
    assert clear.mean() > 0.99
    maps = ["map.qml", "map.tif", "map.tif.aux.xml", "map.tif.record.json"]
    confidence = ["confidence.qml", "confidence.tif"]
    assert left_over(tmp_path) == [*confidence, *maps, "probabilities.tif"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_killed_twice_it_goes_on_to_the_very_same_bits(
    job: dict[str, Any], engine_environment: dict[str, str], tmp_path: Path
) -> None:
    run(job)
    expected = read(job)
    for path in tmp_path.glob("*.tif*"):
        if path.name != "scene.tif":
            path.unlink()
    # In the first of the passes that mix, and once more behind it.
    folder = kill(job, 18, engine_environment)
    first = progress(folder)
    kill(job, 25, engine_environment)
    second = progress(folder)
    assert (0, 0) < first < second < (5, 0)
    assert first[1] > 0, "killed between two passes, not amid one"
    feedback = run(job)
    assert any(line.startswith("Going on with") for line in feedback.logs)
    np.testing.assert_array_equal(read(job), expected)
    assert not folder.exists()


def progress(folder: Path) -> tuple[int, int]:
    header = header_of(folder)
    return header["stage"], header["row"]


def header_of(folder: Path) -> dict[str, Any]:
    with safetensors.safe_open(folder / "progress.safetensors", "pt") as file:
        found: dict[str, Any] = json.loads(file.metadata()["mambahsi-unfinished"])
    return found


class Stopping(CollectingFeedback):
    """Cancels when the features of pixels are begun, and keeps a copy of what lies there."""

    def __init__(self, folder: Path, copy: Path | None = None) -> None:
        super().__init__()
        self.folder = folder
        self.copy = copy

    def progress(self, fraction: float, message: str = "") -> None:
        super().progress(fraction, message)
        if message.startswith("Features of"):
            if self.copy:
                shutil.copytree(self.folder, self.copy)
            cancellation.request()


def test_what_was_left_by_another_run_is_removed_and_told(
    job: dict[str, Any], tmp_path: Path
) -> None:
    folder, kept = spool_path(Path(job["classification"])), tmp_path / "kept"

    def told(
        spoil: Callable[[Path], object] = lambda _: None, copy: Path | None = None, **changes: Any
    ) -> str:
        if kept.exists():
            shutil.copytree(kept, folder)
            spoil(folder / "progress.safetensors")
        cancellation.reset()
        feedback = Stopping(folder, copy)
        with pytest.raises(Cancelled):
            runs.run(jobs.from_json({**job, **changes}), feedback)
        assert not folder.exists()
        return next((line for line in feedback.logs if str(folder) in line), "")

    def from_before_a_restart(state: Path) -> None:
        header, tensors = header_of(folder), safetensors.torch.load_file(state)
        header["started"] -= 1000.0
        safetensors.torch.save_file(tensors, state, {"mambahsi-unfinished": json.dumps(header)})

    assert told(copy=kept) == ""
    assert told().startswith("Going on with")
    model = write_model(tmp_path / "other.safetensors", BANDS, WIDTH, use_att=False)
    for line, reason in (
        (told(model=str(model)), "another model"),
        (told(scene={**job["scene"], "nodata": 1200.0}), "another nodata"),
        (told(from_before_a_restart), "restarted"),
        (told(lambda state: state.write_bytes(state.read_bytes()[:100])), "not come far"),
        (told(lambda state: state.unlink()), "not come far"),
        # Written anew: what it holds may be something else.
        (told(lambda _: Path(job["scene"]["path"]).touch()), "another scene"),
    ):
        assert line.startswith("Removed") and reason in line


def test_only_one_run_writes_a_map_at_a_time(job: dict[str, Any]) -> None:
    target = Path(job["classification"])
    with Spool(target, {}, Feedback()) as spool:
        spool.save()
        with pytest.raises(OutputError, match=r"map\.tif: another run"):
            run(job)
        assert (spool.folder / "progress.safetensors").exists()
    assert streamed(run(job))


def test_a_file_in_the_place_of_the_folder_is_refused(job: dict[str, Any]) -> None:
    path = spool_path(Path(job["classification"]))
    path.write_text("mine")
    with pytest.raises(OutputError, match="this is a file"):
        run(job)
    assert path.read_text() == "mine"


@pytest.mark.parametrize("stage", ["Reading", "Features of", "Features at 1/2", "Classifying"])
def test_a_cancel_leaves_nothing(job: dict[str, Any], tmp_path: Path, stage: str) -> None:
    class Cancelling(CollectingFeedback):
        seen = False

        def progress(self, fraction: float, message: str = "") -> None:
            super().progress(fraction, message)
            if message.startswith(stage):
                self.seen = spool_path(Path(job["classification"])).exists()
                cancellation.request()

    feedback = Cancelling()
    with pytest.raises(Cancelled):
        runs.run(jobs.from_json(job), feedback)
    assert feedback.seen
    assert left_over(tmp_path) == []


def test_a_forced_end_leaves_nothing(job: dict[str, Any]) -> None:
    target = Path(job["classification"])
    spool = Spool(target, {}, Feedback())
    spool.table("input-0", 3, 4).write(0, torch.zeros(3, 4))
    outputs.remove_all()
    assert not spool.folder.exists()
    spool.remove_all()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_a_disk_that_fills_up_is_told_and_given_free(job: dict[str, Any], tmp_path: Path) -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # The system answers as for a full disk where a file grows beyond it.
    resource.setrlimit(resource.RLIMIT_FSIZE, (5_000_000, before[1]))
    try:
        with pytest.raises(ResourceError, match=r"map\.tif\.unfinished: the disk is full") as told:
            run(job)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "free" in told.value.message
    assert left_over(tmp_path) == []


def test_a_disk_too_small_is_told_before_the_work(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    with pytest.raises(ResourceError, match=f"temporary files in {tmp_path}, where .* are free"):
        check_space(tmp_path, free + 10**12, 0, 0)
    # What is resumed lies there already.
    check_space(tmp_path, free + 10**12, 10**12 + 10**10, 0)


def test_a_folder_in_memory_takes_memory(tmp_path: Path) -> None:
    shared = Path("/dev/shm")
    if not shared.is_dir() or not lies_in_memory(shared):
        pytest.skip("there is no folder that lies in memory")
    if shutil.disk_usage(shared).free < 10**9 or lies_in_memory(tmp_path):
        pytest.skip("the folder in memory is too small, or every folder lies there")
    check_space(shared, 10**6, 0, 0)
    with pytest.raises(ResourceError, match="/dev/shm, which lies in memory"):
        check_space(shared, 10**6, 0, total_memory())
    check_space(tmp_path, 10**6, 0, total_memory())


def test_a_budget_too_small_for_strips_is_told_with_all_figures(job: dict[str, Any]) -> None:
    with pytest.raises(ResourceError, match=r"about \S+ MB of memory, in \w+") as told:
        run({**job, "memory": 0.05})
    assert ", but may take 50 MB (the job's memory budget)" in told.value.message
