"""The GPU kernels' tests run in Triton's interpreter, which takes a process for each file."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "interpreted"
FILES = sorted(FOLDER.glob("test_*.py"))

Run = subprocess.CompletedProcess[str]


def interpret(file: Path) -> Run:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(file)],
        env={**os.environ, "TRITON_INTERPRET": "1"},
        cwd=FOLDER.parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture(scope="module")
def runs() -> Iterator[dict[Path, Future[Run]]]:
    """All files' runs; two at a time, because the interpreter takes one processor."""
    with ThreadPoolExecutor(2) as pool:
        yield {file: pool.submit(interpret, file) for file in FILES}
        pool.shutdown(cancel_futures=True)


@pytest.mark.skipif(find_spec("triton") is None, reason="Triton is not installed")
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_kernels_in_the_interpreter(file: Path, runs: dict[Path, Future[Run]]) -> None:
    run = runs[file].result()
    assert run.returncode == 0, run.stdout
