"""What lasts and what interferes: long runs, two engines at once, a stop inside a kernel."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
import torch
from torch import Tensor

from mambahsi import cancellation
from mambahsi.checkpoint import load_checkpoint
from mambahsi.errors import Cancelled
from mambahsi.model_file import load_model
from mambahsi.network.mamba import Mamba
from mambahsi.scan import available_backends, set_threads

BACKENDS = [n for n in ("cpu", "torch") if not available_backends()[n]]

STEPS = 500
SETTLED = 50
"""Steps after which everything that is allocated once has been."""

RESIDENT = """
import json, sys
from mambahsi import jobs, runs
from mambahsi.feedback import Feedback

def resident():
    pages = int(open("/proc/self/statm").read().split()[1])
    return pages * 4096

class Watching(Feedback):
    resident = {}
    def metric(self, **values):
        self.resident[values["epoch"]] = resident()

feedback = Watching()
runs.run(jobs.from_json(json.loads(sys.argv[1])), feedback)
print(json.dumps(feedback.resident))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the resident memory from /proc")
def test_memory_stays_flat_over_many_steps(tiny: Any, engine_environment: dict[str, str]) -> None:
    job = tiny.train_job(epochs=STEPS, learning_rate=1e-3)
    run = subprocess.run(
        [sys.executable, "-c", RESIDENT, json.dumps(job)],
        env=engine_environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    resident = json.loads(run.stdout)
    assert len(resident) == STEPS
    # A single table of the scene's features is 0.1 MB, and one a step would be 50 MB.
    assert resident[str(STEPS)] - resident[str(SETTLED)] < 4e6


def test_two_engines_at_once_do_not_disturb_each_other(
    tiny: Any, tmp_path: Path, engine_environment: dict[str, str]
) -> None:
    """Both are the first on this machine, so they compile the kernels at once, too."""
    environment = {**engine_environment, "MAMBAHSI_CACHE_DIR": str(tmp_path / "cache")}

    def start(name: str) -> subprocess.Popen[bytes]:
        job = tiny.train_job(epochs=15, threads=2, model=str(tmp_path / f"{name}.safetensors"))
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(job), encoding="utf-8")
        return subprocess.Popen(
            [sys.executable, "-m", "mambahsi.worker", str(path), "--log", f"{path}.log"],
            # Their standard input stays open: its end would mean that QGIS is gone.
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env=environment,
        )

    def finish(process: subprocess.Popen[bytes]) -> int:
        try:
            return process.wait(120)
        finally:
            process.kill()
            process.wait()
            assert process.stdin is not None
            process.stdin.close()

    both = [start("one"), start("other")]
    assert [finish(process) for process in both] == [0, 0]
    assert finish(start("alone")) == 0
    one, other, alone = (
        load_model(tmp_path / f"{name}.safetensors") for name in ("one", "other", "alone")
    )
    for model in (one, other):
        assert model.curves == alone.curves
        assert all(torch.equal(model.weights[n], alone.weights[n]) for n in alone.weights)


def work(backend: str, length: int, backward: bool) -> Callable[[], list[Tensor]]:
    """A block over some tokens, or its gradients; what it gives is always the same.

    All tokens are one sequence where ``length`` is 0.
    """
    torch.manual_seed(0)
    block = Mamba(16, backend)
    length = length or TOKENS[backend]
    tokens = torch.randn(TOKENS[backend] // length, length, 16, requires_grad=True)
    if not backward:

        def forward() -> list[Tensor]:
            with torch.no_grad():
                return [block(tokens)]

        return forward
    out = block(tokens)
    weight = torch.randn_like(out)
    leaves = [tokens, *block.parameters()]

    def gradients() -> list[Tensor]:
        return list(torch.autograd.grad(out, leaves, weight, retain_graph=True))

    return gradients


def same(one: list[Tensor], other: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


# The second is not compiled.
TOKENS = {"cpu": 100_000, "torch": 20_000}
SHAPES = pytest.mark.parametrize("length", [0, 4], ids=["long", "short"])
DIRECTIONS = pytest.mark.parametrize("backward", [False, True], ids=["forward", "backward"])


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("backend", BACKENDS)
@SHAPES
@DIRECTIONS
def test_a_stop_reaches_a_kernel_in_the_middle(
    backend: str, length: int, backward: bool, threads: int
) -> None:
    set_threads(threads)
    run = work(backend, length, backward)
    expected = run()
    asked: list[float] = []

    def ask() -> None:
        time.sleep(0.05)
        asked.append(time.monotonic())
        cancellation.request()

    other = threading.Thread(target=ask)
    other.start()
    with pytest.raises(Cancelled):
        while True:
            run()
    assert time.monotonic() - asked[0] < 2
    other.join()
    # What the threads share is in order again.
    cancellation.reset()
    assert same(run(), expected)


@pytest.mark.parametrize("backend", BACKENDS)
@SHAPES
@DIRECTIONS
def test_kernels_look_for_a_stop_often_and_end_at_the_first_sight(
    backend: str, length: int, backward: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real flag is raised at a certain look, so that chance has no part in it."""
    set_threads(2)
    look = cancellation.raise_if_requested
    looks = 0
    stop_at = 0

    def counted() -> None:
        nonlocal looks
        looks += 1
        if looks == stop_at:
            cancellation.request()
        look()

    run = work(backend, length, backward)
    monkeypatch.setattr(cancellation, "raise_if_requested", counted)
    expected = run()
    whole = looks
    # At least once in so many tokens, which take a few hundredths of a second.
    assert whole >= TOKENS[backend] / 8192
    looks, stop_at = 0, whole // 2
    with pytest.raises(Cancelled):
        run()
    # Each thread may come to one more look before it stops.
    assert looks <= stop_at + 2
    stop_at = 0
    cancellation.reset()
    assert same(run(), expected)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for another process")
def test_ctrl_c_within_an_epoch_leaves_the_checkpoint_of_the_last_and_nothing_half_written(
    write_scene: Callable[..., Path],
    write_labels: Callable[..., Path],
    engine_environment: dict[str, str],
) -> None:
    """A scene so large that the signal falls into a kernel nearly for certain."""
    generator = np.random.default_rng(0)
    size = 120
    classes = np.add.outer(np.arange(size) // 30, np.arange(size) // 30) % 2
    cube = generator.normal(size=(6, size, size)) * 50 + classes * 100 + 500
    scene = write_scene(cube.astype(np.int16))
    corners = [(10 * c, 10 * r) for r in range(1, size, 30) for c in range(1, size, 30)]
    boxes = [shapely.box(5e5 + x, 5.8e6 - y - 200, 5e5 + x + 200, 5.8e6 - y) for x, y in corners]
    values = [int(classes[y // 10, x // 10]) + 1 for x, y in corners]
    labels = write_labels(boxes, **{"class": values})
    before = set(scene.parent.iterdir())
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "mambahsi", "train", "--scene", scene.name),
            *("--labels", labels.name, "--class-field", "class", "--model", "m.safetensors"),
            *("--report", "r.html", "--epochs", "1000", "--threads", "1"),
        ],
        cwd=scene.parent,
        env=engine_environment,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if re.search(r"Epoch \d", line):
                break
        asked = time.monotonic()
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
        assert process.wait(10) == 130
        assert time.monotonic() - asked < 5
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
    assert "Cancelled." in said and "Traceback" not in said
    checkpoint = scene.parent / "m.safetensors.checkpoint"
    assert set(scene.parent.iterdir()) == before | {checkpoint}
    assert load_checkpoint(checkpoint).progress.epoch >= 1
