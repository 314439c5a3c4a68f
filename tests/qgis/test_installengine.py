"""The algorithm that installs the engine, and which engine is found afterwards."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qgis.core import QgsProcessingContext, QgsProcessingException, QgsSettings


@pytest.fixture()
def profile(no_engine: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place for engines."""
    from mambahsi_qgis.engine import installed

    place = tmp_path / "Profil ä" / "mambahsi"
    monkeypatch.setattr(installed, "parent", lambda: place)
    return place


def run(provider: Any, told: Any, **parameters: Any) -> dict[str, Any]:
    algorithm = provider.algorithm("installengine").create()
    result, accepted = algorithm.run(parameters, QgsProcessingContext(), told)
    return result if accepted else {}


def engine_in(folder: Path, whole: bool) -> Path:
    from mambahsi_qgis.engine.jobs import folders

    python = folder / "bin" / "python3"
    python.parent.mkdir(parents=True)
    python.write_bytes(b"x" * 1000)
    if whole:
        folders.write_stamp(folder, {"variant": "cpu", "bytes": 1000})
    return python


def test_half_made_engine_is_not_used(profile: Path) -> None:
    from mambahsi_qgis.engine import installed
    from mambahsi_qgis.engine.jobs import folders
    from mambahsi_qgis.engine.locate import find_engine

    python = engine_in(installed.current(), whole=False)
    assert find_engine().python is None
    assert "installengine" in find_engine().problem
    folders.write_stamp(installed.current(), {})
    assert find_engine().python == python


def test_engine_of_another_version_is_told_of(profile: Path) -> None:
    from mambahsi_qgis.engine.locate import find_engine

    engine_in(profile / "engine-0123", whole=True)
    assert find_engine().python is None
    assert "other packages" in find_engine().problem


def test_nothing_is_installed_without_a_yes(provider: Any, profile: Path, told: Any) -> None:
    assert run(provider, told, VARIANT="cpu") == {}
    message = "\n".join(told.errors)
    assert str(profile) in message
    assert "GB" in message
    assert "AGREE" in message
    assert not profile.exists()


def test_python_that_cannot_serve_is_named(
    provider: Any, profile: Path, told: Any, tmp_path: Path
) -> None:
    wrong = tmp_path / "python"
    wrong.write_text("#!/bin/sh\nexit 3\n")
    wrong.chmod(0o755)
    assert run(provider, told, PYTHON=str(wrong), AGREE=True) == {}
    assert str(wrong) in "\n".join(told.errors)
    assert not profile.exists()


def test_suitable_python_is_found_and_is_not_qgis(provider: Any) -> None:
    from mambahsi_qgis.engine.pythons import examine, find_python

    found, asked = find_python()
    assert found is not None
    assert found.path != Path(sys.executable)
    assert examine(found.path).version == found.version
    assert all(candidate.problem or not candidate.pip for candidate in asked[:-1])


def test_engines_are_removed_only_with_a_yes(provider: Any, profile: Path, told: Any) -> None:
    from mambahsi_qgis.engine import installed

    engine_in(profile / "engine-old", whole=True)
    current = engine_in(installed.current(), whole=True)
    assert run(provider, told, ACTION="clean") == {}
    assert (profile / "engine-old").exists()
    result = run(provider, told, ACTION="clean", AGREE=True)
    assert result["BYTES"] >= 1000
    assert not (profile / "engine-old").exists()
    assert current.exists()
    run(provider, told, ACTION="uninstall", AGREE=True)
    assert not installed.current().exists()


@pytest.fixture()
def proxy() -> Iterator[None]:
    from qgis.core import QgsNetworkAccessManager

    settings = QgsSettings()
    values = {
        "proxyEnabled": True, "proxyType": "HttpProxy", "proxyHost": "proxy.example",
        "proxyPort": 8080, "proxyUser": "anna@work", "proxyPassword": "p/w",
        "noProxyUrls": ["https://packages.example/simple", "intranet"],
    }  # fmt: skip
    for name, value in values.items():
        settings.setValue(f"proxy/{name}", value)
    QgsNetworkAccessManager.instance().setupDefaultProxyAndCache()
    yield
    for name in values:
        settings.remove(f"proxy/{name}")
    QgsNetworkAccessManager.instance().setupDefaultProxyAndCache()


