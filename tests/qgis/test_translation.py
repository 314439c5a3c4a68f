"""The plugin in another language: which catalog is taken, and what QGIS then shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from qgis.core import QgsApplication, QgsProject, QgsSettings
from qgis.PyQt.QtCore import QCoreApplication
from qgis.PyQt.QtWidgets import (
    QAbstractButton,
    QAction,
    QComboBox,
    QGroupBox,
    QLabel,
    QLineEdit,
    QTabWidget,
    QToolBar,
    QWidget,
)

CHINESE = re.compile("[\u4e00-\u9fff]")
WORDS = re.compile("[A-Za-z]{2,}")

NAMES = {"MambaHSI", "PyPI", "Kappa", "CPU", "GPU"}
"""The same in every language."""

OTHERS = {"QgsFileWidget", "QTabBar"}
"""Widgets whose insides are QGIS's and Qt's, which their own catalogs translate."""


@pytest.fixture()
def chosen() -> Iterator[Any]:
    """Chooses the language as QGIS's options do, and as if QGIS was started with it."""
    from mambahsi_qgis import translation

    settings = QgsSettings()
    keys = ("locale/overrideFlag", "locale/userLocale")
    before = {key: settings.value(key) for key in keys}

    def choose(code: str) -> Any:
        settings.setValue(keys[0], True)
        settings.setValue(keys[1], code)
        translation.catalog.cache_clear()
        return translation

    yield choose
    for key, value in before.items():
        if value is None:
            settings.remove(key)
        else:
            settings.setValue(key, value)
    translation.catalog.cache_clear()


@pytest.mark.parametrize("code", ["zh-Hans", "zh_CN", "zh", "zh_SG"])
def test_simplified_chinese_is_taken(provider: Any, chosen: Any, code: str) -> None:
    assert chosen(code).tr("Overall accuracy") == "总体精度"


@pytest.mark.parametrize("code", ["zh-Hant", "zh_TW", "en", "en_US", "de", "ja", "C"])
def test_other_languages_are_left_in_english(provider: Any, chosen: Any, code: str) -> None:
    assert chosen(code).tr("Overall accuracy") == "Overall accuracy"


def test_a_text_that_nobody_translated_stays(provider: Any, chosen: Any) -> None:
    assert chosen("zh-Hans").tr("Not in any catalog {}") == "Not in any catalog {}"


def test_a_name_has_neither_mnemonic_nor_colon(provider: Any, chosen: Any) -> None:
    translation = chosen("en")
    for label in ("Net&work:", "网络(&W)\N{FULLWIDTH COLON}", "&Network"):
        assert translation.plain(label) in ("Network", "网络")


def test_algorithms_are_chinese(provider: Any, chosen: Any) -> None:
    """Names, help, parameters and outputs of every algorithm."""
    chosen("zh-Hans")
    algorithms = provider.algorithms()
    assert len(algorithms) >= 12
    for algorithm in [algorithm.create() for algorithm in algorithms]:
        texts = [algorithm.displayName(), algorithm.shortDescription()]
        texts += [d.description() for d in algorithm.parameterDefinitions()]
        texts += [d.help() for d in algorithm.parameterDefinitions()]
        texts += [d.description() for d in algorithm.outputDefinitions()]
        for text in texts:
            assert CHINESE.search(text) or text in NAMES, (algorithm.id(), text)
        assert all(CHINESE.search(part) for part in algorithm.shortHelpString().split("<br>"))
    # What scripts hold is the same in any language.
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("mambahsi:trainmodel")
    assert algorithm.displayName() == "训练模型"
    options = algorithm.parameterDefinition("PROTOCOL").options()
    assert "spatial" in options


def ancestors(widget: Any) -> Iterator[Any]:
    while (widget := widget.parent()) is not None:
        yield widget


def shown(widget: QWidget) -> Iterator[str]:
    """Every text that a widget and those in it show."""
    for one in [widget, *widget.findChildren(QWidget), *widget.findChildren(QAction)]:
        inside = {kind.metaObject().className() for kind in ancestors(one)}
        if inside & OTHERS or one.objectName().startswith("qt_"):
            continue
        yield one.toolTip()
        if isinstance(one, (QAbstractButton, QAction, QLabel)):
            yield one.text()
        if isinstance(one, QGroupBox):
            yield one.title()
        if isinstance(one, QLineEdit):
            yield one.placeholderText()
        if isinstance(one, QTabWidget):
            yield from (one.tabText(place) for place in range(one.count()))
        if isinstance(one, QWidget):
            yield one.windowTitle()
            yield one.accessibleName()
        if isinstance(one, QComboBox):
            yield from (str(one.itemData(place, 3) or "") for place in range(one.count()))


def test_window_is_chinese(
    provider: Any, qgis_iface: Any, qgis_new_project: Any, chosen: Any
) -> None:
    """The dock with all its tabs, its tools and the toolbar."""
    from mambahsi_qgis.gui.window import Window

    chosen("zh-Hans")
    main = qgis_iface.mainWindow()
    before = set(main.findChildren(QToolBar))
    QgsSettings().remove("mambahsi/dockOpen")
    window = Window(qgis_iface)
    try:
        window.action.trigger()
        bars = set(main.findChildren(QToolBar)) - before
        texts = {text for part in (window.dock, *bars) for text in shown(part)}
        texts |= {window.action.text(), window.action.toolTip()}
    finally:
        window.unload()
        QCoreApplication.sendPostedEvents()
        QgsProject.instance().clear()
    assert sum(bool(CHINESE.search(text)) for text in texts) > 100
    english = {text for text in texts if WORDS.search(text) and not CHINESE.search(text)}
    assert english - NAMES == set()
