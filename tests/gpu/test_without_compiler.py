"""Triton's kernels run where there is neither a C compiler nor Python's headers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

SCRIPT = """
from triton.runtime import driver

from mambahsi.scan.backends import available_backends
from mambahsi.scan.gpu.driver import DriverWithoutCompiler

problem = available_backends()["triton"]
assert not problem, problem
assert isinstance(driver.active, DriverWithoutCompiler), driver.active
"""


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_the_self_check_passes_without_a_compiler(tmp_path: Path) -> None:
    # A compiler that is not there, and nothing that an earlier run has built.
    surroundings = {"CC": str(tmp_path / "none"), "TRITON_CACHE_DIR": str(tmp_path / "cache")}
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, **surroundings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert run.returncode == 0, run.stdout
