"""The Mamba blocks of others, fetched when they are needed and never kept in the project.

- ``reference``: the function ``selective_scan_ref`` of mamba-ssm. There are no wheels of that
  package, and importing it needs its CUDA extension; so its source distribution is unpacked,
  nothing of it is built or run, and this one function is cut out of its module.
- ``mambapy``: the block of the package of that name, parallel scan in plain PyTorch.

pip fetches both, with whatever index the user has configured.
"""

from __future__ import annotations

import ast
import importlib
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.common.folders import FOLDER
from benchmarks.common.formulation import BlockMaker

PACKAGES = FOLDER / "packages"
SCAN_SOURCE = PACKAGES / "selective_scan_interface.py"
VERSIONS = {"mamba-ssm": "2.3.2.post1", "mambapy": "1.2.0", "einops": "0.8.2"}

STATES = 16
TAPS = 4


def fetch() -> None:
    """Download what is not there yet.

    Raises:
        SystemExit: pip could not.
    """
    PACKAGES.mkdir(parents=True, exist_ok=True)
    missing = [name for name in ("mambapy", "einops") if not (PACKAGES / name).is_dir()]
    if missing:
        wanted = [f"{name}=={VERSIONS[name]}" for name in missing]
        run = _pip("install", "--no-deps", "--target", str(PACKAGES), *wanted)
        if run.returncode:
            raise SystemExit(f"{run.stderr}\nCould not install {' and '.join(wanted)}.")
    if not SCAN_SOURCE.exists():
        _fetch_scan_source()


def _fetch_scan_source() -> None:
    """Unpack mamba-ssm's source distribution, without building it, and take one file."""
    folder = FOLDER / "unpacked"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        # pip downloads and unpacks first, then asks for the build's requirements, which are
        # not there; what it has unpacked stays.
        run = _pip(
            *("download", "--no-deps", "--no-binary", "mamba-ssm", "--no-build-isolation"),
            *("--check-build-dependencies", "--no-clean", "--dest", str(folder)),
            f"mamba-ssm=={VERSIONS['mamba-ssm']}",
            temporary=folder,
        )
        found = sorted(folder.rglob("mamba_ssm/ops/selective_scan_interface.py"))
        if not found:
            raise SystemExit(f"{run.stderr}\nCould not download mamba-ssm's source.")
        partial = SCAN_SOURCE.with_suffix(".partial")
        shutil.copyfile(found[0], partial)
        partial.replace(SCAN_SOURCE)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _pip(*arguments: str, temporary: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pip", arguments[0], "--quiet", "--no-input"]
    environment = os.environ | ({"TMPDIR": str(temporary)} if temporary else {})
    command += ["--disable-pip-version-check", *arguments[1:]]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


def make_blocks(name: str) -> BlockMaker:
    """What makes the Mamba blocks of a comparator, ``reference`` or ``mambapy``."""
    if str(PACKAGES) not in sys.path:
        sys.path.append(str(PACKAGES))
    if name == "reference":
        scan = load_reference_scan()
        return lambda width: ReferenceBlock(width, scan)
    module: Any = importlib.import_module("mambapy.mamba")
    return lambda width: module.MambaBlock(module.MambaConfig(d_model=width, n_layers=1))


def load_reference_scan() -> Callable[..., Tensor]:
    """mamba-ssm's ``selective_scan_ref``, alone.

    Raises:
        SystemExit: The file does not hold it.
    """
    text = SCAN_SOURCE.read_text(encoding="utf-8")
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef) and node.name == "selective_scan_ref":
            einops: Any = importlib.import_module("einops")
            names: dict[str, Any] = {"torch": torch, "F": F}
            names |= {"rearrange": einops.rearrange, "repeat": einops.repeat}
            exec(compile(ast.Module([node], []), str(SCAN_SOURCE), "exec"), names)
            return names["selective_scan_ref"]
    raise SystemExit(f"{SCAN_SOURCE} holds no function selective_scan_ref.")


class ReferenceBlock(nn.Module):
    """A Mamba block around a scan function with mamba-ssm's arguments.

    Gu and Dao 2023, arXiv:2312.00752, section 3.4, with the layout that the scan takes:
    (batch, channels, length).
    """

    def __init__(self, width: int, scan: Callable[..., Tensor]) -> None:
        super().__init__()
        channels = 2 * width
        self.rank = math.ceil(width / 16)
        self.scan = scan
        self.in_proj = nn.Linear(width, 2 * channels, bias=False)
        self.conv1d = nn.Conv1d(channels, channels, TAPS, groups=channels, padding=TAPS - 1)
        self.x_proj = nn.Linear(channels, self.rank + 2 * STATES, bias=False)
        self.dt_proj = nn.Linear(self.rank, channels)
        self.A_log = nn.Parameter(torch.zeros(channels, STATES))
        self.D = nn.Parameter(torch.ones(channels))
        self.out_proj = nn.Linear(channels, width, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Give (sequences, length, width) for the same."""
        length = tokens.shape[1]
        x, gate = self.in_proj(tokens).transpose(1, 2).chunk(2, dim=1)
        x = F.silu(self.conv1d(x)[..., :length])
        drive = self.x_proj(x.transpose(1, 2))
        step, into, out_of = drive.split([self.rank, STATES, STATES], dim=2)
        mixed = self.scan(
            x,
            (step @ self.dt_proj.weight.t()).transpose(1, 2).contiguous(),
            -torch.exp(self.A_log),
            into.transpose(1, 2).contiguous(),
            out_of.transpose(1, 2).contiguous(),
            self.D,
            gate,
            self.dt_proj.bias,
            delta_softplus=True,
        )
        return self.out_proj(mixed.transpose(1, 2))
