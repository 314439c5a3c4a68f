"""What the tests on a graphics card share. Without a card all of them skip, and say why.

Nothing here or in these tests needs rasterio but what says so: on a bare machine there are
Python, PyTorch, Triton and pytest alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec

import pytest
import torch

from mambahsi.devices import make_reproducible, release_memory
from mambahsi.scan import available_backends


def _no_card() -> str:
    if torch.cuda.is_available():
        return ""
    built = "finds no card" if torch.version.cuda else "was built without CUDA"
    return f"no CUDA device: PyTorch {torch.__version__} {built}"


@pytest.fixture(scope="session")
def device() -> torch.device:
    """The card, with the settings that every job of the engine makes."""
    reason = _no_card()
    if reason:
        pytest.skip(reason)
    device = torch.device("cuda", 0)
    make_reproducible(device)
    return device


@pytest.fixture
def triton(device: torch.device) -> torch.device:
    """The card, where our kernels are to run on it: a kernel that does not work is a failure."""
    if find_spec("triton") is None:
        pytest.skip("Triton is not installed")
    if torch.cuda.get_device_capability(device) < (8, 0):
        pytest.skip(f"{torch.cuda.get_device_name(device)} is older than the kernels are for")
    assert available_backends()["triton"] == ""
    return device


@pytest.fixture(autouse=True)
def memory_given_back() -> Iterator[None]:
    """Each test begins and ends with an empty card that may be used whole."""
    yield
    if torch.cuda.is_available():
        torch.cuda.set_per_process_memory_fraction(1.0, 0)
        release_memory(torch.device("cuda", 0))


@pytest.fixture
def peak_of(device: torch.device) -> Callable[[Callable[[], object]], int]:
    """Measures the peak of the card's memory that some work takes, inputs included."""

    def measure(work: Callable[[], object]) -> int:
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        work()
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_allocated(device)

    return measure
