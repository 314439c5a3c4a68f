"""Which Python is taken for the engine's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qgis.core import QgsSettings


@pytest.fixture()
def setting(no_engine: None) -> Iterator[Any]:
    from mambahsi_qgis.engine.locate import SETTING

    yield lambda value: QgsSettings().setValue(SETTING, str(value))
    QgsSettings().remove(SETTING)


def interpreter(folder: Path, name: str = "bin/python3") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_setting_wins_over_the_environment(
    setting: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mambahsi_qgis.engine.locate import find_engine

    chosen, other = interpreter(tmp_path / "a"), interpreter(tmp_path / "b")
    monkeypatch.setenv("MAMBAHSI_ENGINE_PYTHON", str(other))
    assert find_engine().python == other
    setting(chosen)
    assert find_engine().python == chosen


def test_folder_of_an_environment_will_do(setting: Any, tmp_path: Path) -> None:
    from mambahsi_qgis.engine.locate import find_engine

    # A virtual environment's interpreter is a link; what it leads to is another Python.
    system = interpreter(tmp_path / "usr")
    link = tmp_path / "env" / "bin" / "python3"
    link.parent.mkdir(parents=True)
    link.symlink_to(system)
    setting(tmp_path / "env")
    assert find_engine().python == link


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda path: None, "does not exist"),
        (lambda path: path.mkdir(), "holds no Python"),
        (lambda path: path.write_text("no program"), "cannot be executed"),
    ],
)
def test_setting_that_leads_nowhere_is_told_not_passed_over(
    setting: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Any, problem: str
) -> None:
    from mambahsi_qgis.engine.locate import find_engine

    monkeypatch.setenv("MAMBAHSI_ENGINE_PYTHON", str(interpreter(tmp_path / "good")))
    chosen = tmp_path / "chosen"
    make(chosen)
    setting(chosen)
    engine = find_engine()
    assert engine.python is None
    assert str(chosen) in engine.problem
    assert problem in engine.problem


def test_engine_of_the_plugin_comes_last(
    setting: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mambahsi_qgis.engine import installed
    from mambahsi_qgis.engine.jobs import folders
    from mambahsi_qgis.engine.locate import find_engine

    monkeypatch.setattr(installed, "parent", lambda: tmp_path / "profile")
    python = interpreter(installed.current())
    folders.write_stamp(installed.current(), {})
    assert find_engine().python == python
    other = interpreter(tmp_path)
    monkeypatch.setenv("MAMBAHSI_ENGINE_PYTHON", str(other))
    assert find_engine().python == other


def test_environment_keeps_qgis_out_of_the_engine(
    provider: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mambahsi_qgis.engine.environment import engine_environment

    foreign = (
        "PYTHONHOME", "PYTHONSTARTUP", "GDAL_DATA", "GDAL_DRIVER_PATH", "PROJ_LIB", "PROJ_DATA",
        "QT_PLUGIN_PATH", "LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH",
    )  # fmt: skip
    for name in foreign:
        monkeypatch.setenv(name, "/of/qgis")
    monkeypatch.setenv("PYTHONPATH", "/of/qgis")
    monkeypatch.setenv("HTTPS_PROXY", "kept")
    environment = engine_environment()
    assert not set(foreign) & set(environment)
    assert environment["HTTPS_PROXY"] == "kept"
    assert environment["PYTHONUTF8"] == environment["PYTHONNOUSERSITE"] == "1"
    assert (Path(environment["PYTHONPATH"]) / "mambahsi" / "worker.py").is_file()
    for cache in ("MAMBAHSI_CACHE_DIR", "PYTHONPYCACHEPREFIX"):
        assert Path(environment[cache]).is_dir()
        assert "mambahsi_qgis" not in environment[cache]


def test_folders_of_qgis_leave_the_path(provider: Any) -> None:
    from mambahsi_qgis.engine.environment import cleaned

    path = os.pathsep.join(["/apps/qgis/bin", "/apps/qgis", "/apps/qgis-other/bin", "/usr/bin"])
    kept = cleaned({"PATH": path, "A": "1"}, ["/apps/qgis"])
    assert kept == {"PATH": os.pathsep.join(["/apps/qgis-other/bin", "/usr/bin"]), "A": "1"}
    assert cleaned({"PATH": path}, []) == {"PATH": path}
