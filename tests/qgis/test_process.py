"""The engine's process, from start to a certain end, however it goes."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from qgis.core import QgsProcessingException, QgsProject

LONG = 100_000
"""Epochs of a training that nobody waits for."""


@pytest.fixture(autouse=True)
def needs_engine(engine: Path) -> None:
    """All of this runs the real engine."""


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return state != "Z"


class Act(threading.Thread):
    """Does something to the engine once a training has got somewhere."""

    def __init__(self, told: Any, act: Callable[[int], Any], after: str = r"Epoch \d+") -> None:
        super().__init__(daemon=True)
        self._told, self._act, self._after = told, act, after
        self.pid = 0
        self.acted_at = 0.0
        self.start()

    def run(self) -> None:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            text = "\n".join(self._told.lines)
            pid = re.search(r"process (\d+)", text)
            if pid and re.search(self._after, text):
                self.pid = int(pid.group(1))
                self.acted_at = time.monotonic()
                self._act(self.pid)
                return
            time.sleep(0.05)


def train(training: dict[str, Any], told: Any) -> None:
    import processing

    try:
        processing.run("mambahsi:trainandclassify", {**training, "EPOCHS": LONG}, feedback=told)
    finally:
        QgsProject.instance().clear()


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_file()}


def test_cancel_stops_the_engine_and_raises(
    training: dict[str, Any], told: Any, tmp_path: Path
) -> None:
    act = Act(told, lambda pid: told.cancel())
    with pytest.raises(QgsProcessingException, match="[Cc]ancelled"):
        train(training, told)
    assert time.monotonic() - act.acted_at < 4
    assert not is_alive(act.pid)
    # The checkpoint of the last whole epoch stays; no output does.
    assert files(tmp_path) == {"model.safetensors.checkpoint"}


def test_cancel_before_the_engine_has_spoken(
    training: dict[str, Any], told: Any, tmp_path: Path
) -> None:
    told.cancel()
    with pytest.raises(QgsProcessingException, match="[Cc]ancelled"):
        train(training, told)
    assert files(tmp_path) == set()


def test_engine_that_does_not_heed_a_cancel_is_killed(training: dict[str, Any], told: Any) -> None:
    def stop_and_cancel(pid: int) -> None:
        os.kill(pid, signal.SIGSTOP)
        told.cancel()

    act = Act(told, stop_and_cancel)
    with pytest.raises(QgsProcessingException, match="[Cc]ancelled"):
        train(training, told)
    assert 4 < time.monotonic() - act.acted_at < 12
    assert not is_alive(act.pid)


def test_killed_engine_is_explained(training: dict[str, Any], told: Any, tmp_path: Path) -> None:
    act = Act(told, lambda pid: os.kill(pid, signal.SIGKILL))
    with pytest.raises(QgsProcessingException, match="memory ran out") as caught:
        train(training, told)
    assert not is_alive(act.pid)
    log = re.search(r"Log: (.+)", str(caught.value))
    assert log
    assert Path(log.group(1)).is_file()
    assert not files(tmp_path) & {"model.safetensors", "map.tif"}


def test_temporary_files_of_a_killed_engine_are_removed(
    training: dict[str, Any], told: Any, tmp_path: Path
) -> None:
    maps = tmp_path / "maps"
    maps.mkdir()

    def leave_and_kill(pid: int) -> None:
        for folder in (tmp_path, maps):
            for name in (f"{pid}-0123abcd-map.tif", f"{pid}-0123abcd.old-map.tif", "1-0123abcd-x"):
                (folder / f".mambahsi-{name}").touch()
        os.kill(pid, signal.SIGKILL)

    act = Act(told, leave_and_kill)
    with pytest.raises(QgsProcessingException, match="memory ran out"):
        train({**training, "CLASSIFICATION": str(maps / "map.tif")}, told)
    # What was set aside may be somebody's only map, and the third is another engine's.
    kept = {f".mambahsi-{act.pid}-0123abcd.old-map.tif", ".mambahsi-1-0123abcd-x"}
    for folder in (tmp_path, maps):
        assert {name for name in files(folder) if name.startswith(".")} == kept


def test_python_that_is_no_engine_is_explained(
    training: dict[str, Any], told: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAMBAHSI_ENGINE_PYTHON", "/usr/bin/python3")
    with pytest.raises(QgsProcessingException, match=r"/usr/bin/python3.* lacks the package"):
        train(training, told)


def test_temporary_files_are_gone(training: dict[str, Any], told: Any) -> None:
    from qgis.core import QgsProcessingUtils

    told.cancel()
    with pytest.raises(QgsProcessingException):
        train(training, told)
    assert not list(Path(QgsProcessingUtils.tempFolder()).glob("mambahsi_*"))


@pytest.mark.skipif(os.name == "nt", reason="takes a shell script for an engine")
def test_words_that_come_after_the_engines_end_count(told: Any, tmp_path: Path) -> None:
    """On a busy machine they are read late; here they are said late, by a grandchild."""
    from mambahsi_qgis.engine.process import run_job

    engine = tmp_path / "engine"
    engine.write_text('#!/bin/sh\n(sleep 0.7; echo \'{"event": "result", "late": 1}\') &\nexit 0\n')
    engine.chmod(0o755)
    assert run_job(engine, {"job": "info"}, tmp_path, told) == {"late": 1}
