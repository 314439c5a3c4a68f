"""Where a job runs, and how much memory it may take.

Memory is asked of the operating system without further packages. Inside a container the
limit of its control group counts, too, because the kernel kills at that limit however much
the machine has.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from mambahsi.allocator import spare_tables
from mambahsi.errors import ResourceError

SAFE_SHARE = 0.7
"""Share of the free memory that a job takes when the user sets no budget."""


@dataclass(frozen=True)
class MemoryBudget:
    """How much memory a job may take.

    Attributes:
        bytes: The budget.
        reason: Where the figure comes from, for messages.
    """

    bytes: int
    reason: str


def choose_device(name: str) -> torch.device:
    """The device that a job's ``device`` names.

    Args:
        name: ``"auto"`` (a CUDA device where there is one, else the CPU), ``"cpu"``, ``"cuda"``
            (the first one), or ``"cuda:1"`` for the second one, and so on.

    Raises:
        ResourceError: CUDA is asked for and cannot be used, or there are fewer such devices.
    """
    if name == "cpu":
        return torch.device("cpu")
    if torch.cuda.is_available():
        device = torch.device("cuda" if name == "auto" else name)
        count = torch.cuda.device_count()
        if (device.index or 0) >= count:
            found = ", ".join(f"cuda:{n} ({torch.cuda.get_device_name(n)})" for n in range(count))
            raise ResourceError(
                f"Device {name!r} does not exist: there {'are' if count > 1 else 'is'} {found}.",
                "Choose one of these, or device 'auto'.",
            )
        return device
    if name == "auto":
        return torch.device("cpu")
    built = "has no usable GPU" if torch.version.cuda else "holds a PyTorch built without CUDA"
    raise ResourceError(
        f"Device {name!r} is not available: this engine {built}, so there is only 'cpu'.",
        "Choose device 'auto' or 'cpu'.",
    )


def make_reproducible(device: torch.device) -> None:
    """Let what runs on a device give the same bits every time; to be called before it does.

    Without this, sums on a GPU are added in the order in which they happen to arrive, a seed
    would not give the same weights twice, and convolutions would be rounded to 10 bits (TF32).
    It is no option but always on. Kernels launched by Triton go to the current device, which is
    set, too.
    """
    if device.type != "cuda":
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    # Fills every new table before it is computed, which only helps to find defects.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
    torch.cuda.set_device(device.index or 0)


def choose_precision(name: str, device: torch.device) -> torch.dtype:
    """The type that a job's ``precision`` names.

    Raises:
        ResourceError: The device does not compute in it.
    """
    if name == "float32":
        return torch.float32
    # Older cards, and the CPU here, would only imitate it, at the cost of time.
    if device.type != "cuda" or torch.cuda.get_device_capability(device) < (8, 0):
        raise ResourceError(
            f"Precision {name!r} needs a GPU that computes in it (NVIDIA's from Ampere on), which "
            f"{describe_device(device)} is not.",
            "Leave the precision at 'float32'.",
        )
    return torch.bfloat16


def describe_device(device: torch.device) -> str:
    """The device by its full name, such as ``cuda (NVIDIA H100)``."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return device.type


def list_devices() -> list[dict[str, Any]]:
    """Every device as plain values: ``name``, ``description``, ``memory`` and ``free`` (bytes)."""
    devices: list[dict[str, Any]] = [
        {
            "name": "cpu",
            "description": f"{os.cpu_count() or 1} logical processors",
            "memory": total_memory(),
            "free": free_memory(),
        }
    ]
    if torch.cuda.is_available():
        for number in range(torch.cuda.device_count()):
            free, total = torch.cuda.mem_get_info(number)
            devices.append(
                {
                    "name": f"cuda:{number}",
                    "description": torch.cuda.get_device_name(number),
                    "memory": total,
                    "free": free,
                }
            )
    return devices


