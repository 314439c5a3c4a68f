"""Devices and memory."""

from __future__ import annotations

import pytest
import torch

from mambahsi.devices import (
    SAFE_SHARE,
    choose_device,
    free_memory,
    gigabytes_text,
    list_devices,
    memory_budget,
    total_memory,
)
from mambahsi.errors import ResourceError

CPU = torch.device("cpu")


def test_the_user_s_budget_is_in_units_of_1e9_bytes() -> None:
    assert memory_budget(2.5, CPU).bytes == 2_500_000_000


def test_the_default_is_a_share_of_what_is_free_now() -> None:
    budget = memory_budget(0.0, CPU)
    assert budget.bytes == pytest.approx(SAFE_SHARE * free_memory(), rel=0.3)
    assert "free" in budget.reason


def test_free_memory_lies_within_the_total() -> None:
    # Between a thousandth and all of it: other units would be far off.
    assert total_memory() / 1000 < free_memory() <= total_memory()


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0.00 GB"), (1e6, "1 MB"), (99.96e6, "100 MB"), (1.2e8, "0.12 GB"), (2.5e9, "2.50 GB")],
)
def test_small_sizes_are_told_in_megabytes(size: float, text: str) -> None:
    assert gigabytes_text(size) == text


def test_cuda_is_refused_where_there_is_none() -> None:
    if torch.cuda.is_available():
        assert choose_device("auto").type == choose_device("cuda").type == "cuda"
        return
    assert choose_device("auto") == CPU
    with pytest.raises(ResourceError, match="cuda"):
        choose_device("cuda")


def test_the_cpu_is_always_a_device() -> None:
    assert choose_device("cpu") == CPU
    assert list_devices()[0]["name"] == "cpu"
