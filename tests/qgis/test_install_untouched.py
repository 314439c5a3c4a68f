"""Installing the engine leaves every other Python as it was: QGIS's, and the one it is made from.

The algorithm, the worker, ``venv`` and pip are those that users run. The packages are two wheels
of a few bytes in place of PyTorch and its companions, and the new engine's own check is a file
that imports them.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qgis.core import QgsProcessingContext

WHERE = """
import json, site, sys
from importlib import metadata
names = sorted(f"{d.metadata['Name']} {d.version}" for d in metadata.distributions())
print(json.dumps([names, [p for p in [*sys.path, site.getusersitepackages()] if "-packages" in p]]))
"""
"""What ``pip list`` tells, for a Python that may have no pip, and the folders that it looks in."""


def write_wheel(folder: Path, name: str, version: str) -> str:
    """A wheel of one module; gives its digest."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    about = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{name}.py", f"version = {version!r}\n")
        wheel.writestr(
            f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        wheel.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{about}/RECORD", "")
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture()
def wheels(
    no_engine: None, provider: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A folder of wheels, and a plugin whose engine consists of them."""
    from mambahsi_qgis import paths
    from mambahsi_qgis.engine import installed

    folder = tmp_path / "wheels ä"
    folder.mkdir()
    core = tmp_path / "core"
    shutil.copytree(paths.part("core"), core, ignore=shutil.ignore_patterns("__pycache__"))
    torch, other = write_wheel(folder, "torch", "2.13.0"), write_wheel(folder, "companion", "1.0")
    locked = (("companion==1.0", other), ("torch==2.13.0", torch))
    lines = [f"{name} \\\n    --hash=sha256:{digest}\n" for name, digest in locked]
    (core / "requirements.lock").write_text("".join(lines))
    for name in ("requirements-cuda.lock", "requirements-torch.lock"):
        (core / name).write_text("# nothing\n")
    (core / "mambahsi" / "__main__.py").write_text("import torch, companion\n")
    original = paths.part
    monkeypatch.setattr(paths, "part", lambda name: core if name == "core" else original(name))
    monkeypatch.setattr(installed, "parent", lambda: tmp_path / "Profil ä" / "mambahsi")
    installed._digest.cache_clear()
    yield folder
    installed._digest.cache_clear()


def told_by(python: str) -> tuple[list[str], list[str]]:
    """Packages of a Python, and the folders that they are in."""
    names, folders = json.loads(subprocess.check_output([python, "-c", WHERE], text=True))
    return names, folders


def digests(folders: list[str]) -> dict[str, str]:
    """Digests of all files below; bytecode, which any Python may write at any time, left out."""
    found = {}
    for folder in dict.fromkeys(folders):
        for parent, inner, files in os.walk(folder):
            inner[:] = [name for name in inner if name != "__pycache__"]
            for name in files:
                path = Path(parent, name)
                if path.is_file():
                    found[str(path)] = hashlib.blake2b(path.read_bytes()).hexdigest()
    return found


def run(provider: Any, told: Any, **parameters: Any) -> dict[str, Any]:
    algorithm = provider.algorithm("installengine").create()
    result, accepted = algorithm.run(parameters, QgsProcessingContext(), told)
    assert accepted, told.errors
    return result


@pytest.mark.skipif(sys.platform != "linux", reason="where a system keeps its Pythons differs")
def test_other_pythons_are_byte_for_byte_as_before(
    provider: Any, wheels: Path, told: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mambahsi_qgis.engine.pythons import find_python

    base, _ = find_python()
    assert base is not None
    if not base.pip:
        pytest.skip(f"{base.path} brings no pip, which would have to be fetched")
    # As somebody may have told pip for other purposes.
    settings = tmp_path / "pip.conf"
    settings.write_text("[global]\nuser = true\nbreak-system-packages = true\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(settings))
    monkeypatch.setenv("PYTHONUSERBASE", str(tmp_path / "users"))
    pythons = {str(base.path), sys.executable}
    lists = {python: told_by(python) for python in pythons}
    own = [folder for _, folders in lists.values() for folder in folders]
    own += [folder for folder in sys.path if folder.endswith(("packages", "qgis/python"))]
    before = digests(own)
    assert len(before) > 100

    result = run(provider, told, VARIANT="cpu", WHEELS=str(wheels), AGREE=True)
    engine = Path(result["ENGINE_PYTHON"])
    assert "companion 1.0" in told_by(str(engine))[0]

    after = digests(own)
    assert {path for path in before | after if before.get(path) != after.get(path)} == set()
    assert {python: told_by(python) for python in pythons} == lists
    assert not (tmp_path / "users").exists()
    run(provider, told, ACTION="uninstall", AGREE=True)
    assert not engine.exists()
    assert digests(own) == before