def memory_budget(gigabytes: float, device: torch.device) -> MemoryBudget:
    """The memory that a job may take on a device.

    Args:
        gigabytes: The user's budget in GB (1e9 bytes); 0 takes :data:`SAFE_SHARE` of what is
            free on the device now.
        device: Where the network runs.
    """
    if device.type == "cpu":
        # What inference keeps for the next map is no foreign memory, and in no prediction.
        spare_tables.drop()
    if gigabytes > 0:
        return MemoryBudget(int(gigabytes * 1e9), "the job's memory budget")
    if device.type == "cuda":
        # What PyTorch keeps for later does not count as free before it is given back.
        release_memory(device)
        free = torch.cuda.mem_get_info(device)[0]
    else:
        free = free_memory()
    return MemoryBudget(
        int(free * SAFE_SHARE), f"{SAFE_SHARE:.0%} of the {gigabytes_text(free)} that are free"
    )


def gigabytes_text(size: float) -> str:
    """A size in bytes for people, in GB of 1e9 bytes; in MB where that says more."""
    return f"{size / 1e9:.2f} GB" if size >= 1e8 or not size else f"{size / 1e6:.3g} MB"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory, of a GPU or of the machine, has run out."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    # Libraries below PyTorch tell it in words only.
    return isinstance(error, RuntimeError) and any(
        text in str(error)
        for text in (
            "out of memory",
            "cudaErrorMemoryAllocation",
            "CUBLAS_STATUS_ALLOC_FAILED",
            "CUDNN_STATUS_ALLOC_FAILED",
            "DefaultCPUAllocator: can't allocate memory",
            "DefaultCPUAllocator: not enough memory",
        )
    )


def first_line(error: BaseException) -> str:
    """What an error says, in one line."""
    return (str(error) or type(error).__name__).splitlines()[0]


def release_memory(device: torch.device) -> None:
    """Give back what nothing refers to any more.

    To be called when an error has been left behind: as long as it exists, the frames that it
    came through keep their tensors alive.
    """
    spare_tables.drop()
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
        release_locked_memory()


def release_locked_memory() -> None:
    """Give back the page-locked memory that nothing refers to any more.

    PyTorch keeps it for later, and no other program can take it meanwhile, not even by swapping.
    """
    # Only a PyTorch with CUDA has it; the public name came later than the oldest that may be used.
    give_back = getattr(torch._C, "_host_emptyCache", None)
    if give_back is not None:
        give_back()


def total_memory() -> int:
    """Bytes of main memory, or the control group's limit where that is lower."""
    if sys.platform == "win32":
        return _windows_memory()[0]
    total = int(os.sysconf("SC_PAGE_SIZE")) * int(os.sysconf("SC_PHYS_PAGES"))
    limit = _control_group()[0]
    return total if limit is None else min(total, limit)


def free_memory() -> int:
    """Bytes that a program can take now without pushing others out.

    On macOS, which tells this only through private interfaces, half of the main memory.
    """
    if sys.platform == "win32":
        return _windows_memory()[1]
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return total_memory() // 2
    sizes = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}
    available = sizes.get("MemAvailable", sizes["MemFree"])
    limit, used = _control_group()
    return available if limit is None else max(0, min(available, limit - used))


def _control_group() -> tuple[int | None, int]:
    """Memory limit of this process's control group, or None, and what counts against it.

    Cached files that the kernel can drop at once do not count.
    """
    for folder, limit_name, used_name, cached_name in (
        (Path("/sys/fs/cgroup"), "memory.max", "memory.current", "inactive_file"),
        (
            Path("/sys/fs/cgroup/memory"),
            "memory.limit_in_bytes",
            "memory.usage_in_bytes",
            "total_inactive_file",
        ),
    ):
        try:
            limit = int((folder / limit_name).read_text())
            used = int((folder / used_name).read_text())
            statistics = (folder / "memory.stat").read_text().splitlines()
        except (OSError, ValueError):  # not this version, or "max": no limit
            continue
        cached = next((int(s.split()[1]) for s in statistics if s.split()[0] == cached_name), 0)
        return limit, max(0, used - cached)
    return None, 0


def _windows_memory() -> tuple[int, int]:
    """Total and available bytes, from ``GlobalMemoryStatusEx``."""

    class Status(ctypes.Structure):
        _fields_ = [
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            ("total", ctypes.c_ulonglong),
            ("available", ctypes.c_ulonglong),
            *((f"unused_{n}", ctypes.c_ulonglong) for n in range(5)),
        ]

    status: Any = Status()
    status.length = ctypes.sizeof(Status)
    kernel: Any = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]
    kernel.GlobalMemoryStatusEx(ctypes.byref(status))
    return int(status.total), int(status.available)
