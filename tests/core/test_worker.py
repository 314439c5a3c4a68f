"""The engine as a child process: events, cancel, parent death, exit status.

Real processes throughout. ``NOISY`` and ``DEAF`` stand for what libraries do to a process:
print at every level, and not come back for a long time.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import rasterio

from mambahsi.checkpoint import load_checkpoint

EVENTS = {"progress", "metric", "log", "warning", "result", "error"}
PATIENCE = 60.0
"""Seconds that a test waits for something that should come at once; kernels may have to be
compiled first."""

NOISY = """
import os, sys
from mambahsi import runs, worker
inner = runs.run
def run(job, feedback):
    print("printed")
    os.write(1, b"written\\n")
    os.system("echo from a child")
    sys.stdin.read()
    return inner(job, feedback)
runs.run = run
worker.main(sys.argv[1:])
"""

DEAF = """
import sys, time
from pathlib import Path
from mambahsi import runs, worker
from mambahsi.outputs import OutputFiles
def run(job, feedback):
    with OutputFiles() as files:
        files.add(job.model).write_bytes(b"half")
        feedback.log("deaf")
        time.sleep(100)
runs.run = run
worker.main(sys.argv[1:])
"""


class Engine:
    """A worker process and the events that it tells."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process = process
        self.log = log
        self.events: list[dict[str, Any]] = []

    def read(self) -> dict[str, Any] | None:
        """The next event, None at the end."""
        line = self.process.stdout.readline()  # type: ignore[union-attr]
        if not line:
            return None
        event: dict[str, Any] = json.loads(line)
        assert event["event"] in EVENTS
        self.events.append(event)
        return event

    def wait_for(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            event = self.read()
            assert event is not None, f"the engine ended: {self.events}"
            if wanted(event):
                return event
        raise AssertionError(f"did not come: {self.events}")

    def finish(self, timeout: float = PATIENCE) -> int:
        """Read the rest, and return the exit status."""
        while self.read():
            pass
        return self.process.wait(timeout)

    def send(self, text: str) -> None:
        self.process.stdin.write(text)  # type: ignore[union-attr]
        self.process.stdin.flush()  # type: ignore[union-attr]

    @property
    def last(self) -> dict[str, Any]:
        return self.events[-1]


Start = Callable[..., Engine]


@pytest.fixture
def start(tmp_path: Path, engine_environment: dict[str, str]) -> Iterator[Start]:
    processes = []

    def start(job: dict[str, Any] | str, *, script: str = "") -> Engine:
        path, log = tmp_path / "job.json", tmp_path / "log.txt"
        text = job if isinstance(job, str) else json.dumps(job)
        path.write_text(text, encoding="utf-8")
        program = ["-c", script] if script else ["-m", "mambahsi.worker"]
        process = subprocess.Popen(
            [sys.executable, *program, str(path), "--log", str(log)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=engine_environment,
        )
        processes.append(process)
        return Engine(process, log)

    yield start
    for process in processes:
        process.kill()
        process.wait()
        process.stdin.close()  # type: ignore[union-attr]
        process.stdout.close()  # type: ignore[union-attr]


def is_epoch(number: int) -> Callable[[dict[str, Any]], bool]:
    return lambda event: event["event"] == "metric" and event["epoch"] >= number


def test_a_job_runs_and_tells_its_result(tiny: Any, start: Start) -> None:
    map_path, report = tiny.folder / "Karte.tif", tiny.folder / "report.html"
    train = tiny.train_job(report=str(report))
    del train["job"]
    engine = start({"job": "trainandclassify", "train": train, "classification": str(map_path)})
    assert engine.finish() == 0
    kinds = [event["event"] for event in engine.events]
    assert kinds[0] == "log" and kinds[-1] == "result"
    assert kinds.count("metric") == 3
    fractions = [e["fraction"] for e in engine.events if e["event"] == "progress"]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0
    result = engine.last
    assert result["tested_classes"] == 3 and 0 <= result["overall_accuracy"] <= 1
    assert [c["name"] for c in result["classes"]] == ["Wald", "Wasser", "Äcker"]
    assert Path(result["model"]).exists() and report.exists()
    assert Path(result["style"]).exists()
    with rasterio.open(map_path) as dataset:
        assert set(dataset.read(1)[tiny.cube[0] != tiny.nodata]) <= {1, 2, 3}
    assert tiny.temporary_files() == []
    assert not Path(f"{train['model']}.checkpoint").exists()


def test_cancel_by_a_line_leaves_a_checkpoint_that_can_be_resumed(tiny: Any, start: Start) -> None:
    job = tiny.train_job(epochs=5000)
    engine = start(job)
    engine.wait_for(is_epoch(3))
    asked = time.monotonic()
    engine.send("something else\ncancel\n")
    assert engine.finish() == 130
    assert time.monotonic() - asked < 3
    assert engine.last["event"] == "error" and engine.last["code"] == "cancelled"
    progress = load_checkpoint(Path(f"{job['model']}.checkpoint")).progress
    done = progress.epoch
    assert done >= 3
    # A stop between an epoch's score and the next step leaves nothing of that epoch to be told.
    is_scored = progress.curves[-1]["validation_accuracy"] is not None
    assert not Path(job["model"]).exists() and tiny.temporary_files() == []

    engine = start({**job, "epochs": done + 2, "resume": True})
    assert engine.finish() == 0
    first = next(e for e in engine.events if e["event"] == "metric")
    assert first["epoch"] == done + is_scored
    assert engine.last["epochs"] == done + 2


def test_the_death_of_the_parent_ends_the_engine(tiny: Any, start: Start) -> None:
    engine = start(tiny.train_job(epochs=5000))
    engine.wait_for(is_epoch(1))
    # What a dead parent looks like from here: both pipes are closed.
    engine.process.stdin.close()  # type: ignore[union-attr]
    engine.process.stdout.close()  # type: ignore[union-attr]
    assert engine.process.wait(5) == 130
    assert tiny.temporary_files() == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_signals_cancel(tiny: Any, start: Start, name: str) -> None:
    engine = start(tiny.train_job(epochs=5000))
    engine.wait_for(is_epoch(1))
    engine.process.send_signal(signal.Signals[name])
    assert engine.finish(5) == 130
    assert engine.last["code"] == "cancelled"


def test_a_job_that_does_not_listen_is_ended_in_time(tiny: Any, start: Start) -> None:
    engine = start(tiny.train_job(), script=DEAF)
    engine.wait_for(lambda event: event.get("message") == "deaf")
    assert len(tiny.temporary_files()) == 1
    asked = time.monotonic()
    engine.send("cancel\n")
    assert engine.finish() == 130
    assert 1.5 < time.monotonic() - asked < 4
    assert engine.last["code"] == "cancelled"
    assert tiny.temporary_files() == []


def test_cancel_while_starting(tiny: Any, start: Start) -> None:
    engine = start(tiny.train_job())
    engine.send("cancel\n")
    asked = time.monotonic()
    assert engine.finish() == 130
    assert time.monotonic() - asked < 5
    assert not Path(tiny.train_job()["model"]).exists()


def test_nothing_but_events_gets_into_the_stream(tiny: Any, start: Start) -> None:
    engine = start(tiny.train_job(epochs=1), script=NOISY)
    assert engine.finish() == 0
    log = engine.log.read_text(encoding="utf-8")
    assert all(word in log for word in ("printed", "written", "from a child"))


def test_a_defect_is_internal_and_its_traceback_is_in_the_log(tiny: Any, start: Start) -> None:
    script = (
        "import sys\nfrom mambahsi import runs, worker\n"
        "def run(job, feedback): raise ZeroDivisionError('ünexpected')\n"
        "runs.run = run\nworker.main(sys.argv[1:])"
    )
    engine = start(tiny.train_job(), script=script)
    assert engine.finish() == 70
    assert engine.last["code"] == "internal"
    assert "ZeroDivisionError: ünexpected" in engine.last["message"]
    assert "Traceback" in engine.log.read_text(encoding="utf-8")


def test_running_out_of_memory_is_a_lack_of_resources(tiny: Any, start: Start) -> None:
    script = (
        "import sys\nfrom mambahsi import runs, worker\n"
        "def run(job, feedback):\n    import torch\n    torch.empty(2**62, dtype=torch.uint8)\n"
        "runs.run = run\nworker.main(sys.argv[1:])"
    )
    engine = start(tiny.train_job(), script=script)
    assert engine.finish() == 1
    assert engine.last["code"] == "resource"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("no json", "not JSON"),
        ("[]", "no JSON object"),
        ('{"job": "bake"}', "bake"),
        ('{"job": "info", "modell": "x"}', "modell"),
        ('{"job": "assess", "classification": {"path": "x"}}', "reference"),
    ],
)
def test_what_is_no_job_exits_with_2(start: Start, text: str, named: str) -> None:
    engine = start(text)
    assert engine.finish() == 2
    assert engine.last["code"] == "job" and named in engine.last["message"]


def test_a_corrupt_scene_is_named_and_nothing_is_left(tiny: Any, start: Start) -> None:
    content = tiny.scene.read_bytes()
    tiny.scene.write_bytes(content[: len(content) // 2])
    engine = start(tiny.train_job(report=str(tiny.folder / "r.html")))
    assert engine.finish() == 1
    assert engine.last["code"] == "scene" and str(tiny.scene) in engine.last["message"]
    left = sorted(path.name for path in tiny.folder.iterdir())
    assert left == ["labels.gpkg", "scene.tif"]


def test_an_output_that_is_an_input_is_refused_before_any_work(tiny: Any, start: Start) -> None:
    before = tiny.scene.read_bytes()
    engine = start(tiny.train_job(model=str(tiny.scene)))
    assert engine.finish() == 1
    assert engine.last["code"] == "output" and "input" in engine.last["message"]
    assert tiny.scene.read_bytes() == before


def test_info_describes_the_engine(start: Start) -> None:
    engine = start({"job": "info"})
    assert engine.finish() == 0
    assert engine.last["devices"][0]["name"] == "cpu"
    assert engine.last["scans"]["reference"] == ""
    assert "torch" in engine.last["versions"]
