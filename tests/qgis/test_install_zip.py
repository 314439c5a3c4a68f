"""The zip in QGIS's own plugin manager: installed, used, disabled, enabled, uninstalled.

A QGIS window of its own does it, in an empty profile (``install_session.py``).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What was in QGIS's registries after each stage."""
    for program in ("qgis", "xvfb-run"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed: make qgis")
    folder = tmp_path_factory.mktemp("install zip ä")
    made = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "assemble_plugin.py"), "zip", str(folder)],
        capture_output=True,
        text=True,
        check=True,
    )
    settings = folder / "profiles" / "profiles" / "default" / "QGIS" / "QGIS3.ini"
    settings.parent.mkdir(parents=True)
    settings.write_text("[qgis]\ncheckVersion=false\n")
    left_out = ("QT_QPA_PLATFORM", "QGIS_PLUGINPATH", "QGIS_CUSTOM_CONFIG_PATH", "DISPLAY")
    environment = {name: text for name, text in os.environ.items() if name not in left_out}
    environment |= {
        "ZIP": made.stdout.strip(),
        "RESULT": str(folder / "result.json"),
        "HOME": str(folder),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "XDG_DATA_HOME": str(folder / "data"),
        "MAMBAHSI_ENGINE_PYTHON": "",
        "PYTHONPATH": "",
    }
    qgis = ["qgis", "--noversioncheck", "--nologo", "--profiles-path", str(folder / "profiles")]
    script = str(Path(__file__).with_name("install_session.py"))
    session = subprocess.run(
        ["xvfb-run", "--auto-servernum", *qgis, "--profile", "default", "--code", script],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=300,
    )
    result = folder / "result.json"
    assert result.is_file(), session.stdout[-3000:]
    stages = json.loads(result.read_text(encoding="utf-8"))
    assert "failure" not in stages, stages["failure"]
    return stages


def test_installing_enables_the_plugin(stages: dict[str, Any]) -> None:
    installed = stages["installed"]
    assert installed["active"] and installed["files"]
    assert "mambahsi" in installed["providers"]
    assert "mambahsi:trainandclassify" in installed["algorithms"]
    assert "mambahsiToolBar" in installed["toolbars"]
    assert installed["setting"] in (True, "true")


def test_it_runs_from_the_zip(stages: dict[str, Any]) -> None:
    assert stages["engineinfo"]
    assert "mambahsiTrainingDock" in stages["used"]["docks"]
    # The stages see what they shall not find later.
    assert stages["used"]["alive"] and stages["used"]["modules"]


def test_disabling_leaves_only_its_files(stages: dict[str, Any]) -> None:
    left = {key: text for key, text in stages["disabled"].items() if text != stages["before"][key]}
    assert set(left) <= {"available", "files", "setting"}, left
    assert left["files"] is True


def test_it_can_be_enabled_again(stages: dict[str, Any]) -> None:
    # With the dock, which was open when it was disabled.
    assert stages["enabled"] == stages["used"]


def test_uninstalling_leaves_nothing(stages: dict[str, Any]) -> None:
    left = {
        key: text for key, text in stages["uninstalled"].items() if text != stages["before"][key]
    }
    # QGIS's own list of plugins that it could load is brought up to date when it starts.
    assert set(left) <= {"available"}, left
