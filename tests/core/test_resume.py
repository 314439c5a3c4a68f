"""A cancelled training goes on as if nothing had happened, or says why it cannot."""

from __future__ import annotations

import random
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from mambahsi import cancellation, jobs, runs
from mambahsi.checkpoint import checkpoint_path, load_checkpoint
from mambahsi.errors import Cancelled, ModelError
from mambahsi.feedback import CollectingFeedback
from mambahsi.model_file import ModelFile, load_model

CANCELS = 20


class CancellingFeedback(CollectingFeedback):
    """Cancels once the figures of an epoch are told."""

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self.epoch = epoch

    def metric(self, **values: float | int | str | None) -> None:
        super().metric(**values)
        if values["epoch"] == self.epoch:
            cancellation.request()


def train(values: dict[str, Any]) -> tuple[ModelFile, CollectingFeedback]:
    cancellation.reset()
    feedback = CollectingFeedback()
    runs.run(jobs.from_json(values), feedback)
    return load_model(values["model"]), feedback


def cancel_after(values: dict[str, Any], epoch: int) -> Path:
    """Train until an epoch is told, and return the checkpoint that the cancel leaves."""
    cancellation.reset()
    with pytest.raises(Cancelled):
        runs.run(jobs.from_json(values), CancellingFeedback(epoch))
    cancellation.reset()
    return checkpoint_path(values["model"])


def assert_same_model(one: ModelFile, other: ModelFile) -> None:
    assert one.weights.keys() == other.weights.keys()
    assert all(torch.equal(one.weights[name], other.weights[name]) for name in one.weights)
    assert one.curves == other.curves
    assert one.accuracy == other.accuracy
    assert one.calibration == other.calibration
    assert one.training["best_epoch"] == other.training["best_epoch"]


def test_twenty_cancels_at_random_moments_change_nothing(tiny: Any) -> None:
    started = time.monotonic()
    whole, _ = train(tiny.train_job(epochs=60))
    duration = time.monotonic() - started
    model = tiny.folder / "cancelled.safetensors"
    values = tiny.train_job(epochs=60, model=str(model), resume=True)
    moments = random.Random(0)
    cancels, stages = 0, set()
    while cancels < CANCELS:
        cancellation.reset()
        timer = threading.Timer(moments.uniform(0.0, 0.7 * duration), cancellation.request)
        timer.start()
        try:
            runs.run(jobs.from_json(values), CollectingFeedback())
        except Cancelled:
            cancels += 1
            assert not model.exists()
            left = checkpoint_path(model)
            stages.add(load_checkpoint(left).progress.epoch if left.exists() else 0)
        else:
            # Faster than this machine's timers: begin anew, so that twenty cancels happen.
            model.unlink()
        finally:
            timer.cancel()
            timer.join()
        assert tiny.temporary_files() == []
    resumed, _ = train(values)
    assert_same_model(resumed, whole)
    assert not checkpoint_path(model).exists()
    assert len(stages) > 3, "all cancels came at the same epochs"


def test_epochs_may_be_raised(tiny: Any) -> None:
    longer, _ = train(tiny.train_job(epochs=7))
    values = tiny.train_job(epochs=4, model=str(tiny.folder / "b.safetensors"))
    cancel_after(values, 2)
    resumed, feedback = train({**values, "epochs": 7, "resume": True})
    assert_same_model(resumed, longer)
    assert any("after epoch 2" in line or "after epoch 3" in line for line in feedback.logs)


def test_fewer_epochs_than_done_are_refused(tiny: Any) -> None:
    values = tiny.train_job(epochs=9)
    cancel_after(values, 4)
    with pytest.raises(ModelError, match="asks for 2 epochs"):
        train({**values, "epochs": 2, "resume": True})


def other_cube(tiny: Any, write_scene: Callable[..., Path]) -> dict[str, Any]:
    cube = tiny.cube.copy()
    cube[2, 10, 10] += 500
    return {"scene": {"path": str(write_scene(cube, "other.tif", nodata=tiny.nodata))}}


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("seed was 0, now 1", lambda *_: {"seed": 1}),
        ("learning_rate was 0.0003, now 0.001", lambda *_: {"learning_rate": 1e-3}),
        ("preset was compact, now spatial", lambda *_: {"preset": "spatial"}),
        ("division of the labels was", lambda *_: {"test_share": 0.5}),
        ("content of the scene", other_cube),
    ],
)
def test_another_training_is_refused_by_what_differs(
    tiny: Any, write_scene: Callable[..., Path], name: str, changes: Callable[..., Any]
) -> None:
    values = tiny.train_job()
    path = cancel_after(values, 1)
    before = path.read_bytes()
    with pytest.raises(ModelError, match=name):
        train({**values, **changes(tiny, write_scene), "resume": True})
    assert path.read_bytes() == before
    assert not Path(values["model"]).exists()


def test_files_may_have_moved(tiny: Any) -> None:
    whole, _ = train(tiny.train_job())
    values = tiny.train_job(model=str(tiny.folder / "b.safetensors"))
    cancel_after(values, 1)
    moved = tiny.folder / "moved.tif"
    shutil.move(tiny.scene, moved)
    resumed, _ = train({**values, "scene": {"path": str(moved)}, "resume": True})
    assert_same_model(resumed, whole)


def test_without_a_checkpoint_it_starts_from_the_beginning_and_says_so(tiny: Any) -> None:
    fresh, _ = train(tiny.train_job())
    again, feedback = train(tiny.train_job(resume=True))
    assert any("no checkpoint" in text for text in feedback.warnings)
    assert_same_model(again, fresh)


@pytest.mark.parametrize("content", [b"", b"\x00" * 100, "half"])
def test_a_broken_checkpoint_is_refused(tiny: Any, content: bytes | str) -> None:
    values = tiny.train_job()
    path = cancel_after(values, 1)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if content == "half" else bytes(content))
    with pytest.raises(ModelError, match=r"model\.safetensors\.checkpoint cannot be read"):
        train({**values, "resume": True})


def test_a_model_is_no_checkpoint(tiny: Any) -> None:
    values = tiny.train_job()
    train(values)
    shutil.copy(values["model"], checkpoint_path(values["model"]))
    with pytest.raises(ModelError, match="not a checkpoint"):
        train({**values, "resume": True})


def test_another_number_of_threads_is_warned_of(tiny: Any) -> None:
    values = tiny.train_job()
    cancel_after(values, 1)
    _, feedback = train({**values, "threads": 2, "resume": True})
    assert any("threads 1, and goes on with 2" in text for text in feedback.warnings)


def test_an_old_model_stays_until_the_new_one_is_whole(tiny: Any) -> None:
    values = tiny.train_job()
    train(values)
    before = Path(values["model"]).read_bytes()
    cancel_after({**values, "seed": 5}, 1)
    assert Path(values["model"]).read_bytes() == before
    assert tiny.temporary_files() == []


def test_a_cancel_is_a_cancel_even_where_no_checkpoint_can_be_written(tiny: Any) -> None:
    class Blocking(CancellingFeedback):
        def metric(self, **values: float | int | str | None) -> None:
            super().metric(**values)
            (tiny.folder / "model.safetensors.checkpoint").mkdir(exist_ok=True)

    feedback = Blocking(1)
    with pytest.raises(Cancelled):
        runs.run(jobs.from_json(tiny.train_job()), feedback)
    assert any(
        "not kept" in text and "model.safetensors.checkpoint: this is a folder" in text
        for text in feedback.warnings
    )
    assert tiny.temporary_files() == []
