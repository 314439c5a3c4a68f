"""The engine as a package; `make check-package` checks more."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import check_package


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy, because setuptools writes beside the sources."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    caches = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(check_package.ROOT / "core", source / "core", ignore=caches)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copyfile(check_package.ROOT / name, source / name)
    build = f"from setuptools import build_meta; build_meta.build_wheel({str(folder)!r})"
    subprocess.run([sys.executable, "-c", build], cwd=source, check=True, capture_output=True)
    (made,) = folder.glob("*.whl")
    return made


def test_wheel_is_complete_and_holds_nothing_else(wheel: Path) -> None:
    assert check_package.problems(wheel) == []


def test_problems_are_found(wheel: Path, tmp_path: Path) -> None:
    """The check sees what it is for: a table that is missing, and a test that came along."""
    spoiled = tmp_path / wheel.name
    with zipfile.ZipFile(wheel) as whole, zipfile.ZipFile(spoiled, "w") as archive:
        for name in whole.namelist():
            if not name.endswith("protocols.json"):
                archive.writestr(name, whole.read(name))
        archive.writestr("tests/test_scan.py", "")
    assert check_package.problems(spoiled) == [
        "mambahsi/benchmark/protocols.json is missing.",
        "tests/test_scan.py does not belong there.",
    ]
