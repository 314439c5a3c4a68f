"""A small engine to install: two wheels of a few bytes in place of PyTorch and its companions.

The engine that verifies itself is a file that tells its name; everything else is what users run.
"""

from __future__ import annotations

import base64
import hashlib
import platform
import subprocess
import sys
import zipfile
from pathlib import Path

from mambahsi.feedback import CollectingFeedback
from mambahsi.installer import make


def write_wheel(folder: Path, name: str, version: str, size: int = 100) -> Path:
    """A wheel of one module; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    information = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    kind = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files = {
        f"{name}.py": b"#" * size + f"\nversion = {version!r}\n".encode(),
        f"{information}/METADATA": metadata.encode(),
        f"{information}/WHEEL": kind.encode(),
    }
    record = ""
    for path, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
        record += f"{path},sha256={digest},{len(content)}\n"
    files[f"{information}/RECORD"] = (record + f"{information}/RECORD,,\n").encode()
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return wheel


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Small:
    """A small engine to install: wheels, locks, and a package that verifies itself."""

    def __init__(self, folder: Path) -> None:
        self.wheels = folder / "wheels ä"
        self.core = folder / "core"
        (self.core / "mambahsi").mkdir(parents=True)
        (self.core / "mambahsi" / "__init__.py").touch()
        self.verdict("import torch, companion; print(torch.version, sys.argv)")
        torch = write_wheel(self.wheels, "torch", "2.13.0")
        self.companion = write_wheel(self.wheels, "companion", "1.0")
        self.lock(torch, self.companion)
        (self.core / "requirements-cuda.lock").write_text("# nothing\n")

    def lock(self, torch: Path, companion: Path) -> None:
        text = f"# Exact versions.\ncompanion==1.0 \\\n    --hash=sha256:{digest(companion)}\n"
        text += f"torch==2.13.0 \\\n    --hash=sha256:{digest(torch)}\n"
        (self.core / "requirements.lock").write_text(text)
        self.own(torch)

    def own(self, torch: Path, python: str = "") -> None:
        """Lock the build of PyTorch's own index for this computer, or for another Python's."""
        python = python or f"{sys.version_info[0]}.{sys.version_info[1]}"
        (self.core / "requirements-torch.lock").write_text(
            f"torch==2.13.0+cpu ; sys_platform == '{sys.platform}' and platform_machine == "
            f"'{platform.machine()}' and python_version == '{python}' \\\n"
            f"    --hash=sha256:{digest(torch)}\n"
        )

    def verdict(self, statement: str) -> None:
        (self.core / "mambahsi" / "__main__.py").write_text(f"import sys\n{statement}\n")

    def make(self, environment: Path, wheels: bool = True) -> CollectingFeedback:
        feedback = CollectingFeedback()
        make.make(environment, "cpu", str(self.wheels) if wheels else "", self.core, feedback)
        return feedback


def imported(environment: Path, module: str) -> str:
    """The version that a module has in an environment."""
    program = f"import {module}; print({module}.version)"
    run = [str(make.interpreter(environment)), "-c", program]
    return subprocess.run(run, capture_output=True, text=True, check=True).stdout.strip()


def nothing_left(environment: Path) -> bool:
    """Whether all that is left of an attempt is its lock, and what it has downloaded."""
    parent = environment.parent
    there = {path.name for path in parent.iterdir()} if parent.exists() else set()
    return all(name == "install.lock" or name.startswith("downloads-") for name in there)