def test_qgis_proxy_and_index_reach_pip(provider: Any, proxy: None, tmp_path: Path) -> None:
    from mambahsi_qgis.engine import network

    found = network.surroundings(tmp_path, "https://packages.example/simple")
    assert found["HTTPS_PROXY"] == "http://anna%40work:p%2Fw@proxy.example:8080"
    assert found["PIP_INDEX_URL"] == "https://packages.example/simple"
    assert found["NO_PROXY"] == found["no_proxy"] == "packages.example,intranet"


def test_a_python_that_cannot_download_is_not_taken(provider: Any, tmp_path: Path) -> None:
    """Its module ssl is there, but what that needs is not, as in folders moved on Windows."""
    from mambahsi_qgis.engine.pythons import examine

    subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", str(tmp_path)], check=True)
    python = tmp_path / "bin" / "python"
    assert not examine(python).problem
    packages = next((tmp_path / "lib").glob("python3.*")) / "site-packages"
    (packages / "broken.pth").write_text("import sys; sys.modules['ssl'] = None\n")
    assert "ssl" in examine(python).problem


def test_no_program_of_the_working_folder_is_taken(
    provider: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mambahsi_qgis.engine import pythons

    planted = tmp_path / "python3"
    planted.write_text("#!/bin/sh\n")
    planted.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", os.pathsep.join([".", os.environ["PATH"]]))
    assert all(place.is_absolute() for place in pythons._places())


def test_without_settings_pip_is_left_alone(provider: Any, tmp_path: Path) -> None:
    from mambahsi_qgis.engine import network

    assert network.surroundings(tmp_path) == {}


def test_busy_installation_is_not_removed(profile: Path) -> None:
    from mambahsi_qgis.engine import installed
    from mambahsi_qgis.engine.jobs import folders

    old = profile / "engine-old"
    engine_in(old, whole=False)
    with folders.locked(profile), pytest.raises(QgsProcessingException, match="running"):
        installed.remove([old])
    assert old.exists()


# Passwords -------------------------------------------------------------------------------------

SECRET = "pass-5f1d"
NO_PLACE = f"https://anna:{SECRET}@packages.example/simple"


def files_with(text: str, *folders: str) -> list[Path]:
    """Files below folders that hold a text."""
    found = []
    for folder in folders:
        files = (path for path in Path(folder).rglob("*") if path.is_file())
        found += [path for path in files if text.encode() in path.read_bytes()]
    return found


@pytest.mark.parametrize("place", ["parameter", "setting"])
def test_password_in_an_address_is_refused(
    place: str, provider: Any, profile: Path, told: Any
) -> None:
    from mambahsi_qgis.engine.network import INDEX_SETTING

    if place == "setting":
        QgsSettings().setValue(INDEX_SETTING, NO_PLACE)
    given = {"INDEX": NO_PLACE} if place == "parameter" else {}
    try:
        algorithm = provider.algorithm("installengine").create()
        accepted, message = algorithm.checkParameterValues(given, QgsProcessingContext())
    finally:
        QgsSettings().remove(INDEX_SETTING)
    assert not accepted
    assert ".netrc" in message
    assert SECRET not in message


@pytest.mark.parametrize("action", ["clean", "uninstall"])
def test_setting_with_a_password_does_not_keep_from_removing(provider: Any, action: str) -> None:
    """It may have been set by an earlier version, or by hand; removing asks no index."""
    from mambahsi_qgis.engine.network import INDEX_SETTING

    QgsSettings().setValue(INDEX_SETTING, NO_PLACE)
    try:
        algorithm = provider.algorithm("installengine").create()
        context = QgsProcessingContext()
        accepted, message = algorithm.checkParameterValues({"ACTION": action}, context)
    finally:
        QgsSettings().remove(INDEX_SETTING)
    assert accepted, message


@pytest.mark.parametrize(
    ("address", "refused"),
    [
        ("https://packages.example/simple", False),
        ("", False),
        ("https://packages.example/@team/simple", False),
        ("https://anna@packages.example/simple", True),
        ("anna:word@packages.example/simple", True),
        (" https://anna:w@rd@packages.example/simple", True),
    ],
)
def test_which_addresses_hold_a_user(provider: Any, address: str, refused: bool) -> None:
    from mambahsi_qgis.engine.network import index_problem

    assert bool(index_problem(address)) is refused


def test_history_of_processing_never_holds_a_password(
    provider: Any, profile: Path, qgis_iface: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through QGIS's own dialog, which writes down what it runs, and does not run this."""
    from mambahsi_qgis.gui.algorithm_dialog import open_dialog
    from qgis.core import QgsApplication
    from qgis.gui import QgsBrowserGuiModel
    from qgis.PyQt.QtCore import QTimer
    from qgis.PyQt.QtWidgets import QApplication, QMessageBox

    model = QgsBrowserGuiModel()
    monkeypatch.setattr(qgis_iface, "browserModel", lambda: model, raising=False)
    # QGIS tells in a window of its own why it does not run an algorithm.
    said: list[str] = []

    def close_message() -> None:
        message = QApplication.activeModalWidget()
        if isinstance(message, QMessageBox):
            said.append(message.text())
            message.accept()

    timer = QTimer()
    timer.timeout.connect(close_message)
    timer.start(100)
    dialog = open_dialog("mambahsi:installengine", {"INDEX": NO_PLACE, "ACTION": "clean"})
    dialog.runAlgorithm()
    timer.stop()
    shown = dialog.createProcessingParameters()
    dialog.close()
    assert any(".netrc" in text for text in said)
    assert shown["INDEX"] == NO_PLACE
    assert files_with(SECRET, QgsApplication.qgisSettingsDirPath()) == []


# The words of an installation --------------------------------------------------------------------


def test_causes_of_a_failure_speak_the_users_language(
    provider: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mambahsi_qgis import translation
    from mambahsi_qgis.engine import process

    error = {"code": "install-proxy", "message": "Installing failed (407)", "hint": "Check it."}
    lines = process._error_message(error, tmp_path).splitlines()
    assert lines == ["Installing failed (407)", "Check it."]
    catalog = translation._read(Path("resources/i18n/mambahsi_zh_CN.ts").resolve())
    monkeypatch.setattr(translation, "catalog", lambda: catalog)
    lines = process._error_message(error, tmp_path).splitlines()
    assert lines[0] == "代理拒绝了连接。"
    assert "代理" in lines[1]
    # Advice about this very case stays, in English; a hint that was translated does not.
    assert lines[2:] == ["Installing failed (407)", "Check it."]
    error["hint"] = process.install_texts.CAUSES["proxy"][1]
    assert len(process._error_message(error, tmp_path).splitlines()) == 3
    other = {"code": "scene", "message": "No scene.", "hint": ""}
    assert process._error_message(other, tmp_path) == "No scene."


def test_every_cause_has_words(provider: Any) -> None:
    """Whatever code the installer gives an error, the plugin knows a message and a hint for it."""
    from mambahsi_qgis import paths
    from mambahsi_qgis.engine.jobs import install_texts

    codes = set()
    for file in (paths.part("core") / "mambahsi").rglob("install*/*.py"):
        text = file.read_text(encoding="utf-8")
        codes |= set(re.findall(r'InstallError\(\s*"(\w+)"', text))
        codes |= set(re.findall(r'Cause\(\s*"(\w+)"', text))
    assert len(codes) > 15
    assert codes <= set(install_texts.CAUSES)
    assert all(message and hint for message, hint in install_texts.CAUSES.values())


def test_steps_speak_the_users_language(
    provider: Any, told: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mambahsi_qgis import translation
    from mambahsi_qgis.engine.events import EventReader

    catalog = translation._read(Path("resources/i18n/mambahsi_zh_CN.ts").resolve())
    monkeypatch.setattr(translation, "catalog", lambda: catalog)
    reader = EventReader(told)
    line = {"event": "progress", "fraction": 0.1, "message": "Installing PyTorch: 3, numpy"}
    reader.read(json.dumps(line).encode())
    assert told.lines == ["正在安装 PyTorch"]
