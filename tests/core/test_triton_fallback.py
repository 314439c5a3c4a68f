"""What is said and done where the kernels for GPUs cannot run."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from mambahsi.errors import ResourceError
from mambahsi.feedback import CollectingFeedback
from mambahsi.runs.setup import tell_of_kernels
from mambahsi.scan import available_backends, resolve_backend
from mambahsi.scan.gpu import availability

needs_no_gpu = pytest.mark.skipif(
    availability.interpreted() or not available_backends()["triton"], reason="the kernels run here"
)


@needs_no_gpu
def test_the_log_names_why_and_what_is_used_instead() -> None:
    feedback = CollectingFeedback()
    tell_of_kernels("auto", "cuda", feedback)
    assert available_backends()["triton"] in feedback.warnings[-1]
    assert "plain PyTorch" in feedback.warnings[-1]
    feedback = CollectingFeedback()
    tell_of_kernels("torch", "cuda", feedback)
    assert not feedback.warnings and not feedback.logs


@needs_no_gpu
def test_asked_for_by_name_it_is_refused_with_the_reason() -> None:
    with pytest.raises(ResourceError, match="'triton' cannot run: there is no CUDA device"):
        resolve_backend("triton", "cuda")
    assert resolve_backend("auto", "cuda") == "torch"


ELSEWHERE = """
import json, sys
import torch
{before}
from mambahsi.scan import available_backends, resolve_backend
print(json.dumps([available_backends()["triton"], resolve_backend("auto", "cuda")]))
"""


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        (
            "torch.cuda.get_device_capability = lambda *_: (7, 5)\n"
            "torch.cuda.get_device_name = lambda *_: 'Old Card'",
            "Old Card has compute capability 7.5, and the kernels need 8.0 or more",
        ),
        ("sys.modules['triton'] = None", "Triton is not installed"),
        (
            "sys.modules['triton'] = None; sys.platform = 'win32'",
            "Triton is not installed, which PyTorch does not bring on Windows",
        ),
    ],
)
def test_a_gpu_that_cannot_be_used_is_told_by_its_reason(before: str, reason: str) -> None:
    """A process that believes to have a GPU."""
    program = ELSEWHERE.format(
        before="torch.cuda.is_available = lambda: True\n"
        "torch.cuda.get_device_capability = lambda *_: (9, 0)\n" + before
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == [reason, "torch"]
