"""Devices and memory."""

from __future__ import annotations

import pytest
import torch

from mambahsi.devices import (
    SAFE_SHARE,
    choose_device,
    free_memory,
    gigabytes_text,
    is_out_of_memory,
    list_devices,
    memory_budget,
    release_memory,
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
    for name in ("cuda", "cuda:1"):
        with pytest.raises(ResourceError, match=f"'{name}'.*only 'cpu'"):
            choose_device(name)


def test_running_out_of_memory_is_told_from_other_errors() -> None:
    with pytest.raises(RuntimeError) as told:
        torch.empty(2**62, dtype=torch.uint8)
    assert is_out_of_memory(told.value)
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory."))
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling"))
    with pytest.raises(RuntimeError) as told:
        torch.zeros(2, 3) @ torch.zeros(2, 3)
    assert not is_out_of_memory(told.value)
    assert not is_out_of_memory(ValueError("out of memory"))


def test_a_device_that_does_not_exist_is_answered_with_those_that_do() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    last = torch.cuda.device_count() - 1
    assert choose_device(f"cuda:{last}").index == last
    with pytest.raises(ResourceError, match=f"does not exist.*cuda:{last}"):
        choose_device(f"cuda:{last + 1}")


def test_page_locked_memory_goes_back_with_that_of_the_device(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given_back: list[str] = []
    name = "_host_emptyCache"
    monkeypatch.setattr(torch._C, name, lambda: given_back.append(name), raising=False)
    release_memory(CPU)
    assert not given_back
    release_memory(torch.device("cuda"))
    assert given_back == [name]
    # A PyTorch without CUDA has none, and does not know the function.
    monkeypatch.delattr(torch._C, name)
    release_memory(torch.device("cuda"))


def test_the_cpu_is_always_a_device() -> None:
    assert choose_device("cpu") == CPU
    assert list_devices()[0]["name"] == "cpu"
