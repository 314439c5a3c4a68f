"""The page of options: what it says of the engine, examining one, and keeping the settings."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qgis.core import Qgis, QgsApplication, QgsSettings
from qgis.PyQt.QtCore import QCoreApplication, Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication, QDialog, QPushButton, QVBoxLayout


@pytest.fixture()
def page(provider: Any) -> Iterator[Any]:
    from mambahsi_qgis.gui.options import EngineOptionsFactory

    made = EngineOptionsFactory().createWidget()
    made.show()
    yield made
    made.close()
    made.deleteLater()
    for key in ("mambahsi/engine_python", "mambahsi/package_index"):
        QgsSettings().remove(key)


def click(page: Any, name: str) -> None:
    QTest.mouseClick(page.findChild(QPushButton, name), Qt.MouseButton.LeftButton)


def wait_until(true: Any, seconds: float = 90.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        QCoreApplication.processEvents()
        time.sleep(0.02)


def test_working_engine_is_examined_and_reported(engine: Path, page: Any) -> None:
    assert str(engine) in page.status.text()
    click(page, "mambahsiExamine")
    assert not page.examine.isEnabled()
    wait_until(page.examine.isEnabled)
    report = page.report.toPlainText()
    assert report.startswith("The engine works.")
    assert "training step: loss" in report
    assert f"QGIS: {Qgis.QGIS_VERSION}" in report
    click(page, "mambahsiCopyReport")
    assert QgsApplication.clipboard().text() == report


def test_python_that_is_no_engine_gets_a_verdict(page: Any, tmp_path: Path) -> None:
    page.python.setFilePath("/usr/bin/python3")
    click(page, "mambahsiExamine")
    wait_until(page.examine.isEnabled)
    assert "FAILED" in page.report.toPlainText()
    assert "The engine does not work" in page.report.toPlainText()
    page.python.setFilePath(str(tmp_path / "nowhere"))
    click(page, "mambahsiExamine")
    assert "does not exist" in page.report.toPlainText()


def test_report_without_an_engine_tells_of_the_last_installation(
    page: Any, no_engine: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from mambahsi_qgis import paths

    (tmp_path / "engine-20260101.log").write_text("ERROR: Tunnel connection failed\n")
    monkeypatch.setattr(paths, "cache", lambda name: tmp_path)
    page.python.setFilePath("")
    QgsSettings().setValue("mambahsi/package_index", "https://anna:s3cret@packages.example/simple")
    click(page, "mambahsiExamine")
    report = page.report.toPlainText()
    assert "not installed" in report
    assert f"QGIS: {Qgis.QGIS_VERSION}" in report
    assert "package index: packages.example" in report
    assert "GB free" in report
    assert report.endswith("ERROR: Tunnel connection failed")
    assert "s3cret" not in report and "anna" not in report


def test_settings_are_kept_and_shown_at_once(
    page: Any, tmp_path: Path, no_engine: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mambahsi_qgis.engine.locate import find_engine

    python = tmp_path / "python"
    python.write_text("#!/bin/sh\n")
    python.chmod(0o755)
    page.python.setFilePath(str(python))
    page.index.setText(" https://packages.example/simple ")
    page.apply()
    assert find_engine().python == python
    assert str(python) in page.status.text()
    assert QgsSettings().value("mambahsi/package_index") == "https://packages.example/simple"


def test_every_control_says_what_it_does(page: Any) -> None:
    assert all(button.toolTip() for button in page.findChildren(QPushButton) if button.objectName())
    assert page.report.toolTip()
    assert page.report.accessibleName()


def test_options_of_qgis_give_way_to_the_installation(page: Any) -> None:
    """While they are open, no other window of QGIS takes a click."""
    options = QDialog()
    options.setModal(True)
    QVBoxLayout(options).addWidget(page)
    kept: list[object] = []
    options.accepted.connect(lambda: kept.append(QgsSettings().value("mambahsi/package_index")))
    options.show()
    page.index.setText("https://packages.example/simple")
    assert QApplication.activeModalWidget() is options
    page.make_way()
    assert QApplication.activeModalWidget() is None
    assert not options.isVisible()
    assert kept == ["https://packages.example/simple"]
    page.setParent(None)
    options.deleteLater()


def test_index_with_a_password_is_not_kept(page: Any) -> None:
    page.index.setText("https://packages.example/simple")
    page.apply()
    page.index.setText("https://anna:pass-5f1d@packages.example/simple")
    assert ".netrc" in page.index_problem.text()
    assert page.index_problem.isVisible()
    page.apply()
    assert QgsSettings().value("mambahsi/package_index") == "https://packages.example/simple"
    page.index.setText("https://packages.example/other")
    assert not page.index_problem.isVisible()


def test_kernels_are_offered_where_they_can_be_built(
    page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mambahsi_qgis.engine.jobs import kernel_tools
    from mambahsi_qgis.gui.kernels_box import KernelsBox

    for found, offered, words in (
        (kernel_tools.Tools("nvcc"), False, "nvcc"),
        (kernel_tools.Tools("cuda", "/opt/cuda: CUDA 12.4"), False, "CUDA 12.4"),
        (kernel_tools.Tools("", "", "/opt/cuda", "c++", ("8.6",)), True, "were found"),
    ):
        monkeypatch.setattr(kernel_tools, "find", lambda found=found: found)
        box = KernelsBox()
        wait_until(lambda box=box: "Looking" not in box.reason.text(), 10)
        assert box.box.isEnabled() is offered
        assert words in box.reason.text()
        box.box.setChecked(True)
        assert box.is_wanted() is offered
        box.deleteLater()


def test_kernels_that_are_wanted_reach_the_dialog(
    page: Any, monkeypatch: pytest.MonkeyPatch, qgis_iface: Any
) -> None:
    from mambahsi_qgis.gui import options

    opened: list[tuple[str, bool]] = []
    monkeypatch.setattr(options, "open_install_dialog", lambda *given: opened.append(given))
    wait_until(lambda: "Looking" not in page.kernels.reason.text(), 10)
    page.kernels.box.setEnabled(True)
    page.kernels.box.setChecked(True)
    click(page, "mambahsiInstall")
    click(page, "mambahsiRemove")
    assert opened == [("install", True), ("uninstall", False)]
